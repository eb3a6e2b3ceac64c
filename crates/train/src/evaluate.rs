//! Running a graph over samples in the evaluation view: logits, the loss of the task, a measure.

use super::job::Judge;
use super::loader::with_batches;
use super::order::Order;
use super::prepared::Prepared;
use super::{Event, Inputs, Interrupt, Samples, Targets, TrainOptions, ValidationRecord, Watch, losses, metrics};
use ranktune_nn::Feed;
use ranktune_nn::{Error, ErrorKind, Result, TrainableGraph};

/// Samples that are evaluated, and how.
pub(super) struct Evaluation<'a> {
    pub samples: &'a dyn Samples,
    pub prepared: &'a Prepared<'a>,
    pub judge: Option<&'a dyn Judge>,
    pub options: &'a TrainOptions,
}

/// The feeds of a batch, by name.
pub(super) fn feeds(inputs: Inputs) -> (Vec<(String, Feed)>, Option<Vec<usize>>) {
    let feeds = inputs
        .feeds
        .into_iter()
        .map(|(name, tensor)| (name, Feed::from(tensor)));
    (feeds.collect(), inputs.rows)
}

/// The same, as a graph takes them.
pub(super) fn named(feeds: &[(String, Feed)]) -> Vec<(&str, Feed)> {
    feeds.iter().map(|(name, feed)| (name.as_str(), feed.clone())).collect()
}

/// What a graph makes of all samples.
pub(super) struct Found {
    /// Logits `[rows, columns]` in the order of the targets; regression: in the units of the data.
    pub values: Vec<f32>,
    /// Mean loss of the task.
    pub loss: f64,
}

impl Evaluation<'_> {
    /// Loss and measure of a graph whose first output is the logits; `None` when interrupted.
    pub(super) fn run(
        &self,
        graph: &TrainableGraph,
        logits: &str,
        watch: &dyn Watch,
        interrupt: &Interrupt,
    ) -> Result<Option<ValidationRecord>> {
        let Some(found) = self.logits(graph, logits, watch, interrupt)? else {
            return Ok(None);
        };
        let (metric, value) = self.measure(&found.values, self.prepared.targets);
        Ok(Some(ValidationRecord {
            loss: found.loss,
            metric,
            value,
        }))
    }

    /// Name and value of the measure.
    pub(super) fn measure(&self, logits: &[f32], targets: &Targets) -> (String, f64) {
        match self.judge {
            Some(judge) => (judge.name().to_owned(), judge.judge(logits, targets)),
            None => {
                let (name, value) = metrics::measure(logits, targets);
                (name.to_owned(), value)
            }
        }
    }

    /// What the graph makes of all samples; `None` when interrupted.
    pub(super) fn logits(
        &self,
        graph: &TrainableGraph,
        logits: &str,
        watch: &dyn Watch,
        interrupt: &Interrupt,
    ) -> Result<Option<Found>> {
        let n_samples = self.prepared.targets.n_samples();
        let batches = Order::new(self.samples, self.options.batch_size).evaluation();
        let loading = (self.options.load_threads, self.options.load_ahead);
        let columns = self.prepared.targets.columns();
        let total = self.prepared.targets.rows_of(n_samples.saturating_sub(1)).end;
        let (mut all, mut loss, mut rows, mut done) = (vec![0.0; total * columns], 0.0, 0, 0);
        let complete = with_batches(self.samples, &batches, loading, |batches| {
            while let Some(batch) = batches.next() {
                if interrupt.is_raised() {
                    return Ok(false);
                }
                let (picks, inputs) = batch?;
                let (feeds, wanted) = feeds(inputs);
                let pass = graph.evaluate(&named(&feeds))?;
                let target = self.prepared.batch(picks);
                let expected: usize = picks
                    .iter()
                    .map(|pick| self.prepared.targets.rows_of(pick.sample).len())
                    .sum();
                done += picks.len();
                watch.event(Event::Validating {
                    done,
                    samples: n_samples,
                });
                if expected == 0 {
                    continue;
                }
                let found = losses::rows_of(&pass.output(logits)?, wanted.as_deref())?;
                let value = losses::task(&found, &target, 0.0, graph.device())?.to_values()?;
                loss += f64::from(value[0]) * expected as f64;
                rows += expected;
                // Batches are of samples of like length; the logits stand in the order of the targets.
                let values = found.to_values()?;
                let mut rest = values.as_slice();
                for pick in picks {
                    let own = self.prepared.targets.rows_of(pick.sample);
                    let (taken, left) = rest.split_at(own.len() * columns);
                    all[own.start * columns..own.end * columns].copy_from_slice(taken);
                    rest = left;
                }
            }
            Ok(true)
        })?;
        if !complete {
            return Ok(None);
        }
        if rows == 0 {
            return Err(Error::new(ErrorKind::Input, "no validation sample has a target"));
        }
        if let Some(standard) = &self.prepared.standard {
            for row in all.chunks_exact_mut(columns) {
                for ((value, mean), deviation) in row.iter_mut().zip(&standard.mean).zip(&standard.deviation) {
                    *value = *value * deviation + mean;
                }
            }
        }
        Ok(Some(Found {
            values: all,
            loss: loss / rows as f64,
        }))
    }
}
