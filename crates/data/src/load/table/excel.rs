//! Excel workbooks (`.xlsx`): the first sheet that has rows.
//!
//! The first row that is not empty has the names of the columns. Cells are read one by one from the sheet: the crate's table of a whole
//! sheet takes memory for every cell up to the last, so that one cell in the last corner would take terabytes. A workbook is a zip
//! archive, and is measured unpacked before it is read.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use calamine::{DataRef, Reader as _, Xlsx, XlsxError, open_workbook};
use ranktune_core::panics::caught;

use super::cell::{Cell, OnRow, Table, ValueKind};
use crate::error::listed;
use crate::{Error, Result};

/// The largest workbook in bytes, unpacked. Excel's own limit of a million rows stays below it for most tables.
const MOST_UNPACKED: u64 = 1 << 30;

struct ExcelTable {
    path: PathBuf,
    sheet: String,
    /// The row of the names, from 0.
    header: u32,
    /// The names, and the column of each in the sheet.
    columns: Vec<String>,
    places: Vec<u32>,
    note: Option<String>,
}

/// The cells of one row: column, and content.
type Row = Vec<(u32, Cell<'static>)>;

pub(super) fn open(path: &Path) -> Result<Box<dyn Table>> {
    measure(path)?;
    let names = workbook(path)?.sheet_names();
    for sheet in &names {
        let mut first: Option<(u32, Row)> = None;
        let mut has_rows = false;
        each_row(path, sheet, &mut |row, cells| {
            if first.is_none() {
                first = Some((row, cells));
                return Ok(true);
            }
            has_rows = true;
            Ok(false)
        })?;
        let Some((header, cells)) = first.filter(|_| has_rows) else {
            continue;
        };
        let mut columns = Vec::new();
        let mut places = Vec::new();
        for (place, cell) in cells {
            columns.push(match cell {
                Cell::Scalar(_, text) => text.trim().to_owned(),
                _ => String::new(),
            });
            places.push(place);
        }
        let note = (names.len() > 1).then(|| {
            format!(
                "read the sheet {sheet:?} of {}; save another as a workbook of its own",
                listed(&names)
            )
        });
        return Ok(Box::new(ExcelTable {
            path: path.to_owned(),
            sheet: sheet.clone(),
            header,
            columns,
            places,
            note,
        }));
    }
    Err(Error::invalid("no sheet has a row of names and rows below it").in_file(path))
}

impl Table for ExcelTable {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn unit(&self) -> &'static str {
        "row"
    }

    fn notes(&self) -> Vec<String> {
        self.note.iter().cloned().collect()
    }

    fn read(self: Box<Self>, wanted: &[usize], on_row: &mut OnRow<'_>) -> Result<()> {
        let places: Vec<u32> = wanted.iter().map(|&column| self.places[column]).collect();
        each_row(&self.path, &self.sheet, &mut |row, cells| {
            if row > self.header {
                let cell = |place: &u32| {
                    let found = cells.iter().find(|(column, _)| column == place);
                    found.map_or(Cell::Missing, |(_, cell)| cell.clone())
                };
                let cells: Vec<Cell<'_>> = places.iter().map(cell).collect();
                on_row(u64::from(row) + 1, &cells)?;
            }
            Ok(true)
        })
    }
}

/// Refuses a file that is no zip archive, or a large one when it is unpacked.
fn measure(path: &Path) -> Result<()> {
    let io = |source| Error::io("cannot be read", path, source);
    let not_excel = || Error::malformed("is not an Excel workbook (.xlsx), or a damaged one").in_file(path);
    let file = File::open(path).map_err(io)?;
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|source| not_excel().caused_by(source))?;
    let mut left = MOST_UNPACKED;
    for at in 0..archive.len() {
        let entry = archive.by_index(at).map_err(|source| not_excel().caused_by(source))?;
        // Pictures are not read.
        let is_text = entry
            .name()
            .is_ok_and(|name| name.ends_with(".xml") || name.ends_with(".rels"));
        if !is_text {
            continue;
        }
        let read =
            io::copy(&mut entry.take(left + 1), &mut io::sink()).map_err(|source| not_excel().caused_by(source))?;
        left = left.checked_sub(read).ok_or_else(|| {
            Error::unsupported("the workbook has more than 1 GiB unpacked; save the sheet as CSV UTF-8").in_file(path)
        })?;
    }
    Ok(())
}

fn workbook(path: &Path) -> Result<Xlsx<BufReader<File>>> {
    guarded(path, || open_workbook(path))
}

/// Calls `on_row` for each row that is not empty, with its number from 0, until it returns false.
fn each_row(path: &Path, sheet: &str, on_row: &mut dyn FnMut(u32, Row) -> Result<bool>) -> Result<()> {
    let mut workbook = workbook(path)?;
    let mut reader = guarded(path, || workbook.worksheet_cells_reader(sheet))?;
    let (mut current, mut cells): (u32, Row) = (0, Vec::new());
    loop {
        let next = guarded(path, || {
            let next = reader.next_cell()?;
            Ok(next.map(|cell| (cell.get_position(), content(cell.get_value()))))
        })?;
        let is_over = next.is_none();
        let (row, column, cell) = match next {
            Some(((row, column), cell)) => (row, column, cell),
            None => (0, 0, Cell::Missing),
        };
        if (is_over || row != current) && !cells.is_empty() && !on_row(current, std::mem::take(&mut cells))? {
            return Ok(());
        }
        if is_over {
            return Ok(());
        }
        current = row;
        if cell != Cell::Missing {
            cells.push((column, cell));
        }
    }
}

fn content(value: &DataRef<'_>) -> Cell<'static> {
    let text = |text: &str| match text.trim() {
        "" => Cell::Missing,
        _ => Cell::Scalar(ValueKind::Text, Cow::Owned(text.to_owned())),
    };
    match value {
        DataRef::Int(value) => Cell::Scalar(ValueKind::Int, Cow::Owned(value.to_string())),
        // Excel stores all numbers as such.
        DataRef::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => {
            Cell::Scalar(ValueKind::Int, Cow::Owned(format!("{value:.0}")))
        }
        DataRef::Float(value) if value.is_nan() => Cell::Missing,
        DataRef::Float(value) => Cell::Scalar(ValueKind::Float, Cow::Owned(value.to_string())),
        DataRef::Bool(value) => Cell::Scalar(ValueKind::Bool, Cow::Owned(value.to_string())),
        DataRef::String(value) => text(value),
        DataRef::SharedString(value) => text(value),
        DataRef::DateTime(_) | DataRef::DateTimeIso(_) | DataRef::DurationIso(_) => Cell::Other("a date or time"),
        // `#N/A`, which stands for a missing number.
        DataRef::Error(error) => text(&error.to_string()),
        DataRef::Empty => Cell::Missing,
    }
}

/// Calls the `calamine` crate; a panic becomes an error.
fn guarded<T>(path: &Path, call: impl FnOnce() -> std::result::Result<T, XlsxError>) -> Result<T> {
    let damaged = || Error::malformed("the workbook cannot be read").in_file(path);
    match caught(call) {
        Ok(outcome) => outcome.map_err(|source| damaged().caused_by(source)),
        Err(_) => Err(damaged()),
    }
}
