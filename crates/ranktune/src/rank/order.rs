//! From the scores of all models to their places, and how certain each place is.

use ranktune_data::DataKind;
use ranktune_features::extract::PreparedModel;
use ranktune_report::ranking::{RaceRecord, RankedModel, ScoreUncertainty, Seconds};
use ranktune_scores::uncertainty::Jackknife;
use ranktune_scores::uncertainty::ranking::{RankUncertainty, ResamplingOptions, resample};
use serde_json::{Value, json};

use super::scores::ModelScores;
use super::track::Cost;
use crate::error::Error;

/// Models by score of which the classes are in the document, which would be long with those of a large hub.
const WITH_CLASSES: usize = 20;

/// A scored model without its place.
pub(super) struct Ranked<'a> {
    pub(super) model: &'a PreparedModel,
    /// The repository at its commit, for a model from another hub.
    pub(super) source: Option<String>,
    pub(super) scores: ModelScores,
    pub(super) record: Option<RaceRecord>,
    pub(super) cost: Cost,
}

impl Ranked<'_> {
    /// How far it came: whether it was left in the race, and on how many samples.
    fn reached(&self) -> (bool, usize) {
        self.record
            .as_ref()
            .map_or((true, 0), |record| (!record.stopped, record.samples))
    }

    fn document(self, rank: usize, place: Option<&RankUncertainty>, kind: DataKind) -> RankedModel {
        #[expect(clippy::cast_precision_loss, reason = "a count of rows")]
        let rate = if self.cost.rows > 0 {
            json!(self.cost.rows as f64 / self.cost.seconds)
        } else {
            Value::Null
        };
        let is_images = !kind.is_text();
        let entries = self.scores.list.entries.into_iter();
        RankedModel {
            rank,
            name: self.model.name().to_owned(),
            source: self.source,
            digest: self.model.digest().to_owned(),
            parameters: self.model.parameters(),
            feature_tensor: self.scores.tensor,
            feature_dim: self.scores.n_features,
            scores: entries.map(|entry| (entry.name, Value::Object(entry.object))).collect(),
            layers: self.scores.layers,
            predicted: None,
            score_uncertainty: place.map(|place| ScoreUncertainty {
                p_best: place.p_best,
                p_top_k: Some(place.p_top_k),
                rank_interval: [place.rank_interval.0, place.rank_interval.1],
            }),
            race: self.record,
            classes: self.scores.list.classes,
            seconds: Seconds {
                extract: self.cost.seconds,
                score: self.scores.seconds,
            },
            samples_computed: Some(self.cost.samples),
            images_per_second: Some(rate.clone()).filter(|_| is_images),
            samples_per_second: Some(rate).filter(|_| !is_images),
        }
    }
}

/// Sorts models by the score that orders the ranking, and resamples their places. `top_k` is the k of `p_top_k`.
///
/// # Errors
/// Where scores cannot be resampled.
pub(super) fn in_order(
    mut ranked: Vec<Ranked<'_>>,
    kind: DataKind,
    top_k: usize,
    seed: u64,
) -> Result<Vec<RankedModel>, Error> {
    // Who came further in a race is ahead; names break ties, so that the same input gives the same ranking.
    ranked.sort_by(|a, b| {
        let names = || a.model.name().cmp(b.model.name());
        let scores = || b.scores.list.first().total_cmp(&a.scores.list.first());
        b.reached().cmp(&a.reached()).then_with(scores).then_with(names)
    });
    // Places are resampled together: without a jackknife of every model there are none. Eliminated models are behind, and have none.
    let running = ranked.iter().filter(|model| model.reached().0);
    let jackknives: Option<Vec<Jackknife>> = running.map(|model| model.scores.list.jackknife.clone()).collect();
    let mut options = ResamplingOptions::default();
    options.seed = seed;
    options.top_k = top_k;
    let places = match jackknives {
        Some(jackknives) => resample(&jackknives, &options)?,
        None => Vec::new(),
    };
    let documents = ranked.into_iter().enumerate().map(|(index, model)| {
        let mut document = model.document(index + 1, places.get(index), kind);
        document.classes = document.classes.filter(|_| index < WITH_CLASSES);
        document
    });
    Ok(documents.collect())
}
