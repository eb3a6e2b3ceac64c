//! Array files, byte by byte to their specifications.

use std::io::Write;
use std::path::{Path, PathBuf};

use ranktune_data::arrays::{Matrix, read_matrix};

/// An `.npy` file of this type, order and shape.
pub fn npy(descr: &str, fortran: bool, shape: &str, elements: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(elements);
    bytes
}

/// Little-endian bytes.
pub fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Little-endian bytes.
pub fn i64s(values: &[i64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// NumPy's texts of this length.
pub fn utf32(texts: &[&str], length: usize) -> Vec<u8> {
    let code = |text: &str, i: usize| text.chars().nth(i).map_or(0, u32::from);
    texts
        .iter()
        .flat_map(|text| (0..length).flat_map(move |i| code(text, i).to_le_bytes()))
        .collect()
}

/// A zip file of these members.
pub fn npz(members: &[(&str, Vec<u8>)], method: zip::CompressionMethod) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A safetensors file of this header.
pub fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// A temporary folder for one file.
pub struct Place(pub tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn put(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join("file");
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// What these bytes are read as.
pub fn matrix(bytes: &[u8]) -> Matrix {
    read_matrix(&Place::new().put(bytes)).unwrap()
}

/// `path:member`
pub fn with_member(path: &Path, member: &str) -> PathBuf {
    PathBuf::from(format!("{}:{member}", path.display()))
}

/// 1 to 6.
pub const SIX: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

/// The rows 1 2 3 and 4 5 6.
pub fn two_by_three() -> Matrix {
    let data = SIX.to_vec();
    Matrix { rows: 2, cols: 3, data }
}
