//! Folders that hold several models: encoders and towers beside each other, and the cache of Python's `huggingface_hub`.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;

use ranktune_hub::{Error, Hub, Source};
use tempfile::TempDir;

/// A folder with these files; their folders are made.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn open(path: &Path) -> Result<Hub, Error> {
    Hub::open(&[Source::from(path)])
}

fn names(hub: &Hub) -> Vec<&str> {
    hub.entries.iter().map(|entry| entry.name.as_str()).collect()
}

#[test]
fn every_tower_and_encoder_is_a_model_of_its_own() {
    let dir = folder(&[
        ("clip/onnx/model.onnx", ""),
        ("clip/onnx/text_model.onnx", ""),
        ("clip/onnx/text_model_quantized.onnx", ""),
        ("clip/onnx/vision_model.onnx", ""),
        ("clip/tokenizer.json", "{}"),
        ("clip/config.json", r#"{"model_type": "clip"}"#),
        ("t5/encoder_model.onnx", ""),
        ("t5/decoder_model.onnx", ""),
        ("t5/decoder_with_past_model.onnx", ""),
        ("t5/config.json", r#"{"model_type": "t5"}"#),
        ("small/onnx/model_quantized.onnx", ""),
        ("small/onnx/model_fp16.onnx", ""),
        ("small/config.json", "{}"),
    ]);
    let hub = open(dir.path()).unwrap();
    assert_eq!(names(&hub), ["clip-text_model", "clip-vision_model", "small", "t5"]);
    assert!(hub.skipped.is_empty(), "{:?}", hub.skipped);
    let file = |name| {
        hub.get(name)
            .unwrap()
            .model_path
            .strip_prefix(dir.path())
            .unwrap()
            .display()
            .to_string()
    };
    assert_eq!(file("t5"), "t5/encoder_model.onnx");
    assert_eq!(file("small"), "small/onnx/model_fp16.onnx");
    assert_eq!(file("clip-text_model"), "clip/onnx/text_model.onnx");
    for tower in ["clip-text_model", "clip-vision_model"] {
        let entry = hub.get(tower).unwrap();
        assert_eq!(entry.config.model_type.as_deref(), Some("clip"));
        assert!(entry.has_tokenizer());
    }
    // The folder itself is found as it is in a hub.
    let alone = open(&dir.path().join("t5")).unwrap();
    assert_eq!(names(&alone), ["t5"]);
    assert_eq!(
        names(&open(&dir.path().join("clip")).unwrap()),
        ["clip-text_model", "clip-vision_model"]
    );
}

#[test]
fn the_cache_of_huggingface_hub_is_a_hub() {
    let commit = |digit: char| digit.to_string().repeat(40);
    let (old, new) = (commit('a'), commit('b'));
    let dir = folder(&[
        (&format!("models--acme--tiny/snapshots/{old}/model.onnx"), ""),
        (
            &format!("models--acme--tiny/snapshots/{old}/config.json"),
            r#"{"model_type": "old"}"#,
        ),
        (&format!("models--acme--tiny/snapshots/{new}/onnx/model.onnx"), ""),
        (
            &format!("models--acme--tiny/snapshots/{new}/config.json"),
            r#"{"model_type": "new"}"#,
        ),
        ("models--acme--tiny/refs/main", &new),
        ("models--acme--tiny/blobs/x", ""),
        (&format!("models--acme--torch/snapshots/{old}/pytorch_model.bin"), ""),
        (&format!("models--lone/snapshots/{old}/model.onnx"), ""),
        (&format!("datasets--acme--photos/snapshots/{old}/train.parquet"), ""),
        ("version.txt", "1"),
    ]);
    let hub = open(dir.path()).unwrap();
    assert_eq!(names(&hub), ["lone", "tiny"]);
    assert_eq!(hub.get("tiny").unwrap().config.model_type.as_deref(), Some("new"));
    let skipped: Vec<&str> = hub.skipped.iter().map(|skipped| skipped.name.as_str()).collect();
    assert_eq!(skipped, ["models--acme--torch"]);
    assert!(
        hub.skipped[0].reason.to_string().contains("pytorch_model.bin"),
        "{}",
        hub.skipped[0].reason
    );
    // One repository of it, and one whose branch is not where it was.
    let tiny = dir.path().join("models--acme--tiny");
    assert_eq!(names(&open(&tiny).unwrap()), ["tiny"]);
    fs::write(tiny.join("refs/main"), "../../../elsewhere").unwrap();
    assert_eq!(names(&open(&tiny).unwrap()), ["tiny"]);
}
