//! The graphs of `../shared/arch` against PyTorch. Skipped where they are not there.

mod reference;

use std::path::PathBuf;

#[test]
fn all_architectures_agree_with_pytorch() {
    let shared = std::env::var_os("RANKTUNE_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let Ok(folders) = std::fs::read_dir(shared.join("arch")) else {
        eprintln!("skipped: {} is missing", shared.join("arch").display());
        return;
    };
    let folders: Vec<PathBuf> = folders
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("model.onnx").is_file())
        .collect();
    for folder in &folders {
        let outcome = reference::compare(folder, &ranktune_nn::Device::flex())
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        assert!(
            outcome.passes(),
            "{}: worst gradient {:?}",
            folder.display(),
            outcome.evaluation.gradient
        );
    }
}
