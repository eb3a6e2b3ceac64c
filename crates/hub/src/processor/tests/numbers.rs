//! Pixels: normalisation, channels, layouts, crops and padding; and the digest.

use super::*;
use crate::processor::geometry::{Rounding, Span};

/// A single pixel, through `settings` added to a processor of one pixel.
fn pixel(class: &str, settings: Value, rgb: [u8; 3]) -> Vec<f32> {
    let mut all = json!({"image_processor_type": class, "size": {"height": 1, "width": 1}, "do_center_crop": false});
    all.as_object_mut()
        .unwrap()
        .extend(settings.as_object().unwrap().clone());
    applied(&hugging_face(&all).unwrap(), &image(1, 1, |_, _| rgb))
}

#[track_caller]
fn close(found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (f64::from(*found) - expected).abs() <= 1e-6 * expected.abs().max(1.0),
            "{found} is not {expected}"
        );
    }
}

#[test]
fn pixels_are_rescaled_and_normalised_by_channel() {
    let settings = json!({"image_mean": [0.1, 0.2, 0.3], "image_std": [0.5, 0.25, 2.0]});
    let expected = [
        (10.0 / 255.0 - 0.1) / 0.5,
        (100.0 / 255.0 - 0.2) / 0.25,
        (250.0 / 255.0 - 0.3) / 2.0,
    ];
    close(&pixel("ViTImageProcessor", settings, [10, 100, 250]), &expected);
    let settings = json!({"do_normalize": false, "rescale_factor": 0.5});
    close(
        &pixel("ViTImageProcessor", settings, [10, 100, 250]),
        &[5.0, 50.0, 125.0],
    );
    let settings = json!({"do_rescale": false, "image_mean": 3, "image_std": 2});
    close(
        &pixel("ViTImageProcessor", settings, [10, 100, 250]),
        &[3.5, 48.5, 123.5],
    );
}

#[test]
fn efficientnet_shifts_and_divides_twice_where_its_file_says_so() {
    let v = |byte: f64| byte / 127.5 - 1.0;
    let settings = json!({"rescale_factor": 1.0 / 127.5, "rescale_offset": true, "do_normalize": false});
    close(
        &pixel("EfficientNetImageProcessor", settings, [0, 100, 255]),
        &[v(0.0), v(100.0), v(255.0)],
    );
    let settings = json!({"image_mean": 0.5, "image_std": 0.25, "include_top": true});
    let expected = [0.0, 100.0, 255.0].map(|byte: f64| (byte / 255.0 - 0.5) / 0.25 / 0.25);
    close(&pixel("EfficientNetImageProcessor", settings, [0, 100, 255]), &expected);
}

#[test]
fn flipped_channels_come_blue_first() {
    let settings = json!({"do_rescale": false, "do_normalize": false});
    close(&pixel("MobileViTImageProcessor", settings, [1, 2, 3]), &[3.0, 2.0, 1.0]);
}

#[test]
fn a_grey_graph_gets_the_luma() {
    let settings =
        json!({"image_processor_type": "ViTImageProcessor", "size": 1, "do_rescale": false, "do_normalize": false});
    let dir = folder(&[("preprocessor_config.json", &settings)]);
    let processor = ImageProcessor::from_dir(dir.path(), &open(1)).unwrap();
    assert_eq!(processor.output_shape(), [1, 1, 1]);
    for rgb in [
        [0, 0, 0],
        [255, 255, 255],
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [12, 200, 99],
    ] {
        // ITU-R 601-2.
        let luma = 0.299 * f64::from(rgb[0]) + 0.587 * f64::from(rgb[1]) + 0.114 * f64::from(rgb[2]);
        assert_eq!(
            f64::from(applied(&processor, &image(1, 1, |_, _| rgb))[0]),
            luma.round()
        );
    }
}

#[test]
fn channels_last_is_channels_first_transposed() {
    let settings =
        json!({"image_processor_type": "CLIPImageProcessor", "size": 20, "crop_size": {"height": 12, "width": 26}});
    let dir = folder(&[("preprocessor_config.json", &settings)]);
    let picture = image(30, 24, |y, x| [(y * 8) as u8, (x * 10) as u8, (y * x) as u8]);
    let first = ImageProcessor::from_dir(dir.path(), &open(3)).unwrap();
    let last = ImageProcessor::from_dir(
        dir.path(),
        &GraphInput {
            layout: ImageLayout::ChannelsLast,
            ..open(3)
        },
    )
    .unwrap();
    assert_eq!((first.output_shape(), last.output_shape()), ([3, 12, 26], [12, 26, 3]));
    let (first, last) = (applied(&first, &picture), applied(&last, &picture));
    for at in 0..12 * 26 {
        for c in 0..3 {
            assert_eq!(first[c * 12 * 26 + at], last[at * 3 + c]);
        }
    }
}

/// `center_crop` of `transformers`, step by step: pad to the larger of both sizes, then cut. One row of an image.
fn center_crop(row: &[f32], crop: usize) -> Vec<f32> {
    let (n, crop) = (row.len() as i64, crop as i64);
    let mut left = (n - crop).div_euclid(2);
    if left >= 0 && left + crop <= n {
        return row[left as usize..(left + crop) as usize].to_vec();
    }
    let padded = crop.max(n);
    let pad = ((padded - n) as f64 / 2.0).ceil() as i64;
    let mut new = vec![0.0; padded as usize];
    new[pad as usize..(pad + n) as usize].copy_from_slice(row);
    left += pad;
    new[left.max(0) as usize..padded.min(left + crop) as usize].to_vec()
}

#[test]
fn crops_are_centred_and_padded_with_black_as_in_transformers() {
    for (n, crop) in [
        (9, 4),
        (9, 5),
        (8, 5),
        (8, 8),
        (5, 8),
        (5, 9),
        (4, 9),
        (1, 2),
        (1, 7),
        (2, 1),
    ] {
        let row: Vec<f32> = (1..=n).map(|v| v as f32).collect();
        let expected = center_crop(&row, crop);
        let wide = hugging_face(&crop_only(json!({"height": 1, "width": crop}))).unwrap();
        let found = applied(&wide, &image(1, n, |_, x| [x as u8 + 1; 3]));
        assert_eq!(found[..crop], expected, "{n} columns cropped to {crop}");
        let tall = hugging_face(&crop_only(json!({"height": crop, "width": 1}))).unwrap();
        let found = applied(&tall, &image(n, 1, |y, _| [y as u8 + 1; 3]));
        assert_eq!(found[..crop], expected, "{n} rows cropped to {crop}");
    }
}

#[test]
fn padding_is_black_before_normalisation() {
    let settings = json!({"image_processor_type": "ViTImageProcessor", "do_resize": false, "do_center_crop": true, "crop_size": 3});
    let found = applied(&hugging_face(&settings).unwrap(), &image(1, 1, |_, _| [255; 3]));
    let expected = [-1.0, -1.0, -1.0, -1.0, 1.0, -1.0, -1.0, -1.0, -1.0];
    assert_eq!(found, [expected; 3].concat());
}

#[test]
fn torchvision_rounds_half_a_margin_to_even() {
    let kept = |n, crop| {
        let span = Span::middle(n, crop, Rounding::HalfEven);
        (span.from, span.to, span.len)
    };
    // round(0.5) = 0, round(1.5) = 2, round(2.5) = 2; padding: ⌊missing / 2⌋ in front.
    assert_eq!(
        [kept(9, 8), kept(9, 6), kept(9, 4), kept(9, 7)],
        [(0, 0, 8), (2, 0, 6), (2, 0, 4), (1, 0, 7)]
    );
    assert_eq!([kept(4, 9), kept(4, 8)], [(0, 2, 4), (0, 2, 4)]);
}

#[test]
fn edges_are_cut_off_as_python_does() {
    let edge = |shortest, longest, height, width| {
        let size = Resize::Edge { shortest, longest }.target(Size { height, width });
        (size.height, size.width)
    };
    assert_eq!(edge(224, None, 500, 333), (336, 224)); // 224 · 500 / 333 = 336.3
    assert_eq!(edge(256, None, 333, 500), (256, 384)); // 384.4
    assert_eq!(edge(7, None, 3, 1), (21, 7));
    assert_eq!(edge(100, Some(150), 100, 400), (37, 150)); // 400 > 150: 150 · 100 / 400 = 37.5
    let cover = Resize::Cover(Size {
        height: 100,
        width: 200,
    })
    .target(Size {
        height: 333,
        width: 500,
    });
    assert_eq!((cover.height, cover.width), (133, 200));
}

#[test]
fn a_line_of_pixels_does_not_take_the_memory_of_its_enlargement() {
    let settings = json!({"image_processor_type": "CLIPImageProcessor", "size": 8192, "crop_size": 8});
    let found = applied(&hugging_face(&settings).unwrap(), &image(60_000, 1, |_, _| [7; 3]));
    assert!(
        found
            .iter()
            .all(|v| *v == found[0] || *v == found[64] || *v == found[128])
    );
}

#[test]
fn room_or_pixels_of_another_size_are_errors() {
    let processor = hugging_face(&crop_only(json!(2))).unwrap();
    let fine = image(2, 2, |_, _| [1; 3]);
    for (picture, room) in [
        (fine.clone(), 11),
        (
            RgbImage {
                width: 3,
                ..fine.clone()
            },
            12,
        ),
        (
            RgbImage {
                width: usize::MAX,
                ..fine.clone()
            },
            12,
        ),
        (
            RgbImage {
                width: 0,
                height: 0,
                pixels: Vec::new(),
            },
            12,
        ),
    ] {
        let error = processor.apply(&picture, &mut vec![0.0; room]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    }
}

#[test]
fn the_digest_covers_what_changes_pixels_and_nothing_else() {
    let base = json!({"image_processor_type": "ViTImageProcessor", "size": 8});
    let digest = |settings: &Value| hugging_face(settings).unwrap().digest();
    let with = |name: &str, value: Value| {
        let mut settings = base.clone();
        settings[name] = value;
        digest(&settings)
    };
    assert_eq!(
        digest(&base),
        with("image_processor_type", json!("ViTFeatureExtractor"))
    );
    assert_eq!(digest(&base), with("comment", json!("another file")));
    assert_eq!(digest(&base), with("resample", json!(2)));
    let others = [
        with("resample", json!(3)),
        with("size", json!(9)),
        with("image_mean", json!(0.25)),
        with("image_std", json!(0.25)),
        with("do_rescale", json!(false)),
        with("do_flip_channel_order", json!(true)),
        with("do_normalize", json!(false)),
    ];
    for (i, other) in others.iter().enumerate() {
        assert_ne!(*other, digest(&base), "change {i}");
    }
    let dir = folder(&[("preprocessor_config.json", &base)]);
    let last = ImageProcessor::from_dir(
        dir.path(),
        &GraphInput {
            layout: ImageLayout::ChannelsLast,
            ..open(3)
        },
    )
    .unwrap();
    assert_ne!(last.digest(), digest(&base));
}
