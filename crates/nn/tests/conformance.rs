//! Graphs against PyTorch: outputs, gradients and running statistics. `vectors/make.py` made the small ones in the repository.

#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

mod reference;

use std::path::{Path, PathBuf};

/// The folders of `parent` that hold a graph, by name.
fn graphs(parent: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.join("model.onnx").is_file()).collect();
    folders.sort();
    folders
}

fn assert_agreement(folder: &Path) {
    let outcome = reference::compare(folder, &ranktune_nn::Device::flex())
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let worst = &outcome.evaluation.gradient;
    assert!(outcome.passes(), "{}: worst gradient {worst:?}", folder.display());
}

#[test]
fn small_networks_agree_with_pytorch() {
    let folders = graphs(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors"));
    assert_eq!(folders.len(), 3);
    folders.iter().for_each(|folder| assert_agreement(folder));
}

#[test]
fn all_architectures_agree_with_pytorch() {
    let Some(arch) = ranktune_testing::shared("arch") else {
        return;
    };
    let folders = graphs(&arch);
    assert!(folders.len() >= 16, "{} graphs in {}", folders.len(), arch.display());
    folders.iter().for_each(|folder| assert_agreement(folder));
}
