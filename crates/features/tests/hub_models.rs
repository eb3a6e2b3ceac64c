//! The shared models in every engine, against what ONNX Runtime and PyTorch computed for them.
#![expect(clippy::unwrap_used, reason = "this is a test; what fails should fail loudly")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ranktune_core::{Interrupt, Silent};
use ranktune_data::{Dataset, DatasetTargets, Inputs};
use ranktune_features::engine::{Elements, EngineOptions, Input, Output};
use ranktune_features::extract::{CacheOptions, DataKind, ExtractOptions, Extraction, PreparedModel, extract};
use ranktune_hub::{Hub, Source};
use ranktune_onnx::{Model, transform};
use ranktune_testing::shared;
use safetensors::{Dtype, SafeTensors};
use support::{engines, relative_distance};

/// A tensor that was read from a file.
#[derive(Clone)]
struct Reference {
    shape: Vec<usize>,
    floats: Vec<f32>,
    integers: Vec<i64>,
}

impl Reference {
    fn input<'a>(&'a self, name: &'a str) -> Input<'a> {
        Input {
            name,
            shape: &self.shape,
            elements: if self.integers.is_empty() {
                Elements::F32(&self.floats)
            } else {
                Elements::I64(&self.integers)
            },
        }
    }

    /// The same numbers read as `[n, h, w, c]`, brought to `[n, c, h, w]`.
    fn channels_first(&self) -> Self {
        let &[n, c, h, w] = self.shape.as_slice() else {
            panic!("rank of {:?}", self.shape)
        };
        let mut floats = Vec::with_capacity(self.floats.len());
        for image in self.floats.chunks(c * h * w) {
            for channel in 0..c {
                floats.extend(image.iter().skip(channel).step_by(c));
            }
        }
        Self {
            shape: vec![n, c, h, w],
            floats,
            integers: Vec::new(),
        }
    }

    /// The first `rows` rows.
    fn rows(&self, rows: usize) -> &[f32] {
        &self.floats[..rows * self.floats.len() / self.shape[0]]
    }
}

fn references(file: &Path) -> (BTreeMap<String, Reference>, BTreeMap<String, String>) {
    let bytes = fs::read(file).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut read = BTreeMap::new();
    for (name, view) in tensors.iter() {
        let mut reference = Reference {
            shape: view.shape().to_vec(),
            floats: Vec::new(),
            integers: Vec::new(),
        };
        match view.dtype() {
            Dtype::F32 => {
                reference.floats = view
                    .data()
                    .chunks(4)
                    .map(|x| f32::from_le_bytes(x.try_into().unwrap()))
                    .collect()
            }
            Dtype::I64 => {
                reference.integers = view
                    .data()
                    .chunks(8)
                    .map(|x| i64::from_le_bytes(x.try_into().unwrap()))
                    .collect()
            }
            _ => continue,
        }
        read.insert(name.to_owned(), reference);
    }
    let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    (read, metadata)
}

/// The model with the tensors `names` as outputs, as it is in the file and as it is run: cut and simplified.
fn with_outputs(file: &Path, names: &[&str]) -> [Vec<u8>; 2] {
    let as_is = Model::load(file).unwrap();
    let mut cut = as_is.clone();
    transform::cut(&mut cut, names).unwrap();
    let mut simplified = cut.clone();
    transform::simplify(&mut simplified).unwrap();
    [cut.to_bytes().unwrap(), simplified.to_bytes().unwrap()]
}

#[test]
fn image_models_reproduce_the_reference_features_and_logits() {
    let (Some(hub), Some(vectors)) = (shared("hub"), shared("vectors/models")) else {
        return;
    };
    let mut compared = 0;
    for engine in engines() {
        for entry in fs::read_dir(&vectors).unwrap() {
            let file = entry.unwrap().path();
            let name = file.file_stem().unwrap().to_str().unwrap();
            let (tensors, metadata) = references(&file);
            let (Some(pixels), Some(feature_tensor)) = (tensors.get("pixel_values"), metadata.get("feature_tensor"))
            else {
                continue;
            };
            // Files were written with the pixels channels last under a shape that says channels first.
            let layouts = [pixels.channels_first(), pixels.clone()];
            for model in with_outputs(&hub.join(name).join("model.onnx"), &[feature_tensor, "logits"]) {
                let mut session = engine.load(&model, &EngineOptions::default()).unwrap();
                let mut distances = |pixels: &Reference| {
                    let wanted = [feature_tensor.as_str(), "logits"];
                    let outputs = session.run(&[pixels.input("pixel_values")], &wanted).unwrap();
                    let distance = |output: &Output, wanted: &str| {
                        relative_distance(&output.data, tensors[wanted].rows(pixels.shape[0]))
                    };
                    distance(&outputs[0], "features").max(distance(&outputs[1], "logits"))
                };
                let distance = layouts.iter().map(&mut distances).fold(f64::INFINITY, f64::min);
                assert!(distance < 1e-3, "{}, {name}: off by {distance:.1e}", engine.name());
                compared += 1;
            }
        }
    }
    assert!(compared >= 16, "{compared} compared");
}

#[test]
fn text_models_reproduce_the_reference_features() {
    let (Some(hub), Some(vectors)) = (shared("hub"), shared("vectors/models")) else {
        return;
    };
    for engine in engines() {
        for name in [
            "glove-6b-50d-30k",
            "wordllama-l2-supercat-64",
            "paraphrase-MiniLM-L3-v2",
        ] {
            let (tensors, _) = references(&vectors.join(format!("{name}.safetensors")));
            let (ids, mask) = (&tensors["input_ids"], &tensors["attention_mask"]);
            let types = vec![0; ids.integers.len()];
            let mut inputs = vec![ids.input("input_ids"), mask.input("attention_mask")];
            if name.contains("MiniLM") {
                inputs.push(Input {
                    name: "token_type_ids",
                    shape: &ids.shape,
                    elements: Elements::I64(&types),
                });
            }
            let model = fs::read(hub.join(name).join("model.onnx")).unwrap();
            let mut session = engine.load(&model, &EngineOptions::default()).unwrap();
            let hidden = session.run(&inputs, &["last_hidden_state"]).unwrap().remove(0);
            let pooled = mean_over_mask(&hidden, &mask.integers);
            let distance = relative_distance(&pooled, tensors["features"].rows(ids.shape[0]));
            assert!(distance < 1e-3, "{}, {name}: off by {distance:.1e}", engine.name());
        }
    }
}

/// `[n, s, d]` and `[n, s]` → `[n, d]`.
fn mean_over_mask(hidden: &Output, mask: &[i64]) -> Vec<f32> {
    let &[_, s, d] = hidden.shape.as_slice() else {
        panic!("rank of {:?}", hidden.shape)
    };
    let mut pooled = Vec::new();
    for (tokens, mask) in hidden.data.chunks(s * d).zip(mask.chunks(s)) {
        let count = mask.iter().sum::<i64>() as f32;
        let sum = |j: usize| -> f32 { (0..s).map(|t| tokens[t * d + j] * mask[t] as f32).sum() };
        pooled.extend((0..d).map(|j| sum(j) / count));
    }
    pooled
}

#[test]
fn random_architectures_reproduce_what_pytorch_computed() {
    let Some(folder) = shared("arch") else { return };
    let mut failures = Vec::new();
    let mut compared = 0;
    for engine in engines() {
        for entry in fs::read_dir(&folder).unwrap() {
            let folder = entry.unwrap().path();
            if !folder.is_dir() {
                continue;
            }
            let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
            compared += 1;
            let (tensors, _) = references(&folder.join("reference.safetensors"));
            let inputs: Vec<_> = tensors
                .iter()
                .filter_map(|(name, tensor)| Some(tensor.input(name.strip_prefix("input.")?)))
                .collect();
            let model = fs::read(folder.join("model.onnx")).unwrap();
            let output = engine
                .load(&model, &EngineOptions::default())
                .and_then(|mut session| session.run(&inputs, &["output"]));
            match output {
                Ok(output) => {
                    let distance = relative_distance(&output[0].data, &tensors["output"].floats);
                    if distance > 1e-3 {
                        failures.push(format!("{}, {name}: off by {distance:.1e}", engine.name()));
                    }
                }
                Err(error) => failures.push(format!("{}, {name}: {error}", engine.name())),
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(compared >= 16, "{compared} compared");
}

#[test]
fn all_engines_agree_on_a_batch_of_every_image_model() {
    let Some(hub) = shared("hub") else { return };
    let engines = engines();
    let (first, others) = engines.split_first().unwrap();
    assert!(!others.is_empty(), "rten and burn are in every build");
    let mut compared = 0;
    for entry in fs::read_dir(&hub).unwrap() {
        let folder = entry.unwrap().path();
        let model = Model::load(&folder.join("model.onnx")).unwrap();
        let input = &model.graph.inputs[0];
        let sizes: Vec<_> = input.shape.iter().flatten().filter_map(|dim| dim.fixed()).collect();
        let &[channels, height, width] = sizes.as_slice() else {
            continue;
        };
        let shape = [3, channels, height, width];
        // Smooth, within what preprocessing gives, and different in every image.
        let pixels: Vec<f32> = (0..shape.iter().product())
            .map(|i| (i as f32 * 0.013).sin() + (i as f32 * 0.000_71).cos())
            .collect();
        let input = Input {
            name: &input.name,
            shape: &shape,
            elements: Elements::F32(&pixels),
        };
        let bytes = model.to_bytes().unwrap();
        let run = |engine: &dyn ranktune_features::engine::Engine| {
            let mut session = engine.load(&bytes, &EngineOptions::default()).unwrap();
            session.run(&[input], &["logits"]).unwrap().remove(0)
        };
        let expected = run(first.as_ref());
        for engine in others {
            let found = run(engine.as_ref());
            assert_eq!(found.shape, expected.shape);
            let distance = relative_distance(&found.data, &expected.data);
            assert!(
                distance < 1e-3,
                "{}, {}: {distance:.1e} apart",
                engine.name(),
                folder.display()
            );
            compared += 1;
        }
    }
    assert!(compared >= others.len(), "{compared} compared");
}

#[test]
fn a_model_that_was_opened_for_texts_and_given_pairs_has_the_features_of_one_that_was_opened_for_pairs() {
    let Some(hub) = shared("hub") else { return };
    let opened = |name: &str, data| {
        let folder = hub.join(name);
        let found = Hub::open(&[Source::from(folder.as_path())]).unwrap();
        PreparedModel::new(&found.entries[0], data, &ExtractOptions::default()).unwrap()
    };
    let texts = |prefix: &str| (0..4).map(|i| format!("{prefix} number {i}")).collect::<Vec<_>>();
    let targets = DatasetTargets::Classes {
        names: vec![String::new()],
        labels: vec![0; 4],
    };
    let dataset = Dataset::new(
        "pairs",
        Inputs::pairs(texts("a question"), texts("its answer")),
        targets,
    )
    .unwrap();
    let features = |model: PreparedModel| {
        let options = ExtractOptions {
            cache: CacheOptions::Off,
            ..ExtractOptions::default()
        };
        let work = Extraction {
            models: &[model],
            dataset: &dataset,
            digests: &dataset.input_digests(),
            options: &options,
            progress: &Silent,
            interrupt: &Interrupt::default(),
        };
        let mut found = Vec::new();
        extract(&work, |_, outcome| {
            found = outcome.features.unwrap().features().unwrap()
        })
        .unwrap();
        found
    };
    let name = "paraphrase-MiniLM-L3-v2";
    let expected = opened(name, Some(DataKind::TextPairs));
    let found = opened(name, None).into_pairs().unwrap();
    assert_eq!(found.feature_dim(), expected.feature_dim());
    assert_eq!(features(found), features(expected));

    let refused = opened("mobilenetv2-dogs", None).into_pairs().unwrap_err();
    assert!(refused.to_string().contains("does not join pairs"), "{refused}");
}
