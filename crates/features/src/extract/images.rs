//! The images of one part of a data set, decoded once, by whichever model asks first.
//!
//! Decoded images stay in memory for the next model. A data set that does not fit is taken in parts of about
//! [`DECODED_BYTES`]; every model runs over a part before the next one is read, so an image is never decoded twice.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::OnceLock;

use ranktune_data::RgbImage;
use ranktune_data::image::decode;

/// Memory that decoded images may take.
const DECODED_BYTES: usize = 1 << 30;

/// Images decoded to guess the size of the others.
const PROBES: usize = 8;

/// A part of the data set's images.
pub(crate) struct Images<'a> {
    start: usize,
    paths: &'a [PathBuf],
    decoded: Vec<OnceLock<Result<RgbImage, String>>>,
}

impl<'a> Images<'a> {
    /// The images at `range` of `paths`; none is decoded yet.
    pub(crate) fn new(paths: &'a [PathBuf], range: Range<usize>) -> Self {
        let decoded = range.clone().map(|_| OnceLock::new()).collect();
        Self {
            start: range.start,
            paths: &paths[range],
            decoded,
        }
    }

    /// Positions in the data set.
    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.start + self.paths.len()
    }

    /// The image at position `index` of the data set, or why it cannot be read.
    pub(crate) fn get(&self, index: usize) -> Result<&RgbImage, &str> {
        let slot = index - self.start;
        let decoded = self.decoded[slot].get_or_init(|| decode(&self.paths[slot]).map_err(|error| error.to_string()));
        decoded.as_ref().map_err(String::as_str)
    }
}

/// Parts of the data set whose decoded images fit in memory together, in order.
pub(crate) fn parts(paths: &[PathBuf]) -> Vec<Range<usize>> {
    let step = paths.len().div_ceil(PROBES).max(1);
    let sizes: Vec<usize> = paths
        .iter()
        .step_by(step)
        .filter_map(|path| Some(decode(path).ok()?.pixels.len()))
        .collect();
    let mean = sizes.iter().sum::<usize>() / sizes.len().max(1);
    let length = (DECODED_BYTES / mean.max(1)).max(1);
    (0..paths.len())
        .step_by(length)
        .map(|start| start..(start + length).min(paths.len()))
        .collect()
}
