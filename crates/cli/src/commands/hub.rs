//! `ranktune hub list|inspect|search|verify|pull`

mod search;

use clap::{Args, Subcommand};

use super::extraction::ExtractionArguments;
use super::sources::RemoteArguments;
use crate::exit::Exit;
use crate::output::{self, Format, ListArguments as PrintArguments};
use crate::{interrupt, progress};

/// `ranktune hub`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List models with modality, feature dimension and number of parameters, one line for each
    List(ListingArguments),
    /// Describe models in full: preprocessing, operators, notes
    Inspect(ListArguments),
    /// Search the Hugging Face hub for repositories with ONNX files, and print a list or a manifest; downloads nothing
    #[command(after_help = search::EXAMPLES)]
    Search(search::Arguments),
    /// Run every model on every engine and compare the features
    Verify(VerifyArguments),
    /// Download models for use without a network
    #[command(after_help = PULL_EXAMPLES)]
    Pull(ListArguments),
}

const PULL_EXAMPLES: &str = "\
Examples:
  ranktune hub pull starter:vision
  ranktune hub pull hf:BAAI/bge-small-en-v1.5@main models.toml
  ranktune rank --hub hf:BAAI/bge-small-en-v1.5 --offline --data questions.jsonl";

/// `ranktune hub list`
#[derive(Debug, Args)]
pub(crate) struct ListingArguments {
    /// Folders of models, model folders, .onnx files, manifests (.toml, .json), repositories, search:WORDS, starter:vision or
    /// starter:text
    #[arg(value_name = "DIR|FILE|hf:ORG/NAME", required = true, value_delimiter = ',')]
    hub: Vec<String>,
    #[command(flatten)]
    print: PrintArguments,
    #[command(flatten)]
    remote: RemoteArguments,
}

/// `ranktune hub inspect` and `pull`
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Folders of models, model folders, .onnx files, manifests (.toml, .json), repositories, search:WORDS, starter:vision or
    /// starter:text
    #[arg(value_name = "DIR|FILE|hf:ORG/NAME", required = true, value_delimiter = ',')]
    hub: Vec<String>,
    /// Output format on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    remote: RemoteArguments,
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
    let reporter = progress::Reporter::new();
    let list = |remote: RemoteArguments, hub: &[String]| {
        let sources = remote.sources(hub)?;
        anyhow::Ok(ranktune::list(&sources, &reporter, interrupt::flag())?)
    };
    let skipped = match command {
        Command::List(arguments) => {
            let listing = list(arguments.remote, &arguments.hub)?;
            arguments.print.print(&listing)?;
            listing.skipped.len()
        }
        Command::Inspect(arguments) => {
            let listing = list(arguments.remote, &arguments.hub)?;
            output::print(arguments.format, &listing, || listing.text())?;
            listing.skipped.len()
        }
        Command::Search(arguments) => {
            search::run(arguments, &reporter)?;
            // What does not fit a query is no fault.
            0
        }
        Command::Verify(arguments) => {
            let sources = arguments.list.remote.sources(&arguments.list.hub)?;
            let options = arguments.extraction.options()?;
            let verification = ranktune::verify(&sources, &options, &reporter, interrupt::flag())?;
            output::print(arguments.list.format, &verification, || verification.table())?;
            verification.failures()
        }
        Command::Pull(arguments) => {
            let sources = arguments.remote.sources(&arguments.hub)?;
            let pulled = ranktune::pull(&sources, &reporter, interrupt::flag())?;
            output::print(arguments.format, &pulled, || pulled.table())?;
            pulled.skipped.len()
        }
    };
    Ok(if skipped == 0 { Exit::Done } else { Exit::Skipped })
}
