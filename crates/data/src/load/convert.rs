//! Converts the cells of target columns to targets, once the task is known.

use std::collections::BTreeSet;

use super::table::ValueKind;
use super::target_column::{RowKind, TargetColumn};
use crate::error::{listed, shortened};
use crate::target::distinct_names;
use crate::{DatasetTargets, Error, Result};

/// Describes a row and a column for errors.
pub(super) type Place<'a> = dyn Fn(usize, &str) -> String + 'a;

/// The value as an indicator (0 or 1, true or false), if it is one.
pub(super) fn indicator(kind: ValueKind, text: &str) -> Option<bool> {
    match kind {
        ValueKind::Bool => Some(text == "true"),
        ValueKind::Text => match text.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        ValueKind::Int | ValueKind::Float => match text.parse::<f64>() {
            Ok(0.0) => Some(false),
            Ok(1.0) => Some(true),
            _ => None,
        },
    }
}

/// The length of indicator lists, which have a 0 or 1 for each label: all lists are equally long, and a value repeats in some
/// list, which does not happen in a list of label names.
pub(super) fn hot_length(column: &TargetColumn, rows: &[usize]) -> Option<usize> {
    let length = column.items(*rows.first()?).count();
    let mut repeated = false;
    for &row in rows {
        let mut hot = 0;
        let mut all = 0;
        for (kind, text) in column.items(row) {
            if !kind.is_number() {
                return None;
            }
            hot += usize::from(indicator(kind, text)?);
            all += 1;
        }
        if all != length || column.row(row) != RowKind::List {
            return None;
        }
        repeated |= hot > 1 || all - hot > 1;
    }
    repeated.then_some(length)
}

pub(super) fn hot_lists(column: &TargetColumn, rows: &[usize], length: usize) -> DatasetTargets {
    let hot = |(i, (kind, text)): (u32, (ValueKind, &str))| (indicator(kind, text) == Some(true)).then_some(i);
    DatasetTargets::MultiLabel {
        names: (0..length).map(|i| i.to_string()).collect(),
        rows: rows
            .iter()
            .map(|&row| (0..).zip(column.items(row)).filter_map(hot).collect())
            .collect(),
    }
}

pub(super) fn hot_columns(columns: &[TargetColumn], rows: &[usize], place: &Place<'_>) -> Result<DatasetTargets> {
    let mut found = vec![Vec::new(); rows.len()];
    for (label, column) in (0_u32..).zip(columns) {
        for (&row, labels) in rows.iter().zip(&mut found) {
            let Some((kind, text)) = single(column, row) else {
                return Err(no_single(column, row, place));
            };
            match indicator(kind, text) {
                Some(true) => labels.push(label),
                Some(false) => {}
                None => {
                    let message = format!(
                        "expected 0 or 1 in each of several label columns, found {:?}",
                        shortened(text)
                    );
                    return Err(Error::invalid(message).at(place(row, &column.name)));
                }
            }
        }
    }
    Ok(DatasetTargets::MultiLabel {
        names: columns.iter().map(|column| column.name.clone()).collect(),
        rows: found,
    })
}

/// The item of a row that has exactly one, in a list or not.
fn single(column: &TargetColumn, row: usize) -> Option<(ValueKind, &str)> {
    let mut items = column.items(row);
    items.next().filter(|_| items.next().is_none())
}

fn no_single(column: &TargetColumn, row: usize, place: &Place<'_>) -> Error {
    let message = format!("expected one value, found a list of {}", column.items(row).count());
    Error::invalid(message).at(place(row, &column.name))
}

pub(super) fn classes(column: &TargetColumn, rows: &[usize], place: &Place<'_>) -> Result<DatasetTargets> {
    let mut texts = Vec::with_capacity(rows.len());
    for &row in rows {
        texts.push(single(column, row).ok_or_else(|| no_single(column, row, place))?.1);
    }
    if let Some(known) = &column.class_names {
        let labels = rows
            .iter()
            .zip(&texts)
            .map(|(&row, text)| named_class(known, text, row, &column.name, place))
            .collect::<Result<Vec<u32>>>()?;
        let (names, places) = occurring(known, &labels);
        if names.len() < 2 {
            return Err(too_few(&column.name, &names));
        }
        let labels = labels.iter().map(|label| places[*label as usize]).collect();
        return Ok(DatasetTargets::Classes { names, labels });
    }
    let (names, index) = distinct_names(texts.iter().copied())?;
    if names.len() < 2 {
        return Err(too_few(&column.name, &names));
    }
    let labels = texts.iter().map(|text| index[text]).collect();
    Ok(DatasetTargets::Classes { names, labels })
}

fn too_few<S: AsRef<str>>(column: &str, names: &[S]) -> Error {
    let message = format!(
        "fewer than two classes in column {column:?}: found {}: {}",
        names.len(),
        listed(names)
    );
    Error::invalid(message)
}

/// The names of the labels that occur, in the order of the file, and the place of each of all names among them.
fn occurring(known: &[String], labels: &[u32]) -> (Vec<String>, Vec<u32>) {
    let found: BTreeSet<u32> = labels.iter().copied().collect();
    let (mut names, mut places, mut next) = (Vec::new(), Vec::new(), 0);
    for (name, label) in known.iter().zip(0_u32..) {
        places.push(next);
        if found.contains(&label) {
            names.push(name.clone());
            next += 1;
        }
    }
    (names, places)
}

/// The index of a class, as the file has it or by the class's name.
fn named_class(known: &[String], text: &str, row: usize, column: &str, place: &Place<'_>) -> Result<u32> {
    let by_index = text.parse().ok().filter(|index: &u32| (*index as usize) < known.len());
    let by_name = || {
        known
            .iter()
            .zip(0..)
            .find(|(name, _)| *name == text)
            .map(|(_, index)| index)
    };
    by_index.or_else(by_name).ok_or_else(|| {
        let message = format!(
            "expected the index of one of the {} that the file names, found {:?}",
            counted_classes(known),
            shortened(text)
        );
        Error::invalid(message).at(place(row, column))
    })
}

pub(super) fn labels(column: &TargetColumn, rows: &[usize], place: &Place<'_>) -> Result<DatasetTargets> {
    if let Some(known) = &column.class_names {
        let of_row = |&row: &usize| -> Result<Vec<u32>> {
            let items = column.items(row);
            let mut labels = items
                .map(|(_, text)| named_class(known, text, row, &column.name, place))
                .collect::<Result<Vec<u32>>>()?;
            labels.sort_unstable();
            labels.dedup();
            Ok(labels)
        };
        let rows: Vec<Vec<u32>> = rows.iter().map(of_row).collect::<Result<_>>()?;
        let (names, places) = occurring(known, &rows.concat());
        let place = |label: &u32| places[*label as usize];
        return Ok(DatasetTargets::MultiLabel {
            names,
            rows: rows.iter().map(|row| row.iter().map(place).collect()).collect(),
        });
    }
    let all = || rows.iter().flat_map(|&row| column.items(row)).map(|item| item.1);
    let (names, index) = distinct_names(all())?;
    if names.is_empty() {
        return Err(Error::invalid(format!(
            "no row has a label in column {:?}",
            column.name
        )));
    }
    let rows = rows.iter().map(|&row| {
        let mut labels: Vec<u32> = column.items(row).map(|(_, text)| index[text]).collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    });
    Ok(DatasetTargets::MultiLabel {
        rows: rows.collect(),
        names,
    })
}

pub(super) fn regression(columns: &[TargetColumn], rows: &[usize], place: &Place<'_>) -> Result<DatasetTargets> {
    let mut names = Vec::new();
    let mut widths = Vec::new();
    for column in columns {
        let width = rows.first().map_or(1, |&row| column.items(row).count());
        let is_list = rows.first().is_some_and(|&row| column.row(row) == RowKind::List);
        if is_list {
            names.extend((0..width).map(|i| format!("{}[{i}]", column.name)));
        } else {
            names.push(column.name.clone());
        }
        widths.push(width);
    }
    if names.is_empty() {
        return Err(Error::invalid("the target lists are empty"));
    }
    let mut values = Vec::with_capacity(rows.len().saturating_mul(names.len()));
    for &row in rows {
        for (column, &width) in columns.iter().zip(&widths) {
            let before = values.len();
            for (_, text) in column.items(row) {
                let number = text.parse().ok().filter(|number: &f64| number.is_finite());
                values.push(number.ok_or_else(|| {
                    let message = format!("expected a finite number for regression, found {:?}", shortened(text));
                    Error::invalid(message).at(place(row, &column.name))
                })?);
            }
            if values.len() - before != width {
                let message = format!(
                    "expected {width} numbers as in the first row, found {}",
                    values.len() - before
                );
                return Err(Error::invalid(message).at(place(row, &column.name)));
            }
        }
    }
    Ok(DatasetTargets::Regression { names, values })
}

pub(super) fn counted_classes(names: &[String]) -> String {
    match names.len() {
        1 => "1 class".to_owned(),
        n => format!("{n} classes"),
    }
}
