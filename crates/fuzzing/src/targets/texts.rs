//! Tokenizers, and the settings beside them.

use ranktune_hub::{Hub, Source};
use ranktune_onnx::{DataType, Dim, Graph, Model, Node, Tensor, ValueInfo};

use super::Target;
use crate::outcome::Outcome;
use crate::scratch::Scratch;
use crate::seeds;

pub(super) const TOKENIZER: Target = Target {
    name: "tokenizer",
    about: "tokenizer.json, and texts through it",
    words: &[
        "\"type\":\"BPE\"",
        "\"type\":\"Unigram\"",
        "\"type\":\"WordPiece\"",
        "\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAAA\"",
        "\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a+)+$\"}",
        "\"Regex\":\"(?=a)*\"",
        "\"type\":\"Replace\"",
        "\"merges\":[",
        "\"max_length\":",
        "null",
    ],
    seeds: || {
        seeds::files(&[
            "crates/hub/tests/vectors/tokenizers/bpe.json",
            "crates/hub/tests/vectors/tokenizers/unigram.json",
            "crates/hub/tests/vectors/tokenizers/wordpiece.json",
        ])
    },
    run: |bytes, scratch| {
        scratch.put("text/tokenizer.json", bytes);
        encode(scratch)
    },
};

pub(super) const TEXT_SETTINGS: Target = Target {
    name: "text_settings",
    about: "the settings beside a tokenizer: lengths, sides, pooling",
    words: &[
        "model_max_length",
        "max_seq_length",
        "pooling_mode_mean_tokens",
        "padding_side",
        "null",
        "[",
        "1e30",
        "-1",
    ],
    seeds: || {
        let written: [&[u8]; 3] = [
            br#"{"model_max_length": 128, "padding_side": "left", "truncation_side": "right", "pad_token": "[PAD]", "do_lower_case": true}"#,
            br#"{"max_seq_length": 16, "do_lower_case": false}"#,
            br#"{"word_embedding_dimension": 2, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}"#,
        ];
        let mut seeds: Vec<Vec<u8>> = written.iter().map(|bytes| bytes.to_vec()).collect();
        seeds.extend(seeds::files(&["examples/hub/glove-50d-1k/1_Pooling/config.json"]));
        seeds
    },
    run: |bytes, scratch| {
        let tokenizer = seeds::files(&["crates/hub/tests/vectors/tokenizers/wordpiece.json"]);
        scratch.put("text/tokenizer.json", &tokenizer[0]);
        for name in [
            "tokenizer_config.json",
            "sentence_bert_config.json",
            "1_Pooling/config.json",
            "special_tokens_map.json",
        ] {
            scratch.put(&format!("text/{name}"), bytes);
        }
        encode(scratch)
    },
};

/// Texts that tokenizers stumble over: nothing, blanks, other scripts, long repetitions.
fn samples() -> Vec<String> {
    let mut samples: Vec<String> = [
        "",
        " ",
        "a b",
        "Straße \u{1f600}\u{200d}",
        "\u{0}\u{feff}\n\t",
        "[MASK] <s> ##a",
    ]
    .iter()
    .map(|text| (*text).to_owned())
    .collect();
    samples.push("a".repeat(300));
    samples.push("ab ".repeat(200));
    samples
}

/// Opens the model beside the tokenizer, as a hub does, and tokenizes.
fn encode(scratch: &Scratch) -> Outcome {
    let mut outcome = Outcome::default();
    let model = graph();
    let Ok(written) = model.to_bytes() else {
        return outcome;
    };
    scratch.put("text/model.onnx", &written);
    let folder = scratch.path().join("text");
    let hub = outcome.add(Hub::open(&[Source::from(folder.as_path())]));
    for entry in hub.iter().flat_map(|hub| &hub.entries) {
        let Some(processor) = outcome.add(entry.text_processor(&model, None)) else {
            continue;
        };
        let mut sequences = Vec::new();
        for text in samples() {
            sequences.extend(outcome.add(processor.encode(&text)));
            outcome.add(processor.encode_pair(&text, "b"));
        }
        let words: Vec<String> = ["a", "", "\u{a0}", "Straße", "\u{1f600}"]
            .iter()
            .map(|word| (*word).to_owned())
            .collect();
        outcome.add(processor.windows(&words));
        for sequence in &sequences {
            processor.batch(&[sequence]);
        }
    }
    outcome
}

/// A model with an embedding of 10,000 rows.
fn graph() -> Model {
    let dims = || vec![Dim::Named("batch".to_owned()), Dim::Named("sequence".to_owned())];
    let value = |name: &str, data_type, shape| ValueInfo {
        name: name.to_owned(),
        data_type: Some(data_type),
        shape: Some(shape),
    };
    let mut output = dims();
    output.push(Dim::Fixed(1));
    let inputs = ["input_ids", "attention_mask"];
    let mut graph = Graph {
        inputs: inputs.iter().map(|name| value(name, DataType::I64, dims())).collect(),
        outputs: vec![value("last_hidden_state", DataType::F32, output)],
        ..Graph::default()
    };
    if let Ok(table) = Tensor::from_f32(&[10_000, 1], &[0.5; 10_000]) {
        graph.initializers.insert("table".to_owned(), table);
    }
    graph.nodes.push(Node {
        name: "lookup".to_owned(),
        op_type: "Gather".to_owned(),
        domain: String::new(),
        inputs: vec!["table".to_owned(), "input_ids".to_owned()],
        outputs: vec!["last_hidden_state".to_owned()],
        attributes: Default::default(),
    });
    Model {
        ir_version: 8,
        opsets: [(String::new(), 17)].into_iter().collect(),
        producer: String::new(),
        metadata: Default::default(),
        graph,
        path: None,
    }
}
