//! A graph run over samples in the evaluation view: logits, the loss of the task, the validation metric.

use ranktune_core::Interrupt;
use ranktune_nn::TrainableGraph;

use crate::batch_targets::PreparedTargets;
use crate::error::{Error, Result};
use crate::feeds::{feeds, named};
use crate::loader::with_batches;
use crate::observer::{TrainEvent, TrainObserver};
use crate::options::TrainOptions;
use crate::order::Order;
use crate::outcome::ValidationRecord;
use crate::samples::Samples;
use crate::targets::TrainTargets;
use crate::validation_metric::ValidationMetric;
use crate::{losses, metrics};

/// Samples to evaluate on, and how.
pub(crate) struct Evaluation<'a> {
    pub samples: &'a dyn Samples,
    pub prepared: &'a PreparedTargets<'a>,
    pub metric: Option<&'a dyn ValidationMetric>,
    pub options: &'a TrainOptions,
}

/// The predictions for all samples.
pub(crate) struct Predictions {
    /// Logits `[rows, columns]` in the order of the targets; regression: in the units of the data.
    pub values: Vec<f32>,
    /// Mean loss of the task.
    pub loss: f64,
}

impl Evaluation<'_> {
    /// Loss and metric of a graph whose first output is the logits; `None` when interrupted.
    pub(crate) fn run(
        &self,
        graph: &TrainableGraph,
        logits: &str,
        observer: &dyn TrainObserver,
        interrupt: &Interrupt,
    ) -> Result<Option<ValidationRecord>> {
        let Some(found) = self.logits(graph, logits, observer, interrupt)? else {
            return Ok(None);
        };
        Ok(Some(self.record(&found)))
    }

    /// The record of predictions for all samples.
    pub(crate) fn record(&self, found: &Predictions) -> ValidationRecord {
        let (metric, value) = self.measure(&found.values, self.prepared.targets);
        ValidationRecord {
            loss: found.loss,
            metric,
            value,
            f1_macro: metrics::macro_f1(&found.values, self.prepared.targets),
        }
    }

    /// Name and value of the metric.
    pub(crate) fn measure(&self, logits: &[f32], targets: &TrainTargets) -> (String, f64) {
        if let Some(metric) = self.metric {
            return (metric.name().to_owned(), metric.value(logits, targets));
        }
        let (name, value) = metrics::measure(logits, targets);
        (name.to_owned(), value)
    }

    /// The predictions for all samples; `None` when interrupted.
    pub(crate) fn logits(
        &self,
        graph: &TrainableGraph,
        logits: &str,
        observer: &dyn TrainObserver,
        interrupt: &Interrupt,
    ) -> Result<Option<Predictions>> {
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
                observer.event(TrainEvent::Validating {
                    done,
                    samples: n_samples,
                });
                if expected == 0 {
                    continue;
                }
                let found = losses::rows_of(&pass.output(logits)?, wanted.as_deref())?;
                let value = losses::task(&found, &target, (0.0, None), graph.device())?.to_values()?;
                loss += f64::from(value[0]) * expected as f64;
                rows += expected;
                // Batches hold samples of similar lengths; the logits are stored in the order of the targets.
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
            return Err(Error::input("no validation sample has a target"));
        }
        if let Some(standard) = &self.prepared.standard {
            for row in all.chunks_exact_mut(columns) {
                for ((value, mean), deviation) in row.iter_mut().zip(&standard.mean).zip(&standard.deviation) {
                    *value = *value * deviation + mean;
                }
            }
        }
        Ok(Some(Predictions {
            values: all,
            loss: loss / rows as f64,
        }))
    }
}
