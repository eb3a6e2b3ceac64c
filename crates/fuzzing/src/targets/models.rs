//! ONNX files: the graph, its external data, and an engine's own reading of it.

use bytes::Bytes;
use ranktune_features::engine::{EngineChoice, EngineOptions, select};
use ranktune_hub::{Hub, Source};
use ranktune_nn::DeviceChoice;
use ranktune_onnx::locate::{Hints, locate};
use ranktune_onnx::transform::{cut, simplify};
use ranktune_onnx::{Model, check, inspect};

use super::Target;
use crate::outcome::Outcome;
use crate::scratch::Scratch;
use crate::seeds;

pub(super) const ONNX: Target = Target {
    name: "onnx",
    about: "an ONNX file: read, checked, inspected, cut, simplified, written",
    words: WORDS,
    seeds: onnx_seeds,
    run: onnx,
};

pub(super) const EXTERNAL: Target = Target {
    name: "external",
    about: "an ONNX file with external data, and its digest",
    words: &[
        "../",
        "/etc/passwd",
        "location",
        "offset",
        "length",
        "weights.bin",
        "..",
    ],
    seeds: || {
        vec![
            seeds::external_model("weights.bin"),
            seeds::external_model("./weights.bin"),
        ]
    },
    run: external,
};

pub(super) const ENGINE: Target = Target {
    name: "engine",
    about: "an ONNX file that passed the checks, as the embedded engine loads it",
    words: WORDS,
    seeds: onnx_seeds,
    run: engine,
};

const WORDS: &[&str] = &[
    "Conv", "Reshape", "If", "Loop", "Gather", "Expand", "Tile", "Range", "Constant", "axis", "perm",
];

fn onnx_seeds() -> Vec<Vec<u8>> {
    seeds::files(&[
        "crates/nn/tests/vectors/convolutional/model.onnx",
        "crates/nn/tests/vectors/encoder/model.onnx",
        "crates/nn/tests/vectors/mixed/model.onnx",
    ])
}

fn onnx(bytes: &[u8], _: &Scratch) -> Outcome {
    let mut outcome = Outcome::default();
    prepared(bytes, &mut outcome);
    outcome
}

/// The model, as it is handed to an engine.
fn prepared(bytes: &[u8], outcome: &mut Outcome) -> Option<Model> {
    let mut model = outcome.add(Model::from_bytes(Bytes::copy_from_slice(bytes), None))?;
    inspect::inspect(&model);
    outcome.add(check(&model))?;
    if let Some(located) = outcome.add(locate(&model, &Hints::default())) {
        outcome.add(cut(&mut model, &[&located.feature]));
    }
    outcome.add(simplify(&mut model));
    outcome.add(model.to_bytes());
    Some(model)
}

fn external(bytes: &[u8], scratch: &Scratch) -> Outcome {
    let mut outcome = Outcome::default();
    let model = scratch.put("model/model.onnx", bytes);
    scratch.put("model/weights.bin", &[0; 32]);
    outcome.add(Model::load(&model));
    // What decides the name of cached features reads the file in another way.
    let hub = outcome.add(Hub::open(&[Source::from(scratch.path().join("model").as_path())]));
    for entry in hub.iter().flat_map(|hub| &hub.entries) {
        outcome.add(entry.digest());
    }
    outcome
}

fn engine(bytes: &[u8], _: &Scratch) -> Outcome {
    let mut outcome = Outcome::default();
    let mut ignored = Outcome::default();
    let Some(model) = prepared(bytes, &mut ignored) else {
        return outcome;
    };
    let Ok(written) = model.to_bytes() else {
        return outcome;
    };
    for choice in [EngineChoice::Rten, EngineChoice::Burn] {
        let engine = select(choice, None, DeviceChoice::Cpu).map(|selection| selection.engine);
        if let Some(engine) = outcome.add(engine) {
            outcome.add(engine.load(&written, &EngineOptions::default().with_threads(1)));
        }
    }
    outcome
}
