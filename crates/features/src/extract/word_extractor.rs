//! Features of words: sentences run through a model, one row per word, passed on as they are computed and not kept.
//!
//! A corpus has far more words than sentences, so its features would be a matrix of gigabytes; scores keep sums instead. Nothing
//! is stored: the rows of one model would evict those of all others.

use std::ops::Range;
use std::time::Instant;

use ranktune_core::Event;

use super::engines::Engines;
use super::input;
use super::modality::Source;
use super::model::PreparedModel;
use super::runner::{KEPT_PARAMETERS, Runner};
use super::units;
use super::work::Extraction;
use crate::engine::default_threads;
use crate::{Error, ErrorKind};

/// Features of the words of consecutive sentences.
#[derive(Clone, Debug)]
pub struct WordBlock<'a> {
    /// Positions of the sentences in the data set.
    pub sentences: Range<usize>,
    /// `[words, d]`: the words of the sentences, in order.
    pub features: &'a [f32],
    /// `d`
    pub n_features: usize,
}

/// The cost of a model so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WordCost {
    /// Time in seconds, without that of the receiver of the blocks.
    pub seconds: f64,
    /// Number of sentences that the engine ran.
    pub sentences: usize,
    /// Number of their words.
    pub words: usize,
}

/// Receives the features of all sentences in order, each once. An error makes the model unusable.
pub type TakeWords<'t> = dyn FnMut(&WordBlock<'_>) -> Result<(), Error> + 't;

/// Extraction of words in steps: advance a model to some sentence, then another one, later continue the first.
pub struct WordExtractor<'a> {
    work: &'a Extraction<'a>,
    source: Source<'a>,
    engines: Engines,
    /// Whether models stay loaded between steps, because all of them fit in memory together.
    keeps_runners: bool,
    models: Vec<ModelProgress<'a>>,
}

/// A model and its cost so far.
#[derive(Default)]
struct ModelProgress<'a> {
    runner: Option<Runner<'a>>,
    cost: WordCost,
    /// Words truncated to the maximum length of the model.
    truncated: usize,
}

impl<'a> WordExtractor<'a> {
    /// Opens the engines; loads no model.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for other data than sentences of words; an engine that was chosen by name and is not available.
    pub fn new(work: &'a Extraction<'a>) -> Result<Self, Error> {
        if !work.dataset.kind().is_by_word() {
            let message = format!("expected sentences of words, found {}", work.dataset.kind().name());
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let parameters: u64 = work.models.iter().map(PreparedModel::parameters).sum();
        Ok(Self {
            work,
            source: Source::new(&work.dataset.inputs)?,
            engines: Engines::open(work.options, work.progress)?,
            keeps_runners: parameters <= KEPT_PARAMETERS,
            models: work.models.iter().map(|_| ModelProgress::default()).collect(),
        })
    }

    /// Number of sentences of the data set.
    pub fn sentences(&self) -> usize {
        self.source.len()
    }

    /// Advances the model at `index` to the first `sentences` sentences, and calls `take` with the features of the new ones.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`]; any other error, including that of `take`, makes the model unusable.
    pub fn advance(&mut self, index: usize, sentences: usize, take: &mut TakeWords<'_>) -> Result<(), Error> {
        let sentences = sentences.min(self.sentences());
        if self.models[index].cost.sentences >= sentences {
            return Ok(());
        }
        let result = self.run(index, sentences, take);
        let progress = &mut self.models[index];
        if result.is_err() || !self.keeps_runners || progress.cost.sentences == self.source.len() {
            progress.runner = None;
        }
        if self.work.interrupt.is_raised() {
            let message = "interrupted; features of words are not kept";
            return Err(Error::new(ErrorKind::Interrupted, message));
        }
        result
    }

    fn run(&mut self, index: usize, sentences: usize, take: &mut TakeWords<'_>) -> Result<(), Error> {
        let work = self.work;
        let model = &work.models[index];
        let ModelProgress {
            runner,
            cost,
            truncated,
        } = &mut self.models[index];
        work.progress.event(Event::ModelStarted {
            model: model.name(),
            samples: work.dataset.targets.n_predicted(),
        });
        let mut last = Instant::now();
        let runner = match runner {
            Some(runner) => runner,
            None => runner.insert(Runner::open(model, &self.engines, work.options, work.progress)?),
        };
        let samples = self.source.part(0..self.source.len(), None);
        let plan = runner.plan();
        let options = units::Options {
            rows: (cost.sentences..sentences).collect(),
            size: plan.unit,
            workers: work.options.threads.unwrap_or_else(default_threads),
            interrupt: work.interrupt,
        };
        let prepare = |rows, buffer| input::unit(samples.as_ref(), model.side(), rows, plan, buffer);
        units::for_each(&options, prepare, |unit| {
            *truncated += unit.cut;
            let computed = runner.run(unit, &mut |_| !work.interrupt.is_raised())?;
            let words = computed.rows();
            cost.words += words;
            // Without a store, the rows of a unit follow each other.
            let first = cost.sentences;
            cost.sentences += unit.rows.len();
            cost.seconds += last.elapsed().as_secs_f64();
            take(&WordBlock {
                sentences: first..cost.sentences,
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

    /// The cost of the model at `index` so far.
    pub fn cost(&self, index: usize) -> WordCost {
        self.models[index].cost
    }

    /// Unloads the model at `index`.
    pub fn stop(&mut self, index: usize) {
        self.models[index].runner = None;
    }

    /// Reports that the model at `index` is complete.
    pub fn report(&self, index: usize) {
        let (model, progress) = (self.work.models[index].name(), &self.models[index]);
        if progress.truncated > 0 {
            self.work.note(&format!(
                "{model}: {} words were truncated to the maximum length of the model",
                progress.truncated
            ));
        }
        self.work.progress.event(Event::ModelFinished {
            model,
            seconds: progress.cost.seconds,
            computed: progress.cost.sentences,
            samples: self.source.len(),
        });
    }
}

/// Runs the one model of `work` over all sentences of its data set.
///
/// # Errors
/// As [`WordExtractor::new`] and [`WordExtractor::advance`]; [`ErrorKind::InvalidInput`] unless there is exactly one model.
pub fn extract_words(work: &Extraction<'_>, take: &mut TakeWords<'_>) -> Result<(), Error> {
    if work.models.len() != 1 {
        let text = format!("expected one model, found {}", work.models.len());
        return Err(Error::new(ErrorKind::InvalidInput, text));
    }
    let mut extractor = WordExtractor::new(work)?;
    extractor.advance(0, extractor.sentences(), take)?;
    extractor.report(0);
    Ok(())
}
