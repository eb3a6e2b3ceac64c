//! What counts as a model, what is skipped and why, names, and digests.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};

use ranktune_hub::{Error, ErrorKind, Hub, InputModality, Source, TextPooling};
use ranktune_onnx::{DataType, Dim, ValueInfo};
use tempfile::TempDir;

/// A folder with these files; their folders are made.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(dir.path(), name, text.as_bytes());
    }
    dir
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

fn open(paths: &[&Path]) -> Result<Hub, Error> {
    let sources: Vec<Source> = paths.iter().map(|&path| Source::from(path)).collect();
    Hub::open(&sources)
}

fn names(hub: &Hub) -> Vec<&str> {
    hub.entries.iter().map(|entry| entry.name.as_str()).collect()
}

#[test]
fn a_folder_of_models_is_listed_by_name() {
    let dir = folder(&[
        ("b/model.onnx", ""),
        ("a/onnx/model.onnx", ""),
        ("c/weights.onnx", ""),
        ("d/model.onnx", ""),
        ("d/other.onnx", ""),
        ("e/onnx/model.onnx", ""),
        ("e/onnx/model_quantized.onnx", ""),
        ("f/onnx/only.ONNX", ""),
        (".hidden/model.onnx", ""),
        ("README.md", ""),
    ]);
    let hub = open(&[dir.path()]).unwrap();
    assert_eq!(names(&hub), ["a", "b", "c", "d", "e", "f"]);
    assert!(hub.skipped.is_empty());
    let file = |name| {
        hub.get(name)
            .unwrap()
            .model_path
            .strip_prefix(dir.path())
            .unwrap()
            .to_owned()
    };
    assert_eq!(file("a"), Path::new("a/onnx/model.onnx"));
    assert_eq!(file("d"), Path::new("d/model.onnx"));
    assert_eq!(
        hub.get("e").unwrap().dir.as_deref(),
        Some(dir.path().join("e").as_path())
    );
}

#[test]
fn a_folder_that_is_a_model_is_one_model() {
    let dir = folder(&[
        ("mine/model.onnx", ""),
        ("mine/1_Pooling/config.json", r#"{"pooling_mode_cls_token": true}"#),
    ]);
    let hub = open(&[&dir.path().join("mine")]).unwrap();
    assert_eq!(names(&hub), ["mine"]);
    assert_eq!(hub.entries[0].pooling, Some(TextPooling::FirstToken));
}

#[test]
fn files_stand_for_themselves() {
    let dir = folder(&[
        ("flat/a.onnx", ""),
        ("flat/b.onnx", ""),
        ("flat/config.json", r#"{"model_type": "theirs"}"#),
        ("one/net.onnx", ""),
        ("one/config.json", r#"{"model_type": "its"}"#),
        ("two/onnx/model.onnx", ""),
        ("two/config.json", r#"{"model_type": "also"}"#),
    ]);
    let path = |name| dir.path().join(name);
    let hub = open(&[
        &path("flat/a.onnx"),
        &path("one/net.onnx"),
        &path("two/onnx/model.onnx"),
    ])
    .unwrap();
    assert_eq!(names(&hub), ["a", "net", "two"]);
    let types: Vec<Option<&str>> = hub
        .entries
        .iter()
        .map(|entry| entry.config.model_type.as_deref())
        .collect();
    assert_eq!(types, [Some("theirs"), Some("its"), Some("also")]);
    // A folder of files is a hub of them.
    let hub = open(&[&path("flat")]).unwrap();
    assert_eq!(names(&hub), ["a", "b"]);
    assert_eq!(hub.entries[1].config.model_type.as_deref(), Some("theirs"));
}

#[test]
fn every_named_file_of_a_model_has_the_configuration_of_the_model() {
    let dir = folder(&[
        ("m/model.onnx", ""),
        ("m/model_O3.onnx", ""),
        ("m/onnx/model.onnx", ""),
        ("m/onnx/model_quantized.onnx", ""),
        ("m/config.json", r#"{"model_type": "bert"}"#),
        ("m/tokenizer.json", "{}"),
        ("m/1_Pooling/config.json", r#"{"pooling_mode": "cls"}"#),
        ("loose/a.onnx", ""),
        ("loose/inner/b.onnx", ""),
        ("loose/inner/c.onnx", ""),
    ]);
    for file in [
        "m/model.onnx",
        "m/model_O3.onnx",
        "m/onnx/model.onnx",
        "m/onnx/model_quantized.onnx",
    ] {
        let hub = open(&[&dir.path().join(file)]).unwrap();
        let entry = &hub.entries[0];
        assert_eq!(entry.config.model_type.as_deref(), Some("bert"), "{file}");
        assert_eq!(entry.pooling, Some(TextPooling::FirstToken), "{file}");
        assert!(entry.has_tokenizer(), "{file}");
    }
    // A folder above that is not the model's has nothing to say.
    let hub = open(&[&dir.path().join("loose/inner/b.onnx")]).unwrap();
    assert_eq!(hub.entries[0].dir, None);
}

#[test]
fn a_loose_file_beside_model_folders_hides_none_of_them() {
    for loose in ["extra.onnx", "model.onnx"] {
        let dir = folder(&[
            (loose, ""),
            ("a/model.onnx", ""),
            ("b/onnx/model.onnx", ""),
            ("notes/x.txt", ""),
        ]);
        let hub = open(&[dir.path()]).unwrap();
        let stem = loose.trim_end_matches(".onnx");
        assert_eq!(names(&hub), ["a", "b", stem]);
    }
    // The checkpoints of a configured model are not models of a hub.
    let dir = folder(&[
        ("tuned/model.onnx", ""),
        ("tuned/config.json", "{}"),
        ("tuned/checkpoint/model.onnx", ""),
    ]);
    assert_eq!(names(&open(&[&dir.path().join("tuned")]).unwrap()), ["tuned"]);
}

#[test]
fn every_version_of_sentence_transformers_says_how_it_pools() {
    use TextPooling::{FirstToken, LastToken, Mean};
    let other = |name: &str| TextPooling::Other(name.to_owned());
    for (version, config, expected) in [
        (
            "2",
            r#"{"word_embedding_dimension": 50, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true,
                "pooling_mode_max_tokens": false, "pooling_mode_mean_sqrt_len_tokens": false}"#,
            Mean,
        ),
        (
            "3, with the names of 2.3",
            r#"{"word_embedding_dimension": 50, "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false,
                "pooling_mode_weightedmean_tokens": false, "pooling_mode_lasttoken": false, "include_prompt": true}"#,
            FirstToken,
        ),
        (
            "3, last",
            r#"{"pooling_mode_lasttoken": true, "include_prompt": true}"#,
            LastToken,
        ),
        (
            "5.4",
            r#"{"embedding_dimension": 50, "pooling_mode": "mean", "include_prompt": true}"#,
            Mean,
        ),
        (
            "5.4, first",
            r#"{"embedding_dimension": 50, "pooling_mode": "cls"}"#,
            FirstToken,
        ),
        (
            "5.4, last",
            r#"{"embedding_dimension": 50, "pooling_mode": "lasttoken"}"#,
            LastToken,
        ),
        ("5.4, one in a list", r#"{"pooling_mode": ["mean"]}"#, Mean),
        (
            "5.4, several",
            r#"{"pooling_mode": ["cls", "mean"]}"#,
            other("cls and mean"),
        ),
        ("5.4, maximum", r#"{"pooling_mode": "max"}"#, other("max")),
    ] {
        let dir = folder(&[("m/model.onnx", ""), ("m/1_Pooling/config.json", config)]);
        let hub = open(&[&dir.path().join("m")]).unwrap();
        assert_eq!(hub.entries[0].pooling, Some(expected), "{version}");
    }
    // `modules.json` names the folder.
    let modules = r#"[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "pool", "type": "sentence_transformers.sentence_transformer.modules.pooling.Pooling"}]"#;
    let dir = folder(&[
        ("m/model.onnx", ""),
        ("m/modules.json", modules),
        ("m/pool/config.json", r#"{"pooling_mode": "cls"}"#),
    ]);
    assert_eq!(
        open(&[&dir.path().join("m")]).unwrap().entries[0].pooling,
        Some(FirstToken)
    );
    // A file that sets none is an error that names it.
    let dir = folder(&[("m/model.onnx", ""), ("m/1_Pooling/config.json", "{}")]);
    let error = open(&[&dir.path().join("m")]).unwrap_err().to_string();
    assert!(
        error.contains("1_Pooling") && error.contains("no pooling mode is set"),
        "{error}"
    );
}

#[test]
fn the_first_module_of_old_sentence_transformers_lies_in_its_own_folder() {
    let dir = folder(&[
        ("m/model.onnx", ""),
        ("m/0_Transformer/config.json", r#"{"model_type": "bert"}"#),
        ("m/0_Transformer/tokenizer.json", "{}"),
        ("m/1_Pooling/config.json", r#"{"pooling_mode_mean_tokens": true}"#),
    ]);
    let hub = open(&[&dir.path().join("m")]).unwrap();
    assert_eq!(hub.entries[0].config.model_type.as_deref(), Some("bert"));
    assert!(hub.entries[0].has_tokenizer());
}

#[test]
fn class_names_are_read_from_every_field_that_writers_put_them_in() {
    for (writer, config) in [
        (
            "transformers",
            r#"{"id2label": {"0": "neg", "1": "pos"}, "label2id": {"neg": 0, "pos": 1}}"#,
        ),
        ("label2id alone", r#"{"label2id": {"neg": 0, "pos": 1}}"#),
        ("label2id of texts", r#"{"label2id": {"pos": "1", "neg": "0"}}"#),
        (
            "names in label2id only",
            r#"{"id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "label2id": {"neg": 0, "pos": 1}}"#,
        ),
        (
            "timm",
            r#"{"architecture": "resnet18", "num_classes": 2, "label_names": ["neg", "pos"]}"#,
        ),
        (
            "timm, by index",
            r#"{"architecture": "resnet18", "label_names": {"0": "neg", "1": "pos"}}"#,
        ),
        ("timm, inside", r#"{"pretrained_cfg": {"label_names": ["neg", "pos"]}}"#),
        ("a list", r#"{"id2label": ["neg", "pos"]}"#),
    ] {
        let dir = folder(&[("m/model.onnx", ""), ("m/config.json", config)]);
        let hub = open(&[&dir.path().join("m")]).unwrap();
        assert_eq!(hub.entries[0].config.labels().unwrap(), ["neg", "pos"], "{writer}");
    }
    let unnamed = r#"{"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}"#;
    let dir = folder(&[("m/model.onnx", ""), ("m/config.json", unnamed)]);
    let hub = open(&[&dir.path().join("m")]).unwrap();
    assert_eq!(hub.entries[0].config.labels().unwrap(), ["LABEL_0"]);
    let dir = folder(&[
        ("m/model.onnx", ""),
        ("m/config.json", r#"{"label2id": {"a": 0, "b": 0}}"#),
    ]);
    let error = open(&[&dir.path().join("m")]).unwrap_err().to_string();
    assert!(error.contains("field \"label2id\": duplicate index 0"), "{error}");
}

#[test]
fn models_of_other_frameworks_are_named_with_the_way_to_export_them() {
    let dir = folder(&[
        ("torch/model.safetensors", ""),
        ("torch/config.json", "{}"),
        ("keras/model.h5", ""),
        ("paddle/inference.pdmodel", ""),
    ]);
    let error = open(&[dir.path()]).unwrap_err().to_string();
    for expected in [
        "model.safetensors holds PyTorch weights, not an ONNX model; export",
        "model.h5 holds a Keras model",
        "paddle2onnx",
    ] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let error = open(&[&dir.path().join("keras")]).unwrap_err().to_string();
    assert!(
        error.contains("model.h5 holds a Keras model, not an ONNX model; export it with"),
        "{error}"
    );
    // Each of several formats has a way of its own.
    let dir = folder(&[("m.pt", ""), ("n.safetensors", ""), ("o.h5", "")]);
    let error = open(&[dir.path()]).unwrap_err().to_string();
    for expected in [
        "m.pt, n.safetensors hold PyTorch weights, not ONNX models; export the model with torch.onnx.export",
        "; o.h5 holds a Keras model, not an ONNX model; export it with",
    ] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let dir = folder(&[("model.onnx", "")]);
    let path = write(dir.path(), "model.onnx", b"\x89HDF\r\n\x1a\n0000");
    let error = open(&[&path]).unwrap_err().to_string();
    assert!(
        error.contains("model.onnx: the file holds a Keras model, not an ONNX model"),
        "{error}"
    );
}

#[test]
fn one_model_is_there_once_and_names_are_distinct() {
    let dir = folder(&[("x/net/model.onnx", ""), ("y/net/model.onnx", "")]);
    let (x, y) = (dir.path().join("x"), dir.path().join("y"));
    let hub = open(&[&x, &y, &x, &x.join("net/model.onnx")]).unwrap();
    assert_eq!(names(&hub), ["net", "net-2"]);
    assert_eq!(hub.get("net-2").unwrap().model_path, y.join("net/model.onnx"));
}

#[test]
fn what_cannot_be_used_is_skipped_with_its_reason() {
    let dir = folder(&[
        ("good/model.onnx", ""),
        ("empty/notes.txt", ""),
        ("many/a.onnx", ""),
        ("many/b.onnx", ""),
        ("broken/model.onnx", ""),
        ("broken/config.json", "{\n  \"id2label\": {\"0\": \"cat\",}\n}"),
        ("labels/model.onnx", ""),
        ("labels/config.json", r#"{"id2label": {"cat": 0}}"#),
    ]);
    let hub = open(&[dir.path()]).unwrap();
    assert_eq!(names(&hub), ["good"]);
    let reasons: Vec<String> = hub
        .skipped
        .iter()
        .map(|skipped| format!("{}: {}", skipped.name, skipped.reason))
        .collect();
    let expected = [
        (
            "broken: ",
            "config.json: not valid JSON: trailing comma at line 2 column 27",
        ),
        (
            "empty: ",
            "no model: expected model.onnx, onnx/model.onnx or one ONNX file",
        ),
        ("labels: ", "field \"id2label\": \"cat\" is not an index"),
        (
            "many: ",
            "expected model.onnx or one ONNX file, found 2 (a.onnx, b.onnx)",
        ),
    ];
    assert_eq!(reasons.len(), expected.len(), "{reasons:?}");
    for (reason, (name, text)) in reasons.iter().zip(expected) {
        assert!(reason.starts_with(name) && reason.contains(text), "{reason}");
    }
}

#[test]
fn a_hub_without_any_model_is_an_error_that_says_what_was_looked_for() {
    let dir = folder(&[("a/x.txt", ""), ("b/y.txt", "")]);
    let error = open(&[dir.path()]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        error
            .to_string()
            .contains("model.onnx, onnx/model.onnx or one ONNX file"),
        "{error}"
    );
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(open(&[empty.path()]).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(open(&[]).unwrap_err().kind(), ErrorKind::NotFound);
    let error = open(&[&empty.path().join("none")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("none: no such folder or file"), "{error}");
    let dir = folder(&[("a/model.onnx", ""), ("a/config.json", "{")]);
    assert_eq!(open(&[dir.path()]).unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn downloads_are_refused_by_name() {
    let error = Hub::open(&[Source::from("hf:google/vit-base-patch16-224")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("hf:google/vit-base-patch16-224"), "{error}");
}

#[test]
fn labels_are_in_numeric_order_and_odd_fields_are_left_out() {
    let labels: Vec<String> = (0..12).map(|i| format!("\"{i}\": \"label {i}\"")).collect();
    let config = format!(
        r#"{{"id2label": {{{}}}, "hidden_size": [64, 128], "num_labels": null}}"#,
        labels.join(",")
    );
    let dir = folder(&[("a/model.onnx", ""), ("a/config.json", &config), ("b/model.onnx", "")]);
    let hub = open(&[dir.path()]).unwrap();
    let config = &hub.get("a").unwrap().config;
    assert_eq!(config.labels().unwrap()[9..], ["label 9", "label 10", "label 11"]);
    assert_eq!((config.num_labels, config.hidden_dim), (Some(12), None));
    assert_eq!(hub.get("b").unwrap().config.labels(), None);
}

#[test]
fn modality_follows_the_graph_or_else_the_files() {
    let dir = folder(&[
        ("audio/model.onnx", ""),
        (
            "audio/preprocessor_config.json",
            r#"{"feature_extractor_type": "W", "sampling_rate": 16000, "size": 3}"#,
        ),
        ("bare/model.onnx", ""),
        ("image/model.onnx", ""),
        (
            "image/preprocessor_config.json",
            r#"{"image_processor_type": "ViTImageProcessor"}"#,
        ),
        ("text/model.onnx", ""),
        ("text/tokenizer.json", "{}"),
        ("timm/model.onnx", ""),
        ("timm/config.json", r#"{"pretrained_cfg": {}}"#),
    ]);
    let hub = open(&[dir.path()]).unwrap();
    let modality: Vec<&str> = hub.entries.iter().map(|entry| entry.modality(None).name()).collect();
    assert_eq!(modality, ["other", "other", "image", "text", "image"]);
    assert!(hub.get("text").unwrap().has_tokenizer());

    let input = |data_type, dims: usize| ValueInfo {
        name: "x".to_owned(),
        data_type: Some(data_type),
        shape: Some(vec![Dim::Unknown; dims]),
    };
    let bare = hub.get("bare").unwrap();
    assert_eq!(bare.modality(Some(&[input(DataType::F32, 4)])), InputModality::Image);
    assert_eq!(
        bare.modality(Some(&[input(DataType::I64, 2), input(DataType::I64, 2)])),
        InputModality::Text
    );
    assert_eq!(bare.modality(Some(&[input(DataType::F32, 2)])), InputModality::Other);
    assert_eq!(
        bare.modality(Some(&[input(DataType::F32, 4), input(DataType::I64, 2)])),
        InputModality::Other
    );
    assert_eq!(bare.modality(Some(&[])), InputModality::Other);
}

/// A protobuf field that holds bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
}

/// A model whose only weight is in the file `location`, behind fields that have to be passed over.
fn model_with_weights_in(location: &str) -> Vec<u8> {
    let entry = [field(1, b"location"), field(2, location.as_bytes())].concat();
    let tensor = [vec![8, 3, 16, 1], field(8, b"w"), field(13, &entry), vec![112, 1]].concat();
    let graph = [field(2, b"graph"), field(5, &tensor)].concat();
    [vec![8, 8], field(7, &graph), field(8, &[16, 17])].concat()
}

#[test]
fn the_digest_is_that_of_the_file() {
    let dir = folder(&[("a/model.onnx", "any bytes")]);
    let hub = open(&[dir.path()]).unwrap();
    assert_eq!(hub.entries[0].digest().unwrap(), blake3::hash(b"any bytes"));
    // And is made anew when the file has changed.
    write(dir.path(), "a/model.onnx", b"other bytes");
    assert_eq!(hub.entries[0].digest().unwrap(), blake3::hash(b"other bytes"));
    fs::remove_file(dir.path().join("a/model.onnx")).unwrap();
    assert_eq!(hub.entries[0].digest().unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn the_digest_covers_weights_in_other_files() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a/model.onnx", &model_with_weights_in("weights.bin"));
    let weights = write(dir.path(), "a/weights.bin", b"1234");
    let hub = open(&[dir.path()]).unwrap();
    let first = hub.entries[0].digest().unwrap();
    assert_ne!(first, blake3::hash(&model_with_weights_in("weights.bin")));
    assert_eq!(hub.entries[0].digest().unwrap(), first);
    fs::write(&weights, b"12345").unwrap();
    assert_ne!(hub.entries[0].digest().unwrap(), first);
    fs::remove_file(&weights).unwrap();
    let error = hub.entries[0].digest().unwrap_err();
    assert!(error.to_string().contains("weights.bin"), "{error}");
}

#[test]
fn weights_outside_the_folder_are_not_read() {
    let dir = tempfile::tempdir().unwrap();
    for location in ["../secret", "/etc/hostname"] {
        write(dir.path(), "a/model.onnx", &model_with_weights_in(location));
        let error = open(&[dir.path()]).unwrap().entries[0].digest().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains(location), "{error}");
    }
}

#[test]
fn the_digest_of_a_damaged_model_is_still_that_of_its_bytes() {
    let whole = model_with_weights_in("weights.bin");
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a/weights.bin", b"1234");
    let path = write(dir.path(), "a/model.onnx", b"");
    for n in 0..whole.len() {
        for last in [0, 0x7f, 0xff] {
            let mut bytes = whole[..n].to_vec();
            bytes.extend([last; 12]);
            fs::write(&path, &bytes).unwrap();
            // Digest or error, but no panic and no hang.
            let _ = open(&[dir.path()]).unwrap().entries[0].digest();
        }
    }
}
