//! The decision model on published accuracies, one data set left out at a time:
//! `cargo run --release -p ranktune-scores --example decision_leave_one_out -- TRUTH`.
//!
//! TRUTH is a folder with `tllib_cnn.csv`, `sfda_cnn.csv` and `sfda_ssl.csv`; see `experiments/decision/README.md`, which also says what
//! the columns mean.

#![expect(clippy::print_stdout, reason = "a program that reports on stdout")]

mod tables;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use ranktune_scores::correlation::{top_k_regret, weighted_tau};
use ranktune_scores::decision::{
    Candidate, CorrelatedScore, DecisionModel, DecisionOptions, DecisionTarget, NormalPrior, OutlookOptions, Past,
    PastResult,
};
use tables::{SCORES, data_sets, read, with_scores_of};

const LEVELS: [f64; 3] = [0.5, 0.8, 0.9];
/// z of the levels.
const FACTORS: [f64; 3] = [0.674_490, 1.281_552, 1.644_854];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("give the folder of tables")?;
    let folder = Path::new(&folder);
    let tllib = read(&folder.join("tllib_cnn.csv"), "tllib")?;
    let sfda = read(&folder.join("sfda_cnn.csv"), "sfda")?;
    let ssl = read(&folder.join("sfda_ssl.csv"), "ssl")?;
    let rescored = with_scores_of(&sfda, &tllib);
    println!(
        "{:<46} tau_w  regret expected  coverage 50/80/90 %       of differences        P(best) of the first  Brier",
        ""
    );
    let mut pooled = Calibration::default();
    for (label, rows) in [("tllib", &tllib), ("tllib scores, SFDA accuracies", &rescored)] {
        for score in SCORES {
            score_alone(&format!("{label}: {score} alone"), rows, score)?;
        }
        leave_one_out(&format!("{label}: record"), rows, &[], Known::Models, &mut pooled)?;
        for score in SCORES {
            let label = format!("{label}: record and {score}");
            leave_one_out(&label, rows, &[score], Known::Models, &mut pooled)?;
        }
        let label_all = format!("{label}: record and all scores");
        leave_one_out(&label_all, rows, &SCORES, Known::Models, &mut pooled)?;
        let label_new = format!("{label}: all scores, models unknown");
        leave_one_out(&label_new, rows, &SCORES, Known::ScoresOnly, &mut pooled)?;
        let label = format!("{label}: logme observed");
        leave_one_out(&label, rows, &["logme"], Known::Correlated, &mut pooled)?;
        let label = format!("{label}, models unknown");
        leave_one_out(&label, rows, &["logme"], Known::CorrelatedOnly, &mut pooled)?;
    }
    leave_one_out("sfda_cnn: record", &sfda, &[], Known::Models, &mut pooled)?;
    leave_one_out("sfda_ssl: record", &ssl, &[], Known::Models, &mut pooled)?;
    let bare = |rows: &[PastResult]| -> Vec<PastResult> {
        rows.iter()
            .map(|row| PastResult {
                scores: BTreeMap::new(),
                ..row.clone()
            })
            .collect()
    };
    let both: Vec<PastResult> = tllib.iter().chain(&bare(&sfda)).cloned().collect();
    let both_sfda: Vec<PastResult> = sfda.iter().chain(&bare(&tllib)).cloned().collect();
    // The first row's protocol is the one that is predicted.
    leave_one_out("tllib: record of both", &both, &[], Known::Models, &mut pooled)?;
    leave_one_out(
        "tllib: record of both, other data sets",
        &both,
        &[],
        Known::OtherDataSets,
        &mut pooled,
    )?;
    leave_one_out(
        "tllib: record of both, and h_score",
        &both,
        &["h_score"],
        Known::Models,
        &mut pooled,
    )?;
    leave_one_out(
        "tllib: record of SFDA alone",
        &both,
        &[],
        Known::OtherProtocol,
        &mut pooled,
    )?;
    leave_one_out("sfda_cnn: record of both", &both_sfda, &[], Known::Models, &mut pooled)?;
    leave_one_out(
        "sfda_cnn: record of tllib alone",
        &both_sfda,
        &[],
        Known::OtherProtocol,
        &mut pooled,
    )?;
    pooled.print();
    Ok(())
}

/// What of the record is used.
#[derive(Clone, Copy, PartialEq)]
enum Known {
    /// All but the results that are predicted.
    Models,
    /// The same, but the models of the target are strangers to it: the slopes of the scores alone.
    ScoresOnly,
    /// The first score is an observation, with its correlation over the other data sets; no slope.
    Correlated,
    /// The same, where the models of the target are strangers to the record.
    CorrelatedOnly,
    /// Not the target's data set under another protocol either.
    OtherDataSets,
    /// The other protocol alone, without the target's data set.
    OtherProtocol,
}

fn score_alone(label: &str, rows: &[PastResult], score: &str) -> Result<(), Box<dyn Error>> {
    let sets = data_sets(rows);
    let (mut tau, mut regret) = (0.0, 0.0);
    for set in &sets {
        let here: Vec<&PastResult> = rows.iter().filter(|row| row.data_set == *set).collect();
        let scores: Vec<f64> = here.iter().map(|row| row.scores[score]).collect();
        let accuracies: Vec<f64> = here.iter().map(|row| row.accuracy).collect();
        tau += weighted_tau(&scores, &accuracies)?.unwrap_or(0.0);
        regret += top_k_regret(&scores, &accuracies, 1)?.unwrap_or(0.0);
    }
    let n = sets.len() as f64;
    println!("{label:<46} {:.3}  {:>5.2}", tau / n, 100.0 * regret / n);
    Ok(())
}

fn leave_one_out(
    label: &str,
    rows: &[PastResult],
    columns: &[&str],
    known: Known,
    pooled: &mut Calibration,
) -> Result<(), Box<dyn Error>> {
    let protocol = rows.first().map_or("", |row| row.protocol.as_str());
    let sets = data_sets(rows);
    let mut sums = Sums::default();
    for set in &sets {
        let is_target = |row: &&PastResult| row.data_set == *set && row.protocol == protocol;
        let is_known = |row: &&PastResult| match known {
            Known::Models | Known::ScoresOnly | Known::Correlated | Known::CorrelatedOnly => !is_target(row),
            Known::OtherDataSets => row.data_set != *set,
            Known::OtherProtocol => row.data_set != *set && row.protocol != protocol,
        };
        let chosen = |row: &PastResult| -> BTreeMap<String, f64> {
            let is_column = |(name, _): &(&String, &f64)| columns.contains(&name.as_str());
            let scores = row.scores.iter().filter(is_column);
            scores.map(|(name, &value)| (name.clone(), value)).collect()
        };
        let past = rows
            .iter()
            .filter(is_known)
            .map(|row| PastResult {
                scores: chosen(row),
                ..row.clone()
            })
            .collect();
        let wanted: Vec<&PastResult> = rows.iter().filter(is_target).collect();
        let is_stranger = matches!(known, Known::ScoresOnly | Known::CorrelatedOnly);
        let stranger = if is_stranger { "new " } else { "" };
        let target = DecisionTarget {
            data_set: (*set).to_owned(),
            protocol: protocol.to_owned(),
            models: wanted
                .iter()
                .map(|row| Candidate {
                    name: format!("{stranger}{}", row.model),
                    scores: chosen(row),
                    ..Candidate::default()
                })
                .collect(),
            trials: Vec::new(),
        };
        let accuracies: Vec<f64> = wanted.iter().map(|row| row.accuracy).collect();
        let mut options = DecisionOptions::default();
        if matches!(known, Known::Correlated | Known::CorrelatedOnly) {
            options.correlated = columns.first().map(|name| CorrelatedScore {
                name: (*name).to_owned(),
                // Of little weight: the correlations of the other data sets take its place.
                correlation: NormalPrior { mean: 0.5, sd: 0.3 },
                weight: 1.0,
            });
        }
        let model = DecisionModel::fit(&Past::new(past)?, options)?;
        sums.add(&model, &target, &accuracies, pooled)?;
    }
    sums.print(label);
    Ok(())
}

/// Sums over data sets and models.
#[derive(Default)]
struct Sums {
    data_sets: f64,
    models: f64,
    tau: f64,
    regret: f64,
    expected_regret: f64,
    covered: [f64; 3],
    covered_differences: [f64; 3],
    p_first: f64,
    first_is_best: f64,
    brier: f64,
}

impl Sums {
    fn add(
        &mut self,
        model: &DecisionModel,
        target: &DecisionTarget,
        accuracies: &[f64],
        pooled: &mut Calibration,
    ) -> Result<(), Box<dyn Error>> {
        let posterior = model.predict(target)?;
        let outlook = posterior.outlook(&OutlookOptions::default())?;
        let means = posterior.mean();
        let k = means.len();
        let best = accuracies.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        self.data_sets += 1.0;
        self.models += k as f64;
        self.tau += weighted_tau(&means, accuracies)?.unwrap_or(0.0);
        self.regret += best - accuracies[outlook.first];
        self.expected_regret += outlook.expected_regret;
        self.p_first += outlook.models[outlook.first].p_best;
        self.first_is_best += f64::from(u8::from(accuracies[outlook.first] == best));
        let covariance = posterior.covariance();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / k as f64;
        let rows: Vec<f64> = covariance.iter().map(|row| mean(row)).collect();
        for (m, &accuracy) in accuracies.iter().enumerate() {
            let is_best = f64::from(u8::from(accuracy == best));
            self.brier += (outlook.models[m].p_best - is_best).powi(2);
            pooled.add(outlook.models[m].p_best, is_best);
            let difference = (accuracy - mean(accuracies)) - (means[m] - mean(&means));
            let sd = (covariance[m][m] - 2.0 * rows[m] + mean(&rows)).sqrt();
            for (at, (&level, factor)) in LEVELS.iter().zip(FACTORS).enumerate() {
                let (low, high) = posterior.interval(m, level)?;
                self.covered[at] += f64::from(u8::from(low <= accuracy && accuracy <= high));
                self.covered_differences[at] += f64::from(u8::from(difference.abs() <= factor * sd));
            }
        }
        Ok(())
    }

    fn print(&self, label: &str) {
        let n = self.data_sets;
        let shares = |covered: [f64; 3]| covered.map(|c| format!("{:>5.1}", 100.0 * c / self.models)).join(" ");
        println!(
            "{label:<46} {:.3}  {:>5.2}  {:>5.2}      {}      {}      {:.2}, right {:.2}       {:.3}",
            self.tau / n,
            100.0 * self.regret / n,
            100.0 * self.expected_regret / n,
            shares(self.covered),
            shares(self.covered_differences),
            self.p_first / n,
            self.first_is_best / n,
            self.brier / n
        );
    }
}

/// P(best) against what happened, by bins.
#[derive(Default)]
struct Calibration {
    bins: [(f64, f64, f64); 5],
}

impl Calibration {
    const BOUNDS: [f64; 5] = [0.02, 0.1, 0.3, 0.6, 1.01];

    fn add(&mut self, p: f64, is_best: f64) {
        let bin = Self::BOUNDS.iter().position(|&bound| p < bound).unwrap_or(4);
        let (count, sum, hits) = &mut self.bins[bin];
        *count += 1.0;
        *sum += p;
        *hits += is_best;
    }

    fn print(&self) {
        println!("\nP(best) below  predictions  mean P(best)  were best (all rows with a model above)");
        for (bound, (count, sum, hits)) in Self::BOUNDS.iter().zip(self.bins) {
            println!(
                "{:>13}  {count:>11}  {:>12.3}  {:>9.3}",
                format!("{:.2}", bound.min(1.0)),
                sum / count,
                hits / count
            );
        }
    }
}
