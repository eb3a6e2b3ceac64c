//! Images encoded by the tests from known pixels.

use std::io::Cursor;

use ::png::{BitDepth, ColorType};
use libjpeg_turbo_rs::{Encoder, PixelFormat, Subsampling};

use super::pixels::cmyk_to_rgb;
use super::*;

/// `width × height` pixels that are all different.
fn pattern(width: usize, height: usize) -> RgbImage {
    let pixel = |i: usize| [(i * 7 % 256) as u8, (i * 31 % 256) as u8, (255 - i % 256) as u8];
    let pixels = (0..width * height).flat_map(pixel).collect();
    RgbImage { width, height, pixels }
}

/// A PNG of raw samples.
fn png_of(width: u32, height: u32, kind: (ColorType, BitDepth), data: &[u8], palette: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut out, width, height);
    encoder.set_color(kind.0);
    encoder.set_depth(kind.1);
    if !palette.is_empty() {
        encoder.set_palette(palette.to_vec());
    }
    encoder.write_header().unwrap().write_image_data(data).unwrap();
    out
}

fn png_rgb(image: &RgbImage) -> Vec<u8> {
    let (width, height) = (image.width as u32, image.height as u32);
    png_of(width, height, (ColorType::Rgb, BitDepth::Eight), &image.pixels, &[])
}

fn jpeg_of(image: &RgbImage) -> Vec<u8> {
    let encoder = Encoder::new(&image.pixels, image.width, image.height, PixelFormat::Rgb);
    encoder.quality(90).subsampling(Subsampling::S444).encode().unwrap()
}

fn bmp_of(image: &RgbImage) -> Vec<u8> {
    let stride = (3 * image.width).next_multiple_of(4);
    let mut rows = Vec::new();
    for row in image.pixels.chunks(3 * image.width).rev() {
        let start = rows.len();
        rows.extend(row.chunks(3).flat_map(|p| [p[2], p[1], p[0]]));
        rows.resize(start + stride, 0);
    }
    let mut out = b"BM".to_vec();
    let numbers = [
        54 + rows.len(),
        0,
        54,
        40,
        image.width,
        image.height,
        1 | 24 << 16,
        0,
        rows.len(),
        0,
        0,
        0,
        0,
    ];
    out.extend(numbers.iter().flat_map(|&n| (n as u32).to_le_bytes()));
    out.extend(rows);
    out
}

fn tiff_of(image: &RgbImage) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let (width, height) = (image.width as u32, image.height as u32);
    let mut encoder = ::tiff::encoder::TiffEncoder::new(&mut out).unwrap();
    encoder
        .write_image::<::tiff::encoder::colortype::RGB8>(width, height, &image.pixels)
        .unwrap();
    out.into_inner()
}

fn webp_of(image: &RgbImage) -> Vec<u8> {
    let mut out = Vec::new();
    let (width, height) = (image.width as u32, image.height as u32);
    let encoder = image_webp::WebPEncoder::new(&mut out);
    encoder
        .encode(&image.pixels, width, height, image_webp::ColorType::Rgb8)
        .unwrap();
    out
}

/// A GIF with a frame of `frame` indices at `(2, 1)`, 3 pixels wide, on a screen of `screen`.
fn gif_of(screen: (u16, u16), frame: &[u8], palette: &[u8], transparent: Option<u8>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = ::gif::Encoder::new(&mut out, screen.0, screen.1, palette).unwrap();
    let frame = ::gif::Frame {
        left: 2,
        top: 1,
        width: 3,
        height: (frame.len() / 3) as u16,
        buffer: frame.to_vec().into(),
        transparent,
        ..Default::default()
    };
    encoder.write_frame(&frame).unwrap();
    drop(encoder);
    out
}

fn grey_pixels(values: &[u8]) -> Vec<u8> {
    values.iter().flat_map(|&v| [v; 3]).collect()
}

#[test]
fn lossless_formats_give_back_what_was_put_in() {
    let image = pattern(13, 7);
    let files = [
        ("png", png_rgb(&image)),
        ("bmp", bmp_of(&image)),
        ("tiff", tiff_of(&image)),
        ("webp", webp_of(&image)),
    ];
    for (name, bytes) in files {
        assert_eq!(decode_bytes(&bytes).unwrap(), image, "{name}");
    }
}

/// Made by Pillow 13 (libjpeg-turbo 3.2), 9 × 7 pixels, so that the edges of halved colour matter:
/// `Image.fromarray(a).save(b, "JPEG", quality=60, subsampling=2, optimize=True)`.
const HALVED: &str = "\
    ffd8ffe000104a46494600010100000100010000ffdb0043000d090a0b0a080d0b0a0b0e0e0d0f13201513121213271c1e17202e2931302e292d\
    2c333a4a3e333646372c2d405741464c4e525352323e5a615a50604a51524fffdb0043010e0e0e131113261515264f352d354f4f4f4f4f4f4f4f\
    4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4fffc00011080007000903012200021101\
    031101ffc400160001010100000000000000000000000000000204ffc40020100002010207010000000000000000000001030004210206111213\
    5493e1ffc4001501010100000000000000000000000000000004ffc4001e110002010305000000000000000000000001030200516104112141c1\
    ffda000c03010002110311003f00cd4d429a5caee63556d560006e4ef1239707447afc889429119091373d0c629a974d0c92d7c0dfc17affd9";

/// What Pillow reads of it: `Image.open(b).convert("RGB").tobytes()`.
const HALVED_PIXELS: &str = "\
    000d0f13250f3f4b0b4c6d0564ab2984ac494f0b0898243bac413105102e27323856603b5e7c3271b8508fb77055152d98285ab64e59\
    201c71474584727385728b7681c795a5d0bf6d3380ac43acc766a94d21806c478d8d6f8783857792cb9ebae3d37d4a97b05abfc47cbb\
    7f134d973355ae5f4ea48046accf71c2e29f684355864c755c3e3c9f144db33354cf6855c99758c2e07eb6dc91422b3556335157574b\
    b12585c04387dd7c8fd7ad94bde9aa99d1ac26205048377d5b6c88";

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|d| (16 * d[0] + d[1]) as u8).collect()
}

#[test]
fn jpeg_with_halved_colour_has_the_bits_of_libjpeg_turbo() {
    let image = decode_bytes(&unhex(HALVED)).unwrap();
    assert_eq!((image.width, image.height), (9, 7));
    assert_eq!(image.pixels, unhex(HALVED_PIXELS));
}

#[test]
fn grey_jpeg_becomes_grey_rgb() {
    let encoder = Encoder::new(&[77; 64], 8, 8, PixelFormat::Grayscale);
    let image = decode_bytes(&encoder.quality(100).encode().unwrap()).unwrap();
    assert_eq!(image.pixels, vec![77; 8 * 8 * 3]);
}

#[test]
fn four_inks_of_a_jpeg_are_inverted_and_mixed() {
    // Stored inverted: cyan 40, magenta 80, yellow 160, black 100.
    let stored = [215, 175, 95, 155].repeat(64);
    let bytes = Encoder::new(&stored, 8, 8, PixelFormat::Cmyk)
        .quality(100)
        .encode()
        .unwrap();
    let light = |ink: f64| (255.0 - 100.0 - ink * (255.0 - 100.0) / 255.0).round() as u8;
    assert_eq!(
        decode_bytes(&bytes).unwrap().pixels[..3],
        [light(40.0), light(80.0), light(160.0)]
    );
}

#[test]
fn ink_mixing_is_the_rounded_quotient_for_every_pair() {
    for ink in 0..=255_u8 {
        for k in 0..=255_u8 {
            let left = 255 - u32::from(k);
            let expected = left - (2 * u32::from(ink) * left + 255) / 510;
            assert_eq!(
                u32::from(cmyk_to_rgb(&[ink, 0, 0, k])[0]),
                expected,
                "ink {ink}, black {k}"
            );
        }
    }
}

#[test]
fn png_depths_and_alphas_come_out_as_bytes() {
    use BitDepth::{Eight, Four, One, Sixteen, Two};
    use ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};
    let palette = [9, 8, 7, 100, 110, 120, 1, 2, 3, 4, 5, 6];
    let cases = [
        (
            "1-bit grey",
            (Grayscale, One),
            vec![0b0110_0000],
            grey_pixels(&[0, 255, 255]),
        ),
        (
            "2-bit grey",
            (Grayscale, Two),
            vec![0b0110_1100],
            grey_pixels(&[85, 170, 255]),
        ),
        (
            "4-bit grey",
            (Grayscale, Four),
            vec![0x0a, 0xf0],
            grey_pixels(&[0, 170, 255]),
        ),
        (
            "8-bit grey",
            (Grayscale, Eight),
            vec![0, 99, 255],
            grey_pixels(&[0, 99, 255]),
        ),
        (
            "16-bit grey is clipped",
            (Grayscale, Sixteen),
            vec![0, 254, 1, 0, 255, 255],
            grey_pixels(&[254, 255, 255]),
        ),
        (
            "grey with alpha",
            (GrayscaleAlpha, Eight),
            vec![10, 0, 20, 128, 30, 255],
            grey_pixels(&[10, 20, 30]),
        ),
        (
            "16-bit grey with alpha",
            (GrayscaleAlpha, Sixteen),
            [50, 9, 1, 1].repeat(3),
            grey_pixels(&[50; 3]),
        ),
        (
            "alpha is dropped",
            (Rgba, Eight),
            [1, 2, 3, 0].repeat(3),
            [1, 2, 3].repeat(3),
        ),
        (
            "16-bit colour",
            (Rgb, Sixteen),
            [1, 255, 2, 255, 3, 255].repeat(3),
            [1, 2, 3].repeat(3),
        ),
        (
            "16-bit colour with alpha",
            (Rgba, Sixteen),
            [1, 9, 2, 9, 3, 9, 0, 0].repeat(3),
            [1, 2, 3].repeat(3),
        ),
        (
            "2-bit palette",
            (Indexed, Two),
            vec![0b0001_1100],
            [&palette[..6], &palette[9..]].concat(),
        ),
        (
            "8-bit palette",
            (Indexed, Eight),
            vec![2, 0, 1],
            [&palette[6..9], &palette[..6]].concat(),
        ),
    ];
    for (name, kind, data, expected) in cases {
        let palette: &[u8] = if kind.0 == Indexed { &palette } else { &[] };
        let image = decode_bytes(&png_of(3, 1, kind, &data, palette)).unwrap();
        assert_eq!(image.pixels, expected, "{name}");
    }
}

#[test]
fn a_gif_frame_stands_on_its_screen() {
    let palette = [10, 11, 12, 20, 21, 22, 30, 31, 32, 40, 41, 42];
    let bytes = gif_of((6, 3), &[1, 2, 3], &palette, None);
    let image = decode_bytes(&bytes).unwrap();
    assert_eq!((image.width, image.height), (6, 3));
    let mut expected = palette[..3].repeat(18);
    expected[3 * 8..3 * 11].copy_from_slice(&palette[3..]);
    assert_eq!(image.pixels, expected);

    // Around it is the transparent colour, if there is one; a screen that is too small grows.
    let image = decode_bytes(&gif_of((1, 1), &[1, 2, 3], &palette, Some(2))).unwrap();
    assert_eq!((image.width, image.height), (5, 2));
    assert_eq!(image.pixels[..3], palette[6..9]);
    assert_eq!(image.pixels[3 * 7..], palette[3..]);
}

/// EXIF with one entry: orientation, as one 16-bit number, in a directory at byte 8.
fn exif(orientation: u8, little: bool) -> Vec<u8> {
    let short = |n: u16| if little { n.to_le_bytes() } else { n.to_be_bytes() };
    let long = |n: u32| if little { n.to_le_bytes() } else { n.to_be_bytes() };
    let magic: &[u8] = if little { b"II*\0" } else { b"MM\0*" };
    let entry = [
        &short(0x0112)[..],
        &short(3),
        &long(1),
        &short(u16::from(orientation)),
        &short(0),
    ]
    .concat();
    [magic, &long(8), &short(1), &entry].concat()
}

fn with_exif(jpeg: &[u8], exif: &[u8]) -> Vec<u8> {
    let length = (exif.len() + 8) as u16;
    [
        &jpeg[..2],
        b"\xff\xe1",
        &length.to_be_bytes(),
        b"Exif\0\0",
        exif,
        &jpeg[2..],
    ]
    .concat()
}

/// A second derivation of `upright`: transpose, then mirror and flip, on rows of pixels.
fn turned(image: &RgbImage, orientation: u8) -> RgbImage {
    let rows = |image: &RgbImage| -> Vec<Vec<[u8; 3]>> {
        let row = |row: &[u8]| row.chunks(3).map(|p| [p[0], p[1], p[2]]).collect();
        image.pixels.chunks(3 * image.width).map(row).collect()
    };
    let mut rows = rows(image);
    let transpose = |rows: Vec<Vec<[u8; 3]>>| {
        (0..rows[0].len())
            .map(|x| rows.iter().map(|row| row[x]).collect())
            .collect()
    };
    let (swap, mirror, flip) = match orientation {
        2 => (false, true, false),
        3 => (false, true, true),
        4 => (false, false, true),
        5 => (true, false, false),
        6 => (true, true, false),
        7 => (true, true, true),
        8 => (true, false, true),
        _ => (false, false, false),
    };
    if swap {
        rows = transpose(rows);
    }
    if mirror {
        rows.iter_mut().for_each(|row| row.reverse());
    }
    if flip {
        rows.reverse();
    }
    let (width, height) = (rows[0].len(), rows.len());
    let pixels = rows.concat().concat();
    RgbImage { width, height, pixels }
}

#[test]
fn all_eight_orientations_are_applied() {
    let jpeg = jpeg_of(&pattern(11, 6));
    let stored = decode_bytes(&jpeg).unwrap();
    for orientation in 0..=9 {
        for little in [true, false] {
            let image = decode_bytes(&with_exif(&jpeg, &exif(orientation, little))).unwrap();
            assert_eq!(image, turned(&stored, orientation), "orientation {orientation}");
        }
    }
}

#[test]
fn orientation_in_xmp_counts_where_exif_has_none() {
    assert_eq!(orientation::find(None, Some(b"<x tiff:Orientation=\"6\"/>")), 6);
    assert_eq!(
        orientation::find(None, Some(b"<tiff:Orientation>8</tiff:Orientation>")),
        8
    );
    assert_eq!(
        orientation::find(Some(&exif(3, true)), Some(b"tiff:Orientation=\"6\"")),
        3
    );
}

#[test]
fn damaged_exif_counts_as_upright() {
    let whole = exif(6, true);
    for n in 0..whole.len() - 3 {
        assert!([1, 6].contains(&orientation::find(Some(&whole[..n]), None)));
    }
    assert_eq!(orientation::find(Some(b"II*\0\xff\xff\xff\xff"), None), 1);
    assert_eq!(orientation::find(Some(b"hello"), None), 1);
}

mod bad_files;

#[test]
fn portable_anymaps_have_the_pixels_of_pillow() {
    let grey = |values: &[u8]| -> Vec<u8> { values.iter().flat_map(|value| [*value; 3]).collect() };
    // Made with Pillow 12: Image.open(file).convert("RGB").tobytes().
    for (bytes, size, pixels) in [
        (
            &b"P6 2 1 255\n\x01\x02\x03\xfe\xff\x00"[..],
            (2, 1),
            vec![1, 2, 3, 254, 255, 0],
        ),
        (
            b"P6\n# by a camera\n2 1\n15\n\x00\x07\x0f\x01\x02\x03",
            (2, 1),
            vec![0, 119, 255, 17, 34, 51],
        ),
        (b"P6 1 1 65535\n\x80\x00\xff\xff\x00\x01", (1, 1), vec![128, 255, 0]),
        (b"P5 3 1 255\n\x00\x80\xff", (3, 1), grey(&[0, 128, 255])),
        (b"P5 3 1 4095\n\x00\x00\x00\x05\x0f\xff", (3, 1), grey(&[0, 80, 255])),
        (b"P5 2 1 65535\n\x00\x10\x01\x00", (2, 1), grey(&[16, 255])),
        (b"P2 3 1 10 0 5 10\n", (3, 1), grey(&[0, 128, 255])),
        (b"P2 2 1 1000 5 0\n", (2, 1), grey(&[255, 0])),
        (b"P3 1 2 255\n1 2 3 # c\n4 5 6", (1, 2), vec![1, 2, 3, 4, 5, 6]),
        (
            b"P4 10 2\n\xaa\x80\x0f\x00",
            (10, 2),
            grey(&[
                0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 255, 255, 255, 255, 0, 0, 0, 0, 255, 255,
            ]),
        ),
        (b"P1 3 2\n101\n0 1 0\n", (3, 2), grey(&[0, 255, 0, 255, 0, 255])),
    ] {
        let image = decode_bytes(bytes).unwrap();
        assert_eq!(
            (image.width, image.height),
            size,
            "{:?}",
            String::from_utf8_lossy(bytes)
        );
        assert_eq!(image.pixels, pixels, "{:?}", String::from_utf8_lossy(bytes));
    }
}
