//! From the cells of target columns to targets: which task they are for, and their values. The rules stand in [`super`].

use std::borrow::Cow;

use super::LoadOptions;
use super::integers;
use super::table::{Cell, Kind};
use super::target_column::{RowKind, TargetColumn};
use crate::error::{listed, shortened};
use crate::target::distinct_names;
use crate::{Error, Inference, Result, Targets, Task};

/// What a table writes for a missing number.
const NO_NUMBER: [&str; 8] = ["nan", "na", "n/a", "#n/a", "<na>", "null", "none", "?"];

/// Words for a row and a column, for errors.
pub(super) type Place<'a> = dyn Fn(usize, &str) -> String + 'a;

/// Turns cells that stand for lists (by the delimiter, or as `["a", "b"]` in a table of texts) into lists.
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
                    .map(|label| (Kind::Text, Cow::Owned(label.to_owned())))
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

/// For each row whether its target is missing: an empty cell, or what stands for a missing number among numbers.
pub(super) fn missing(column: &TargetColumn) -> Vec<bool> {
    let stands_for_none = |text: &str| NO_NUMBER.iter().any(|none| text.eq_ignore_ascii_case(none));
    let mut numbers = 0;
    let only_numbers = (0..column.n_rows()).all(|row| {
        column.row(row) != RowKind::List
            && column.items(row).all(|(kind, text)| {
                numbers += usize::from(kind.is_number());
                kind.is_number() || stands_for_none(text)
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

/// The targets of `rows`, none of which is missing, and why their task was taken.
pub(super) fn targets(
    columns: &[TargetColumn],
    rows: &[usize],
    task: Option<Task>,
    place: &Place<'_>,
) -> Result<(Targets, Inference)> {
    let (inferred, reason) = match columns {
        [column] => infer_one(column, rows, place)?,
        _ => infer_several(columns, rows),
    };
    let (task, reason) = match task {
        Some(task) => (task, "it was asked for".to_owned()),
        None => (inferred, reason),
    };
    let targets = match (task, columns) {
        (Task::Classification, [column]) => classes(column, rows, place)?,
        (Task::Classification, _) => {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let message = format!(
                "classification takes one target column, but {} were asked for: {}",
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
        (Task::Tokens, _) => return Err(Error::unsupported("token classification data are not read yet")),
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
        let fraction = |row: &usize| column.items(*row).any(|(kind, _)| kind == Kind::Float);
        if rows.iter().any(fraction) {
            return Ok((Task::Regression, format!("column {name:?} holds lists of numbers")));
        }
        return Ok((Task::MultiLabel, format!("column {name:?} holds lists of labels")));
    }
    let items = || rows.iter().flat_map(|&row| column.items(row));
    if let Some((kind, text)) = items().find(|(kind, _)| !kind.is_number()) {
        let what = if kind == Kind::Bool { "true and false" } else { "texts" };
        return Ok((
            Task::Classification,
            format!("column {name:?} holds {what}, such as {:?}", shortened(text)),
        ));
    }
    if let Some((_, text)) = items().find(|(kind, _)| *kind == Kind::Float) {
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
            .all(|&row| column.items(row).all(|(kind, text)| is_hot(kind, text).is_some()))
    });
    if hot {
        (
            Task::MultiLabel,
            format!("{} target columns hold zeros and ones", columns.len()),
        )
    } else {
        (
            Task::Regression,
            format!("{} target columns were asked for", columns.len()),
        )
    }
}

/// Whether a value says that a label is there, if it can say so.
fn is_hot(kind: Kind, text: &str) -> Option<bool> {
    match kind {
        Kind::Bool => Some(text == "true"),
        Kind::Text => match text.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        Kind::Int | Kind::Float => match text.parse::<f64>() {
            Ok(0.0) => Some(false),
            Ok(1.0) => Some(true),
            _ => None,
        },
    }
}

/// The length of lists of zeros and ones with a place for each label: equally long, and some value repeated in some row, which
/// cannot be in a list of labels' names.
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
            hot += usize::from(is_hot(kind, text)?);
            all += 1;
        }
        if all != length || column.row(row) != RowKind::List {
            return None;
        }
        repeated |= hot > 1 || all - hot > 1;
    }
    repeated.then_some(length)
}

fn hot_lists(column: &TargetColumn, rows: &[usize], length: usize) -> Targets {
    let hot = |(i, (kind, text)): (u32, (Kind, &str))| (is_hot(kind, text) == Some(true)).then_some(i);
    Targets::MultiLabel {
        names: (0..length).map(|i| i.to_string()).collect(),
        rows: rows
            .iter()
            .map(|&row| (0..).zip(column.items(row)).filter_map(hot).collect())
            .collect(),
    }
}

fn hot_columns(columns: &[TargetColumn], rows: &[usize], place: &Place<'_>) -> Result<Targets> {
    let mut found = vec![Vec::new(); rows.len()];
    for (label, column) in (0_u32..).zip(columns) {
        for (&row, labels) in rows.iter().zip(&mut found) {
            let Some((kind, text)) = single(column, row) else {
                return Err(no_single(column, row, place));
            };
            match is_hot(kind, text) {
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
    Ok(Targets::MultiLabel {
        names: columns.iter().map(|column| column.name.clone()).collect(),
        rows: found,
    })
}

/// The only item of a row, be it in a list or not.
fn single(column: &TargetColumn, row: usize) -> Option<(Kind, &str)> {
    let mut items = column.items(row);
    items.next().filter(|_| items.next().is_none())
}

fn no_single(column: &TargetColumn, row: usize, place: &Place<'_>) -> Error {
    let message = format!("expected one value, found a list of {}", column.items(row).count());
    Error::invalid(message).at(place(row, &column.name))
}

fn classes(column: &TargetColumn, rows: &[usize], place: &Place<'_>) -> Result<Targets> {
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
    Ok(Targets::Classes { names, labels })
}

fn labels(column: &TargetColumn, rows: &[usize]) -> Result<Targets> {
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
    Ok(Targets::MultiLabel {
        rows: rows.collect(),
        names,
    })
}

fn regression(columns: &[TargetColumn], rows: &[usize], place: &Place<'_>) -> Result<Targets> {
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
                    let message = format!("{:?} is no finite number, which a regression needs", shortened(text));
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
    Ok(Targets::Regression { names, values })
}
