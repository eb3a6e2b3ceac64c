//! Pixels of a decoded image, and the conversions to 8-bit RGB that several formats share.

use super::error::{ImageError, ImageErrorKind};

/// An 8-bit RGB image, row-major, three bytes per pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RgbImage {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[height, width, 3]`
    pub pixels: Vec<u8>,
}

/// The largest number of pixels: the limit at which Pillow reports a decompression bomb.
pub const MAX_PIXELS: u64 = 178_956_970;

/// The result of a decoder: the image as stored, and its EXIF orientation.
pub(super) struct Decoded {
    pub(super) image: RgbImage,
    pub(super) orientation: u8,
}

/// Width and height as `usize`, if an image may have them.
pub(super) fn checked_size(width: u32, height: u32) -> Result<(usize, usize), ImageError> {
    if width == 0 || height == 0 {
        return Err(ImageError::malformed(format!(
            "the image has no pixels ({width}×{height})"
        )));
    }
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(ImageError::new(
            ImageErrorKind::TooLarge,
            format!("an image of {width}×{height} pixels; at most {MAX_PIXELS} pixels are decoded"),
        ));
    }
    match (usize::try_from(width), usize::try_from(height)) {
        (Ok(width), Ok(height)) => Ok((width, height)),
        _ => Err(ImageError::new(
            ImageErrorKind::TooLarge,
            "the image does not fit into memory",
        )),
    }
}

/// `[n, stride]` bytes with grey in the first of each → `[n, 3]`.
pub(super) fn grey_to_rgb(grey: &[u8], stride: usize) -> Vec<u8> {
    grey.chunks_exact(stride).flat_map(|p| [p[0]; 3]).collect()
}

/// `[n, stride]` bytes with a colour in the first three of each → `[n, 3]`.
pub(super) fn first_three(pixels: &[u8], stride: usize) -> Vec<u8> {
    pixels.chunks_exact(stride).flat_map(|p| [p[0], p[1], p[2]]).collect()
}

/// 16-bit grey as 8-bit grey: clipped, not scaled, as in Pillow.
pub(super) fn clip_grey16(value: u16) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

/// `[n, 4]` ink → `[n, 3]` light: `r = 255 - k - ⌊c·(255 - k)/255⌉`, Pillow's `cmyk2rgb`.
pub(super) fn cmyk_to_rgb(cmyk: &[u8]) -> Vec<u8> {
    let light = |ink: u8, nk: u8| {
        let t = u32::from(ink) * u32::from(nk) + 128;
        // `t/255` rounded, by shifts; at most `nk`, so the subtraction does not wrap.
        nk - (((t >> 8) + t) >> 8) as u8
    };
    let pixel = |p: &[u8]| {
        [
            light(p[0], 255 - p[3]),
            light(p[1], 255 - p[3]),
            light(p[2], 255 - p[3]),
        ]
    };
    cmyk.chunks_exact(4).flat_map(pixel).collect()
}
