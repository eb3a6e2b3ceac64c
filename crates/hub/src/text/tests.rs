//! Tokenizers built by the tests, and others against the ids that Hugging Face's Python package gives.

use std::fs;
use std::path::Path;

use ranktune_onnx::{DataType, Dim, Graph, Model, Node, Tensor, ValueInfo};
use serde_json::{Value, json};

use super::*;
use crate::{Hub, Source};

mod bad_files;
mod given_models;
mod reference_ids;
mod windows;

/// A graph with these inputs `[batch, sequence]`, and an embedding of `rows` rows for the first of them.
fn graph(inputs: &[&str], rows: usize) -> Model {
    let dims = || vec![Dim::Named("batch".to_owned()), Dim::Named("sequence".to_owned())];
    let value = |name: &str, data_type, shape| ValueInfo {
        name: name.to_owned(),
        data_type: Some(data_type),
        shape: Some(shape),
    };
    let mut output = dims();
    output.push(Dim::Fixed(2));
    let mut graph = Graph {
        inputs: inputs.iter().map(|name| value(name, DataType::I64, dims())).collect(),
        outputs: vec![value("last_hidden_state", DataType::F32, output)],
        ..Graph::default()
    };
    graph.initializers.insert(
        "table".to_owned(),
        Tensor::from_f32(&[rows, 2], &vec![0.5; 2 * rows]).unwrap(),
    );
    graph.nodes.push(Node {
        name: "lookup".to_owned(),
        op_type: "Gather".to_owned(),
        domain: String::new(),
        inputs: vec!["table".to_owned(), inputs[0].to_owned()],
        outputs: vec!["last_hidden_state".to_owned()],
        attributes: Default::default(),
    });
    Model {
        ir_version: 8,
        opsets: [(String::new(), 17)].into(),
        producer: String::new(),
        metadata: Default::default(),
        graph,
        path: None,
    }
}

/// A tokenizer of whole words: `[PAD] [UNK] [CLS] [SEP] a b c d`, with BERT's template.
fn tokenizer() -> Value {
    let token = |id: usize, content: &str| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
            "special": true})
    };
    let special = |name: &str, id: usize| json!({"id": name, "ids": [id], "tokens": [name]});
    let piece = |name: &str, segment: usize| json!({"SpecialToken": {"id": name, "type_id": segment}});
    let text = |name: &str, segment: usize| json!({"Sequence": {"id": name, "type_id": segment}});
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [token(0, "[PAD]"), token(1, "[UNK]"), token(2, "[CLS]"), token(3, "[SEP]")],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [piece("[CLS]", 0), text("A", 0), piece("[SEP]", 0)],
            "pair": [piece("[CLS]", 0), text("A", 0), piece("[SEP]", 0), text("B", 1), piece("[SEP]", 1)],
            "special_tokens": {"[CLS]": special("[CLS]", 2), "[SEP]": special("[SEP]", 3)},
        },
        "decoder": null,
        "model": {
            "type": "WordLevel",
            "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "a": 4, "b": 5, "c": 6, "d": 7},
            "unk_token": "[UNK]",
        },
    })
}

/// A folder with a model file and these configuration files, as an entry.
fn entry(files: &[(&str, Value)]) -> (tempfile::TempDir, HubEntry) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("model.onnx"), b"").unwrap();
    for (name, value) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, value.to_string()).unwrap();
    }
    let mut hub = Hub::open(&[Source::from(folder.path())]).unwrap();
    (folder, hub.entries.remove(0))
}

const BERT: &[&str] = &["input_ids", "attention_mask", "token_type_ids"];

fn processor(files: &[(&str, Value)]) -> TextProcessor {
    let (_folder, entry) = entry(files);
    entry.text_processor(&graph(BERT, 8), None).unwrap()
}

fn feed<'a>(batch: &'a TokenBatch, name: &str) -> &'a [i64] {
    &batch.feeds.iter().find(|(known, _)| known == name).unwrap().1
}

#[test]
fn the_template_is_followed_unless_the_configuration_says_otherwise() {
    let with = processor(&[("tokenizer.json", tokenizer())]);
    assert_eq!(with.encode("a B x").unwrap().ids, [2, 4, 5, 1, 3]);
    let pair = with.encode_pair("a", "b c").unwrap();
    assert_eq!((pair.ids, pair.types), (vec![2, 4, 3, 5, 6, 3], vec![0, 0, 0, 1, 1, 1]));
    assert_eq!(with.pairs(), Pairs::Joined);

    let config = json!({"model_type": "static-embedding", "add_special_tokens": false});
    let without = processor(&[("tokenizer.json", tokenizer()), ("config.json", config)]);
    assert_eq!(without.encode("a B x").unwrap().ids, [4, 5, 1]);
    assert_eq!(without.pairs(), Pairs::Apart);
    assert_ne!(with.digest(), without.digest());
}

#[test]
fn the_smallest_maximum_holds_and_what_is_cut_is_counted() {
    let limits = |files: &[(&str, Value)]| {
        let mut files = files.to_vec();
        files.push(("tokenizer.json", tokenizer()));
        processor(&files)
    };
    let unlimited = json!({"model_max_length": 1e30});
    assert_eq!(limits(&[("tokenizer_config.json", unlimited)]).max_length(), None);
    let config = (
        "config.json",
        json!({"model_type": "bert", "max_position_embeddings": 6}),
    );
    let tokenizer_config = ("tokenizer_config.json", json!({"model_max_length": 5}));
    assert_eq!(
        limits(&[config.clone(), tokenizer_config.clone()]).max_length(),
        Some(5)
    );
    let sentence = ("sentence_bert_config.json", json!({"max_seq_length": 100}));
    let cut = limits(&[config, tokenizer_config, sentence]);
    assert_eq!(cut.max_length(), Some(6));

    let sequence = cut.encode("a b c d a b c").unwrap();
    assert_eq!((sequence.ids, sequence.dropped), (vec![2, 4, 5, 6, 7, 3], 3));
    let pair = cut.encode_pair("a b c", "d").unwrap();
    assert_eq!((pair.ids, pair.dropped), (vec![2, 4, 5, 3, 7, 3], 1));
}

#[test]
fn the_roberta_family_has_two_positions_less_than_its_configuration_says() {
    let config = json!({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1});
    let roberta = processor(&[("tokenizer.json", tokenizer()), ("config.json", config)]);
    assert_eq!(roberta.max_length(), Some(512));
}

#[test]
fn a_batch_has_no_more_padding_than_it_needs_whatever_the_tokenizer_pads_to() {
    let mut fixed = tokenizer();
    fixed["padding"] = json!({"strategy": {"Fixed": 128}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
        "pad_type_id": 0, "pad_token": "[PAD]"});
    let processor = processor(&[("tokenizer.json", fixed)]);
    let sequences = ["a", "a b c"].map(|text| processor.encode(text).unwrap());
    let batch = processor.batch(&sequences.each_ref());
    assert_eq!((batch.rows, batch.length), (2, 5));
    assert_eq!(feed(&batch, "input_ids"), [2, 4, 3, 0, 0, 2, 4, 5, 6, 3]);
    assert_eq!(feed(&batch, "attention_mask"), [1, 1, 1, 0, 0, 1, 1, 1, 1, 1]);
    assert_eq!(feed(&batch, "token_type_ids"), [0; 10]);
    assert_eq!(batch.position(1, 2), 7);
}

#[test]
fn padding_on_the_left_moves_tokens_and_positions() {
    let (_folder, entry) = entry(&[
        ("tokenizer.json", tokenizer()),
        (
            "tokenizer_config.json",
            json!({"padding_side": "left", "pad_token": "[UNK]"}),
        ),
    ]);
    let with = entry
        .text_processor(&graph(&["input_ids", "attention_mask", "position_ids"], 8), None)
        .unwrap();
    assert!(with.pads_freely());
    let sequences = ["a", "a b"].map(|text| with.encode(text).unwrap());
    let batch = with.batch(&sequences.each_ref());
    assert_eq!(feed(&batch, "input_ids"), [1, 2, 4, 3, 2, 4, 5, 3]);
    assert_eq!(feed(&batch, "position_ids"), [0, 0, 1, 2, 0, 1, 2, 3]);
    assert_eq!(batch.position(0, 1), 2);
    // Without positions to be told, the graph would count the padding.
    assert!(!entry.text_processor(&graph(BERT, 8), None).unwrap().pads_freely());
}

#[test]
fn a_graph_without_a_mask_is_not_fed_one_and_takes_sequences_of_one_length_together() {
    let (_folder, entry) = entry(&[("tokenizer.json", tokenizer())]);
    let processor = entry.text_processor(&graph(&["input_ids"], 8), None).unwrap();
    let batch = processor.batch(&[&processor.encode("a b").unwrap()]);
    assert_eq!(batch.feeds.len(), 1);
    assert_eq!(batch.mask, [1, 1, 1, 1]);
    assert!(!processor.pads_freely());
}

#[test]
fn an_empty_text_is_its_special_tokens_or_padding_alone() {
    let with = processor(&[("tokenizer.json", tokenizer())]);
    assert_eq!(with.encode("").unwrap().ids, [2, 3]);
    let config = json!({"add_special_tokens": false});
    let without = processor(&[("tokenizer.json", tokenizer()), ("config.json", config)]);
    let empty = without.encode("").unwrap();
    assert!(empty.ids.is_empty());
    let batch = without.batch(&[&empty]);
    assert_eq!((batch.length, batch.mask.as_slice()), (1, [0].as_slice()));
}

#[test]
fn decoders_are_pooled_by_their_last_token_and_files_and_flags_go_first() {
    let pooling = |files: &[(&str, Value)], flag: Option<TextPooling>| {
        let mut files = files.to_vec();
        files.push(("tokenizer.json", tokenizer()));
        let (_folder, entry) = entry(&files);
        entry.text_processor(&graph(BERT, 8), flag).unwrap().pooling().clone()
    };
    let gpt = ("config.json", json!({"model_type": "gpt2"}));
    let causal = (
        "config.json",
        json!({"model_type": "new", "architectures": ["NewForCausalLM"]}),
    );
    let mean = (
        "1_Pooling/config.json",
        json!({"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}),
    );
    let last = ("1_Pooling/config.json", json!({"pooling_mode_lasttoken": true}));
    assert_eq!(pooling(&[], None), TextPooling::Mean);
    assert_eq!(pooling(std::slice::from_ref(&gpt), None), TextPooling::LastToken);
    assert_eq!(pooling(&[causal], None), TextPooling::LastToken);
    assert_eq!(pooling(&[last], None), TextPooling::LastToken);
    assert_eq!(pooling(&[gpt.clone(), mean.clone()], None), TextPooling::Mean);
    assert_eq!(
        pooling(&[gpt, mean], Some(TextPooling::FirstToken)),
        TextPooling::FirstToken
    );
}
