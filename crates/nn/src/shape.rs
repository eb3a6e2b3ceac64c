//! Shape rules that many operators share: sizes, strides, axes, broadcasting.

use crate::{Error, Result};

/// The largest number of elements that a tensor may have: a guard against files that ask for absurd sizes.
const MAX_ELEMENTS: usize = 1 << 31;

/// The number of elements of `dims`.
///
/// # Errors
/// `Shape` when it is absurdly large.
pub(crate) fn elements(dims: &[usize]) -> Result<usize> {
    dims.iter()
        .try_fold(1usize, |product, &dim| product.checked_mul(dim))
        .filter(|&product| product <= MAX_ELEMENTS)
        .ok_or_else(|| Error::shape(format!("a tensor of shape {dims:?} is too large")))
}

/// The largest number of elements that an operator makes of a few numbers: 512 MiB in f32. Real graphs make masks and positions so, of
/// at most some millions.
const MAX_MADE: usize = 1 << 27;

/// As [`elements`], of a tensor that is made of a few numbers in the file: such a tensor costs the file nothing.
///
/// # Errors
/// `Shape` when it is larger than graphs need.
pub(crate) fn made_elements(dims: &[usize]) -> Result<usize> {
    let product = elements(dims)?;
    if product > MAX_MADE {
        let text =
            format!("a tensor of shape {dims:?} is too large to be made of numbers: at most {MAX_MADE} elements are");
        return Err(Error::shape(text));
    }
    Ok(product)
}

/// Row-major strides.
pub(crate) fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis].max(1);
    }
    strides
}

/// Converts an axis that may count from the end to one that counts from the start.
///
/// # Errors
/// `Shape` when there is no such axis.
pub(crate) fn axis(axis: i64, rank: usize) -> Result<usize> {
    let from_end = usize::try_from(axis.unsigned_abs()).ok();
    let found = if axis < 0 {
        from_end.and_then(|offset| rank.checked_sub(offset))
    } else {
        from_end.filter(|&axis| axis < rank)
    };
    found.ok_or_else(|| Error::shape(format!("axis {axis} is out of range for a tensor of rank {rank}")))
}

/// Several axes, converted and sorted.
///
/// # Errors
/// `Shape` when an axis does not exist or is named twice.
pub(crate) fn axes(list: &[i64], rank: usize) -> Result<Vec<usize>> {
    let mut found = list.iter().map(|&one| axis(one, rank)).collect::<Result<Vec<_>>>()?;
    found.sort_unstable();
    if found.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Error::shape(format!("axes {list:?} name an axis twice")));
    }
    Ok(found)
}

/// A size from the graph's integer arithmetic.
///
/// # Errors
/// `Shape` when it is negative.
pub(crate) fn size(value: i64) -> Result<usize> {
    usize::try_from(value).map_err(|_| Error::shape(format!("a size must not be negative, got {value}")))
}

/// The shape two operands broadcast to (NumPy's rules).
///
/// # Errors
/// `Shape` when they do not.
pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let rank = a.len().max(b.len());
    let (a_full, b_full) = (align(a, rank), align(b, rank));
    let dims = a_full
        .iter()
        .zip(&b_full)
        .map(|(&left, &right)| match (left, right) {
            _ if left == right => Ok(left),
            (1, other) | (other, 1) => Ok(other),
            _ => Err(Error::shape(format!("shapes {a:?} and {b:?} do not broadcast"))),
        })
        .collect::<Result<Vec<_>>>()?;
    elements(&dims)?;
    Ok(dims)
}

/// `dims` with leading ones, up to `rank`.
pub(crate) fn align(dims: &[usize], rank: usize) -> Vec<usize> {
    let mut full = vec![1; rank.saturating_sub(dims.len())];
    full.extend_from_slice(dims);
    full
}

/// Strides that read a tensor of shape `from` at the indices of `to`, its broadcast shape: 0 along repeated axes.
pub(crate) fn broadcast_strides(from: &[usize], to: &[usize]) -> Vec<usize> {
    let full = align(from, to.len());
    let plain = strides(&full);
    full.iter()
        .zip(plain)
        .map(|(&dim, stride)| if dim == 1 { 0 } else { stride })
        .collect()
}

/// Row-major walk over `dims`, giving `Σ indexᵢ · stridesᵢ`.
pub(crate) struct Walk {
    dims: Vec<usize>,
    strides: Vec<usize>,
    index: Vec<usize>,
    offset: usize,
    left: usize,
}

impl Walk {
    pub(crate) fn new(dims: &[usize], strides: &[usize]) -> Self {
        Self {
            dims: dims.to_vec(),
            strides: strides.to_vec(),
            index: vec![0; dims.len()],
            offset: 0,
            left: dims.iter().product(),
        }
    }
}

impl Iterator for Walk {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let current = self.offset;
        for axis in (0..self.dims.len()).rev() {
            self.index[axis] += 1;
            self.offset += self.strides[axis];
            if self.index[axis] < self.dims[axis] {
                break;
            }
            self.offset -= self.strides[axis] * self.dims[axis];
            self.index[axis] = 0;
        }
        Some(current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_follows_numpy() {
        assert_eq!(broadcast(&[3, 1], &[2, 1, 4]).unwrap(), [2, 3, 4]);
        assert_eq!(broadcast(&[], &[5]).unwrap(), [5]);
        assert!(broadcast(&[2], &[3]).is_err());
    }

    #[test]
    fn an_axis_counts_from_either_end() {
        assert_eq!(axis(-1, 3).unwrap(), 2);
        assert_eq!(axis(0, 3).unwrap(), 0);
        assert!(axis(3, 3).is_err());
        assert!(axis(-4, 3).is_err());
        assert!(axis(i64::MIN, 3).is_err());
    }

    #[test]
    fn a_walk_over_broadcast_strides_repeats() {
        let walked: Vec<usize> = Walk::new(&[2, 3], &broadcast_strides(&[2, 1], &[2, 3])).collect();
        assert_eq!(walked, [0, 0, 0, 1, 1, 1]);
    }

    #[test]
    fn absurd_sizes_are_refused() {
        assert!(elements(&[usize::MAX, 2]).is_err());
        assert_eq!(elements(&[1 << 20, 1 << 10]).ok(), Some(1 << 30));
        assert!(made_elements(&[1 << 20, 1 << 10]).is_err());
    }
}
