//! Features of words: sentences through a model, a row a word, handed on as they come and never kept.
//!
//! A corpus has a hundred times as many words as sentences, so its features would be a matrix of gigabytes; whoever scores them
//! keeps sums. Nothing goes to the store: the rows of one model would push those of all others out of it.

use std::ops::Range;
use std::time::Instant;

use ranktune_data::Inputs;

use super::run::Extraction;
use super::runner::{Engines, Runner};
use super::samples::Source;
use super::units;
use crate::engine::default_threads;
use crate::error::one_line;
use crate::progress::Event;
use crate::{Error, ErrorKind};

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

/// How a model went.
#[derive(Debug)]
pub struct WordOutcome {
    /// Why it cannot be used, if it cannot.
    pub result: Result<(), Error>,
    /// Time it took, in seconds, without that of whoever took the blocks.
    pub seconds: f64,
    /// Words that went through it.
    pub words: usize,
}

/// Takes what [`extract_words`] gives.
pub trait WordSink {
    /// The features of the next sentences of the model at `model`; sentences come in order, and each once.
    ///
    /// # Errors
    /// What makes the model unusable.
    fn block(&mut self, model: usize, block: &WordBlock<'_>) -> Result<(), Error>;

    /// There is no more of the model at `model`.
    fn finished(&mut self, model: usize, outcome: WordOutcome);
}

/// Runs every model over the sentences of the data set and gives the words' features to `sink`, a model after the other.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] where the data are no sentences of words; [`ErrorKind::Interrupted`]; an engine that was asked for by
/// name and cannot be had. One model's failure goes to the sink instead.
pub fn extract_words(work: &Extraction<'_>, sink: &mut dyn WordSink) -> Result<(), Error> {
    let Inputs::Sentences(sentences) = &work.dataset.inputs else {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "the data are no sentences of words",
        ));
    };
    let engines = Engines::open(work.options, work.progress)?;
    let total = sentences.iter().map(Vec::len).sum();
    for (index, model) in work.models.iter().enumerate() {
        work.progress.event(Event::ModelStarted {
            model: model.name(),
            samples: total,
        });
        let mut outcome = WordOutcome {
            result: Ok(()),
            seconds: 0.0,
            words: 0,
        };
        let mut cut = 0;
        outcome.result = one(work, index, &engines, &mut outcome, &mut cut, sink);
        if work.interrupt.is_raised() {
            return Err(Error::new(
                ErrorKind::Interrupted,
                "interrupted; the features of words are not kept",
            ));
        }
        if cut > 0 {
            let note = format!("{}: {cut} words are longer than it takes, and were cut", model.name());
            work.progress.event(Event::Note(&note));
        }
        match &outcome.result {
            Ok(()) => work.progress.event(Event::ModelFinished {
                model: model.name(),
                seconds: outcome.seconds,
                cached: false,
            }),
            Err(error) => work.progress.event(Event::ModelSkipped {
                model: model.name(),
                reason: &one_line(error),
            }),
        }
        sink.finished(index, outcome);
    }
    Ok(())
}

fn one(
    work: &Extraction<'_>,
    index: usize,
    engines: &Engines,
    outcome: &mut WordOutcome,
    cut: &mut usize,
    sink: &mut dyn WordSink,
) -> Result<(), Error> {
    let model = &work.models[index];
    let begun = Instant::now();
    let source = Source::new(&work.dataset.inputs)?;
    let samples = source.part(0..source.len());
    let mut runner = Runner::open(model, engines, work.options, work.progress)?;
    outcome.seconds += begun.elapsed().as_secs_f64();
    let plan = runner.plan();
    let options = units::Options {
        rows: 0..source.len(),
        size: plan.unit,
        workers: work.options.threads.unwrap_or_else(default_threads),
        interrupt: work.interrupt,
    };
    let prepare = |rows, buffer| model.side().unit(&samples, rows, plan, buffer);
    let mut last = Instant::now();
    units::for_each(&options, prepare, |unit| {
        *cut += unit.cut;
        let computed = runner.run(unit, &mut |_| !work.interrupt.is_raised())?;
        let words = computed.rows();
        outcome.words += words;
        outcome.seconds += last.elapsed().as_secs_f64();
        let block = WordBlock {
            sentences: unit.rows.clone(),
            n_features: computed.features.len() / words.max(1),
            features: &computed.features,
        };
        sink.block(index, &block)?;
        work.progress.event(Event::Samples {
            model: model.name(),
            done: outcome.words,
        });
        last = Instant::now();
        Ok(())
    })
}
