//! Where the shared data lie, and small trees of files.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    dead_code,
    reason = "helpers of tests, of which each test file uses some"
)]

pub mod bytes;
pub mod table;

use std::path::{Path, PathBuf};

/// `$RANKTUNE_SHARED/<path>`, or `../shared/<path>` beside the workspace; says so and gives none where it is missing.
pub fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("RANKTUNE_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join(path);
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

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
