//! Images per second of every engine on image models, engines taking turns so that a busy machine is unfair to none.
//!
//! ```text
//! cargo run --release -p ranktune-features --features onnxruntime --example engine_speed -- HUB [MODEL…] \
//!     [--batch 1,4,16] [--threads N] [--seconds S]
//! ```
//!
//! Prints a table of the best of the turns, since whatever else runs only makes a turn slower: images a second, milliseconds
//! of processor time an image (on Linux), and the largest difference from the first engine's values, relative to its largest.
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
    for choice in [EngineChoice::OnnxRuntime, EngineChoice::Rten, EngineChoice::Burn] {
        match select(choice, None, DeviceChoice::Cpu) {
            Ok(selection) => {
                println!("# {}", selection.engine.description());
                engines.push(selection.engine);
            }
            Err(error) => println!("# without {choice}: {error}"),
        }
    }
    println!(
        "{:<36} {:<12} {:>5} {:>9} {:>12} {:>10}",
        "model", "engine", "batch", "images/s", "cpu ms/image", "difference"
    );
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
            let mut best = vec![(0.0f64, f64::INFINITY); sessions.len()];
            for _ in 0..3 {
                for ((_, session), best) in sessions.iter_mut().zip(&mut best) {
                    let (speed, processor) = measure(session.as_mut(), &input, &output, arguments.turn)?;
                    *best = (best.0.max(speed), best.1.min(processor));
                }
            }
            let mut first: Option<Vec<f32>> = None;
            for ((engine, session), (speed, processor)) in sessions.iter_mut().zip(best) {
                let values = session.run(&[input], &[&output])?.remove(0).data;
                let first = first.get_or_insert_with(|| values.clone());
                let largest = first.iter().fold(f32::MIN_POSITIVE, |max, value| max.max(value.abs()));
                let differences = first.iter().zip(&values).map(|(a, b)| (a - b).abs());
                let difference = differences.fold(0.0, f32::max) / largest;
                println!("{model:<36} {engine:<12} {batch:>5} {speed:>9.1} {processor:>12.2} {difference:>10.1e}");
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

/// Images a second, and milliseconds of processor time an image.
fn measure(
    session: &mut dyn Session,
    input: &Input<'_>,
    output: &str,
    turn: Duration,
) -> Result<(f64, f64), Box<dyn Error>> {
    let (started, processor) = (Instant::now(), processor_seconds());
    let mut images = 0;
    while images == 0 || started.elapsed() < turn {
        session.run(&[*input], &[output])?;
        images += input.shape[0];
    }
    let images = images as f64;
    let elapsed = started.elapsed().as_secs_f64();
    Ok((images / elapsed, (processor_seconds() - processor) * 1000.0 / images))
}

/// Processor time of this process, in seconds: user and system time of all threads, which Linux counts in hundredths. NaN
/// elsewhere.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in brackets, may hold spaces. The 14th and 15th fields follow it at 11 and 12.
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(11)
        .take(2);
    let ticks: Vec<f64> = fields.filter_map(|field| field.parse().ok()).collect();
    if ticks.len() == 2 {
        (ticks[0] + ticks[1]) / 100.0
    } else {
        f64::NAN
    }
}
