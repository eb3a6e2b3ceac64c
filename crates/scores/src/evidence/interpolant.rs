//! Chebyshev interpolants on an interval: a function known at a few nodes, its slope, and where it is highest.
//!
//! ```text
//! x_k = mid − half·cos θ_k,  θ_k = π(k + ½)/N;    f ≈ Σ_m a_m T_m(z),  a_m = (2/N) Σ_k f_k cos(m θ'_k),  a_0 halved
//! ```

use std::f64::consts::PI;

/// The N nodes of an interval, and the cosines that all interpolants through them share.
pub(crate) struct Nodes {
    low: f64,
    high: f64,
    /// `[N, N]`, row m: what coefficient m takes of every value
    weights: Vec<f64>,
    count: usize,
}

impl Nodes {
    pub fn new(low: f64, high: f64, count: usize) -> Self {
        let mut weights = Vec::with_capacity(count * count);
        for m in 0..count {
            let scale = if m == 0 { 1.0 } else { 2.0 } / count as f64;
            // Ascending nodes run through the angles from π to 0.
            weights.extend((0..count).map(|k| {
                let angle = PI * (count as f64 - k as f64 - 0.5) / count as f64;
                scale * (m as f64 * angle).cos()
            }));
        }
        Self {
            low,
            high,
            weights,
            count,
        }
    }

    /// The nodes, ascending.
    pub fn points(&self) -> Vec<f64> {
        let (low, high) = (self.low, self.high);
        (0..self.count)
            .map(|k| {
                let angle = PI * (k as f64 + 0.5) / self.count as f64;
                0.5 * (low + high) - 0.5 * (high - low) * angle.cos()
            })
            .collect()
    }

    /// The polynomial that has these values at the nodes.
    pub fn interpolant(&self, values: impl Iterator<Item = f64>) -> Chebyshev {
        let values: Vec<f64> = values.collect();
        let coefficients = self
            .weights
            .chunks_exact(self.count)
            .map(|weights| weights.iter().zip(&values).map(|(weight, value)| weight * value).sum())
            .collect();
        Chebyshev::with(self.low, self.high, coefficients)
    }
}

/// A polynomial in Chebyshev's basis.
#[derive(Clone, Debug)]
pub(crate) struct Chebyshev {
    low: f64,
    high: f64,
    coefficients: Vec<f64>,
    slopes: Vec<f64>,
}

impl Chebyshev {
    fn with(low: f64, high: f64, coefficients: Vec<f64>) -> Self {
        // The derivative's coefficients, from the highest down: c_{m−1} = c_{m+1} + 2m a_m.
        let count = coefficients.len();
        let mut slopes = vec![0.0; count + 1];
        for m in (1..count).rev() {
            slopes[m - 1] = slopes.get(m + 1).copied().unwrap_or(0.0) + 2.0 * m as f64 * coefficients[m];
        }
        slopes[0] *= 0.5;
        for slope in &mut slopes {
            *slope *= 2.0 / (high - low);
        }
        Self {
            low,
            high,
            coefficients,
            slopes,
        }
    }

    /// `weight·self + other_weight·other`, on the same interval.
    pub fn combined(&self, weight: f64, other: &Self, other_weight: f64) -> Self {
        let coefficients = self
            .coefficients
            .iter()
            .zip(&other.coefficients)
            .map(|(own, other)| weight * own + other_weight * other)
            .collect();
        Self::with(self.low, self.high, coefficients)
    }

    /// The value at `x`.
    pub fn at(&self, x: f64) -> f64 {
        self.sum(&self.coefficients, x)
    }

    /// The derivative at `x`.
    pub fn slope(&self, x: f64) -> f64 {
        self.sum(&self.slopes, x)
    }

    /// Clenshaw's recurrence.
    fn sum(&self, coefficients: &[f64], x: f64) -> f64 {
        let z = (2.0 * x - self.low - self.high) / (self.high - self.low);
        let (mut one, mut two) = (0.0, 0.0);
        for &coefficient in coefficients.iter().skip(1).rev() {
            (one, two) = (2.0 * z * one - two + coefficient, one);
        }
        z * one - two + coefficients.first().copied().unwrap_or(0.0)
    }

    /// What the last coefficients leave: an estimate of the interpolation's error.
    pub fn tail(&self) -> f64 {
        self.coefficients.iter().rev().take(2).map(|a| a.abs()).sum()
    }

    /// Where the interpolant is highest between `from` and `to`.
    pub fn maximum(&self, from: f64, to: f64) -> f64 {
        const POINTS: usize = 8;
        let at = |i: usize| from + (to - from) * i as f64 / POINTS as f64;
        let mut best = (self.at(from), from);
        let mut consider = |x: f64| {
            let value = self.at(x);
            if value > best.0 {
                best = (value, x);
            }
        };
        consider(to);
        for i in 0..POINTS {
            let (mut low, mut high) = (at(i), at(i + 1));
            if self.slope(low) > 0.0 && self.slope(high) <= 0.0 {
                for _ in 0..52 {
                    let middle = 0.5 * (low + high);
                    if self.slope(middle) > 0.0 {
                        low = middle;
                    } else {
                        high = middle;
                    }
                }
                consider(0.5 * (low + high));
            }
        }
        best.1
    }
}

/// Weights of the polynomial through `nodes` at `x`.
pub(crate) fn lagrange(nodes: &[f64], x: f64) -> Vec<f64> {
    (0..nodes.len())
        .map(|k| {
            nodes
                .iter()
                .enumerate()
                .filter(|&(other, _)| other != k)
                .map(|(_, node)| (x - node) / (nodes[k] - node))
                .product()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_analytic_function_its_slope_and_its_maximum_are_found_to_rounding() {
        // Poles at ±iπ, as the evidence has them.
        let f = |x: f64| -(x - 0.3).powi(2) / (x * x + PI * PI);
        let nodes = Nodes::new(-1.5, 1.5, 24);
        let interpolant = nodes.interpolant(nodes.points().into_iter().map(f));
        for x in [-1.4, -0.2, 0.7, 1.5] {
            assert!((interpolant.at(x) - f(x)).abs() < 1e-13, "at {x}");
            let h = 1e-5;
            let slope = (f(x + h) - f(x - h)) / (2.0 * h);
            assert!((interpolant.slope(x) - slope).abs() < 1e-9, "slope at {x}");
        }
        assert!(interpolant.tail() < 1e-13);
        assert!((interpolant.maximum(-1.5, 1.5) - 0.3).abs() < 1e-9);
        assert_eq!(interpolant.maximum(0.5, 1.0), 0.5);
    }

    #[test]
    fn a_coarse_interpolant_says_so() {
        let f = |x: f64| 1.0 / (x * x + 0.01);
        let nodes = Nodes::new(-1.5, 1.5, 12);
        let interpolant = nodes.interpolant(nodes.points().into_iter().map(f));
        assert!(interpolant.tail() > 1e-3);
    }
}
