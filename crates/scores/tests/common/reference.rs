//! LogME derived twice more, slowly: from singular values with a dense scan, and from the n×n covariance of y.
#![allow(dead_code, reason = "every test file uses its own part of this module")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a helper of tests: it may stop the test, and says why it skips"
)]

use std::f64::consts::PI;

use faer::Mat;
use faer::linalg::solvers::Solve;

/// `λ`, `z = Uᵀy` and the part of y outside the range, from a singular value decomposition of F.
pub struct Singular {
    pub lambda: Vec<f64>,
    pub z: Vec<f64>,
    pub outside: f64,
    pub n: usize,
}

pub fn dense(features: &[f32], d: usize) -> Mat<f64> {
    Mat::from_fn(features.len() / d, d, |i, j| f64::from(features[i * d + j]))
}

impl Singular {
    pub fn new(features: &[f32], d: usize, y: &[f64]) -> Self {
        let f = dense(features, d);
        let n = f.nrows();
        let svd = f.thin_svd().unwrap();
        let u = svd.U();
        let s: Vec<f64> = svd.S().column_vector().iter().copied().collect();
        let cut = s[0] * n.max(d) as f64 * f64::EPSILON;
        let project =
            |y: &[f64]| -> Vec<f64> { (0..s.len()).map(|k| (0..n).map(|i| u[(i, k)] * y[i]).sum()).collect() };
        let z = project(y);
        // Projected twice, so that what is left outside is exact however small it is.
        let mut rest: Vec<f64> = (0..n)
            .map(|i| y[i] - (0..s.len()).map(|k| u[(i, k)] * z[k]).sum::<f64>())
            .collect();
        let again = project(&rest);
        for (i, rest) in rest.iter_mut().enumerate() {
            *rest -= (0..s.len()).map(|k| u[(i, k)] * again[k]).sum::<f64>();
        }
        let outside = if s.len() < n {
            rest.iter().map(|r| r * r).sum()
        } else {
            0.0
        };
        let lambda = s.iter().map(|&s| if s > cut { s * s } else { 0.0 }).collect();
        Self { lambda, z, outside, n }
    }

    pub fn value(&self, t: f64) -> f64 {
        let r = self.outside
            + self
                .z
                .iter()
                .zip(&self.lambda)
                .map(|(z, l)| z * z / (l / t + 1.0))
                .sum::<f64>();
        let determinant: f64 = self.lambda.iter().map(|l| (l / t).ln_1p()).sum();
        let n = self.n as f64;
        0.5 * (n / r).ln() - 0.5 - 0.5 * (2.0 * PI).ln() - determinant / (2.0 * n)
    }

    /// The root of dL*/d ln t next to `t`, by bisection: places of maxima are ill-conditioned in values, not in slopes.
    pub fn stationary_near(&self, t: f64) -> f64 {
        let slope = |t: f64| {
            let sum =
                |f: &dyn Fn(f64, f64) -> f64| self.z.iter().zip(&self.lambda).map(|(z, l)| f(z * z, *l)).sum::<f64>();
            let r = self.outside + sum(&|z2, l| z2 * t / (l + t));
            let m2 = sum(&|z2, l| z2 * l / (l + t).powi(2));
            sum(&|_, l| l / (l + t)) - self.n as f64 * t * m2 / r
        };
        let (mut low, mut high) = (t * 0.999, t * 1.001);
        assert!(
            slope(low) > 0.0 && slope(high) < 0.0,
            "no maximum within 0.1 % of t = {t:e}"
        );
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if slope(middle) > 0.0 {
                low = middle
            } else {
                high = middle
            }
        }
        low
    }

    /// The largest value over a scan of 100 decades, each hill refined by ternary search; and where it is.
    pub fn maximum(&self) -> (f64, f64) {
        let largest = self.lambda.iter().copied().fold(0.0, f64::max).max(1e-300).ln();
        let x: Vec<f64> = (0..2_000).map(|i| largest - 160.0 + 0.1 * f64::from(i)).collect();
        let mut best = (f64::NEG_INFINITY, 0.0);
        for i in 1..x.len() - 1 {
            let at = |x: f64| self.value(x.exp());
            if at(x[i]) < at(x[i - 1]).max(at(x[i + 1])) {
                continue;
            }
            let (mut a, mut b) = (x[i - 1], x[i + 1]);
            for _ in 0..100 {
                let (c, d) = (a + (b - a) / 3.0, b - (b - a) / 3.0);
                if at(c) < at(d) { a = c } else { b = d }
            }
            if at(0.5 * (a + b)) > best.0 {
                best = (at(0.5 * (a + b)), (0.5 * (a + b)).exp());
            }
        }
        best
    }
}

/// `ln N(y; 0, I/β + FFᵀ/α)/n`, either term left out where its precision is infinite.
pub fn from_covariance(features: &[f32], d: usize, y: &[f64], alpha: Option<f64>, beta: Option<f64>) -> f64 {
    let f = dense(features, d);
    let n = f.nrows();
    let mut covariance = &f * f.transpose();
    for i in 0..n {
        for j in 0..n {
            covariance[(i, j)] = alpha.map_or(0.0, |alpha| covariance[(i, j)] / alpha)
                + if i == j {
                    beta.map_or(0.0, |beta| 1.0 / beta)
                } else {
                    0.0
                };
        }
    }
    let factor = covariance.llt(faer::Side::Lower).unwrap();
    let y = Mat::from_fn(n, 1, |i, _| y[i]);
    let product = (y.transpose() * factor.solve(&y))[(0, 0)];
    let determinant: f64 = (0..n).map(|i| 2.0 * factor.L()[(i, i)].ln()).sum();
    -0.5 * (product + determinant + n as f64 * (2.0 * PI).ln()) / n as f64
}
