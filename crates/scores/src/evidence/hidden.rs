//! Whether there may be a higher maximum below the grid, among eigenvalues that are zero to rounding.
//!
//! `R` is concave and increasing in t and the determinant decreasing, so for every t below the grid's lower end `t₀`, with
//! `q = Σ t₀/(λ_i + t₀)` eigenvalues unresolved,
//!
//! ```text
//! primal   L*(t)/n ≤ L*(t₀)/n + ½ ln (R(t₀)/R(0))
//! dual     L*(t)/n ≤ L*(t₀)/n + (q/2n) ln (t₀/λ_min)
//! ```
//!
//! (Dual: `R(t) ≥ R(t₀)·t/t₀` gains at most ½ ln(t₀/t), of which the n − q resolved eigenvalues cost (n − q)/2n.) `R(0)`, the
//! residual of least squares, is bounded by `R(t₀)` and its slope where `q` is small. Otherwise it comes from a Cholesky factor of
//! the correlation matrix: it does not depend on the units of the features, and the correlations keep digits that `G` loses where
//! features differ in scale. Repeated and zero features do not change `R(0)`, so they raise no doubt. A column whose bound exceeds
//! its maximum is marked, and then solved from the rows.

use faer::Mat;

use super::profile::Form;
use super::reduced::Solved;
use crate::linalg;
use crate::statistics::Statistics;

/// Below this, no eigenvalue is unresolved.
const NONE: f64 = 1e-2;
/// `ln (t₀/λ_min)`: squares of singular values resolve `ε²`.
const DEEPEST: f64 = 36.0;
/// Added to the correlation matrix: smaller combinations of features are rounding of their f32 values.
const RIDGE: f64 = 1e-10;

/// Sets the error bound of columns that may have a higher maximum below the grid to infinity.
pub(super) fn mark(solved: &mut [Option<Solved>], statistics: &Statistics, form: Form) {
    let n = statistics.n_samples() as f64;
    let doubted = |solved: &Option<Solved>| {
        solved
            .as_ref()
            .and_then(|solved| solved.lower_end)
            .is_some_and(|end| end.unresolved > NONE)
    };
    if !solved.iter().any(doubted) {
        return;
    }
    // One Cholesky factor, unless the lower ends bound R(0) well enough themselves.
    let mut residuals: Option<Vec<f64>> = None;
    for (j, solved) in solved.iter_mut().enumerate() {
        let Some((solved, end)) = solved
            .as_mut()
            .and_then(|solved| solved.lower_end.map(|end| (solved, end)))
        else {
            continue;
        };
        if end.unresolved <= NONE {
            continue;
        }
        let hides = |gain: f64| end.value + gain.max(0.0) > solved.evidence;
        let gain_to = |residual: f64| 0.5 * (end.penalised / residual).ln();
        let may_hide = match form {
            Form::Primal => {
                end.at_zero.is_none_or(|residual| hides(gain_to(residual)))
                    && residuals
                        .get_or_insert_with(|| least_squares(statistics).unwrap_or_default())
                        .get(j)
                        .is_none_or(|&residual| hides(gain_to(residual)))
            }
            Form::Dual => hides(end.unresolved / (2.0 * n) * DEEPEST),
        };
        if may_hide {
            solved.error_bound = f64::INFINITY;
        }
    }
}

/// `R(0)` of every column, from the correlation matrix; zero or less where nothing is left of it.
fn least_squares(statistics: &Statistics) -> Option<Vec<f64>> {
    let gram = statistics.gram()?;
    let d = gram.size();
    let weights: Vec<f64> = (0..d)
        .map(|i| {
            if gram[(i, i)] > 0.0 {
                1.0 / gram[(i, i)].sqrt()
            } else {
                0.0
            }
        })
        .collect();
    let correlation = Mat::from_fn(d, d, |i, j| match i.cmp(&j) {
        std::cmp::Ordering::Less => 0.0,
        std::cmp::Ordering::Equal => 1.0 + RIDGE,
        std::cmp::Ordering::Greater => weights[i] * gram[(i, j)] * weights[j],
    });
    let factor = linalg::cholesky(correlation)?;
    let columns = statistics.target_columns();
    let mut products = Mat::from_fn(d, columns.len(), |i, j| weights[i] * columns[j].product[i]);
    linalg::solve_lower(factor.as_ref(), products.as_mut());
    Some(
        columns
            .iter()
            .enumerate()
            .map(|(j, column)| {
                let explained: f64 = products.col_as_slice(j).iter().map(|x| x * x).sum();
                let left = column.square - explained;
                // Below this, the difference is rounding.
                if left > 1e-12 * column.square { left } else { 0.0 }
            })
            .collect(),
    )
}
