//! Configuration files of models, model cards, and manifests of hubs.

use std::path::Path;

use ranktune_data::RgbImage;
use ranktune_hub::{GraphInput, Hub, ImageLayout, ImageProcessor, Manifest, ModelConfig, Source};

use super::Target;
use crate::outcome::Outcome;
use crate::scratch::Scratch;
use crate::seeds;

pub(super) const CONFIG: Target = Target {
    name: "config",
    about: "config.json: labels, sizes, and timm's preprocessing",
    words: &[
        "id2label",
        "label2id",
        "num_labels",
        "hidden_size",
        "pretrained_cfg",
        "input_size",
        "label_names",
        "null",
        "[3, 0, 9]",
    ],
    seeds: || {
        let mut seeds = seeds::files(&[
            "examples/hub/mobilenetv2-dogs/config.json",
            "examples/hub/mtcnn-onet-face/config.json",
            "examples/hub/glove-50d-1k/config.json",
        ]);
        let timm = r#"{"architecture": "resnet18", "num_classes": 3, "label_names": ["a", "b", "c"], "pretrained_cfg":
            {"input_size": [3, 32, 32], "interpolation": "bicubic", "crop_pct": 0.875, "crop_mode": "center",
            "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "num_classes": 3}}"#;
        seeds.push(timm.as_bytes().to_vec());
        seeds
    },
    run: |bytes, scratch| in_folder("config.json", bytes, scratch),
};

pub(super) const PREPROCESSOR: Target = Target {
    name: "preprocessor",
    about: "preprocessor_config.json, and an image through it",
    words: &[
        "shortest_edge",
        "crop_size",
        "do_resize",
        "resample",
        "image_mean",
        "\"height\":",
        "null",
        "1e9",
        "0.0",
        "-5",
    ],
    seeds: || {
        let mut seeds = seeds::files(&[
            "examples/hub/mobilenetv2-dogs/preprocessor_config.json",
            "examples/hub/mtcnn-onet-face/preprocessor_config.json",
            "examples/hub/ppocr-text-orientation/preprocessor_config.json",
        ]);
        let small = r#"{"image_processor_type": "ViTImageProcessor", "do_resize": true, "size": {"shortest_edge": 40},
            "do_center_crop": true, "crop_size": {"height": 32, "width": 24}, "resample": 3, "do_rescale": true,
            "rescale_factor": 0.00392156862745098, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [1, 1, 1]}"#;
        seeds.push(small.as_bytes().to_vec());
        seeds
    },
    run: |bytes, scratch| in_folder("preprocessor_config.json", bytes, scratch),
};

pub(super) const CARD: Target = Target {
    name: "card",
    about: "README.md: the license in a model card's metadata",
    words: &["---\n", "license:", "license_name:", "- ", "[", "]", "#", "\u{feff}"],
    seeds: || {
        [
            "---\nlicense: other\nlicense_name: llama3\n---\n# A model\n",
            "---\nlicense: [mit, \"apache-2.0\"]\ntags:\n- onnx\n---\n",
            "---\nlicense:\n- mit\n- apache-2.0\n---\n",
        ]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .collect()
    },
    run: |bytes, scratch| in_folder("README.md", bytes, scratch),
};

pub(super) const MANIFEST: Target = Target {
    name: "manifest",
    about: "a hub as a file, in TOML and JSON",
    words: &[
        "[[models]]\n",
        "path = ",
        "hf = ",
        "preprocessing = {",
        "revision",
        "pooling",
        "../../",
        "'''",
        "\"\"\"",
        "1979-05-27",
    ],
    seeds: || {
        [
            "[[models]]\npath = \"m\"\nfeature = \"f\"\npreprocessing = { crop_size = 32, image_mean = [0.5, 0.5, 0.5] }\n",
            "[[models]]\nname = \"bge\"\nhf = \"BAAI/bge-small-en-v1.5\"\nrevision = \"main\"\npooling = \"first-token\"\nlicense = \"mit\"\n",
            "{\"models\": [{\"path\": \"m\", \"name\": \"a\"}, {\"hf\": \"a/b\", \"precision\": \"int8\", \"file\": \"onnx/model.onnx\"}]}",
        ]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .collect()
    },
    run: manifest,
};

/// A folder with a model and this file, as a hub opens it.
fn in_folder(name: &str, bytes: &[u8], scratch: &Scratch) -> Outcome {
    let mut outcome = Outcome::default();
    let folder = scratch.path().join("model");
    scratch.put("model/model.onnx", b"");
    scratch.put(&format!("model/{name}"), bytes);
    outcome.add(ModelConfig::from_dir(&folder));
    let hub = outcome.add(Hub::open(&[Source::from(folder.as_path())]));
    for config in hub.iter().flat_map(|hub| &hub.entries).map(|entry| &entry.config) {
        config.labels();
    }
    images(&folder, &mut outcome);
    outcome
}

/// Prepares a small image for graphs of fixed and of free size.
fn images(folder: &Path, outcome: &mut Outcome) {
    for (edge, layout) in [
        (Some(32), ImageLayout::ChannelsFirst),
        (None, ImageLayout::ChannelsLast),
    ] {
        let input = GraphInput {
            channels: Some(3),
            height: edge,
            width: edge,
            layout,
        };
        let Some(processor) = outcome.add(ImageProcessor::from_dir(folder, &input)) else {
            continue;
        };
        // What a model may ask for is bounded, and most of it is slow rather than wrong.
        let elements: usize = processor.output_shape().iter().product();
        if elements > 3 * 600 * 600 {
            continue;
        }
        let image = RgbImage {
            width: 7,
            height: 5,
            pixels: vec![99; 3 * 7 * 5],
        };
        let mut out = vec![0.0; elements];
        outcome.add(processor.apply(&image, &mut out));
    }
}

fn manifest(bytes: &[u8], scratch: &Scratch) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.add(Manifest::read(&scratch.put("hub.toml", bytes)));
    outcome.add(Manifest::read(&scratch.put("hub.json", bytes)));
    outcome
}
