//! Converts a table to a data set: selects the inputs, infers the targets, and skips and counts rows that lack either.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::columns::{self, Input};
use super::options::LoadOptions;
use super::table::{self, Cell};
use super::target_column::TargetColumn;
use super::{class_folders, infer};
use crate::error::{counted, shortened};
use crate::{Dataset, Error, ErrorKind, Inputs, Result};

pub(super) fn read(path: &Path, options: &LoadOptions, notes: Vec<String>) -> Result<Dataset> {
    if !(0.0..=1.0).contains(&options.max_skipped) {
        return Err(Error::invalid(format!(
            "the share of rows to skip must be between 0 and 1, got {}",
            options.max_skipped
        ))
        .in_file(path));
    }
    let rows = Rows::collect(path, options).map_err(|error| error.in_file(path))?;
    rows.into_dataset(path, options, notes)
        .map_err(|error| error.in_file(path))
}

/// All rows of a table, before any is skipped.
struct Rows {
    input: Input,
    /// Names of the one or two input columns.
    input_names: Vec<String>,
    first: Vec<String>,
    second: Option<Vec<String>>,
    no_input: Vec<bool>,
    targets: Vec<TargetColumn>,
    /// Line or row number of each row.
    positions: Vec<u64>,
    unit: &'static str,
}

impl Rows {
    fn collect(path: &Path, options: &LoadOptions) -> Result<Self> {
        let table = table::open(path)?;
        let chosen = columns::choose(table.columns(), options)?;
        let inputs = chosen.input.columns();
        let wanted: Vec<usize> = inputs.iter().chain(&chosen.targets).copied().collect();
        let names: Vec<String> = wanted.iter().map(|&column| table.columns()[column].clone()).collect();
        let unit = table.unit();
        let mut rows = Self {
            input_names: names[..inputs.len()].to_vec(),
            first: Vec::new(),
            second: (inputs.len() > 1).then(Vec::new),
            no_input: Vec::new(),
            targets: names[inputs.len()..]
                .iter()
                .map(|name| TargetColumn::new(name))
                .collect(),
            positions: Vec::new(),
            unit,
            input: chosen.input,
        };
        table.read(&wanted, &mut |position, cells| {
            let refuse = |column: usize, what: &str, expected: &str| {
                let place = format!("{unit} {position}, column {:?}", names[column]);
                Error::invalid(format!("expected {expected}, found {what}")).at(place)
            };
            let (inputs, targets) = cells.split_at(inputs.len());
            let mut missing = false;
            let mut texts = [String::new(), String::new()];
            for (i, (cell, text)) in inputs.iter().zip(&mut texts).enumerate() {
                match cell {
                    Cell::Missing => missing = true,
                    Cell::Scalar(_, found) => found.as_ref().clone_into(text),
                    Cell::List(_) => return Err(refuse(i, "a list", "a text or file name")),
                    Cell::Other(what) => return Err(refuse(i, what, "a text or file name")),
                }
            }
            let [first, second] = texts;
            rows.first.push(first);
            if let Some(seconds) = &mut rows.second {
                seconds.push(second);
            }
            rows.no_input.push(missing);
            for (i, (cell, column)) in targets.iter().zip(&mut rows.targets).enumerate() {
                column
                    .push(cell)
                    .map_err(|what| refuse(inputs.len() + i, what, "a text, number or list"))?;
            }
            rows.positions.push(position);
            Ok(())
        })?;
        if rows.positions.is_empty() {
            return Err(Error::invalid("the table has columns but no rows"));
        }
        Ok(rows)
    }

    fn into_dataset(mut self, path: &Path, options: &LoadOptions, mut notes: Vec<String>) -> Result<Dataset> {
        let n = self.positions.len();
        let folder = path.parent().unwrap_or(Path::new(""));
        let unit = self.unit;
        let positions = std::mem::take(&mut self.positions);
        let place = move |row: usize, column: &str| format!("{unit} {}, column {column:?}", positions[row]);

        let columns = std::mem::take(&mut self.targets)
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
            let missing = infer::missing(column);
            if missing.iter().all(|missing| *missing) {
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

        let files = self.files(folder, &keep);
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
                hint: format!("; files are looked for in {:?}", folder.display().to_string()),
                found: &|row| {
                    let file = files[row].strip_prefix(folder).unwrap_or(&files[row]);
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

    /// The image files, one per row, unless the input column holds texts.
    fn files(&self, folder: &Path, keep: &[bool]) -> Option<Vec<PathBuf>> {
        let names = || self.first.iter().map(|name| name.trim());
        let is_file =
            |name: &str| class_folders::is_image(Path::new(name)) || (name.len() < 1000 && folder.join(name).is_file());
        let holds_files = match self.input {
            Input::Files(_) => true,
            Input::Texts(..) => false,
            // The first values decide.
            Input::FilesOrTexts(_) => {
                let kept = names().zip(keep).filter(|(_, keep)| **keep);
                kept.map(|(name, _)| name).take(20).all(is_file)
            }
        };
        holds_files.then(|| names().map(|name| folder.join(name)).collect())
    }
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

/// Number of places that a note lists.
const SHOWN: usize = 3;

/// Skips and counts rows, up to a limit.
struct Skip<'a> {
    n: usize,
    limit: f64,
    place: &'a infer::Place<'a>,
    notes: &'a mut Vec<String>,
    skipped: usize,
}

impl Skip<'_> {
    /// Skips the rows of `missing` that are still kept.
    fn rows(&mut self, keep: &mut [bool], missing: &[bool], column: &str, lack: &Lack<'_>) -> Result<()> {
        let left_out: Vec<usize> = (0..self.n).filter(|&row| keep[row] && missing[row]).collect();
        if left_out.is_empty() {
            return Ok(());
        }
        for &row in &left_out {
            keep[row] = false;
        }
        self.skipped += left_out.len();
        let place = |&row: &usize| (self.place)(row, column) + &(lack.found)(row);
        let mut places: Vec<String> = left_out.iter().take(SHOWN).map(place).collect();
        if left_out.len() > SHOWN {
            places.push("…".to_owned());
        }
        let what = format!(
            "no {} in {} of {}: {}{}",
            lack.what,
            left_out.len(),
            counted(self.n, "row"),
            places.join("; "),
            lack.hint
        );
        if left_out.len() as f64 > self.limit * self.n as f64 {
            let percent = self.limit * 100.0;
            let message = format!("{what}; at most {percent} % of the rows may be skipped");
            return Err(Error::new(lack.kind, message));
        }
        self.notes.push(format!("skipped rows: {what}"));
        Ok(())
    }
}

/// What a skipped row lacks.
struct Lack<'a> {
    what: &'static str,
    kind: ErrorKind,
    hint: String,
    /// The content of the row's cell, for errors.
    found: &'a dyn Fn(usize) -> String,
}

impl Lack<'_> {
    fn of(what: &'static str) -> Self {
        Self {
            what,
            kind: ErrorKind::Invalid,
            hint: String::new(),
            found: &|_| String::new(),
        }
    }
}
