//! `ranktune score`

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ranktune::{ArraySource, Compat, ProductPrecision, ScoreFileOptions, ScoreFiles, StandardErrors};

use super::data::TaskName;
use crate::exit::Exit;
use crate::output::{self, Format};

/// `ranktune score`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Features, a row a sample: .npy, .npz, .safetensors or Parquet; FILE:NAME takes one array of several; shards by commas
    #[arg(long, value_name = "FILE,…", num_args = 1.., requires = "targets")]
    features: Vec<String>,
    /// Targets of each shard: one whole number a sample is its class, other numbers are regression, several of 0 and 1 are labels
    #[arg(long, value_name = "FILE,…", num_args = 1.., requires = "features")]
    targets: Vec<String>,
    /// A source classifier's probabilities, a row a sample, for leep and nce
    #[arg(long, value_name = "FILE,…", num_args = 1.., requires = "features")]
    probabilities: Vec<String>,
    /// Statistics that other runs saved, of other samples, to be added
    #[arg(long, value_name = "FILE,…", num_args = 1..)]
    statistics: Vec<String>,
    /// Save the statistics of all samples, for --statistics
    #[arg(long, value_name = "FILE")]
    save_statistics: Option<PathBuf>,
    /// The task, if it is not to be inferred from the targets
    #[arg(long, value_enum)]
    task: Option<TaskName>,
    /// Scores [default: logme, and with --probabilities leep and nce]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    scores: Vec<String>,
    /// Which value of LogME: the maximum of the evidence, or what the published code gives
    #[arg(long, value_enum, default_value_t)]
    compat: CompatName,
    /// How products are computed: in f64, or faster in f32 with the error of logme bounded, said, and f64 taken where it is too large
    #[arg(long, value_enum, default_value_t)]
    precision: PrecisionName,
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

/// `--precision`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum PrecisionName {
    /// Products and sums in f64
    #[default]
    Double,
    /// Products of blocks of rows in f32, sums of them in f64
    Fast,
}

const EXAMPLES: &str = "\
Examples:
  ranktune score --features features.npy --targets labels.npy
  ranktune score --features f.safetensors:pooled --targets labels.npy --scores logme,h-score --format json
  ranktune score --features f.npy --targets y.npy --probabilities p.npy --scores logme,leep,nce
  ranktune score --features a.npy,b.npy --targets ya.npy,yb.npy --save-statistics here.stats
  ranktune score --statistics here.stats,there.stats";

/// Paths from arguments that may list several with commas; a file whose name has a comma is one path.
fn paths(arguments: &[String]) -> Vec<PathBuf> {
    arguments
        .iter()
        .flat_map(|argument| {
            if Path::new(argument).exists() {
                vec![PathBuf::from(argument)]
            } else {
                argument
                    .split(',')
                    .filter(|path| !path.is_empty())
                    .map(PathBuf::from)
                    .collect()
            }
        })
        .collect()
}

fn arrays(arguments: &[String]) -> Vec<ArraySource<'static>> {
    paths(arguments).into_iter().map(ArraySource::File).collect()
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let options = ScoreFileOptions {
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
        precision: match arguments.precision {
            PrecisionName::Double => ProductPrecision::Double,
            PrecisionName::Fast => ProductPrecision::Fast,
        },
    };
    let files = ScoreFiles {
        features: arrays(&arguments.features),
        targets: arrays(&arguments.targets),
        probabilities: arrays(&arguments.probabilities),
        statistics: paths(&arguments.statistics),
        save: arguments.save_statistics.clone(),
    };
    let scores = ranktune::score(&files, &options)?;
    output::print(arguments.format, &scores, || scores.table())?;
    let all = scores.scores.values().all(|score| score["value"].is_number());
    Ok(if all { Exit::Done } else { Exit::Skipped })
}
