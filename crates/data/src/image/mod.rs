//! Decoding an image file to 8-bit RGB, as Pillow's `ImageOps.exif_transpose(Image.open(file)).convert("RGB")` does.
//!
//! Preprocessing is part of a model, and the models of all hubs were trained with Pillow. So an image is decoded to the same bytes
//! as in Pillow, or refused with an error that names the reason; it is never silently different.
//!
//! | content of a file | result |
//! |---|---|
//! | alpha, transparent colours | dropped, not blended |
//! | 16 bits per channel, colour or alpha | the high byte |
//! | 16-bit grey, 32-bit integers and numbers with fractions in TIFF | clipped at 0 and 255, as in Pillow |
//! | CMYK, YCCK | Adobe's inversion, then `r = 255 - k - c + c·k/255`; colour profiles are not applied |
//! | EXIF or XMP orientation | applied, all eight |
//! | an animation, several pages | the first frame; a data set says how many such files it has |
//!
//! A format is one file in this folder and one entry in `FORMATS`. It is recognized by the content of a file, not by its name.

mod bmp;
mod error;
mod frames;
mod gif;
mod jpeg;
mod orientation;
mod pixels;
mod png;
mod pnm;
mod thumbnail;
mod tiff;
mod tiff_jpeg;
mod webp;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use pixels::Decoded;
use ranktune_core::panics::caught;

pub use error::{ImageError, ImageErrorKind};
pub(crate) use frames::has_several;
pub use pixels::{MAX_PIXELS, RgbImage};
pub use thumbnail::thumbnail;

/// The largest size of a file in bytes. No image within [`MAX_PIXELS`] comes near it.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// Whether the first bytes of a file are those of a format.
type Begins = fn(&[u8]) -> bool;

type Decode = fn(&[u8]) -> Result<Decoded, ImageError>;

/// The formats: name, how a file begins, and its decoder.
const FORMATS: &[(&str, Begins, Decode)] = &[
    ("JPEG", |b| b.starts_with(b"\xff\xd8\xff"), jpeg::decode),
    ("PNG", |b| b.starts_with(b"\x89PNG\r\n\x1a\n"), png::decode),
    (
        "GIF",
        |b| b.starts_with(b"GIF87a") || b.starts_with(b"GIF89a"),
        gif::decode,
    ),
    ("BMP", |b| b.starts_with(b"BM"), bmp::decode),
    (
        "WebP",
        |b| b.starts_with(b"RIFF") && b.get(8..12) == Some(b"WEBP"),
        webp::decode,
    ),
    (
        "TIFF",
        |b| b.starts_with(b"II*\0") || b.starts_with(b"MM\0*"),
        tiff::decode,
    ),
    ("portable anymap", pnm::begins, pnm::decode),
];

/// Formats that are recognized so that the error can name them.
const REFUSED: &[(&str, Begins)] = &[
    ("AVIF", |b| {
        b.get(4..12) == Some(b"ftypavif") || b.get(4..12) == Some(b"ftypavis")
    }),
    ("HEIF", |b| b.get(4..8) == Some(b"ftyp")),
    ("JPEG 2000", |b| {
        b.starts_with(b"\0\0\0\x0cjP  ") || b.starts_with(b"\xff\x4f\xff\x51")
    }),
    ("JPEG XL", |b| {
        b.starts_with(b"\xff\x0a") || b.starts_with(b"\0\0\0\x0cJXL ")
    }),
    ("BigTIFF", |b| b.starts_with(b"II+\0") || b.starts_with(b"MM\0+")),
    ("Photoshop", |b| b.starts_with(b"8BPS")),
    ("icon", |b| b.starts_with(b"\0\0\x01\0")),
    ("portable arbitrary map", |b| b.starts_with(b"P7\n")),
    ("QOI", |b| b.starts_with(b"qoif")),
    ("DDS", |b| b.starts_with(b"DDS ")),
    ("PDF", |b| b.starts_with(b"%PDF")),
    ("SVG", |b| b.starts_with(b"<svg") || b.starts_with(b"<?xml")),
];

/// Extensions of the formats that are read, in lower case.
pub const EXTENSIONS: [&str; 14] = [
    "bmp", "gif", "jfif", "jpe", "jpeg", "jpg", "pbm", "pgm", "png", "pnm", "ppm", "tif", "tiff", "webp",
];

/// Whether the bytes begin as an image of a format that is not also text.
pub(crate) fn is_image(bytes: &[u8]) -> bool {
    format_name(bytes).is_some_and(|name| !matches!(name, "BMP" | "portable anymap"))
}

/// The usual extension of the image in these bytes.
pub(crate) fn extension_of(bytes: &[u8]) -> &'static str {
    match format_name(bytes) {
        Some("JPEG") => "jpg",
        Some("PNG") => "png",
        Some("GIF") => "gif",
        Some("BMP") => "bmp",
        Some("WebP") => "webp",
        Some("TIFF") => "tif",
        Some("portable anymap") => "pnm",
        _ => "bin",
    }
}

fn format_name(bytes: &[u8]) -> Option<&'static str> {
    FORMATS
        .iter()
        .find(|(_, begins, _)| begins(bytes))
        .map(|(name, ..)| *name)
}

/// Decodes the image file at `path`.
///
/// # Errors
/// [`ImageErrorKind::Io`]: the file cannot be read. The others: see [`decode_bytes`]. The text names the file.
pub fn decode(path: &Path) -> Result<RgbImage, ImageError> {
    read(path)
        .and_then(|bytes| decode_bytes(&bytes))
        .map_err(|e| e.in_file(path))
}

/// Decodes an image from the bytes of its file.
///
/// # Errors
/// [`ImageErrorKind::Malformed`]: not an image, damaged, or truncated. [`ImageErrorKind::Unsupported`]: an image that would
/// differ from Pillow's. [`ImageErrorKind::TooLarge`]: more than [`MAX_PIXELS`] pixels.
pub fn decode_bytes(bytes: &[u8]) -> Result<RgbImage, ImageError> {
    if bytes.is_empty() {
        return Err(ImageError::malformed("the file is empty"));
    }
    let Some((name, _, decode)) = FORMATS.iter().find(|(_, begins, _)| begins(bytes)) else {
        return Err(match REFUSED.iter().find(|(_, begins)| begins(bytes)) {
            Some((name, _)) => {
                ImageError::unsupported(format!("{name} files are not supported; convert it to PNG or JPEG"))
            }
            None => ImageError::malformed("not an image: the content is none of JPEG, PNG, GIF, BMP, WebP, TIFF, PPM"),
        });
    };
    // A decoder that panics on a damaged file must not end a run over a million others.
    let decoded = caught(|| decode(bytes)).unwrap_or_else(|_| {
        Err(ImageError::malformed(format!(
            "damaged {name} file: the decoder cannot read it"
        )))
    })?;
    Ok(orientation::upright(decoded.image, decoded.orientation))
}

/// The bytes of the image file at `path`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ImageError> {
    let io = |e: std::io::Error| ImageError::new(ImageErrorKind::Io, "cannot read the image").caused_by(e);
    let file = File::open(path).map_err(io)?;
    let meta = file.metadata().map_err(io)?;
    if meta.is_dir() {
        return Err(ImageError::new(
            ImageErrorKind::Io,
            "expected an image file, found a folder",
        ));
    }
    let too_large = || {
        ImageError::new(
            ImageErrorKind::TooLarge,
            format!("image files may have at most {MAX_FILE_BYTES} bytes"),
        )
    };
    if meta.len() > MAX_FILE_BYTES {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0) + 1);
    // One byte more than the limit, to detect a file (or a pipe) that grows.
    let n = file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if n as u64 > MAX_FILE_BYTES {
        return Err(too_large());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
