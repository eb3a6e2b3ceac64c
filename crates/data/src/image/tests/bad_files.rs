//! Every way an image file can be invalid.

use super::*;

#[track_caller]
fn refused(bytes: &[u8], kind: ImageErrorKind, text: &str) {
    let error = decode_bytes(bytes).expect_err(text);
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(text), "{error}");
}

#[test]
fn a_wrong_extension_is_harmless() {
    let dir = std::env::temp_dir().join(format!("ranktune-image-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("really-a-png.jpg");
    std::fs::write(&path, png_rgb(&pattern(3, 2))).unwrap();
    let image = decode(&path);
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(image.unwrap(), pattern(3, 2));
}

#[test]
fn errors_name_the_file() {
    let error = decode(Path::new("no/such/image.png")).unwrap_err();
    assert_eq!(error.kind(), ImageErrorKind::Io);
    assert!(error.to_string().starts_with("no/such/image.png: "), "{error}");
    assert_eq!(decode(&std::env::temp_dir()).unwrap_err().kind(), ImageErrorKind::Io);
}

#[test]
fn what_is_no_image_is_refused() {
    refused(b"", ImageErrorKind::Malformed, "empty");
    refused(b"hello, this is text", ImageErrorKind::Malformed, "not an image");
    refused(b"\xff\xd8\xff", ImageErrorKind::Malformed, "JPEG");
    refused(b"\x89PNG\r\n\x1a\n", ImageErrorKind::Malformed, "PNG");
    for anymap in [
        &b"P6 3 2 255 "[..],
        b"P6 0 2 255 ",
        b"P5 1 1 0 \0",
        b"P5 1 1 70000 \0\0",
        b"P3 1 1 255 1 2",
        b"P3 1 1 255 1 2 300",
        b"P3 1 1 255 1 2 x",
        b"P1 2 1 02",
        b"P4 9 2 \0\0\0",
        b"P5 12345678901 1 255 ",
        b"P5 #",
    ] {
        assert_eq!(decode_bytes(anymap).unwrap_err().kind(), ImageErrorKind::Malformed);
    }
}

#[test]
fn formats_that_are_not_read_are_named() {
    refused(b"\0\0\0\x1cftypavif....", ImageErrorKind::Unsupported, "AVIF");
    refused(b"\0\0\0\x1cftypheic....", ImageErrorKind::Unsupported, "HEIF");
    refused(b"P7\nWIDTH 1\n", ImageErrorKind::Unsupported, "portable arbitrary map");
    let mut bmp = bmp_of(&pattern(2, 2));
    bmp[28] = 16;
    refused(&bmp, ImageErrorKind::Unsupported, "16 bits");
}

#[test]
fn a_decompression_bomb_is_refused_before_memory_is_taken() {
    let mut png = png_rgb(&pattern(2, 2));
    // The width in the header, and its checksum.
    png[16..20].copy_from_slice(&300_000_u32.to_be_bytes());
    png[20..24].copy_from_slice(&300_000_u32.to_be_bytes());
    let mut crc = !0_u32;
    for &byte in &png[12..29] {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    png[29..33].copy_from_slice(&(!crc).to_be_bytes());
    refused(&png, ImageErrorKind::TooLarge, "300000×300000");
    let mut bmp = bmp_of(&pattern(2, 2));
    bmp[18..22].copy_from_slice(&60_000_u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&60_000_u32.to_le_bytes());
    assert!(decode_bytes(&bmp).is_err());
}

#[test]
fn files_that_are_cut_short_are_errors() {
    let image = pattern(40, 30);
    let files = [
        ("jpeg", jpeg_of(&image)),
        ("png", png_rgb(&image)),
        ("bmp", bmp_of(&image)),
        ("webp", webp_of(&image)),
        ("gif", gif_of((8, 90), &[1; 240], &[0, 0, 0, 1, 1, 1], None)),
    ];
    for (name, bytes) in files {
        for n in [
            1,
            2,
            4,
            10,
            30,
            60,
            bytes.len() / 3,
            bytes.len() / 2,
            bytes.len() * 9 / 10,
        ] {
            assert!(
                decode_bytes(&bytes[..n.min(bytes.len() - 8)]).is_err(),
                "{name} cut to {n} of {} bytes",
                bytes.len()
            );
        }
    }
}

#[test]
fn damaged_files_never_panic() {
    let image = pattern(19, 17);
    let files = [
        jpeg_of(&image),
        png_rgb(&image),
        bmp_of(&image),
        webp_of(&image),
        tiff_of(&image),
        unhex(HALVED),
    ];
    let mut state = 1_u64;
    for bytes in files {
        for _ in 0..300 {
            let mut damaged = bytes.clone();
            for _ in 0..3 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let at = (state >> 33) as usize % damaged.len().min(if state & 1 == 0 { 80 } else { usize::MAX });
                damaged[at] = (state >> 20) as u8;
            }
            if let Err(error) = decode_bytes(&damaged) {
                assert!(!error.to_string().contains("cannot read it"), "a decoder panicked");
            }
        }
    }
}
