//! `ranktune rank`

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use ranktune::{LayerChoice, RaceOptions, RankOptions, Ranking};

use super::data::DataArguments;
use super::extraction::{ExtractionArguments, positive};
use super::filter::FilterArguments;
use super::known::RecordArguments;
use super::next::NextCommand;
use super::refine::RefineArguments;
use super::report::ReportArguments;
use super::sources::RemoteArguments;
use super::time::duration;
use crate::exit::Exit;
use crate::output::ListArguments;
use crate::{interrupt, progress};

/// `--layers`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum LayersName {
    /// That of the best layer
    #[default]
    Best,
    /// That of the layers' mean features where all have one width, else the mean of their scores
    Mean,
}

/// `--race` and its settings.
#[derive(Debug, Args)]
#[command(next_help_heading = "Racing")]
struct RaceArguments {
    /// Rank on growing prefixes of the samples, and eliminate models that are unlikely to be among the first --top-k; uses at most
    /// half of the samples of a full ranking
    #[arg(long)]
    race: bool,
    /// Race within a time budget for extraction, such as 90s, 5m or 1h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    budget: Option<Duration>,
    /// The k of P(top k); a race looks for the best k models. Implies --race [default: 3]
    #[arg(long, value_name = "K", value_parser = positive)]
    top_k: Option<usize>,
}

impl RaceArguments {
    fn options(&self) -> Option<RaceOptions> {
        let default = RaceOptions::default();
        (self.race || self.budget.is_some() || self.top_k.is_some()).then_some(RaceOptions {
            budget: self.budget,
            ..default
        })
    }
}

/// `ranktune rank`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Models: folders of models, model folders, .onnx files, manifests (.toml, .json), repositories (hf:ORG/NAME, with
    /// @REVISION or without), "search:WORDS" for what a search finds, or starter:vision and starter:text
    #[arg(long, value_name = "DIR|FILE|hf:ORG/NAME", required = true, num_args = 1.., value_delimiter = ',')]
    hub: Vec<String>,
    /// Scores, the one that orders the ranking first [default: logme, and those others that suit the task and cost little]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    scores: Vec<String>,
    /// Which score of a model's layers is the model's, with --feature layers
    #[arg(long, value_enum, default_value_t)]
    layers: LayersName,
    /// Folder for ranking.json
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    report: ReportArguments,
    #[command(flatten)]
    list: ListArguments,
    /// Print what the ranking would cost in time, downloads and disk, and stop. Each model runs on a few samples, about half a second
    #[arg(long, conflicts_with_all = ["out", "report", "refine"])]
    dry_run: bool,
    /// Seed of everything that is drawn
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    race: RaceArguments,
    #[command(flatten)]
    refine: RefineArguments,
    #[command(flatten)]
    record: RecordArguments,
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten)]
    extraction: ExtractionArguments,
    #[command(flatten)]
    remote: RemoteArguments,
}

const EXAMPLES: &str = "\
Examples:
  ranktune rank --hub models/ --data photos/
  ranktune rank --hub models/ --data photos/ --out ranking/ --report report.html
  ranktune rank --hub models/ --data houses/train.csv --target log10_price
  ranktune rank --hub models/ --data photos/ --scores logme,leep,h-score --format json --out ranking/
  ranktune rank --hub hf:Xenova/resnet-18,hf:Xenova/resnet-50@main --data photos/
  ranktune rank --hub starter:vision models/ --data photos/
  ranktune rank --hub models/ --data hf:datasets/nyu-mll/glue/sst2 --max-samples 2000
  ranktune rank --hub \"search:bird photographs task:image-classification\" --data photos/
  ranktune rank --hub models/ --data photos/ --max-parameters 30M --license apache-2.0,mit --max-latency 20ms
  ranktune rank --hub models/ --data photos/ --dry-run               what it would cost
  ranktune rank --hub models/ --data photos/ --race                  eliminate models that are unlikely to be among the first three
  ranktune rank --hub models/ --data photos/ --budget 5m --top-k 1
  ranktune rank --hub models/ --data photos/ --refine 10m            tune those that may be the best for a few epochs
  ranktune rank --hub models/ --data photos/ --feature layers --layers mean
  ranktune rank --hub models/ --data photos/ --record team.jsonl     predict the best model from the team's earlier results, too
  ranktune rank --hub resnet.onnx vit.onnx --data labels.csv --label-delimiter '|'";

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    arguments.report.check()?;
    let options = RankOptions {
        scores: arguments.scores.clone(),
        max_samples: arguments.data.max_samples,
        seed: arguments.seed,
        extract: ranktune::ExtractOptions {
            max_unreadable: arguments.data.reading.max_skipped,
            ..arguments.extraction.options()?
        },
        layers: match arguments.layers {
            LayersName::Best => LayerChoice::Best,
            LayersName::Mean => LayerChoice::Mean,
        },
        top_k: arguments.race.top_k.unwrap_or(RankOptions::default().top_k),
        race: arguments.race.options(),
        record: arguments.record.known()?,
        filter: arguments.filter.filter(),
        ..RankOptions::default()
    };
    let sources = arguments.remote.sources(&arguments.hub)?;
    let reporter = progress::Reporter::new();
    let data = arguments.data.local(&[], arguments.remote, &reporter)?;
    let dataset = ranktune::load(&data.path, &data.load)?;
    if arguments.dry_run {
        let plan = ranktune::plan_ranking(&sources, dataset, &options, &reporter, interrupt::flag())?;
        arguments.list.print(&plan)?;
        return Ok(Exit::Done);
    }
    let refine = arguments.refine.options(&dataset, &options, arguments.out.as_deref())?;
    let (ranking, trial) = match refine {
        None => (
            ranktune::rank(&sources, dataset, &options, &reporter, interrupt::flag())?,
            None,
        ),
        Some(refine) => {
            let refined = ranktune::refine(&sources, &dataset, (&options, &refine), &reporter, interrupt::flag())?;
            arguments.record.remember_trials(&refined.rows);
            (refined.ranking, refined.best_folder)
        }
    };
    if let Some(folder) = &arguments.out {
        write(&ranking, folder)?;
    }
    arguments.list.print(&ranking)?;
    arguments.report.write(&ranking, &[])?;
    if let Some(next) = arguments
        .next(&ranking, trial.as_deref())
        .filter(|_| arguments.list.is_table())
    {
        next.say();
    }
    if interrupt::flag().is_raised() {
        return Ok(Exit::Interrupted);
    }
    let failed = ranking.skipped.iter().any(|model| !model.is_not_applicable());
    let incomplete = failed || ranking.data.skipped > 0 || !ranking.data.unreadable.is_empty();
    Ok(if incomplete { Exit::Skipped } else { Exit::Done })
}

impl Arguments {
    /// The command that tunes the best model, from its `trial` where it has one; none without a model.
    fn next(&self, ranking: &Ranking, trial: Option<&Path>) -> Option<NextCommand> {
        let best = ranking.models.first()?;
        let command = NextCommand::new("tune").option("hub", &self.hub);
        if let Some(folder) = trial {
            let command = self.data.repeat(command).option("model", [&best.name]);
            let command = command.then(" --method fine-tune --learning-rate auto");
            let command = command.option("seed", (self.seed != 0).then(|| self.seed.to_string()));
            return Some(command.path("out", folder).then(" --resume"));
        }
        let ranking = self.out.as_ref().map(|folder| folder.join("ranking.json"));
        let command = self
            .data
            .repeat(command)
            .option("ranking", ranking.map(|path| path.to_string_lossy().into_owned()))
            .option("model", [&best.name])
            .option("seed", (self.seed != 0).then(|| self.seed.to_string()));
        Some(command.path("out", Path::new("tuned")))
    }
}

fn write(ranking: &Ranking, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{}: this folder cannot be made", folder.display()))?;
    let path = folder.join("ranking.json");
    ranktune_core::files::write_atomically(&path, ranktune_report::to_json(ranking)?.as_bytes())
        .with_context(|| format!("{}: this file cannot be written", path.display()))
}
