//! Reading a data set: [`load`] recognizes what lies at a path, reads it, and reports what it did.
//!
//! | path | read as |
//! |---|---|
//! | a folder of class folders | images; the class is the folder's name; folders within a class are searched too |
//! | a folder with such folders under `train/`, `test/`, `val/` … | the split [`LoadOptions::split`], by default `train` |
//! | a folder with `train.csv`, `test.jsonl` … | the table of that split |
//! | a folder whose `README.md` lists `configs`, as repositories of data sets have it | the files of that list |
//! | a folder of `save_to_disk` of the library `datasets` | the Arrow files that `state.json` lists |
//! | a folder with `1.ann` beside `1.txt` … (brat) | tagged words |
//! | a folder with `train-00000-of-00002.parquet` …, or a folder of such in it (`data`, a configuration) | the shards of that split, in order |
//! | a table with a list of words and a list of tags in each row (`tokens`, `ner_tags`) | sentences of tagged words |
//! | a folder with `metadata.csv` (`.jsonl`, `.parquet` …), `labels.csv` or `annotations.csv` | that table |
//! | a folder with one table and at most one folder of images | that table |
//! | a file in CoNLL columns, with [`Task::Tokens`] or an extension such as `.conll .iob .bio` | one word and its tag a line |
//! | a table: `.csv .tsv .jsonl .ndjson .json .parquet .arrow .feather .xlsx`, the text formats also as `.gz`; `annotations.xml` of CVAT | a column of files, of images stored as bytes or of texts, and target columns |
//!
//! If a table and a folder have the name of the same split, the table is read, and the folder holds its files. File names in a
//! table are relative to the folder of the table.
//!
//! # The task
//! [`LoadOptions::task`], or else the first rule that holds for the cells of the target column:
//!
//! | cells | task |
//! |---|---|
//! | several columns of 0 and 1 (or true and false) | multi-label, one label per column |
//! | several columns | regression, one number per column |
//! | lists of 0 and 1, of equal length and with repeated values: one position per label | multi-label |
//! | lists with fractions, of equal length | regression |
//! | lists (in JSON, Parquet, as `["a", "b"]` in CSV, or by [`LoadOptions::label_delimiter`]) | multi-label; an empty list has no label |
//! | indices of classes that the file names (Parquet of the library `datasets`) | classification, by those names |
//! | any text, true or false | classification |
//! | numbers in another notation (`1,000`; `0,05`; `$5`) | as the numbers |
//! | any number with a point or exponent, unless all are whole | regression |
//! | at most two different integers | classification |
//! | integers in a column named `label`, `class`, `category` …, at most half as many as rows (or 20) | classification |
//! | exactly the integers 0 to k − 1, k ≤ 100, at least two rows each | classification |
//! | other integers | regression |
//!
//! With an explicit task, classification takes any single values as class names; regression takes finite numbers only.
//!
//! # Missing cells
//! An empty cell, a null, a NaN, and in a column of numbers a placeholder (`NA`, `null`, `none`, `?` …) is a missing target. Rows
//! without a target, without an input, or whose file does not exist are skipped, up to [`LoadOptions::max_skipped`] of all rows
//! for each reason. A negative index of a named class, and a value of [`LoadOptions::no_label`], say that a row has no target; they
//! are skipped without a limit.
//!
//! [`Dataset::notes`] and [`Dataset::inferred`] report what was found, skipped and inferred. No image is decoded here. A table
//! format is one file in `table/` and one entry in `table::formats::FORMATS`.

mod brat;
mod class_folders;
mod columns;
mod conll;
mod convert;
mod data_files;
mod file_names;
mod infer;
mod integers;
mod layout;
mod list_text;
mod notation;
mod options;
mod rows;
mod shards;
mod standoff;
mod stored_images;
mod table;
mod table_place;
mod tagged;
mod target_column;
mod targets_only;
mod words;

use std::path::{Path, PathBuf};

use rayon::prelude::*;

#[cfg(doc)]
use crate::Task;
use crate::card::DatasetCard;
use crate::error::counted;
use crate::image::has_several;
use crate::{Dataset, Result};

pub use data_files::{DataFiles, data_files};
pub use options::{LoadOptions, Split};
pub(crate) use table::is_table;
pub(crate) use targets_only::table_targets;

/// Reads the data set at `path`.
///
/// # Errors
/// - `NotFound`: `path`, the split or a column does not exist (the error lists what does); more files of a table are missing than
///   [`LoadOptions::max_skipped`] allows.
/// - `Io`: a folder or table cannot be read.
/// - `Malformed`: a table does not follow its format; the error has the line or row.
/// - `Invalid`: fewer than two classes, a regression target that is not a number, no rows, images without class folders.
/// - `Unsupported`: the file is not a table.
///
/// # Examples
/// ```no_run
/// use ranktune_data::{load, LoadOptions};
/// let dataset = load("flowers".as_ref(), &LoadOptions::default())?;
/// println!("{} samples, {} because {}", dataset.n_samples(), dataset.inferred.task, dataset.inferred.reason);
/// # Ok::<(), ranktune_data::Error>(())
/// ```
pub fn load(path: &Path, options: &LoadOptions) -> Result<Dataset> {
    let card = card_of(path);
    let mut dataset = match layout::find(path, options, &card)? {
        layout::Found::Tables { path, files, notes } => {
            let notes = [card.notes.clone(), notes].concat();
            rows::read(&path, &files, (options, &card), notes)?
        }
        layout::Found::ClassFolders { path, notes } => class_folders::read(&path, options, notes)?,
        layout::Found::Documents { path, files, notes } => brat::read(&path, &files, options, notes)?,
        layout::Found::Columns { path, notes } => conll::read(&path, options, notes)?,
    };
    if let Some(name) = &options.name {
        dataset.path = name.into();
    }
    dataset.notes.extend(first_frames(&dataset));
    Ok(dataset)
}

/// A note about images of several frames or pages.
fn first_frames(dataset: &Dataset) -> Option<String> {
    /// Formats in which that is usual; others are not opened.
    const MOVING: [&str; 4] = ["gif", "tif", "tiff", "webp"];
    let files = dataset.inputs.files()?;
    let several: Vec<&PathBuf> = files
        .par_iter()
        .filter(|file| {
            let end = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
            MOVING.contains(&end.as_str()) && has_several(file)
        })
        .collect();
    let first = several.first()?.file_name()?.to_string_lossy();
    Some(format!(
        "the first frame or page is taken of {} of {}: {first:?}{}",
        several.len(),
        counted(files.len(), "image"),
        if several.len() > 1 { ", …" } else { "" }
    ))
}

/// Whether the data set in the folder `path` has a part `split`, as `options` would read it.
pub fn has_split(path: &Path, split: Split, options: &LoadOptions) -> bool {
    let options = LoadOptions {
        split: Some(split),
        ..options.clone()
    };
    path.is_dir() && layout::find(path, &options, &card_of(path)).is_ok()
}

/// The description of the data set in a folder.
fn card_of(path: &Path) -> DatasetCard {
    if path.is_dir() {
        DatasetCard::read(path)
    } else {
        DatasetCard::default()
    }
}
