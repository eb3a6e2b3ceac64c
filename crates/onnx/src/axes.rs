//! Axes, as operators count them: shared by shape inference and the evaluation of constants.

/// The highest rank a value may have; the highest in practice is about eight.
pub const MAX_RANK: usize = 32;

/// `axis` counted from the front; `None` when it is outside `[-rank, rank)`.
pub fn normalize_axis(axis: i64, rank: usize) -> Option<usize> {
    let rank_signed = i64::try_from(rank).ok()?;
    let axis = if axis < 0 { axis.checked_add(rank_signed)? } else { axis };
    usize::try_from(axis).ok().filter(|&axis| axis < rank)
}

/// The shape that `Reshape` gives `dims` for the wish `target`, in which 0 copies a size and -1 takes what is left.
pub fn reshape_dims(dims: &[usize], target: &[i64], allow_zero: bool) -> Option<Vec<usize>> {
    let mut result = Vec::with_capacity(target.len());
    let mut open = None;
    for (axis, &size) in target.iter().enumerate() {
        result.push(match size {
            0 if !allow_zero => *dims.get(axis)?,
            -1 if open.is_none() => {
                open = Some(axis);
                1
            }
            size => usize::try_from(size).ok()?,
        });
    }
    let elements = crate::tensor::checked_elements(dims)?;
    let known = crate::tensor::checked_elements(&result)?;
    if let Some(axis) = open {
        if known == 0 || elements % known != 0 {
            return None;
        }
        result[axis] = elements / known;
    } else if known != elements {
        return None;
    }
    Some(result)
}

/// `dims` without `axes`, or without all its ones.
pub fn squeeze_dims(dims: &[usize], axes: Option<&[i64]>) -> Option<Vec<usize>> {
    let Some(axes) = axes else {
        return Some(dims.iter().copied().filter(|&dim| dim != 1).collect());
    };
    let axes: Vec<usize> = axes
        .iter()
        .map(|&axis| normalize_axis(axis, dims.len()))
        .collect::<Option<_>>()?;
    if axes.iter().any(|&axis| dims[axis] != 1) {
        return None;
    }
    Some(
        (0..dims.len())
            .filter(|axis| !axes.contains(axis))
            .map(|axis| dims[axis])
            .collect(),
    )
}

/// `dims` with ones put in, so that they are at `axes` of the result.
pub fn unsqueeze_dims<T: Clone>(dims: &[T], axes: &[i64], one: T) -> Option<Vec<T>> {
    let rank = dims.len().checked_add(axes.len()).filter(|&rank| rank <= MAX_RANK)?;
    let mut axes: Vec<usize> = axes
        .iter()
        .map(|&axis| normalize_axis(axis, rank))
        .collect::<Option<_>>()?;
    axes.sort_unstable();
    axes.dedup();
    if dims.len() + axes.len() != rank {
        return None;
    }
    let mut rest = dims.iter().cloned();
    (0..rank)
        .map(|axis| {
            if axes.binary_search(&axis).is_ok() {
                Some(one.clone())
            } else {
                rest.next()
            }
        })
        .collect()
}

/// One axis of a `Slice`.
#[derive(Clone, Copy, Debug)]
pub struct SliceAxis {
    /// The axis, counted from the front.
    pub axis: usize,
    /// First index; negative ones count from the end.
    pub start: i64,
    /// Index to stop before; negative ones count from the end.
    pub end: i64,
    /// Distance between indices, not zero.
    pub step: i64,
}

impl SliceAxis {
    /// First index and number of indices, on an axis of `size`.
    pub fn resolve(&self, size: usize) -> (usize, usize) {
        let size = i128::try_from(size).unwrap_or(i128::MAX);
        let (start, end, step) = (i128::from(self.start), i128::from(self.end), i128::from(self.step));
        let from_front = |index: i128| if index < 0 { index + size } else { index };
        let (start, span) = if step > 0 {
            let (start, end) = (from_front(start).clamp(0, size), from_front(end).clamp(0, size));
            (start, end - start)
        } else {
            let (start, end) = (
                from_front(start).clamp(0, (size - 1).max(0)),
                from_front(end).clamp(-1, size - 1),
            );
            (start, start - end)
        };
        let length = if span <= 0 || size == 0 {
            0
        } else {
            (span - 1) / step.abs() + 1
        };
        (
            usize::try_from(start).unwrap_or(0),
            usize::try_from(length).unwrap_or(0),
        )
    }
}

/// What a `Slice` on a tensor of `rank` does to its axes; `None` where the lists do not fit each other.
pub fn slice_axes(
    rank: usize,
    starts: &[i64],
    ends: &[i64],
    axes: Option<&[i64]>,
    steps: Option<&[i64]>,
) -> Option<Vec<SliceAxis>> {
    let count = starts.len();
    let fits = |list: Option<&[i64]>| list.is_none_or(|list| list.len() == count);
    if ends.len() != count || !fits(axes) || !fits(steps) {
        return None;
    }
    let slices = (0..count).map(|position| {
        let axis = axes.map_or_else(|| i64::try_from(position).ok(), |axes| Some(axes[position]))?;
        let step = steps.map_or(1, |steps| steps[position]);
        Some(SliceAxis {
            axis: normalize_axis(axis, rank)?,
            start: starts[position],
            end: ends[position],
            step: (step != 0).then_some(step)?,
        })
    });
    slices.collect()
}

/// The lengths into which `Split` cuts an axis of `size` for so many outputs: the given ones, or equal ones of which
/// the last may be shorter.
pub fn split_lengths(size: usize, given: Option<&[i64]>, outputs: usize) -> Option<Vec<usize>> {
    if let Some(given) = given {
        let lengths: Vec<usize> = given
            .iter()
            .map(|&length| usize::try_from(length))
            .collect::<Result<_, _>>()
            .ok()?;
        let total = lengths
            .iter()
            .try_fold(0usize, |total, &length| total.checked_add(length))?;
        return (total == size && lengths.len() == outputs).then_some(lengths);
    }
    if outputs == 0 {
        return None;
    }
    let length = size.div_ceil(outputs);
    let last = size.checked_sub(length.checked_mul(outputs - 1)?)?;
    let mut lengths = vec![length; outputs];
    lengths[outputs - 1] = last;
    Some(lengths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshape_copies_zeros_and_fills_the_open_size() {
        assert_eq!(reshape_dims(&[2, 3, 4], &[0, -1], false), Some(vec![2, 12]));
        assert_eq!(reshape_dims(&[2, 3, 4], &[5, -1], false), None);
        assert_eq!(reshape_dims(&[2, 3], &[-1, -1], false), None);
        assert_eq!(reshape_dims(&[0, 3], &[0, 3], true), Some(vec![0, 3]));
    }

    #[test]
    fn slices_are_those_of_numpy() {
        let slice = |start, end, step| {
            SliceAxis {
                axis: 0,
                start,
                end,
                step,
            }
            .resolve(5)
        };
        assert_eq!(slice(1, 4, 2), (1, 2));
        assert_eq!(slice(-2, i64::MAX, 1), (3, 2));
        assert_eq!(slice(-1, i64::MIN, -1), (4, 5));
        assert_eq!(slice(3, 0, -2), (3, 2));
        assert_eq!(slice(4, 2, 1), (4, 0));
        assert_eq!(slice(9, 0, -1), (4, 4));
        assert_eq!(slice(9, -9, -3), (4, 2));
        assert_eq!(slice(-9, 9, 4), (0, 2));
        assert_eq!(
            SliceAxis {
                axis: 0,
                start: 0,
                end: 9,
                step: 1
            }
            .resolve(0),
            (0, 0)
        );
    }

    #[test]
    fn unsqueezed_axes_are_those_of_the_result() {
        assert_eq!(unsqueeze_dims(&[7, 8], &[0, -1], 1), Some(vec![1, 7, 8, 1]));
        assert_eq!(unsqueeze_dims(&[7, 8], &[1, 1], 1), None);
        assert_eq!(unsqueeze_dims(&[7, 8], &[3], 1), None);
    }

    #[test]
    fn an_uneven_split_shortens_the_last_part() {
        assert_eq!(split_lengths(7, None, 3), Some(vec![3, 3, 1]));
        assert_eq!(split_lengths(7, Some(&[2, 5]), 2), Some(vec![2, 5]));
        assert_eq!(split_lengths(7, Some(&[2, 4]), 2), None);
    }
}
