//! The scores of a model's layers.

use serde::{Deserialize, Serialize};

use super::RankedModel;
use crate::table::{Align, Table};

/// The score of one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerScore {
    /// The tensor.
    pub name: String,
    /// Features a sample.
    pub dim: usize,
    /// The score that orders the ranking.
    pub score: f64,
    /// Of `score`.
    pub standard_error: Option<f64>,
}

/// The layers of a model as a person reads them; empty where there are none.
pub(super) fn profile(model: &RankedModel) -> String {
    let Some(best) = model.layers.iter().map(|layer| layer.score).max_by(f64::total_cmp) else {
        return String::new();
    };
    let score = model.scores.keys().next().map_or("score", String::as_str);
    let mut table = Table::new(&[
        ("layer", Align::Right),
        ("tensor", Align::Left),
        ("dim", Align::Right),
        (score, Align::Right),
        ("", Align::Left),
    ]);
    for (place, layer) in model.layers.iter().enumerate() {
        let error = layer
            .standard_error
            .map_or_else(String::new, |error| format!(" ± {error:.4}"));
        table.row(vec![
            (place + 1).to_string(),
            layer.name.clone(),
            layer.dim.to_string(),
            format!("{:.4}{error}", layer.score),
            if layer.score >= best {
                "best".to_owned()
            } else {
                String::new()
            },
        ]);
    }
    format!("\n{}:\n{}", model.name, table.render())
}
