//! Scoring models by the features of words: sums over the words of groups of sentences, and never the words themselves.
//!
//! ```text
//! sentences ──engine──► features of words ──► Statistics of group g, g = 1 … J ──► scores, and without each g their errors
//! ```
//! Groups are of sentences, those of a rare tag not all in one: words of one sentence are no independent samples. Several layers have
//! statistics each, filled in one pass (`sums.rs`); a race fills those of all models a stretch of sentences at a time (`race.rs`).

pub(crate) mod race;
mod sums;

use std::time::Instant;

use ranktune_core::Event;
use ranktune_core::one_line;
use ranktune_data::{Dataset, Targets};
use ranktune_features::extract::{Extraction, Prepared, WordCost, WordExtractor};
use ranktune_features::{Error as FeatureError, ErrorKind as FeatureErrorKind};
use ranktune_scores::scores::{Needs, find};
use ranktune_scores::uncertainty::groups;

use crate::error::{Error, ErrorKind};
use crate::rank::{Failed, Ranked};
use crate::scorer::{GROUPS, Scored, Scorer};
use sums::WordSums;

/// Memory that the statistics of all groups should take; wider features, more layers and more models get fewer groups.
const GROUP_BYTES: usize = 1 << 30;

/// Groups that a standard error takes.
const FEWEST_GROUPS: usize = 2;

/// The tagged words of a data set, and the group of each of its sentences.
pub(crate) struct Words<'a> {
    tags: &'a [Vec<u32>],
    n_tags: usize,
    /// Of every sentence.
    groups: Vec<usize>,
    n_groups: usize,
}

/// How sentences come into groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deal {
    /// At random, by this seed.
    Drawn(u64),
    /// In their own order, every prefix evenly.
    InOrder,
}

impl<'a> Words<'a> {
    /// The words of `dataset` in as many groups as `bytes` for each of them allow.
    fn new(dataset: &'a Dataset, deal: Deal, bytes: usize) -> Result<Self, Error> {
        let Targets::Tags { names, sentences, .. } = &dataset.targets else {
            return Err(Error::new(ErrorKind::Data, "the data are no tagged words"));
        };
        // Models are resampled together, so all have the same groups.
        let n_groups = (GROUP_BYTES / bytes.max(1))
            .clamp(FEWEST_GROUPS, GROUPS)
            .min(sentences.len());
        let strata = rarest(sentences, names.len());
        let groups = ranktune_scores::Targets::classes(&strata, names.len().max(1)).and_then(|targets| match deal {
            Deal::Drawn(seed) => groups::assign(&targets, n_groups, seed),
            Deal::InOrder => groups::deal(&targets, n_groups),
        });
        let (groups, n_groups) = match groups {
            Ok(groups) => (groups, n_groups),
            // A single sentence: there is no error to be had.
            Err(_) => (vec![0; sentences.len()], 1),
        };
        Ok(Self {
            tags: sentences,
            n_tags: names.len(),
            groups,
            n_groups,
        })
    }
}

/// The rarest tag of every sentence.
fn rarest(sentences: &[Vec<u32>], n_tags: usize) -> Vec<u32> {
    let mut counts = vec![0_usize; n_tags];
    for &tag in sentences.iter().flatten() {
        counts[tag as usize] += 1;
    }
    let of = |tags: &Vec<u32>| tags.iter().copied().min_by_key(|tag| counts[*tag as usize]);
    sentences.iter().map(|tags| of(tags).unwrap_or(0)).collect()
}

/// The sums of a model, on their way: or why it cannot be used.
struct Way<'a> {
    sums: Result<WordSums<'a>, String>,
    /// Time that sums and scores took, in seconds.
    seconds: f64,
}

impl<'a> Way<'a> {
    fn new(words: &'a Words<'a>, model: &Prepared, scorer: &Scorer<'_>) -> Self {
        Self {
            sums: WordSums::new(words, model, scorer.layers),
            seconds: 0.0,
        }
    }

    /// Brings the model at `index` to the first `sentences` sentences.
    ///
    /// # Errors
    /// What ends all work; why this model cannot go on is kept.
    fn advance(&mut self, extractor: &mut WordExtractor<'_>, index: usize, sentences: usize) -> Result<(), Error> {
        let Self { sums, seconds } = self;
        let Ok(adding) = sums else { return Ok(()) };
        let advanced = extractor.advance(index, sentences, &mut |block| {
            let begun = Instant::now();
            let added = adding.add(block);
            *seconds += begun.elapsed().as_secs_f64();
            added.map_err(|reason| FeatureError::new(FeatureErrorKind::Inference, reason))
        });
        match advanced {
            Ok(()) => {}
            Err(error) if error.kind() == FeatureErrorKind::Interrupted => return Err(error.into()),
            Err(error) => *sums = Err(one_line(&error)),
        }
        Ok(())
    }

    /// The model's scores on what it has seen, at this cost.
    fn scored(&mut self, scorer: &Scorer<'_>, model: &Prepared, cost: WordCost) -> Result<Scored, String> {
        let begun = Instant::now();
        let chosen = self
            .sums
            .as_mut()
            .map_err(|reason| reason.clone())?
            .scores(scorer, model)?;
        let seconds = self.seconds + begun.elapsed().as_secs_f64();
        Ok(scorer.scored(model, chosen, cost.words, ((cost.seconds, cost.words), seconds)))
    }
}

/// Every model on every word, one after the other.
pub(crate) fn score_all(work: &Extraction<'_>, scorer: &Scorer<'_>, failed: &mut Failed<'_>) -> Result<Ranked, Error> {
    let bytes = work.models.iter().map(|model| sums::bytes(model, scorer.layers));
    let most = bytes.filter(|&bytes| sums::fits(bytes)).max();
    let words = Words::new(scorer.dataset, Deal::Drawn(scorer.seed), most.unwrap_or(0))?;
    let mut extractor = WordExtractor::new(work)?;
    let mut ranked = Vec::new();
    for (index, model) in work.models.iter().enumerate() {
        let mut way = Way::new(&words, model, scorer);
        let all = extractor.sentences();
        way.advance(&mut extractor, index, all)?;
        extractor.stop(index);
        match way.scored(scorer, model, extractor.cost(index)) {
            Ok(scored) => {
                extractor.report(index);
                ranked.push(scored);
            }
            Err(reason) => skip(work, model, reason, failed),
        }
    }
    Ok((ranked, Vec::new(), None))
}

/// Tells and lists a model that cannot be used.
fn skip(work: &Extraction<'_>, model: &Prepared, reason: String, failed: &mut Failed<'_>) {
    work.progress.event(Event::ModelSkipped {
        model: model.name(),
        reason: &reason,
    });
    failed(model, reason);
}

/// Refuses scores that cannot be computed from sums.
pub(crate) fn check_names(names: &[String]) -> Result<(), Error> {
    for name in names {
        let score = find(name).map_err(|error| Error::new(ErrorKind::Arguments, error))?;
        if !matches!(score.needs, Needs::Statistics | Needs::ClassStatistics) {
            let from_sums = ranktune_scores::scores::SCORES.iter();
            let from_sums = from_sums.filter(|score| matches!(score.needs, Needs::Statistics | Needs::ClassStatistics));
            let others: Vec<&str> = from_sums.map(|score| score.name).collect();
            let message = format!(
                "{name} needs the features of all words at once, which are not kept; for words there are {}",
                others.join(", ")
            );
            return Err(Error::new(ErrorKind::Arguments, message));
        }
    }
    Ok(())
}
