//! The losses of the tasks, as means over rows; each is a tensor of one element, on the tape.
//!
//! Classes: `−Σ_j t_j log softmax(z)_j` with `t = (1 − ε) onehot(y) + ε/c` (as PyTorch smooths labels). Labels:
//! `−y log σ(z) − (1 − y) log σ(−z)`, the mean over labels too. Numbers: `(z − y)²`, the mean over outputs too. σ is the
//! softmax of (z, 0), so every logarithm is that of a softmax, which is stable for any z and smooth everywhere.

use ranktune_nn::{Device, DeviceTensor};

use crate::batch_targets::BatchTargets;
use crate::error::{Error, Result};

/// The rows of `tensor` (its last axis a row) at the indices `rows`, `[rows, c]`; all of them for `None`.
pub(crate) fn rows_of(tensor: &DeviceTensor, rows: Option<&[usize]>) -> Result<DeviceTensor> {
    let dims = tensor.dims();
    let columns = dims.last().copied().unwrap_or(1).max(1);
    let count = dims.iter().product::<usize>() / columns;
    let flat = tensor.reshape(&[count, columns])?;
    let Some(rows) = rows else { return Ok(flat) };
    if let Some(row) = rows.iter().find(|&&row| row >= count) {
        return Err(Error::input(format!(
            "row {row} is out of range: a tensor of shape {dims:?} has {count} rows"
        )));
    }
    Ok(flat.select(0, rows))
}

/// The loss of the task. Classes may have weights w `[c]`: each row's loss is multiplied by that of its class.
pub(crate) fn task(
    logits: &DeviceTensor,
    target: &BatchTargets,
    (smoothing, weights): (f32, Option<&[f32]>),
    device: &Device,
) -> Result<DeviceTensor> {
    let dims = logits.dims();
    let [rows, columns] = *dims.as_slice() else {
        return Err(Error::model(format!("expected logits [rows, columns], found {dims:?}")));
    };
    let expected = match target {
        BatchTargets::Classes { labels, n_classes } => labels.len() * n_classes,
        BatchTargets::MultiLabel(values) | BatchTargets::Regression(values) => values.len(),
    };
    if expected != rows * columns || matches!(target, BatchTargets::Classes { n_classes, .. } if *n_classes != columns)
    {
        return Err(Error::model(format!(
            "logits have shape {dims:?}, and the batch has {expected} target values; the head needs one output for each \
             column of the targets"
        )));
    }
    match target {
        BatchTargets::Classes { labels, .. } => {
            let mut shares = vec![smoothing / columns as f32; rows * columns];
            for (row, &label) in labels.iter().enumerate() {
                shares[row * columns + label as usize] += 1.0 - smoothing;
            }
            if let Some(weights) = weights {
                for (row, &label) in shares.chunks_exact_mut(columns).zip(labels) {
                    row.iter_mut().for_each(|share| *share *= weights[label as usize]);
                }
            }
            cross_entropy(logits, shares, device)
        }
        BatchTargets::MultiLabel(values) => binary_cross_entropy(logits, values, device),
        BatchTargets::Regression(values) => squared_error(
            logits,
            &DeviceTensor::from_values(&[rows, columns], values.clone(), device)?,
        ),
    }
}

/// The mean over rows of the cross-entropy of softmax(logits) `[rows, c]` with `shares` `[rows, c]`.
pub(crate) fn cross_entropy(logits: &DeviceTensor, shares: Vec<f32>, device: &Device) -> Result<DeviceTensor> {
    let dims = logits.dims();
    let shares = DeviceTensor::from_values(&dims, shares, device)?;
    let sum = logits.log_softmax(1).mul(&shares)?.sum(&[0, 1]);
    Ok(sum.mul_scalar(-1.0 / dims[0] as f32))
}

/// The mean over all logits of the binary cross-entropy with `values`, of as many elements.
pub(crate) fn binary_cross_entropy(logits: &DeviceTensor, values: &[f32], device: &Device) -> Result<DeviceTensor> {
    let count = values.len();
    let zeros = DeviceTensor::from_values(&[count, 1], vec![0.0; count], device)?;
    let pairs = DeviceTensor::concat(&[logits.reshape(&[count, 1])?, zeros], 1);
    let shares = values.iter().flat_map(|&value| [value, 1.0 - value]).collect();
    cross_entropy(&pairs, shares, device)
}

/// The mean over all elements of the squared difference.
pub(crate) fn squared_error(left: &DeviceTensor, right: &DeviceTensor) -> Result<DeviceTensor> {
    let difference = left.sub(right)?;
    let axes: Vec<usize> = (0..difference.rank()).collect();
    Ok(difference.mul(&difference)?.mean(&axes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 6] = [0.3, -1.2, 2.0, 0.0, 0.7, -0.4];

    fn loss(values: &[f32], target: &BatchTargets, settings: (f32, Option<&[f32]>)) -> f64 {
        let device = Device::flex();
        let logits = DeviceTensor::from_values(&[2, 3], values.to_vec(), &device).unwrap();
        let loss = task(&logits, target, settings, &device).unwrap();
        f64::from(loss.to_values().unwrap()[0])
    }

    /// The loss and its gradient by the tape against a formula in f64 and central differences of that.
    fn agrees(target: &BatchTargets, smoothing: f32, formula: impl Fn(&[f64]) -> f64) {
        let device = Device::flex();
        let logits = DeviceTensor::from_values(&[2, 3], LOGITS.to_vec(), &device)
            .unwrap()
            .tracked();
        let found = task(&logits, target, (smoothing, None), &device).unwrap();
        let gradient = found
            .backward()
            .unwrap()
            .gradient(&logits)
            .unwrap()
            .to_values()
            .unwrap();
        let at = LOGITS.map(f64::from);
        let value = f64::from(found.detached().to_values().unwrap()[0]);
        assert!(
            (value - formula(&at)).abs() < 1e-6,
            "{value}, expected {}",
            formula(&at)
        );
        for (index, gradient) in gradient.iter().enumerate() {
            let (mut up, mut down) = (at, at);
            up[index] += 1e-5;
            down[index] -= 1e-5;
            let expected = (formula(&up) - formula(&down)) / 2e-5;
            assert!(
                (f64::from(*gradient) - expected).abs() < 1e-6,
                "{gradient}, expected {expected}"
            );
        }
    }

    #[test]
    fn cross_entropy_agrees_with_its_formula_and_differences() {
        let target = BatchTargets::Classes {
            labels: vec![2, 0],
            n_classes: 3,
        };
        for smoothing in [0.0f32, 0.1] {
            agrees(&target, smoothing, |z| {
                let row = |z: &[f64], label: usize| {
                    let sum: f64 = z.iter().map(|z| z.exp()).sum();
                    let spread = f64::from(smoothing);
                    let each = z.iter().enumerate().map(|(at, z)| {
                        let share = spread / 3.0 + if at == label { 1.0 - spread } else { 0.0 };
                        -share * (z - sum.ln())
                    });
                    each.sum::<f64>()
                };
                (row(&z[..3], 2) + row(&z[3..], 0)) / 2.0
            });
        }
    }

    #[test]
    fn binary_cross_entropy_agrees_with_its_formula_and_differences() {
        let values = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0f32];
        agrees(&BatchTargets::MultiLabel(values.to_vec()), 0.0, |z| {
            let each = z.iter().zip(&values).map(|(z, &y)| {
                let p = 1.0 / (1.0 + (-z).exp());
                -f64::from(y) * p.ln() - (1.0 - f64::from(y)) * (1.0 - p).ln()
            });
            each.sum::<f64>() / 6.0
        });
    }

    #[test]
    fn squared_error_agrees_with_its_formula_and_differences() {
        let values = [1.0, 0.5, -1.0, 2.0, 0.0, 0.25f32];
        agrees(&BatchTargets::Regression(values.to_vec()), 0.0, |z| {
            z.iter()
                .zip(&values)
                .map(|(z, &y)| (z - f64::from(y)).powi(2))
                .sum::<f64>()
                / 6.0
        });
    }

    #[test]
    fn large_logits_give_finite_losses() {
        let large = [1e4, -1e4, 0.0, -1e4, 1e4, 1e4];
        let classes = BatchTargets::Classes {
            labels: vec![1, 0],
            n_classes: 3,
        };
        assert!((loss(&large, &classes, (0.0, None)) - 2e4).abs() < 1.0);
        let labels = BatchTargets::MultiLabel(vec![0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
        assert!((loss(&large, &labels, (0.0, None)) - 5e4 / 6.0).abs() < 1.0);
    }

    #[test]
    fn the_loss_of_each_row_is_weighed_by_its_class() {
        let target = |labels| BatchTargets::Classes { labels, n_classes: 3 };
        let one = |label, row: &[f32]| {
            let values = [row, row].concat();
            loss(&values, &target(vec![label, label]), (0.1, None))
        };
        let weights = [0.5, 1.0, 2.0];
        let expected = 0.5 * (2.0 * one(2, &LOGITS[..3]) + 0.5 * one(0, &LOGITS[3..]));
        let found = loss(&LOGITS, &target(vec![2, 0]), (0.1, Some(&weights)));
        assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
    }

    #[test]
    fn logits_that_do_not_fit_the_targets_are_refused() {
        let device = Device::flex();
        let logits = DeviceTensor::from_values(&[2, 3], LOGITS.to_vec(), &device).unwrap();
        let target = BatchTargets::Classes {
            labels: vec![0, 1, 2],
            n_classes: 2,
        };
        assert!(task(&logits, &target, (0.0, None), &device).is_err());
        assert!(rows_of(&logits, Some(&[2])).is_err());
    }
}
