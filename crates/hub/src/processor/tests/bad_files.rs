//! Every way a configuration can be invalid, and graphs that it does not fit.

use ranktune_onnx::{DataType, Dim, ValueInfo};

use super::*;

#[track_caller]
fn refused(result: Result<ImageProcessor, Error>, kind: ErrorKind, text: &str) {
    let error = result.expect_err(text);
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(text), "{error}");
}

#[test]
fn every_bad_field_is_named() {
    use ErrorKind::{Malformed, Unsupported};
    let cases = [
        (
            json!({"size": "big"}),
            Malformed,
            "field \"size\": expected a number, [height, width]",
        ),
        (json!({"size": -3}), Malformed, "\"size\""),
        (
            json!({"size": 0}),
            Malformed,
            "expected between 1 and 16384 pixels, found 0",
        ),
        (json!({"size": 1e12}), Malformed, "found 1000000000000"),
        (json!({"size": {"height": 224}}), Malformed, "\"size\""),
        (json!({"size": {"height": 2.5, "width": 3}}), Malformed, "whole numbers"),
        (
            json!({"size": {"shortest_edge": 9, "longest_edge": 8}}),
            Malformed,
            "\"size\"",
        ),
        (
            json!({"size": {"longest_edge": 800}}),
            Unsupported,
            "\"longest_edge\" alone",
        ),
        (
            json!({"size": {"max_height": 9, "max_width": 9}}),
            Unsupported,
            "\"size\"",
        ),
        (
            json!({"size": {"shortest_edge": 224}}),
            Unsupported,
            "results in different sizes",
        ),
        (json!({"crop_size": [1, 2, 3]}), Malformed, "\"crop_size\""),
        (json!({"do_center_crop": true}), Malformed, "no \"crop_size\""),
        (
            json!({"do_resize": "yes"}),
            Malformed,
            "field \"do_resize\": expected true or false, found \"yes\"",
        ),
        (json!({"resample": 9}), Malformed, "\"resample\""),
        (json!({"resample": "cubic"}), Malformed, "\"resample\""),
        (json!({"rescale_factor": "1/255"}), Malformed, "\"rescale_factor\""),
        (json!({"image_mean": [0.5, 0.5]}), Malformed, "\"image_mean\""),
        (json!({"image_mean": [0.5, 0.5, null]}), Malformed, "\"image_mean\""),
        (json!({"image_std": [1, 0, 1]}), Malformed, "other than 0, found 0"),
        (json!({"do_pad": true}), Unsupported, "field \"do_pad\" is set"),
        (json!({"do_split_image": true}), Unsupported, "\"do_split_image\""),
        (json!({"keep_aspect_ratio": true}), Unsupported, "\"keep_aspect_ratio\""),
        (json!({"size_divisor": 32}), Unsupported, "\"size_divisor\""),
        (
            json!({"image_processor_type": "ConvNextImageProcessor", "size": 224, "crop_pct": 0}),
            Malformed,
            "\"crop_pct\"",
        ),
        (
            json!({"image_processor_type": "ConvNextImageProcessor", "size": 224, "crop_pct": 1e-9}),
            Malformed,
            "size / crop_pct",
        ),
        (
            json!({"image_processor_type": "NewImageProcessor"}),
            Unsupported,
            "NewImageProcessor is unknown",
        ),
        (
            json!({"image_processor_type": 3}),
            Malformed,
            "\"image_processor_type\"",
        ),
        (json!([1, 2]), Malformed, "expected a JSON object, found [1,2]"),
    ];
    for (mut settings, kind, text) in cases {
        if let Some(object) = settings.as_object_mut() {
            object
                .entry("image_processor_type")
                .or_insert(json!("ViTImageProcessor"));
        }
        refused(hugging_face(&settings), kind, text);
        refused(hugging_face(&settings), kind, "preprocessor_config.json: ");
    }
}

#[test]
fn every_bad_timm_field_is_named() {
    use ErrorKind::{Malformed, Unsupported};
    let cases = [
        (
            json!({"input_size": 224}),
            Malformed,
            "\"input_size\": expected [channels, height, width], found 224",
        ),
        (json!({"input_size": [3, 224, 0]}), Malformed, "\"input_size\""),
        (json!({"crop_pct": 0}), Malformed, "\"crop_pct\""),
        (json!({"crop_pct": 1e-12}), Malformed, "input_size / crop_pct"),
        (json!({"crop_mode": "border"}), Unsupported, "\"crop_mode\": \"border\""),
        (
            json!({"interpolation": "random"}),
            Unsupported,
            "\"interpolation\": \"random\"",
        ),
        (json!({"std": [0, 1, 1]}), Malformed, "\"std\""),
        (json!({"mean": "x"}), Malformed, "\"mean\""),
    ];
    for (settings, kind, text) in cases {
        refused(timm(&json!({"pretrained_cfg": settings}), &open(3)), kind, text);
    }
}

#[test]
fn broken_json_is_placed_by_file_line_and_column() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("preprocessor_config.json"),
        "{\n \"size\": 224,\n \"resample\" 2\n}",
    )
    .unwrap();
    let error = ImageProcessor::from_dir(dir.path(), &open(3)).unwrap_err().to_string();
    assert!(
        error.contains("preprocessor_config.json: ") && error.contains("line 3 column 13"),
        "{error}"
    );
    std::fs::write(dir.path().join("preprocessor_config.json"), vec![b'['; 100_000]).unwrap();
    assert_eq!(
        ImageProcessor::from_dir(dir.path(), &open(3)).unwrap_err().kind(),
        ErrorKind::Malformed
    );
    std::fs::write(dir.path().join("preprocessor_config.json"), [0xff, 0xfe, 0]).unwrap();
    assert_eq!(
        ImageProcessor::from_dir(dir.path(), &open(3)).unwrap_err().kind(),
        ErrorKind::Malformed
    );
}

#[test]
fn sizes_and_channels_must_fit_the_graph() {
    let settings = json!({"image_processor_type": "ViTImageProcessor", "size": 224, "image_mean": [0.1, 0.2, 0.3]});
    let dir = folder(&[("preprocessor_config.json", &settings)]);
    let with = |input: &GraphInput| ImageProcessor::from_dir(dir.path(), input);
    let input = GraphInput {
        height: Some(256),
        width: Some(256),
        ..open(3)
    };
    refused(
        with(&input),
        ErrorKind::Mismatch,
        "prepares images of size 224×224, but the graph's input is [batch, 3, 256, 256]",
    );
    refused(with(&open(1)), ErrorKind::Mismatch, "3 values of mean for 1 channels");
    refused(with(&open(4)), ErrorKind::Mismatch, "1 or 3 channels, found 4");
    let input = GraphInput {
        height: Some(usize::MAX),
        ..open(3)
    };
    refused(
        ImageProcessor::from_graph_input(&input),
        ErrorKind::Malformed,
        "height of the graph's input",
    );
}

fn value(data_type: DataType, shape: Option<&[usize]>) -> ValueInfo {
    let dim = |&size: &usize| {
        if size == 0 {
            Dim::Named("n".to_owned())
        } else {
            Dim::Fixed(size)
        }
    };
    ValueInfo {
        name: "x".to_owned(),
        data_type: Some(data_type),
        shape: shape.map(|shape| shape.iter().map(dim).collect()),
    }
}

#[test]
fn image_inputs_are_told_by_their_shape() {
    use ImageLayout::{ChannelsFirst, ChannelsLast};
    let read = |shape: &[usize]| {
        let GraphInput {
            channels,
            height,
            width,
            layout,
        } = GraphInput::from_value_info(&value(DataType::F32, Some(shape))).unwrap();
        (channels, height, width, layout)
    };
    assert_eq!(read(&[0, 3, 224, 160]), (Some(3), Some(224), Some(160), ChannelsFirst));
    assert_eq!(read(&[1, 1, 28, 28]), (Some(1), Some(28), Some(28), ChannelsFirst));
    assert_eq!(read(&[0, 224, 160, 3]), (Some(3), Some(224), Some(160), ChannelsLast));
    assert_eq!(read(&[0, 0, 0, 3]), (Some(3), None, None, ChannelsLast));
    assert_eq!(read(&[0, 0, 0, 0]), (None, None, None, ChannelsFirst));
    assert_eq!(read(&[0, 0, 224, 224]), (None, Some(224), Some(224), ChannelsFirst));
    assert_eq!(
        GraphInput::from_value_info(&value(DataType::F32, None)).unwrap(),
        GraphInput::default()
    );
}

#[test]
fn inputs_that_are_no_images_are_refused() {
    for (data_type, shape, text) in [
        (DataType::I64, &[0, 3, 224, 224][..], "found elements of type I64"),
        (DataType::I8, &[0, 3, 224, 224], "found elements of type I8"),
        (DataType::F32, &[0, 768], "found 2 dimensions"),
        (
            DataType::F32,
            &[0, 4, 224, 224],
            "found 4 as the second and 224 as the last dimension",
        ),
    ] {
        let error = GraphInput::from_value_info(&value(data_type, Some(shape))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        assert!(
            error.to_string().contains(text) && error.to_string().contains("\"x\""),
            "{error}"
        );
    }
}
