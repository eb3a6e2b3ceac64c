//! Images per second of every engine on image models, engines taking turns so that a busy machine is unfair to none.
//!
//! ```text
//! cargo run --release -p ranktune-features --features onnxruntime --example engine_speed -- HUB [MODEL…] \
//!     [--batch 1,4,16] [--threads N] [--seconds S]
//! ```
//!
//! Prints a table `model engine batch images/s`: the best of the turns, since whatever else runs only makes a turn slower.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ranktune_features::engine::{Elements, EngineChoice, EngineOptions, Input, Session, select};
use ranktune_nn::DeviceChoice;
use ranktune_onnx::Model;
use ranktune_onnx::transform::simplify;

/// The allocator of the command line, since it decides a part of the speed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MODELS: [&str; 3] = [
    "efficientnet-lite0",
    "resnet50-thin-moderation",
    "efficientnet-b0-photo-vs-drawing",
];

struct Arguments {
    hub: PathBuf,
    models: Vec<String>,
    batches: Vec<usize>,
    options: EngineOptions,
    turn: Duration,
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut parsed = Arguments {
        hub: arguments.next().ok_or("expected a folder of models")?.into(),
        models: Vec::new(),
        batches: vec![1, 4, 16],
        options: EngineOptions::default(),
        turn: Duration::from_secs(2),
    };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--batch" => parsed.batches = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "--threads" => parsed.options = EngineOptions::default().with_threads(value()?.parse()?),
            "--seconds" => parsed.turn = Duration::from_secs_f64(value()?.parse()?),
            _ => parsed.models.push(argument),
        }
    }
    if parsed.models.is_empty() {
        parsed.models.extend(MODELS.map(String::from));
    }
    Ok(parsed)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()?;
    let mut engines = Vec::new();
    for choice in [EngineChoice::OnnxRuntime, EngineChoice::Rten] {
        match select(choice, None, DeviceChoice::Cpu) {
            Ok(selection) => {
                println!("# {}", selection.engine.description());
                engines.push(selection.engine);
            }
            Err(error) => println!("# without {choice}: {error}"),
        }
    }
    println!("{:<36} {:<12} {:>5} {:>9}", "model", "engine", "batch", "images/s");
    for model in &arguments.models {
        let (bytes, input, shape, output) = read(&arguments.hub.join(model).join("model.onnx"))?;
        let mut sessions = Vec::new();
        for engine in &engines {
            sessions.push((engine.name(), engine.load(&bytes, &arguments.options)?));
        }
        for &batch in &arguments.batches {
            let shape = [&[batch][..], &shape].concat();
            let pixels: Vec<f32> = (0..shape.iter().product()).map(|i| (i as f32 * 0.013).sin()).collect();
            let input = Input {
                name: &input,
                shape: &shape,
                elements: Elements::F32(&pixels),
            };
            let mut best = vec![0.0f64; sessions.len()];
            for _ in 0..3 {
                for ((_, session), best) in sessions.iter_mut().zip(&mut best) {
                    *best = best.max(images_per_second(session.as_mut(), &input, &output, arguments.turn)?);
                }
            }
            for ((engine, _), best) in sessions.iter().zip(best) {
                println!("{model:<36} {engine:<12} {batch:>5} {best:>9.1}");
            }
        }
    }
    Ok(())
}

/// The simplified model, its input with the shape of one image, and its output.
#[expect(clippy::type_complexity, reason = "four plain things, used once")]
fn read(file: &Path) -> Result<(Vec<u8>, String, Vec<usize>, String), Box<dyn Error>> {
    let mut model = Model::load(file)?;
    simplify(&mut model)?;
    let graph = &model.graph;
    let (Some(input), Some(output)) = (graph.inputs.first(), graph.outputs.first()) else {
        return Err(format!("{}: no input or no output", file.display()).into());
    };
    let shape: Option<Vec<_>> = input.shape.iter().flatten().skip(1).map(|dim| dim.fixed()).collect();
    let shape = shape.ok_or_else(|| format!("{}: the size of an image is not fixed", file.display()))?;
    Ok((model.to_bytes()?, input.name.clone(), shape, output.name.clone()))
}

fn images_per_second(
    session: &mut dyn Session,
    input: &Input<'_>,
    output: &str,
    turn: Duration,
) -> Result<f64, Box<dyn Error>> {
    let started = Instant::now();
    let mut images = 0;
    while images == 0 || started.elapsed() < turn {
        session.run(&[*input], &[output])?;
        images += input.shape[0];
    }
    Ok(images as f64 / started.elapsed().as_secs_f64())
}
