//! `ranktune study`

mod workers;

use std::path::PathBuf;

use clap::Args;
use ranktune::{ExtractOptions, METHODS, Split, StudyInput, StudyOptions, StudyRun};

use super::data::{ReadingArguments, local};
use super::extraction::{EngineArguments, positive};
use super::report;
use super::sources::RemoteArguments;
use super::tune::{Rate, rate};
use crate::exit::Exit;
use crate::output::{self, Format};
use crate::{interrupt, progress};

/// `ranktune study`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Models: folders of models, model folders, .onnx files, manifests (.toml, .json), or repositories (hf:ORG/NAME)
    #[arg(long, value_name = "DIR|FILE|hf:ORG/NAME", required = true, num_args = 1.., value_delimiter = ',')]
    hub: Vec<String>,
    /// Data sets: folders with a subfolder per class (or train/ and test/ with such subfolders), tables, files of words and tags, or
    /// repositories (hf:datasets/ORG/NAME). A data set is tested on its test split, or else on a fixed share of its samples
    #[arg(long, value_name = "PATH", required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// Folder of the study: its finished parts, and the documents at the end
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Tuning methods, the one that others are compared with first
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "fine-tune", value_parser = method)]
    methods: Vec<String>,
    /// Number of tunings of every model on every data set by every method, with consecutive seeds
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive)]
    seeds: usize,
    /// The first seed, which also draws the samples
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Scores [default: all that the task has]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    scores: Vec<String>,
    /// Use at most N training samples of a data set, stratified by class
    #[arg(long, value_name = "N", value_parser = positive)]
    max_samples: Option<usize>,
    /// Use at most N test samples of a data set, stratified by class
    #[arg(long, value_name = "N", value_parser = positive)]
    max_test_samples: Option<usize>,
    /// Share of the samples that is held out for testing, where there is no test split
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    test_share: f64,
    /// Share of the training samples that validates
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    validation: f64,
    /// Epochs [default: 10, for texts 5]
    #[arg(long, value_name = "N", value_parser = positive)]
    epochs: Option<usize>,
    /// Learning rates: one, several of which the validation samples choose, or auto for the same search as tune --learning-rate auto
    #[arg(long, value_name = "X|X,X,…|auto", default_value = "auto", value_parser = rate)]
    learning_rate: Rate,
    /// The largest shorter edge of images that are tuned on, in pixels; models with smaller inputs keep theirs [default: no limit]
    #[arg(long, value_name = "N", value_parser = positive)]
    image_size: Option<usize>,
    /// Number of processes that share the work on this machine; each has a part of the cores
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive)]
    processes: usize,
    /// Go on with the study in --out, which is also done without this option
    #[arg(long)]
    resume: bool,
    /// Do those tunings and rankings again that failed before
    #[arg(long)]
    retry_failed: bool,
    /// Print what would be done and how long it may take, and stop
    #[arg(long)]
    dry_run: bool,
    /// Work for another process that prints the results
    #[arg(long, hide = true)]
    worker: bool,
    /// What is printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write the study as an HTML page: one file with tables and pictures
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    reading: ReadingArguments,
    #[command(flatten)]
    engine: EngineArguments,
    #[command(flatten)]
    remote: RemoteArguments,
}

const EXAMPLES: &str = "\
Examples:
  ranktune study --hub models/ --data flowers/ pets/ cars/ --out study/
  ranktune study --hub models/ --data flowers/ pets/ --dry-run --out study/       what would be done
  ranktune study --hub models/ --data flowers/ pets/ --seeds 3 --methods fine-tune,b-tuning,l2-sp --out study/
  ranktune study --hub models/ --data flowers/ pets/ --max-samples 400 --epochs 5 --image-size 96 --processes 2 --out study/

Interrupted or killed, the same command goes on where it was. Several processes, also when started by hand, share the work of one folder.";

fn method(text: &str) -> anyhow::Result<String> {
    let names: Vec<&str> = METHODS.iter().map(|method| method.name).collect();
    anyhow::ensure!(names.contains(&text), "expected one of {}", names.join(", "));
    Ok(text.to_owned())
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let options = arguments.options()?;
    arguments.report.as_deref().map(report::check).transpose()?;
    let sources = arguments.remote.sources(&arguments.hub)?;
    let load = arguments.reading.load_options();
    let reporter = progress::Reporter::new();
    let mut data = Vec::new();
    for path in &arguments.data {
        let local = local(path, (&load, &[Split::Test]), arguments.remote, &reporter)?;
        data.push(StudyInput {
            path: local.path,
            load: local.load,
        });
    }
    if arguments.worker {
        return workers::serve(&sources, &data, &options);
    }
    let flag = interrupt::flag();
    let study = StudyRun::open(&sources, &data, &options, &reporter, flag)?;
    if arguments.dry_run {
        study.time(flag)?;
        let plan = study.plan();
        output::print(arguments.format, &plan, || plan.table())?;
        return Ok(Exit::Done);
    }
    study.begin()?;
    let finished = study.plan();
    if finished.finished > 0 {
        output::say(&format!(
            "going on with the study in {}: {} of {} tunings are done",
            options.out.display(),
            finished.finished,
            finished.cells
        ));
    } else if arguments.resume {
        output::say(&format!("no tuning is finished in {} yet", options.out.display()));
    }
    if arguments.processes > 1 && finished.finished < finished.cells {
        workers::share(arguments.processes, options.extract.threads, flag)?;
    }
    study.work(&reporter, flag)?;
    let study = study.finish()?;
    output::print(arguments.format, &study, || study.table())?;
    if let Some(path) = &arguments.report {
        report::write_one(path, &study)?;
    }
    output::say(&format!("the documents are in {}", options.out.display()));
    Ok(if study.failures.is_empty() {
        Exit::Done
    } else {
        Exit::Skipped
    })
}

impl Arguments {
    fn options(&self) -> anyhow::Result<StudyOptions> {
        let mut options = StudyOptions::new(&self.out);
        options.methods.clone_from(&self.methods);
        options.seeds = self.seeds;
        options.seed = self.seed;
        options.scores.clone_from(&self.scores);
        options.max_samples = self.max_samples;
        options.max_test_samples = self.max_test_samples;
        options.test_share = self.test_share;
        options.validation = self.validation;
        options.epochs = self.epochs;
        options.learning_rates = match &self.learning_rate {
            Rate::Auto => Vec::new(),
            Rate::Fixed(rate) => vec![*rate],
            Rate::OneOf(rates) => rates.clone(),
        };
        options.image_size = self.image_size;
        options.retry_failed = self.retry_failed;
        options.extract = ExtractOptions {
            max_unreadable: self.reading.max_skipped,
            ..self.engine.options()?
        };
        Ok(options)
    }
}
