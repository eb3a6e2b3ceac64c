//! `ranktune rank`

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use ranktune::{RankOptions, Ranking};

use super::data::DataArguments;
use super::extraction::ExtractionArguments;
use super::sources::RemoteArguments;
use crate::exit::Exit;
use crate::output::{self, Format};
use crate::{interrupt, progress};

/// `ranktune rank`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Models: folders of models, model folders, .onnx files, manifests (.toml, .json), repositories (hf:ORG/NAME, with
    /// @REVISION or without), or starter:vision and starter:text
    #[arg(long, value_name = "DIR|FILE|hf:ORG/NAME", required = true, num_args = 1.., value_delimiter = ',')]
    hub: Vec<String>,
    #[command(flatten)]
    data: DataArguments,
    /// Scores, the one that orders the ranking first [default: logme, and those others that suit the task and cost little]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    scores: Vec<String>,
    #[command(flatten)]
    extraction: ExtractionArguments,
    #[command(flatten)]
    remote: RemoteArguments,
    /// Folder for ranking.json
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What is printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Seed of everything that is drawn
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
}

const EXAMPLES: &str = "\
Examples:
  ranktune rank --hub models/ --data photos/
  ranktune rank --hub models/ --data houses/train.csv --target log10_price
  ranktune rank --hub models/ --data photos/ --scores logme,leep,h-score --format json --out ranking/
  ranktune rank --hub hf:Xenova/resnet-18,hf:Xenova/resnet-50@main --data photos/
  ranktune rank --hub starter:vision models/ --data photos/
  ranktune rank --hub resnet.onnx vit.onnx --data labels.csv --label-delimiter '|'";

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let options = RankOptions {
        scores: arguments.scores.clone(),
        max_samples: arguments.data.max_samples,
        seed: arguments.seed,
        extract: arguments.extraction.options()?,
    };
    let sources = arguments.remote.sources(&arguments.hub)?;
    let reporter = progress::Reporter::new();
    let dataset = ranktune::load(&arguments.data.data, &arguments.data.load_options())?;
    let ranking = ranktune::rank(&sources, dataset, &options, &reporter, interrupt::flag())?;
    if let Some(folder) = &arguments.out {
        write(&ranking, folder)?;
    }
    output::print(arguments.format, &ranking, || ranking.table())?;
    let failed = ranking.skipped.iter().any(|model| !model.is_not_applicable());
    let incomplete = failed || ranking.data.skipped > 0 || !ranking.data.unreadable.is_empty();
    Ok(if incomplete { Exit::Skipped } else { Exit::Done })
}

fn write(ranking: &Ranking, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{}: this folder cannot be made", folder.display()))?;
    let path = folder.join("ranking.json");
    // A reader never sees half a file: it is written beside its place, and moved there when it is whole.
    let partial = folder.join(format!(".ranking.json.{}", std::process::id()));
    fs::write(&partial, ranktune_report::to_json(ranking)?)
        .and_then(|()| fs::rename(&partial, &path))
        .with_context(|| format!("{}: this file cannot be written", path.display()))
}
