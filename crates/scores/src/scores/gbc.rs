//! GBC, the Gaussian Bhattacharyya coefficient: how much classes overlap, each a Gaussian (Pándy et al., CVPR 2022).
//!
//! ```text
//! features on their leading p ≤ 64 principal components;  class y: mean μ_y [p], one variance σ_y² (mean over components, each at least 1e-4)
//! D(a, b) = ‖μ_a − μ_b‖² / (4(σ_a² + σ_b²)) + (p/2) ln( (σ_a² + σ_b²) / (2σ_aσ_b) )
//! GBC = −Σ_{a ≠ b} exp(−D(a, b))             over ordered pairs: −c(c − 1) where all classes are the same, 0 where none overlap
//! ```
//!
//! Hyper-parameters are the authors': 64 components, spherical Gaussians, the floor of the variances. Their code sums the logarithm once
//! instead of p times for spherical Gaussians (a scalar has lost its axis), which leaves out most of the second term; ours has the factor p of the
//! distance that it names. Full covariances are not offered: their determinants over- and underflow. The floor is not free of the
//! features' scale, so features of very small scale overlap by definition.
//!
//! Cost: the second moments (n·d²), their eigenvectors (d³), n·d·p for the coordinates, c²·p for the pairs.

use faer::Mat;

use super::principal::Principal;
use super::{DefaultUse, Needs, Replicates, Score, ScoreData, ScoreOptions, ScoreOutcome};
use crate::error::{Error, ErrorKind, Result};
use crate::features::FeatureView;
use crate::statistics::Statistics;
use crate::targets::Compact;

/// Principal components that are kept.
const COMPONENTS: usize = 64;
/// The least variance along a component.
const FLOOR: f64 = 1e-4;

pub(super) const SCORE: Score = Score {
    name: "gbc",
    summary: "minus the overlap of classes as spherical Gaussians (Pándy et al. 2022)",
    source: "Pándy, Agostinelli, Uijlings, Ferrari, Mensink: Transferability Estimation using Bhattacharyya Class Separability, CVPR 2022",
    needs: Needs::ClassRows,
    default_use: DefaultUse::OnRequest,
    always_with_error: false,
    bounds_error: false,
    replicates: Replicates::Recompute,
    run,
};

/// A class as a Gaussian.
struct Gaussian {
    mean: Vec<f64>,
    variance: f64,
}

fn run(data: &ScoreData<'_>, _: &ScoreOptions) -> Result<ScoreOutcome> {
    let statistics = data.statistics()?;
    let gaussians = match (&data.classes, data.features) {
        (Some(classes), None) => of_statistics(statistics, classes)?,
        _ => {
            let (features, targets) = data.rows(SCORE.name)?;
            let labels = Compact::new(targets.labels_for(SCORE.name)?);
            let coordinates = Principal::new(statistics, COMPONENTS)?.coordinates(&features);
            let members = labels.members();
            members.iter().map(|rows| of_rows(&coordinates, rows)).collect()
        }
    };
    if gaussians.len() < 2 {
        return Err(Error::new(
            ErrorKind::TooFewClasses,
            format!("{} compares classes, but all samples are of one class", SCORE.name),
        ));
    }
    let mut overlap = 0.0;
    for (place, a) in gaussians.iter().enumerate() {
        for b in &gaussians[place + 1..] {
            overlap += 2.0 * (-distance(a, b)).exp();
        }
    }
    // Overlap below the rounding of a single coefficient is none.
    Ok(if overlap < f64::EPSILON {
        ScoreOutcome::of(0.0).capped(0.0)
    } else {
        ScoreOutcome::of(-overlap)
    })
}

fn of_rows(coordinates: &Mat<f64>, rows: &[usize]) -> Gaussian {
    let count = rows.len() as f64;
    let (mean, variances) = (0..coordinates.ncols())
        .map(|k| {
            let mean = rows.iter().map(|&i| coordinates[(i, k)]).sum::<f64>() / count;
            let squares: f64 = rows.iter().map(|&i| (coordinates[(i, k)] - mean).powi(2)).sum();
            (mean, squares / count)
        })
        .unzip();
    gaussian(mean, variances)
}

/// The same from the statistics of all samples and of every class.
fn of_statistics(statistics: &Statistics, classes: &[Statistics]) -> Result<Vec<Gaussian>> {
    let principal = Principal::new(statistics, COMPONENTS)?;
    let mut gaussians = Vec::new();
    for class in classes.iter().filter(|class| class.n_samples() > 0) {
        let count = class.n_samples();
        if let Some(rows) = class.rows() {
            let view = FeatureView::new(rows, count, class.n_features())?;
            gaussians.push(of_rows(&principal.coordinates(&view), &(0..count).collect::<Vec<_>>()));
            continue;
        }
        let moments = class.moments().mean();
        let (mean, variances) = (0..principal.len())
            .map(|k| {
                let axis = principal.vectors().col_as_slice(k);
                let along = |vector: &[f64]| vector.iter().zip(axis).map(|(a, b)| a * b).sum::<f64>();
                let (own, all) = (along(&moments), along(principal.mean()));
                (own - all, along(&class.apply_gram(axis)) / count as f64 - own * own)
            })
            .unzip();
        gaussians.push(gaussian(mean, variances));
    }
    Ok(gaussians)
}

fn gaussian(mean: Vec<f64>, variances: Vec<f64>) -> Gaussian {
    let sum: f64 = variances.iter().map(|variance| variance.max(FLOOR)).sum();
    Gaussian {
        variance: if mean.is_empty() {
            FLOOR
        } else {
            sum / mean.len() as f64
        },
        mean,
    }
}

/// Bhattacharyya's distance of two spherical Gaussians.
fn distance(a: &Gaussian, b: &Gaussian) -> f64 {
    let squared: f64 = a.mean.iter().zip(&b.mean).map(|(a, b)| (a - b).powi(2)).sum();
    let both = a.variance + b.variance;
    let spread = both.ln() - 0.5 * (a.variance.ln() + b.variance.ln()) - 2.0_f64.ln();
    squared / (4.0 * both) + 0.5 * a.mean.len() as f64 * spread
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The coefficient of two one-dimensional Gaussians is ∫ √(p·q), which a sum over a fine grid gives as well.
    #[test]
    fn the_distance_is_that_of_the_integral_of_the_root_of_both_densities() {
        let (a, b) = (gaussian(vec![0.3], vec![0.5]), gaussian(vec![-0.9], vec![1.7]));
        let density = |g: &Gaussian, x: f64| {
            (-(x - g.mean[0]).powi(2) / (2.0 * g.variance)).exp() / (2.0 * std::f64::consts::PI * g.variance).sqrt()
        };
        let step = 1e-3;
        let integral: f64 = (-20_000..20_000)
            .map(|i| f64::from(i) * step)
            .map(|x| (density(&a, x) * density(&b, x)).sqrt() * step)
            .sum();
        assert!(((-distance(&a, &b)).exp() - integral).abs() < 1e-9);
    }

    /// In p dimensions the coefficient is the product of those along each axis.
    #[test]
    fn the_distance_adds_up_over_dimensions() {
        let (a, b) = (
            gaussian(vec![0.3, 1.0, -2.0], vec![0.5; 3]),
            gaussian(vec![-0.9, 0.1, 0.4], vec![1.7; 3]),
        );
        let along = |k: usize| {
            distance(
                &gaussian(vec![a.mean[k]], vec![0.5]),
                &gaussian(vec![b.mean[k]], vec![1.7]),
            )
        };
        assert!((distance(&a, &b) - (0..3).map(along).sum::<f64>()).abs() < 1e-12);
    }
}
