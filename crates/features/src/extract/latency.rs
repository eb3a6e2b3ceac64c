//! How long a model takes for one sample.

use std::time::{Duration, Instant};

use super::engines::Engines;
use super::input;
use super::modality::Source;
use super::options::ExtractOptions;
use super::runner::Runner;
use super::work::Extraction;
use crate::{Error, ErrorKind};

/// Samples that are timed; their median is the latency.
const SAMPLES: usize = 5;

/// The median time in which each model of `work` runs on a sample, alone in its batch, over the first few samples; a graph with a
/// fixed batch size runs at that size. The model is loaded and its inputs are prepared beforehand, and a first run is not timed.
/// `finished` receives each result, or why the model does not run.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for data that no model takes; an engine that is not available;
/// [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted) if the interrupt of `work` was raised.
pub fn latencies(work: &Extraction<'_>, mut finished: impl FnMut(usize, Result<Duration, Error>)) -> Result<(), Error> {
    let source = Source::new(&work.dataset.inputs)?;
    let options = ExtractOptions {
        batch_size: Some(1),
        ..work.options.clone()
    };
    let engines = Engines::open(&options, work.progress)?;
    let samples = source.part(0..source.len().min(SAMPLES), None);
    for (index, model) in work.models.iter().enumerate() {
        let runner = Runner::open(model, &engines, &options, work.progress);
        let result = runner.and_then(|mut runner| {
            let mut times = Vec::new();
            // The first sample is run twice: engines allocate memory in their first run.
            for row in std::iter::once(0).chain(samples.range()) {
                let mut unit = input::unit(samples.as_ref(), model.side(), vec![row], runner.plan(), Vec::new());
                let begun = Instant::now();
                runner.run(&mut unit, &mut |_| !work.interrupt.is_raised())?;
                times.push(begun.elapsed());
            }
            let mut times = times.split_off(1);
            times.sort_unstable();
            Ok(times.get(times.len() / 2).copied().unwrap_or_default())
        });
        if work.interrupt.is_raised() {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
        }
        finished(index, result);
    }
    Ok(())
}
