//! The track of tagged words: statistics of the words of groups of sentences, and never the words' features themselves.
//!
//! ```text
//! sentences ──engine──► features of words ──► statistics of group g, g = 1 … J ──► scores and their jackknife
//! ```
//!
//! Prefixes and groups are of sentences, because the words of one sentence are not independent samples; the sentences of a rare
//! tag are spread over the groups. A model's statistics stay in memory until its last scores are computed: in a single round
//! those of one model at a time, in a race those of all models.

use std::time::Instant;

use ranktune_data::{Dataset, DatasetTargets};
use ranktune_features::extract::{Extraction, PreparedModel, WordExtractor};
use ranktune_features::{Error as FeatureError, ErrorKind as FeatureErrorKind};
use ranktune_report::ranking::RaceUnit;
use ranktune_scores::scores::{SCORES, find};
use ranktune_scores::uncertainty::groups;

use super::options::LayerChoice;
use super::scores::{Detail, GROUPS, Scoring};
use super::track::{Cost, Goal, Reached, Scored, Track};
use super::word_sums::{FEWEST_GROUPS, Sentences, WordSums, bytes_of_group, fits};
use crate::error::{Error, ErrorKind};
use crate::scoring::is_found_from_words;

/// Memory that the statistics of all groups should take. Wider features, more layers and more models at a time get fewer groups.
const GROUP_BYTES: usize = 1 << 30;

/// Words for every feature of the widest model in the first round of a race. With fewer, features describe single words rather
/// than tags.
const WORDS_PER_FEATURE: usize = 2;

/// How sentences are dealt into groups, which follows from how models see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deal {
    /// At random, by this seed; one model's statistics are in memory at a time.
    Random(u64),
    /// In their order, so that every prefix has even groups; the statistics of all models are in memory.
    EvenPrefixes,
}

/// The sentences of `dataset` with their tags and groups.
///
/// # Errors
/// [`ErrorKind::Data`] where the targets are not tags.
pub(super) fn sentences<'a>(
    dataset: &'a Dataset,
    models: &[PreparedModel],
    layers: LayerChoice,
    deal: Deal,
) -> Result<Sentences<'a>, Error> {
    let DatasetTargets::Tags { names, sentences, .. } = &dataset.targets else {
        let message = format!("expected tagged words, found targets of {}", dataset.targets.task());
        return Err(Error::new(ErrorKind::Data, message));
    };
    let of_models = models
        .iter()
        .map(|model| bytes_of_group(model, layers))
        .filter(|&bytes| fits(bytes));
    let bytes: usize = match deal {
        Deal::Random(_) => of_models.max().unwrap_or(0),
        Deal::EvenPrefixes => of_models.sum(),
    };
    // Models are resampled together, so all of them have the same groups.
    let n_groups = (GROUP_BYTES / bytes.max(1))
        .clamp(FEWEST_GROUPS, GROUPS)
        .min(sentences.len());
    let strata = rarest_tags(sentences, names.len());
    let targets = ranktune_scores::Targets::classes(&strata, names.len().max(1))?;
    let groups = match deal {
        Deal::Random(seed) => groups::assign(&targets, n_groups, seed),
        Deal::EvenPrefixes => groups::deal(&targets, n_groups),
    };
    Ok(match groups {
        Ok(groups) => Sentences::new(sentences, names.len(), groups, n_groups),
        // A single sentence has no groups, and its scores no error.
        Err(_) => Sentences::new(sentences, names.len(), vec![0; sentences.len()], 1),
    })
}

/// The rarest tag of every sentence.
fn rarest_tags(sentences: &[Vec<u32>], n_tags: usize) -> Vec<u32> {
    let mut counts = vec![0_usize; n_tags];
    for &tag in sentences.iter().flatten() {
        counts[tag as usize] += 1;
    }
    let of = |tags: &Vec<u32>| tags.iter().copied().min_by_key(|tag| counts[*tag as usize]);
    sentences.iter().map(|tags| of(tags).unwrap_or(0)).collect()
}

/// Refuses scores that cannot be computed from statistics.
///
/// # Errors
/// [`ErrorKind::Arguments`].
pub(super) fn check_names(names: &[String]) -> Result<(), Error> {
    for name in names {
        if is_found_from_words(find(name)?) {
            continue;
        }
        let possible = SCORES.iter().filter(|score| is_found_from_words(score));
        let possible: Vec<&str> = possible.map(|score| score.name).collect();
        let message = format!(
            "{name} needs the features of all words at once, which are not kept; for words there are {}",
            possible.join(", ")
        );
        return Err(Error::new(ErrorKind::Arguments, message));
    }
    Ok(())
}

/// A model and the statistics of the words that it has seen.
struct ModelProgress<'a> {
    /// `None` once the model is stopped for good, or cannot be used.
    sums: Option<WordSums<'a>>,
    is_stopped: bool,
    /// Time that statistics took, in seconds.
    seconds: f64,
}

/// Words that go into statistics by group.
pub(super) struct TaggedWords<'a> {
    work: &'a Extraction<'a>,
    scoring: &'a Scoring<'a>,
    sentences: &'a Sentences<'a>,
    extractor: WordExtractor<'a>,
    models: Vec<ModelProgress<'a>>,
}

impl<'a> TaggedWords<'a> {
    pub(super) fn new(
        work: &'a Extraction<'a>,
        scoring: &'a Scoring<'a>,
        sentences: &'a Sentences<'a>,
    ) -> Result<Self, Error> {
        let models = work.models.iter().map(|model| ModelProgress {
            sums: Some(WordSums::new(sentences, model, scoring)),
            is_stopped: false,
            seconds: 0.0,
        });
        Ok(Self {
            work,
            scoring,
            sentences,
            extractor: WordExtractor::new(work)?,
            models: models.collect(),
        })
    }

    /// Brings a model to the first `samples` sentences. The inner error is why the model cannot be used.
    fn run(&mut self, model: usize, samples: usize) -> Result<Result<(), Error>, Error> {
        let ModelProgress { sums, seconds, .. } = &mut self.models[model];
        let Some(sums) = sums else { return Ok(Ok(())) };
        if let Err(error) = sums.check_memory(&self.work.models[model]) {
            return Ok(Err(error));
        }
        let advanced = self.extractor.advance(model, samples, &mut |block| {
            let begun = Instant::now();
            let added = sums.add(block);
            *seconds += begun.elapsed().as_secs_f64();
            added.map_err(|error| FeatureError::new(FeatureErrorKind::Inference, error.to_string()))
        });
        match advanced {
            Err(error) if error.kind() == FeatureErrorKind::Interrupted => Err(error.into()),
            advanced => Ok(advanced.map_err(Error::from)),
        }
    }
}

impl Track for TaggedWords<'_> {
    fn samples(&self) -> usize {
        self.extractor.sentences()
    }

    fn unit(&self) -> RaceUnit {
        RaceUnit::Sentences
    }

    fn least(&self) -> usize {
        let widths = self.work.models.iter().flat_map(|model| {
            let layers = model.layers();
            layers.iter().map(|layer| layer.width()).max()
        });
        self.sentences.with_words(WORDS_PER_FEATURE * widths.max().unwrap_or(0))
    }

    fn advance(&mut self, goal: Goal, reached: &mut Reached<'_>) -> Result<(), Error> {
        for model in 0..self.models.len() {
            if self.models[model].is_stopped {
                continue;
            }
            match self.run(model, goal.samples)? {
                Ok(()) => reached(model, self.score(model, goal)),
                Err(error) => {
                    self.stop(model);
                    reached(model, Err(error));
                }
            }
        }
        Ok(())
    }

    fn score(&mut self, model: usize, goal: Goal) -> Scored {
        let begun = Instant::now();
        let is_prefix = goal.samples < self.samples();
        let progress = &mut self.models[model];
        let none = || Error::new(ErrorKind::Extraction, "the statistics of the model are no longer kept");
        let sums = progress.sums.as_mut().ok_or_else(none)?;
        let scored = sums.scores(self.scoring, &self.work.models[model], goal.detail);
        let mut scores = match scored {
            Ok(scores) => scores,
            // Features that identify single words explain the tags of few words exactly, which does not hold for others.
            Err(_) if goal.detail == Detail::Interim && is_prefix => return Ok(None),
            Err(error) => return Err(error),
        };
        scores.n_samples = self.extractor.cost(model).words;
        scores.seconds = progress.seconds + begun.elapsed().as_secs_f64();
        if goal.detail == Detail::Final {
            progress.sums = None;
            self.extractor.stop(model);
            self.extractor.report(model);
        }
        Ok(Some(scores))
    }

    fn stop(&mut self, model: usize) {
        self.models[model].is_stopped = true;
        self.extractor.stop(model);
    }

    fn cost(&self, model: usize) -> Cost {
        let cost = self.extractor.cost(model);
        Cost {
            seconds: cost.seconds,
            samples: cost.sentences,
            rows: cost.words,
        }
    }
}
