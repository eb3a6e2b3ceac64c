//! Processors at other sizes, and written and read again.

use super::*;
use crate::processor::ImageSettings;

/// Writes a processor's settings and reads them again.
fn written(processor: &ImageProcessor, input: &GraphInput) -> ImageProcessor {
    match processor.settings() {
        ImageSettings::HuggingFace(fields) => {
            let fields = Value::Object(fields);
            ImageProcessor::from_dir(folder(&[("preprocessor_config.json", &fields)]).path(), input).unwrap()
        }
        ImageSettings::Timm(fields) => timm(&json!({"pretrained_cfg": fields}), input).unwrap(),
    }
}

#[test]
fn every_processor_is_the_same_after_writing_and_reading_at_any_size() {
    let hugging = |settings: Value| hugging_face(&settings).unwrap();
    let timm = |settings: Value| timm(&json!({"pretrained_cfg": settings}), &open(3)).unwrap();
    let processors = [
        hugging(json!({"image_processor_type": "ViTImageProcessor"})),
        hugging(json!({"image_processor_type": "CLIPImageProcessor", "size": 256})),
        hugging(json!({"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224}})),
        hugging(json!({"image_processor_type": "MobileViTImageProcessor"})),
        hugging(json!({"image_processor_type": "PoolFormerImageProcessor"})),
        hugging(
            json!({"image_processor_type": "EfficientNetImageProcessor", "rescale_offset": true, "include_top": true}),
        ),
        hugging(json!({"image_processor_type": "ViTImageProcessor", "size": {"height": 48, "width": 192}})),
        hugging(
            json!({"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 300, "longest_edge": 500}}),
        ),
        hugging(crop_only(json!(64))),
        ImageProcessor::from_graph_input(&open(1)).unwrap(),
        timm(json!({"input_size": [3, 224, 224], "crop_pct": 0.875, "interpolation": "bicubic"})),
        timm(json!({"input_size": [3, 299, 299], "crop_pct": 0.9, "crop_mode": "squash", "interpolation": "bilinear"})),
        timm(json!({"input_size": [3, 224, 160], "crop_pct": 0.95, "std": [0.5, 0.25, 0.125]})),
    ];
    for processor in &processors {
        let input = open(processor.channels.count());
        assert_eq!(written(processor, &input).digest(), processor.digest(), "{processor}");
        for edge in [17, 96, 128, 225] {
            let scaled = processor.at_size(edge).unwrap();
            let (height, width) = scaled.input_size();
            assert_eq!(height.min(width), edge, "{scaled}");
            assert_eq!(written(&scaled, &input).digest(), scaled.digest(), "{scaled}");
        }
    }
}

#[test]
fn a_smaller_size_keeps_the_proportion_of_resize_and_crop() {
    let processor = hugging_face(&json!({"image_processor_type": "CLIPImageProcessor", "size": 256})).unwrap();
    let scaled = processor.at_size(128).unwrap();
    assert_eq!(
        scaled.recipe.resize,
        Resize::Edge {
            shortest: 146,
            longest: None
        }
    );
    assert_eq!(scaled.output_shape(), [3, 128, 128]);
    assert_eq!(processor.at_size(224).unwrap().digest(), processor.digest());
    assert!(processor.at_size(0).is_err());
    assert!(processor.at_size(1 << 20).is_err());
}
