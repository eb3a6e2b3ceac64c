//! The search for the learning rate and λ: one trial per value; the validation samples decide. Without a search there is one
//! run. All trials share the teachers' predictions.

use ranktune_core::Event;
use ranktune_nn::Mode;
use ranktune_report::training::{LambdaPoint, Measured, RatePoint, ValidatedEpoch};
use ranktune_train::{BatchNorm, Need, Trained};
use serde_json::{Map, Value};

use super::choice::{self, Tried};
use super::options::{DEFAULT_LAMBDA, Lambda};
use super::run::{RunKind, TrialConfig, TrialResult, TrialRunner, decimal};
use crate::error::{Error, ErrorKind};

/// The result of the search.
pub(crate) struct SearchResult {
    pub(crate) trained: Trained,
    /// By learning rate, where it was chosen from several.
    pub(crate) rate_curve: Vec<RatePoint>,
    /// By λ, where it was chosen from a grid.
    pub(crate) lambda_curve: Vec<LambdaPoint>,
    pub(crate) settings: Map<String, Value>,
}

/// A trial of a configuration, finished or paused.
pub(crate) struct Trial {
    pub(crate) config: TrialConfig,
    pub(crate) tried: Tried,
    pub(crate) batch_norm: &'static str,
    /// Time of its steps, and their number.
    times: (f64, u64),
    /// Seconds of every epoch, those before a checkpoint too.
    pub(crate) epoch_seconds: Vec<f64>,
    /// The validation of every epoch.
    validated: Vec<ValidatedEpoch>,
}

/// Trains once; or tries every learning rate at one λ, then every λ at the chosen rate, and keeps the best trial.
pub(crate) fn run(runner: &TrialRunner<'_>) -> Result<SearchResult, Error> {
    let options = runner.options;
    let (rates, grid) = (options.rates(), options.grid(runner.method));
    let mut config = TrialConfig {
        rate: options.train.learning_rate,
        batch_norm: options.train.batch_norm,
        lambda: first_lambda(grid, &options.lambda),
    };
    if rates.is_none() && grid.is_none() {
        let result = runner.run(config, ("", ""), RunKind::Only)?;
        return Ok(SearchResult {
            settings: runner.settings(&result, config.lambda),
            trained: result.trained,
            rate_curve: Vec::new(),
            lambda_curve: Vec::new(),
        });
    }
    let search = Search {
        runner,
        by_rate: rates.is_some(),
        by_lambda: grid.is_some(),
    };
    let mut chosen: Option<Trial> = None;
    let mut rate_curve = Vec::new();
    let mut tried: Vec<(TrialConfig, f64)> = Vec::new();
    if let Some(rates) = rates {
        let configs = rate_configs(runner, rates, config)?;
        let (trials, place) = search.trials(&configs, None, |tried| is_usual_rate(runner, tried))?;
        rate_curve = trials.iter().map(rate_point).collect();
        tried.extend(trials.iter().map(|trial| (trial.config, trial.tried.measured.value)));
        config = trials[place].config;
        chosen = trials.into_iter().nth(place);
    }
    let mut lambda_curve = Vec::new();
    if let Some(grid) = grid {
        let configs: Vec<TrialConfig> = grid.iter().map(|&lambda| TrialConfig { lambda, ..config }).collect();
        let (trials, place) = search.trials(&configs, chosen, |tried| tried.lambda == DEFAULT_LAMBDA)?;
        lambda_curve = trials.iter().map(lambda_point).collect();
        config = trials[place].config;
        chosen = trials.into_iter().nth(place);
    }
    // Trials do not keep their models, which can be large: the chosen one is read back from its last checkpoint.
    let place = search.place(config);
    let mut result = search.chosen(config)?;
    if let Some(chosen) = chosen {
        (result.trained.step_seconds, result.trained.steps_timed) = chosen.times;
    }
    let mut settings = runner.settings(&result, config.lambda);
    if runner.method.needs(Need::Search) {
        let (model, soup) = search.cook(tried, result.trained.model)?;
        result.trained.model = model;
        settings.insert("soup".to_owned(), soup);
    }
    if let Ok(bytes) = std::fs::read(runner.folder.join(&format!("{place}log.jsonl"))) {
        runner.folder.write("log.jsonl", &bytes)?;
    }
    Ok(SearchResult {
        settings,
        trained: result.trained,
        rate_curve,
        lambda_curve,
    })
}

/// The λ of the first trial, at which learning rates are compared.
fn first_lambda(grid: Option<&[f64]>, lambda: &Lambda) -> f64 {
    if let Some(grid) = grid {
        if grid.contains(&DEFAULT_LAMBDA) {
            return DEFAULT_LAMBDA;
        }
        return grid.first().copied().unwrap_or(DEFAULT_LAMBDA);
    }
    match lambda {
        Lambda::Fixed(lambda) => *lambda,
        // The method has no λ to choose.
        Lambda::Grid(_) => 0.0,
    }
}

/// The trials of learning rates. At a rate other than the usual one it is not known whether running statistics or those of the batch do
/// better (`experiments/tuning_quality`), so both are tried where `try_both` says so.
///
/// # Errors
/// As [`MethodData::make`](super::method::MethodData::make).
pub(crate) fn rate_configs(
    runner: &TrialRunner<'_>,
    rates: &[f32],
    config: TrialConfig,
) -> Result<Vec<TrialConfig>, Error> {
    let try_both = try_both_statistics(runner, config)?;
    let statistics = |rate| {
        if try_both && !is_usual_rate(runner, &TrialConfig { rate, ..config }) {
            return vec![BatchNorm::Frozen, BatchNorm::Train];
        }
        vec![config.batch_norm]
    };
    let of_rate = |&rate: &f32| {
        statistics(rate).into_iter().map(move |batch_norm| TrialConfig {
            rate,
            batch_norm,
            ..config
        })
    };
    Ok(rates.iter().flat_map(of_rate).collect())
}

/// Whether the learning rate is that of the options, which is kept unless another is better.
pub(crate) fn is_usual_rate(runner: &TrialRunner<'_>, config: &TrialConfig) -> bool {
    config.rate == runner.options.train.learning_rate
}

/// Whether both kinds of BatchNormalization's statistics are worth trying: the options leave the choice open, the samples are few, and
/// model and method have a choice.
fn try_both_statistics(runner: &TrialRunner<'_>, config: TrialConfig) -> Result<bool, Error> {
    let is_open = runner.options.train.batch_norm == BatchNorm::Auto;
    let few = BatchNorm::Auto.decided(runner.splits.train.targets.n_samples()) == BatchNorm::Frozen;
    let nodes = &runner.network.graph.nodes;
    let method = runner.data.make(runner.method, config.lambda)?;
    let trains = method.mode(Mode::Training, 0, 0) == Mode::Training;
    Ok(is_open && few && trains && nodes.iter().any(|node| node.is("BatchNormalization")))
}

/// The statistics of BatchNormalization in a trial that fixes them.
fn statistics(config: TrialConfig) -> Option<&'static str> {
    match config.batch_norm {
        BatchNorm::Frozen => Some("frozen"),
        BatchNorm::Train => Some("batch"),
        _ => None,
    }
}

/// What the trials differ in, by which they are named.
pub(crate) struct Search<'a> {
    pub(crate) runner: &'a TrialRunner<'a>,
    pub(crate) by_rate: bool,
    pub(crate) by_lambda: bool,
}

impl Search<'_> {
    /// The chosen trial of a configuration, resumed from its last checkpoint for its weights.
    pub(crate) fn chosen(&self, config: TrialConfig) -> Result<TrialResult, Error> {
        self.runner
            .run(config, (&self.name(config), &self.place(config)), RunKind::Chosen)
    }

    /// The name of a trial in progress lines.
    pub(crate) fn name(&self, config: TrialConfig) -> String {
        let rate = self.by_rate.then(|| match statistics(config) {
            Some(statistics) => format!("rate {} ({statistics} statistics)", config.rate),
            None => format!("rate {}", config.rate),
        });
        let lambda = self.by_lambda.then(|| format!("lambda {}", config.lambda));
        rate.into_iter().chain(lambda).collect::<Vec<_>>().join(", ")
    }

    /// The folder of a trial's records.
    fn place(&self, config: TrialConfig) -> String {
        let rate = self.by_rate.then(|| match statistics(config) {
            Some(statistics) => format!("rate-{}-{statistics}/", config.rate),
            None => format!("rate-{}/", config.rate),
        });
        let lambda = self.by_lambda.then(|| format!("lambda-{}/", config.lambda));
        format!("grid/{}{}", rate.unwrap_or_default(), lambda.unwrap_or_default())
    }

    /// Runs a trial of each of `configs` (one of which may be `known`). Returns the trials and the place of the chosen one.
    pub(crate) fn trials(
        &self,
        configs: &[TrialConfig],
        mut known: Option<Trial>,
        is_default: impl Fn(&TrialConfig) -> bool,
    ) -> Result<(Vec<Trial>, usize), Error> {
        let mut trials: Vec<Trial> = Vec::new();
        let mut diverged = None;
        for (place, &config) in configs.iter().enumerate() {
            if !trials.is_empty() && self.runner.seconds_left() == Some(0.0) {
                let text = format!("{}: left out, since no time is left of the budget", self.name(config));
                self.runner.progress.event(Event::Note(&text));
                continue;
            }
            let runs = u32::try_from(configs.len() - place).unwrap_or(1);
            self.runner.runs_left.set(runs);
            if let Some(mut trial) = known.take_if(|trial| trial.config == config) {
                // Its standard error was that of the difference from another trial.
                trial.tried.measured.standard_error = None;
                trials.push(trial);
                continue;
            }
            match self.trial(config) {
                Ok(trial) => trials.push(trial),
                // A value that is too large is left out; the others are compared without it.
                Err(error) if error.kind() == ErrorKind::Diverged => {
                    let text = format!("{}: {error}; left out", self.name(config));
                    self.runner.progress.event(Event::Note(&text));
                    diverged = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        let default = trials.iter().position(|trial| is_default(&trial.config));
        let mut tried: Vec<&mut Tried> = trials.iter_mut().map(|trial| &mut trial.tried).collect();
        match choice::choose(&mut tried, default) {
            Some(place) => Ok((trials, place)),
            None => Err(diverged.unwrap_or_else(|| Error::new(ErrorKind::Training, "there is no value to try"))),
        }
    }

    fn trial(&self, config: TrialConfig) -> Result<Trial, Error> {
        let name = self.name(config);
        let result = self.runner.run(config, (&name, &self.place(config)), RunKind::Trial)?;
        let TrialResult { trained, resampled, .. } = result;
        let record = self.runner.validation_record(&trained)?;
        self.runner.progress.event(Event::Done(&format!(
            "{name}: validation {} {:.4}, loss {:.4}",
            record.metric, record.value, record.loss
        )));
        Ok(Trial {
            config,
            tried: Tried {
                measured: Measured {
                    metric: record.metric.clone(),
                    value: record.value,
                    loss: record.loss,
                    standard_error: None,
                },
                resampled,
            },
            batch_norm: trained.batch_norm,
            times: (trained.step_seconds, trained.steps_timed),
            epoch_seconds: trained.epochs.iter().map(|epoch| epoch.seconds).collect(),
            validated: trained
                .epochs
                .iter()
                .filter_map(|epoch| epoch.validation.as_ref())
                .map(|record| ValidatedEpoch {
                    value: record.value,
                    loss: record.loss,
                })
                .collect(),
        })
    }
}

fn rate_point(trial: &Trial) -> RatePoint {
    RatePoint {
        learning_rate: decimal(f64::from(trial.config.rate)),
        batch_norm: trial.batch_norm.to_owned(),
        measured: trial.tried.measured.clone(),
        epochs: trial.validated.clone(),
    }
}

fn lambda_point(trial: &Trial) -> LambdaPoint {
    LambdaPoint {
        lambda: trial.config.lambda,
        measured: trial.tried.measured.clone(),
    }
}
