//! The geometry of preprocessing: the size an image is resized to, and the crop.
//!
//! ```text
//! image [h, w] ──Resize──► resized [h', w'] ──Crop──► input [H, W], with black where the resized image is smaller
//! ```
//!
//! Only the part of the resized image inside the crop is computed. Rounding follows `transformers` or `torchvision`, which differ
//! by a pixel for odd margins.

use std::fmt;

use crate::Error;

/// Rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Size {
    pub(crate) fn square(edge: usize) -> Self {
        let (height, width) = (edge, edge);
        Self { height, width }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}", self.height, self.width)
    }
}

/// The rule for the size to resize to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resize {
    /// No resizing.
    None,
    /// To this size, regardless of the aspect ratio.
    Exact(Size),
    /// To a shortest edge of `shortest` pixels with the same aspect ratio; then, if given, down to a longest edge of at most
    /// `longest`.
    Edge {
        /// Pixels of the shortest edge.
        shortest: usize,
        /// Upper limit for the longest edge.
        longest: Option<usize>,
    },
    /// To the smallest size of the same aspect ratio that covers this one (timm, for inputs that are not square).
    Cover(Size),
}

impl Resize {
    /// The size that an image of size `from` is resized to; at least one pixel per axis.
    pub fn target(self, from: Size) -> Size {
        match self {
            Self::None => from,
            Self::Exact(size) => size,
            Self::Edge { shortest, longest } => {
                let (short, long) = (from.height.min(from.width), from.height.max(from.width));
                // Python's `int(size * long / short)`: an exact product, one division, cut off.
                let scaled = |size: usize, by: usize, over: usize| ((size * by) as f64 / over as f64) as usize;
                let mut to = (shortest, scaled(shortest, long, short));
                if let Some(longest) = longest.filter(|&longest| to.1 > longest) {
                    to = (scaled(longest, to.0, to.1), longest);
                }
                let (short, long) = (to.0.max(1), to.1.max(1));
                let (height, width) = if from.height <= from.width {
                    (short, long)
                } else {
                    (long, short)
                };
                Size { height, width }
            }
            Self::Cover(size) => {
                let (rows, columns) = (from.height as f64, from.width as f64);
                let ratio = (rows / size.height as f64).min(columns / size.width as f64);
                // Python's `round`, half to even.
                let scaled = |n: f64| ((n / ratio).round_ties_even() as usize).max(1);
                let (height, width) = (scaled(rows), scaled(columns));
                Size { height, width }
            }
        }
    }
}

impl fmt::Display for Resize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no resize"),
            Self::Exact(size) => write!(f, "resize to {size}"),
            Self::Edge {
                shortest,
                longest: None,
            } => write!(f, "resize shortest edge to {shortest}"),
            Self::Edge {
                shortest,
                longest: Some(longest),
            } => {
                write!(f, "resize shortest edge to {shortest}, longest to at most {longest}")
            }
            Self::Cover(size) => write!(f, "resize to cover {size}"),
        }
    }
}

/// Rounding of half a pixel of margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Down; where the image is smaller than the crop, padding goes in front (`transformers`).
    Down,
    /// Half to even; padding goes behind (`torchvision`).
    HalfEven,
}

/// A center crop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crop {
    /// Size of the crop.
    pub size: Size,
    /// How odd margins are divided.
    pub rounding: Rounding,
}

/// One axis of a crop: output pixels `to .. to + len` are pixels `from .. from + len` of the resized image, the others black.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub from: usize,
    pub to: usize,
    pub len: usize,
}

impl Span {
    /// The whole axis.
    pub fn whole(len: usize) -> Self {
        let (from, to) = (0, 0);
        Self { from, to, len }
    }

    /// The middle `crop` of `size` pixels.
    pub fn middle(size: usize, crop: usize, rounding: Rounding) -> Self {
        let margin = size.abs_diff(crop);
        let (down, up) = (margin / 2, margin.div_ceil(2));
        let half_even = if down % 2 == 0 { down } else { up };
        let offset = match (rounding, size >= crop) {
            (Rounding::Down, true) | (Rounding::HalfEven, false) => down,
            (Rounding::Down, false) => up,
            (Rounding::HalfEven, true) => half_even,
        };
        let (from, to) = if size >= crop { (offset, 0) } else { (0, offset) };
        let len = size.min(crop);
        Self { from, to, len }
    }
}

/// The largest edge in a configuration.
const MAX_EDGE: usize = 1 << 14;

/// Checks the number of pixels of an edge.
pub(crate) fn checked_edge(edge: usize, name: &str) -> Result<usize, Error> {
    if (1..=MAX_EDGE).contains(&edge) {
        return Ok(edge);
    }
    let text = format!("field {name:?}: expected between 1 and {MAX_EDGE} pixels, found {edge}");
    Err(Error::malformed(text))
}
