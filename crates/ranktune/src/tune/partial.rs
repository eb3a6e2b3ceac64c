//! A tuning that pauses: every configuration of its search is trained for a part of the epochs, in a folder that `tune` resumes.
//!
//! ```text
//! configurations (rate, statistics) ──► paused after `epochs` of `train.epochs` ──► validation of each, and the choice of `tune`
//! ```
//!
//! A paused run is the beginning of a full one: same splits, order, views and schedule. Resuming it to a later epoch, or with
//! `tune --resume` to the end, gives the weights of a run that was never paused.

use std::cell::Cell;
use std::path::Path;

use ranktune_core::{Interrupt, Progress};
use ranktune_data::{Dataset, DatasetTargets, TagScheme};
use ranktune_hub::HubEntry;
use ranktune_report::training::Measured;
use ranktune_train::ValidationMetric;
use ranktune_train::methods;

use super::entity_f1::EntityF1;
use super::folder::OutputFolder;
use super::method::MethodData;
use super::network::{self, SourceHead};
use super::options::TuneOptions;
use super::run::{RunKind, TrialConfig, TrialRunner, decimal};
pub(crate) use super::selection::find;
use super::selection::{Reading, open};
pub(crate) use super::splits::DataSplits;
use super::trials::{Search, is_usual_rate, rate_configs};
use crate::error::Error;

/// What the partial tunings of several models share.
pub(crate) struct PartialTuning<'a> {
    pub(crate) splits: &'a DataSplits,
    /// The options of the full tuning, of a method without teachers. Model and folder are not used.
    pub(crate) options: &'a TuneOptions,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) interrupt: &'a Interrupt,
}

/// The configurations of one model, as far as they came.
pub(crate) struct PartialResult {
    /// Those that did not diverge, in the order of the search.
    pub(crate) configurations: Vec<Configuration>,
    /// The position in `configurations` of the one that `tune` would choose now.
    pub(crate) chosen: usize,
}

/// One configuration.
pub(crate) struct Configuration {
    /// Its position in the whole search.
    pub(crate) position: usize,
    /// Learning rate of the backbone.
    pub(crate) learning_rate: f64,
    /// How BatchNormalization ran: `train`, `frozen` or `adapted`.
    pub(crate) batch_norm: &'static str,
    /// The validation of the best epoch so far.
    pub(crate) measured: Measured,
    /// Seconds of every epoch, with validation.
    pub(crate) epoch_seconds: Vec<f64>,
}

/// Reads and splits the samples for the full tuning of `options`.
///
/// # Errors
/// [`ErrorKind::Data`](crate::ErrorKind::Data), as in [`tune`](super::tune()).
pub(crate) fn read_splits(
    dataset: &Dataset,
    options: &TuneOptions,
    progress: &dyn Progress,
) -> Result<DataSplits, Error> {
    DataSplits::read(dataset, options, progress)
}

impl PartialTuning<'_> {
    /// Trains the configurations of `entry` at the positions `among`, or all of them, up to the end of `epochs`, in `folder`.
    ///
    /// # Errors
    /// [`ErrorKind::Diverged`](crate::ErrorKind::Diverged) where all of them diverge; [`ErrorKind::Hub`](crate::ErrorKind::Hub) for a model
    /// that cannot be trained; [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted), with the checkpoint kept.
    pub(crate) fn advance(
        &self,
        entry: &HubEntry,
        folder: &Path,
        (epochs, among): (usize, Option<&[usize]>),
    ) -> Result<PartialResult, Error> {
        let (options, splits, progress) = (self.options, self.splits, self.progress);
        let method = methods::find(&options.method)?;
        let reading = Reading {
            feature: options.extract.feature.clone(),
            pooling: options.extract.pooling.clone(),
        };
        let dataset = &splits.train.dataset;
        let target = open(entry, Some(dataset.kind()), &reading)?;
        let names = dataset.targets.names();
        let samples = splits.training(&target, progress)?;
        let bias = network::initial_bias(&dataset.targets);
        let network = network::network(
            &target,
            (names.len(), bias),
            (options.train.seed, SourceHead::Removed),
            samples.as_ref(),
        )?;
        let validation = splits.validation(&target, progress)?;
        let entity_f1 = EntityF1 { names };
        let by_entity = matches!(&dataset.targets, DatasetTargets::Tags { scheme, .. } if *scheme != TagScheme::Plain);
        let runner = TrialRunner {
            target: &target,
            network: &network,
            samples: samples.as_ref(),
            validation: validation.as_deref(),
            metric: by_entity.then_some(&entity_f1 as &dyn ValidationMetric),
            splits,
            method,
            data: &MethodData::default(),
            options,
            folder: &OutputFolder::open(folder, true)?,
            pause_after: Some(epochs),
            deadline: None,
            step_seconds: Cell::new(0.0),
            runs_left: Cell::new(1),
            progress,
            interrupt: self.interrupt,
        };
        run(&runner, among)
    }
}

fn run(runner: &TrialRunner<'_>, among: Option<&[usize]>) -> Result<PartialResult, Error> {
    let train = &runner.options.train;
    let config = TrialConfig {
        rate: train.learning_rate,
        batch_norm: train.batch_norm,
        lambda: 0.0,
    };
    let Some(rates) = runner.options.rates() else {
        let trained = runner.run(config, ("", ""), RunKind::Only)?.trained;
        let record = runner.validation_record(&trained)?;
        let only = Configuration {
            position: 0,
            learning_rate: decimal(f64::from(config.rate)),
            batch_norm: trained.batch_norm,
            measured: Measured {
                metric: record.metric.clone(),
                value: record.value,
                loss: record.loss,
                standard_error: None,
            },
            epoch_seconds: trained.epochs.iter().map(|epoch| epoch.seconds).collect(),
        };
        return Ok(PartialResult {
            configurations: vec![only],
            chosen: 0,
        });
    };
    let all = rate_configs(runner, rates, config)?;
    let wanted: Vec<TrialConfig> = match among {
        Some(among) => among
            .iter()
            .filter_map(|&position| all.get(position).copied())
            .collect(),
        None => all.clone(),
    };
    let search = Search {
        runner,
        by_rate: true,
        by_lambda: false,
    };
    let (trials, chosen) = search.trials(&wanted, None, |config| is_usual_rate(runner, config))?;
    let configurations = trials.into_iter().filter_map(|trial| {
        Some(Configuration {
            position: all.iter().position(|config| *config == trial.config)?,
            learning_rate: decimal(f64::from(trial.config.rate)),
            batch_norm: trial.batch_norm,
            measured: trial.tried.measured,
            epoch_seconds: trial.epoch_seconds,
        })
    });
    Ok(PartialResult {
        configurations: configurations.collect(),
        chosen,
    })
}
