//! From a model's features to its scores, and from the scores of all models to their order.

use std::time::Instant;

use ranktune_core::one_line;
use ranktune_data::Dataset;
use ranktune_features::extract::{Features, Prepared};
use ranktune_report::ranking::{LayerScore, RankedModel, Seconds};
use ranktune_scores::scores::{Prepared as ScoreData, find};
use ranktune_scores::uncertainty::ranking::{ResamplingOptions, resample};
use ranktune_scores::uncertainty::{Jackknife, groups, jackknife, jackknife_of_groups, total};
use ranktune_scores::{FeatureView, Probabilities, ScoreInputs, ScoreOptions, ScoreOutcome, Statistics};
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::layers::columns;
use crate::rank::LayerChoice;
use crate::scoring::{Columns, insert_error, probabilities, score_json};
use crate::stream::{self, Stream};

/// Groups that are left out in turn for the standard errors.
pub(crate) const GROUPS: usize = 10;

/// A scored model without its place.
pub(crate) struct Scored {
    pub(crate) document: RankedModel,
    pub(crate) value: f64,
    pub(crate) samples: usize,
    pub(crate) jackknife: Option<Jackknife>,
}

/// Scores models on one data set.
pub(crate) struct Scorer<'a> {
    pub(crate) dataset: &'a Dataset,
    pub(crate) names: &'a [String],
    pub(crate) layers: LayerChoice,
    pub(crate) seed: u64,
    /// Bytes of features beyond which they are summed as they come.
    pub(crate) keep_bytes: usize,
    /// The group of every sample for the jackknife; drawn for the samples that can be read where there is none.
    pub(crate) groups: Option<Vec<usize>>,
}

/// One score: its value, and its JSON.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) object: Map<String, Value>,
}

/// Every score of some features, and the jackknife of the first.
pub(crate) struct Scores {
    pub(crate) entries: Vec<Entry>,
    pub(crate) jackknife: Option<Jackknife>,
}

impl Scores {
    pub(crate) fn first(&self) -> f64 {
        self.entries.first().map_or(f64::NAN, |entry| entry.value)
    }
}

/// What a model's scores are of.
pub(crate) struct Chosen {
    pub(crate) scores: Scores,
    pub(crate) tensor: String,
    pub(crate) dim: usize,
    pub(crate) layers: Vec<LayerScore>,
}

impl Chosen {
    /// The scores of all of a model's features.
    pub(crate) fn of_all(model: &Prepared, scores: Scores, dim: usize) -> Self {
        Self {
            scores,
            tensor: model.feature_tensor().to_owned(),
            dim,
            layers: Vec::new(),
        }
    }
}

impl Scorer<'_> {
    /// All scores of a model; `cost` is the time its extraction took, in seconds, and the samples that it was for.
    pub(crate) fn score(
        &self,
        model: &Prepared,
        features: &mut Features,
        cost: (f64, usize),
    ) -> Result<Scored, String> {
        let begun = Instant::now();
        let chosen = self.choose(model, features)?;
        let samples = features.valid().iter().filter(|valid| **valid).count();
        Ok(self.scored(model, chosen, samples, (cost, begun.elapsed().as_secs_f64())))
    }

    /// A model with its scores; `times` are those of its extraction, with the samples that it was for, and of its scores.
    pub(crate) fn scored(
        &self,
        model: &Prepared,
        chosen: Chosen,
        samples: usize,
        times: ((f64, usize), f64),
    ) -> Scored {
        let ((seconds, extracted), score) = times;
        #[expect(clippy::cast_precision_loss, reason = "a count of samples")]
        let rate = if extracted > 0 {
            json!(extracted as f64 / seconds)
        } else {
            Value::Null
        };
        let is_images = !self.dataset.kind().is_text();
        Scored {
            value: chosen.scores.first(),
            samples,
            jackknife: chosen.scores.jackknife,
            document: RankedModel {
                rank: 0,
                name: model.name().to_owned(),
                source: None,
                digest: model.digest().to_owned(),
                parameters: model.parameters(),
                feature_tensor: chosen.tensor,
                feature_dim: chosen.dim,
                scores: chosen
                    .scores
                    .entries
                    .into_iter()
                    .map(|entry| (entry.name, Value::Object(entry.object)))
                    .collect(),
                layers: chosen.layers,
                p_best: None,
                p_top_k: None,
                rank_interval: None,
                race: None,
                seconds: Seconds {
                    extract: seconds,
                    score,
                },
                images_per_second: Some(rate.clone()).filter(|_| is_images),
                samples_per_second: Some(rate).filter(|_| !is_images),
            },
        }
    }

    /// The same for the score alone that orders the ranking.
    pub(crate) fn of_first(&self) -> Scorer<'_> {
        Scorer {
            names: &self.names[..self.names.len().min(1)],
            groups: self.groups.clone(),
            ..*self
        }
    }

    /// The jackknife of the score that orders the ranking.
    pub(crate) fn first(&self, model: &Prepared, features: &mut Features) -> Result<Jackknife, String> {
        let chosen = self.of_first().choose(model, features)?;
        let missing = || format!("{} samples are too few for a standard error", features.n_rows());
        chosen.scores.jackknife.ok_or_else(missing)
    }

    /// The scores of the features, or of the layers as was asked for.
    fn choose(&self, model: &Prepared, features: &mut Features) -> Result<Chosen, String> {
        let layers = model.layers();
        if layers.len() < 2 {
            let dim = features.n_features();
            let bytes = features.n_rows().saturating_mul(dim).saturating_mul(4);
            if bytes > self.keep_bytes && self.groups.is_none() && stream::is_possible(self.names) {
                let mut stream = Stream::new(self.dataset, self.seed)?;
                stream.add(self.dataset, features, 0..features.n_rows())?;
                let (scores, dim) = stream.scores(self)?;
                return Ok(Chosen::of_all(model, scores, dim));
            }
            let rows = features.features().map_err(|error| one_line(&error))?;
            return Ok(Chosen::of_all(model, self.scores(features, &rows, dim)?, dim));
        }
        let mut each = Vec::with_capacity(layers.len());
        for layer in &layers {
            let rows = columns(features, std::slice::from_ref(layer))?;
            each.push(self.scores(features, &rows, layer.width())?);
        }
        self.of_layers(&layers, each, || {
            let rows = columns(features, &layers)?;
            self.scores(features, &rows, layers[0].width())
        })
    }

    /// Every score of `rows` `[valid, d]`.
    fn scores(&self, features: &mut Features, rows: &[f32], d: usize) -> Result<Scores, String> {
        let text = |error: ranktune_scores::Error| one_line(&error);
        let mut valid = features.valid().to_vec();
        valid.resize(self.dataset.n_samples(), false);
        let columns = Columns::of(&self.dataset.targets, &valid);
        let source = features
            .logits()
            .map_err(|error| one_line(&error))?
            .map(|(logits, columns)| probabilities(&logits, columns));
        let targets = columns.view().map_err(text)?;
        let inputs = ScoreInputs {
            features: FeatureView::new(rows, targets.n_samples(), d).map_err(text)?,
            targets,
            probabilities: source
                .as_ref()
                .map(|(values, columns)| Probabilities::new(values, *columns))
                .transpose()
                .map_err(text)?,
        };
        let options = ScoreOptions::default();
        let prepared = ScoreData::new(&inputs).map_err(text)?;
        let groups = match &self.groups {
            Some(groups) => Some(
                groups
                    .iter()
                    .zip(&valid)
                    .filter(|(_, valid)| **valid)
                    .map(|(&group, _)| group)
                    .collect(),
            ),
            None => groups::assign(&targets, GROUPS.min(targets.n_samples()), self.seed).ok(),
        };
        let groups: Option<Vec<usize>> = groups;
        self.named(|name, with_error| {
            let outcome = find(name)?.compute(&prepared, &options)?;
            let groups = groups.as_ref().filter(|_| with_error);
            let error = groups.and_then(|groups| jackknife(&inputs, name, &options, groups).ok());
            Ok((outcome, error))
        })
    }

    /// Every score of the samples whose statistics are these, a group each.
    pub(crate) fn of_groups(&self, parts: &[Statistics]) -> Result<Scores, String> {
        let text = |error: ranktune_scores::Error| one_line(&error);
        let all = ScoreData::from_statistics(total(parts).map_err(text)?);
        let total = all.statistics().map_err(text)?;
        let options = ScoreOptions::default();
        self.named(|name, with_error| {
            let outcome = find(name)?.compute(&all, &options)?;
            let error = with_error.then(|| jackknife_of_groups(total, parts, name, &options).ok());
            Ok((outcome, error.flatten()))
        })
    }

    /// Every score that was asked for, where `score` computes one by its name, with its jackknife if that is wanted.
    pub(crate) fn named(
        &self,
        score: impl Fn(&str, bool) -> Result<(ScoreOutcome, Option<Jackknife>), ranktune_scores::Error>,
    ) -> Result<Scores, String> {
        let mut entries = Vec::new();
        let mut first_jackknife = None;
        for (place, name) in self.names.iter().enumerate() {
            let with_error = place == 0 || name == "logme";
            let (outcome, jackknife) = match score(name, with_error) {
                Ok(scored) => scored,
                // The ranking needs its first score; another one may be missing, as LEEP is for a model without a classifier.
                Err(error) if place == 0 => return Err(one_line(&error)),
                Err(error) => {
                    entries.push(Entry {
                        name: name.clone(),
                        value: f64::NAN,
                        object: Map::from_iter([
                            ("value".to_owned(), Value::Null),
                            ("reason".to_owned(), json!(error.to_string())),
                        ]),
                    });
                    continue;
                }
            };
            let mut object = score_json(&outcome, self.dataset.targets.names(), None);
            if with_error {
                let error = jackknife.as_ref().map(|jackknife| jackknife.standard_error);
                let groups = jackknife
                    .as_ref()
                    .map_or(GROUPS, |jackknife| jackknife.replicates.len());
                insert_error(&mut object, error, groups);
            }
            if place == 0 {
                first_jackknife = jackknife;
            }
            entries.push(Entry {
                name: name.clone(),
                value: outcome.value,
                object,
            });
        }
        Ok(Scores {
            entries,
            jackknife: first_jackknife,
        })
    }
}

/// Sorts by the first score and says how certain each place is.
pub(crate) fn order(mut scored: Vec<Scored>, seed: u64) -> Result<Vec<RankedModel>, Error> {
    // Who came further in a race is ahead; names break ties, so that the same input gives the same ranking.
    let reached = |model: &Scored| {
        model
            .document
            .race
            .as_ref()
            .map_or((true, 0), |race| (!race.stopped, race.samples))
    };
    scored.sort_by(|a, b| {
        reached(b)
            .cmp(&reached(a))
            .then_with(|| b.value.total_cmp(&a.value))
            .then_with(|| a.document.name.cmp(&b.document.name))
    });
    // Places are resampled jointly: without a jackknife of every model there is none of any. Those that stopped early are behind.
    let standing = scored.iter().filter(|model| reached(model).0).count();
    let jackknives: Option<Vec<Jackknife>> = scored[..standing].iter().map(|model| model.jackknife.clone()).collect();
    let mut options = ResamplingOptions::default();
    options.seed = seed;
    let places = match jackknives {
        Some(jackknives) => Some(resample(&jackknives, &options)?),
        None => None,
    };
    Ok(scored
        .into_iter()
        .enumerate()
        .map(|(index, model)| {
            let place = places.as_ref().and_then(|places| places.get(index));
            RankedModel {
                rank: index + 1,
                p_best: place.map(|place| place.p_best),
                p_top_k: place.map(|place| place.p_top_k),
                rank_interval: place.map(|place| [place.rank_interval.0, place.rank_interval.1]),
                ..model.document
            }
        })
        .collect())
}
