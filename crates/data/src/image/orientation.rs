//! The orientation of an image (EXIF tag 274, or `tiff:Orientation` in XMP), and the rotation to upright.
//!
//! Values are those of EXIF: 1 as stored, 2 mirrored, 3 turned by 180°, 4 flipped, 5 transposed, 6 to be turned clockwise,
//! 7 transversed, 8 to be turned anticlockwise. A value that cannot be read counts as 1, as in Pillow.
//!
//! Parsed by hand, because `image::metadata::Orientation::from_exif_chunk` (0.25.10) reads other files than Pillow: it ignores a
//! value of type LONG and an `Exif\0\0` prefix, and takes the first of two entries where Pillow takes the last.

use super::pixels::RgbImage;

const TAG: u16 = 0x0112;

/// The orientation from an EXIF block (with or without its `Exif\0\0` prefix) and, where that has none, from XMP.
pub(super) fn find(exif: Option<&[u8]>, xmp: Option<&[u8]>) -> u8 {
    let value = exif.and_then(from_exif).or_else(|| xmp.and_then(from_xmp)).unwrap_or(1);
    u8::try_from(value).unwrap_or(1)
}

/// The value of the tag in the first directory of the EXIF block; the last one if the tag occurs twice.
fn from_exif(mut exif: &[u8]) -> Option<u32> {
    while let Some(rest) = exif.strip_prefix(b"Exif\0\0") {
        exif = rest;
    }
    let little = match exif.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let u16_at = |at: usize| -> Option<u16> {
        let b: [u8; 2] = exif.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little {
            u16::from_le_bytes(b)
        } else {
            u16::from_be_bytes(b)
        })
    };
    let u32_at = |at: usize| -> Option<u32> {
        let b: [u8; 4] = exif.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if little {
            u32::from_le_bytes(b)
        } else {
            u32::from_be_bytes(b)
        })
    };
    let directory = usize::try_from(u32_at(4)?).ok()?;
    let entries = usize::from(u16_at(directory)?);
    let mut found = None;
    for i in 0..entries {
        let at = directory.checked_add(2 + 12 * i)?;
        let Some(tag) = u16_at(at) else { break };
        // One SHORT or LONG: the value is in the entry itself.
        if tag == TAG && u32_at(at + 4) == Some(1) {
            found = match u16_at(at + 2)? {
                3 => u16_at(at + 8).map(u32::from),
                4 => u32_at(at + 8),
                _ => found,
            };
        }
    }
    found
}

/// The first `tiff:Orientation="d"` or `tiff:Orientation>d`.
fn from_xmp(xmp: &[u8]) -> Option<u32> {
    const NAME: &[u8] = b"tiff:Orientation";
    (0..xmp.len()).filter(|&at| xmp[at..].starts_with(NAME)).find_map(|at| {
        let rest = &xmp[at + NAME.len()..];
        let rest = rest.strip_prefix(b"=\"").or_else(|| rest.strip_prefix(b">"))?;
        char::from(*rest.first()?).to_digit(10)
    })
}

/// Turns `image` upright. Orientations other than 2 to 8 leave it as it is.
pub(super) fn upright(image: RgbImage, orientation: u8) -> RgbImage {
    let (w, h) = (image.width, image.height);
    // The pixel of the file for the pixel (x, y) of the result.
    let from: fn(usize, usize, usize, usize) -> (usize, usize) = match orientation {
        2 => |x, y, w, _| (w - 1 - x, y),
        3 => |x, y, w, h| (w - 1 - x, h - 1 - y),
        4 => |x, y, _, h| (x, h - 1 - y),
        5 => |x, y, _, _| (y, x),
        6 => |x, y, _, h| (y, h - 1 - x),
        7 => |x, y, w, h| (w - 1 - y, h - 1 - x),
        8 => |x, y, w, _| (w - 1 - y, x),
        _ => return image,
    };
    let (width, height) = if orientation >= 5 { (h, w) } else { (w, h) };
    let mut pixels = Vec::with_capacity(image.pixels.len());
    for y in 0..height {
        for x in 0..width {
            let (sx, sy) = from(x, y, w, h);
            let at = 3 * (sy * w + sx);
            pixels.extend_from_slice(&image.pixels[at..at + 3]);
        }
    }
    RgbImage { width, height, pixels }
}
