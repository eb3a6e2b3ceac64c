//! PNG: every colour type and depth, interlaced or not; of an animation the default image.

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, DecodingError, Limits, Transformations};

use super::error::{ImageError, ImageErrorKind};
use super::orientation;
use super::pixels::{Decoded, MAX_PIXELS, RgbImage, checked_size, clip_grey16, first_three, grey_to_rgb};

pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, ImageError> {
    // A pixel has at most eight bytes.
    let limit = usize::try_from(MAX_PIXELS * 8).unwrap_or(usize::MAX);
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: limit });
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(error)?;
    let (width, height) = checked_size(reader.info().width, reader.info().height)?;
    let size = reader
        .output_buffer_size()
        .ok_or_else(|| ImageError::malformed("damaged PNG header"))?;
    // Deflate compresses at most 1032 : 1, so a small file that claims to be huge is refused before memory is allocated.
    if size / 1032 > bytes.len() {
        return Err(ImageError::malformed("the PNG file is truncated"));
    }
    let mut data = vec![0; size];
    reader.next_frame(&mut data).map_err(error)?;
    let (color, depth) = reader.output_color_type();
    // The orientation may follow the pixels. Damage there loses only the orientation.
    let _ = reader.finish();
    let wide = depth == BitDepth::Sixteen;
    let pixels = match (color, wide) {
        (ColorType::Grayscale, false) => grey_to_rgb(&data, 1),
        (ColorType::Grayscale, true) => clipped(&data, 2),
        // Pillow has no grey with 16 bits and alpha; it reads the high bytes.
        (ColorType::GrayscaleAlpha, true) if reader.info().color_type == ColorType::GrayscaleAlpha => {
            grey_to_rgb(&data, 4)
        }
        (ColorType::GrayscaleAlpha, true) => clipped(&data, 4),
        (ColorType::GrayscaleAlpha, false) => grey_to_rgb(&data, 2),
        (ColorType::Rgb, false) => data,
        (ColorType::Rgba, false) => first_three(&data, 4),
        (ColorType::Rgb, true) => high_bytes(&data, 6),
        (ColorType::Rgba, true) => high_bytes(&data, 8),
        (ColorType::Indexed, _) => return Err(ImageError::malformed("a PNG with palette colours but no palette")),
    };
    let info = reader.info();
    let xmp = info.utf8_text.iter().find(|chunk| chunk.keyword == "XML:com.adobe.xmp");
    let xmp = xmp.and_then(|chunk| chunk.get_text().ok());
    let profile = info
        .compressed_latin1_text
        .iter()
        .find(|chunk| chunk.keyword == "Raw profile type exif");
    let profile = profile
        .and_then(|chunk| chunk.get_text().ok())
        .and_then(|text| unhex_profile(&text));
    let exif = info.exif_metadata.as_deref().or(profile.as_deref());
    Ok(Decoded {
        image: RgbImage { width, height, pixels },
        orientation: orientation::find(exif, xmp.as_ref().map(|xmp| xmp.as_bytes())),
    })
}

fn clipped(data: &[u8], stride: usize) -> Vec<u8> {
    data.chunks_exact(stride)
        .flat_map(|p| [clip_grey16(u16::from_be_bytes([p[0], p[1]])); 3])
        .collect()
}

fn high_bytes(data: &[u8], stride: usize) -> Vec<u8> {
    data.chunks_exact(stride).flat_map(|p| [p[0], p[2], p[4]]).collect()
}

/// EXIF as ImageMagick stores it: an empty line, the name of the profile, its length, then lines of hexadecimal digits.
fn unhex_profile(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text
        .splitn(4, '\n')
        .nth(3)?
        .chars()
        .filter_map(|c| c.to_digit(16))
        .collect();
    digits
        .chunks_exact(2)
        .map(|d| u8::try_from(16 * d[0] + d[1]).ok())
        .collect()
}

fn error(e: DecodingError) -> ImageError {
    match e {
        DecodingError::LimitsExceeded => {
            ImageError::new(ImageErrorKind::TooLarge, "the PNG file needs too much memory")
        }
        DecodingError::IoError(_) => ImageError::malformed("the PNG file is truncated").caused_by(e),
        e => ImageError::malformed("damaged PNG file").caused_by(e),
    }
}
