//! Class defaults of `transformers`, field forms old and new, and timm's settings, by what the processor says it does.

use super::*;

const HALF: &str = "mean [0.5, 0.5, 0.5], std [0.5, 0.5, 0.5]";
const IMAGENET: &str = "mean [0.485, 0.456, 0.406], std [0.229, 0.224, 0.225]";
const CLIP: &str = "mean [0.48145466, 0.4578275, 0.40821073], std [0.26862954, 0.26130258, 0.27577711]";

#[track_caller]
fn says(processor: Result<ImageProcessor, Error>, expected: &str) {
    let said = processor.unwrap().to_string();
    let said = said.split(" → ").next().unwrap();
    assert_eq!(said, expected);
}

#[test]
fn every_class_has_the_defaults_of_its_constructor() {
    let cases = [
        ("ViT", format!("RGB, resize to 224×224 (bilinear), x / 255, {HALF}")),
        (
            "DeiT",
            format!("RGB, resize to 256×256 (bicubic), crop 224×224 from the middle, x / 255, {HALF}"),
        ),
        ("Beit", format!("RGB, resize to 224×224 (bicubic), x / 255, {HALF}")),
        (
            "Bit",
            format!("RGB, resize shortest edge to 224 (bicubic), crop 224×224 from the middle, x / 255, {CLIP}"),
        ),
        (
            "CLIP",
            format!("RGB, resize shortest edge to 224 (bicubic), crop 224×224 from the middle, x / 255, {CLIP}"),
        ),
        (
            "ChineseCLIP",
            format!("RGB, resize shortest edge to 224 (bicubic), crop 224×224 from the middle, x / 255, {CLIP}"),
        ),
        ("Blip", format!("RGB, resize to 384×384 (bicubic), x / 255, {CLIP}")),
        ("Siglip", format!("RGB, resize to 224×224 (bicubic), x / 255, {HALF}")),
        ("ConvNext", format!("RGB, resize to 384×384 (bicubic), x / 255, {HALF}")),
        (
            "EfficientNet",
            format!("RGB, resize to 346×346 (bicubic), x / 255, {HALF}"),
        ),
        (
            "MobileNetV1",
            format!("RGB, resize shortest edge to 256 (bilinear), crop 224×224 from the middle, x / 255, {HALF}"),
        ),
        (
            "MobileNetV2",
            format!("RGB, resize shortest edge to 256 (bilinear), crop 224×224 from the middle, x / 255, {HALF}"),
        ),
        (
            "Levit",
            format!("RGB, resize shortest edge to 256 (bicubic), crop 224×224 from the middle, x / 255, {IMAGENET}"),
        ),
        (
            "PoolFormer",
            format!("RGB, resize shortest edge to 248 (bicubic), crop 224×224 from the middle, x / 255, {IMAGENET}"),
        ),
        (
            "MobileViT",
            "BGR, resize shortest edge to 224 (bicubic), crop 256×256 from the middle, x / 255".to_owned(),
        ),
        ("Pvt", format!("RGB, resize to 224×224 (bicubic), x / 255, {IMAGENET}")),
        (
            "Segformer",
            format!("RGB, resize to 512×512 (bilinear), x / 255, {IMAGENET}"),
        ),
    ];
    assert_eq!(cases.len(), super::super::classes::CLASSES.len());
    for (name, expected) in cases {
        for (field, suffix) in [
            ("image_processor_type", "ImageProcessor"),
            ("image_processor_type", "ImageProcessorFast"),
            ("feature_extractor_type", "FeatureExtractor"),
        ] {
            says(hugging_face(&json!({field: format!("{name}{suffix}")})), &expected);
        }
    }
}

#[test]
fn a_file_without_a_class_is_read_by_the_type_of_its_model() {
    let settings = json!({"size": 288});
    let config = json!({"model_type": "deit"});
    let dir = folder(&[("preprocessor_config.json", &settings), ("config.json", &config)]);
    let expected = format!("RGB, resize to 288×288 (bicubic), crop 224×224 from the middle, x / 255, {HALF}");
    says(ImageProcessor::from_dir(dir.path(), &open(3)), &expected);
}

#[test]
fn an_unknown_class_is_read_by_its_fields_and_that_is_said() {
    let settings = json!({"image_processor_type": "NewImageProcessor", "size": 96, "resample": 3, "image_mean": 0.5, "image_std": 0.5});
    let processor = hugging_face(&settings).unwrap();
    assert_eq!(processor.output_shape(), [3, 96, 96]);
    assert!(
        processor.notes()[0].contains("NewImageProcessor"),
        "{:?}",
        processor.notes()
    );
}

#[test]
fn one_number_means_a_square_or_the_shortest_edge_by_class() {
    let with =
        |class: &str, size: Value| hugging_face(&json!({"image_processor_type": class, "size": size, "crop_size": 64}));
    says(
        with("ViTFeatureExtractor", json!(100)),
        &format!("RGB, resize to 100×100 (bilinear), x / 255, {HALF}"),
    );
    let expected = format!("RGB, resize shortest edge to 100 (bicubic), crop 64×64 from the middle, x / 255, {CLIP}");
    says(with("CLIPFeatureExtractor", json!(100)), &expected);
    says(with("CLIPFeatureExtractor", json!({"shortest_edge": 100})), &expected);
    let expected = format!("RGB, resize to 90×120 (bicubic), crop 64×64 from the middle, x / 255, {CLIP}");
    says(
        with("CLIPFeatureExtractor", json!({"height": 90, "width": 120})),
        &expected,
    );
    says(with("CLIPFeatureExtractor", json!([90, 120])), &expected);
    let expected = format!(
        "RGB, resize shortest edge to 100, longest to at most 200 (bicubic), crop 64×64 from the middle, x / 255, {CLIP}"
    );
    says(
        with(
            "CLIPFeatureExtractor",
            json!({"shortest_edge": 100, "longest_edge": 200}),
        ),
        &expected,
    );
}

#[test]
fn convnext_divides_small_sizes_by_crop_pct_and_warps_large_ones() {
    let with = |more: Value| {
        let mut settings = json!({"image_processor_type": "ConvNextImageProcessor", "resample": 3});
        settings
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        hugging_face(&settings)
    };
    let expected = format!("RGB, resize shortest edge to 256 (bicubic), crop 224×224 from the middle, x / 255, {HALF}");
    says(with(json!({"size": {"shortest_edge": 224}})), &expected);
    says(with(json!({"size": 224, "crop_pct": 0.875})), &expected);
    let expected = format!("RGB, resize shortest edge to 235 (bicubic), crop 224×224 from the middle, x / 255, {HALF}");
    says(with(json!({"size": 224, "crop_pct": 0.95})), &expected);
    says(
        with(json!({"size": 384})),
        &format!("RGB, resize to 384×384 (bicubic), x / 255, {HALF}"),
    );
    // The file's own crop, where it asks for one.
    let expected = format!("RGB, resize to 256×256 (bicubic), crop 224×224 from the middle, x / 255, {HALF}");
    says(
        with(json!({"size": {"height": 256, "width": 256}, "do_center_crop": true, "crop_size": 224})),
        &expected,
    );
    let expected = format!("RGB, resize shortest edge to 256 (bicubic), crop 224×224 from the middle, x / 255, {HALF}");
    says(
        with(json!({"size": {"shortest_edge": 256}, "do_center_crop": true, "crop_size": 224})),
        &expected,
    );
}

#[test]
fn levit_and_poolformer_scale_their_sizes() {
    let levit = hugging_face(&json!({"image_processor_type": "LevitImageProcessor", "size": 192, "crop_size": 192}));
    says(
        levit,
        &format!("RGB, resize shortest edge to 219 (bicubic), crop 192×192 from the middle, x / 255, {IMAGENET}"),
    );
    let pool = |pct: Value| {
        hugging_face(&json!({"image_processor_type": "PoolFormerImageProcessor", "crop_pct": pct, "size": 224}))
    };
    says(
        pool(json!(0.95)),
        &format!("RGB, resize shortest edge to 235 (bicubic), crop 224×224 from the middle, x / 255, {IMAGENET}"),
    );
    says(
        pool(json!(null)),
        &format!("RGB, resize shortest edge to 224 (bicubic), crop 224×224 from the middle, x / 255, {IMAGENET}"),
    );
}

#[test]
fn steps_can_be_turned_off() {
    let settings = json!({"image_processor_type": "DeiTImageProcessor", "do_center_crop": false, "do_normalize": false, "do_rescale": false});
    says(hugging_face(&settings), "RGB, resize to 256×256 (bicubic)");
}

#[test]
fn the_image_part_of_a_processor_config_is_read() {
    let settings = json!({"processor_class": "X", "image_processor": {"image_processor_type": "SiglipImageProcessor", "size": 64}});
    let dir = folder(&[("processor_config.json", &settings)]);
    says(
        ImageProcessor::from_dir(dir.path(), &open(3)),
        &format!("RGB, resize to 64×64 (bicubic), x / 255, {HALF}"),
    );
}

#[test]
fn timm_settings_are_read_in_both_forms() {
    let settings = json!({"input_size": [3, 224, 224], "interpolation": "bicubic", "crop_pct": 0.95, "crop_mode": "center",
                          "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]});
    let expected =
        format!("RGB, resize shortest edge to 235 (bicubic), crop 224×224 from the middle, x / 255, {IMAGENET}");
    says(
        timm(
            &json!({"architecture": "resnet50", "pretrained_cfg": settings}),
            &open(3),
        ),
        &expected,
    );
    says(timm(&settings, &open(3)), &expected);
    let squash = json!({"pretrained_cfg": {"input_size": [3, 300, 300], "crop_mode": "squash", "crop_pct": 1.0, "interpolation": "bilinear"}});
    says(
        timm(&squash, &open(3)),
        &format!("RGB, resize to 300×300 (bilinear), crop 300×300 from the middle, x / 255, {IMAGENET}"),
    );
    let wide = json!({"pretrained_cfg": {"input_size": [3, 100, 200], "crop_pct": 0.5}});
    says(
        timm(&wide, &open(3)),
        &format!("RGB, resize to cover 200×400 (bilinear), crop 100×200 from the middle, x / 255, {IMAGENET}"),
    );
}

#[test]
fn timm_test_size_is_used_where_the_graph_has_it() {
    let config = json!({"pretrained_cfg": {"input_size": [3, 224, 224], "test_input_size": [3, 288, 288], "crop_pct": 0.95, "test_crop_pct": 1.0}});
    let input = GraphInput {
        height: Some(288),
        width: Some(288),
        ..open(3)
    };
    let processor = timm(&config, &input).unwrap();
    assert_eq!(processor.output_shape(), [3, 288, 288]);
    assert_eq!(processor.notes().len(), 1);
    assert_eq!(timm(&config, &open(3)).unwrap().output_shape(), [3, 224, 224]);
}

#[test]
fn without_settings_the_graph_decides_and_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let input = GraphInput {
        height: Some(32),
        width: Some(48),
        ..open(3)
    };
    let processor = ImageProcessor::from_dir(dir.path(), &input).unwrap();
    assert_eq!(processor.output_shape(), [3, 32, 48]);
    assert!(
        processor.notes()[0].contains("resized to 32×48"),
        "{:?}",
        processor.notes()
    );
    says(
        Ok(processor),
        &format!("RGB, resize to 32×48 (bilinear), x / 255, {IMAGENET}"),
    );
    assert_eq!(
        ImageProcessor::from_dir(dir.path(), &open(3)).unwrap().output_shape(),
        [3, 224, 224]
    );
    assert_eq!(
        ImageProcessor::from_dir(dir.path(), &open(1)).unwrap().output_shape(),
        [1, 224, 224]
    );
}
