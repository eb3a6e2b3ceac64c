//! `ranktune compare`

use std::path::PathBuf;

use clap::Args;

use crate::exit::Exit;
use crate::output::{self, Format};

/// `ranktune compare`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A ranking.json, or a CSV file with the columns model,score
    #[arg(value_name = "RANKING")]
    ranking: PathBuf,
    /// A CSV file with the columns model,accuracy
    #[arg(value_name = "TRUTH")]
    truth: PathBuf,
    /// Score of a ranking.json to compare [default: the score that ordered it]
    #[arg(long, value_name = "NAME")]
    score: Option<String>,
    /// Output format on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  ranktune compare ranking/ranking.json accuracies.csv
  ranktune compare ranking/ranking.json accuracies.csv --score leep --format json";

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let outcome = ranktune::compare(&arguments.ranking, &arguments.truth, arguments.score.as_deref())?;
    for (file, models) in [
        (&arguments.ranking, &outcome.only_in_ranking),
        (&arguments.truth, &outcome.only_in_truth),
    ] {
        if !models.is_empty() {
            output::say(&format!(
                "note: only in {}, and left out: {}",
                file.display(),
                models.join(", ")
            ));
        }
    }
    output::print(arguments.format, &outcome.comparison, || outcome.comparison.table())?;
    // Few models are ever measured; one that is measured and not ranked may be misspelt.
    let complete = outcome.only_in_truth.is_empty();
    Ok(if complete { Exit::Done } else { Exit::Skipped })
}
