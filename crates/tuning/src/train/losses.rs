//! The losses of the tasks, as means over rows, each one element with its tape.
//!
//! Classes: `−Σ_j t_j log softmax(z)_j` with `t = (1 − ε) onehot(y) + ε/c` (as PyTorch smooths labels). Labels:
//! `−y log σ(z) − (1 − y) log σ(−z)`, the mean over labels too. Numbers: `(z − y)²`, the mean over outputs too. σ is the
//! softmax of (z, 0), so that every logarithm is one of a softmax, which is stable for any z and smooth everywhere.

use super::prepared::Target;
use crate::{Device, DeviceTensor, Error, ErrorKind, Result};

/// The rows of `tensor` (its last axis a row) that are asked for, `[rows, c]`; all of them for `None`.
pub(super) fn rows_of(tensor: &DeviceTensor, rows: Option<&[usize]>) -> Result<DeviceTensor> {
    let dims = tensor.dims();
    let columns = dims.last().copied().unwrap_or(1).max(1);
    let count = dims.iter().product::<usize>() / columns;
    let flat = tensor.reshape(&[count, columns])?;
    match rows {
        None => Ok(flat),
        Some(rows) => match rows.iter().find(|&&row| row >= count) {
            Some(row) => Err(Error::new(
                ErrorKind::Input,
                format!("row {row} was asked for, and a tensor of shape {dims:?} has {count} rows"),
            )),
            None => Ok(flat.select(0, rows)),
        },
    }
}

/// The loss of the task.
pub(super) fn task(logits: &DeviceTensor, target: &Target, smoothing: f32, device: &Device) -> Result<DeviceTensor> {
    let dims = logits.dims();
    let [rows, columns] = *dims.as_slice() else {
        return Err(Error::shape(format!("expected logits [rows, columns], found {dims:?}")));
    };
    let expected = match target {
        Target::Classes { labels, n_classes } => labels.len() * n_classes,
        Target::MultiLabel(values) | Target::Regression(values) => values.len(),
    };
    if expected != rows * columns || matches!(target, Target::Classes { n_classes, .. } if *n_classes != columns) {
        return Err(Error::shape(format!(
            "logits have shape {dims:?}, and the batch has {expected} target values; the head has to have as many outputs as \
             the targets have columns"
        )));
    }
    match target {
        Target::Classes { labels, .. } => {
            let mut shares = vec![smoothing / columns as f32; rows * columns];
            for (row, &label) in labels.iter().enumerate() {
                shares[row * columns + label as usize] += 1.0 - smoothing;
            }
            cross_entropy(logits, shares, device)
        }
        Target::MultiLabel(values) => binary_cross_entropy(logits, values, device),
        Target::Regression(values) => squared_error(
            logits,
            &DeviceTensor::from_values(&[rows, columns], values.clone(), device)?,
        ),
    }
}

/// The mean over rows of the cross-entropy of softmax(logits) `[rows, c]` with `shares` `[rows, c]`.
pub(super) fn cross_entropy(logits: &DeviceTensor, shares: Vec<f32>, device: &Device) -> Result<DeviceTensor> {
    let dims = logits.dims();
    let shares = DeviceTensor::from_values(&dims, shares, device)?;
    let sum = logits.log_softmax(1).mul(&shares)?.sum(&[0, 1]);
    Ok(sum.mul_scalar(-1.0 / dims[0] as f32))
}

/// The mean over all logits of the binary cross-entropy with `values`, of as many elements.
pub(super) fn binary_cross_entropy(logits: &DeviceTensor, values: &[f32], device: &Device) -> Result<DeviceTensor> {
    let count = values.len();
    let zeros = DeviceTensor::from_values(&[count, 1], vec![0.0; count], device)?;
    let pairs = DeviceTensor::concat(&[logits.reshape(&[count, 1])?, zeros], 1);
    let shares = values.iter().flat_map(|&value| [value, 1.0 - value]).collect();
    cross_entropy(&pairs, shares, device)
}

/// The mean over all elements of the squared difference.
pub(super) fn squared_error(left: &DeviceTensor, right: &DeviceTensor) -> Result<DeviceTensor> {
    let difference = left.sub(right)?;
    let axes: Vec<usize> = (0..difference.rank()).collect();
    Ok(difference.mul(&difference)?.mean(&axes))
}
