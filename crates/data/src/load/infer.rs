//! Infers the task, and converts the cells of target columns to targets. [`super`] documents the rules.

use std::borrow::Cow;

use super::integers;
use super::options::LoadOptions;
use super::table::{Cell, ValueKind};
use super::target_column::{RowKind, TargetColumn};
use crate::error::{listed, shortened};
use crate::target::distinct_names;
use crate::{DatasetTargets, Error, Inference, Result, Task};

/// Placeholders of a missing number.
const PLACEHOLDERS: [&str; 8] = ["nan", "na", "n/a", "#n/a", "<na>", "null", "none", "?"];

/// Describes a row and a column for errors.
pub(super) type Place<'a> = dyn Fn(usize, &str) -> String + 'a;

/// Parses lists that a table holds as text: separated by the delimiter, or written as `["a", "b"]`.
pub(super) fn with_lists(column: TargetColumn, options: &LoadOptions, place: &Place<'_>) -> Result<TargetColumn> {
    if let Some(delimiter) = &options.label_delimiter {
        if delimiter.is_empty() {
            return Err(Error::invalid("the label delimiter is empty"));
        }
        return column.map(|row| {
            Ok(Cell::List(
                column
                    .items(row)
                    .flat_map(|(_, text)| text.split(delimiter.as_str()))
                    .map(|label| (ValueKind::Text, Cow::Owned(label.to_owned())))
                    .collect(),
            ))
        });
    }
    let bracketed = |row: usize| {
        column
            .items(row)
            .all(|(_, text)| text.starts_with('[') && text.ends_with(']'))
    };
    let rows = 0..column.n_rows();
    let any = rows.clone().any(|row| column.row(row) == RowKind::Scalar);
    if !any || rows.clone().any(|row| column.row(row) == RowKind::List) || !rows.clone().all(bracketed) {
        return Ok(column);
    }
    column.map(|row| match column.items(row).next() {
        None => Ok(Cell::Missing),
        Some((_, text)) => {
            let items = super::list_text::parse(text).ok_or_else(|| {
                let message = format!("expected a list such as [\"a\", \"b\"], found {:?}", shortened(text));
                Error::malformed(message).at(place(row, &column.name))
            })?;
            Ok(Cell::List(
                items.into_iter().map(|(kind, text)| (kind, Cow::Owned(text))).collect(),
            ))
        }
    })
}

/// Whether the target of each row is missing: an empty cell, or a placeholder in a column of numbers.
pub(super) fn missing(column: &TargetColumn) -> Vec<bool> {
    let is_placeholder = |text: &str| PLACEHOLDERS.iter().any(|none| text.eq_ignore_ascii_case(none));
    let mut numbers = 0;
    let only_numbers = (0..column.n_rows()).all(|row| {
        column.row(row) != RowKind::List
            && column.items(row).all(|(kind, text)| {
                numbers += usize::from(kind.is_number());
                kind.is_number() || is_placeholder(text)
            })
    });
    (0..column.n_rows())
        .map(|row| match column.row(row) {
            RowKind::Missing => true,
            RowKind::List => false,
            RowKind::Scalar => only_numbers && numbers > 0 && column.items(row).all(|(kind, _)| !kind.is_number()),
        })
        .collect()
}

/// The targets of `rows`, none of which is missing, with the reason for their task.
pub(super) fn targets(
    columns: &[TargetColumn],
    rows: &[usize],
    task: Option<Task>,
    place: &Place<'_>,
) -> Result<(DatasetTargets, Inference)> {
    let (inferred, reason) = match columns {
        [column] => infer_one(column, rows, place)?,
        _ => infer_several(columns, rows),
    };
    let (task, reason) = match task {
        Some(task) => (task, "as requested".to_owned()),
        None => (inferred, reason),
    };
    let targets = match (task, columns) {
        (Task::Classification, [column]) => classes(column, rows, place)?,
        (Task::Classification, _) => {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let message = format!(
                "classification takes one target column, got {}: {}",
                names.len(),
                listed(&names)
            );
            return Err(Error::invalid(message));
        }
        (Task::Regression, _) => regression(columns, rows, place)?,
        (Task::MultiLabel, [column]) => match hot_length(column, rows) {
            Some(length) => hot_lists(column, rows, length),
            None => labels(column, rows)?,
        },
        (Task::MultiLabel, _) => hot_columns(columns, rows, place)?,
        (Task::Tokens, _) => {
            return Err(Error::unsupported(
                "token classification needs a file of words and tags in CoNLL columns, found a table",
            ));
        }
    };
    Ok((targets, Inference { task, reason }))
}

fn infer_one(column: &TargetColumn, rows: &[usize], place: &Place<'_>) -> Result<(Task, String)> {
    let name = &column.name;
    let lists = rows.iter().filter(|&&row| column.row(row) == RowKind::List).count();
    if lists > 0 {
        if let Some(&odd) = rows.iter().find(|&&row| column.row(row) != RowKind::List) {
            let found = column.items(odd).next().map_or("", |item| item.1);
            let message = format!("expected a list as in other rows, found {:?}", shortened(found));
            return Err(Error::invalid(message).at(place(odd, name)));
        }
        if let Some(length) = hot_length(column, rows) {
            return Ok((
                Task::MultiLabel,
                format!("column {name:?} holds lists of {length} zeros and ones"),
            ));
        }
        let fraction = |row: &usize| column.items(*row).any(|(kind, _)| kind == ValueKind::Float);
        if rows.iter().any(fraction) {
            return Ok((Task::Regression, format!("column {name:?} holds lists of numbers")));
        }
        return Ok((Task::MultiLabel, format!("column {name:?} holds lists of labels")));
    }
    let items = || rows.iter().flat_map(|&row| column.items(row));
    if let Some((kind, text)) = items().find(|(kind, _)| !kind.is_number()) {
        let what = if kind == ValueKind::Bool {
            "true and false"
        } else {
            "texts"
        };
        return Ok((
            Task::Classification,
            format!("column {name:?} holds {what}, such as {:?}", shortened(text)),
        ));
    }
    if let Some((_, text)) = items().find(|(kind, _)| *kind == ValueKind::Float) {
        return Ok((
            Task::Regression,
            format!("column {name:?} holds numbers such as {text}"),
        ));
    }
    Ok(integers::infer(name, items().map(|(_, text)| text), rows.len()))
}

fn infer_several(columns: &[TargetColumn], rows: &[usize]) -> (Task, String) {
    let hot = columns.iter().all(|column| {
        rows.iter()
            .all(|&row| column.items(row).all(|(kind, text)| indicator(kind, text).is_some()))
    });
    if hot {
        (
            Task::MultiLabel,
            format!("{} target columns hold zeros and ones", columns.len()),
        )
    } else {
        (Task::Regression, format!("there are {} target columns", columns.len()))
    }
}

/// The value as an indicator (0 or 1, true or false), if it is one.
fn indicator(kind: ValueKind, text: &str) -> Option<bool> {
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
fn hot_length(column: &TargetColumn, rows: &[usize]) -> Option<usize> {
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

fn hot_lists(column: &TargetColumn, rows: &[usize], length: usize) -> DatasetTargets {
    let hot = |(i, (kind, text)): (u32, (ValueKind, &str))| (indicator(kind, text) == Some(true)).then_some(i);
    DatasetTargets::MultiLabel {
        names: (0..length).map(|i| i.to_string()).collect(),
        rows: rows
            .iter()
            .map(|&row| (0..).zip(column.items(row)).filter_map(hot).collect())
            .collect(),
    }
}

fn hot_columns(columns: &[TargetColumn], rows: &[usize], place: &Place<'_>) -> Result<DatasetTargets> {
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

fn classes(column: &TargetColumn, rows: &[usize], place: &Place<'_>) -> Result<DatasetTargets> {
    let mut texts = Vec::with_capacity(rows.len());
    for &row in rows {
        texts.push(single(column, row).ok_or_else(|| no_single(column, row, place))?.1);
    }
    let (names, index) = distinct_names(texts.iter().copied())?;
    if names.len() < 2 {
        let message = format!(
            "fewer than two classes in column {:?}: found {}: {}",
            column.name,
            names.len(),
            listed(&names)
        );
        return Err(Error::invalid(message));
    }
    let labels = texts.iter().map(|text| index[text]).collect();
    Ok(DatasetTargets::Classes { names, labels })
}

fn labels(column: &TargetColumn, rows: &[usize]) -> Result<DatasetTargets> {
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

fn regression(columns: &[TargetColumn], rows: &[usize], place: &Place<'_>) -> Result<DatasetTargets> {
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
