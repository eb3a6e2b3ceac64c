//! Documents as the tables that the command line prints.

use pyo3::prelude::*;
use ranktune_report::Style;

use crate::errors::unusable;

/// The table of a document, in `width` columns or as wide as it is; `None` for a kind of document without one.
#[pyfunction]
#[pyo3(signature = (document, width=None))]
pub(crate) fn table(py: Python<'_>, document: &str, width: Option<usize>) -> PyResult<Option<String>> {
    let style = Style {
        width,
        is_coloured: false,
        is_wide: false,
    };
    text(document, style).map_err(|error| unusable(py, &format!("not a document of ranktune: {error}")))
}

fn text(document: &str, style: Style) -> serde_json::Result<Option<String>> {
    let value: serde_json::Value = serde_json::from_str(document)?;
    let schema = value["schema"].as_str().unwrap_or_default();
    let kind = schema.split('/').next().unwrap_or_default();
    Ok(Some(match kind {
        "ranktune.ranking" => serde_json::from_str::<ranktune::Ranking>(document)?.text(style),
        "ranktune.scores" => serde_json::from_str::<ranktune::Scores>(document)?.table(),
        "ranktune.comparison" => serde_json::from_str::<ranktune::Comparison>(document)?.table(),
        "ranktune.training" => serde_json::from_str::<ranktune::Training>(document)?.table(),
        "ranktune.evaluation" => serde_json::from_str::<ranktune::Evaluation>(document)?.table(),
        _ => return Ok(None),
    }))
}
