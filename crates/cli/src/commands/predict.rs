//! `ranktune predict`

use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser as _};

use super::extraction::EngineArguments;
use super::sources::RemoteArguments;
use crate::exit::Exit;
use crate::output::{self, Format};
use crate::{interrupt, progress};

/// `ranktune predict`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A model folder, such as the output of tune, or an .onnx file with its configuration beside it
    #[arg(long, value_name = "DIR|FILE")]
    model: String,
    /// Images or folders of images; for a model of texts, texts or files with one text per line. A tab separates the two texts of
    /// a pair
    #[arg(value_name = "INPUT", required = true, value_parser = OsStringValueParser::new().map(PathBuf::from))]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    engine: EngineArguments,
    #[command(flatten)]
    remote: RemoteArguments,
    /// Output format on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  ranktune predict --model tuned/ photo.jpg
  ranktune predict --model tuned/ holidays/*.jpg more/ --format json
  ranktune predict --model tuned/ \"How far is it to the moon?\"";

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let options = arguments.engine.options()?;
    let predictions = ranktune::predict(
        &arguments.remote.sources(std::slice::from_ref(&arguments.model))?,
        &arguments.inputs,
        &options,
        &progress::Reporter::new(),
        interrupt::flag(),
    )?;
    output::print(arguments.format, &predictions, || predictions.table())?;
    Ok(if predictions.unreadable.is_empty() {
        Exit::Done
    } else {
        Exit::Skipped
    })
}
