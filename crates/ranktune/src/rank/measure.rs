//! How long models take for a sample, from a run on a few samples.
//!
//! The run is that of a ranking: the same engines, threads, batches and preparation. It goes over growing parts of a small draw, and a model
//! stops as soon as one part takes long enough to be measured. Decoding is shared by all models of a ranking; the smallest model therefore
//! runs twice, the first time with the decoding, and the difference is the time of decoding.
//!
//! Price: a model takes about half a second, and longer than that where three batches do.

use std::ops::Range;

use ranktune_core::Silent;
use ranktune_data::Task;
use ranktune_features::extract::{CacheOptions, ExtractOptions, Extraction, Extractor, PreparedModel, WordExtractor};

use crate::error::Error;

/// Ends of the parts: each is a multiple of every batch size that engines prefer, and about twice as long as the one before.
const ENDS: [usize; 7] = [16, 48, 112, 240, 496, 1008, 2032];

/// Length of the part with which slow models begin, and whose time counts as their warming up: a batch of large images.
const FIRST: usize = 4;

/// Time of a part in seconds that is long enough for a measurement.
const ENOUGH_SECONDS: f64 = 0.25;

/// Time of decoding a part in seconds after which no further part is decoded: models that are still too fast to be measured take little
/// beside it.
const ENOUGH_DECODING: f64 = 1.0;

/// Weights of the models that are measured together, so that they stay loaded from one part to the next.
const TOGETHER: u64 = 1 << 27;

/// What a model takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Measured {
    /// Inference and preparation of a sample without decoding, in seconds.
    pub(super) per_sample: f64,
    /// Loading, and the first run, in seconds.
    pub(super) to_begin: f64,
    /// Numbers in a row: features and logits.
    pub(super) row: Row,
}

/// Numbers in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) features: usize,
    pub(super) logits: usize,
}

/// What models take for a sample.
pub(super) struct Measurement {
    /// Of every model, or why it does not run.
    pub(super) models: Vec<Result<Measured, Error>>,
    /// Decoding of a sample in seconds.
    pub(super) decode: f64,
}

/// Measures the models of `work` on its first samples.
///
/// # Errors
/// As [`extract`](ranktune_features::extract::extract), for what is not the fault of one model.
pub(super) fn measure(work: &Extraction<'_>) -> Result<Measurement, Error> {
    let mut measurement = Measurement {
        models: Vec::new(),
        decode: 0.0,
    };
    let Some(smallest) = work.models.iter().min_by_key(|model| model.parameters()) else {
        return Ok(measurement);
    };
    let options = ExtractOptions {
        cache: CacheOptions::Off,
        ..work.options.clone()
    };
    let count = work.dataset.n_samples().min(ENDS[ENDS.len() - 1]);
    let order: Vec<usize> = (0..count).collect();
    let dataset = work.dataset.select(&order)?;
    for group in groups(work.models) {
        let models: Vec<PreparedModel> = std::iter::once(smallest)
            .chain(&work.models[group.clone()])
            .cloned()
            .collect();
        let few = Extraction {
            models: &models,
            dataset: &dataset,
            digests: &work.digests[..count],
            options: &options,
            progress: &Silent,
            interrupt: work.interrupt,
        };
        let mut times = if dataset.targets.task() == Task::Tokens {
            by_sentence(&few)?
        } else {
            by_sample(&few)?
        };
        let decoding = times.remove(0);
        let own = group
            .clone()
            .position(|at| std::ptr::eq(&raw const work.models[at], smallest));
        if let (Ok((with, _)), Some(Ok((without, _)))) = (decoding, own.and_then(|own| times.get(own))) {
            measurement.decode = with.beyond(without);
        }
        let measured = times
            .into_iter()
            .map(|times| times.map(|(times, row)| times.measured(row)));
        measurement.models.extend(measured);
    }
    Ok(measurement)
}

/// Consecutive models with few weights together; a large model alone.
fn groups(models: &[PreparedModel]) -> Vec<Range<usize>> {
    let (mut groups, mut begin, mut weights) = (Vec::new(), 0, 0);
    for (at, model) in models.iter().enumerate() {
        if at > begin && weights + model.parameters() > TOGETHER {
            groups.push(begin..at);
            (begin, weights) = (at, 0);
        }
        weights += model.parameters();
    }
    groups.push(begin..models.len());
    groups
}

/// The parts of a run, by their ends.
fn ends(samples: usize) -> impl Iterator<Item = usize> {
    let inner = std::iter::once(FIRST).chain(ENDS).filter(move |end| *end < samples);
    inner.chain([samples])
}

/// Times of a model after every part.
#[derive(Clone, Default)]
struct Times(Vec<(usize, f64)>);

impl Times {
    /// Adds the time after `samples` in all, and returns that of this part; 0 for the first, which warms up.
    fn add(&mut self, samples: usize, seconds: f64) -> f64 {
        let before = self.0.last().map_or(seconds, |last| last.1);
        self.0.push((samples, seconds));
        seconds - before
    }

    /// The time per sample that these take beyond `other`, in the parts after the first that both have.
    fn beyond(&self, other: &Self) -> f64 {
        let parts = self.0.len().min(other.0.len());
        if parts == 0 {
            return 0.0;
        }
        let between = |times: &Self| match parts {
            1 => times.0[0],
            _ => (times.0[parts - 1].0 - times.0[0].0, times.0[parts - 1].1 - times.0[0].1),
        };
        let (samples, seconds) = between(self);
        (seconds - between(other).1).max(0.0) / samples.max(1) as f64
    }

    /// The last part has the time per sample; what the first took beyond that is the time to begin.
    fn measured(&self, row: Row) -> Measured {
        let [before @ .., (samples, seconds)] = self.0.as_slice() else {
            return Measured::default();
        };
        let (samples_before, seconds_before) = before.last().copied().unwrap_or_default();
        let count = samples.saturating_sub(samples_before).max(1);
        let per_sample = (seconds - seconds_before) / count as f64;
        let to_begin = self.0[0].1 - per_sample * self.0[0].0 as f64;
        Measured {
            per_sample,
            to_begin: if before.is_empty() { 0.0 } else { to_begin.max(0.0) },
            row,
        }
    }
}

/// The times of every model and what its rows hold, or why it does not run.
type AllTimes = Vec<Result<(Times, Row), Error>>;

fn by_sample(work: &Extraction<'_>) -> Result<AllTimes, Error> {
    let mut extractor = Extractor::new(work)?;
    let mut times = vec![Times::default(); work.models.len()];
    let mut running: Vec<usize> = (0..work.models.len()).collect();
    let mut seen = vec![0; work.models.len()];
    for end in ends(extractor.samples()) {
        extractor.advance_to(end)?;
        let mut decoding = 0.0;
        running.retain(|&model| {
            let (seconds, computed) = extractor.cost(model);
            seen[model] = end.min(computed);
            let part = times[model].add(computed, seconds);
            if model == 0 {
                // It decodes for the others, and stays.
                decoding = part;
                return true;
            }
            // A model that failed is behind.
            computed >= end && part < ENOUGH_SECONDS
        });
        if running == [0] || decoding >= ENOUGH_DECODING {
            break;
        }
        for model in 1..work.models.len() {
            if !running.contains(&model) {
                extractor.stop(model);
            }
        }
    }
    let measured = times.into_iter().zip(seen).enumerate().map(|(model, (times, seen))| {
        let row = extractor.look(model, seen, |features| {
            Ok(Row {
                features: features.n_features(),
                logits: features.logits()?.map_or(0, |(_, columns)| columns),
            })
        })?;
        Ok((times, row))
    });
    Ok(measured.collect())
}

fn by_sentence(work: &Extraction<'_>) -> Result<AllTimes, Error> {
    let mut extractor = WordExtractor::new(work)?;
    let sentences = extractor.sentences();
    let measured = (0..work.models.len()).map(|model| {
        let mut times = Times::default();
        for end in ends(sentences) {
            extractor.advance(model, end, &mut |_| Ok(()))?;
            if times.add(end, extractor.cost(model).seconds) >= ENOUGH_SECONDS {
                break;
            }
        }
        extractor.stop(model);
        // Features of words are not kept.
        Ok((times, Row::default()))
    });
    Ok(measured.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_has_the_time_per_sample_and_the_first_the_time_to_begin() {
        let mut times = Times::default();
        assert_eq!(times.add(4, 1.4), 0.0, "the first part warms up");
        times.add(16, 1.5);
        assert!((times.add(48, 4.7) - 3.2).abs() < 1e-12);
        let measured = times.measured(Row::default());
        assert!((measured.per_sample - 0.1).abs() < 1e-12, "{measured:?}");
        assert!((measured.to_begin - 1.0).abs() < 1e-12, "{measured:?}");
    }

    #[test]
    fn decoding_is_what_the_same_parts_take_longer_with_it() {
        let with = Times(vec![(4, 1.0), (16, 2.0), (48, 6.0)]);
        let without = Times(vec![(4, 0.9), (16, 1.3)]);
        assert!((with.beyond(&without) - 0.6 / 12.0).abs() < 1e-12);
        assert_eq!(without.beyond(&with), 0.0);
        assert!((Times(vec![(3, 1.0)]).beyond(&Times(vec![(3, 0.7)])) - 0.1).abs() < 1e-12);
    }

    #[test]
    fn a_small_data_set_is_one_part() {
        assert_eq!(ends(3).collect::<Vec<_>>(), [3]);
        assert_eq!(ends(16).collect::<Vec<_>>(), [4, 16]);
        assert_eq!(ends(100).collect::<Vec<_>>(), [4, 16, 48, 100]);
        let mut times = Times::default();
        times.add(2, 0.5);
        assert_eq!(
            times.measured(Row::default()),
            Measured {
                per_sample: 0.25,
                to_begin: 0.0,
                row: Row::default()
            }
        );
    }
}
