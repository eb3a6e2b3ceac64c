//! Every column's global maximum from values of `t` that all columns share: a grid, then Chebyshev nodes where the maxima lie.
//!
//! Every [`COARSE`]-th point of the grid comes first. As `R` rises with t and the determinant's part falls, between two points `a < b`
//!
//! ```text
//! L*(t)/n ≤ const − ½ ln R(a) − (1/2n) Σ ln(1 + λ_i/b)
//! ```
//!
//! and the points between them are left out where that is below what every column has elsewhere. No hill is missed by it.
//!
//! `ln R_j(t)` and `Σ ln(1 + λ_i/t)` are analytic in `x = ln t` in the strip of half-width π. On a piece of length at most [`PIECE`] their
//! Chebyshev interpolants through N nodes are off by about `ρ⁻ᴺ`, `ρ = 2π/ℓ + √(1 + (2π/ℓ)²) ≥ 4.4`: 1e-13 with [`NODES`]. The last
//! coefficients say whether that holds; where they do not, there is no answer, and the caller takes the tridiagonal form.
//!
//! The choice among hills and limits is that of `maximise`: all hills within reach of the best, and the limits `t → ∞` and `t → 0`.

use std::f64::consts::PI;

use faer::MatRef;
use rayon::prelude::*;

use super::band::Band;
use super::forward::Packed;
use super::interpolant::{Chebyshev, Nodes};
use super::maximise::{BEYOND, LowerEnd, MARGIN, Maximum, Optimum, REACH, STEP};
use super::profile::{Form, Point};
use super::shifted::Shifted;

/// Longest piece of ln t that is interpolated at once.
const PIECE: f64 = 3.0;
/// The nodes of the longest piece; shorter ones need fewer.
const NODES: usize = 20;
/// Points of the grid from one that is always sampled to the next.
const COARSE: usize = 4;
/// What rounding may add to a bound.
const SLACK: f64 = 1e-9;
/// What the interpolation may leave of error in `L/n`.
const TOLERANCE: f64 = 1e-11;

/// The columns in the coordinates of the band.
pub(crate) struct Problem<'a> {
    pub form: Form,
    pub band: &'a Band,
    /// `QᵀB` or `QᵀY`, `[k, c]`
    pub rhs: MatRef<'a, f64>,
    /// The same, as products take them.
    pub packed: Packed,
    /// `s_j`, `[c]`
    pub squares: &'a [f64],
    pub n_samples: usize,
    /// How far the matrix may be from the truth, in its norm.
    pub matrix_error: f64,
}

/// All columns at one value of `t`.
struct Sample {
    x: f64,
    log_ratio: f64,
    /// `R_j`, `[c]`
    penalised: Vec<f64>,
}

/// A stretch of ln t around a hill of one column.
struct Bracket {
    column: usize,
    low: f64,
    high: f64,
}

/// Points of ln t, ascending, and samples at those that matter.
struct Grid {
    points: Vec<f64>,
    samples: Vec<Option<Sample>>,
}

impl Grid {
    /// `best` is what every column has without any hill.
    fn new(problem: &Problem<'_>, points: Vec<f64>, best: &[Maximum]) -> Self {
        let last = points.len() - 1;
        let mut coarse: Vec<usize> = (0..last).step_by(COARSE).collect();
        coarse.push(last);
        let mut grid = Self {
            samples: points.iter().map(|_| None).collect(),
            points,
        };
        grid.fill(problem, &coarse);
        let known = grid.known(problem, best);
        let between: Vec<usize> = coarse
            .par_windows(2)
            .enumerate()
            .filter(|&(i, pair)| {
                let lowest = i == 0 || grid.samples[coarse[i - 1]].is_none();
                lowest
                    || known
                        .iter()
                        .enumerate()
                        .any(|(column, &known)| grid.bound(problem, pair[0], pair[1], column) > known)
            })
            .flat_map_iter(|(_, pair)| pair[0] + 1..pair[1])
            .collect();
        grid.fill(problem, &between);
        // A point that fails lies below the matrix's rounding errors, and so does everything before it.
        if let Some(failed) = between
            .iter()
            .chain(&coarse)
            .copied()
            .filter(|&i| grid.samples[i].is_none())
            .max()
        {
            grid.samples[..failed].fill_with(|| None);
        }
        grid
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

    /// Around every hill that may be a column's highest.
    fn brackets(&self, problem: &Problem<'_>, best: &[Maximum]) -> Vec<Bracket> {
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
        // What is not sampled is known to be lower.
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

    /// The lowest sample.
    fn first(&self) -> Option<&Sample> {
        self.samples.iter().flatten().next()
    }

    fn second(&self) -> Option<&Sample> {
        self.samples.iter().flatten().nth(1)
    }
}

/// The maximum of every column; nothing where the interpolation is not good enough.
pub(crate) fn maximise(problem: &Problem<'_>) -> Option<Vec<Maximum>> {
    let (points, at_zero) = problem.points()?;
    let mut best: Vec<Maximum> = problem
        .squares
        .iter()
        .map(|&square| problem.no_information(square))
        .collect();
    let limits = at_zero
        .as_ref()
        .map_or_else(|| vec![None; best.len()], |zero| problem.noise_free(zero));
    let limit_is_known: Vec<bool> = limits.iter().map(Option::is_some).collect();
    for (best, limit) in best.iter_mut().zip(limits) {
        if let Some(limit) = limit
            && limit.value > best.value + MARGIN
        {
            *best = limit;
        }
    }
    let grid = Grid::new(problem, points, &best);
    let brackets = grid.brackets(problem, &best);
    for (low, high) in pieces(&brackets) {
        problem.climb(&brackets, low, high, &mut best)?;
    }
    let first = grid.first()?;
    let unresolved = if limit_is_known.iter().all(|known| *known) {
        0.0
    } else {
        Shifted::new(problem.band, first.x.exp())?.trace() * first.x.exp()
    };
    for (column, best) in best.iter_mut().enumerate() {
        if limit_is_known[column] {
            continue;
        }
        let value = problem.value(first, column);
        let next = grid.second().map_or(value, |sample| problem.value(sample, column));
        let penalised = first.penalised[column];
        // Rising towards the grid's lower end with no limit to arrive at: what lies below cannot be told.
        let rises = value >= next && value > best.value - REACH;
        if rises || penalised <= 0.0 || penalised.is_nan() {
            best.error_bound = f64::INFINITY;
        }
        // m2 = dR/dt falls with t, by no more than the smallest eigenvalue allows between the two lowest points.
        let t = first.x.exp();
        let m2 = grid.second().map_or(f64::INFINITY, |second| {
            let step = second.x.exp() - t;
            let lost = 4.0 * f64::EPSILON * problem.squares[column];
            ((second.penalised[column] - penalised).max(0.0) + lost) / step * (1.0 + unresolved * step / t)
        });
        best.lower_end = Some(LowerEnd::new(value, penalised, unresolved, t, m2));
    }
    Some(best)
}

/// The union of all brackets, cut into pieces.
fn pieces(brackets: &[Bracket]) -> Vec<(f64, f64)> {
    let mut sorted: Vec<(f64, f64)> = brackets.iter().map(|bracket| (bracket.low, bracket.high)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut joined: Vec<(f64, f64)> = Vec::new();
    for (low, high) in sorted {
        match joined.last_mut() {
            Some(last) if low <= last.1 => last.1 = last.1.max(high),
            _ => joined.push((low, high)),
        }
    }
    joined
        .into_iter()
        .flat_map(|(low, high)| {
            let count = ((high - low) / PIECE).ceil().max(1.0);
            let length = (high - low) / count;
            (0..count as usize).map(move |i| (low + i as f64 * length, low + (i + 1) as f64 * length))
        })
        .collect()
}

/// Nodes for a piece of this length: `ρ⁻ᴺ` as small as for the longest.
fn count(length: f64) -> usize {
    let of = |length: f64| (2.0 * PI / length).asinh();
    ((NODES as f64 * of(PIECE) / of(length)).ceil() as usize).clamp(8, NODES)
}

impl Problem<'_> {
    fn n(&self) -> f64 {
        self.n_samples as f64
    }

    /// The grid's points, ascending, and the factors at `t = 0` where they are safe to use.
    fn points(&self) -> Option<(Vec<f64>, Option<Shifted>)> {
        let largest = self.band.lambda_max();
        let k = self.band.size();
        if largest <= 0.0 {
            return None;
        }
        let floor = (8.0 * k as f64 * f64::EPSILON * largest)
            .max(8.0 * self.matrix_error)
            .max(f64::MIN_POSITIVE * 1e20);
        let mut at_zero = (self.form == Form::Dual && k == self.n_samples)
            .then(|| Shifted::new(self.band, 0.0))
            .flatten();
        let mut smallest = floor;
        if let Some(zero) = &at_zero {
            let eigenvalue = 1.0 / zero.trace();
            if eigenvalue > floor {
                smallest = eigenvalue / BEYOND;
            } else {
                at_zero = None;
            }
        }
        let (from, to) = (smallest.ln(), (largest * BEYOND).ln());
        let steps = ((to - from) / STEP).ceil().max(1.0);
        let points: Vec<f64> = (0..=steps as usize)
            .map(|i| from + (to - from) * i as f64 / steps)
            .collect();
        Some((points, at_zero))
    }

    /// Samples at some points; nothing where the matrix is not positive definite to rounding.
    fn sample(&self, points: &[f64]) -> Vec<Option<Sample>> {
        points
            .par_iter()
            .map(|&x| {
                let shifted = Shifted::new(self.band, x.exp())?;
                let penalised = shifted
                    .products(&self.packed)
                    .into_iter()
                    .zip(self.squares)
                    .map(|(product, square)| match self.form {
                        Form::Primal => square - product,
                        Form::Dual => shifted.t * product,
                    })
                    .collect();
                Some(Sample {
                    x,
                    log_ratio: shifted.log_ratio,
                    penalised,
                })
            })
            .collect()
    }

    /// What `L/n` is beside `−½ ln R − log_ratio/2n`.
    fn constant(&self) -> f64 {
        0.5 * self.n().ln() - 0.5 - 0.5 * (2.0 * PI).ln()
    }

    fn value(&self, sample: &Sample, column: usize) -> f64 {
        let value = self.value_of(sample.penalised[column], sample.log_ratio);
        if value.is_finite() { value } else { f64::NEG_INFINITY }
    }

    fn value_of(&self, penalised: f64, log_ratio: f64) -> f64 {
        self.constant() - 0.5 * penalised.ln() - log_ratio / (2.0 * self.n())
    }

    fn no_information(&self, square: f64) -> Maximum {
        Maximum {
            optimum: Optimum::NoInformation,
            value: self.constant() - 0.5 * square.ln(),
            error_bound: 0.0,
            lower_end: None,
        }
    }

    /// The limit `t → 0` of every column, where it can be trusted.
    fn noise_free(&self, zero: &Shifted) -> Vec<Option<Maximum>> {
        let trace = zero.trace();
        let solution = zero.solve(self.rhs);
        zero.products(&self.packed)
            .into_iter()
            .enumerate()
            .map(|(column, product)| {
                let length: f64 = solution.col_as_slice(column).iter().map(|x| x * x).sum();
                let value = self.constant() - 0.5 * product.ln() - zero.log_ratio / (2.0 * self.n());
                let error_bound = 0.5 * self.matrix_error * (trace / self.n() + length / product);
                (value.is_finite() && error_bound < 1e-3).then_some(Maximum {
                    optimum: Optimum::NoiseFree(product),
                    value,
                    error_bound,
                    lower_end: None,
                })
            })
            .collect()
    }

    /// Climbs the hills that lie between `low` and `high`; nothing where the interpolants are not good enough.
    fn climb(&self, brackets: &[Bracket], low: f64, high: f64, best: &mut [Maximum]) -> Option<()> {
        let nodes = Nodes::new(low, high, count(high - low));
        let samples: Vec<Sample> = self.sample(&nodes.points()).into_iter().collect::<Option<_>>()?;
        let log_ratio = nodes.interpolant(samples.iter().map(|sample| sample.log_ratio));
        let found: Vec<(usize, Option<Maximum>)> = brackets
            .par_iter()
            .filter(|bracket| bracket.low.max(low) < bracket.high.min(high))
            .map(|bracket| {
                let within = (bracket.low.max(low), bracket.high.min(high));
                let maximum = self.highest(bracket.column, within, &nodes, &samples, &log_ratio)?;
                Some((bracket.column, maximum))
            })
            .collect::<Option<_>>()?;
        for (column, maximum) in found {
            let best = &mut best[column];
            match maximum {
                None => best.error_bound = f64::INFINITY,
                Some(maximum) if maximum.value > best.value + MARGIN => *best = maximum,
                Some(_) => {}
            }
        }
        Some(())
    }

    /// A column's highest point in a part of the nodes' interval, or none where its residuals make no sense; nothing at all where the
    /// interpolants are not good enough.
    fn highest(
        &self,
        column: usize,
        (from, to): (f64, f64),
        nodes: &Nodes,
        samples: &[Sample],
        log_ratio: &Chebyshev,
    ) -> Option<Option<Maximum>> {
        let senseless = |sample: &Sample| sample.penalised[column].is_nan() || sample.penalised[column] <= 0.0;
        if samples.iter().any(senseless) {
            return Some(None);
        }
        let log_residual = nodes.interpolant(samples.iter().map(|sample| sample.penalised[column].ln()));
        let curve = log_residual.combined(-0.5, log_ratio, -0.5 / self.n());
        let x = curve.maximum(from, to);
        let point = self.point(x, &log_residual, log_ratio);
        let lost = match self.form {
            Form::Primal => 2.0 * f64::EPSILON * self.squares[column] / point.penalised,
            Form::Dual => 0.0,
        };
        let interpolation = curve.tail();
        if interpolation > TOLERANCE + 8.0 * lost {
            return None;
        }
        let through_matrix = 0.5 * self.matrix_error * (point.trace / self.n() + point.m2 / point.penalised);
        let bound = through_matrix + lost + interpolation;
        Some(Some(Maximum {
            optimum: Optimum::Interior(point),
            value: self.constant() + curve.at(x),
            error_bound: if bound.is_nan() { f64::INFINITY } else { bound },
            lower_end: None,
        }))
    }

    /// Everything about a column at `ln t = x`, from the slopes of its interpolants: `γ = −dlog_ratio/dx`, `m2 = dR/dt`.
    fn point(&self, x: f64, log_residual: &Chebyshev, log_ratio: &Chebyshev) -> Point {
        let t = x.exp();
        let penalised = log_residual.at(x).exp();
        let gamma = -log_ratio.slope(x);
        let m2 = penalised * log_residual.slope(x) / t;
        Point {
            t,
            penalised,
            m2,
            r2: penalised - t * m2,
            gamma,
            free: self.n() - gamma,
            trace: (self.band.size() as f64 - gamma) / t,
            slope: 0.0,
        }
    }
}
