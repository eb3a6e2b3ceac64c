//! Views: the crops and flips of an augmentation, described independently of the model that sees them.
//!
//! ```text
//! (seed, content of the image, v) ──draw──► View: a crop by shares of the image, a flip ──► box [x₀, x₁] × [y₀, y₁] in pixels
//! ```
//!
//! A view is applied before the resizing and normalization of a model, so a target and its teachers see the same part of the image
//! whatever their input sizes. It is drawn from the content digest of the image, not from its index in the data set: view `v` of
//! an image stays the same if samples are held out or reordered, and results for it can be cached.
//!
//! The random resized crop differs from torchvision in one point: a crop that does not fit the image (a wide crop of a tall image)
//! is clipped to the image at once, where torchvision first draws again up to ten times.

use std::fmt;
use std::str::FromStr;

use crate::{Digest, Error, ErrorKind};

/// The distribution of views.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Augmentation {
    /// No augmentation: every view is the plain preprocessing.
    None,
    /// A crop of `scale` to 1 times the area of the image with an aspect ratio between 3/4 and 4/3 (log-uniform), flipped with
    /// probability 1/2. The default, with a scale of 0.5 (not compared with others yet; the default of torchvision, 0.08, suits a
    /// million images).
    RandomResizedCrop {
        /// Smallest share of the area.
        scale: f64,
    },
    /// The setting of the B-Tuning paper: the shorter edge resized to 256, a random square crop of 224, flipped with probability
    /// 1/2; other sizes in the same proportion.
    ResizeCrop,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self::RandomResizedCrop { scale: 0.5 }
    }
}

impl fmt::Display for Augmentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::RandomResizedCrop { scale } => write!(f, "crop:{scale}"),
            Self::ResizeCrop => f.write_str("resize-crop"),
        }
    }
}

impl FromStr for Augmentation {
    type Err = Error;

    /// `none`, `crop` (a scale of 0.5), `crop:SCALE` or `resize-crop`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for anything else, or a scale that is not above 0 and at most 1.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            let message =
                format!("augmentation {text:?}: expected none, crop, crop:SCALE with 0 < SCALE ≤ 1, or resize-crop");
            Error::new(ErrorKind::Invalid, message)
        };
        match text.split_once(':') {
            None if text == "none" => Ok(Self::None),
            None if text == "crop" => Ok(Self::default()),
            None if text == "resize-crop" => Ok(Self::ResizeCrop),
            Some(("crop", scale)) => match scale.parse() {
                Ok(scale) if scale > 0.0 && scale <= 1.0 => Ok(Self::RandomResizedCrop { scale }),
                _ => Err(wrong()),
            },
            _ => Err(wrong()),
        }
    }
}

/// The size of a crop, relative to the image.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Extent {
    /// A share of the area with an aspect ratio, clipped to the image.
    Area {
        /// Of the image's area, in (0, 1].
        share: f64,
        /// Width / height.
        ratio: f64,
    },
    /// A square whose edge is a share of the image's shorter edge.
    Square {
        /// Of the shorter edge, in (0, 1].
        share: f64,
    },
}

/// A part of an image, possibly mirrored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The size of the crop.
    pub extent: Extent,
    /// Horizontal position, from 0 (at the left edge) to 1 (at the right edge).
    pub x: f64,
    /// Vertical position, from 0 (at the top edge) to 1 (at the bottom edge).
    pub y: f64,
    /// Whether the crop is mirrored horizontally.
    pub flip: bool,
}

/// Edges of a crop in pixel coordinates, where 0 is the outer edge of the first pixel: `left < right`, `top < bottom`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "each name is the edge")]
pub struct CropBox {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

impl View {
    /// The crop of an image of `width` by `height` pixels.
    pub fn crop_box(&self, width: usize, height: usize) -> CropBox {
        let (width, height) = (width as f64, height as f64);
        let (across, down) = match self.extent {
            Extent::Area { share, ratio } => {
                let area = share * width * height;
                ((area * ratio).sqrt().min(width), (area / ratio).sqrt().min(height))
            }
            Extent::Square { share } => {
                let edge = share * width.min(height);
                (edge, edge)
            }
        };
        let (left, top) = (self.x * (width - across), self.y * (height - down));
        CropBox {
            left,
            right: (left + across).min(width),
            top,
            bottom: (top + down).min(height),
        }
    }

    /// The view as 33 bytes, different for different views.
    pub(crate) fn bytes(&self) -> [u8; 33] {
        let (kind, a, b) = match self.extent {
            Extent::Area { share, ratio } => (0, share, ratio),
            Extent::Square { share } => (1, share, 0.0),
        };
        let mut bytes = [0; 33];
        for (place, value) in bytes.chunks_exact_mut(8).zip([a, b, self.x, self.y]) {
            place.copy_from_slice(&value.to_le_bytes());
        }
        bytes[32] = 2 * kind + u8::from(self.flip);
        bytes
    }
}

/// Draws the views of a data set's images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Views {
    /// The distribution of views.
    pub augmentation: Augmentation,
    /// The seed of the draws.
    pub seed: u64,
}

impl Views {
    /// View `v` of the image with this content digest; `None` for the plain preprocessing.
    pub fn view(&self, image: &Digest, v: u32) -> Option<View> {
        if self.augmentation == Augmentation::None {
            return None;
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"ranktune view 1");
        hasher.update(&self.seed.to_le_bytes());
        hasher.update(image.as_bytes());
        hasher.update(&v.to_le_bytes());
        let mut output = hasher.finalize_xof();
        let mut uniform = || {
            let mut bytes = [0; 8];
            output.fill(&mut bytes);
            // 53 bits, in [0, 1).
            (u64::from_le_bytes(bytes) >> 11) as f64 / (1u64 << 53) as f64
        };
        let (size, ratio, x, y, flip) = (uniform(), uniform(), uniform(), uniform(), uniform() < 0.5);
        let extent = match self.augmentation {
            Augmentation::RandomResizedCrop { scale } => Extent::Area {
                share: scale + size * (1.0 - scale),
                ratio: (4.0_f64 / 3.0).powf(2.0 * ratio - 1.0),
            },
            _ => Extent::Square { share: 224.0 / 256.0 },
        };
        Some(View { extent, x, y, flip })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(name: &str) -> Digest {
        blake3::hash(name.as_bytes()).into()
    }

    fn drawn(augmentation: Augmentation, count: u32) -> Vec<View> {
        let views = Views { augmentation, seed: 7 };
        (0..count).map(|v| views.view(&digest("image"), v).unwrap()).collect()
    }

    #[test]
    fn crops_lie_inside_the_image_and_have_the_asked_area_and_ratio() {
        for (width, height) in [(100, 100), (320, 240), (1, 1), (3, 500)] {
            for view in drawn(Augmentation::RandomResizedCrop { scale: 0.5 }, 500) {
                let CropBox {
                    left,
                    right,
                    top,
                    bottom,
                } = view.crop_box(width, height);
                let (w, h) = (width as f64, height as f64);
                assert!(
                    0.0 <= left && left < right && right <= w,
                    "{view:?} in {width}×{height}"
                );
                assert!(
                    0.0 <= top && top < bottom && bottom <= h,
                    "{view:?} in {width}×{height}"
                );
                let Extent::Area { share, ratio } = view.extent else {
                    panic!()
                };
                let (across, down) = (right - left, bottom - top);
                let cut = (across - w).abs() < 1e-9 || (down - h).abs() < 1e-9;
                assert!((0.5..=1.0).contains(&share) && (0.74..1.34).contains(&ratio));
                assert!(cut || (across * down / (w * h) - share).abs() < 1e-9);
                assert!(cut || (across / down / ratio - 1.0).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn the_published_crop_is_a_square_of_seven_eighths_of_the_shorter_edge() {
        for view in drawn(Augmentation::ResizeCrop, 20) {
            let CropBox {
                left,
                right,
                top,
                bottom,
            } = view.crop_box(512, 256);
            assert!((right - left - 224.0).abs() < 1e-9 && (bottom - top - 224.0).abs() < 1e-9);
            assert!(right <= 512.0 && bottom <= 256.0);
        }
    }

    #[test]
    fn draws_cover_their_range_evenly() {
        let views = drawn(Augmentation::RandomResizedCrop { scale: 0.0 }, 4000);
        let mean = |of: &dyn Fn(&View) -> f64| views.iter().map(of).sum::<f64>() / 4000.0;
        let share = |view: &View| match view.extent {
            Extent::Area { share, .. } => share,
            Extent::Square { .. } => f64::NAN,
        };
        // The standard error of the mean of 4000 uniform numbers is 0.0046.
        for (name, mean) in [
            ("share", mean(&share)),
            ("x", mean(&|view| view.x)),
            ("y", mean(&|view| view.y)),
            ("flip", mean(&|view| f64::from(u8::from(view.flip)))),
        ] {
            assert!((mean - 0.5).abs() < 0.03, "{name}: {mean}");
        }
    }

    #[test]
    fn a_view_depends_on_seed_image_and_number_and_on_nothing_else() {
        let views = |seed| Views {
            augmentation: Augmentation::default(),
            seed,
        };
        assert_eq!(views(1).view(&digest("a"), 3), views(1).view(&digest("a"), 3));
        assert_ne!(views(1).view(&digest("a"), 3), views(2).view(&digest("a"), 3));
        assert_ne!(views(1).view(&digest("a"), 3), views(1).view(&digest("b"), 3));
        assert_ne!(views(1).view(&digest("a"), 3), views(1).view(&digest("a"), 4));
    }

    #[test]
    fn an_augmentation_is_read_as_it_is_written() {
        for text in ["none", "crop:0.25", "resize-crop"] {
            assert_eq!(text.parse::<Augmentation>().unwrap().to_string(), text);
        }
        assert_eq!("crop".parse::<Augmentation>().unwrap(), Augmentation::default());
        for text in ["", "crop:0", "crop:2", "crop:x", "flip", "none:1"] {
            assert!(text.parse::<Augmentation>().is_err(), "{text}");
        }
    }
}
