//! Leave-one-out accuracy: how often the linear model of LogME is right about a sample that it has not seen.
//!
//! ```text
//! ŷ₋ᵢ = y_i − (y − Fm)_i / (1 − H_ii)        at each column's own t = α/β;  H = F(G + tI)⁻¹Fᵀ
//! classes: share of samples whose largest ŷ₋ᵢ is that of their class;  labels: mean average precision;  numbers: R²
//! ```
//!
//! The numerics are in `evidence/left_out.rs`. It says in plain units what LogME does not, beside the chance level. Where rows are not kept,
//! it is that of a random draw of them, each predicted by all other samples: weights and leverages follow from the statistics.

use super::quality::{self, Kind};
use super::{DefaultUse, Needs, Replicates, Score, ScoreData, ScoreOptions, ScoreOutcome};
use crate::error::Result;
use crate::evidence::Answers;

pub(super) const SCORE: Score = Score {
    name: "loo-accuracy",
    summary: "leave-one-out accuracy of LogME's linear model; mean average precision of labels, R² of numbers",
    source: "Rasmussen, Williams: Gaussian Processes for Machine Learning, 2006, section 5.4.2; You et al. 2021 for the model",
    needs: Needs::RowsOrGroups,
    default_use: DefaultUse::Classes,
    always_with_error: false,
    bounds_error: false,
    replicates: Replicates::SampleMeans,
    run,
};

fn run(data: &ScoreData<'_>, options: &ScoreOptions) -> Result<ScoreOutcome> {
    let (features, targets) = data.left_out_rows(SCORE.name)?;
    let kind = Kind::of(&targets, SCORE.name)?;
    let n = data.statistics()?.n_samples();
    let outcome = match &data.left_out(SCORE.name, options.compat)?.answers {
        Answers::Classes { right, of_samples } => ScoreOutcome {
            left_out: Some(of_samples.clone()),
            ..ScoreOutcome::mean_of(right.clone()).with_chance(Some(kind.chance()))
        },
        Answers::Numbers(predictions) => quality::of_columns(&kind, predictions, SCORE.name)?,
    };
    Ok(outcome.capped(1.0).of_draw(features.n_samples(), n))
}
