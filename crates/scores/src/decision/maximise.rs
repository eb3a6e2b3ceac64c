//! Maximising a smooth function of a few variables: BFGS with backtracking (Nocedal & Wright, chapter 6).

use crate::error::Result;

const STEPS: usize = 200;
const GRADIENT: f64 = 1e-7;
/// The largest move of one variable in a step; they are logarithms.
const LARGEST: f64 = 2.0;

/// The maximum of `f`, which returns its value and gradient, from `start`. Stops where the gradient is below 1e-7, or where no step
/// increases the value any more.
pub(crate) fn maximise(start: Vec<f64>, f: impl Fn(&[f64]) -> Result<(f64, Vec<f64>)>) -> Result<Vec<f64>> {
    let n = start.len();
    let identity = |scale: f64| -> Vec<Vec<f64>> {
        (0..n)
            .map(|i| (0..n).map(|j| if i == j { scale } else { 0.0 }).collect())
            .collect()
    };
    let mut x = start;
    let (mut value, mut gradient) = f(&x)?;
    let mut inverse = identity(1.0);
    let mut is_fresh = true;
    for _ in 0..STEPS {
        if gradient.iter().all(|g| g.abs() < GRADIENT) {
            break;
        }
        let mut direction: Vec<f64> = inverse.iter().map(|row| dot(row, &gradient)).collect();
        if dot(&direction, &gradient) <= 0.0 {
            (inverse, is_fresh) = (identity(1.0), true);
            direction.clone_from(&gradient);
        }
        let longest = direction.iter().fold(0.0_f64, |longest, d| longest.max(d.abs()));
        let slope = dot(&direction, &gradient);
        let mut step = (LARGEST / longest).min(1.0);
        let found = loop {
            let next: Vec<f64> = x.iter().zip(&direction).map(|(x, d)| x + step * d).collect();
            // A point where the function fails is too far out, like one where it is lower.
            if let Ok((next_value, next_gradient)) = f(&next)
                && next_value >= value + 1e-4 * step * slope
            {
                break Some((next, next_value, next_gradient));
            }
            step *= 0.5;
            if step * longest < 1e-12 {
                break None;
            }
        };
        let Some((next, next_value, next_gradient)) = found else {
            if is_fresh {
                break;
            }
            (inverse, is_fresh) = (identity(1.0), true);
            continue;
        };
        let moved: Vec<f64> = next.iter().zip(&x).map(|(a, b)| a - b).collect();
        // Of the function to minimise, −f.
        let turned: Vec<f64> = gradient.iter().zip(&next_gradient).map(|(a, b)| a - b).collect();
        let curvature = dot(&moved, &turned);
        if curvature > 1e-12 * dot(&turned, &turned).sqrt() * dot(&moved, &moved).sqrt() {
            if is_fresh {
                inverse = identity(curvature / dot(&turned, &turned));
            }
            update(&mut inverse, &moved, &turned, curvature);
            is_fresh = false;
        }
        (x, value, gradient) = (next, next_value, next_gradient);
    }
    Ok(x)
}

/// `H ← (I − s yᵀ/c) H (I − y sᵀ/c) + s sᵀ/c`, `c = sᵀy`.
fn update(inverse: &mut [Vec<f64>], s: &[f64], y: &[f64], c: f64) {
    let hy: Vec<f64> = inverse.iter().map(|row| dot(row, y)).collect();
    let factor = (1.0 + dot(y, &hy) / c) / c;
    for (i, row) in inverse.iter_mut().enumerate() {
        for (j, value) in row.iter_mut().enumerate() {
            *value += factor * s[i] * s[j] - (hy[i] * s[j] + s[i] * hy[j]) / c;
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_maximum_of_a_curved_valley_is_found() {
        // Rosenbrock's function, turned upside down; its maximum is at (1, 1).
        let found = maximise(vec![-1.2, 1.0], |x| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            Ok((-(a * a + 100.0 * b * b), vec![2.0 * a + 400.0 * b * x[0], -200.0 * b]))
        })
        .unwrap();
        assert!(found.iter().all(|x| (x - 1.0).abs() < 1e-6), "{found:?}");
    }
}
