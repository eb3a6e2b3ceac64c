//! The documents of ranktune: as JSON, as tables, and as HTML pages.
//!
//! A document is a plain struct. Its serde form is the stable JSON of the command line, in which `"schema"` is its name and
//! version; its method `table` formats it for a terminal, and [`html`] for a browser. Nothing is computed here but what a picture
//! or a table shows of the document: a front, a rank correlation.

pub mod comparison;
pub mod evaluation;
pub mod format;
pub mod html;
pub mod inspection;
mod omitted;
pub mod parameters;
pub mod pull;
pub mod ranking;
pub mod record;
pub mod scores;
pub mod search;
pub mod shell;
pub mod study;
mod table;
pub mod training;
pub mod trial;

pub use comparison::Comparison;
pub use evaluation::{Evaluation, Predictions};
pub use inspection::{HubListing, ModelInspection, Verification};
pub use parameters::Parameters;
pub use pull::Pull;
pub use ranking::{Ranking, RankingPlan};
pub use record::{Record, RecordRow};
pub use scores::Scores;
pub use search::SearchListing;
pub use study::{Study, StudyPlan};
pub use table::Style;
pub use training::Training;

/// A document as JSON, indented, with a final newline.
///
/// # Errors
/// None that a document of this crate can trigger: their keys are strings and their floats are finite or `null`.
pub fn to_json(document: &impl serde::Serialize) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(document)?;
    text.push('\n');
    Ok(text)
}
