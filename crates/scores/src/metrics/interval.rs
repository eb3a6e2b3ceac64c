//! How far a share of samples may be from the share of all that could have been drawn.

/// The quantile of the normal distribution of which an interval of 95 % has that many standard errors on each side.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % interval of a share, `right` of `n` samples, by Wilson's score: it stays within 0 and 1, and has a width where all samples are
/// right. `None` without samples. (Wilson 1927; Brown, Cai and DasGupta 2001, who recommend it from n = 1 on.)
///
/// ```text
/// (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n)
/// ```
///
/// # Examples
/// ```
/// use ranktune_scores::metrics::share_interval;
/// let (low, high) = share_interval(8, 10).expect("there are samples");
/// assert!((low - 0.490).abs() < 1e-3 && (high - 0.943).abs() < 1e-3);
/// ```
pub fn share_interval(right: usize, n: usize) -> Option<(f64, f64)> {
    if n == 0 {
        return None;
    }
    let (n, share) = (n as f64, right as f64 / n as f64);
    let scale = 1.0 + Z * Z / n;
    let centre = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    Some((
        ((centre - half) / scale).clamp(0.0, share),
        ((centre + half) / scale).clamp(share, 1.0),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bounds are the shares at which a normal test just rejects: the definition that the formula solves.
    #[test]
    fn a_bound_is_the_share_that_lies_z_of_its_own_standard_errors_away() {
        for (right, n) in [(8, 10), (1, 5), (795, 1000), (1, 100_000)] {
            let (low, high) = share_interval(right, n).unwrap();
            let share = right as f64 / n as f64;
            for bound in [low, high] {
                let error = (bound * (1.0 - bound) / n as f64).sqrt();
                assert!(
                    ((share - bound).abs() / error - Z).abs() < 1e-6,
                    "{right} of {n}: {bound}"
                );
            }
            assert!(low < share && share < high);
        }
    }

    #[test]
    fn all_right_and_all_wrong_have_a_width_and_stay_shares() {
        let (low, high) = share_interval(5, 5).unwrap();
        assert!((low - 0.565_517_535_216_825).abs() < 1e-12 && high == 1.0);
        let (low, high) = share_interval(0, 5).unwrap();
        assert!(low == 0.0 && (high - 0.434_482_464_783_175).abs() < 1e-12);
        assert_eq!(share_interval(0, 0), None);
    }
}
