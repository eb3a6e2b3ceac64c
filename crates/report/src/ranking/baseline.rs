//! What the models of a ranking are compared with beside each other: scores without features, and of permuted labels.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Ranking;

/// The null baseline of a ranking.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// By name: the scores of class shares alone (for numbers, of their mean). `null` for a score that is not defined for them.
    pub without_features: Map<String, Value>,
    /// The score that orders the ranking, of the first model's features and permuted labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permuted_labels: Option<PermutedLabels>,
    /// Why there are no permuted labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether some model is clearly above its own permuted labels, or above chance; `null` where that is not known.
    pub is_beaten: Option<bool>,
}

/// The score of a model's features and permuted labels: what features of this number find where there is nothing to find.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PermutedLabels {
    /// The model that the features are of.
    pub model: String,
    /// The name of the score.
    pub score: String,
    /// Mean over the permutations.
    pub value: f64,
    /// Standard deviation over the permutations.
    pub standard_deviation: f64,
    /// Number of permutations.
    pub permutations: usize,
}

/// The name of the row of [`Baseline::without_features`].
pub(super) const WITHOUT_FEATURES: &str = "(no features)";
/// The name of the row of [`Baseline::permuted_labels`].
pub(super) const PERMUTED_LABELS: &str = "(permuted labels)";

impl Ranking {
    /// Rows of the baseline: their names, and the values of scores by name.
    pub(super) fn baseline_rows(&self) -> Vec<(&'static str, Vec<(&str, f64)>)> {
        let Some(baseline) = &self.baseline else {
            return Vec::new();
        };
        let values = baseline.without_features.iter();
        let values = values.filter_map(|(name, value)| Some((name.as_str(), value.as_f64()?)));
        let mut rows = vec![(WITHOUT_FEATURES, values.collect::<Vec<_>>())];
        rows.extend(
            baseline
                .permuted_labels
                .as_ref()
                .map(|permuted| (PERMUTED_LABELS, vec![(permuted.score.as_str(), permuted.value)])),
        );
        rows.retain(|(_, values)| !values.is_empty());
        rows
    }
}
