//! `ranktune features`

use std::path::PathBuf;

use clap::Args;
use ranktune_core::counted;

use super::data::DataArguments;
use super::extraction::ExtractionArguments;
use super::sources::RemoteArguments;
use crate::exit::Exit;
use crate::{interrupt, output, progress};

/// `ranktune features`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A model folder, an .onnx file, or a repository of the Hugging Face hub
    #[arg(long, value_name = "DIR|FILE|hf:ORG/NAME")]
    model: String,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    extraction: ExtractionArguments,
    #[command(flatten)]
    remote: RemoteArguments,
    /// Output file: .safetensors with features, targets, probabilities and the names of the inputs, or .npy with the features alone and
    /// a table of inputs and targets beside it
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Seed for --max-samples
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
}

const EXAMPLES: &str = "\
Examples:
  ranktune features --model models/resnet50 --data photos/ --out resnet50.safetensors
  ranktune score --features resnet50.safetensors --targets resnet50.safetensors:labels";

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let mut options = arguments.extraction.options()?;
    options.max_unreadable = arguments.data.reading.max_skipped;
    let sources = arguments.remote.sources(std::slice::from_ref(&arguments.model))?;
    let reporter = progress::Reporter::new();
    let data = arguments.data.local(&[], arguments.remote, &reporter)?;
    let mut dataset = ranktune::load(&data.path, &data.load)?;
    for note in &dataset.notes {
        output::say(&format!("note: {note}"));
    }
    if let Some(limit) = arguments.data.max_samples {
        dataset = dataset.subsample(limit, arguments.seed);
    }
    let export = ranktune::export_features(
        &sources,
        &dataset,
        &arguments.out,
        &options,
        &reporter,
        interrupt::flag(),
    )?;
    output::say(&format!(
        "{}: {}, {} each",
        arguments.out.display(),
        counted(export.samples, "sample"),
        counted(export.features, "feature")
    ));
    if let Some(rows) = &export.rows {
        output::say(&format!("{}: the input and target of every row", rows.display()));
    }
    for sample in &export.unreadable {
        let file = sample.file.display().to_string();
        // Most reasons name the file.
        let place = if sample.reason.contains(&file) {
            String::new()
        } else {
            format!("{file}: ")
        };
        output::say(&format!("left out: {place}{}", sample.reason));
    }
    let complete = export.unreadable.is_empty() && dataset.skipped == 0;
    Ok(if complete { Exit::Done } else { Exit::Skipped })
}
