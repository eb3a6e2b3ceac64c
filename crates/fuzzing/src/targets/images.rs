//! Images of every format, with their orientation.

use ranktune_data::image::decode_bytes;

use super::Target;
use crate::outcome::Outcome;
use crate::scratch::Scratch;
use crate::seeds;

/// A format and its files in the folder of the decoders' own tests.
macro_rules! format {
    ($name:literal, $about:literal, $words:expr, [$($file:literal),*]) => {
        Target {
            name: $name,
            about: $about,
            words: $words,
            seeds: || seeds::files(&[$(concat!("crates/data/tests/vectors/", $file)),*]),
            run: image,
        }
    };
}

pub(super) const JPEG: Target = format!(
    "jpeg",
    "a JPEG image, with EXIF",
    &[
        "\u{ff}",
        "Exif\0\0",
        "II*\0",
        "MM\0*",
        "Adobe",
        "JFIF\0",
        "http://ns.adobe.com/xap/1.0/\0"
    ],
    [
        "420.jpg",
        "422.jpg",
        "cmyk.jpg",
        "grey.jpg",
        "progressive.jpg",
        "restarts.jpg",
        "turned.jpg"
    ]
);

pub(super) const PNG: Target = format!(
    "png",
    "a PNG image",
    &[
        "IHDR", "PLTE", "IDAT", "IEND", "tRNS", "eXIf", "acTL", "fcTL", "zTXt", "iTXt"
    ],
    [
        "grey_alpha.png",
        "one_bit.png",
        "palette.png",
        "palette_4_bits.png",
        "palette_transparent.png",
        "rgba.png",
        "turned.png"
    ]
);

pub(super) const WEBP: Target = format!(
    "webp",
    "a WebP image",
    &[
        "RIFF", "WEBP", "VP8 ", "VP8L", "VP8X", "ANIM", "ANMF", "ALPH", "EXIF", "XMP "
    ],
    ["lossless.webp", "lossy.webp", "lossy_alpha.webp"]
);

pub(super) const GIF: Target = format!(
    "gif",
    "a GIF image",
    &["GIF89a", "!", ",", ";"],
    ["palette.gif", "transparent.gif", "two_frames.gif"]
);

pub(super) const BMP: Target = format!(
    "bmp",
    "a BMP image",
    &["BM"],
    ["grey.bmp", "one_bit.bmp", "palette.bmp", "rgb.bmp"]
);

pub(super) const TIFF: Target = format!(
    "tiff",
    "a TIFF image",
    &["II*\0", "MM\0*", "\u{1}\u{3}\0\u{1}\0\0\0"],
    ["deflate.tif", "grey.tif", "lzw.tif", "rgb.tif"]
);

pub(super) const PNM: Target = Target {
    name: "pnm",
    about: "a portable anymap",
    words: &["P1", "P6", "#", "\n", "255", "65535"],
    seeds: || {
        [
            "P2 2 2 255\n0 128 255 7",
            "P1\n# a\n3 1\n101",
            "P3 1 1 65535 1 2 3",
            "P5 2 1 255\nab",
            "P6 1 1 255\nabc",
            "P4 9 1\nab",
        ]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .collect()
    },
    run: image,
};

fn image(bytes: &[u8], _: &Scratch) -> Outcome {
    let mut outcome = Outcome::default();
    if let Some(image) = outcome.add(decode_bytes(bytes)) {
        // An image is whole, whatever the file claims.
        assert_eq!(image.pixels.len(), image.width * image.height * 3);
    }
    outcome
}
