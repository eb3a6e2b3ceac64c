//! The graph's part of a training step, forward and backward, on real models of the repository.
//!
//! `cargo bench --workspace --bench step`. Sizes are fixed, so that figures of two commits compare.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up stops")]

use std::path::Path;

use ranktune_nn::{Device, Feed, GraphOptions, HostTensor, Mode, TrainableGraph};
use ranktune_onnx::Model;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 16;

fn main() {
    divan::main();
}

/// A model of examples/hub, and the edge of its square input.
#[divan::bench(args = [("mtcnn-onet-face", 48), ("mobilenetv2-dogs", 224)], sample_count = 10)]
fn step(bencher: divan::Bencher, (name, edge): (&str, usize)) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../examples/hub/{name}/model.onnx"));
    let model = Model::load(&file).unwrap();
    let options = GraphOptions {
        device: Device::flex(),
        ..GraphOptions::default()
    };
    let mut graph = TrainableGraph::new(&model, options).unwrap();
    let input = model.graph.inputs[0].name.clone();
    let output = model.graph.outputs[0].name.clone();
    let shape = [BATCH, 3, edge, edge];
    let pixels = (0..shape.iter().product())
        .map(|at: usize| (at as f32 * 0.013).sin())
        .collect();
    let pixels = HostTensor::floats(&shape, pixels).unwrap();
    bencher.bench_local(move || {
        let feeds = [(input.as_str(), Feed::from(pixels.clone()))];
        let pass = graph.forward(&feeds, Mode::Training).unwrap();
        let output = pass.output(&output).unwrap();
        let axes: Vec<usize> = (0..output.rank()).collect();
        let loss = output.mul(&output).unwrap().mean(&axes).mul_scalar(0.5);
        pass.backward(&loss).unwrap()
    });
}
