//! `ranktune hub list|inspect|verify`

use clap::{Args, Subcommand};

use super::extraction::{ExtractionArguments, sources};
use crate::exit::Exit;
use crate::interrupt;
use crate::output::{self, Format};

/// `ranktune hub`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A line a model: input, feature tensor, dimension, parameters
    List(ListArguments),
    /// Everything about a model: preprocessing, operators, notes
    Inspect(ListArguments),
    /// Run every model once on every engine and compare their features
    Verify(VerifyArguments),
}

/// `ranktune hub list` and `ranktune hub inspect`
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Folders of models, model folders, or .onnx files
    #[arg(value_name = "DIR|FILE", required = true)]
    hub: Vec<String>,
    /// What is printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// `ranktune hub verify`
#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    list: ListArguments,
    #[command(flatten)]
    extraction: ExtractionArguments,
}

/// Runs the command.
pub(crate) fn run(command: &Command) -> anyhow::Result<Exit> {
    let skipped = match command {
        Command::List(arguments) => {
            let listing = ranktune::list(&sources(&arguments.hub))?;
            output::print(arguments.format, &listing, || listing.table())?;
            listing.skipped.len()
        }
        Command::Inspect(arguments) => {
            let listing = ranktune::list(&sources(&arguments.hub))?;
            output::print(arguments.format, &listing, || listing.text())?;
            listing.skipped.len()
        }
        Command::Verify(arguments) => {
            let verification = ranktune::verify(
                &sources(&arguments.list.hub),
                &arguments.extraction.options()?,
                interrupt::flag(),
            )?;
            output::print(arguments.list.format, &verification, || verification.table())?;
            let failures = verification
                .models
                .iter()
                .flat_map(|model| &model.engines)
                .filter(|verdict| !verdict.runs)
                .count();
            failures + verification.skipped.len()
        }
    };
    Ok(if skipped == 0 { Exit::Done } else { Exit::Skipped })
}
