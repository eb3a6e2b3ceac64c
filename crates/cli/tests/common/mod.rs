//! Small hubs and data sets made on the spot, and the binary run on them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test binary uses its part; a fixture that cannot be made is a failed test"
)]

pub mod tuning;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ranktune_onnx::{Attribute, DataType, Dim, Graph, Model, Node, Tensor, ValueInfo};
use serde_json::json;

/// A folder that is deleted at the end of the test, with a feature store of its own.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The binary, with its feature store and its record in this place.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ranktune"));
        command.args(arguments).current_dir(self.0.path());
        command
            .env("RANKTUNE_CACHE", self.path("cache"))
            .env("RANKTUNE_RECORD", self.path("record.jsonl"))
            .env_remove("ORT_DYLIB_PATH");
        command
    }

    /// As [`command`](Self::command), with the hub at `address`, and downloads kept in this place; nothing of this machine's own login or
    /// network.
    pub fn hub_command(&self, address: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        for name in LOGIN_AND_NETWORK {
            command.env_remove(name);
        }
        command.env("HF_ENDPOINT", address).env("HF_HOME", self.path("hf"));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::from(self.command(arguments).output().unwrap())
    }
}

/// Variables that would lead a test to the hub that this machine uses.
const LOGIN_AND_NETWORK: [&str; 11] = [
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "HF_HUB_CACHE",
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
];

/// How a run ended.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Run {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The run was refused: exit code 2, nothing on stdout, and every one of `parts` in the message.
    #[track_caller]
    pub fn assert_refused(&self, parts: &[&str]) {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is missing in {}", self.stderr);
        }
    }

    #[track_caller]
    pub fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

/// Numbers in -1..1 that a seed fixes (xorshift).
pub fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

pub fn node(op_type: &str, inputs: &[&str], output: &str, attributes: Vec<(&str, Attribute)>) -> Node {
    Node {
        name: format!("{op_type}_{output}"),
        op_type: op_type.to_owned(),
        domain: String::new(),
        inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
        outputs: vec![output.to_owned()],
        attributes: attributes
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    }
}

fn value(name: &str, data_type: DataType, dims: &[Dim]) -> ValueInfo {
    ValueInfo {
        name: name.to_owned(),
        data_type: Some(data_type),
        shape: Some(dims.to_vec()),
    }
}

fn weights(seed: u64, dims: &[usize]) -> Tensor {
    Tensor::from_f32(dims, &numbers(seed, dims.iter().product())).unwrap()
}

fn batch() -> Dim {
    Dim::Named("batch".to_owned())
}

fn model(graph: Graph) -> Model {
    Model {
        ir_version: 8,
        opsets: BTreeMap::from([(String::new(), 17)]),
        producer: "test".to_owned(),
        metadata: BTreeMap::new(),
        graph,
        path: None,
    }
}

/// A convolution, a mean over the map, and a linear layer of `classes` logits over `channels` features of 16 × 16 images.
pub fn image_model(seed: u64, channels: usize, classes: usize) -> Model {
    let sizes = |values: &[i64]| Attribute::Ints(values.to_vec());
    model(Graph {
        name: "image".to_owned(),
        nodes: vec![
            node(
                "Conv",
                &["pixel_values", "conv.weight", "conv.bias"],
                "map",
                vec![
                    ("kernel_shape", sizes(&[3, 3])),
                    ("strides", sizes(&[2, 2])),
                    ("pads", sizes(&[1, 1, 1, 1])),
                ],
            ),
            node("Relu", &["map"], "active", vec![]),
            node("GlobalAveragePool", &["active"], "mean", vec![]),
            node("Flatten", &["mean"], "pooled", vec![("axis", Attribute::Int(1))]),
            node(
                "Gemm",
                &["pooled", "head.weight", "head.bias"],
                "logits",
                vec![("transB", Attribute::Int(1))],
            ),
        ],
        initializers: BTreeMap::from([
            ("conv.weight".to_owned(), weights(seed, &[channels, 3, 3, 3])),
            ("conv.bias".to_owned(), weights(seed + 1, &[channels])),
            ("head.weight".to_owned(), weights(seed + 2, &[classes, channels])),
            ("head.bias".to_owned(), weights(seed + 3, &[classes])),
        ]),
        inputs: vec![value(
            "pixel_values",
            DataType::F32,
            &[batch(), Dim::Fixed(3), Dim::Fixed(16), Dim::Fixed(16)],
        )],
        outputs: vec![value("logits", DataType::F32, &[batch(), Dim::Fixed(classes)])],
        value_info: vec![],
    })
}

/// The same with a batch normalization before its activation.
pub fn normalized_model(seed: u64, channels: usize, classes: usize) -> Model {
    let mut model = image_model(seed, channels, classes);
    let graph = &mut model.graph;
    let names = ["norm.weight", "norm.bias", "norm.running_mean", "norm.running_var"];
    for (name, value) in names.into_iter().zip([1.0, 0.0, 0.1, 0.5]) {
        let value = Tensor::from_f32(&[channels], &vec![value; channels]).unwrap();
        graph.initializers.insert(name.to_owned(), value);
    }
    let inputs = [&["map"][..], &names].concat();
    graph
        .nodes
        .insert(1, node("BatchNormalization", &inputs, "normal", vec![]));
    graph.nodes[2].inputs = vec!["normal".to_owned()];
    model
}

/// Token embeddings, as a text model.
pub fn text_model() -> Model {
    let sequence = || Dim::Named("sequence".to_owned());
    model(Graph {
        name: "text".to_owned(),
        nodes: vec![node(
            "Gather",
            &["embeddings", "input_ids"],
            "last_hidden_state",
            vec![],
        )],
        initializers: BTreeMap::from([("embeddings".to_owned(), weights(7, &[10, 4]))]),
        inputs: vec![value("input_ids", DataType::I64, &[batch(), sequence()])],
        outputs: vec![value(
            "last_hidden_state",
            DataType::F32,
            &[batch(), sequence(), Dim::Fixed(4)],
        )],
        value_info: vec![],
    })
}

/// As [`text_model`], with a mask, and a layer that makes `width` features of each embedding.
pub fn encoder(seed: u64, width: usize) -> Model {
    let mut model = text_model();
    let graph = &mut model.graph;
    let mask = ValueInfo {
        name: "attention_mask".to_owned(),
        ..graph.inputs[0].clone()
    };
    graph.inputs.push(mask);
    graph.nodes[0].outputs = vec!["embedded".to_owned()];
    graph.nodes.extend([
        node("MatMul", &["embedded", "layer.weight"], "product", vec![]),
        node("Tanh", &["product"], "last_hidden_state", vec![]),
    ]);
    graph
        .initializers
        .insert("embeddings".to_owned(), weights(seed, &[10, 4]));
    graph
        .initializers
        .insert("layer.weight".to_owned(), weights(seed + 1, &[4, width]));
    if let Some(shape) = &mut graph.outputs[0].shape {
        shape[2] = Dim::Fixed(width);
    }
    model
}

/// As [`encoder`], where a position has an embedding of its own, which the graph is told in `position_ids`: of `inputs` by type.
pub fn positioned_encoder(seed: u64, width: usize, inputs: DataType) -> Model {
    let mut model = encoder(seed, width);
    let graph = &mut model.graph;
    let positions = ValueInfo {
        name: "position_ids".to_owned(),
        ..graph.inputs[0].clone()
    };
    graph.inputs.push(positions);
    graph.inputs.iter_mut().for_each(|input| input.data_type = Some(inputs));
    graph.nodes[0].outputs = vec!["words".to_owned()];
    graph.nodes.splice(
        1..1,
        [
            node("Gather", &["positions", "position_ids"], "places", vec![]),
            node("Add", &["words", "places"], "embedded", vec![]),
        ],
    );
    graph
        .initializers
        .insert("positions".to_owned(), weights(seed + 2, &[16, 4]));
    model
}

/// As [`encoder`], with blocks `block0`, `block1` and `last_hidden_state`, each `x + tanh(x W)`, over embeddings of `width`.
pub fn residual_encoder(seed: u64, width: usize) -> Model {
    let mut model = encoder(seed, width);
    let graph = &mut model.graph;
    graph.nodes.truncate(1);
    graph
        .initializers
        .insert("embeddings".to_owned(), weights(seed, &[10, width]));
    let mut from = "embedded".to_owned();
    for (block, to) in ["block0", "block1", "last_hidden_state"].into_iter().enumerate() {
        let name = |part: &str| format!("{part}{block}");
        let own = weights(seed + 7 + block as u64, &[width, width]);
        graph.initializers.insert(name("w"), own);
        graph.nodes.extend([
            node("MatMul", &[&from, &name("w")], &name("product"), vec![]),
            node("Tanh", &[&name("product")], &name("tanh"), vec![]),
            node("Add", &[&from, &name("tanh")], to, vec![]),
        ]);
        from = to.to_owned();
    }
    model
}

/// Words that the tokenizer of [`write_text_model`] knows, by id from 2.
pub const WORDS: [&str; 8] = ["red", "green", "blue", "one", "two", "three", "is", "not"];

/// Writes the folder of a model of texts, which takes the ids of [`WORDS`].
pub fn write_text_model(folder: &Path, model: &Model) {
    fs::create_dir_all(folder).unwrap();
    model.save(&folder.join("model.onnx")).unwrap();
    let mut vocab = serde_json::Map::from_iter([("[PAD]".to_owned(), json!(0)), ("[UNK]".to_owned(), json!(1))]);
    vocab.extend(WORDS.iter().zip(2..).map(|(word, id)| ((*word).to_owned(), json!(id))));
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "[UNK]"},
    });
    fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
}

/// Writes a model of texts that knows the words in pieces of at most two letters, and what `template` adds to them.
pub fn write_pieces_model(folder: &Path, model: &Model) {
    write_text_model(folder, model);
    // Ten rows of an embedding for all: pieces that are not here are unknown.
    let pieces = ["[PAD]", "[UNK]", "re", "##d", "on", "##e", "is", "[SEP]", "bl", "##ue"];
    let vocab: serde_json::Map<_, _> = pieces
        .iter()
        .zip(0..)
        .map(|(piece, id)| ((*piece).to_owned(), json!(id)))
        .collect();
    let sequence = |name: &str, segment: usize| json!({"Sequence": {"id": name, "type_id": segment}});
    let end = |segment: usize| json!({"SpecialToken": {"id": "[SEP]", "type_id": segment}});
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "decoder": null,
        "added_tokens": [{"id": 7, "content": "[SEP]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
            "special": true}],
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": {"type": "TemplateProcessing", "single": [sequence("A", 0), end(0)],
            "pair": [sequence("A", 0), end(0), sequence("B", 1), end(1)],
            "special_tokens": {"[SEP]": {"id": "[SEP]", "ids": [7], "tokens": ["[SEP]"]}}},
        "model": {"type": "WordPiece", "vocab": vocab, "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100},
    });
    fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
}

/// Writes a model folder.
pub fn write_model(folder: &Path, model: &Model) {
    fs::create_dir_all(folder).unwrap();
    model.save(&folder.join("model.onnx")).unwrap();
    let preprocessing = r#"{"image_processor_type": "ViTImageProcessor", "do_resize": true, "size": {"height": 16, "width": 16}, "resample": 2,
        "do_rescale": true, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}"#;
    fs::write(folder.join("preprocessor_config.json"), preprocessing).unwrap();
}

/// Writes a hub of image models named `narrow` (4 features), `middle` (12) and `wide` (24).
pub fn write_hub(folder: &Path) {
    for (name, channels, seed) in [("narrow", 4, 11), ("middle", 12, 22), ("wide", 24, 33)] {
        write_model(&folder.join(name), &image_model(seed, channels, 5));
    }
}

fn write_png(path: &Path, edge: u32, pixels: &[u8]) {
    let mut encoder = png::Encoder::new(fs::File::create(path).unwrap(), edge, edge);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
}

/// Writes class folders of `each` noisy images, whose class shows in colour and in texture.
pub fn write_images(folder: &Path, classes: &[&str], each: usize) {
    for (class, name) in classes.iter().enumerate() {
        fs::create_dir_all(folder.join(name)).unwrap();
        for index in 0..each {
            let noise = numbers((class * 1000 + index + 1) as u64, 20 * 20 * 3);
            let mut pixels = Vec::with_capacity(20 * 20 * 3);
            for (at, noise) in noise.into_iter().enumerate() {
                let (x, channel) = (at / 3 % 20, at % 3);
                let stripe = if (x / (class + 1)).is_multiple_of(2) {
                    40.0
                } else {
                    -40.0
                };
                let tint = if channel == class % 3 { 30.0 } else { 0.0 };
                pixels.push((128.0 + stripe + tint + 60.0 * noise).clamp(0.0, 255.0) as u8);
            }
            write_png(&folder.join(name).join(format!("{index:03}.png")), 20, &pixels);
        }
    }
}

/// Writes an f32 or i64 array as `.npy`.
pub fn write_npy(path: &Path, descr: &str, shape: &str, bytes: &[u8]) {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    while !(header.len() + 11).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(bytes);
    fs::write(path, file).unwrap();
}

/// An `[n, d]` f32 array.
pub fn write_matrix(path: &Path, rows: usize, columns: usize, values: &[f32]) {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    write_npy(path, "<f4", &format!("({rows}, {columns})"), &bytes);
}

/// An `[n]` i64 array.
pub fn write_labels(path: &Path, labels: &[i64]) {
    let bytes: Vec<u8> = labels.iter().flat_map(|value| value.to_le_bytes()).collect();
    write_npy(path, "<i8", &format!("({},)", labels.len()), &bytes);
}
