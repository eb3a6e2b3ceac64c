//! Reading a data set: [`load`] takes what the user names, finds out what it is, and says so.
//!
//! | named | read as |
//! |---|---|
//! | a folder of class folders | images; the folder's name is the class; folders within a class are walked |
//! | a folder with `train/`, `test/`, `val/` … of those | the split that [`LoadOptions::split`] says, else `train` |
//! | a folder with `train.csv`, `test.jsonl` … | that split's table |
//! | a folder with `metadata.csv` (`.jsonl`, `.parquet` …), `labels.csv` or `annotations.csv` | that table |
//! | a folder with one table and at most one folder of images | that table |
//! | a file of columns, with [`Task::Tokens`] or named `.conll .iob .bio` … | a word and its tag a line (`conll`) |
//! | a table: `.csv .tsv .jsonl .ndjson .json .parquet` | a column of files or texts, and target columns |
//!
//! A table beside a folder of its split's name wins over the folder, which then holds the files. File names in a table are
//! relative to the table's folder.
//!
//! # The task
//! [`LoadOptions::task`], or else the first that holds of the target column's cells:
//!
//! | cells | task |
//! |---|---|
//! | several columns of 0 and 1 (or true and false) | multi-label, a label each column |
//! | several columns | regression, a number each column |
//! | lists with a place of 0 or 1 for each label (equally long, values repeat) | multi-label |
//! | lists with fractions, equally long | regression |
//! | lists (in JSON, Parquet, as `["a", "b"]` in CSV, or by [`LoadOptions::label_delimiter`]) | multi-label; an empty list is no label |
//! | any text, true or false | classification |
//! | any number with a point or exponent | regression |
//! | at most two different integers | classification |
//! | integers in a column named `label`, `class`, `category` …, at most half as many as rows (or 20) | classification |
//! | all of the integers 0 to k − 1, k ≤ 100, two rows each | classification |
//! | other integers | regression |
//!
//! Asked for, classification takes any single values as names; regression takes only finite numbers.
//!
//! # Missing cells
//! An empty cell, a null, a NaN, and among numbers what stands for none (`NA`, `null`, `none`, `?` …) is a missing target. Rows
//! without target, without input, or whose file is not there are skipped, each up to [`LoadOptions::max_skipped`] of all rows.
//!
//! What was found, left out and inferred is in [`Dataset::notes`] and [`Dataset::inferred`]. Nothing here decodes an image. A table
//! format is one file here and one line in `table::FORMATS`.

mod class_folders;
mod columns;
mod conll;
mod csv_table;
mod infer;
mod integers;
mod json_table;
mod layout;
mod list_text;
mod parquet_table;
mod rows;
mod table;
mod target_column;
mod targets_only;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::{Dataset, Error, ErrorKind, Result, TagScheme, Task};

pub(crate) use targets_only::{is_table, table_targets};

/// How to read a data set. The default infers everything.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadOptions {
    /// The part to read where the data set has parts. Default: [`Split::Train`], or the only one there is.
    pub split: Option<Split>,
    /// The task, where it is not to be inferred. Default: inferred.
    pub task: Option<Task>,
    /// Target columns of a table; several are regression, or labels of 0 and 1. Default: `label`, or else the only one of
    /// `labels`, `target`, `targets`, `class`, `category`, `score`, `y`.
    pub targets: Vec<String>,
    /// The column of files or texts. Default: found by its name.
    pub input_column: Option<String>,
    /// What separates several labels in one cell of a table (`|`): makes the task multi-label, an empty cell a sample without
    /// labels. Default: none.
    pub label_delimiter: Option<String>,
    /// The column of the tags where words are tagged, counted from 1. Default: the last.
    pub column: Option<usize>,
    /// How tags mark entities. Default: found from the tags.
    pub tag_scheme: Option<TagScheme>,
    /// The largest share of a table's rows that may be skipped for one reason (no target; no text; the file is missing).
    /// Beyond it loading is an error. Default: 0.05.
    pub max_skipped: f64,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            split: None,
            task: None,
            targets: Vec::new(),
            input_column: None,
            label_delimiter: None,
            column: None,
            tag_scheme: None,
            max_skipped: 0.05,
        }
    }
}

/// A part of a data set. Parsed from any of the names that [`Split::names`] lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    /// To learn from.
    Train,
    /// To choose settings by.
    Validation,
    /// To measure the result by.
    Test,
}

impl Split {
    /// All of them, in the order of preference.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// The names that folders and tables have for it, the usual one first.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::Train => &["train", "training"],
            Self::Validation => &["validation", "val", "valid", "dev"],
            Self::Test => &["test", "testing"],
        }
    }

    /// The split that a folder, or a table without its extension, of this name holds.
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

/// Reads the data set at `path`.
///
/// # Errors
/// - `NotFound`: `path`, the split, or a column is not there (what there is instead is listed); files that a table names are
///   missing beyond [`LoadOptions::max_skipped`].
/// - `Io`: a folder or table cannot be read.
/// - `Malformed`: a table is not of its format; the line or row is named.
/// - `Invalid`: fewer than two classes, a target that is no number in a regression, no rows, images without class folders.
/// - `Unsupported`: a file that is no table.
///
/// # Examples
/// ```no_run
/// use ranktune_data::{load, LoadOptions};
/// let dataset = load("flowers".as_ref(), &LoadOptions::default())?;
/// println!("{} samples, {} because {}", dataset.n_samples(), dataset.inferred.task, dataset.inferred.reason);
/// # Ok::<(), ranktune_data::Error>(())
/// ```
pub fn load(path: &Path, options: &LoadOptions) -> Result<Dataset> {
    if let Some(found) = layout::find_columns(path, options)? {
        return conll::read(&found.0, options, found.1);
    }
    match layout::find(path, options.split)? {
        layout::Found::Table { path, notes } => rows::read(&path, options, notes),
        layout::Found::ClassFolders { path, notes } => class_folders::read(&path, options, notes),
    }
}
