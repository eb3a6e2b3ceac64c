//! WebP: lossy and lossless, with or without alpha; of an animation the first frame.

use std::io::Cursor;

use image_webp::{DecodingError, WebPDecoder};

use super::error::ImageError;
use super::orientation;
use super::pixels::{Decoded, RgbImage, checked_size, first_three};

pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, ImageError> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(error)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = checked_size(width, height)?;
    let channels = if decoder.has_alpha() { 4 } else { 3 };
    let mut data = vec![0; width * height * channels];
    decoder.read_image(&mut data).map_err(error)?;
    let pixels = if channels == 3 { data } else { first_three(&data, 4) };
    let exif = decoder.exif_metadata().ok().flatten();
    let xmp = decoder.xmp_metadata().ok().flatten();
    Ok(Decoded {
        image: RgbImage { width, height, pixels },
        orientation: orientation::find(exif.as_deref(), xmp.as_deref()),
    })
}

fn error(e: DecodingError) -> ImageError {
    match e {
        DecodingError::UnsupportedFeature(what) => ImageError::unsupported(format!("WebP: {what} is not supported")),
        e => ImageError::malformed("damaged WebP file, or a truncated one").caused_by(e),
    }
}
