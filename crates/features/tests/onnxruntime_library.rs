//! Files that are named as ONNX Runtime and are not; alone in its binary, since a process loads one library for good.
#![cfg(feature = "onnxruntime")]

use std::fs;

use ranktune_features::ErrorKind;
use ranktune_features::engine::{EngineChoice, select};
use ranktune_nn::DeviceChoice;

#[test]
fn a_named_file_that_is_not_onnx_runtime_is_an_error_and_other_engines_still_open() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("libonnxruntime.so");
    fs::write(&text, "not a library").unwrap();
    for file in [text.as_path(), folder.path()] {
        for choice in [EngineChoice::OnnxRuntime, EngineChoice::Auto] {
            let error = select(choice, Some(file), DeviceChoice::Cpu).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::LibraryUnusable, "{error}");
            assert!(error.to_string().contains(&file.display().to_string()), "{error}");
        }
    }
    let missing = select(
        EngineChoice::Auto,
        Some(&folder.path().join("missing.so")),
        DeviceChoice::Cpu,
    )
    .unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::LibraryNotFound);
    assert!(select(EngineChoice::Auto, None, DeviceChoice::Cpu).is_ok());
}
