//! The blocked layout of a map: `[c/16, h, w, 16]`, with a border of zeros around each plane.
//!
//! Sixteen channels of a pixel are adjacent: one vector register of AVX-512, two of AVX2, four of NEON. The border is as wide as
//! the largest padding of the convolutions that read the map, so that these need no bounds checks. An image of up to four
//! channels has blocks of four instead, which saves three quarters of its memory.

/// Channels of a block.
pub(super) const BLOCK: usize = 16;

/// Channels of a block of an input image.
pub(super) const IMAGE_BLOCK: usize = 4;

/// Where the elements of one image's map are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MapLayout {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    /// Zeros around each plane, on all four sides.
    pub border: usize,
    pub block: usize,
}

impl MapLayout {
    /// Distance of two rows.
    pub(super) fn row(&self) -> usize {
        (self.width + 2 * self.border) * self.block
    }

    /// Distance of two blocks.
    pub(super) fn plane(&self) -> usize {
        (self.height + 2 * self.border) * self.row()
    }

    pub(super) fn blocks(&self) -> usize {
        self.channels.div_ceil(self.block)
    }

    /// Elements, borders included.
    pub(super) fn len(&self) -> usize {
        self.blocks() * self.plane()
    }

    /// Position of pixel (0, 0) in a plane.
    pub(super) fn origin(&self) -> usize {
        self.border * (self.row() + self.block)
    }

    /// Position in a plane of the first channel of a pixel.
    pub(super) fn pixel(&self, y: usize, x: usize) -> usize {
        self.origin() + y * self.row() + x * self.block
    }

    /// Elements of the map in row-major order, without borders.
    pub(super) fn elements(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Sets the border to zero: buffers are reused.
    pub(super) fn clear_border(&self, values: &mut [f32]) {
        if self.border == 0 {
            return;
        }
        let (row, side, above) = (self.row(), self.border * self.block, self.border * self.row());
        for plane in values[..self.len()].chunks_exact_mut(self.plane()) {
            let bottom = plane.len() - above;
            plane[..above].fill(0.0);
            plane[bottom..].fill(0.0);
            for row in plane[above..bottom].chunks_exact_mut(row) {
                let right = row.len() - side;
                row[..side].fill(0.0);
                row[right..].fill(0.0);
            }
        }
    }

    /// Writes an image `[c, h, w]` in this layout.
    pub(super) fn fill(&self, image: &[f32], values: &mut [f32]) {
        self.clear_border(values);
        for (channel, plane) in image.chunks_exact(self.height * self.width).enumerate() {
            let target = &mut values[channel / self.block * self.plane()..][..self.plane()];
            for (y, row) in plane.chunks_exact(self.width).enumerate() {
                let target = &mut target[self.pixel(y, 0) + channel % self.block..];
                for (target, &value) in target.iter_mut().step_by(self.block).zip(row) {
                    *target = value;
                }
            }
        }
    }

    /// Reads the map as `[c, h, w]`.
    pub(super) fn read(&self, values: &[f32], image: &mut [f32]) {
        for (channel, plane) in image.chunks_exact_mut(self.height * self.width).enumerate() {
            let source = &values[channel / self.block * self.plane()..][..self.plane()];
            for (y, row) in plane.chunks_exact_mut(self.width).enumerate() {
                let source = &source[self.pixel(y, 0) + channel % self.block..];
                for (value, &source) in row.iter_mut().zip(source.iter().step_by(self.block)) {
                    *value = source;
                }
            }
        }
    }
}
