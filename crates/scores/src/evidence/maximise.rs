//! The global maximum of `L*(t)` for every column: a shared grid of ln t, then a bracketed root of the derivative.
//!
//! `L*` is a sum of logistic curves of ln t and the logarithm of another, analytic in a strip of half-width π, so a grid of half
//! units finds every local maximum that matters. Those within reach of the highest value on the grid are refined (Chandrupatla's
//! method on the derivative: bracketed like bisection, about eight evaluations) and compared with the two limits:
//!
//! ```text
//! t → ∞   no information   L/n = ½ ln(n/s) − ½ − ½ ln 2π
//! t → 0   noise-free       L/n = ½ ln α − (1/2n) ln|K| − ½ − ½ ln 2π,  α = n/(yᵀK⁻¹y); only where r = n
//! ```

use std::f64::consts::PI;

use rayon::prelude::*;

use super::profile::{Column, Form, LANES, Point, Profile, Shift};

/// Where the maximum of one column lies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Optimum {
    Interior(Point),
    NoInformation,
    /// At `t = 0`; holds `yᵀK⁻¹y`.
    NoiseFree(f64),
}

/// One column's maximum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Maximum {
    pub optimum: Optimum,
    /// `L/n`
    pub value: f64,
    /// First-order bound of the error of `value`; infinite where there may be a higher maximum.
    pub error_bound: f64,
    /// The lower end of the grid, where the noise-free limit is not known.
    pub lower_end: Option<LowerEnd>,
}

/// One column at the smallest t at which the matrix exceeds its rounding errors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LowerEnd {
    /// `L/n`
    pub value: f64,
    /// `R(t)`
    pub penalised: f64,
    /// `Σ t/(λ_i + t)`: about the number of eigenvalues that are zero to rounding.
    pub unresolved: f64,
    /// A lower bound of `R(0)`, where there is one.
    pub at_zero: Option<f64>,
}

impl LowerEnd {
    /// `m2` is `‖m‖²` at `t`, or more.
    ///
    /// With `q = Σ t/(λ_i + t) < 1` every eigenvalue is at least `t(1 − q)/q`, so of `R(t) − R(0) = Σ b_i² t/(λ_i(λ_i + t))` no term is more than
    /// `1/(1 − q)` times that of `t·m2 = Σ b_i² t/(λ_i + t)²`.
    pub fn new(value: f64, penalised: f64, unresolved: f64, t: f64, m2: f64) -> Self {
        let at_zero = penalised - t * m2 / (1.0 - unresolved);
        Self {
            value,
            penalised,
            unresolved,
            at_zero: (unresolved < FEW && at_zero > 0.0).then_some(at_zero),
        }
    }
}

/// Below this, `q` bounds the eigenvalues well enough to be used.
const FEW: f64 = 0.5;

/// Distance of grid points in ln t.
pub(super) const STEP: f64 = 0.5;
/// How far below the best value on the grid another local maximum may be and still exceed it: `|d²L*/d(ln t)²|/n` is at most
/// 9/8, so a maximum is less than `9/64 · STEP²` above the nearer grid point.
pub(super) const REACH: f64 = 0.05;
/// An interior maximum must exceed a limit by this much: a smaller excess may be rounding on the way to the limit.
pub(super) const MARGIN: f64 = 1e-13;
/// Beyond this multiple of the eigenvalues' range the profile is its limit to rounding.
pub(super) const BEYOND: f64 = 1e8;

/// The factors at the points of the grid, ascending in t, and at zero where the matrix is clearly regular.
pub(crate) struct Grid {
    shifts: Vec<Shift>,
    at_zero: Option<Shift>,
}

impl Grid {
    /// `lowest` is a value of t below every maximum, if one is known.
    pub fn new(profile: &Profile, lowest: Option<f64>) -> Self {
        let largest = profile.lambda_max;
        if largest <= 0.0 {
            return Self {
                shifts: Vec::new(),
                at_zero: None,
            };
        }
        let k = profile.size() as f64;
        // Below this, T + tI is not the shifted matrix but its rounding errors.
        let floor = (8.0 * k * profile.backward_error * largest).max(f64::MIN_POSITIVE * 1e20);
        let at_zero = (profile.form == Form::Dual && profile.size() == profile.n_samples)
            .then(|| profile.shift(0.0))
            .flatten();
        let smallest = match (&at_zero, lowest) {
            (_, Some(lowest)) => lowest.max(f64::MIN_POSITIVE * 1e20),
            (Some(zero), None) => {
                let zero_column = Column {
                    rhs: vec![0.0; profile.size()],
                    square: 0.0,
                    outside: 0.0,
                };
                let smallest_eigenvalue = 1.0 / profile.point(zero, &zero_column).trace;
                if smallest_eigenvalue > floor {
                    smallest_eigenvalue / BEYOND
                } else {
                    floor
                }
            }
            (None, None) => floor,
        };
        // The logarithm of the product, which could overflow.
        let (from, to) = (smallest.ln(), largest.ln() + BEYOND.ln());
        let steps = ((to - from) / STEP).ceil().max(1.0);
        let shifts = (0..=steps as usize)
            .into_par_iter()
            .map(|i| profile.shift((from + (to - from) * i as f64 / steps).exp()))
            .collect::<Vec<_>>();
        Self {
            // A point that fails lies below the matrix's rounding errors, and so does everything before it.
            shifts: shifts
                .into_iter()
                .rev()
                .map_while(|shift| shift)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect(),
            at_zero,
        }
    }
}

/// The maximum of every column.
pub(crate) fn maximise(profile: &Profile, grid: &Grid, columns: &[Column]) -> Vec<Maximum> {
    columns
        .par_chunks(LANES)
        .flat_map_iter(|columns| {
            let lanes: Vec<[f64; LANES]> = (0..profile.size())
                .map(|i| std::array::from_fn(|lane| columns.get(lane).map_or(0.0, |column| column.rhs[i])))
                .collect();
            let residuals: Vec<[f64; LANES]> = grid
                .shifts
                .iter()
                .map(|shift| profile.penalised(shift, &lanes, columns))
                .collect();
            columns
                .iter()
                .enumerate()
                .map(|(lane, column)| {
                    let values: Vec<f64> = grid
                        .shifts
                        .iter()
                        .zip(&residuals)
                        .map(|(shift, residuals)| {
                            let value = profile.value(residuals[lane], shift.log_ratio);
                            if value.is_finite() { value } else { f64::NEG_INFINITY }
                        })
                        .collect();
                    of_column(profile, grid, column, &values)
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

fn of_column(profile: &Profile, grid: &Grid, column: &Column, values: &[f64]) -> Maximum {
    let n = profile.n_samples as f64;
    let mut best = Maximum {
        optimum: Optimum::NoInformation,
        value: 0.5 * (n.ln() - column.square.ln()) - 0.5 - 0.5 * (2.0 * PI).ln(),
        error_bound: 0.0,
        lower_end: None,
    };
    let limit_at_zero = grid.at_zero.as_ref().map(|zero| {
        let point = profile.point(zero, column);
        let (_, product) = profile.solve(zero, &column.rhs);
        let value = 0.5 * (n.ln() - product.ln()) - 0.5 - 0.5 * (2.0 * PI).ln() - zero.log_ratio / (2.0 * n);
        let scale = profile.backward_error * profile.lambda_max;
        Maximum {
            optimum: Optimum::NoiseFree(product),
            value,
            // m2/R → ‖K⁻¹y‖²/(yᵀK⁻¹y) times t/t: the same first-order bound as at a point, in the limit.
            error_bound: 0.5 * scale * (point.trace / n + length(profile, zero, column) / product),
            lower_end: None,
        }
    });
    // A limit that is spoiled by rounding is dropped; what lies below the grid is then unknown.
    let limit_at_zero = limit_at_zero.filter(|limit| limit.value.is_finite() && limit.error_bound < 1e-3);
    if let Some(limit) = limit_at_zero
        && limit.value > best.value + MARGIN
    {
        best = limit;
    }
    let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let last = values.len().saturating_sub(1);
    for (i, &value) in values.iter().enumerate() {
        let is_peak = i > 0 && i < last && value >= values[i - 1] && value >= values[i + 1];
        if !is_peak || value < highest - REACH || value < best.value - REACH {
            continue;
        }
        let bracket = (
            grid.shifts[i - 1].t.ln(),
            grid.shifts[i].t.ln(),
            grid.shifts[i + 1].t.ln(),
        );
        if let Some((point, value)) = refine(profile, column, bracket)
            && value > best.value + MARGIN
        {
            best = Maximum {
                optimum: Optimum::Interior(point),
                value,
                error_bound: profile.error_bound(&point, column),
                lower_end: None,
            };
        }
    }
    if limit_at_zero.is_none()
        && let Some(first) = grid.shifts.first()
    {
        let point = profile.point(first, column);
        // The value still rises towards the lower end and the limit is unknown: there may be a higher maximum below.
        let rises = (point.slope <= 0.0 || point.slope.is_nan()) && values[0] > best.value - REACH;
        if rises || point.penalised <= 0.0 || point.penalised.is_nan() {
            best.error_bound = f64::INFINITY;
        }
        let unresolved = point.trace * first.t;
        best.lower_end = Some(LowerEnd::new(values[0], point.penalised, unresolved, first.t, point.m2));
    }
    best
}

fn length(profile: &Profile, shift: &Shift, column: &Column) -> f64 {
    profile.solve(shift, &column.rhs).0.iter().map(|x| x * x).sum()
}

/// The maximum inside `(lo, middle, hi)` (in ln t), by Chandrupatla's method on the derivative.
fn refine(profile: &Profile, column: &Column, (lo, middle, hi): (f64, f64, f64)) -> Option<(Point, f64)> {
    let at = |x: f64| {
        let shift = profile.shift(x.exp())?;
        let point = profile.point(&shift, column);
        point
            .slope
            .is_finite()
            .then(|| (point, profile.value(point.penalised, shift.log_ratio)))
    };
    let (centre, _) = at(middle)?;
    // The side of the middle that the derivative points to; its far end is lower, so a maximum lies between.
    let (mut a, mut fa, mut b) = if centre.slope > 0.0 {
        (middle, centre.slope, hi)
    } else {
        (middle, centre.slope, lo)
    };
    let mut fb = at(b)?.0.slope;
    for _ in 0..60 {
        if (fa > 0.0) != (fb > 0.0) || fb == 0.0 {
            break;
        }
        b = 0.5 * (a + b);
        fb = at(b)?.0.slope;
    }
    let mut t = 0.5;
    for _ in 0..80 {
        let x = a + t * (b - a);
        let f = at(x)?.0.slope;
        let (c, fc);
        if (f > 0.0) == (fa > 0.0) {
            (c, fc) = (a, fa);
        } else {
            (c, fc) = (b, fb);
            (b, fb) = (a, fa);
        }
        (a, fa) = (x, f);
        let (xm, fm) = if fa.abs() < fb.abs() { (a, fa) } else { (b, fb) };
        let tolerance = 4.0 * f64::EPSILON * xm.abs().max(1.0);
        let width = tolerance / (b - a).abs();
        if width > 0.5 || fm == 0.0 {
            return at(xm);
        }
        let xi = (a - b) / (c - b);
        let phi = (fa - fb) / (fc - fb);
        // Inverse quadratic interpolation where it is safe, else bisection.
        t = if phi * phi < xi && (1.0 - phi).powi(2) < 1.0 - xi {
            fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
        } else {
            0.5
        };
        t = t.clamp(width, 1.0 - width);
    }
    at(a)
}
