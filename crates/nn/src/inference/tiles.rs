//! Tiles: how many pixels of a row a kernel computes at once. Their sums stay in registers.

use super::layout::MapLayout;

/// Pixels that are computed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    /// Position in a plane of the input of the window's first element at the first pixel.
    pub input: usize,
    /// Position in a plane of the output of the first pixel.
    pub output: usize,
    /// The same in the map that is added.
    pub addend: usize,
    pub pixels: usize,
}

/// The numbers of pixels for which there are kernels, by elements of a register: 32 registers hold 14 × 2 sums of AVX-512,
/// 16 hold 6 × 2 of AVX2.
pub(super) fn sizes(lanes: usize) -> &'static [usize] {
    match lanes {
        16 => &[14, 10, 7, 5, 4, 2, 1],
        8 => &[6, 5, 4, 2, 1],
        4 => &[4, 2, 1],
        _ => &[2, 1],
    }
}

/// Splits `width` pixels into the tiles that take the least time: a tile of few pixels waits for its sums.
pub(super) fn split(width: usize, lanes: usize) -> Vec<usize> {
    // Twice the time of each tile, in steps of one pixel: never under that of four pixels, and one to load the weights.
    let cost = |pixels: usize| 2 * pixels.max(4) + 2;
    let sizes = sizes(lanes);
    let largest = sizes[0];
    // Only the last pixels need a choice.
    let choice = width.min(8 * largest);
    let mut best = vec![(0, 0); choice + 1];
    for pixels in 1..=choice {
        let options = sizes.iter().filter(|&&size| size <= pixels);
        let found = options.map(|&size| (best[pixels - size].0 + cost(size), size)).min();
        best[pixels] = found.unwrap_or_default();
    }
    let mut tiles = vec![largest; (width - choice) / largest];
    let mut left = width - tiles.len() * largest;
    while left > choice {
        tiles.push(largest);
        left -= largest;
    }
    while left > 0 {
        tiles.push(best[left].1);
        left -= best[left].1;
    }
    tiles
}

/// The tiles of an output map.
pub(super) struct Tiling<'a> {
    pub input: &'a MapLayout,
    pub output: &'a MapLayout,
    pub addend: Option<&'a MapLayout>,
    pub stride: [usize; 2],
    /// Padding before the first row and column.
    pub pad: [usize; 2],
    /// Whether each pixel of the output depends on the same pixel of the input only.
    pub pointwise: bool,
}

impl Tiling<'_> {
    pub(super) fn tiles(&self, lanes: usize) -> Vec<Tile> {
        let (input, output) = (self.input, self.output);
        let flat = self.pointwise
            && [Some(input), Some(output), self.addend]
                .iter()
                .flatten()
                .all(|map| map.border == 0);
        let (rows, width) = if flat {
            (1, output.height * output.width)
        } else {
            (output.height, output.width)
        };
        let widths = split(width, lanes);
        let start = input.origin() - self.pad[0] * input.row() - self.pad[1] * input.block;
        let mut tiles = Vec::with_capacity(rows * widths.len());
        for y in 0..rows {
            let mut x = 0;
            for &pixels in &widths {
                tiles.push(Tile {
                    input: start + y * self.stride[0] * input.row() + x * self.stride[1] * input.block,
                    output: output.pixel(y, x),
                    addend: self.addend.map_or(0, |map| map.pixel(y, x)),
                    pixels,
                });
                x += pixels;
            }
        }
        tiles
    }
}
