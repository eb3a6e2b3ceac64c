//! The global maximum of every column from values of `t` that all columns share: a scan ([`super::scan`]), then Chebyshev
//! nodes over the intervals that hold the maxima.
//!
//! `ln R_j(t)` and `Σ ln(1 + λ_i/t)` are analytic in `x = ln t` in the strip of half-width π. On an interval of length ℓ, at
//! most [`PIECE`], their Chebyshev interpolants through N nodes have an error of about `ρ⁻ᴺ`,
//! `ρ = 2π/ℓ + √(1 + (2π/ℓ)²) ≥ 4.4`: 1e-13 with [`NODES`]. The last coefficients estimate that error. Where it is too large
//! there is no result, and the caller uses the tridiagonal form.
//!
//! Local maxima and limits compete as in [`super::maximise`]: all maxima within reach of the best, and the limits `t → ∞` and
//! `t → 0`.

use std::f64::consts::PI;

use rayon::prelude::*;

use super::interpolant::{Chebyshev, Nodes};
use super::maximise::{LowerEnd, MARGIN, Maximum, Optimum, REACH};
use super::problem::{Problem, Sample};
use super::profile::{Form, Point};
use super::scan::{Bracket, Scan};
use super::shifted::Shifted;

/// The longest interval of ln t that is interpolated at once.
const PIECE: f64 = 3.0;
/// The nodes of an interval of that length; shorter ones need fewer.
const NODES: usize = 20;
/// The largest error of `L/n` that the interpolation may leave.
const TOLERANCE: f64 = 1e-11;

/// The maximum of every column; `None` where the interpolation is not accurate enough.
pub(super) fn maximise(problem: &Problem<'_>) -> Option<Vec<Maximum>> {
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
    let scan = Scan::new(problem, points, &best);
    let brackets = scan.brackets(problem, &best);
    for (low, high) in pieces(&brackets) {
        problem.refine(&brackets, low, high, &mut best)?;
    }
    let first = scan.first()?;
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
        let next = scan.second().map_or(value, |sample| problem.value(sample, column));
        let penalised = first.penalised[column];
        // The value still rises towards the lower end and the limit is unknown: there may be a higher maximum below.
        let rises = value >= next && value > best.value - REACH;
        if rises || penalised <= 0.0 || penalised.is_nan() {
            best.error_bound = f64::INFINITY;
        }
        // m2 = dR/dt falls with t; between the two lowest points by no more than the smallest eigenvalue allows.
        let t = first.x.exp();
        let m2 = scan.second().map_or(f64::INFINITY, |second| {
            let step = second.x.exp() - t;
            let lost = 4.0 * f64::EPSILON * problem.squares[column];
            ((second.penalised[column] - penalised).max(0.0) + lost) / step * (1.0 + unresolved * step / t)
        });
        best.lower_end = Some(LowerEnd::new(value, penalised, unresolved, t, m2));
    }
    Some(best)
}

/// The union of all brackets, cut into intervals of at most [`PIECE`].
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

/// The number of nodes for an interval of this length: `ρ⁻ᴺ` is as small as for the longest.
fn count(length: f64) -> usize {
    let of = |length: f64| (2.0 * PI / length).asinh();
    ((NODES as f64 * of(PIECE) / of(length)).ceil() as usize).clamp(8, NODES)
}

impl Problem<'_> {
    /// Updates `best` with the local maxima between `low` and `high`; `None` where the interpolants are not accurate enough.
    fn refine(&self, brackets: &[Bracket], low: f64, high: f64, best: &mut [Maximum]) -> Option<()> {
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

    /// The highest point of a column in a part of the interval of `nodes`: `Some(None)` where rounding has spoiled its residuals,
    /// `None` where the interpolants are not accurate enough.
    fn highest(
        &self,
        column: usize,
        (from, to): (f64, f64),
        nodes: &Nodes,
        samples: &[Sample],
        log_ratio: &Chebyshev,
    ) -> Option<Option<Maximum>> {
        let spoiled = |sample: &Sample| sample.penalised[column].is_nan() || sample.penalised[column] <= 0.0;
        if samples.iter().any(spoiled) {
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

    /// A column at `ln t = x`, from the slopes of its interpolants: `γ = −d log_ratio/dx`, `m2 = dR/dt`.
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
