//! Compares the trainable graph with PyTorch: outputs, gradients and running statistics of the graphs in the given folders.
//!
//!     cargo run --release -p ranktune-nn --example conformance -- [--device cpu|cuda|wgpu] DIR…
//!
//! Each folder holds `model.onnx` and `reference.safetensors` with `input.<name>`, `output`, `loss` (mean of the squared
//! output, halved), `grad.<initializer>` in evaluation mode, and, where the graph has BatchNormalization, `train.output`,
//! `train.loss`, `train.grad.<initializer>`, `train.running_mean.<module>`, `train.running_var.<module>` after one pass with
//! batch statistics. Errors are relative to the largest absolute value of the reference tensor. A gradient that is zero apart
//! from rounding has no relative error: it passes if it differs from the reference by no more than it moves when the last bits
//! of the parameters change, or if that could make it zero and the reference is negligible; it is then counted as rounding
//! noise. Exit code 1: an error above 1e-3, a non-finite value, or a graph that cannot be trained.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "../tests/reference/mod.rs"]
mod reference;

use std::path::Path;
use std::process::ExitCode;

use ranktune_nn::DeviceChoice;
use reference::{Agreement, Outcome};

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example that prints its result"
)]
fn main() -> ExitCode {
    let mut folders: Vec<String> = std::env::args().skip(1).collect();
    let mut device = Ok(DeviceChoice::Cpu);
    if folders.first().is_some_and(|first| first == "--device") {
        device = folders.get(1).map_or("", String::as_str).parse();
        folders.drain(..folders.len().min(2));
    }
    let device = match device.and_then(DeviceChoice::open) {
        Ok(device) => device,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    if folders.is_empty() {
        eprintln!("usage: conformance [--device cpu|cuda|wgpu] DIR…, each with model.onnx and reference.safetensors");
        return ExitCode::from(2);
    }
    println!(
        "{:<20} {:>9} {:>9} {:>9}  worst gradient; in training mode: output, gradients, running statistics",
        "name", "output", "loss", "gradient"
    );
    let mut failed = 0;
    for folder in &folders {
        let folder = Path::new(folder);
        let name = folder.file_name().map_or_else(
            || folder.display().to_string(),
            |name| name.to_string_lossy().into_owned(),
        );
        match reference::compare(folder, &device) {
            Ok(outcome) => {
                println!("{}", line(&name, &outcome));
                failed += usize::from(!outcome.passes());
            }
            Err(error) => {
                println!("{name:<20} FAILED: {error}");
                failed += 1;
            }
        }
    }
    println!("{} of {} pass", folders.len() - failed, folders.len());
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn line(name: &str, outcome: &Outcome) -> String {
    let verdict = if outcome.passes() { "" } else { "  FAILED" };
    let evaluation = &outcome.evaluation;
    let training = outcome
        .training
        .as_ref()
        .map_or_else(String::new, |(training, statistics)| {
            format!(
                "; training {:.1e}, {}, {:.1e} over {}",
                training.output,
                worst(training),
                statistics.0,
                statistics.1
            )
        });
    format!(
        "{name:<20} {:>9.1e} {:>9.1e} {:>9.1e}  {}{training}{verdict}",
        evaluation.output,
        evaluation.loss,
        evaluation.gradient.0,
        worst(evaluation)
    )
}

fn worst(agreement: &Agreement) -> String {
    let (error, name) = &agreement.gradient;
    let noise = match agreement.noise {
        0 => String::new(),
        noise => format!(" ({noise} are rounding noise)"),
    };
    format!("{error:.1e} at {name:?} of {}{noise}", agreement.compared)
}
