//! A linear Gaussian system with sparse rows: its evidence, the gradient, and the posterior of its latent variables.
//!
//! ```text
//! y_i = h_iᵀx + ε_i      x_j ~ N(m_j, λ_j)      ε_i ~ N(0, n_i)          λ_j = v_h or fixed,  n_i = fixed + Σ_h c_ih v_h
//! A = Λ⁻¹ + Σ_i h_i h_iᵀ/n_i      A δ = Σ_i h_i r_i/n_i      r_i = y_i − h_iᵀm         posterior x ~ N(m + δ, A⁻¹)
//! −2 ln p(y) = Σ ln n_i + Σ ln λ_j + ln|A| + Σ r_i²/n_i − δᵀAδ + N ln 2π
//! ```
//!
//! `q` latent variables and `N` rows take a factorisation of A `[q, q]` and `O(N)`, whatever N is. The gradient is Fisher's identity, an
//! expectation under the posterior: `∂ ln p/∂ ln v = Σ_j ½(E[(x_j − m_j)²]/λ_j − 1) + Σ_i ½ c_ih v_h (E[(y_i − h_iᵀx)²]/n_i² − 1/n_i)`.

use faer::linalg::solvers::{DenseSolveCore, Llt, Solve};
use faer::{Mat, Side};

use crate::error::{Error, ErrorKind, Result};

/// The prior variance of a latent variable.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spread {
    Fixed(f64),
    /// The variance at this position of the vector that is fitted.
    Of(usize),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Latent {
    pub mean: f64,
    pub spread: Spread,
}

/// One row: a sparse combination of latent variables with noise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub value: f64,
    pub terms: Vec<(usize, f64)>,
    pub fixed_noise: f64,
    /// Position of a variance, and its coefficient.
    pub noise: Vec<(usize, f64)>,
}

impl Row {
    pub fn noise_variance(&self, variances: &[f64]) -> f64 {
        self.fixed_noise + self.noise.iter().map(|&(at, c)| c * variances[at]).sum::<f64>()
    }

    fn predicted(&self, x: impl Fn(usize) -> f64) -> f64 {
        self.terms.iter().map(|&(j, weight)| weight * x(j)).sum()
    }

    /// `h Σ gᵀ` of this row and another.
    pub fn covariance(&self, other: &Self, covariance: &Mat<f64>) -> f64 {
        let mut sum = 0.0;
        for &(i, a) in &self.terms {
            for &(j, b) in &other.terms {
                sum += a * b * covariance[(i, j)];
            }
        }
        sum
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct System {
    pub latents: Vec<Latent>,
    pub rows: Vec<Row>,
}

/// Posterior of the latent variables, and the evidence that goes with it.
pub(crate) struct Solved {
    pub mean: Vec<f64>,
    /// `[q, q]`
    pub covariance: Mat<f64>,
    pub log_evidence: f64,
}

impl Solved {
    /// `E[h ᵀx]`.
    pub fn predicted(&self, row: &Row) -> f64 {
        row.predicted(|j| self.mean[j])
    }
}

impl System {
    pub fn add(&mut self, mean: f64, spread: Spread) -> usize {
        self.latents.push(Latent { mean, spread });
        self.latents.len() - 1
    }

    fn spread(&self, j: usize, variances: &[f64]) -> f64 {
        match self.latents[j].spread {
            Spread::Fixed(value) => value,
            Spread::Of(at) => variances[at],
        }
    }

    /// The posterior under these variances.
    pub fn solve(&self, variances: &[f64]) -> Result<Solved> {
        let q = self.latents.len();
        let mut precision = Mat::<f64>::zeros(q, q);
        let mut right = Mat::<f64>::zeros(q, 1);
        let mut minus_two = self.rows.len() as f64 * (2.0 * std::f64::consts::PI).ln();
        for j in 0..q {
            let spread = self.spread(j, variances);
            precision[(j, j)] += 1.0 / spread;
            minus_two += spread.ln();
        }
        for row in &self.rows {
            let noise = row.noise_variance(variances);
            let residual = row.value - row.predicted(|j| self.latents[j].mean);
            minus_two += noise.ln() + residual * residual / noise;
            for &(i, a) in &row.terms {
                right[(i, 0)] += a * residual / noise;
                for &(j, b) in &row.terms {
                    precision[(i, j)] += a * b / noise;
                }
            }
        }
        let factor = Llt::new(precision.as_ref(), Side::Lower).map_err(|_| ill_conditioned())?;
        minus_two += 2.0 * (0..q).map(|j| factor.L()[(j, j)].ln()).sum::<f64>();
        let shift = factor.solve(&right);
        let explained: f64 = (0..q).map(|j| shift[(j, 0)] * right[(j, 0)]).sum();
        minus_two -= explained;
        if !minus_two.is_finite() {
            return Err(ill_conditioned());
        }
        Ok(Solved {
            mean: (0..q).map(|j| self.latents[j].mean + shift[(j, 0)]).collect(),
            covariance: factor.inverse(),
            log_evidence: -0.5 * minus_two,
        })
    }

    /// Derivatives of the log evidence by the logarithms of the variances.
    pub fn gradient(&self, solved: &Solved, variances: &[f64]) -> Vec<f64> {
        let mut gradient = vec![0.0; variances.len()];
        for (j, latent) in self.latents.iter().enumerate() {
            if let Spread::Of(at) = latent.spread {
                let square = (solved.mean[j] - latent.mean).powi(2) + solved.covariance[(j, j)];
                gradient[at] += 0.5 * (square / variances[at] - 1.0);
            }
        }
        for row in &self.rows {
            let noise = row.noise_variance(variances);
            let square = (row.value - solved.predicted(row)).powi(2) + row.covariance(row, &solved.covariance);
            let by_noise = 0.5 * (square / noise - 1.0) / noise;
            for &(at, c) in &row.noise {
                gradient[at] += c * variances[at] * by_noise;
            }
        }
        gradient
    }
}

fn ill_conditioned() -> Error {
    Error::new(
        ErrorKind::Precision,
        "the decision model cannot be solved in double precision; check the priors of its variances, which must be positive and finite",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ranktune_core::random::Random;

    /// A random system of 4 latent variables, two variances and 9 rows.
    fn random_system(seed: u64) -> System {
        let mut random = Random::new(seed);
        let mut uniform = move || random.below(1_000_000) as f64 / 1e6 - 0.5;
        let mut system = System::default();
        system.add(0.3, Spread::Fixed(0.7));
        for _ in 0..3 {
            let mean = uniform();
            system.add(mean, Spread::Of(0));
        }
        for i in 0..9 {
            let row = Row {
                value: uniform(),
                terms: vec![(i % 4, 1.0 + uniform()), ((i + 1) % 4, uniform())],
                fixed_noise: 0.01,
                noise: vec![(1, 1.0 + uniform())],
            };
            system.rows.push(row);
        }
        system
    }

    /// Mean and covariance of the rows, `[N]` and `[N, N]`.
    fn dense(system: &System, variances: &[f64]) -> (Vec<f64>, Mat<f64>) {
        let n = system.rows.len();
        let mean = system
            .rows
            .iter()
            .map(|row| row.predicted(|j| system.latents[j].mean))
            .collect();
        let prior = Mat::from_fn(system.latents.len(), system.latents.len(), |i, j| {
            if i == j { system.spread(j, variances) } else { 0.0 }
        });
        let covariance = Mat::from_fn(n, n, |i, j| {
            let noise = if i == j {
                system.rows[i].noise_variance(variances)
            } else {
                0.0
            };
            noise + system.rows[i].covariance(&system.rows[j], &prior)
        });
        (mean, covariance)
    }

    #[test]
    fn the_evidence_is_the_density_of_the_dense_normal() {
        for seed in 0..20 {
            let (system, variances) = (random_system(seed), [0.4, 0.2]);
            let (mean, covariance) = dense(&system, &variances);
            // Gaussian elimination by hand: conditional densities, one row after the other.
            let (mut residual, mut rest) = (
                system
                    .rows
                    .iter()
                    .zip(&mean)
                    .map(|(row, m)| row.value - m)
                    .collect::<Vec<_>>(),
                covariance,
            );
            let mut log_density = 0.0;
            for i in 0..mean.len() {
                let pivot = rest[(i, i)];
                log_density -= 0.5 * ((2.0 * std::f64::consts::PI * pivot).ln() + residual[i].powi(2) / pivot);
                for j in i + 1..mean.len() {
                    let factor = rest[(j, i)] / pivot;
                    residual[j] -= factor * residual[i];
                    for k in i + 1..mean.len() {
                        let along = rest[(i, k)];
                        rest[(j, k)] -= factor * along;
                    }
                }
            }
            let got = system.solve(&variances).unwrap().log_evidence;
            assert!((got - log_density).abs() < 1e-10, "{seed}: {got} {log_density}");
        }
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        for seed in 0..20 {
            let (system, logarithms) = (random_system(seed), [-0.9_f64, -1.6]);
            let evidence = |l: &[f64]| {
                let variances: Vec<f64> = l.iter().map(|v| v.exp()).collect();
                system.solve(&variances).unwrap().log_evidence
            };
            let variances = logarithms.map(f64::exp);
            let gradient = system.gradient(&system.solve(&variances).unwrap(), &variances);
            for at in 0..2 {
                let moved = |by: f64| {
                    let mut l = logarithms;
                    l[at] += by;
                    evidence(&l)
                };
                let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert!(
                    (gradient[at] - difference).abs() < 1e-7,
                    "{seed}: {gradient:?} {difference}"
                );
            }
        }
    }
}
