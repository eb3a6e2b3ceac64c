//! The arguments that name a data set, shared by all commands that read one.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ranktune::{LoadOptions, LocalData, Progress, RemoteOptions, Split, TagScheme, Task};

use super::next::NextCommand;
use super::sources::RemoteArguments;
use crate::interrupt;

/// `--task`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskName {
    /// One class per sample
    Classification,
    /// Any number of labels per sample
    Multilabel,
    /// One or more numbers per sample
    Regression,
    /// One tag per word (named entities)
    Tokens,
}

impl From<TaskName> for Task {
    fn from(name: TaskName) -> Self {
        match name {
            TaskName::Classification => Self::Classification,
            TaskName::Multilabel => Self::MultiLabel,
            TaskName::Regression => Self::Regression,
            TaskName::Tokens => Self::Tokens,
        }
    }
}

/// How samples and targets are read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub(crate) struct ReadingArguments {
    /// The task [default: inferred from the targets]
    #[arg(long, value_enum)]
    task: Option<TaskName>,
    /// Target column of a table; for regression several, repeated or separated by commas [default: label]
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    target: Vec<String>,
    /// Column of a table with the files or texts [default: file, image, path, text, …]
    #[arg(long, value_name = "COLUMN")]
    input_column: Option<String>,
    /// Separator of the labels in a CSV cell, for multi-label targets
    #[arg(long, value_name = "TEXT")]
    label_delimiter: Option<String>,
    /// Column of the tags in a file of words and tags, counted from 1 [default: the last; in CoNLL-U the fourth]
    #[arg(long, value_name = "N")]
    column: Option<usize>,
    /// Column of the words in a file of words and tags, counted from 1 [default: the first, or the second if the first numbers the
    /// words]
    #[arg(long, value_name = "N")]
    word_column: Option<usize>,
    /// Tagging scheme of the entities [default: detected from the tags]
    #[arg(long, value_name = "iob1|iob2|iobes|plain")]
    tag_scheme: Option<TagScheme>,
    /// Configuration of a data set that has several, as those of the Hugging Face hub [default: the only or the default one]
    #[arg(long, value_name = "NAME")]
    config: Option<String>,
    /// Split to use if the folder has train/, test/, … [default: train]
    #[arg(long, value_name = "train|validation|test")]
    split: Option<Split>,
    /// Value of the target that says that a row has no label, such as -1; may be repeated
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    no_label: Vec<String>,
    /// Decimal mark of numbers in a CSV table [default: inferred from the column]
    #[arg(long, value_name = ".|,", value_parser = decimal_mark)]
    decimal: Option<char>,
    /// Largest share of rows without target, text or file, and of images that cannot be read; more is an error
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = share)]
    pub(crate) max_skipped: f64,
}

/// The samples and their targets.
#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub(crate) struct DataArguments {
    /// A folder with a subfolder per class (or train/ and test/ with such subfolders); a table (CSV, TSV, JSONL, Parquet, Arrow, Excel)
    /// with a column of files or texts; a file of words and tags (--task tokens); or a data set of the Hugging Face hub
    /// (hf:datasets/ORG/NAME, with @REVISION and /CONFIG behind it or without)
    #[arg(long, value_name = "PATH|hf:datasets/ORG/NAME")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) reading: ReadingArguments,
    /// Use at most N samples, drawn with --seed and stratified by class
    #[arg(long, value_name = "N")]
    pub(crate) max_samples: Option<usize>,
}

fn decimal_mark(text: &str) -> Result<char, String> {
    match text {
        "." => Ok('.'),
        "," => Ok(','),
        _ => Err("expected . or ,".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a share between 0 and 1".to_owned())
}

impl DataArguments {
    /// Adds these arguments to a command.
    pub(crate) fn repeat(&self, command: NextCommand) -> NextCommand {
        let task = self
            .reading
            .task
            .and_then(|task| Some(task.to_possible_value()?.get_name().to_owned()));
        command
            .path("data", &self.data)
            .option("task", task)
            .option(
                "target",
                (!self.reading.target.is_empty()).then(|| self.reading.target.join(",")),
            )
            .option("input-column", self.reading.input_column.as_deref())
            .option("label-delimiter", self.reading.label_delimiter.as_deref())
            .option("column", self.reading.column.map(|column| column.to_string()))
            .option("word-column", self.reading.word_column.map(|column| column.to_string()))
            .option("tag-scheme", self.reading.tag_scheme.map(|scheme| scheme.to_string()))
            .option("config", self.reading.config.as_deref())
            .option("split", self.reading.split.map(|split| split.to_string()))
            .option("no-label", &self.reading.no_label)
            .option("decimal", self.reading.decimal.map(|mark| mark.to_string()))
            .option("max-samples", self.max_samples.map(|limit| limit.to_string()))
    }

    pub(crate) fn load_options(&self) -> LoadOptions {
        self.reading.load_options()
    }

    /// The data set on this machine, downloaded if need be; with its splits `also`, if it has them.
    pub(crate) fn local(
        &self,
        also: &[Split],
        remote: RemoteArguments,
        progress: &dyn Progress,
    ) -> anyhow::Result<LocalData> {
        local(&self.data, (&self.load_options(), also), remote, progress)
    }
}

/// The data set at `path` on this machine. The environment is read only if a download may be necessary.
pub(crate) fn local(
    path: &Path,
    (options, also): (&LoadOptions, &[Split]),
    remote: RemoteArguments,
    progress: &dyn Progress,
) -> anyhow::Result<LocalData> {
    let remote = if ranktune::is_hub_data(path) {
        remote.remote()?
    } else {
        RemoteOptions::default()
    };
    Ok(ranktune::fetch_data(
        path,
        (options, also),
        &remote,
        progress,
        interrupt::flag(),
    )?)
}

impl ReadingArguments {
    pub(crate) fn load_options(&self) -> LoadOptions {
        LoadOptions {
            task: self.task.map(Task::from),
            targets: self.target.clone(),
            input_column: self.input_column.clone(),
            label_delimiter: self.label_delimiter.clone(),
            column: self.column,
            word_column: self.word_column,
            tag_scheme: self.tag_scheme,
            split: self.split,
            config: self.config.clone(),
            no_label: self.no_label.clone(),
            decimal: self.decimal,
            max_skipped: self.max_skipped,
            ..LoadOptions::default()
        }
    }
}
