//! Small pictures of image files, for reports.

use std::path::Path;

use libjpeg_turbo_rs::{PixelFormat, Subsampling, compress};

use super::decode;
use super::error::ImageError;
use super::pixels::RgbImage;

/// Quality of the JPEG, of 100.
const QUALITY: u8 = 80;

/// The image at `path` as a JPEG whose longer edge has at most `edge` pixels. Pixels are means of areas.
///
/// # Errors
/// As [`decode`].
pub fn thumbnail(path: &Path, edge: usize) -> Result<Vec<u8>, ImageError> {
    let RgbImage { width, height, pixels } = decode(path)?;
    let longer = width.max(height).max(1);
    let scaled = |size: usize| {
        if longer <= edge {
            return size;
        }
        (size * edge / longer).max(1)
    };
    let (to_width, to_height) = (scaled(width), scaled(height));
    let malformed = |what: String| ImageError::malformed(what).in_file(path);
    let too_large = |_| malformed(format!("an image of {width}×{height} pixels"));
    let number = |size: usize| u32::try_from(size).map_err(too_large);
    let image = image::RgbImage::from_raw(number(width)?, number(height)?, pixels)
        .ok_or_else(|| malformed("its pixels do not fit its size".to_owned()))?;
    let small = image::imageops::thumbnail(&image, number(to_width)?, number(to_height)?);
    compress(
        small.as_raw(),
        to_width,
        to_height,
        PixelFormat::Rgb,
        QUALITY,
        Subsampling::S420,
    )
    .map_err(|error| malformed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::decode_bytes;

    #[test]
    fn a_thumbnail_has_the_proportions_and_colours_of_the_image() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wide.ppm");
        // Left red, right blue.
        let mut bytes = b"P6 300 100 255\n".to_vec();
        for _ in 0..100 {
            bytes.extend([230, 20, 20].repeat(150));
            bytes.extend([20, 20, 230].repeat(150));
        }
        std::fs::write(&path, bytes).unwrap();
        let small = decode_bytes(&thumbnail(&path, 96).unwrap()).unwrap();
        assert_eq!((small.width, small.height), (96, 32));
        let pixel = |x: usize| &small.pixels[(16 * 96 + x) * 3..][..3];
        let is_near = |found: &[u8], wanted: [u8; 3]| found.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) < 12);
        assert!(is_near(pixel(20), [230, 20, 20]) && is_near(pixel(75), [20, 20, 230]));
        // A small image is not enlarged.
        let large = decode_bytes(&thumbnail(&path, 1000).unwrap()).unwrap();
        assert_eq!((large.width, large.height), (300, 100));
        assert!(thumbnail(&folder.path().join("none.png"), 96).is_err());
    }
}
