//! The decision model a second time: the covariance of every pair of rows from the formula, then plain conditioning.

use ranktune_scores::decision::{DecisionOptions, DecisionTarget, Past, PastResult, Variances};
use std::collections::BTreeMap;

pub type Matrix = Vec<Vec<f64>>;

/// A measured or wanted accuracy.
#[derive(Clone, Debug)]
pub struct Item {
    pub model: String,
    pub family: Option<String>,
    pub data_set: String,
    pub protocol: String,
    pub rung: Option<usize>,
    pub value: f64,
    /// Standardised.
    pub scores: Vec<Option<f64>>,
    pub scale: f64,
    /// Mean loo-accuracy of its group.
    pub level: Option<f64>,
}

impl Item {
    fn is_of_group(&self, other: &Self) -> bool {
        self.data_set == other.data_set && self.protocol == other.protocol
    }

    pub fn mean(&self, options: &DecisionOptions, columns: &[String]) -> f64 {
        let level = self.level.map_or(0.0, |l| options.level_slope.mean * (l - 0.7));
        let slopes: f64 = self
            .scores
            .iter()
            .zip(columns)
            .map(|(z, column)| z.unwrap_or(0.0) * options.slopes.get(column).copied().unwrap_or(0.0))
            .sum();
        let offset = self.rung.map_or(0.0, |rung| options.rungs[rung].offset.mean);
        options.mean_level.mean + level + self.scale * slopes + offset
    }

    pub fn covariance(&self, other: &Self, v: &Variances, options: &DecisionOptions, columns: &[String]) -> f64 {
        let one = |condition: bool| f64::from(u8::from(condition));
        let is_model = self.model == other.model;
        let is_group = self.is_of_group(other);
        let mut effects = one(is_model) * v.model;
        effects += one(self.family.is_some() && self.family == other.family) * v.family;
        effects += one(is_model && self.protocol == other.protocol) * v.protocol;
        effects += one(is_model && self.data_set == other.data_set) * v.interaction;
        effects += one(is_model && is_group) * v.residual;
        for ((a, b), column) in self.scores.iter().zip(&other.scores).zip(columns) {
            match (a, b) {
                (Some(a), Some(b)) => effects += v.slope * a * b,
                (None, None) if is_model && is_group => {
                    effects += v.slope + options.slopes.get(column).copied().unwrap_or(0.0).powi(2);
                }
                _ => {}
            }
        }
        let rounding = 5e-4_f64.powi(2);
        let mut sum = self.scale * other.scale * effects + options.mean_level.sd.powi(2);
        sum += one(is_model && is_group) * rounding;
        if let (Some(a), Some(b)) = (self.level, other.level) {
            sum += options.level_slope.sd.powi(2) * (a - 0.7) * (b - 0.7);
        }
        sum += one(is_group) * if self.level.is_some() { v.level_by_loo } else { v.level };
        // Trials of one model are measured on the same validation samples.
        sum += one(is_group && is_model && self.rung.is_some() && other.rung.is_some()) * options.sampling;
        if let Some(rung) = self.rung.filter(|_| self.rung == other.rung) {
            sum += options.rungs[rung].offset.sd.powi(2) + one(is_group) * v.offset;
            sum += one(is_group && is_model) * (v.rungs[rung] * self.scale.powi(2) + rounding);
        }
        sum
    }
}

/// Every name of a score, sorted.
pub fn columns(past: &Past, target: Option<&DecisionTarget>) -> Vec<String> {
    let mut names: Vec<String> = past.rows().iter().flat_map(|row| row.scores.keys().cloned()).collect();
    names.extend(
        target
            .iter()
            .flat_map(|t| &t.models)
            .flat_map(|m| m.scores.keys().cloned()),
    );
    names.sort();
    names.dedup();
    names
}

/// Standardised scores and mean loo-accuracy of models on one data set.
pub fn standardised(scores: &[&BTreeMap<String, f64>], columns: &[String]) -> (Vec<Vec<Option<f64>>>, Option<f64>) {
    let of = |column: &str| -> Vec<f64> { scores.iter().filter_map(|s| s.get(column).copied()).collect() };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let z = scores
        .iter()
        .map(|row| {
            columns
                .iter()
                .map(|column| {
                    let all = of(column);
                    let value = *row.get(column)?;
                    let centre = mean(&all);
                    let sd = mean(&all.iter().map(|x| (x - centre).powi(2)).collect::<Vec<_>>()).sqrt();
                    (all.len() > 1).then(|| (value - centre) / sd)
                })
                .collect()
        })
        .collect();
    let loo = of("loo-accuracy");
    (z, (!loo.is_empty()).then(|| mean(&loo)))
}

/// The record as items, and mean and standard deviation of `ln s` of a new data set. Cells must not repeat, and every group of the record
/// has three full tunings at least, or none.
pub fn items(past: &Past, options: &DecisionOptions, columns: &[String]) -> (Vec<Item>, f64, f64) {
    let mut groups: BTreeMap<(String, String), Vec<&PastResult>> = BTreeMap::new();
    for row in past.rows() {
        groups
            .entry((row.data_set.clone(), row.protocol.clone()))
            .or_default()
            .push(row);
    }
    let squares = |rows: &[&PastResult]| {
        let full: Vec<f64> = rows.iter().filter(|r| r.rung.is_none()).map(|r| r.accuracy).collect();
        let mean = full.iter().sum::<f64>() / full.len().max(1) as f64;
        (full.len() as f64, full.iter().map(|y| (y - mean).powi(2)).sum::<f64>())
    };
    let known: Vec<(f64, f64)> = groups
        .values()
        .map(|rows| squares(rows))
        .filter(|(n, _)| *n > 2.0)
        .collect();
    let count = known.len() as f64;
    let prior = options.log_scale;
    let mean = (prior.mean + known.iter().map(|(n, q)| (q / n).sqrt().ln()).sum::<f64>()) / (1.0 + count);
    let scale = |(n, q): (f64, f64)| (((2.0 * mean).exp() + q) / (1.0 + n)).sqrt();
    let spread: f64 = known.iter().map(|&k| (scale(k).ln() - mean).powi(2)).sum();
    let variance = (3.0 * prior.sd.powi(2) + spread) / (3.0 + count);
    let mut items = Vec::new();
    for rows in groups.values() {
        // Scores belong to a model, whichever of its rows they stand in.
        let mut by_model: BTreeMap<&str, &BTreeMap<String, f64>> = BTreeMap::new();
        for row in rows {
            by_model.insert(&row.model, &row.scores);
        }
        let (z, level) = standardised(&by_model.values().copied().collect::<Vec<_>>(), columns);
        for row in rows {
            let at = by_model.keys().position(|m| *m == row.model).unwrap();
            items.push(Item {
                model: row.model.clone(),
                family: row.family.clone(),
                data_set: row.data_set.clone(),
                protocol: row.protocol.clone(),
                rung: row
                    .rung
                    .as_ref()
                    .map(|name| options.rungs.iter().position(|r| &r.name == name).unwrap()),
                value: row.accuracy,
                scores: z[at].clone(),
                scale: scale(squares(rows)),
                level,
            });
        }
    }
    (items, mean, (variance * (1.0 + 1.0 / (1.0 + count))).sqrt())
}

/// Lower Cholesky factor.
pub fn cholesky(a: &Matrix) -> Matrix {
    let n = a.len();
    let mut l = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
            l[i][j] = if i == j {
                (a[i][i] - sum).sqrt()
            } else {
                (a[i][j] - sum) / l[j][j]
            };
        }
    }
    l
}

/// `L⁻¹ b`.
pub fn forward(l: &Matrix, b: &[f64]) -> Vec<f64> {
    let mut x = b.to_vec();
    for i in 0..x.len() {
        let sum: f64 = (0..i).map(|k| l[i][k] * x[k]).sum();
        x[i] = (x[i] - sum) / l[i][i];
    }
    x
}

pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Log density of the items.
pub fn log_density(items: &[Item], v: &Variances, options: &DecisionOptions, columns: &[String]) -> f64 {
    let c: Matrix = items
        .iter()
        .map(|a| items.iter().map(|b| a.covariance(b, v, options, columns)).collect())
        .collect();
    let l = cholesky(&c);
    let residual: Vec<f64> = items.iter().map(|i| i.value - i.mean(options, columns)).collect();
    let white = forward(&l, &residual);
    let log_pivots: f64 = (0..l.len()).map(|i| l[i][i].ln()).sum();
    -0.5 * dot(&white, &white) - log_pivots - 0.5 * l.len() as f64 * (2.0 * std::f64::consts::PI).ln()
}

/// Mean and covariance of the `wanted` given the known ones.
pub fn condition(
    known: &[Item],
    wanted: &[Item],
    v: &Variances,
    options: &DecisionOptions,
    columns: &[String],
) -> (Vec<f64>, Matrix) {
    let block = |a: &[Item], b: &[Item]| -> Matrix {
        a.iter()
            .map(|a| b.iter().map(|b| a.covariance(b, v, options, columns)).collect())
            .collect()
    };
    let l = cholesky(&block(known, known));
    let residual: Vec<f64> = known.iter().map(|i| i.value - i.mean(options, columns)).collect();
    let white = forward(&l, &residual);
    let across: Matrix = block(wanted, known).iter().map(|row| forward(&l, row)).collect();
    let mean = wanted
        .iter()
        .zip(&across)
        .map(|(item, row)| item.mean(options, columns) + dot(row, &white))
        .collect();
    let mut covariance = block(wanted, wanted);
    for (i, row) in covariance.iter_mut().enumerate() {
        for (j, value) in row.iter_mut().enumerate() {
            *value -= dot(&across[i], &across[j]);
        }
    }
    (mean, covariance)
}
