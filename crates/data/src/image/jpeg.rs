//! JPEG: baseline, progressive and arithmetic, grey, YCbCr, RGB, CMYK and YCCK, 8 bits.
//!
//! The decoder is a port of libjpeg-turbo with bit-identical results (accurate integer inverse cosine transform, triangle
//! upsampling, 16-bit colour tables). This matters: the two common Rust decoders each differ from Pillow in a tenth of all values,
//! and resizing does not average the differences out.

use libjpeg_turbo_rs::{DecodeLimits, Decoder, JpegError, PixelFormat};

use super::error::{ImageError, ImageErrorKind};
use super::orientation;
use super::pixels::{Decoded, RgbImage, checked_size, cmyk_to_rgb, grey_to_rgb};

/// The largest number of scans of a progressive file. Encoders write about ten, and each costs a pass over the image …
const MAX_SCANS: usize = 500;
/// … so that together they pass over at most so many pixels, …
const MAX_PASSED: usize = 4_000_000_000;
/// … but so many scans are always read.
const LEAST_SCANS: usize = 32;

fn decoder(bytes: &[u8], max_scans: usize) -> Result<Decoder<'_>, ImageError> {
    let limits = DecodeLimits {
        max_scans,
        ..DecodeLimits::default()
    };
    Decoder::new_with_limits(bytes, limits).map_err(error)
}

/// How many scans of an image of this size are read.
fn most_scans(pixels: usize) -> usize {
    (MAX_PASSED / pixels.max(1)).clamp(LEAST_SCANS, MAX_SCANS)
}

pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, ImageError> {
    let looked_at = decoder(bytes, MAX_SCANS)?;
    let header = looked_at.header();
    let (width, height) = checked_size(u32::from(header.width), u32::from(header.height))?;
    let mut decoder = match most_scans(width * height) {
        MAX_SCANS => looked_at,
        fewer => decoder(bytes, fewer)?,
    };
    let header = decoder.header();
    if header.precision != 8 {
        return Err(ImageError::unsupported(format!(
            "a JPEG with {} bits a sample; 8 are supported",
            header.precision
        )));
    }
    if header.is_lossless {
        return Err(ImageError::unsupported("lossless JPEG is not supported"));
    }
    let components = header.components.len();
    decoder.set_output_format(match components {
        1 => PixelFormat::Grayscale,
        3 => PixelFormat::Rgb,
        4 => PixelFormat::Cmyk,
        n => {
            return Err(ImageError::unsupported(format!(
                "a JPEG of {n} colour components; 1, 3 and 4 are supported"
            )));
        }
    });
    let mut data = decoder.decode_image().map_err(error)?.data;
    let markers = Markers::read(bytes);
    let pixels = match components {
        1 => grey_to_rgb(&data, 1),
        3 => data,
        _ => {
            // Pillow assumes that every JPEG with four inks stores them inverted, as the programs of Adobe do.
            data.iter_mut().for_each(|ink| *ink = 255 - *ink);
            cmyk_to_rgb(&data)
        }
    };
    let exif = (!markers.exif.is_empty()).then_some(markers.exif.as_slice());
    Ok(Decoded {
        image: RgbImage { width, height, pixels },
        orientation: orientation::find(exif, markers.xmp),
    })
}

fn error(e: JpegError) -> ImageError {
    match e {
        JpegError::UnexpectedEof => ImageError::malformed("the JPEG file is truncated").caused_by(e),
        JpegError::Unsupported(ref what) => {
            ImageError::unsupported(format!("JPEG: {what} is not supported")).caused_by(e)
        }
        JpegError::LimitExceeded { .. } | JpegError::AllocationFailed { .. } => ImageError::new(
            ImageErrorKind::TooLarge,
            "the JPEG file needs too much memory or too many scans",
        )
        .caused_by(e),
        e => ImageError::malformed("damaged JPEG file").caused_by(e),
    }
}

/// Metadata in the markers before the first scan.
#[derive(Default)]
struct Markers<'a> {
    /// The EXIF block, joined from its segments.
    exif: Vec<u8>,
    xmp: Option<&'a [u8]>,
}

impl<'a> Markers<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let mut markers = Self::default();
        let mut at = 2;
        while let Some(&[0xff, marker]) = bytes.get(at..at + 2) {
            match marker {
                0xff => at += 1,
                0x01 | 0xd0..=0xd8 => at += 2,
                0xd9 | 0xda => break,
                _ => {
                    let Some(&[high, low]) = bytes.get(at + 2..at + 4) else {
                        break;
                    };
                    let length = usize::from(u16::from_be_bytes([high, low]));
                    let Some(body) = bytes.get(at + 4..at + 2 + length) else {
                        break;
                    };
                    markers.note(marker, body);
                    at += 2 + length;
                }
            }
        }
        markers
    }

    fn note(&mut self, marker: u8, body: &'a [u8]) {
        if let (0xe1, Some(exif)) = (marker, body.strip_prefix(b"Exif\0\0")) {
            self.exif.extend_from_slice(exif);
        } else if let (0xe1, Some(xmp)) = (marker, body.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0")) {
            self.xmp = Some(xmp);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_may_have_many_scans_and_the_largest_image_few() {
        assert_eq!(most_scans(0), MAX_SCANS);
        assert_eq!(most_scans(12_000_000), 333);
        assert_eq!(most_scans(178_956_970), LEAST_SCANS);
    }
}
