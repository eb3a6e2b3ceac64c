//! How the windows of a convolution or a pool slide along the spatial axes.

use crate::{Error, Result};

/// How windows slide: one entry per spatial axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Windows {
    pub stride: Vec<usize>,
    /// Elements added before and after.
    pub pads: Vec<(usize, usize)>,
    pub dilation: Vec<usize>,
}

impl Windows {
    /// Number of window positions along spatial axis `axis` of size `size` for a kernel of size `kernel`.
    ///
    /// # Errors
    /// `Shape` when the kernel is larger than the padded axis.
    pub(crate) fn positions(&self, axis: usize, size: usize, kernel: usize) -> Result<usize> {
        let reach = kernel
            .checked_sub(1)
            .and_then(|steps| steps.checked_mul(self.dilation[axis]))
            .and_then(|steps| steps.checked_add(1))
            .ok_or_else(|| Error::shape("a kernel must have at least one element"))?;
        let padded = size + self.pads[axis].0 + self.pads[axis].1;
        match padded.checked_sub(reach) {
            Some(room) => Ok(room / self.stride[axis] + 1),
            None => Err(Error::shape(format!(
                "the kernel spans {reach} elements but the padded axis has {padded}; use a larger input"
            ))),
        }
    }
}
