//! Converts a table to a data set: selects the inputs, infers the targets, and skips and counts rows that lack either.

mod skip;

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::columns::{self, Input};
use super::file_names::{self, Found};
use super::options::LoadOptions;
use super::stored_images::StoredImages;
use super::table::{self, Cell, Table};
use super::table_place::TablePlace;
use super::target_column::TargetColumn;
use super::{class_folders, infer, notation, tagged};
use crate::card::DatasetCard;
use crate::error::{counted, listed, shortened};
use crate::{Dataset, Error, ErrorKind, Inputs, Result, Task};
use skip::{Lack, SHOWN, Skip};

/// Reads the tables, which are the shards of one data set; `path` is the table, or the folder of several.
pub(super) fn read(
    path: &Path,
    files: &[PathBuf],
    (options, card): (&LoadOptions, &DatasetCard),
    mut notes: Vec<String>,
) -> Result<Dataset> {
    if !(0.0..=1.0).contains(&options.max_skipped) {
        return Err(Error::invalid(format!(
            "the share of rows to skip must be between 0 and 1, got {}",
            options.max_skipped
        ))
        .in_file(path));
    }
    let mut tables = Vec::new();
    for file in files {
        let table = table::open(file)?;
        notes.extend(table.notes());
        let place = TablePlace {
            file: file.clone(),
            unit: table.unit(),
            is_shard: files.len() > 1,
        };
        tables.push((table, place));
    }
    let Some((first, _)) = tables.first() else {
        return Err(Error::invalid("no table").in_file(path));
    };
    let columns = first.columns().to_vec();
    let holds_lists = |column: usize| first.holds_lists(column);
    let tagged = columns::tagged(&columns, options, &holds_lists).map_err(|error| error.in_file(path))?;
    if let Some((words, tags)) = tagged {
        let names = (columns[words].as_str(), columns[tags].as_str());
        return tagged::read(path, tables, names, (options, card), notes).map_err(|error| error.in_file(path));
    }
    let mut rows = Rows::collect(tables, options).map_err(|error| error.in_file(path))?;
    for column in &mut rows.targets {
        if column.class_names.is_none()
            && let Some(names) = card.class_names(options.config.as_deref(), &column.name)
        {
            notes.push(column.take_names(names));
        }
    }
    rows.into_dataset(path, options, notes)
        .map_err(|error| error.in_file(path))
}

/// All rows of the tables, before any is skipped.
struct Rows {
    input: Input,
    /// Names of the one or two input columns.
    input_names: Vec<String>,
    first: Vec<String>,
    second: Option<Vec<String>>,
    no_input: Vec<bool>,
    targets: Vec<TargetColumn>,
    /// Of each row, its table and its line or row number.
    positions: Vec<(u32, u64)>,
    tables: Vec<TablePlace>,
    images: StoredImages,
}

impl Rows {
    fn collect(tables: Vec<(Box<dyn Table>, TablePlace)>, options: &LoadOptions) -> Result<Self> {
        let Some((first, _)) = tables.first() else {
            return Err(Error::invalid("no table"));
        };
        let mut options = Cow::Borrowed(options);
        if options.targets.is_empty()
            && let Some(target) = first.target()
        {
            options.to_mut().targets = vec![target];
        }
        let options = options.as_ref();
        let chosen = columns::choose(first.columns(), options)?;
        let inputs = chosen.input.columns();
        let wanted = inputs.iter().chain(&chosen.targets);
        let names: Vec<String> = wanted.map(|&column| first.columns()[column].clone()).collect();
        let target = |&column: &usize| {
            let mut target = TargetColumn::new(&first.columns()[column]);
            target.class_names = first.class_names(column);
            target.is_untyped = first.is_untyped();
            target
        };
        let mut rows = Self {
            input_names: names[..inputs.len()].to_vec(),
            first: Vec::new(),
            second: (inputs.len() > 1).then(Vec::new),
            no_input: Vec::new(),
            targets: chosen.targets.iter().map(target).collect(),
            positions: Vec::new(),
            tables: tables.iter().map(|(_, place)| place.clone()).collect(),
            input: chosen.input,
            images: StoredImages::new(options.image_folder.as_deref()),
        };
        for ((table, place), number) in tables.into_iter().zip(0_u32..) {
            rows.add(table, &place, number, &names)
                .map_err(|error| error.in_file(&place.file))?;
        }
        if rows.positions.is_empty() {
            return Err(Error::invalid("the table has columns but no rows"));
        }
        if rows.images.count > 0 {
            rows.input = match rows.input {
                Input::Files(column) | Input::Texts(column, _) | Input::FilesOrTexts(column) | Input::Ids(column) => {
                    Input::Files(column)
                }
            };
        }
        Ok(rows)
    }

    /// Adds the rows of a table, of which the columns `names` are read.
    fn add(&mut self, table: Box<dyn Table>, place: &TablePlace, number: u32, names: &[String]) -> Result<()> {
        let column = |name: &String| {
            table.columns().iter().position(|column| column == name).ok_or_else(|| {
                let columns = listed(table.columns());
                Error::not_found(format!(
                    "no column {name:?} as in the first table; the columns are {columns}"
                ))
            })
        };
        let wanted: Vec<usize> = names.iter().map(column).collect::<Result<_>>()?;
        let n_inputs = self.input_names.len();
        table.read(&wanted, &mut |position, cells| {
            let refuse = |column: usize, what: &str, expected: &str| {
                let place = format!("{}, column {:?}", place.of(position), names[column]);
                Error::invalid(format!("expected {expected}, found {what}")).at(place)
            };
            let (inputs, targets) = cells.split_at(n_inputs);
            let mut missing = false;
            let mut texts = [String::new(), String::new()];
            for (i, (cell, text)) in inputs.iter().zip(&mut texts).enumerate() {
                match cell {
                    Cell::Missing => missing = true,
                    Cell::Scalar(_, found) => found.as_ref().clone_into(text),
                    Cell::Image(Some(bytes), _) => *text = self.images.file(bytes)?.to_string_lossy().into_owned(),
                    Cell::Image(None, path) => path.unwrap_or_default().clone_into(text),
                    Cell::List(_) => return Err(refuse(i, "a list", "a text or file name")),
                    Cell::Other(what) => return Err(refuse(i, what, "a text or file name")),
                }
            }
            let [first, second] = texts;
            self.first.push(first);
            if let Some(seconds) = &mut self.second {
                seconds.push(second);
            }
            self.no_input.push(missing);
            for (i, (cell, column)) in targets.iter().zip(&mut self.targets).enumerate() {
                column
                    .push(cell)
                    .map_err(|what| refuse(n_inputs + i, what, "a text, number or list"))?;
            }
            self.positions.push((number, position));
            Ok(())
        })
    }

    fn into_dataset(mut self, path: &Path, options: &LoadOptions, mut notes: Vec<String>) -> Result<Dataset> {
        let n = self.positions.len();
        let positions = std::mem::take(&mut self.positions);
        let tables = self.tables.clone();
        let place = move |row: usize, column: &str| {
            let (table, position) = positions[row];
            format!("{}, column {column:?}", tables[table as usize].of(position))
        };

        let mut columns = std::mem::take(&mut self.targets)
            .into_iter()
            .map(|column| infer::with_lists(column, options, &place))
            .collect::<Result<Vec<_>>>()?;
        let mut keep = vec![true; n];
        let mut skip = Skip {
            n,
            limit: options.max_skipped,
            place: &place,
            notes: &mut notes,
            skipped: 0,
        };
        for column in &columns {
            let unlabelled = infer::unlabelled(column, options);
            if unlabelled.iter().all(|none| *none) {
                let message = format!(
                    "no row has a label in column {:?}: all hold a value that stands for none, as test splits do whose labels are kept back; name another split",
                    column.name
                );
                return Err(Error::invalid(message));
            }
            skip.declared(&mut keep, &unlabelled, &column.name, column);
        }
        for column in &mut columns {
            if matches!(options.task, None | Some(Task::Regression))
                && column.class_names.is_none()
                && let Some((numbers, note)) = notation::numbers(&column.without(&keep), options)
            {
                *column = numbers;
                skip.notes.push(note);
            }
        }
        for column in &columns {
            let missing = infer::missing(column);
            if missing.iter().zip(&keep).all(|(missing, keep)| *missing || !*keep) {
                return Err(Error::invalid(format!(
                    "column {:?} has no targets: all its cells are empty",
                    column.name
                )));
            }
            skip.rows(&mut keep, &missing, &column.name, &Lack::of("target"))?;
        }
        let input_names = std::mem::take(&mut self.input_names);
        let no_input = std::mem::take(&mut self.no_input);
        skip.rows(&mut keep, &no_input, &input_names[0], &Lack::of("input"))?;

        let folder = self.tables.first().and_then(|table| table.file.parent());
        let folder = folder.unwrap_or(Path::new("")).to_owned();
        let found = self.files(&folder, &input_names[0], &keep)?;
        let files = found.map(|found| {
            skip.notes.extend(found.note);
            found.files
        });
        skip.notes.extend(self.images.note(&input_names[0]));
        if let Some(files) = &files {
            let missing: Vec<bool> = files
                .par_iter()
                .zip(&keep)
                // A regular file: opening a pipe could wait for ever.
                .map(|(file, keep)| *keep && !fs::metadata(file).is_ok_and(|metadata| metadata.is_file()))
                .collect();
            let lack = Lack {
                what: "file",
                kind: ErrorKind::NotFound,
                hint: format!("; files are looked for in {}", described(&folder)),
                found: &|row| {
                    let file = files[row].strip_prefix(&folder).unwrap_or(&files[row]);
                    format!(" ({:?})", shortened(&file.display().to_string()))
                },
            };
            skip.rows(&mut keep, &missing, &input_names[0], &lack)?;
        }
        let skipped = skip.skipped;
        let kept: Vec<usize> = (0..n).filter(|&row| keep[row]).collect();
        if kept.is_empty() {
            return Err(Error::invalid("every row lacks its input or its target"));
        }
        let (targets, inferred) = infer::targets(&columns, &kept, options.task, &place)?;
        let inputs = match files {
            Some(files) => Inputs::images(retained(files, &keep)),
            None => {
                if let Some(number) = only_numbers(&self.first, &keep) {
                    if options.input_column.is_none() {
                        let message = format!(
                            "column {:?} holds only numbers, such as {number:?}, and they would be ranked as texts; name the column of the texts or files with --input-column (this one, if it is meant)",
                            input_names[0]
                        );
                        return Err(Error::invalid(message));
                    }
                    notes.push(format!(
                        "all texts of column {:?} are numbers, such as {number:?}",
                        input_names[0]
                    ));
                }
                let texts = std::iter::once(&self.first).chain(&self.second);
                for (texts, name) in texts.zip(&input_names) {
                    notes.extend(empty_texts(texts, &keep, |row| place(row, name)));
                }
                let first = retained(self.first, &keep);
                match self.second {
                    Some(second) => Inputs::pairs(first, retained(second, &keep)),
                    None => Inputs::texts(first),
                }
            }
        };
        let mut dataset = Dataset::new(path, inputs, targets)?;
        dataset.inferred = inferred;
        dataset.skipped = skipped;
        dataset.notes = notes;
        Ok(dataset)
    }

    /// The image files, one a row, unless the input column holds texts.
    fn files(&self, folder: &Path, column: &str, keep: &[bool]) -> Result<Option<Found>> {
        if matches!(self.input, Input::Texts(..)) {
            return Ok(None);
        }
        let names: Vec<&str> = self.first.iter().map(|name| name.trim()).collect();
        let plain = || Found {
            files: names.iter().map(|name| folder.join(name)).collect(),
            note: None,
        };
        if self.images.count > 0 {
            return Ok(Some(plain()));
        }
        let kept: Vec<&str> = names
            .iter()
            .zip(keep)
            .filter(|(name, keep)| **keep && name.len() < 1000)
            .map(|(name, _)| *name)
            .collect();
        let stem = self.tables.first().and_then(|table| table.file.file_stem());
        let stem = stem.unwrap_or_default().to_string_lossy();
        // Some files may be missing, so a part of the first names is enough where the names are those of images.
        if let Some(found) = file_names::find(&names, &kept, folder, &stem, column)? {
            return Ok(Some(found));
        }
        let are_images = !kept.is_empty()
            && kept
                .iter()
                .take(20)
                .all(|name| class_folders::is_image(Path::new(name)));
        match self.input {
            Input::Files(_) => Ok(Some(plain())),
            Input::FilesOrTexts(_) if are_images => Ok(Some(plain())),
            Input::FilesOrTexts(_) if !file_names::are_identifiers(&kept) => Ok(None),
            _ => {
                let message = format!(
                    "column {column:?} holds neither the names of files in {:?} nor texts, but identifiers such as {:?}; name the column of the files or texts with --input-column (texts of one word are read from a column named \"text\")",
                    folder.display().to_string(),
                    shortened(kept.first().copied().unwrap_or_default())
                );
                Err(Error::invalid(message))
            }
        }
    }
}

/// The first text, if all of them are numbers, and there are enough to tell.
fn only_numbers<'a>(texts: &'a [String], keep: &[bool]) -> Option<&'a str> {
    let texts = || {
        texts
            .iter()
            .zip(keep)
            .filter(|(_, keep)| **keep)
            .map(|(text, _)| text.trim())
    };
    let filled = || texts().filter(|text| !text.is_empty());
    let are_numbers = filled().all(|text| text.parse::<f64>().is_ok());
    filled().next().filter(|_| are_numbers && filled().nth(1).is_some())
}

/// A note about empty texts. They stay samples, because the prediction for an empty text may be wanted.
fn empty_texts(texts: &[String], keep: &[bool], place: impl Fn(usize) -> String) -> Option<String> {
    let is_empty = |&row: &usize| keep[row] && texts[row].trim().is_empty();
    let empty: Vec<usize> = (0..texts.len()).filter(is_empty).collect();
    let mut places: Vec<String> = empty.iter().take(SHOWN).map(|&row| place(row)).collect();
    if empty.len() > SHOWN {
        places.push("…".to_owned());
    }
    let all = counted(keep.iter().filter(|keep| **keep).count(), "text");
    (!empty.is_empty()).then(|| format!("{} of {all} are empty: {}", empty.len(), places.join("; ")))
}

fn retained<T>(values: Vec<T>, keep: &[bool]) -> Vec<T> {
    let pairs = values.into_iter().zip(keep);
    pairs.filter_map(|(value, keep)| keep.then_some(value)).collect()
}

/// A folder in a message. That of a table without a folder in its path is the current one.
fn described(folder: &Path) -> String {
    if folder.as_os_str().is_empty() {
        return "the current folder".to_owned();
    }
    format!("{:?}", folder.display().to_string())
}
