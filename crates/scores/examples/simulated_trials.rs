//! What trials bring on published accuracies, where the trials are simulated:
//! `cargo run --release -p ranktune-scores --example simulated_trials -- TRUTH`.
//!
//! Each data set is left out. Its models are ranked by the record of the others and by LogME, then tried until a share of the cost of
//! tuning all of them is used. A trial of model m that has trained for a part f of a tuning reads
//!
//! ```text
//! y_m + δ_f + u + w_m      δ_f = −0.2 (1 − f),  u ~ N(0, 0.1 s²/√f),  w_m ~ N(0, p (1 − p)/n)
//! ```
//!
//! s is the standard deviation of the data set's accuracies and p their mean; w_m, the noise of n validation samples, is the same for all
//! trials of a model. The noise u is an assumption: the prior of the program. What trials of real tunings are worth is in `study.md`.

#![expect(clippy::print_stdout, reason = "a program that reports on stdout")]

mod tables;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use ranktune_core::random::Random;
use ranktune_scores::correlation::{top_k_regret, weighted_tau};
use ranktune_scores::decision::{
    Advice, AdviceOptions, Candidate, CorrelatedScore, DecisionModel, DecisionOptions, DecisionTarget, NormalPrior,
    Past, PastResult, Rung, Trial, TrialCost,
};
use tables::{data_sets, read, with_scores_of};

/// Parts of a tuning at which a trial can stop.
const PARTS: [f64; 4] = [0.1, 0.2, 0.4, 0.8];
const SHARES: [f64; 4] = [0.0, 0.02, 0.05, 0.10];
const VALIDATION_SAMPLES: [f64; 4] = [20.0, 100.0, 500.0, 2500.0];
const DRAWS: u64 = 10;
/// z of 90 %.
const FACTOR: f64 = 1.644_854;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("give the folder of tables")?;
    let folder = Path::new(&folder);
    let tllib = read(&folder.join("tllib_cnn.csv"), "tllib")?;
    let sfda = with_scores_of(&read(&folder.join("sfda_cnn.csv"), "sfda")?, &tllib);
    println!("table  validation samples  budget   spent  weighted tau  regret  expected  inside 90 %");
    for (label, rows) in [("tllib", &tllib), ("sfda", &sfda)] {
        for n in VALIDATION_SAMPLES {
            for share in SHARES {
                let mut sums = Sums::default();
                for set in data_sets(rows) {
                    let fitted = Fitted::new(rows, set, n)?;
                    for draw in 0..DRAWS {
                        sums.add(&fitted, share, &mut Random::new(draw))?;
                    }
                }
                let mean = |sum: f64| sum / sums.searches;
                println!(
                    "{label:<5}  {n:>18}  {:>4.0} %  {:>4.1} %  {:>12.3}  {:>6.2}  {:>8.2}  {:>9.1} %",
                    100.0 * share,
                    100.0 * mean(sums.spent),
                    mean(sums.tau),
                    100.0 * mean(sums.regret),
                    100.0 * mean(sums.expected),
                    100.0 * sums.inside / sums.models
                );
            }
        }
    }
    Ok(())
}

/// The decision model without one data set, and what is true there.
struct Fitted {
    model: DecisionModel,
    target: DecisionTarget,
    accuracies: Vec<f64>,
    sampling: f64,
    scale: f64,
}

impl Fitted {
    fn new(rows: &[PastResult], set: &str, n_validation: f64) -> Result<Self, Box<dyn Error>> {
        let logme = |row: &PastResult| BTreeMap::from([("logme".to_owned(), row.scores["logme"])]);
        let (here, others): (Vec<&PastResult>, Vec<&PastResult>) = rows.iter().partition(|row| row.data_set == set);
        let accuracies: Vec<f64> = here.iter().map(|row| row.accuracy).collect();
        let mean = accuracies.iter().sum::<f64>() / accuracies.len() as f64;
        let variance = accuracies.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / accuracies.len() as f64;
        let mut options = DecisionOptions::default();
        options.rungs = PARTS.iter().map(|part| Rung::new(format!("{part}"), *part)).collect();
        options.sampling = mean * (1.0 - mean) / n_validation;
        options.correlated = Some(CorrelatedScore {
            name: "logme".to_owned(),
            correlation: NormalPrior { mean: 0.5, sd: 0.3 },
            weight: 1.0,
        });
        let past = others.iter().map(|row| PastResult {
            scores: logme(row),
            ..(*row).clone()
        });
        let sampling = options.sampling;
        Ok(Self {
            model: DecisionModel::fit(&Past::new(past.collect())?, options)?,
            target: DecisionTarget {
                data_set: set.to_owned(),
                protocol: here[0].protocol.clone(),
                models: here
                    .iter()
                    .map(|row| Candidate {
                        name: row.model.clone(),
                        scores: logme(row),
                        ..Candidate::default()
                    })
                    .collect(),
                trials: Vec::new(),
            },
            accuracies,
            sampling,
            scale: variance.sqrt(),
        })
    }
}

#[derive(Default)]
struct Sums {
    searches: f64,
    models: f64,
    spent: f64,
    tau: f64,
    regret: f64,
    expected: f64,
    inside: f64,
}

impl Sums {
    /// One search, to the end of its budget.
    fn add(&mut self, fitted: &Fitted, share: f64, random: &mut Random) -> Result<(), Box<dyn Error>> {
        let count = fitted.accuracies.len();
        let draws: Vec<f64> = (0..count * (1 + PARTS.len())).map(|_| normal(random)).collect();
        let budget = share * count as f64;
        let mut spent = 0.0;
        let mut target = fitted.target.clone();
        let mut reached = vec![0; count];
        let posterior = loop {
            let posterior = fitted.model.predict(&target)?;
            let mut options = AdviceOptions::default();
            options.tolerance = 0.0;
            options.budget = budget - spent + 1e-9;
            let seconds = |model: usize, rung: usize| PARTS[rung] - reached_part(reached[model]);
            let possible: Vec<TrialCost> = (0..count)
                .flat_map(|model| (reached[model]..PARTS.len()).map(move |rung| (model, rung)))
                .map(|(model, rung)| TrialCost {
                    model,
                    rung: Some(rung),
                    seconds: seconds(model, rung),
                })
                .collect();
            let Advice::Try(plan) = posterior.decide(&possible, &options)?.advice else {
                break posterior;
            };
            // As `rank --refine` does: one rung up.
            let model = plan.trials[0].model;
            let rung = reached[model];
            spent += seconds(model, rung);
            reached[model] += 1;
            let of_model = &draws[model * (1 + PARTS.len())..];
            let part = PARTS[rung];
            let noise = fitted.scale * (0.1 / part.sqrt()).sqrt() * of_model[1 + rung];
            let value = fitted.accuracies[model] - 0.2 * (1.0 - part) + noise + fitted.sampling.sqrt() * of_model[0];
            target.trials.push(Trial {
                model,
                rung: Some(rung),
                accuracy: value.clamp(0.0, 1.0),
            });
        };
        let (means, errors) = (posterior.mean(), posterior.sd());
        let outlook = posterior.outlook(&ranktune_scores::decision::OutlookOptions::default())?;
        self.searches += 1.0;
        self.models += count as f64;
        self.spent += spent / count as f64;
        self.tau += weighted_tau(&means, &fitted.accuracies)?.unwrap_or(0.0);
        self.regret += top_k_regret(&means, &fitted.accuracies, 1)?.unwrap_or(0.0);
        self.expected += outlook.expected_regret;
        for ((mean, error), accuracy) in means.iter().zip(&errors).zip(&fitted.accuracies) {
            self.inside += f64::from(u8::from((mean - accuracy).abs() <= FACTOR * error));
        }
        Ok(())
    }
}

/// The part of a tuning that a number of rungs makes.
fn reached_part(rungs: usize) -> f64 {
    rungs.checked_sub(1).map_or(0.0, |last| PARTS[last])
}

/// A standard normal number, by Box and Muller's method.
fn normal(random: &mut Random) -> f64 {
    let mut uniform = || (random.below(1 << 30) as f64 + 0.5) / f64::from(1 << 30);
    let (radius, angle) = (uniform(), uniform());
    (-2.0 * radius.ln()).sqrt() * (2.0 * std::f64::consts::PI * angle).cos()
}
