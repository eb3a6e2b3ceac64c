//! Metrics of classification, with one class per sample.

/// The share of samples whose largest prediction is that of their class; the first of equal predictions counts. `predictions` `[n, c]`,
/// `labels` `[n]`, `n ≥ 1`.
pub fn accuracy(predictions: &[f32], labels: &[u32], c: usize) -> f64 {
    let right = predictions
        .chunks_exact(c)
        .zip(labels)
        .filter(|(row, label)| largest(row) == **label as usize)
        .count();
    right as f64 / labels.len() as f64
}

/// The index of the largest entry of a row, the first of equal ones: the predicted class of a row of logits.
pub fn largest(row: &[f32]) -> usize {
    let mut best = 0;
    for (at, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = at;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_prediction_is_the_class_and_the_first_of_equal_ones() {
        let predictions = [1.0, 3.0, 2.0, 0.5, 0.5, 0.1, -3.0, -2.0, -1.0];
        assert_eq!(accuracy(&predictions, &[1, 0, 2], 3), 1.0);
        assert_eq!(accuracy(&predictions, &[1, 1, 0], 3), 1.0 / 3.0);
    }
}
