//! Seconds a training step takes: forward, backward and a plain SGD update, with batch statistics.
//!
//!     cargo run --release -p ranktune-train --example step_speed -- [--device cpu|cuda|wgpu] [--size 128] [--batch 32] [--steps 5] [--evaluate]
//!         MODEL.onnx…
//!
//! The loss is the mean of the squared outputs; the first step warms up and is not counted. With `--evaluate` only the forward pass
//! is run, with running statistics, as in extraction.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use ranktune_nn::{DeviceChoice, Feed, GraphOptions, HostTensor, Mode, TrainableGraph};
use ranktune_onnx::Model;

#[expect(clippy::print_stdout, reason = "an example that prints its result")]
fn main() -> Result<(), Box<dyn Error>> {
    let (mut size, mut batch, mut steps, mut models) = (128, 32, 5, Vec::new());
    let (mut device, mut evaluate) = (DeviceChoice::Cpu, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--evaluate" {
            evaluate = true;
            continue;
        }
        if argument == "--device" {
            device = arguments.next().ok_or("a device is missing")?.parse()?;
            continue;
        }
        let mut number =
            || -> Result<usize, Box<dyn Error>> { Ok(arguments.next().ok_or("a number is missing")?.parse()?) };
        match argument.as_str() {
            "--size" => size = number()?,
            "--batch" => batch = number()?,
            "--steps" => steps = number()?,
            _ => models.push(argument),
        }
    }
    let device = device.open()?;
    for path in models {
        let model = Model::load(Path::new(&path))?;
        let mut graph = TrainableGraph::new(
            &model,
            GraphOptions {
                device: device.clone(),
                ..GraphOptions::default()
            },
        )?;
        let input = graph
            .inputs()
            .first()
            .map(|name| (*name).to_owned())
            .ok_or("the graph has no input")?;
        let output = graph
            .outputs()
            .first()
            .map(|name| (*name).to_owned())
            .ok_or("the graph has no output")?;
        let dims = [batch, 3, size, size];
        let values = (0..dims.iter().product())
            .map(|index: usize| (index * 7919 % 1013) as f32 / 506.5 - 1.0)
            .collect();
        let image = HostTensor::floats(&dims, values)?;
        let mut seconds = Vec::new();
        for _ in 0..=steps {
            let (start, used) = (Instant::now(), processor_seconds());
            if evaluate {
                let pass = graph.evaluate(&[(&input, Feed::from(image.clone()))])?;
                pass.output(&output)?.to_values()?;
                let taken = start.elapsed().as_secs_f64();
                seconds.push((taken, taken, processor_seconds() - used));
                continue;
            }
            let pass = graph.forward(&[(&input, Feed::from(image.clone()))], Mode::Training)?;
            let logits = pass.output(&output)?;
            let loss = logits.mul(&logits)?.mean(&[0, 1]);
            let forward = start.elapsed().as_secs_f64();
            let mut gradients = pass.backward(&loss)?;
            for index in 0..graph.parameters().len() {
                if let Some(gradient) = gradients.take(index) {
                    graph.descend(index, gradient, 1e-4)?;
                }
            }
            // A GPU is behind what it was told to do; to read the last weight is to wait for it.
            graph.value(graph.parameters().len() - 1).to_values()?;
            seconds.push((start.elapsed().as_secs_f64(), forward, processor_seconds() - used));
        }
        let mut counted = seconds.split_off(1);
        counted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (median, best) = (counted[counted.len() / 2], counted[0]);
        let processor = counted.iter().map(|step| step.2).fold(f64::INFINITY, f64::min);
        println!(
            "{path}: median {:.3} s a step (forward {:.3}), fastest {:.3} s, processor {processor:.3} s, peak memory MiB {}",
            median.0,
            median.1,
            best.0,
            peak_memory()
        );
    }
    Ok(())
}

/// The most memory the process ever held, in MiB; 0 where the system does not say.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

/// Processor time of all threads so far, in seconds, to a hundredth; 0 where the system does not say.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields are counted behind the name, which may hold spaces: user and system time are the 12th and 13th.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}
