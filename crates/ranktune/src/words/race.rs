//! A race on the words of sentences: models see a stretch of sentences at a time, whose words go into sums.
//!
//! Prefixes and groups are of sentences; scores are those of all words in them. Every model's sums stay in memory until the end, those of
//! models that stopped too, since its scores on what it saw are told.

use ranktune_features::extract::{Extraction, Prepared, WordExtractor};
use ranktune_report::ranking::RaceUnit;
use ranktune_scores::uncertainty::Jackknife;

use super::{Deal, Way, Words, skip, sums};
use crate::error::Error;
use crate::race::{Race, RaceOptions, Track};
use crate::rank::{Failed, Ranked};
use crate::scorer::Scorer;

/// Words of the first round for every feature of the widest model: with fewer, features say more of single words than of tags.
const WORDS_PER_FEATURE: usize = 2;

struct Sentences<'a> {
    extractor: WordExtractor<'a>,
    models: &'a [Prepared],
    scorer: &'a Scorer<'a>,
    words: &'a Words<'a>,
    ways: Vec<Way<'a>>,
    stopped: Vec<bool>,
}

impl Track for Sentences<'_> {
    fn samples(&self) -> usize {
        self.extractor.sentences()
    }

    fn noun(&self) -> RaceUnit {
        RaceUnit::Sentences
    }

    fn least(&self) -> usize {
        let widths = self.models.iter().flat_map(|model| {
            let layers = model.layers();
            layers.iter().map(|layer| layer.width()).max()
        });
        let wanted = WORDS_PER_FEATURE * widths.max().unwrap_or(0);
        let mut words = 0;
        let reached = self.words.tags.iter().position(|tags| {
            words += tags.len();
            words >= wanted
        });
        reached.map_or(self.words.tags.len(), |last| last + 1)
    }

    fn advance_to(&mut self, samples: usize) -> Result<(), Error> {
        for (index, way) in self.ways.iter_mut().enumerate() {
            if !self.stopped[index] {
                way.advance(&mut self.extractor, index, samples)?;
            }
        }
        Ok(())
    }

    fn score(&mut self, model: usize, samples: usize) -> Result<Option<Jackknife>, String> {
        let sums = self.ways[model].sums.as_mut().map_err(|reason| reason.clone())?;
        let scored = sums.scores(&self.scorer.of_first(), &self.models[model]);
        let missing = || format!("too few sentences for a standard error: {samples}");
        let jackknife = scored.and_then(|chosen| chosen.scores.jackknife.ok_or_else(missing));
        match jackknife {
            // Features that stand for single words explain the tags of a few of them exactly, which says nothing of the others.
            Err(_) if samples < self.extractor.sentences() => Ok(None),
            jackknife => jackknife.map(Some),
        }
    }

    fn stop(&mut self, model: usize) {
        self.stopped[model] = true;
        self.extractor.stop(model);
    }

    fn cost(&self, model: usize) -> (f64, usize) {
        let cost = self.extractor.cost(model);
        (cost.seconds, cost.sentences)
    }
}

/// Every model as far as the race takes it.
pub(crate) fn race(
    work: &Extraction<'_>,
    scorer: &Scorer<'_>,
    options: &RaceOptions,
    failed: &mut Failed<'_>,
) -> Result<Ranked, Error> {
    let bytes = work.models.iter().map(|model| sums::bytes(model, scorer.layers));
    let all = bytes.filter(|&bytes| sums::fits(bytes)).sum();
    let words = Words::new(scorer.dataset, Deal::InOrder, all)?;
    let mut track = Sentences {
        extractor: WordExtractor::new(work)?,
        models: work.models,
        scorer,
        words: &words,
        ways: work
            .models
            .iter()
            .map(|model| Way::new(&words, model, scorer))
            .collect(),
        stopped: vec![false; work.models.len()],
    };
    let race = Race {
        models: work.models,
        options,
        columns: words.n_tags,
        seed: scorer.seed,
        progress: work.progress,
    };
    let raced = race.run(&mut track)?;
    let mut ranked = Vec::new();
    for (index, (model, record)) in work.models.iter().zip(raced.records).enumerate() {
        let cost = track.extractor.cost(index);
        let scored = match record {
            Ok(record) => track.ways[index].scored(scorer, model, cost).map(|mut scored| {
                scored.document.race = Some(record);
                scored
            }),
            // The race has told it.
            Err(reason) => {
                failed(model, reason);
                continue;
            }
        };
        match scored {
            Ok(scored) => {
                track.extractor.report(index);
                ranked.push(scored);
            }
            Err(reason) => skip(work, model, reason, failed),
        }
    }
    Ok((ranked, Vec::new(), Some(raced.summary)))
}
