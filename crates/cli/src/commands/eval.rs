//! `ranktune eval`

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use ranktune::{Dataset, LoadOptions, LocalData, Task};

use super::data::DataArguments;
use super::extraction::ExtractionArguments;
use super::sources::RemoteArguments;
use crate::exit::Exit;
use crate::output::{self, Format};
use crate::{interrupt, progress};

/// `ranktune eval`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A model folder, such as the output of tune, or an .onnx file with its configuration beside it
    #[arg(long, value_name = "DIR|FILE")]
    model: String,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    extraction: ExtractionArguments,
    #[command(flatten)]
    remote: RemoteArguments,
    /// Output format on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write target and prediction of every sample to a CSV file
    #[arg(long, value_name = "FILE.csv")]
    out: Option<PathBuf>,
    /// Seed for --max-samples
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
}

const EXAMPLES: &str = "\
Examples:
  ranktune eval --model tuned/ --data photos/test
  ranktune eval --model tuned/ --data photos/ --split test --format json
  ranktune eval --model tuned/ --data photos/test --out predictions.csv";

/// Loads the data set. A file that is no data set of another task is read as words and tags if the model tags words.
fn load(data: LocalData, is_tagger: impl FnOnce() -> Result<bool, ranktune::Error>) -> anyhow::Result<Dataset> {
    let LocalData { path, load: options } = data;
    let error = match ranktune::load(&path, &options) {
        Ok(dataset) => return Ok(dataset),
        Err(error) => error,
    };
    if options.task.is_some() || !path.exists() || !is_tagger()? {
        return Err(error.into());
    }
    let task = Some(Task::Tokens);
    Ok(ranktune::load(&path, &LoadOptions { task, ..options })?)
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let mut options = arguments.extraction.options()?;
    options.max_unreadable = arguments.data.reading.max_skipped;
    let sources = arguments.remote.sources(std::slice::from_ref(&arguments.model))?;
    let reporter = progress::Reporter::new();
    let data = arguments.data.local(&[], arguments.remote, &reporter)?;
    let mut dataset = load(data, || ranktune::is_tagger(&sources, &reporter, interrupt::flag()))?;
    if let Some(limit) = arguments.data.max_samples {
        dataset = dataset.subsample(limit, arguments.seed);
    }
    let (evaluation, samples) = ranktune::evaluate_samples(&sources, &dataset, &options, &reporter, interrupt::flag())?;
    if let Some(path) = &arguments.out {
        ranktune_core::files::write_atomically(path, samples.csv().as_bytes())
            .with_context(|| format!("{}: this file cannot be written", path.display()))?;
        output::say(&format!("the predictions are in {}", path.display()));
    }
    output::print(arguments.format, &evaluation, || evaluation.table())?;
    let complete = evaluation.unreadable.is_empty() && dataset.skipped == 0;
    Ok(if complete { Exit::Done } else { Exit::Skipped })
}
