//! A step in parts: forward and backward over a few samples at a time, whose gradients are added up.
//!
//! A loss that is a mean over n rows is `Σ_k (n_k / n) · loss_k` over the parts k, and so is its gradient: with frozen statistics a step in
//! parts is the whole step up to rounding. Batch statistics are those of a part.

use ranktune_nn::{DeviceTensor, Gradients, HostData, HostTensor};

use crate::error::{Error, Result};
use crate::samples::{BatchInputs, Pick};
use crate::targets::TrainTargets;

/// Samples of a batch that run together.
pub(crate) struct Part<'p> {
    pub picks: &'p [Pick],
    pub inputs: BatchInputs,
    /// Position of its first sample in the batch; rows of logits are counted from there.
    pub first: usize,
    /// Its share of the rows of the batch.
    pub share: f32,
}

/// The batch in parts of at most `size` samples, of nearly equal length.
///
/// # Errors
/// `Input` where an input does not have the samples along its first axis.
pub(crate) fn parts<'p>(
    picks: &'p [Pick],
    inputs: &BatchInputs,
    targets: &TrainTargets,
    size: usize,
) -> Result<Vec<Part<'p>>> {
    let count = picks.len().div_ceil(size.max(1)).max(1);
    let rows_of = |picks: &[Pick]| -> usize { picks.iter().map(|pick| targets.rows_of(pick.sample).len()).sum() };
    let all = rows_of(picks).max(1);
    let (mut parts, mut first, mut first_row) = (Vec::with_capacity(count), 0, 0);
    for number in 1..=count {
        let end = picks.len() * number / count;
        let own = &picks[first..end];
        let rows = rows_of(own);
        let feeds = inputs.feeds.iter().map(|(name, tensor)| {
            let tensor = rows_between(tensor, first..end, picks.len()).ok_or_else(|| {
                let dims = tensor.dims();
                Error::input(format!(
                    "input {name:?} has shape {dims:?}, expected {} samples along the first axis",
                    picks.len()
                ))
            })?;
            Ok((name.clone(), tensor))
        });
        parts.push(Part {
            picks: own,
            inputs: BatchInputs {
                feeds: feeds.collect::<Result<_>>()?,
                rows: inputs
                    .rows
                    .as_ref()
                    .map(|all| all.get(first_row..first_row + rows).unwrap_or_default().to_vec()),
            },
            first,
            share: rows as f32 / all as f32,
        });
        (first, first_row) = (end, first_row + rows);
    }
    Ok(parts)
}

/// The elements of some samples; `None` where the first axis is not `count` long.
fn rows_between(tensor: &HostTensor, range: std::ops::Range<usize>, count: usize) -> Option<HostTensor> {
    let mut dims = tensor.dims().to_vec();
    let axis = dims.first_mut().filter(|axis| **axis == count)?;
    *axis = range.len();
    let size = tensor.len() / count.max(1);
    let range = range.start * size..range.end * size;
    let data = match tensor.data() {
        HostData::F32(values) => HostData::F32(values.get(range)?.to_vec()),
        HostData::I64(values) => HostData::I64(values.get(range)?.to_vec()),
        HostData::Bool(values) => HostData::Bool(values.get(range)?.to_vec()),
    };
    HostTensor::new(&dims, data).ok()
}

/// The gradients of a step, by parameter.
pub(crate) enum StepGradients {
    /// Of a batch that ran as a whole: taken from the tape one by one.
    Whole(Gradients),
    /// Added up.
    Sum(Vec<Option<DeviceTensor>>),
}

impl StepGradients {
    /// Takes the gradient of a parameter, as [`Gradients::take`].
    pub(crate) fn take(&mut self, index: usize) -> Option<DeviceTensor> {
        match self {
            Self::Whole(gradients) => gradients.take(index),
            Self::Sum(sums) => sums.get_mut(index)?.take(),
        }
    }

    /// Adds the gradients of another part, of `count` parameters in all.
    ///
    /// # Errors
    /// Those of the tensors.
    pub(crate) fn add(&mut self, mut other: Gradients, count: usize) -> Result<()> {
        let mut sums: Vec<Option<DeviceTensor>> = (0..count).map(|index| self.take(index)).collect();
        for (index, sum) in sums.iter_mut().enumerate() {
            let Some(gradient) = other.take(index) else { continue };
            *sum = Some(match sum.take() {
                Some(sum) => sum.add(&gradient)?,
                None => gradient,
            });
        }
        *self = Self::Sum(sums);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::TargetValues;

    #[test]
    fn parts_have_their_own_samples_rows_and_shares() {
        let picks: Vec<Pick> = (0..5).map(|sample| Pick { sample, view: 0 }).collect();
        let inputs = BatchInputs {
            feeds: vec![(
                "x".to_owned(),
                HostTensor::floats(&[5, 2], (0..10u8).map(f32::from).collect()).unwrap(),
            )],
            rows: None,
        };
        let targets = TrainTargets::new(TargetValues::Classes {
            labels: vec![0, 1, 0, 1, 0],
            n_classes: 2,
        })
        .unwrap();
        let parts = parts(&picks, &inputs, &targets, 2).unwrap();
        let lengths: Vec<usize> = parts.iter().map(|part| part.picks.len()).collect();
        assert_eq!(lengths.iter().sum::<usize>(), 5);
        assert!(lengths.iter().all(|&length| length <= 2), "{lengths:?}");
        let mut seen = Vec::new();
        for part in &parts {
            assert_eq!(part.picks[0].sample, part.first);
            assert!((part.share - part.picks.len() as f32 / 5.0).abs() < 1e-6);
            let HostData::F32(values) = part.inputs.feeds[0].1.data() else {
                panic!("floats")
            };
            seen.extend_from_slice(values);
        }
        assert_eq!(seen, (0..10u8).map(f32::from).collect::<Vec<_>>());
        let wrong = BatchInputs {
            feeds: vec![("x".to_owned(), HostTensor::floats(&[1, 2], vec![0.0; 2]).unwrap())],
            rows: None,
        };
        assert!(super::parts(&picks, &wrong, &targets, 2).is_err());
    }
}
