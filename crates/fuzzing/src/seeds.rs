//! The files that inputs are made from: small real ones of the repository, and a few that are made here.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Files of the repository, by their paths in it.
///
/// # Panics
/// If one is missing.
pub(crate) fn files(paths: &[&str]) -> Vec<Vec<u8>> {
    let read = |path: &&str| {
        let path = repository().join(path);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    paths.iter().map(read).collect()
}

/// The inputs that are kept for a target: each once made it fail.
pub(crate) fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().filter_map(|path| fs::read(path).ok()).collect()
}

/// Protobuf's wire format: field `number` holding bytes, a string or a message.
pub(crate) fn field(number: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = body.len();
    while length >= 0x80 {
        bytes.push(length.to_le_bytes()[0] | 0x80);
        length >>= 7;
    }
    bytes.push(length.to_le_bytes()[0]);
    bytes.extend_from_slice(body);
    bytes
}

/// Field `number` holding a number below 128.
pub(crate) fn number(number: u8, value: u8) -> [u8; 2] {
    [number << 3, value]
}

/// A model `y = x + w` whose `w`, four floats, lies in the file `location`.
pub(crate) fn external_model(location: &str) -> Vec<u8> {
    let entry = |key: &str, value: &str| field(13, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat());
    let tensor = [
        &number(1, 4)[..],
        &number(2, 1),
        &field(8, b"w"),
        &entry("location", location),
        &entry("offset", "4"),
        &entry("length", "16"),
        &number(14, 1),
    ]
    .concat();
    let node = [field(1, b"x"), field(1, b"w"), field(2, b"y"), field(4, b"Add")].concat();
    let size = field(1, &number(1, 4));
    let kind = |name: &str| {
        let tensor_type = [&number(1, 1)[..], &field(2, &size)].concat();
        [field(1, name.as_bytes()), field(2, &field(1, &tensor_type))].concat()
    };
    let graph = [
        field(1, &node),
        field(2, b"g"),
        field(5, &tensor),
        field(11, &kind("x")),
        field(12, &kind("y")),
    ]
    .concat();
    [&number(1, 8)[..], &field(8, &number(2, 17)), &field(7, &graph)].concat()
}

/// A safetensors file: a JSON header, then the tensors.
pub(crate) fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}
