//! The arguments that name a data set, shared by every command that reads one.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ranktune::{LoadOptions, Split, TagScheme, Task};

/// `--task`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskName {
    /// One class a sample
    Classification,
    /// Any number of labels a sample
    Multilabel,
    /// One or more numbers a sample
    Regression,
    /// One class a token (named entities)
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

/// Where the samples are and what is to be predicted.
#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub(crate) struct DataArguments {
    /// A folder of class folders (or train/ and test/ of such), or a CSV, TSV, JSONL or Parquet table with a column of files or texts,
    /// or a file of words and tags (--task tokens)
    #[arg(long, value_name = "PATH")]
    pub(crate) data: PathBuf,
    /// The task, if it is not to be inferred from the targets
    #[arg(long, value_enum)]
    task: Option<TaskName>,
    /// Target column of a table [default: label]; several for regression, repeated or separated by commas
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    target: Vec<String>,
    /// Column of a table that names the files, or holds the texts [default: file, image, path, text, …]
    #[arg(long, value_name = "COLUMN")]
    input_column: Option<String>,
    /// What separates the labels in a cell of a CSV, for multi-label targets
    #[arg(long, value_name = "TEXT")]
    label_delimiter: Option<String>,
    /// Column of the tags in a file of words and tags, counted from 1 [default: the last]
    #[arg(long, value_name = "N")]
    column: Option<usize>,
    /// How tags mark entities [default: found from the tags]
    #[arg(long, value_name = "iob1|iob2|iobes|plain")]
    tag_scheme: Option<TagScheme>,
    /// Part of the data to use where the folder has train/, test/, … [default: train]
    #[arg(long, value_name = "train|validation|test")]
    split: Option<Split>,
    /// Use at most so many samples, drawn by --seed, in every class alike
    #[arg(long, value_name = "N")]
    pub(crate) max_samples: Option<usize>,
}

impl DataArguments {
    pub(crate) fn load_options(&self) -> LoadOptions {
        LoadOptions {
            task: self.task.map(Task::from),
            targets: self.target.clone(),
            input_column: self.input_column.clone(),
            label_delimiter: self.label_delimiter.clone(),
            column: self.column,
            tag_scheme: self.tag_scheme,
            split: self.split,
            ..LoadOptions::default()
        }
    }
}
