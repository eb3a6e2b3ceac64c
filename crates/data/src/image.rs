//! Decoding an image file to 8-bit RGB, as Pillow's `ImageOps.exif_transpose(Image.open(file)).convert("RGB")` does.

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
