//! Features in Parquet: one column of lists of equal length, or all numeric columns side by side.
//!
//! Of several columns of lists, the one named `features` (or `embedding` …) is read. Numeric columns named like a target (`label`,
//! `target` …) or like a row index are excluded: features that contain the target get a perfect score.

use std::ops::Range;
use std::path::Path;

use crate::error::listed;
use crate::parquet_file::{Column, ColumnKind, Entry, ItemKind, ParquetFile, RowsReader, Values, half_at};
use crate::{Error, Result};

/// Values that are decoded at a time.
const BLOCK: usize = 1 << 18;
const LISTS: [&str; 5] = ["features", "embeddings", "embedding", "feature", "vector"];
const NO_FEATURES: [&str; 9] = [
    "label",
    "labels",
    "target",
    "targets",
    "class",
    "category",
    "y",
    "index",
    "__index_level_0__",
];

pub(crate) struct ParquetMatrix {
    file: ParquetFile,
    wanted: Vec<usize>,
    n_cols: usize,
    rows: RowsReader,
    position: usize,
}

impl ParquetMatrix {
    pub(crate) fn open(path: &Path, member: Option<&str>) -> Result<Self> {
        let file = ParquetFile::open(path)?;
        let wanted = choose(file.columns(), member).map_err(|error| error.in_file(path))?;
        let n_cols = match wanted.as_slice() {
            [column] if matches!(file.columns()[*column].kind, ColumnKind::List(_)) => first_length(&file, *column)?,
            _ => wanted.len(),
        };
        Ok(Self {
            rows: file.rows(&wanted),
            file,
            wanted,
            n_cols,
            position: 0,
        })
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.file.n_rows()
    }

    pub(crate) fn n_cols(&self) -> usize {
        self.n_cols
    }

    /// Appends rows to `out`. Reading forward is cheap; reading backward decodes from the first row.
    pub(crate) fn read_rows(&mut self, rows: Range<usize>, out: &mut Vec<f32>) -> Result<()> {
        if rows.start < self.position {
            self.rows = self.file.rows(&self.wanted);
            self.position = 0;
        }
        let per_block = (BLOCK / self.n_cols.max(1)).max(1);
        let mut skipped = Vec::new();
        while self.position < rows.start {
            skipped.clear();
            self.read_on(per_block.min(rows.start - self.position), &mut skipped)?;
        }
        while self.position < rows.end {
            self.read_on(per_block.min(rows.end - self.position), out)?;
        }
        Ok(())
    }

    fn read_on(&mut self, max: usize, out: &mut Vec<f32>) -> Result<()> {
        let Some((n, blocks)) = self.rows.next_blocks(&self.file, max)? else {
            return Err(Error::malformed("has fewer rows than its metadata claims").in_file(self.file.path()));
        };
        let before = out.len();
        let d = self.n_cols;
        out.resize(before + n * d, f32::NAN);
        let block_out = &mut out[before..];
        for (j, (block, &column)) in blocks.iter().zip(&self.wanted).enumerate() {
            let column = &self.file.columns()[column];
            let ColumnKind::Scalar(kind) = column.kind else {
                self.list_rows(column, block, block_out)?;
                continue;
            };
            // Nulls become NaN, which the scores report.
            let mut row = 0;
            block.each_entry(|_, entry| {
                if let Entry::Value(index) = entry {
                    block_out[row * d + j] = number(&block.values, index, kind);
                }
                row += 1;
            });
        }
        self.position += n;
        Ok(())
    }

    fn list_rows(&self, column: &Column, block: &crate::parquet_file::Block, out: &mut [f32]) -> Result<()> {
        let (ColumnKind::List(kind) | ColumnKind::Scalar(kind)) = column.kind else {
            return Ok(());
        };
        let d = self.n_cols;
        let (mut rows, mut filled, mut wrong) = (0_usize, d, None);
        block.each_entry(|begins, entry| {
            if begins {
                if filled != d {
                    wrong = wrong.or(Some((rows, filled)));
                }
                rows += 1;
                filled = 0;
            }
            if !matches!(entry, Entry::Value(_) | Entry::NullItem) {
                return;
            }
            if let (Entry::Value(index), true) = (entry, filled < d) {
                out[(rows - 1) * d + filled] = number(&block.values, index, kind);
            }
            filled += 1;
        });
        if filled != d {
            wrong = wrong.or(Some((rows, filled)));
        }
        match wrong {
            None => Ok(()),
            Some((row, found)) => {
                let place = format!("row {}, column {:?}", self.position + row, column.name);
                let message = format!("expected a list of {d} numbers as in the first row, found {found}");
                Err(Error::invalid(message).at(place).in_file(self.file.path()))
            }
        }
    }
}

fn is_number(kind: ItemKind) -> bool {
    kind != ItemKind::Text
}

fn choose(columns: &[Column], member: Option<&str>) -> Result<Vec<usize>> {
    let all = |matches: &dyn Fn(&Column) -> bool| -> Vec<usize> {
        (0..columns.len()).filter(|&column| matches(&columns[column])).collect()
    };
    let names = |of: &[usize]| -> Vec<&str> { of.iter().map(|&column| columns[column].name.as_str()).collect() };
    let everything: Vec<usize> = (0..columns.len()).collect();
    if let Some(member) = member {
        let found = all(&|column| column.name == member);
        return match found.first().map(|&column| &columns[column].kind) {
            Some(ColumnKind::List(kind) | ColumnKind::Scalar(kind)) if is_number(*kind) => Ok(found),
            Some(_) => Err(Error::unsupported(format!(
                "column {member:?} does not hold numbers or lists of numbers"
            ))),
            None => Err(Error::not_found(format!(
                "no column {member:?}; the columns are {}",
                listed(&names(&everything))
            ))),
        };
    }
    let lists = all(&|column| matches!(column.kind, ColumnKind::List(kind) if is_number(kind)));
    if let Some(named) = LISTS
        .iter()
        .find_map(|name| lists.iter().find(|&&list| columns[list].name == *name))
    {
        return Ok(vec![*named]);
    }
    let is_feature = |column: &Column| !NO_FEATURES.contains(&column.name.to_lowercase().as_str());
    match lists
        .iter()
        .copied()
        .filter(|&list| is_feature(&columns[list]))
        .collect::<Vec<_>>()
        .as_slice()
    {
        [list] => return Ok(vec![*list]),
        [] => {}
        several => {
            let message = format!(
                "columns {} could all be the features; name one of them, as in FILE:COLUMN",
                listed(&names(several))
            );
            return Err(Error::not_found(message));
        }
    }
    let scalars =
        all(&|column| matches!(column.kind, ColumnKind::Scalar(kind) if is_number(kind)) && is_feature(column));
    if scalars.is_empty() {
        let message = format!(
            "no numeric columns to use as features; the columns are {}",
            listed(&names(&everything))
        );
        return Err(Error::not_found(message));
    }
    Ok(scalars)
}

/// The length of the list in the first row.
fn first_length(file: &ParquetFile, column: usize) -> Result<usize> {
    let mut length = 0;
    if let Some((_, blocks)) = file.rows(&[column]).next_blocks(file, 1)? {
        for block in blocks {
            block.each_entry(|_, entry| length += usize::from(matches!(entry, Entry::Value(_) | Entry::NullItem)));
        }
    }
    Ok(length)
}

fn number(values: &Values, index: usize, kind: ItemKind) -> f32 {
    let unsigned = kind == ItemKind::Unsigned;
    match values {
        Values::Bool(values) => f32::from(u8::from(values[index])),
        Values::I32(values) if unsigned => values[index].cast_unsigned() as f32,
        Values::I32(values) => values[index] as f32,
        Values::I64(values) if unsigned => values[index].cast_unsigned() as f32,
        Values::I64(values) => values[index] as f32,
        Values::F32(values) => values[index],
        Values::F64(values) => values[index] as f32,
        Values::Fixed(values) => half_at(values[index].data()),
        Values::Bytes(_) => f32::NAN,
    }
}
