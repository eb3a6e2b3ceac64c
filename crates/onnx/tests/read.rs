//! Reading: every way a tensor is stored, and one test for each way a file can be bad.

#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

mod common;

use std::path::Path;

use common::wire;
use ranktune_onnx::{DataType, Error, ErrorKind, Model, Tensor};

fn read(bytes: Vec<u8>) -> Result<Model, Error> {
    Model::from_bytes(bytes.into(), None)
}

fn constant(tensor: &[u8]) -> Tensor {
    read(wire::model_with(tensor)).unwrap().graph.initializers["w"].clone()
}

fn refused(bytes: Vec<u8>, kind: ErrorKind, part: &str) {
    let error = read(bytes).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(part), "expected {part:?} in: {error}");
}

#[test]
fn typed_fields_hold_every_element_type() {
    let ints = |field: u64, code: DataType, values: &[i64]| {
        let dims = [values.len() as i64];
        constant(&wire::tensor(
            "w",
            i64::from(code.code()),
            &dims,
            &[wire::packed(field, values)],
        ))
    };
    for code in [DataType::I8, DataType::I16, DataType::I32] {
        assert_eq!(ints(5, code, &[-1, 7]).to_i64_vec().unwrap(), [-1, 7], "{code}");
    }
    for code in [DataType::U8, DataType::U16] {
        assert_eq!(ints(5, code, &[255, 7]).to_i64_vec().unwrap(), [255, 7], "{code}");
    }
    for code in [DataType::U32, DataType::U64] {
        assert_eq!(ints(11, code, &[3, 7]).to_i64_vec().unwrap(), [3, 7], "{code}");
    }
    assert_eq!(
        ints(7, DataType::I64, &[i64::MIN, 7]).to_i64_vec().unwrap(),
        [i64::MIN, 7]
    );
    assert_eq!(ints(5, DataType::Bool, &[0, 1]).to_i64_vec().unwrap(), [0, 1]);
    // Half-precision numbers by their bits: 1.5 and 1.0.
    assert_eq!(ints(5, DataType::F16, &[0x3e00]).to_f32_vec().unwrap(), [1.5]);
    assert_eq!(ints(5, DataType::BF16, &[0x3f80]).to_f32_vec().unwrap(), [1.0]);
    let float = wire::tensor("w", 1, &[2], &[wire::bytes(4, &[0, 0, 0xc0, 0x3f, 0, 0, 0, 0])]);
    assert_eq!(constant(&float).to_f32_vec().unwrap(), [1.5, 0.0]);
    let double = wire::tensor("w", 11, &[], &[wire::bytes(10, &1.5f64.to_le_bytes())]);
    assert_eq!(constant(&double).to_f64_vec().unwrap(), [1.5]);
    let text = wire::tensor("w", 8, &[2], &[wire::bytes(6, b"a"), wire::bytes(6, b"")]);
    assert_eq!(constant(&text).to_strings().unwrap(), ["a", ""]);
}

#[test]
fn raw_data_is_a_view_of_the_file() {
    let file = bytes::Bytes::from(wire::model_with(&wire::tensor(
        "w",
        1,
        &[2],
        &[wire::bytes(9, &[0; 8])],
    )));
    let model = Model::from_bytes(file.clone(), None).unwrap();
    let data = &model.graph.initializers["w"].data;
    assert!(file.as_ptr_range().contains(&data.as_ptr()));
}

#[test]
fn initializers_listed_as_inputs_are_not_inputs() {
    let tensor = wire::tensor("w", 1, &[1], &[wire::bytes(9, &[0; 4])]);
    let add = wire::node("Add", &["x", "w"], &["y"], &[]);
    let inputs = ["w", "x"].map(|name| wire::bytes(11, &wire::value(name))).concat();
    let graph = [
        wire::bytes(1, &add),
        wire::bytes(5, &tensor),
        inputs,
        wire::bytes(12, &wire::value("y")),
    ];
    let model = read(wire::model(&graph)).unwrap();
    let names: Vec<&str> = model.graph.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(names, ["x"]);
}

#[test]
fn attributes_without_a_type_take_that_of_the_filled_field() {
    let axis = wire::bytes(5, &[wire::bytes(1, b"axis"), wire::int(3, 2)].concat());
    let flatten = wire::node("Flatten", &["x"], &["y"], &[axis]);
    let graph = [
        wire::bytes(1, &flatten),
        wire::bytes(11, &wire::value("x")),
        wire::bytes(12, &wire::value("y")),
    ];
    assert_eq!(read(wire::model(&graph)).unwrap().graph.nodes[0].int("axis"), Some(2));
}

#[test]
fn nodes_are_put_in_order() {
    let [a, b, c] =
        [("x", "a"), ("a", "b"), ("b", "y")].map(|(input, output)| wire::node("Relu", &[input], &[output], &[]));
    let nodes = [&c, &a, &b].map(|node| wire::bytes(1, node)).concat();
    let model = read(wire::model(&[
        nodes,
        wire::bytes(11, &wire::value("x")),
        wire::bytes(12, &wire::value("y")),
    ]))
    .unwrap();
    let outputs: Vec<&str> = model.graph.nodes.iter().map(|node| node.outputs[0].as_str()).collect();
    assert_eq!(outputs, ["a", "b", "y"]);
}

#[test]
fn an_empty_file_is_refused() {
    refused(Vec::new(), ErrorKind::Malformed, "empty file");
}

#[test]
fn a_picture_is_refused_by_name() {
    refused(
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(),
        ErrorKind::Malformed,
        "a PNG image",
    );
}

#[test]
fn a_web_page_is_refused_by_name() {
    refused(
        b"<!DOCTYPE html><html><body>404</body></html>".to_vec(),
        ErrorKind::Malformed,
        "an HTML page",
    );
}

#[test]
fn a_git_lfs_pointer_is_refused_with_what_to_do() {
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    refused(pointer.to_vec(), ErrorKind::Malformed, "git lfs pull");
}

#[test]
fn random_bytes_are_refused() {
    let bytes = (0..4096u32)
        .map(|position| (position.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    refused(bytes, ErrorKind::Malformed, "expected an ONNX model");
}

#[test]
fn a_truncated_file_is_refused() {
    let mut bytes = wire::model_with(&wire::tensor("w", 1, &[2], &[wire::bytes(9, &[0; 8])]));
    bytes.truncate(bytes.len() - 5);
    refused(bytes, ErrorKind::Malformed, "ends in the middle");
}

#[test]
fn a_model_without_a_graph_is_refused() {
    refused(wire::int(1, 8), ErrorKind::Malformed, "no graph");
}

#[test]
fn sizes_that_claim_more_than_the_data_are_refused_without_allocating() {
    let tensor = wire::tensor("w", 1, &[1 << 20, 1 << 20], &[wire::bytes(9, &[0; 8])]);
    refused(wire::model_with(&tensor), ErrorKind::Invalid, "initializer \"w\"");
}

#[test]
fn sizes_whose_product_overflows_are_refused() {
    let tensor = wire::tensor("w", 1, &[1 << 40, 1 << 40], &[wire::bytes(9, &[0; 8])]);
    refused(wire::model_with(&tensor), ErrorKind::Invalid, "overflows");
}

#[test]
fn negative_sizes_are_refused() {
    let tensor = wire::tensor("w", 1, &[-2], &[wire::bytes(9, &[0; 8])]);
    refused(wire::model_with(&tensor), ErrorKind::Invalid, "cannot be negative");
}

#[test]
fn values_beyond_their_type_are_refused() {
    let tensor = wire::tensor("w", 2, &[1], &[wire::packed(5, &[300])]);
    refused(
        wire::model_with(&tensor),
        ErrorKind::Invalid,
        "do not fit the element type u8",
    );
}

#[test]
fn an_unknown_element_type_is_refused_by_name() {
    let tensor = wire::tensor("w", 17, &[1], &[wire::bytes(9, &[0])]);
    refused(wire::model_with(&tensor), ErrorKind::Unsupported, "float8");
}

#[test]
fn a_name_that_leads_nowhere_is_refused() {
    let add = wire::node("Add", &["x", "missing"], &["y"], &[]);
    let graph = [
        wire::bytes(1, &add),
        wire::bytes(11, &wire::value("x")),
        wire::bytes(12, &wire::value("y")),
    ];
    refused(wire::model(&graph), ErrorKind::Invalid, "input \"missing\"");
}

#[test]
fn a_cycle_is_refused_with_its_nodes() {
    let nodes =
        [("x", "b", "a"), ("a", "a", "b")].map(|(i, j, o)| wire::bytes(1, &wire::node("Add", &[i, j], &[o], &[])));
    let graph = [
        nodes.concat(),
        wire::bytes(11, &wire::value("x")),
        wire::bytes(12, &wire::value("b")),
    ];
    refused(wire::model(&graph), ErrorKind::Invalid, "cycle");
}

#[test]
fn an_initializer_defined_twice_is_refused() {
    let tensor = wire::bytes(5, &wire::tensor("w", 1, &[1], &[wire::bytes(9, &[0; 4])]));
    refused(
        wire::model(&[tensor.clone(), tensor]),
        ErrorKind::Invalid,
        "defined twice",
    );
}

#[test]
fn a_sequence_as_input_is_refused_by_name() {
    let sequence = [wire::bytes(1, b"x"), wire::bytes(2, &wire::bytes(4, &[]))].concat();
    refused(
        wire::model(&[wire::bytes(11, &sequence)]),
        ErrorKind::Unsupported,
        "\"x\" is a sequence",
    );
}

#[test]
fn a_missing_file_and_a_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = Model::load(&folder.path().join("none.onnx")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(
        error.to_string().contains("none.onnx: the file does not exist"),
        "{error}"
    );
    let error = Model::load(folder.path()).unwrap_err();
    assert!(error.to_string().contains("found a folder"), "{error}");
}

/// A model file in `folder` whose constant of 2 floats lies at `location` from `offset` on.
fn external_model(folder: &Path, location: &str, offset: usize) -> Result<Model, Error> {
    let entries = [
        wire::external("location", location),
        wire::external("offset", &offset.to_string()),
        wire::external("length", "8"),
        wire::int(14, 1),
    ];
    let path = folder.join("model.onnx");
    std::fs::write(&path, wire::model_with(&wire::tensor("w", 1, &[2], &entries))).unwrap();
    Model::load(&path)
}

#[test]
fn external_data_is_read_beside_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let data: Vec<u8> = [0.0f32, 1.5, -2.0]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    std::fs::write(folder.path().join("w.bin"), data).unwrap();
    let model = external_model(folder.path(), "w.bin", 4).unwrap();
    assert_eq!(model.graph.initializers["w"].to_f32_vec().unwrap(), [1.5, -2.0]);
}

#[test]
fn external_data_beyond_the_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("w.bin"), [0; 8]).unwrap();
    let error = external_model(folder.path(), "w.bin", 4).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("the file has 8 bytes"), "{error}");
    let error = external_model(folder.path(), "w.bin", usize::MAX).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn missing_external_data_is_reported_by_its_own_path() {
    let folder = tempfile::tempdir().unwrap();
    let error = external_model(folder.path(), "w.bin", 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("w.bin"), "{error}");
}

#[test]
fn external_data_outside_the_folder_is_refused() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("secret"), [0; 8]).unwrap();
    let folder = root.path().join("model");
    std::fs::create_dir(&folder).unwrap();
    let absolute = root.path().join("secret");
    let mut locations = vec!["../secret", "a/../../secret", "", absolute.to_str().unwrap()];
    if cfg!(unix) {
        #[cfg(unix)]
        std::os::unix::fs::symlink(&absolute, folder.join("link")).unwrap();
        locations.push("link");
    }
    for location in locations {
        let error = external_model(&folder, location, 0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{location}: {error}");
        assert!(
            error.to_string().contains("inside the model's folder"),
            "{location}: {error}"
        );
    }
}

/// A cache keeps files under their hashes and links to them: `snapshots/REV/NAME` → `../../blobs/HASH`.
#[cfg(unix)]
#[test]
fn external_data_linked_inside_a_download_cache_is_read() {
    let root = tempfile::tempdir().unwrap();
    let (blobs, snapshot) = (root.path().join("blobs"), root.path().join("snapshots/rev"));
    std::fs::create_dir_all(&blobs).unwrap();
    std::fs::create_dir_all(&snapshot).unwrap();
    std::fs::write(blobs.join("hash"), [0; 8]).unwrap();
    std::os::unix::fs::symlink("../../blobs/hash", snapshot.join("w.bin")).unwrap();
    let model = external_model(&snapshot, "w.bin", 0).unwrap();
    assert_eq!(model.graph.initializers["w"].to_f32_vec().unwrap(), [0.0, 0.0]);
}

#[test]
fn external_data_without_a_file_around_is_refused() {
    let entries = [wire::external("location", "w.bin"), wire::int(14, 1)];
    let bytes = wire::model_with(&wire::tensor("w", 1, &[2], &entries));
    refused(bytes, ErrorKind::Invalid, "not read from a file");
}
