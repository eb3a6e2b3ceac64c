//! Small trees of files.
#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "helpers of tests, of which each test file uses some"
)]

pub mod bytes;
pub mod table;

/// A temporary folder with these files in it; their content is of no matter where a test only lists them.
pub fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    folder
}
