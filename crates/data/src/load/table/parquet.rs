//! Parquet: scalars and lists of texts and numbers.

use std::borrow::Cow;
use std::path::Path;

use super::cell::{Cell, OnRow, Table, ValueKind};
use crate::error::shortened;
use crate::image::is_image;
use crate::parquet_file::{Block, Column, ColumnKind, Entry, ItemKind, ParquetFile, UnsupportedType, Values, half_at};
use crate::{Error, Result};

const BLOCK: usize = 1024;

struct ParquetTable {
    file: ParquetFile,
    columns: Vec<String>,
}

pub(super) fn open(path: &Path) -> Result<Box<dyn Table>> {
    let file = ParquetFile::open(path)?;
    let columns = file.columns().iter().map(|column| column.name.clone()).collect();
    Ok(Box::new(ParquetTable { file, columns }))
}

impl Table for ParquetTable {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn class_names(&self, column: usize) -> Option<Vec<String>> {
        self.file.class_names(&self.columns[column])
    }

    fn holds_lists(&self, column: usize) -> bool {
        matches!(self.file.columns()[column].kind, ColumnKind::List(_))
    }

    fn unit(&self) -> &'static str {
        "row"
    }

    fn read(self: Box<Self>, wanted: &[usize], on_row: &mut OnRow<'_>) -> Result<()> {
        for &column in wanted {
            let column = &self.file.columns()[column];
            if let ColumnKind::Unsupported(what) = &column.kind {
                let hint = match what {
                    UnsupportedType::Struct => {
                        "; images are read from a struct of bytes and path, as the library datasets writes it"
                    }
                    _ => "",
                };
                let message = format!("holds {what}; expected texts, numbers, or lists of them{hint}");
                let place = format!("column {:?}", column.name);
                return Err(Error::unsupported(message).at(place).in_file(self.file.path()));
            }
        }
        // The path of an image lies in a column of its own.
        let mut all = wanted.to_vec();
        for &column in wanted {
            let column = &self.file.columns()[column];
            if column.kind == ColumnKind::Image {
                let name = format!("{}.path", column.name);
                all.extend(self.columns.iter().position(|column| *column == name));
            }
        }
        let mut rows = self.file.rows(&all);
        let mut before = 0_u64;
        while let Some((n, blocks)) = rows.next_blocks(&self.file, BLOCK)? {
            let columns = blocks
                .iter()
                .zip(&all)
                .map(|(block, &column)| {
                    let column = &self.file.columns()[column];
                    cells(block, column).map_err(|(row, error)| {
                        let place = format!("row {}, column {:?}", before + row as u64 + 1, column.name);
                        error.at(place).in_file(self.file.path())
                    })
                })
                .collect::<Result<Vec<_>>>()?;
            let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
            for _ in 0..n {
                before += 1;
                let row: Vec<Cell<'_>> = columns
                    .iter_mut()
                    .map(|cells| cells.next().unwrap_or(Cell::Missing))
                    .collect();
                on_row(before, &with_paths(row, wanted.len()))?;
            }
        }
        Ok(())
    }
}

/// The first `n` cells of a row, with the paths that follow them put into the images.
fn with_paths(mut row: Vec<Cell<'_>>, n: usize) -> Vec<Cell<'_>> {
    let mut paths = row.split_off(n).into_iter();
    if paths.len() == 0 {
        return row;
    }
    for cell in &mut row {
        if let Cell::Image(bytes, path) = cell {
            *path = match paths.next() {
                Some(Cell::Scalar(_, Cow::Borrowed(path))) => Some(path),
                _ => None,
            };
            if bytes.is_none() && path.is_none() {
                *cell = Cell::Missing;
            }
        }
    }
    row
}

/// The cells of the block, one a row. An error has its row within the block.
fn cells<'a>(block: &'a Block, column: &Column) -> std::result::Result<Vec<Cell<'a>>, (usize, Error)> {
    if column.kind == ColumnKind::Image {
        let mut cells = Vec::new();
        block.each_entry(|_, entry| {
            cells.push(match (entry, &block.values) {
                (Entry::Value(index), Values::Bytes(values)) => Cell::Image(Some(values[index].data()), None),
                _ => Cell::Image(None, None),
            });
        });
        return Ok(cells);
    }
    let (ColumnKind::Scalar(kind) | ColumnKind::List(kind)) = column.kind else {
        return Ok(Vec::new());
    };
    let is_list = matches!(column.kind, ColumnKind::List(_));
    let mut cells: Vec<Cell<'a>> = Vec::new();
    let mut outcome = Ok(());
    block.each_entry(|begins, entry| {
        if let (false, Entry::Value(index), Values::Bytes(values)) = (is_list, entry, &block.values)
            && is_image(values[index].data())
        {
            cells.push(Cell::Image(Some(values[index].data()), None));
            return;
        }
        let item = match entry {
            Entry::Value(index) => match item(&block.values, index, kind) {
                Ok(item) => item,
                Err(error) => {
                    if outcome.is_ok() {
                        outcome = Err((cells.len().saturating_sub(usize::from(!begins)), error));
                    }
                    None
                }
            },
            Entry::Null | Entry::NullItem | Entry::EmptyList => None,
        };
        if !is_list {
            cells.push(item.map_or(Cell::Missing, |(kind, text)| Cell::Scalar(kind, text)));
            return;
        }
        if begins {
            cells.push(if entry == Entry::Null {
                Cell::Missing
            } else {
                Cell::List(Vec::new())
            });
        }
        if let (Some(Cell::List(items)), Some(item)) = (cells.last_mut(), item) {
            items.push(item);
        }
    });
    outcome.map(|()| cells)
}

type Item<'a> = Option<(ValueKind, Cow<'a, str>)>;

/// The kind and text of a value; `None` for NaN, the missing number of data frames.
fn item(values: &Values, index: usize, kind: ItemKind) -> Result<Item<'_>> {
    let unsigned = kind == ItemKind::Unsigned;
    let int = |text: String| Some((ValueKind::Int, Cow::Owned(text)));
    let float = |value: f64, text: String| (!value.is_nan()).then_some((ValueKind::Float, Cow::Owned(text)));
    Ok(match values {
        Values::Bool(values) => Some((
            ValueKind::Bool,
            Cow::Borrowed(if values[index] { "true" } else { "false" }),
        )),
        Values::I32(values) if unsigned => int(values[index].cast_unsigned().to_string()),
        Values::I32(values) => int(values[index].to_string()),
        Values::I64(values) if unsigned => int(values[index].cast_unsigned().to_string()),
        Values::I64(values) => int(values[index].to_string()),
        // The shortest text of the number in its own precision: 2.6 stays 2.6 when it is read back in f64.
        Values::F32(values) => float(values[index].into(), values[index].to_string()),
        Values::F64(values) => float(values[index], values[index].to_string()),
        Values::Fixed(values) => {
            let value = half_at(values[index].data());
            float(value.into(), value.to_string())
        }
        Values::Bytes(values) => {
            let bytes = values[index].data();
            let text = std::str::from_utf8(bytes).map_err(|source| {
                let found = shortened(&String::from_utf8_lossy(bytes));
                Error::malformed(format!("expected text, found bytes that are not UTF-8: {found:?}")).caused_by(source)
            })?;
            Some((ValueKind::Text, Cow::Borrowed(text)))
        }
    })
}
