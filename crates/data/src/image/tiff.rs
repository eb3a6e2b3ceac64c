//! TIFF: the first page, of grey (1, 8, 16 bits; 32 as signed integers or floating point; with alpha 8), RGB(A) (8, 16 bits) or CMYK
//! (8 bits) pixels, uncompressed, losslessly compressed (black and white by fax group 4), or by JPEG (see [`tiff_jpeg`]).
//!
//! Refused, because the result would differ from Pillow's: fax group 3, the JPEG of TIFF 6.0, palettes, separate colour planes,
//! premultiplied alpha, Lab, uncompressed YCbCr.

use std::io::Cursor;

use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::error::{ImageError, ImageErrorKind};
use super::orientation;
use super::pixels::{Decoded, MAX_PIXELS, RgbImage, checked_size, clip_grey16, cmyk_to_rgb, first_three, grey_to_rgb};
use super::tiff_jpeg;

/// Grey with alpha, which the decoder has no name for.
const GREY_ALPHA: ColorType = ColorType::Multiband {
    bit_depth: 8,
    num_samples: 2,
};

/// The number of JPEG compression.
const JPEG: u32 = 7;

pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, ImageError> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = usize::try_from(MAX_PIXELS * 8).unwrap_or(usize::MAX);
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(error)?.with_limits(limits);
    let (width, height) = decoder.dimensions().map_err(error)?;
    let (width, height) = checked_size(width, height)?;
    let color = decoder.colortype().map_err(error)?;
    refuse(&mut decoder, color)?;
    let is_jpeg = decoder.find_tag_unsigned::<u32>(Tag::Compression).ok().flatten() == Some(JPEG);
    let pixels = if is_jpeg {
        tiff_jpeg::decode(&mut decoder, bytes, (width, height))?
    } else {
        plain(&mut decoder, color, (width, height))?
    };
    if pixels.len() != width * height * 3 {
        return Err(ImageError::malformed("damaged TIFF file: pixels are missing"));
    }
    // EXIF has the structure of a TIFF file.
    let xmp = decoder.get_tag_u8_vec(Tag::Unknown(700)).ok();
    Ok(Decoded {
        image: RgbImage { width, height, pixels },
        orientation: orientation::find(Some(bytes), xmp.as_deref()),
    })
}

/// The pixels that the decoder reads, `[height, width, 3]`.
fn plain(
    decoder: &mut Decoder<Cursor<&[u8]>>,
    color: ColorType,
    (width, height): (usize, usize),
) -> Result<Vec<u8>, ImageError> {
    let data = decoder.read_image().map_err(error)?;
    Ok(match (color, data) {
        (ColorType::Gray(1), DecodingResult::U8(bits)) => unpack_bits(&bits, width, height),
        (ColorType::Gray(8), DecodingResult::U8(v)) => grey_to_rgb(&v, 1),
        (ColorType::Gray(16), DecodingResult::U16(v)) => v.iter().flat_map(|&v| [clip_grey16(v); 3]).collect(),
        // The casts saturate; a number that is NaN is 0.
        (ColorType::Gray(32), DecodingResult::F32(v)) => v.iter().flat_map(|&v| [v as u8; 3]).collect(),
        (ColorType::Gray(32), DecodingResult::I32(v)) => v.iter().flat_map(|&v| [v.clamp(0, 255) as u8; 3]).collect(),
        (ColorType::RGB(8), DecodingResult::U8(v)) => v,
        (ColorType::RGBA(8), DecodingResult::U8(v)) => first_three(&v, 4),
        (ColorType::RGB(16), DecodingResult::U16(v)) => high_bytes(&v, 3),
        (ColorType::RGBA(16), DecodingResult::U16(v)) => high_bytes(&v, 4),
        (ColorType::CMYK(8), DecodingResult::U8(v)) => cmyk_to_rgb(&v),
        (GREY_ALPHA, DecodingResult::U8(v)) => grey_to_rgb(&v, 2),
        (color, _) => {
            return Err(ImageError::unsupported(format!(
                "a TIFF of {color:?} pixels is not supported"
            )));
        }
    })
}

/// Refuses variants that would be decoded differently from Pillow.
fn refuse(decoder: &mut Decoder<Cursor<&[u8]>>, color: ColorType) -> Result<(), ImageError> {
    let mut number = |tag| decoder.find_tag_unsigned::<u32>(tag).ok().flatten();
    let compression = number(Tag::Compression).unwrap_or(1);
    let white_is_zero = number(Tag::PhotometricInterpretation) == Some(0);
    let planes = number(Tag::PlanarConfiguration).unwrap_or(1);
    let fill_order = number(Tag::FillOrder).unwrap_or(1);
    let list = |decoder: &mut Decoder<_>, tag| {
        decoder
            .find_tag_unsigned_vec::<u32>(tag)
            .ok()
            .flatten()
            .unwrap_or_default()
    };
    let extra = list(decoder, Tag::ExtraSamples);
    let formats = list(decoder, Tag::SampleFormat);
    let is_number = color == ColorType::Gray(32) && matches!(formats.as_slice(), [2 | 3]) && !white_is_zero;
    let what = match color {
        _ if compression == 6 => "the JPEG compression of TIFF 6.0".to_owned(),
        _ if matches!(compression, 2 | 3) => "fax compression of group 3".to_owned(),
        // none, fax group 4, LZW, JPEG, deflate (both numbers), PackBits
        _ if !matches!(compression, 1 | 4 | 5 | JPEG | 8 | 32773 | 32946) => format!("TIFF compression {compression}"),
        _ if compression == 4 && color != ColorType::Gray(1) => {
            "fax compression of other than black and white".to_owned()
        }
        _ if planes != 1 => "a TIFF with separate colour planes".to_owned(),
        _ if fill_order != 1 => "a TIFF with reversed bit order".to_owned(),
        _ if formats.iter().any(|&format| format != 1) && !is_number => {
            "a TIFF whose samples are not unsigned integers".to_owned()
        }
        _ if extra.len() > 1 || extra.contains(&1) => "a TIFF with premultiplied alpha or extra channels".to_owned(),
        ColorType::Gray(16) if white_is_zero => "a 16-bit TIFF in which white is zero".to_owned(),
        _ => return Ok(()),
    };
    Err(ImageError::unsupported(format!(
        "{what} is not supported; convert it to PNG"
    )))
}

/// Rows of bits, each padded to whole bytes → black and white.
fn unpack_bits(bits: &[u8], width: usize, height: usize) -> Vec<u8> {
    let rows = bits.chunks_exact(width.div_ceil(8)).take(height);
    rows.flat_map(|row| (0..width).flat_map(move |x| [if row[x / 8] & (0x80 >> (x % 8)) != 0 { 255 } else { 0 }; 3]))
        .collect()
}

fn high_bytes(samples: &[u16], stride: usize) -> Vec<u8> {
    let high = |v: u16| v.to_be_bytes()[0];
    samples
        .chunks_exact(stride)
        .flat_map(|p| [high(p[0]), high(p[1]), high(p[2])])
        .collect()
}

fn error(e: TiffError) -> ImageError {
    match e {
        TiffError::LimitsExceeded => ImageError::new(ImageErrorKind::TooLarge, "the TIFF file needs too much memory"),
        TiffError::UnsupportedError(what) => ImageError::unsupported(format!("TIFF: {what}; convert it to PNG")),
        e => ImageError::malformed("damaged TIFF file, or a truncated one").caused_by(e),
    }
}
