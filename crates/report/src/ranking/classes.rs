//! What the features of a model say of each class, and of single samples.

use serde::{Deserialize, Serialize};

/// The classes of a model's features: how well each is explained, which are confused, and the samples at both ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassDetail {
    /// The evidence by class, the highest first. Of many classes those with the highest and the lowest are listed.
    pub evidence: Vec<ClassEvidence>,
    /// Classes that are not listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub classes_omitted: usize,
    /// Pairs of classes that are confused, the most frequent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confusions: Vec<ClassConfusion>,
    /// Pairs that are not listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub confusions_omitted: usize,
    /// The samples whose class is furthest from being predicted, the furthest first: hard ones, or wrong labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hardest: Vec<JudgedSample>,
    /// The samples whose class is predicted most clearly, the clearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clearest: Vec<JudgedSample>,
    /// Why there are no predictions of single samples, where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The evidence of a class against all others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassEvidence {
    /// The class.
    pub name: String,
    /// Samples of the class.
    pub samples: usize,
    /// Log evidence of its column per sample, in nats.
    pub evidence: f64,
    /// Precision of the weights; `null` if infinite.
    pub alpha: Option<f64>,
    /// Precision of the noise; `null` if infinite.
    pub beta: Option<f64>,
    /// Where the maximum lies: `interior`, `no-information` or `noise-free`.
    pub status: String,
    /// Share of its samples that are predicted without themselves; `null` where no single sample is.
    pub loo_accuracy: Option<f64>,
}

/// Samples of one class that are predicted to be of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassConfusion {
    /// Their class.
    pub class: String,
    /// The class that is predicted.
    pub predicted: String,
    /// Their number.
    pub samples: usize,
    /// As a share of the class.
    pub share: f64,
}

/// A sample, predicted from all others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgedSample {
    /// Its file, or its number.
    pub sample: String,
    /// The beginning of its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A small picture of it, as a `data:` address; in reports with `--thumbnails` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<String>,
    /// Its class.
    pub class: String,
    /// The class that is predicted.
    pub predicted: String,
    /// Prediction of its class less the largest of the others, where targets are 0 and 1; below 0 where it is wrong.
    pub margin: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
