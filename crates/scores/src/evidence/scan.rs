//! The scan of ln t: values of every column on a coarse grid, refined where a column may have its maximum.
//!
//! Every [`COARSE`]-th point of the grid is sampled first. `R` rises with t and the determinant's term falls, so between two
//! points `a < b`
//!
//! ```text
//! L*(t)/n ≤ ½ ln n − ½ − ½ ln 2π − ½ ln R(a) − (1/2n) Σ ln(1 + λ_i/b)
//! ```
//!
//! The points between them are skipped where this bound is below the best known value of every column: no hill that matters is
//! missed.

use rayon::prelude::*;

use super::maximise::{Maximum, REACH};
use super::problem::{Problem, Sample};
use super::profile::Form;

/// Every how many points of the grid are always sampled.
const COARSE: usize = 4;
/// What rounding may add to a bound.
const SLACK: f64 = 1e-9;

/// An interval of ln t around a local maximum of one column.
pub(super) struct Bracket {
    pub column: usize,
    pub low: f64,
    pub high: f64,
}

/// Points of ln t, ascending, and the samples that were taken.
pub(super) struct Scan {
    points: Vec<f64>,
    samples: Vec<Option<Sample>>,
}

impl Scan {
    /// Samples the grid; `best` holds the better limit of every column.
    pub fn new(problem: &Problem<'_>, points: Vec<f64>, best: &[Maximum]) -> Self {
        let last = points.len() - 1;
        let mut coarse: Vec<usize> = (0..last).step_by(COARSE).collect();
        coarse.push(last);
        let mut scan = Self {
            samples: points.iter().map(|_| None).collect(),
            points,
        };
        scan.fill(problem, &coarse);
        let known = scan.known(problem, best);
        let between: Vec<usize> = coarse
            .par_windows(2)
            .enumerate()
            .filter(|&(i, pair)| {
                let lowest = i == 0 || scan.samples[coarse[i - 1]].is_none();
                lowest
                    || known
                        .iter()
                        .enumerate()
                        .any(|(column, &known)| scan.bound(problem, pair[0], pair[1], column) > known)
            })
            .flat_map_iter(|(_, pair)| pair[0] + 1..pair[1])
            .collect();
        scan.fill(problem, &between);
        // A point that fails lies below the matrix's rounding errors, and so does everything before it.
        if let Some(failed) = between
            .iter()
            .chain(&coarse)
            .copied()
            .filter(|&i| scan.samples[i].is_none())
            .max()
        {
            scan.samples[..failed].fill_with(|| None);
        }
        scan
    }

    fn fill(&mut self, problem: &Problem<'_>, which: &[usize]) {
        let points: Vec<f64> = which.iter().map(|&i| self.points[i]).collect();
        for (&i, sample) in which.iter().zip(problem.sample(&points)) {
            self.samples[i] = sample;
        }
    }

    /// The best value of every column so far.
    fn known(&self, problem: &Problem<'_>, best: &[Maximum]) -> Vec<f64> {
        let values = |column| {
            self.samples
                .iter()
                .flatten()
                .map(move |sample| problem.value(sample, column))
        };
        best.par_iter()
            .enumerate()
            .map(|(column, best)| values(column).fold(best.value, f64::max))
            .collect()
    }

    /// No value of the column between points a and b is above this; infinite where that is not known.
    fn bound(&self, problem: &Problem<'_>, a: usize, b: usize, column: usize) -> f64 {
        let (Some(a), Some(b)) = (&self.samples[a], &self.samples[b]) else {
            return f64::INFINITY;
        };
        let residual = a.penalised[column];
        let lost = match problem.form {
            Form::Primal => 8.0 * f64::EPSILON * problem.squares[column] / residual,
            Form::Dual => 0.0,
        };
        let bound = problem.value_of(residual, b.log_ratio) + lost + SLACK;
        if residual > 0.0 && bound.is_finite() {
            bound
        } else {
            f64::INFINITY
        }
    }

    /// An interval around every local maximum that may be the global one of its column.
    pub fn brackets(&self, problem: &Problem<'_>, best: &[Maximum]) -> Vec<Bracket> {
        self.known(problem, best)
            .par_iter()
            .enumerate()
            .flat_map_iter(|(column, &known)| self.brackets_of(problem, column, known))
            .collect()
    }

    fn brackets_of(&self, problem: &Problem<'_>, column: usize, known: f64) -> Vec<Bracket> {
        let values: Vec<f64> = self
            .samples
            .iter()
            .map(|sample| {
                sample
                    .as_ref()
                    .map_or(f64::NEG_INFINITY, |sample| problem.value(sample, column))
            })
            .collect();
        // Points that were skipped are known to be lower.
        let reaches = |a: usize, b: usize| {
            self.samples[a].is_some() && self.samples[b].is_some() && self.bound(problem, a, b, column) > known
        };
        (1..values.len().saturating_sub(1))
            .filter(|&i| {
                let own = values[i];
                let is_peak = own > f64::NEG_INFINITY && own >= values[i - 1] && own >= values[i + 1];
                is_peak && own >= known - REACH && (reaches(i - 1, i) || reaches(i, i + 1))
            })
            .map(|i| Bracket {
                column,
                low: self.points[i - 1],
                high: self.points[i + 1],
            })
            .collect()
    }

    /// The sample at the lowest t.
    pub fn first(&self) -> Option<&Sample> {
        self.samples.iter().flatten().next()
    }

    /// The sample at the second lowest t.
    pub fn second(&self) -> Option<&Sample> {
        self.samples.iter().flatten().nth(1)
    }
}
