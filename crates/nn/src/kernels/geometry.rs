//! The sizes of a convolution.

use super::product::{TALL, Threads};

/// A convolution's sizes.
#[derive(Clone, Debug)]
pub(super) struct Geometry {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub pad: [usize; 2],
    pub dilation: [usize; 2],
    pub out: [usize; 2],
    pub channels: usize,
    pub filters: usize,
    pub groups: usize,
    /// Whether there is any padding.
    pub padded: bool,
}

impl Geometry {
    pub(super) fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.groups == 1 && !self.padded
    }

    pub(super) fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.groups == self.channels && self.filters == self.channels
    }

    pub(super) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Rows of U for one image.
    pub(super) fn rows(&self) -> usize {
        self.out[0] * self.out[1]
    }

    /// Columns of U.
    pub(super) fn width(&self) -> usize {
        self.taps() * self.channels
    }

    /// Columns of U for one group.
    pub(super) fn width_of_group(&self) -> usize {
        self.width() / self.groups
    }

    /// Filters of one group.
    pub(super) fn filters_of_group(&self) -> usize {
        self.filters / self.groups
    }

    /// How many of `n` images are unfolded together, and on which threads their product runs. Small maps one by one would be
    /// products of a few rows, which spend their time reading the weights.
    pub(super) fn together(&self, n: usize) -> (usize, Threads) {
        let images = TALL.div_ceil(self.rows().max(1)).clamp(1, n.max(1));
        (images, Threads::for_tasks(n.div_ceil(images)))
    }
}
