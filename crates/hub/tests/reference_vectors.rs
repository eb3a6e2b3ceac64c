//! Resampling and preprocessing against Pillow and `transformers`: `vectors/make.py` made the references.

#![expect(clippy::unwrap_used, reason = "a test fails where this panics")]

use std::path::{Path, PathBuf};

use ranktune_data::image::{self, RgbImage};
use ranktune_hub::{GraphInput, ImageProcessor};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::json;

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

/// What a `preprocessor_config.json` of a colour model makes of the image: shape and values.
fn processed(image: &RgbImage, settings: &str) -> (Vec<usize>, Vec<f32>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("preprocessor_config.json"), settings).unwrap();
    let input = GraphInput {
        channels: Some(3),
        ..GraphInput::default()
    };
    let processor = ImageProcessor::from_dir(folder.path(), &input).unwrap();
    let shape = processor.output_shape().to_vec();
    let mut values = vec![f32::NAN; shape.iter().product()];
    processor.apply(image, &mut values).unwrap();
    (shape, values)
}

fn floats(tensor: &TensorView<'_>) -> Vec<f32> {
    let (chunks, _) = tensor.data().as_chunks();
    chunks.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

#[test]
fn every_filter_resizes_to_the_bytes_of_pillow() {
    let image = image::decode(&vectors().join("image.png")).unwrap();
    let bytes = std::fs::read(vectors().join("resized.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    // Pillow's numbers of its filters, which preprocessor files use.
    let filters = ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"];
    for (name, expected) in tensors.iter() {
        let filter = name.split('.').next().unwrap();
        let resample = filters.iter().position(|known| *known == filter).unwrap();
        let &[height, width, 3] = expected.shape() else {
            panic!("{name}: shape {:?}", expected.shape())
        };
        let settings = json!({
            "image_processor_type": "ViTImageProcessor", "size": {"height": height, "width": width}, "resample": resample,
            "do_rescale": false, "do_normalize": false,
        });
        let (shape, found) = processed(&image, &settings.to_string());
        assert_eq!(shape, [3, height, width], "{name}");
        // Channels first here, last in the reference.
        let (pixels, expected) = (height * width, expected.data());
        let differ = |&at: &usize| found[at % 3 * pixels + at / 3] != f32::from(expected[at]);
        let count = (0..3 * pixels).filter(differ).count();
        assert_eq!(count, 0, "{name}: {count} of {} bytes differ", 3 * pixels);
    }
    assert_eq!(tensors.len(), 42);
}

#[test]
fn every_processor_gives_the_pixel_values_of_transformers() {
    let image = image::decode(&vectors().join("image.png")).unwrap();
    let bytes = std::fs::read(vectors().join("processors.safetensors")).unwrap();
    let settings = std::fs::read(vectors().join("processors.json")).unwrap();
    let settings: serde_json::Value = serde_json::from_slice(&settings).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    for (name, expected) in tensors.iter() {
        let (shape, found) = processed(&image, &settings[name].to_string());
        assert_eq!(shape, expected.shape(), "{name}");
        for (at, (found, expected)) in found.iter().zip(floats(&expected)).enumerate() {
            let allowed = 1e-6 * expected.abs().max(1.0);
            assert!(
                (found - expected).abs() <= allowed,
                "{name}: value {at} is {found}, expected {expected}"
            );
        }
    }
    assert_eq!(tensors.len(), 12);
}
