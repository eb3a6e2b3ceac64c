//! What processors do to images whose result is known, and how they are read from files.

use serde_json::{Value, json};
use tempfile::TempDir;

use ranktune_data::RgbImage;

use super::*;
use crate::{Error, ErrorKind};

mod bad_files;
mod classes;
mod numbers;
mod settings;
mod views;

/// A folder with these files.
fn folder(files: &[(&str, &Value)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, value) in files {
        std::fs::write(dir.path().join(name), value.to_string()).unwrap();
    }
    dir
}

fn open(channels: usize) -> GraphInput {
    GraphInput {
        channels: Some(channels),
        ..GraphInput::default()
    }
}

/// The processor of a `preprocessor_config.json` for a colour graph of open size.
fn hugging_face(settings: &Value) -> Result<ImageProcessor, Error> {
    ImageProcessor::from_dir(folder(&[("preprocessor_config.json", settings)]).path(), &open(3))
}

/// The processor of a `config.json` for `input`.
fn timm(config: &Value, input: &GraphInput) -> Result<ImageProcessor, Error> {
    ImageProcessor::from_dir(folder(&[("config.json", config)]).path(), input)
}

fn image(height: usize, width: usize, pixel: impl Fn(usize, usize) -> [u8; 3]) -> RgbImage {
    let pixels = (0..height)
        .flat_map(|y| (0..width).map(move |x| (y, x)))
        .flat_map(|(y, x)| pixel(y, x))
        .collect();
    RgbImage { width, height, pixels }
}

fn applied(processor: &ImageProcessor, image: &RgbImage) -> Vec<f32> {
    let mut out = vec![f32::NAN; processor.output_shape().iter().product()];
    processor.apply(image, &mut out).unwrap();
    out
}

/// Bytes as they are, cropped to `size` from the middle: what is left to see is geometry.
fn crop_only(size: Value) -> Value {
    json!({"image_processor_type": "ViTImageProcessor", "do_resize": false, "do_rescale": false, "do_normalize": false,
           "do_center_crop": true, "crop_size": size})
}
