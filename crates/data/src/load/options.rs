//! The options of reading a data set.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::{Error, ErrorKind, Result, TagScheme, Task};

/// How to read a data set. The default infers everything.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadOptions {
    /// The split to read. Default: [`Split::Train`], or the only split.
    pub split: Option<Split>,
    /// The configuration of a data set that has several, as those of the Hugging Face hub. Default: the only one, or the one that is
    /// marked or called `default`.
    pub config: Option<String>,
    /// What the data set is called in documents and errors instead of by its path. Default: its path.
    pub name: Option<String>,
    /// The task. Default: inferred from the targets.
    pub task: Option<Task>,
    /// Target columns of a table; several columns are regression, or labels of 0 and 1. Default: `label`, or else the only one
    /// of `labels`, `target`, `targets`, `class`, `category`, `score`, `y`.
    pub targets: Vec<String>,
    /// The column of files or texts. Default: chosen by its name.
    pub input_column: Option<String>,
    /// The separator of several labels in one cell of a table (`|`). It makes the task multi-label, and an empty cell a sample
    /// without labels. Default: none.
    pub label_delimiter: Option<String>,
    /// The column of the tags in a file of tagged words, counted from 1. Default: the last; in CoNLL-U the fourth.
    pub column: Option<usize>,
    /// The column of the words in a file of tagged words, counted from 1. Default: the first, or the second where the first only
    /// numbers the words.
    pub word_column: Option<usize>,
    /// How tags mark entities. Default: inferred from the tags.
    pub tag_scheme: Option<TagScheme>,
    /// Values of a target that stand for no target (`-1` or `-` in SNLI). Default: none, apart from −1 in a column whose class
    /// names the file gives.
    pub no_label: Vec<String>,
    /// The decimal mark of numbers that a table holds as text: `.` or `,`. Default: inferred from the column.
    pub decimal: Option<char>,
    /// The folder for images that a table stores as bytes, each in a file named by its content. Default: `images` in the user's
    /// cache folder.
    pub image_folder: Option<PathBuf>,
    /// The largest share of rows that may be skipped for one reason (no target; no text; the file is missing). A larger share
    /// is an error. Default: 0.05.
    pub max_skipped: f64,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            split: None,
            config: None,
            name: None,
            task: None,
            targets: Vec::new(),
            input_column: None,
            label_delimiter: None,
            column: None,
            word_column: None,
            tag_scheme: None,
            no_label: Vec::new(),
            decimal: None,
            image_folder: None,
            max_skipped: 0.05,
        }
    }
}

/// A split of a data set. Parsed from any of the names in [`Split::names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    /// For training.
    Train,
    /// For the choice of settings.
    Validation,
    /// For the final measurement.
    Test,
}

impl Split {
    /// All splits.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// The names of its folders and tables, the usual one first.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::Train => &["train", "training"],
            Self::Validation => &["validation", "val", "valid", "dev"],
            Self::Test => &["test", "testing"],
        }
    }

    /// The split whose folder, or table without its extension, has this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        Self::ALL
            .into_iter()
            .find(|split| split.names().contains(&name.as_str()))
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.names()[0])
    }
}

impl FromStr for Split {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::named(name).ok_or_else(|| {
            let message = format!("unknown split {name:?}; expected train, validation (val, valid, dev) or test");
            Error::new(ErrorKind::NotFound, message)
        })
    }
}
