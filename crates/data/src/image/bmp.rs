//! BMP: palettes of 1, 4 and 8 bits (plain or run-length encoded), 24 and 32 bits; alpha is dropped.
//!
//! 16 bits are refused: Pillow widens five bits to `⌊255·v/31⌋`, the decoder rounds.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::{ColorType, ImageDecoder, ImageError as BmpError};

use super::error::ImageError;
use super::pixels::{Decoded, RgbImage, checked_size, first_three};

pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, ImageError> {
    // The depth follows the sizes, which take four bytes each in all headers but the oldest.
    let depth_at = if bytes.get(14..18) == Some(&[12, 0, 0, 0]) {
        24
    } else {
        28
    };
    if bytes.get(depth_at..depth_at + 2) == Some(&[16, 0]) {
        return Err(ImageError::unsupported(
            "a BMP of 16 bits a pixel is not supported; convert it to PNG",
        ));
    }
    let decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(error)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = checked_size(width, height)?;
    let color = decoder.color_type();
    let channels = usize::from(color.channel_count());
    if !matches!(color, ColorType::Rgb8 | ColorType::Rgba8) {
        return Err(ImageError::unsupported(format!(
            "a BMP of {color:?} pixels is not supported"
        )));
    }
    let mut data = vec![0; width * height * channels];
    decoder.read_image(&mut data).map_err(error)?;
    let pixels = if channels == 3 { data } else { first_three(&data, 4) };
    Ok(Decoded {
        image: RgbImage { width, height, pixels },
        orientation: 1,
    })
}

fn error(e: BmpError) -> ImageError {
    match e {
        BmpError::Unsupported(_) => ImageError::unsupported(format!("BMP: {e}")),
        e => ImageError::malformed("damaged BMP file, or a truncated one").caused_by(e),
    }
}
