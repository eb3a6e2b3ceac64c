//! The images of one part of a data set, decoded once, by whichever model asks first.
//!
//! Decoded images stay in memory for the next model. A data set that does not fit is taken in parts of about
//! [`DECODED_BYTES`]; every model runs over a part before the next one is read, so an image is never decoded twice.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::OnceLock;

use ranktune_data::image::decode;
use ranktune_data::{Images as ImageInputs, RgbImage, View};

/// Memory that decoded images may take.
const DECODED_BYTES: usize = 1 << 30;

/// Images decoded to guess the size of the others.
const PROBES: usize = 8;

/// A part of the data set's images.
pub(crate) struct Images<'a> {
    start: usize,
    paths: &'a [PathBuf],
    views: Option<&'a [Option<View>]>,
    /// By row: the slot of its file. Rows of one file that follow each other share it.
    slots: Vec<usize>,
    decoded: Vec<OnceLock<Result<RgbImage, String>>>,
}

impl<'a> Images<'a> {
    /// The images at `range` of `inputs`; none is decoded yet.
    pub(crate) fn new(inputs: &'a ImageInputs, range: Range<usize>) -> Self {
        let views = inputs.views.as_ref().map(|views| &views[range.clone()]);
        let (start, paths) = (range.start, &inputs.files[range]);
        let mut slots = Vec::with_capacity(paths.len());
        let mut last = 0;
        for row in 0..paths.len() {
            last += usize::from(row > 0 && paths[row] != paths[row - 1]);
            slots.push(last);
        }
        let decoded = slots.chunk_by(|a, b| a == b).map(|_| OnceLock::new()).collect();
        Self {
            start,
            paths,
            views,
            slots,
            decoded,
        }
    }

    /// Positions in the data set.
    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.start + self.paths.len()
    }

    /// The image at position `index` of the data set, with the view of it that is asked for, or why it cannot be read.
    pub(crate) fn get(&self, index: usize) -> Result<(&RgbImage, Option<&View>), &str> {
        let row = index - self.start;
        let slot = &self.decoded[self.slots[row]];
        let decoded = slot.get_or_init(|| decode(&self.paths[row]).map_err(|error| error.to_string()));
        let view = self.views.and_then(|views| views[row].as_ref());
        decoded.as_ref().map(|image| (image, view)).map_err(String::as_str)
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
