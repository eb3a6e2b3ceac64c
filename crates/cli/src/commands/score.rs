//! `ranktune score`

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ranktune::{Compat, ScoreOptions, StandardErrors};

use super::data::TaskName;
use crate::exit::Exit;
use crate::output::{self, Format};

/// `ranktune score`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Features, a row a sample: .npy, .npz, .safetensors or Parquet; FILE:NAME takes one array of several
    #[arg(long, value_name = "FILE")]
    features: PathBuf,
    /// Targets: one whole number a sample is its class, other numbers are regression, several of 0 and 1 are labels
    #[arg(long, value_name = "FILE")]
    targets: PathBuf,
    /// A source classifier's probabilities, a row a sample, for leep and nce
    #[arg(long, value_name = "FILE")]
    probabilities: Option<PathBuf>,
    /// The task, if it is not to be inferred from the targets
    #[arg(long, value_enum)]
    task: Option<TaskName>,
    /// Scores [default: logme, and with --probabilities leep and nce]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    scores: Vec<String>,
    /// Which value of LogME: the maximum of the evidence, or what the published code gives
    #[arg(long, value_enum, default_value_t)]
    compat: CompatName,
    /// Standard errors of the scores, by leaving out groups of samples in turn
    #[arg(long)]
    standard_errors: bool,
    /// Seed of those groups
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// What is printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// `--compat`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum CompatName {
    /// The global maximum of the evidence, right for every shape
    #[default]
    Exact,
    /// The published code's iteration, which is off where n < d
    Published,
}

const EXAMPLES: &str = "\
Examples:
  ranktune score --features features.npy --targets labels.npy
  ranktune score --features f.safetensors:pooled --targets labels.npy --scores logme,h-score --format json
  ranktune score --features f.npy --targets y.npy --probabilities p.npy --scores logme,leep,nce";

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let options = ScoreOptions {
        task: arguments.task.map(Into::into),
        scores: arguments.scores.clone(),
        compat: match arguments.compat {
            CompatName::Exact => Compat::Exact,
            CompatName::Published => Compat::Published,
        },
        standard_errors: if arguments.standard_errors {
            StandardErrors::Jackknife { seed: arguments.seed }
        } else {
            StandardErrors::Without
        },
    };
    let scores = ranktune::score(
        &arguments.features,
        &arguments.targets,
        arguments.probabilities.as_deref(),
        &options,
    )?;
    output::print(arguments.format, &scores, || scores.table())?;
    Ok(Exit::Done)
}
