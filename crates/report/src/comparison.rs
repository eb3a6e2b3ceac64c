//! `ranktune.comparison/1`: agreement of a ranking with measured accuracies.

use ranktune_core::counted;
use serde::{Deserialize, Serialize};

use crate::table::{Align, Table};

/// Name and version of the document.
pub const SCHEMA: &str = "ranktune.comparison/1";

/// Agreement of scores with accuracies over the models in both files; `null` for a measure that is not defined (fewer than two
/// models, or constant values).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`SCHEMA`].
    pub schema: String,
    /// Models in both files.
    pub models: usize,
    /// Weighted Kendall τ (Vigna 2015), hyperbolic weights.
    pub weighted_tau: Option<f64>,
    /// Kendall τ_b.
    pub kendall_tau: Option<f64>,
    /// Pearson correlation of score and accuracy.
    pub pearson: Option<f64>,
    /// Spearman correlation.
    pub spearman: Option<f64>,
    /// Accuracy of the best model minus that of the first of the ranking.
    pub top_1_regret: f64,
    /// Accuracy of the best model minus the best among the first three.
    pub top_3_regret: f64,
}

impl Comparison {
    /// The comparison as a table.
    pub fn table(&self) -> String {
        let mut table = Table::new(&[("measure", Align::Left), ("value", Align::Right)]);
        let measures = [
            ("weighted tau", self.weighted_tau),
            ("Kendall tau-b", self.kendall_tau),
            ("Pearson", self.pearson),
            ("Spearman", self.spearman),
            ("top-1 regret", Some(self.top_1_regret)),
            ("top-3 regret", Some(self.top_3_regret)),
        ];
        for (name, value) in measures {
            table.row(vec![
                name.to_owned(),
                value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}")),
            ]);
        }
        format!("{} in both\n\n{}", counted(self.models, "model"), table.render())
    }
}
