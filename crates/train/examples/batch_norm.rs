//! What BatchNormalization should do in fine-tuning: accuracy with statistics of the batch, with running statistics as they
//! came, and with running statistics taken anew from the training images and then frozen.
//!
//!     cargo run --release -p ranktune-train --example batch_norm -- [--epochs 8] [--size 128] [--limit N] [--rate 1e-3]
//!         [--modes train,frozen,adapted] [--seeds 1] DATA MODEL…
//!
//! DATA holds `train/` and `test/`, each with a folder of images a class; MODEL is a folder of a hub. Images are resized to
//! a shorter side of 1.14 of the size; training takes random crops of 0.5 to 1 of the area and flips, testing the middle.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "support/photos.rs"]
mod photos;

use std::error::Error;
use std::path::{Path, PathBuf};

use photos::{Photos, headed};
use ranktune_train::methods::FineTune;
use ranktune_train::{
    BatchNorm, Interrupt, Keep, Silent, TrainOptions, TrainOutcome, TrainingJob, ValidationSet, train,
};

#[expect(clippy::print_stdout, reason = "an example that prints its result")]
fn main() -> Result<(), Box<dyn Error>> {
    let (mut epochs, mut size, mut limit, mut rate, mut seeds) = (8, 128, usize::MAX, 1e-3, 1);
    let (mut modes, mut paths) = ("train,frozen,adapted".to_owned(), Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or("a value is missing");
        match argument.as_str() {
            "--epochs" => epochs = value()?.parse()?,
            "--size" => size = value()?.parse()?,
            "--limit" => limit = value()?.parse()?,
            "--rate" => rate = value()?.parse()?,
            "--seeds" => seeds = value()?.parse()?,
            "--modes" => modes = value()?,
            _ => paths.push(PathBuf::from(argument)),
        }
    }
    let [data, models @ ..] = paths.as_slice() else {
        return Err("usage: batch_norm [options] DATA MODEL…".into());
    };
    println!("| model | seed | BatchNorm | accuracy by epoch | last | loss of the last | s/step |");
    println!("|---|---|---|---|---|---|---|");
    for path in models {
        let train_set = Photos::load(&data.join("train"), path, size, limit)?;
        let test_set = Photos::load(&data.join("test"), path, size, limit)?;
        let (targets, test_targets) = (train_set.targets()?, test_set.targets()?);
        for seed in 0..seeds {
            let model = headed(path, train_set.n_classes, seed)?;
            for mode in modes.split(',') {
                let batch_norm = match mode {
                    "train" => BatchNorm::Train,
                    "frozen" => BatchNorm::Frozen,
                    "adapted" => BatchNorm::Adapted,
                    "auto" => BatchNorm::Auto,
                    other => return Err(format!("no such mode: {other}").into()),
                };
                let options = TrainOptions {
                    epochs,
                    batch_norm,
                    learning_rate: rate,
                    seed,
                    keep: Keep::Last,
                    ..TrainOptions::default()
                };
                let job = TrainingJob {
                    model: &model,
                    samples: &train_set,
                    targets: &targets,
                    validation: Some(ValidationSet {
                        samples: &test_set,
                        targets: &test_targets,
                        metric: None,
                    }),
                    method: &FineTune,
                    options: &options,
                };
                let TrainOutcome::Finished(trained) = train(&job, &Silent, &Interrupt::default())? else {
                    continue;
                };
                let curve = trained.epochs.iter().filter_map(|epoch| epoch.validation.as_ref());
                let curve: Vec<String> = curve.map(|found| format!("{:.3}", found.value)).collect();
                let last = trained.epochs.last().map_or(0.0, |epoch| epoch.loss);
                println!(
                    "| {} | {seed} | {mode} | {} | {} | {last:.3} | {:.2} |",
                    name(path),
                    curve.join(" "),
                    curve.last().map_or("", String::as_str),
                    trained.step_seconds / trained.steps_timed.max(1) as f64,
                );
            }
        }
    }
    Ok(())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
