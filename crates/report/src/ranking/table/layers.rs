//! The scores of a model's layers as text.

use crate::ranking::RankedModel;
use crate::table::{Align, Style, Table};

/// The scores of a model's layers; empty where there are none.
pub(super) fn layer_table(model: &RankedModel, style: Style) -> String {
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
    format!("\n{}:\n{}", model.name, table.styled(style))
}
