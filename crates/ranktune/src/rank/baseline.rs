//! The baseline of a ranking: scores without features and of permuted labels, and whether some model is above them.

use ranktune_data::DatasetTargets;
use ranktune_report::ranking::{Baseline, PermutedLabels, RankedModel};
use ranktune_scores::baseline::{PermutedSums, order, without_features};
use ranktune_scores::scores::{Score, find};
use ranktune_scores::{FeatureView, ScoreOptions, baseline};
use serde_json::{Map, Value, json};

use super::order::Ranked;
use super::scores::{Permuted, Scoring};
use crate::error::Error;
use crate::scoring::Columns;

/// What [`permuted`](Ranked) models have found, before they are put in order.
pub(super) struct Found {
    models: Vec<(String, Option<Permuted>)>,
}

impl Found {
    pub(super) fn of(ranked: &[Ranked<'_>]) -> Self {
        let of = |model: &Ranked<'_>| (model.model.name().to_owned(), model.scores.list.permuted.clone());
        Self {
            models: ranked.iter().map(of).collect(),
        }
    }

    /// The baseline beside `models`, which are in order; `names` are the scores, the one that orders the ranking first.
    ///
    /// # Errors
    /// For scores that are not known.
    pub(super) fn beside(
        &self,
        models: &[RankedModel],
        names: &[String],
        targets: &DatasetTargets,
    ) -> Result<Baseline, Error> {
        let mut baseline = Baseline {
            without_features: without(names, targets)?,
            ..Baseline::default()
        };
        let Some((first, name)) = models.first().zip(names.first()) else {
            return Ok(baseline);
        };
        match self.permuted(&first.name) {
            Some(Ok(permuted)) => {
                baseline.permuted_labels = Some(PermutedLabels {
                    model: first.name.clone(),
                    score: name.clone(),
                    value: permuted.mean(),
                    standard_deviation: permuted.standard_deviation(),
                    permutations: permuted.values().len(),
                });
            }
            Some(Err(reason)) => baseline.reason = Some(reason.clone()),
            None => {}
        }
        let beats: Vec<bool> = models.iter().filter_map(|model| self.beats(model, name)).collect();
        baseline.is_beaten = (!beats.is_empty()).then(|| beats.contains(&true));
        Ok(baseline)
    }

    fn permuted(&self, model: &str) -> Option<&Permuted> {
        let found = self.models.iter().find(|(name, _)| name == model);
        found.and_then(|(_, permuted)| permuted.as_ref())
    }

    /// Whether a model is clearly above its permuted labels, or where there are none, above chance; `None` where neither is known.
    fn beats(&self, model: &RankedModel, score: &str) -> Option<bool> {
        let value = model.score(score)?;
        if let Some(Ok(permuted)) = self.permuted(&model.name) {
            return Some(permuted.is_beaten_by(value));
        }
        let object = model.scores.get(score)?;
        let chance = object.get("chance")?.as_f64()?;
        let interval = object.get("interval").and_then(Value::as_array);
        let lower = interval.and_then(|ends| ends.first()?.as_f64());
        Some(lower.unwrap_or(value) > chance)
    }
}

/// Every score of class shares alone: of scores that predict, the chance level.
fn without(names: &[String], targets: &DatasetTargets) -> Result<Map<String, Value>, Error> {
    let columns = Columns::all(targets);
    let targets = columns.view()?;
    let mut values = Map::new();
    for name in names {
        let outcome = without_features(&targets, find(name)?, &ScoreOptions::default());
        let value = outcome.ok().map(|outcome| outcome.chance.unwrap_or(outcome.value));
        values.insert(name.clone(), json!(value));
    }
    Ok(values)
}

/// The warning that belongs to a baseline that no model beats.
pub(super) fn warning(baseline: &Baseline, score: &str) -> Option<String> {
    if baseline.is_beaten != Some(false) {
        return None;
    }
    Some(match &baseline.permuted_labels {
        Some(permuted) => format!(
            "no model's {score} is clearly above that of permuted labels ({:.4} ± {:.4} for {}): these features do not explain these \
             targets, and the order is one of chance",
            permuted.value, permuted.standard_deviation, permuted.model
        ),
        None => format!(
            "no model's {score} is clearly above chance: these features do not explain these targets, and the order is one of chance"
        ),
    })
}

/// Names the scores that the models reach the largest value of, and which therefore tell them apart no further.
pub(super) fn saturated(models: &[RankedModel], names: &[String]) -> Vec<String> {
    let is_saturated = |model: &&RankedModel, name: &str| {
        let status = model.scores.get(name).and_then(|object| object.get("status"));
        status.and_then(Value::as_str) == Some("saturated")
    };
    let warnings = names.iter().filter_map(|name| {
        let count = models.iter().filter(|model| is_saturated(model, name)).count();
        let value = models.iter().find(|model| is_saturated(model, name))?.score(name)?;
        (count > 1).then(|| {
            format!(
                "{count} of {} models have the largest {name} that there is for these samples, {value}: it does not tell them apart",
                models.len()
            )
        })
    });
    warnings.collect()
}

/// Whether sums over permuted labels are kept of rows that are not: where the score that orders the ranking is found from them.
pub(super) fn keeps_sums(names: &[String]) -> bool {
    let first = names.first().and_then(|name| find(name).ok());
    first.is_some_and(Score::is_of_statistics)
}

/// Adds rows of features to the sums of permuted labels; `rows` are their positions in the data set.
///
/// # Errors
/// As [`PermutedSums::update`].
pub(super) fn add(
    sums: &mut PermutedSums,
    features: &FeatureView<'_>,
    rows: &[usize],
    scoring: &Scoring<'_>,
) -> Result<(), ranktune_scores::Error> {
    let targets = &scoring.dataset.targets;
    let permutations = scoring.permutations.get_or_init(|| {
        let of = |permutation| order(targets.n_samples(), scoring.seed, permutation);
        (0..baseline::PERMUTATIONS).map(of).collect()
    });
    let columns: Vec<Columns> = permutations
        .iter()
        .map(|order| Columns::of(targets, rows.iter().map(|&row| order[row])))
        .collect();
    sums.update(features, |permutation| columns[permutation].view())
}
