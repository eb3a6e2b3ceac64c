//! Features of words: sentences through a model, a row a word, handed on as they come and never kept.
//!
//! A corpus has a hundred times as many words as sentences, so its features would be a matrix of gigabytes; whoever scores them
//! keeps sums. Nothing goes to the store: the rows of one model would push those of all others out of it.

use std::ops::Range;
use std::time::Instant;

use super::prepare::Prepared;
use super::run::{Extraction, KEPT_PARAMETERS};
use super::runner::{Engines, Runner};
use super::samples::Source;
use super::units;
use crate::engine::default_threads;
use crate::{Error, ErrorKind};
use ranktune_core::Event;

/// Features of the words of some sentences.
#[derive(Clone, Debug)]
pub struct WordBlock<'a> {
    /// Positions of the sentences in the data set.
    pub sentences: Range<usize>,
    /// `[words, d]`: the sentences' words in order.
    pub features: &'a [f32],
    /// `d`
    pub n_features: usize,
}

/// What a model took so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WordCost {
    /// Time, in seconds, without that of whoever took the blocks.
    pub seconds: f64,
    /// Sentences that went through it.
    pub sentences: usize,
    /// Their words.
    pub words: usize,
}

/// Takes the features of the next sentences, which come in order and each once; an error makes the model unusable.
pub type TakeWords<'t> = dyn FnMut(&WordBlock<'_>) -> Result<(), Error> + 't;

/// Extraction of words in steps: a model up to some sentence, others, and on from there.
pub struct WordExtractor<'a> {
    work: &'a Extraction<'a>,
    source: Source<'a>,
    engines: Engines,
    /// Whether models stay loaded between steps: where all of them fit in memory together.
    keeps_runners: bool,
    models: Vec<Way<'a>>,
}

/// How far a model is.
#[derive(Default)]
struct Way<'a> {
    runner: Option<Runner<'a>>,
    cost: WordCost,
    /// Words of which a part was left out.
    cut: usize,
}

impl<'a> WordExtractor<'a> {
    /// Opens the engines; loads no model.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where the data are no sentences of words; an engine that was asked for by name and cannot be had.
    pub fn new(work: &'a Extraction<'a>) -> Result<Self, Error> {
        if !work.dataset.kind().is_by_word() {
            let text = "the data are no sentences of words";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        let parameters: u64 = work.models.iter().map(Prepared::parameters).sum();
        Ok(Self {
            work,
            source: Source::new(&work.dataset.inputs),
            engines: Engines::open(work.options, work.progress)?,
            keeps_runners: parameters <= KEPT_PARAMETERS,
            models: work.models.iter().map(|_| Way::default()).collect(),
        })
    }

    /// Sentences of the data set.
    pub fn sentences(&self) -> usize {
        self.source.len()
    }

    /// Brings the model at `index` to the first `sentences` sentences, and gives `take` the features of those that it had not seen.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`]; anything else, that of `take` too, is why the model cannot be used.
    pub fn advance(&mut self, index: usize, sentences: usize, take: &mut TakeWords<'_>) -> Result<(), Error> {
        let sentences = sentences.min(self.sentences());
        if self.models[index].cost.sentences >= sentences {
            return Ok(());
        }
        let result = self.run(index, sentences, take);
        let way = &mut self.models[index];
        if result.is_err() || !self.keeps_runners || way.cost.sentences == self.source.len() {
            way.runner = None;
        }
        if self.work.interrupt.is_raised() {
            let text = "interrupted; the features of words are not kept";
            return Err(Error::new(ErrorKind::Interrupted, text));
        }
        result
    }

    fn run(&mut self, index: usize, sentences: usize, take: &mut TakeWords<'_>) -> Result<(), Error> {
        let work = self.work;
        let model = &work.models[index];
        let Way { runner, cost, cut } = &mut self.models[index];
        work.progress.event(Event::ModelStarted {
            model: model.name(),
            samples: work.dataset.targets.n_predicted(),
        });
        let mut last = Instant::now();
        let runner = match runner {
            Some(runner) => runner,
            None => runner.insert(Runner::open(model, &self.engines, work.options, work.progress)?),
        };
        let samples = self.source.part(0..self.source.len());
        let plan = runner.plan();
        let options = units::Options {
            rows: cost.sentences..sentences,
            size: plan.unit,
            workers: work.options.threads.unwrap_or_else(default_threads),
            interrupt: work.interrupt,
        };
        let prepare = |rows, buffer| model.side().unit(&samples, rows, plan, buffer);
        units::for_each(&options, prepare, |unit| {
            *cut += unit.cut;
            let computed = runner.run(unit, &mut |_| !work.interrupt.is_raised())?;
            let words = computed.rows();
            cost.words += words;
            cost.sentences = unit.rows.end;
            cost.seconds += last.elapsed().as_secs_f64();
            take(&WordBlock {
                sentences: unit.rows.clone(),
                n_features: computed.features.len() / words.max(1),
                features: &computed.features,
            })?;
            work.progress.event(Event::Samples {
                model: model.name(),
                done: cost.words,
            });
            last = Instant::now();
            Ok(())
        })
    }

    /// What the model at `index` took so far.
    pub fn cost(&self, index: usize) -> WordCost {
        self.models[index].cost
    }

    /// Lets go of the model at `index`, which is not needed any more.
    pub fn stop(&mut self, index: usize) {
        self.models[index].runner = None;
    }

    /// Tells that the model at `index` is through, and what was left out.
    pub fn tell(&self, index: usize) {
        let (model, way) = (self.work.models[index].name(), &self.models[index]);
        if way.cut > 0 {
            let note = format!("{model}: {} words are longer than it takes, and were cut", way.cut);
            self.work.progress.event(Event::Note(&note));
        }
        self.work.progress.event(Event::ModelFinished {
            model,
            seconds: way.cost.seconds,
            cached: false,
        });
    }
}

/// Runs the one model of `work` over all sentences of its data set.
///
/// # Errors
/// As [`WordExtractor::new`] and [`WordExtractor::advance`]; [`ErrorKind::InvalidInput`] where there are several models, or none.
pub fn extract_words(work: &Extraction<'_>, take: &mut TakeWords<'_>) -> Result<(), Error> {
    if work.models.len() != 1 {
        let text = format!("expected one model, found {}", work.models.len());
        return Err(Error::new(ErrorKind::InvalidInput, text));
    }
    let mut extractor = WordExtractor::new(work)?;
    extractor.advance(0, extractor.sentences(), take)?;
    extractor.tell(0);
    Ok(())
}
