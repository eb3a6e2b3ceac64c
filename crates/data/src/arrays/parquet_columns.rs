//! Parquet: all columns of numbers side by side, a column of lists of equal length, or one column of numbers or texts.

use std::path::Path;

use super::element::Element;
use super::raw::{Bytes, Contents, Endian, Layout, Order, RawArray};
use super::source::{Candidate, Role, choose};
use crate::error::listed;
use crate::parquet_file::{Block, Column, ColumnKind, Entry, ItemKind, ParquetFile, Values, half_at};
use crate::{Error, Result};

/// Rows decoded at once.
const BLOCK: usize = 1024;

/// Reads what `wanted` or `role` says.
pub(super) fn read(path: &Path, wanted: Option<&str>, role: Role) -> Result<Contents> {
    let file = ParquetFile::open(path)?;
    let columns = choose_columns(file.columns(), wanted, role)?;
    if let [column] = columns.as_slice()
        && matches!(file.columns()[*column].kind, ColumnKind::Scalar(ItemKind::Text))
    {
        return texts(&file, *column).map(Contents::Texts);
    }
    numbers(&file, &columns).map(Contents::Numbers)
}

fn choose_columns(columns: &[Column], wanted: Option<&str>, role: Role) -> Result<Vec<usize>> {
    let candidates: Vec<Candidate> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| Candidate {
            name: column.name.clone(),
            rank: match column.kind {
                ColumnKind::Scalar(_) => 1,
                ColumnKind::List(_) => 2,
                ColumnKind::Unsupported(_) => 0,
            },
            index,
        })
        .collect();
    if role == Role::Targets || wanted.is_some() {
        return Ok(vec![choose(&candidates, wanted, role)?.index]);
    }
    // One column of lists is a matrix; otherwise every column of numbers that is not by its name the target.
    if candidates.iter().any(|candidate| candidate.rank == 2) {
        return Ok(vec![choose(&candidates, wanted, role)?.index]);
    }
    let is_number = |column: &Column| matches!(column.kind, ColumnKind::Scalar(kind) if kind != ItemKind::Text);
    let is_target = |column: &Column| Role::Targets.names().contains(&column.name.as_str());
    let numbers: Vec<usize> = candidates
        .iter()
        .map(|candidate| candidate.index)
        .filter(|&index| is_number(&columns[index]) && !is_target(&columns[index]))
        .collect();
    if numbers.is_empty() {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        return Err(Error::not_found(format!(
            "no column of numbers; there are {}",
            listed(&names)
        )));
    }
    Ok(numbers)
}

/// The columns side by side as `[rows, columns]`; a list column alone as `[rows, length]`, a scalar one alone as `[rows]`.
fn numbers(file: &ParquetFile, columns: &[usize]) -> Result<RawArray> {
    let place = |column: usize| format!("column {:?}", file.columns()[column].name);
    let is_whole = |column: usize| {
        matches!(
            file.columns()[column].kind,
            ColumnKind::Scalar(ItemKind::Int | ItemKind::Unsigned | ItemKind::Bool)
                | ColumnKind::List(ItemKind::Int | ItemKind::Unsigned | ItemKind::Bool)
        )
    };
    let mut bytes: Vec<u8> = Vec::new();
    let mut width = None;
    let mut before = 0_usize;
    let mut rows = file.rows(columns);
    while let Some((n, blocks)) = rows.next_blocks(file, BLOCK)? {
        let mut lists: Vec<Vec<Vec<f64>>> = Vec::with_capacity(columns.len());
        for (block, &column) in blocks.iter().zip(columns) {
            let lists_of = row_lists(block).map_err(|row| {
                Error::invalid(format!(
                    "row {}: a missing value; features and targets must be complete",
                    before + row + 1
                ))
                .at(place(column))
            })?;
            lists.push(lists_of);
        }
        for row in 0..n {
            let mut length = 0;
            for column in &lists {
                for value in column.get(row).map(Vec::as_slice).unwrap_or_default() {
                    bytes.extend(value.to_le_bytes());
                    length += 1;
                }
            }
            if *width.get_or_insert(length) != length {
                let message = format!(
                    "row {}: expected {} numbers as in the rows before, found {length}",
                    before + row + 1,
                    width.unwrap_or(0)
                );
                return Err(Error::invalid(message).at(place(columns[0])));
            }
        }
        before += n;
    }
    let one_scalar = matches!(columns, [column] if matches!(file.columns()[*column].kind, ColumnKind::Scalar(_)));
    let shape = if one_scalar {
        vec![before]
    } else {
        vec![before, width.unwrap_or(0)]
    };
    let name = columns.first().map_or("", |column| &file.columns()[*column].name);
    let array = RawArray::new(
        name,
        Layout {
            element: Element::F64,
            shape,
            order: Order::RowMajor,
            endian: Endian::Little,
        },
        Bytes::Memory(bytes),
    )?;
    Ok(if columns.iter().all(|&column| is_whole(column)) {
        array.of_whole_numbers()
    } else {
        array
    })
}

/// Every row's numbers; the row of the first that is missing.
fn row_lists(block: &Block) -> std::result::Result<Vec<Vec<f64>>, usize> {
    let mut rows: Vec<Vec<f64>> = Vec::new();
    let mut missing = None;
    block.each_entry(|begins, entry| {
        if begins {
            rows.push(Vec::new());
        }
        let row = rows.len().saturating_sub(1);
        match (entry, rows.last_mut()) {
            (Entry::Value(index), Some(last)) => last.push(number(&block.values, index)),
            (Entry::EmptyList, _) => {}
            _ => missing = missing.or(Some(row)),
        }
    });
    missing.map_or(Ok(rows), Err)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "whole numbers beyond 2^53 are rounded, as documented"
)]
fn number(values: &Values, index: usize) -> f64 {
    match values {
        Values::Bool(values) => f64::from(u8::from(values[index])),
        Values::I32(values) => f64::from(values[index]),
        Values::I64(values) => values[index] as f64,
        Values::F32(values) => f64::from(values[index]),
        Values::F64(values) => values[index],
        Values::Fixed(values) => half_at(values[index].data()).into(),
        // Texts are read as texts.
        Values::Bytes(_) => f64::NAN,
    }
}

fn texts(file: &ParquetFile, column: usize) -> Result<Vec<String>> {
    let place = format!("column {:?}", file.columns()[column].name);
    let mut texts = Vec::new();
    let mut rows = file.rows(&[column]);
    while let Some((_, blocks)) = rows.next_blocks(file, BLOCK)? {
        let mut outcome = Ok(());
        for block in &blocks {
            block.each_entry(|_, entry| match (entry, &block.values) {
                (Entry::Value(index), Values::Bytes(values)) => {
                    texts.push(String::from_utf8_lossy(values[index].data()).into_owned())
                }
                _ if outcome.is_ok() => outcome = Err(texts.len()),
                _ => {}
            });
        }
        outcome.map_err(|row| {
            Error::invalid(format!("row {}: a missing text; targets must be complete", row + 1)).at(place.clone())
        })?;
    }
    Ok(texts)
}
