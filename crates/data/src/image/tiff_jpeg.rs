//! JPEG inside TIFF: every strip or tile is a JPEG file without its tables, which the tag `JPEGTables` has once for all.
//!
//! The parts are put together to whole JPEG files and decoded as those, so that pixels equal Pillow's: libtiff hands them to
//! libjpeg-turbo in the same way. Whether three components are RGB or YCbCr is said by TIFF's tag, not by JPEG's markers; a marker of
//! Adobe tells the decoder. (TIFF Technical Note 2, 1995.)

use std::io::Cursor;

use tiff::TiffError;
use tiff::decoder::Decoder;
use tiff::tags::Tag;

use super::error::ImageError;
use super::jpeg;

/// Decodes the image of `width × height` pixels in `bytes`, of which `decoder` has read the tags; `[height, width, 3]`.
///
/// # Errors
/// `Unsupported`: other colours than grey, RGB and YCbCr; `Malformed`: parts that are missing or have other sizes than the tags say.
pub(super) fn decode(
    decoder: &mut Decoder<Cursor<&[u8]>>,
    bytes: &[u8],
    (width, height): (usize, usize),
) -> Result<Vec<u8>, ImageError> {
    let damaged = |what: &str| ImageError::malformed(format!("damaged TIFF file: {what}"));
    let transform = match number(decoder, Tag::PhotometricInterpretation)? {
        Some(1) => None,
        Some(2) => Some(0),
        Some(6) => Some(1),
        _ => {
            let text = "JPEG compression inside TIFF of other colours than grey, RGB and YCbCr is not supported; convert it to PNG";
            return Err(ImageError::unsupported(text));
        }
    };
    let tables = decoder.get_tag_u8_vec(Tag::JPEGTables).unwrap_or_default();
    let is_tiled = number(decoder, Tag::TileWidth)?.is_some();
    let (part_width, part_height, offsets, lengths) = if is_tiled {
        (
            number(decoder, Tag::TileWidth)?.unwrap_or_default(),
            number(decoder, Tag::TileLength)?.unwrap_or_default(),
            list(decoder, Tag::TileOffsets)?,
            list(decoder, Tag::TileByteCounts)?,
        )
    } else {
        (
            width,
            number(decoder, Tag::RowsPerStrip)?.unwrap_or(height).min(height),
            list(decoder, Tag::StripOffsets)?,
            list(decoder, Tag::StripByteCounts)?,
        )
    };
    if part_width == 0 || part_height == 0 {
        return Err(damaged("its parts have no pixels"));
    }
    let across = width.div_ceil(part_width);
    let count = across * height.div_ceil(part_height);
    if offsets.len() < count || lengths.len() < count {
        return Err(damaged("parts of the image are missing"));
    }
    let mut pixels = vec![0; width * height * 3];
    for (at, (&offset, &length)) in offsets.iter().zip(&lengths).enumerate().take(count) {
        let part = offset.checked_add(length).and_then(|end| bytes.get(offset..end));
        let part = part.ok_or_else(|| damaged("a part lies beyond its end"))?;
        let decoded = jpeg::decode(&joined(&tables, part, transform))?.image;
        let (left, top) = (at % across * part_width, at / across * part_height);
        let (columns, rows) = (part_width.min(width - left), part_height.min(height - top));
        if decoded.width < columns || decoded.height < rows {
            return Err(damaged("a part has fewer pixels than the image needs"));
        }
        for row in 0..rows {
            let from = 3 * row * decoded.width;
            let to = 3 * ((top + row) * width + left);
            pixels[to..to + 3 * columns].copy_from_slice(&decoded.pixels[from..from + 3 * columns]);
        }
    }
    Ok(pixels)
}

/// A whole JPEG file: start, the marker of Adobe, tables, and the part.
fn joined(tables: &[u8], part: &[u8], transform: Option<u8>) -> Vec<u8> {
    const START: &[u8] = b"\xff\xd8";
    const END: &[u8] = b"\xff\xd9";
    let mut file = START.to_vec();
    if let Some(transform) = transform {
        file.extend(b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00");
        file.push(transform);
    }
    let tables = tables.strip_prefix(START).unwrap_or(tables);
    file.extend(tables.strip_suffix(END).unwrap_or(tables));
    file.extend(part.strip_prefix(START).unwrap_or(part));
    file
}

fn number(decoder: &mut Decoder<Cursor<&[u8]>>, tag: Tag) -> Result<Option<usize>, ImageError> {
    let number = decoder.find_tag_unsigned::<u32>(tag).map_err(damaged)?;
    Ok(number.and_then(|number| usize::try_from(number).ok()))
}

fn list(decoder: &mut Decoder<Cursor<&[u8]>>, tag: Tag) -> Result<Vec<usize>, ImageError> {
    let list = decoder.find_tag_unsigned_vec::<u64>(tag).map_err(damaged)?;
    let list = list.unwrap_or_default().into_iter();
    Ok(list
        .map(|number| usize::try_from(number).unwrap_or(usize::MAX))
        .collect())
}

fn damaged(source: TiffError) -> ImageError {
    ImageError::malformed("damaged TIFF file, or a truncated one").caused_by(source)
}
