//! Whether the probabilities of a classifier are the shares of right predictions.
//!
//! ```text
//! confidence of a sample   the largest entry of the softmax of its logits
//! ECE                      Σ over bins of (samples / n) · |share of right predictions − mean confidence|
//! ```
//!
//! Guo, Pleiss, Sun and Weinberger 2017, section 2: 15 bins of equal width, each with its upper bound.

use super::classes::largest;

/// Bins between 0 and 1.
const BINS: usize = 15;

/// The samples whose confidence lies in one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CalibrationBin {
    /// The confidence above which the bin begins.
    pub low: f64,
    /// The confidence at which it ends.
    pub high: f64,
    /// Number of samples.
    pub samples: usize,
    /// Their mean confidence.
    pub confidence: f64,
    /// Share of them whose prediction is right.
    pub accuracy: f64,
}

/// Calibration of a classifier.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClassifierCalibration {
    /// The expected calibration error, 0 to 1; 0 is perfect.
    pub expected_error: f64,
    /// The bins that have samples, from the lowest confidence.
    pub bins: Vec<CalibrationBin>,
}

impl ClassifierCalibration {
    /// The calibration of `logits` `[n, c]` for `labels` `[n]`; `None` without samples.
    pub fn new(logits: &[f32], labels: &[u32], c: usize) -> Option<Self> {
        let mut bins: Vec<CalibrationBin> = (0..BINS)
            .map(|at| CalibrationBin {
                low: at as f64 / BINS as f64,
                high: (at + 1) as f64 / BINS as f64,
                ..CalibrationBin::default()
            })
            .collect();
        // Sums until all samples are in.
        for (row, &label) in logits.chunks_exact(c.max(1)).zip(labels) {
            let found = largest(row);
            let confidence = confidence(row, found);
            let place = bins.iter().position(|bin| confidence <= bin.high).unwrap_or(BINS - 1);
            let bin = &mut bins[place];
            bin.samples += 1;
            bin.confidence += confidence;
            bin.accuracy += f64::from(u8::from(found == label as usize));
        }
        bins.retain(|bin| bin.samples > 0);
        let n: usize = bins.iter().map(|bin| bin.samples).sum();
        if n == 0 {
            return None;
        }
        let mut expected_error = 0.0;
        for bin in &mut bins {
            let samples = bin.samples as f64;
            bin.confidence /= samples;
            bin.accuracy /= samples;
            expected_error += samples / n as f64 * (bin.accuracy - bin.confidence).abs();
        }
        Some(Self { expected_error, bins })
    }
}

/// The softmax of a row at its largest entry.
fn confidence(row: &[f32], found: usize) -> f64 {
    let most = f64::from(row[found]);
    let sum: f64 = row.iter().map(|value| (f64::from(*value) - most).exp()).sum();
    1.0 / sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logits of two classes with a probability `p` of class 0.
    fn logits(p: f64) -> [f32; 2] {
        [(p / (1.0 - p)).ln() as f32, 0.0]
    }

    #[test]
    fn the_error_is_that_of_the_definition() {
        // Three samples near 0.9 of which two are right, one of 0.6 that is right.
        let all: Vec<f32> = [0.9, 0.9, 0.9, 0.6].into_iter().flat_map(logits).collect();
        let calibration = ClassifierCalibration::new(&all, &[0, 0, 1, 0], 2).unwrap();
        let expected = 0.75 * (0.9 - 2.0 / 3.0) + 0.25 * (1.0 - 0.6);
        assert!((calibration.expected_error - expected).abs() < 1e-6, "{calibration:?}");
        assert_eq!(calibration.bins.len(), 2);
        let bin = calibration.bins[1];
        assert_eq!(bin.samples, 3);
        assert!((bin.confidence - 0.9).abs() < 1e-6 && (bin.accuracy - 2.0 / 3.0).abs() < 1e-12);
        assert!(bin.low < 0.9 && 0.9 <= bin.high);
    }

    #[test]
    fn a_sure_classifier_that_is_right_has_no_error_and_large_logits_do_not_overflow() {
        let calibration = ClassifierCalibration::new(&[1e30, -1e30, -3e38, 3e38], &[0, 1], 2).unwrap();
        assert_eq!((calibration.expected_error, calibration.bins.len()), (0.0, 1));
        assert_eq!(ClassifierCalibration::new(&[], &[], 2), None);
    }
}
