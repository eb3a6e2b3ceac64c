//! From a model's features to its scores, and from the scores of all models to their order.

use std::ops::Range;
use std::time::Instant;

use ranktune_data::Dataset;
use ranktune_features::error::one_line;
use ranktune_features::extract::{DataKind, Features, Layer, Prepared};
use ranktune_report::ranking::{LayerScore, RankedModel, Seconds};
use ranktune_scores::scores::{Prepared as ScoreData, find};
use ranktune_scores::uncertainty::ranking::{ResamplingOptions, resample};
use ranktune_scores::uncertainty::{Jackknife, groups, jackknife};
use ranktune_scores::{FeatureView, Probabilities, ScoreInputs, ScoreOptions, ScoreOutcome};
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind};
use crate::rank::LayerChoice;
use crate::scoring::{Columns, insert_error, probabilities, score_json};
use crate::stream::{self, Stream};
use crate::words::WordScores;

/// Groups that are left out in turn for the standard errors.
pub(crate) const GROUPS: usize = 10;

/// Rows that are read from the store at a time.
const BLOCK: usize = 1024;

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
struct Entry {
    name: String,
    value: f64,
    object: Map<String, Value>,
}

/// Every score of some features, and the jackknife of the first.
pub(crate) struct Scores {
    entries: Vec<Entry>,
    jackknife: Option<Jackknife>,
}

impl Scores {
    fn first(&self) -> f64 {
        self.entries.first().map_or(f64::NAN, |entry| entry.value)
    }
}

/// What a model's scores are of.
pub(crate) struct Chosen {
    scores: Scores,
    tensor: String,
    dim: usize,
    layers: Vec<LayerScore>,
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

    /// The scores that were taken of words.
    pub(crate) fn of_words(&self, model: &Prepared, words: WordScores) -> Scored {
        let entries = words
            .scores
            .into_iter()
            .map(|(name, value, object)| Entry { name, value, object });
        let chosen = Chosen {
            scores: Scores {
                entries: entries.collect(),
                jackknife: words.jackknife,
            },
            tensor: model.feature_tensor().to_owned(),
            dim: words.n_features,
            layers: Vec::new(),
        };
        let count = words.outcome.words;
        self.scored(model, chosen, count, ((words.outcome.seconds, count), words.seconds))
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
        let is_images = DataKind::of(&self.dataset.inputs) == DataKind::Images;
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

    /// The jackknife of the score that orders the ranking.
    pub(crate) fn first(&self, model: &Prepared, features: &mut Features) -> Result<Jackknife, String> {
        let only = Scorer {
            dataset: self.dataset,
            names: &self.names[..self.names.len().min(1)],
            layers: self.layers,
            seed: self.seed,
            keep_bytes: self.keep_bytes,
            groups: self.groups.clone(),
        };
        let chosen = only.choose(model, features)?;
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
            each.push(self.scores(features, &rows, width(layer))?);
        }
        let profile = layers.iter().zip(&each).map(|(layer, scores)| LayerScore {
            name: layer.tensor.clone(),
            dim: width(layer),
            score: scores.first(),
            standard_error: scores.jackknife.as_ref().map(|jackknife| jackknife.standard_error),
        });
        let profile: Vec<LayerScore> = profile.collect();
        let (scores, tensor, dim) = match self.layers {
            LayerChoice::Best => {
                let best = (0..each.len()).max_by(|&a, &b| each[a].first().total_cmp(&each[b].first()));
                let best = best.unwrap_or(0);
                (
                    each.swap_remove(best),
                    layers[best].tensor.clone(),
                    width(&layers[best]),
                )
            }
            LayerChoice::Mean if layers.iter().all(|layer| width(layer) == width(&layers[0])) => {
                let rows = columns(features, &layers)?;
                let dim = width(&layers[0]);
                (
                    self.scores(features, &rows, dim)?,
                    format!("mean of {} layers", layers.len()),
                    dim,
                )
            }
            LayerChoice::Mean => {
                let dim = layers.iter().map(width).sum();
                (mean(&each)?, format!("mean score of {} layers", layers.len()), dim)
            }
        };
        Ok(Chosen {
            scores,
            tensor,
            dim,
            layers: profile,
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

fn width(layer: &Layer) -> usize {
    layer.columns.iter().map(Range::len).sum()
}

/// The features of some layers of one width, averaged over the layers, `[valid, width]`.
fn columns(features: &mut Features, layers: &[Layer]) -> Result<Vec<f32>, String> {
    let (n, d) = (features.n_rows(), features.n_features());
    let width = layers.first().map_or(0, width);
    #[expect(clippy::cast_precision_loss, reason = "a count of layers")]
    let share = 1.0 / layers.len().max(1) as f32;
    let mut picked = Vec::new();
    for begin in (0..n).step_by(BLOCK) {
        let block = features
            .features_of(begin..(begin + BLOCK).min(n))
            .map_err(|error| one_line(&error))?;
        for row in block.chunks_exact(d.max(1)) {
            let from = picked.len();
            picked.resize(from + width, 0.0);
            for layer in layers {
                let own = layer.columns.iter().flat_map(|columns| &row[columns.clone()]);
                for (sum, value) in picked[from..].iter_mut().zip(own) {
                    *sum += share * value;
                }
            }
        }
    }
    Ok(picked)
}

/// The mean over layers of every score and its replicates.
fn mean(each: &[Scores]) -> Result<Scores, String> {
    let first = each.first().ok_or("no layer")?;
    #[expect(clippy::cast_precision_loss, reason = "a count of layers")]
    let count = each.len() as f64;
    let jackknives: Option<Vec<&Jackknife>> = each.iter().map(|scores| scores.jackknife.as_ref()).collect();
    let jackknife = jackknives.and_then(|all| {
        let groups = all.first()?.replicates.len();
        let of = |group: usize| all.iter().map(|one| one.replicates[group]).sum::<f64>() / count;
        let value = all.iter().map(|one| one.value).sum::<f64>() / count;
        Jackknife::new(value, (0..groups).map(of).collect()).ok()
    });
    let entries = first.entries.iter().enumerate().map(|(place, entry)| {
        let value = each.iter().map(|scores| scores.entries[place].value).sum::<f64>() / count;
        let mut object = entry.object.clone();
        object.insert("value".to_owned(), json!(value));
        if place == 0 {
            let error = jackknife.as_ref().map(|jackknife| jackknife.standard_error);
            let groups = jackknife
                .as_ref()
                .map_or(GROUPS, |jackknife| jackknife.replicates.len());
            insert_error(&mut object, error, groups);
        }
        Entry {
            name: entry.name.clone(),
            value,
            object,
        }
    });
    Ok(Scores {
        entries: entries.collect(),
        jackknife,
    })
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
        Some(jackknives) => {
            Some(resample(&jackknives, &options).map_err(|error| Error::new(ErrorKind::Scores, error))?)
        }
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
