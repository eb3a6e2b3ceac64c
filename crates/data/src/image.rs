//! Decoding an image file to 8-bit RGB, as Pillow's `ImageOps.exif_transpose(Image.open(file)).convert("RGB")` does.
//!
//! A model's preprocessing is part of the model, and the models of every hub were made with Pillow. So the rule here is: the
//! same bytes as Pillow, or a refusal that names what was met; never a silently different image. What the rule decides:
//!
//! | what a file holds | what becomes of it |
//! |---|---|
//! | alpha, transparent colours | dropped, not blended |
//! | 16 bits a channel, colour or alpha | the high byte |
//! | 16-bit grey | clipped at 255 (Pillow converts it so; scaling would be another image) |
//! | CMYK, YCCK | Adobe's inversion, then `r = 255 - k - c + c·k/255`; colour profiles are not applied |
//! | EXIF or XMP orientation | applied, all eight |
//! | an animation | its first frame |
//!
//! One format is one file in this folder and one line in `FORMATS`. The format is told by content, never by name.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

mod bmp;
mod gif;
mod jpeg;
mod orientation;
mod png;
mod tiff;
mod webp;

/// An 8-bit RGB image, row-major, three bytes a pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RgbImage {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[height, width, 3]`
    pub pixels: Vec<u8>,
}

/// Pixels an image may have at most: where Pillow refuses one as a decompression bomb.
pub const MAX_PIXELS: u64 = 178_956_970;

/// Bytes a file may have at most. No image within [`MAX_PIXELS`] comes near it.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// The kind of an [`ImageError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageErrorKind {
    /// The file could not be opened or read.
    Io,
    /// The bytes are no image, or one that is damaged or ends too early.
    Malformed,
    /// An image of a format or kind that is not decoded here; the text names it.
    Unsupported,
    /// More pixels or bytes than an image may have.
    TooLarge,
}

/// Why an image could not be decoded.
#[derive(Debug)]
pub struct ImageError {
    kind: ImageErrorKind,
    path: Option<PathBuf>,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl ImageError {
    fn new(kind: ImageErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            path: None,
            message: message.into(),
            source: None,
        }
    }

    fn malformed(message: impl Into<String>) -> Self {
        Self::new(ImageErrorKind::Malformed, message)
    }

    fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ImageErrorKind::Unsupported, message)
    }

    fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    fn in_file(mut self, path: &Path) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// The kind.
    pub fn kind(&self) -> ImageErrorKind {
        self.kind
    }

    /// The file, if the error is about one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}: ", path.display())?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ImageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// What a decoder hands back: the image as stored, and how it has to be turned.
struct Decoded {
    image: RgbImage,
    orientation: u8,
}

/// Whether a file begins as files of a format do.
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
];

/// Formats that are recognised so that the refusal can name them.
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
    ("portable anymap", |b| {
        b.len() > 2 && b[0] == b'P' && (b'1'..=b'7').contains(&b[1]) && b[2].is_ascii_whitespace()
    }),
    ("QOI", |b| b.starts_with(b"qoif")),
    ("DDS", |b| b.starts_with(b"DDS ")),
    ("PDF", |b| b.starts_with(b"%PDF")),
    ("SVG", |b| b.starts_with(b"<svg") || b.starts_with(b"<?xml")),
];

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
/// [`ImageErrorKind::Malformed`]: not an image, damaged, or cut short. [`ImageErrorKind::Unsupported`]: an image that would
/// not come out as Pillow has it. [`ImageErrorKind::TooLarge`]: more than [`MAX_PIXELS`] pixels.
pub fn decode_bytes(bytes: &[u8]) -> Result<RgbImage, ImageError> {
    if bytes.is_empty() {
        return Err(ImageError::malformed("the file is empty"));
    }
    let Some((name, _, decode)) = FORMATS.iter().find(|(_, begins, _)| begins(bytes)) else {
        return Err(match REFUSED.iter().find(|(_, begins)| begins(bytes)) {
            Some((name, _)) => {
                ImageError::unsupported(format!("{name} files are not supported; convert it to PNG or JPEG"))
            }
            None => ImageError::malformed("not an image: the content is none of JPEG, PNG, GIF, BMP, WebP, TIFF"),
        });
    };
    // A decoder that panics on a damaged file must not take down a run over a million others.
    let decoded = catch_unwind(AssertUnwindSafe(|| decode(bytes))).unwrap_or_else(|_| {
        Err(ImageError::malformed(format!(
            "damaged {name} file: the decoder gave up"
        )))
    })?;
    Ok(orientation::upright(decoded.image, decoded.orientation))
}

fn read(path: &Path) -> Result<Vec<u8>, ImageError> {
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
    // One byte more than allowed, so that a file (or a pipe) that grows is noticed.
    let n = file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if n as u64 > MAX_FILE_BYTES {
        return Err(too_large());
    }
    Ok(bytes)
}

/// The image's sizes as `usize`, where an image may have them.
fn checked_size(width: u32, height: u32) -> Result<(usize, usize), ImageError> {
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
fn grey_to_rgb(grey: &[u8], stride: usize) -> Vec<u8> {
    grey.chunks_exact(stride).flat_map(|p| [p[0]; 3]).collect()
}

/// `[n, stride]` bytes with a colour in the first three of each → `[n, 3]`.
fn first_three(pixels: &[u8], stride: usize) -> Vec<u8> {
    pixels.chunks_exact(stride).flat_map(|p| [p[0], p[1], p[2]]).collect()
}

/// 16-bit grey as Pillow makes it 8-bit: clipped, not scaled.
fn clip_grey16(value: u16) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

/// `[n, 4]` ink → `[n, 3]` light: `r = 255 - k - ⌊c·(255 - k)/255⌉`, Pillow's `cmyk2rgb`.
fn cmyk_to_rgb(cmyk: &[u8]) -> Vec<u8> {
    let light = |ink: u8, nk: u8| {
        let t = u32::from(ink) * u32::from(nk) + 128;
        // `t/255` rounded, in shifts; at most `nk`, so nothing wraps.
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

#[cfg(test)]
mod tests;
