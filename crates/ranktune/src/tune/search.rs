//! The runs of one command: one, or one for every learning rate and then for every λ that was asked for, of which the validation
//! samples choose. They share what the teachers say.

use ranktune_core::Event;
use ranktune_nn::Mode;
use ranktune_report::training::{LambdaPoint, Measured, RatePoint};
use ranktune_train::{BatchNorm, Trained};
use serde_json::{Map, Value};

use super::grid::{self, Tried};
use super::method;
use super::options::{DEFAULT_LAMBDA, Lambda};
use super::run::{Job, Once, Point, Turn, decimal};
use crate::error::{Error, ErrorKind};

/// What came out.
pub(crate) struct Finished {
    pub(crate) trained: Trained,
    /// By learning rate, where it was chosen from several.
    pub(crate) rate_curve: Vec<RatePoint>,
    /// By λ, where it was chosen from a grid.
    pub(crate) lambda_curve: Vec<LambdaPoint>,
    pub(crate) settings: Map<String, Value>,
}

/// A run that was tried.
struct Attempt {
    point: Point,
    tried: Tried,
    batch_norm: &'static str,
    /// Time of its steps, and their number.
    times: (f64, u64),
}

/// Trains once, or once for every learning rate (at one λ), then once for every λ at the rate that is kept, and keeps the best.
pub(crate) fn run(job: &Job<'_>) -> Result<Finished, Error> {
    let options = job.options;
    let (rates, grid) = (options.rates(), options.grid());
    let mut point = Point {
        rate: options.train.learning_rate,
        batch_norm: options.train.batch_norm,
        lambda: match (grid, &options.lambda) {
            (Some(grid), _) if grid.contains(&DEFAULT_LAMBDA) => DEFAULT_LAMBDA,
            (Some(grid), _) => grid.first().copied().unwrap_or(DEFAULT_LAMBDA),
            (None, Lambda::Fixed(lambda)) => *lambda,
            // Of a method that has no weight to choose.
            (None, Lambda::Grid(_)) => 0.0,
        },
    };
    if rates.is_none() && grid.is_none() {
        let once = job.once(point, ("", ""), Turn::Only)?;
        return Ok(Finished {
            settings: job.settings(&once, point.lambda),
            trained: once.trained,
            rate_curve: Vec::new(),
            lambda_curve: Vec::new(),
        });
    }
    let search = Search {
        job,
        by_rate: rates.is_some(),
        by_lambda: grid.is_some(),
    };
    let mut kept: Option<Attempt> = None;
    let mut rate_curve = Vec::new();
    if let Some(rates) = rates {
        let usual = |rate: f32| rate == options.train.learning_rate;
        let points = rate_points(rates, point, usual, statistics_matter(job)?);
        let (attempts, place) = search.attempts(&points, None, |tried| usual(tried.rate))?;
        rate_curve = attempts.iter().map(rate_point).collect();
        point = attempts[place].point;
        kept = attempts.into_iter().nth(place);
    }
    let mut lambda_curve = Vec::new();
    if let Some(grid) = grid {
        let points: Vec<Point> = grid.iter().map(|&lambda| Point { lambda, ..point }).collect();
        let (attempts, place) = search.attempts(&points, kept, |tried| tried.lambda == DEFAULT_LAMBDA)?;
        lambda_curve = attempts.iter().map(lambda_point).collect();
        point = attempts[place].point;
        kept = attempts.into_iter().nth(place);
    }
    // Models can be large, so none but this one's is held: its run goes on from its last checkpoint, which is its end.
    let place = search.place(point);
    let mut once = job.once(point, (&search.name(point), &place), Turn::Kept)?;
    if let Some(kept) = kept {
        (once.trained.step_seconds, once.trained.steps_timed) = kept.times;
    }
    if let Ok(bytes) = std::fs::read(job.folder.join(&format!("{place}log.jsonl"))) {
        job.folder.write("log.jsonl", &bytes)?;
    }
    Ok(Finished {
        settings: job.settings(&once, point.lambda),
        trained: once.trained,
        rate_curve,
        lambda_curve,
    })
}

/// The runs that tell learning rates apart. At one that is not the usual one it cannot be said beforehand whether running statistics
/// or those of the batch do better (`experiments/tuning_quality`), so both are tried where that `matters`.
fn rate_points(rates: &[f32], point: Point, usual: impl Fn(f32) -> bool, matters: bool) -> Vec<Point> {
    let ways = |rate| match matters && !usual(rate) {
        true => vec![BatchNorm::Frozen, BatchNorm::Train],
        false => vec![point.batch_norm],
    };
    let of_rate = |&rate: &f32| {
        ways(rate).into_iter().map(move |batch_norm| Point {
            rate,
            batch_norm,
            ..point
        })
    };
    rates.iter().flat_map(of_rate).collect()
}

/// Whether it is left to the data what BatchNormalization does, and there is a choice.
fn statistics_matter(job: &Job<'_>) -> Result<bool, Error> {
    let is_left = job.options.train.batch_norm == BatchNorm::Auto;
    let few = BatchNorm::Auto.decided(job.material.train.targets.n_samples()) == BatchNorm::Frozen;
    let nodes = &job.network.graph.nodes;
    let method = method::make(&job.options.method, job.teaching, 0.0)?;
    let trains = method.mode(Mode::Training, 0) == Mode::Training;
    Ok(is_left && few && trains && nodes.iter().any(|node| node.is("BatchNormalization")))
}

/// What BatchNormalization does in a run that tries it.
fn statistics(point: Point) -> Option<&'static str> {
    match point.batch_norm {
        BatchNorm::Frozen => Some("frozen"),
        BatchNorm::Train => Some("batch"),
        _ => None,
    }
}

/// Where runs differ.
struct Search<'a> {
    job: &'a Job<'a>,
    by_rate: bool,
    by_lambda: bool,
}

impl Search<'_> {
    /// A run as progress lines call it.
    fn name(&self, point: Point) -> String {
        let rate = self.by_rate.then(|| match statistics(point) {
            Some(statistics) => format!("rate {} ({statistics} statistics)", point.rate),
            None => format!("rate {}", point.rate),
        });
        let lambda = self.by_lambda.then(|| format!("lambda {}", point.lambda));
        rate.into_iter().chain(lambda).collect::<Vec<_>>().join(", ")
    }

    /// The folder of a run's records.
    fn place(&self, point: Point) -> String {
        let rate = self.by_rate.then(|| match statistics(point) {
            Some(statistics) => format!("rate-{}-{statistics}/", point.rate),
            None => format!("rate-{}/", point.rate),
        });
        let lambda = self.by_lambda.then(|| format!("lambda-{}/", point.lambda));
        format!("grid/{}{}", rate.unwrap_or_default(), lambda.unwrap_or_default())
    }

    /// What comes of each of `points` (one of which may be `known`), and the place of the one that is kept.
    fn attempts(
        &self,
        points: &[Point],
        mut known: Option<Attempt>,
        is_default: impl Fn(&Point) -> bool,
    ) -> Result<(Vec<Attempt>, usize), Error> {
        let mut attempts: Vec<Attempt> = Vec::new();
        let mut diverged = None;
        for &point in points {
            if let Some(mut attempt) = known.take_if(|attempt| attempt.point == point) {
                // It was of the difference from another one.
                attempt.tried.measured.standard_error = None;
                attempts.push(attempt);
                continue;
            }
            match self.attempt(point) {
                Ok(attempt) => attempts.push(attempt),
                // One value that is too large does not spoil the others.
                Err(error) if error.kind() == ErrorKind::Diverged => {
                    let text = format!("{}: {error}; left out", self.name(point));
                    self.job.progress.event(Event::Note(&text));
                    diverged = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        let default = attempts.iter().position(|attempt| is_default(&attempt.point));
        let mut tried: Vec<&mut Tried> = attempts.iter_mut().map(|attempt| &mut attempt.tried).collect();
        match grid::choose(&mut tried, default) {
            Some(kept) => Ok((attempts, kept)),
            None => Err(diverged.unwrap_or_else(|| Error::new(ErrorKind::Training, "there was nothing to try"))),
        }
    }

    fn attempt(&self, point: Point) -> Result<Attempt, Error> {
        let name = self.name(point);
        let Once { trained, resampled, .. } = self.job.once(point, (&name, &self.place(point)), Turn::OfGrid)?;
        let chosen = trained.epochs.get(trained.chosen_epoch);
        let Some(record) = chosen.and_then(|epoch| epoch.validation.as_ref()) else {
            return Err(Error::new(ErrorKind::Training, "training left no validation record"));
        };
        self.job.progress.event(Event::Done(&format!(
            "{name}: validation {} {:.4}, loss {:.4}",
            record.metric, record.value, record.loss
        )));
        Ok(Attempt {
            point,
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
        })
    }
}

fn rate_point(attempt: &Attempt) -> RatePoint {
    RatePoint {
        learning_rate: decimal(f64::from(attempt.point.rate)),
        batch_norm: attempt.batch_norm.to_owned(),
        measured: attempt.tried.measured.clone(),
    }
}

fn lambda_point(attempt: &Attempt) -> LambdaPoint {
    LambdaPoint {
        lambda: attempt.point.lambda,
        measured: attempt.tried.measured.clone(),
    }
}
