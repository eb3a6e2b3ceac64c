//! Tuning methods, one a file.

mod b_tuning;
mod bss;
mod distillation;
mod fine_tune;
mod l2_sp;
mod linear_probe;

pub use b_tuning::BTuning;
pub use bss::Bss;
pub use distillation::{Distillation, Teaching};
pub use fine_tune::FineTune;
pub use l2_sp::L2Sp;
pub use linear_probe::LinearProbe;

/// What a method needs of the caller besides samples and targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// Teachers' predictions, [`super::Lessons`].
    Teachers,
}

/// The methods: name, needs and one line of help.
pub const METHODS: &[(&str, Needs, &str)] = &[
    ("fine-tune", Needs::Nothing, "all weights learn from the targets"),
    ("linear-probe", Needs::Nothing, "only the new head learns"),
    (
        "b-tuning",
        Needs::Teachers,
        "features are taught by the best-ranked models (JMLR 2022)",
    ),
    (
        "distillation",
        Needs::Teachers,
        "logits are taught by the best-ranked models (Hinton 2015)",
    ),
    (
        "l2-sp",
        Needs::Nothing,
        "weights are drawn back to where they started (Li 2018)",
    ),
    (
        "bss",
        Needs::Nothing,
        "small singular values of the features are penalised (Chen 2019)",
    ),
];

/// A digest of numbers, for [`super::Method::describe`].
pub(super) fn digest(parts: &[&[f32]]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        for value in *part {
            hasher.update(&value.to_le_bytes());
        }
    }
    hasher.finalize().to_hex()[..16].to_owned()
}
