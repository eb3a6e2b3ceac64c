//! Infers the task, and converts the cells of target columns to targets. [`super`] documents the rules.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

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

/// Whether a text stands for a missing number.
pub(super) fn is_placeholder(text: &str) -> bool {
    PLACEHOLDERS.iter().any(|none| text.eq_ignore_ascii_case(none))
}

/// Whether the cell of each row says that there is no target: a value of [`LoadOptions::no_label`], or a negative index of a
/// class that has a name.
pub(super) fn unlabelled(column: &TargetColumn, options: &LoadOptions) -> Vec<bool> {
    let is_none = |text: &str| {
        options.no_label.iter().any(|none| none.trim() == text)
            || (column.class_names.is_some() && text.starts_with('-') && text.parse::<i64>().is_ok())
    };
    (0..column.n_rows())
        .map(|row| column.row(row) == RowKind::Scalar && column.items(row).all(|(_, text)| is_none(text)))
        .collect()
}

/// Whether the target of each row is missing: an empty cell, or a placeholder in a column of numbers.
pub(super) fn missing(column: &TargetColumn) -> Vec<bool> {
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
        None => {
            if let ([column], Task::Classification) = (columns, inferred) {
                refuse_a_class_per_sample(column, rows)?;
            }
            (inferred, reason)
        }
    };
    let named = match (columns, task) {
        ([column], Task::Classification | Task::MultiLabel) => column.class_names.as_deref(),
        _ => None,
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
        (Task::MultiLabel, [column]) if column.class_names.is_some() => labels(column, rows, place)?,
        (Task::MultiLabel, [column]) => match hot_length(column, rows) {
            Some(length) => hot_lists(column, rows, length),
            None => labels(column, rows, place)?,
        },
        (Task::MultiLabel, _) => hot_columns(columns, rows, place)?,
        (Task::Tokens, _) => {
            return Err(Error::unsupported(
                "token classification needs a file of words and tags in CoNLL columns, found a table",
            ));
        }
    };
    let absent: Vec<&String> = named
        .into_iter()
        .flatten()
        .filter(|name| !targets.names().contains(name))
        .collect();
    let reason = match absent.len() {
        0 => reason,
        n => format!("{reason}; {n} of them without a row: {}", listed(&absent)),
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
        if let Some(names) = &column.class_names {
            let reason = format!(
                "column {name:?} holds lists of {} that the file names",
                counted_classes(names)
            );
            return Ok((Task::MultiLabel, reason));
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
    if let Some(names) = &column.class_names {
        let reason = format!(
            "column {name:?} holds {} that the file names: {}",
            counted_classes(names),
            listed(names)
        );
        return Ok((Task::Classification, reason));
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
        let whole: Option<Vec<String>> = items().map(|(_, text)| whole(text)).collect();
        let mut reason = format!("column {name:?} holds numbers such as {text}");
        let Some(whole) = whole else {
            if column.is_untyped && items().all(|(_, text)| has_three_decimals(text)) {
                reason += "; if the point separates thousands, set --decimal ,";
            }
            return Ok((Task::Regression, reason));
        };
        // Data frames write integers as 1.0 where one of them is missing.
        let (task, why) = integers::infer(name, whole.iter().map(String::as_str), rows.len());
        return Ok(match task {
            Task::Classification => (
                task,
                format!("{why}, written as {text}; if they are numbers, set --task regression"),
            ),
            task => (
                task,
                format!("{reason}; if they are classes, set --task classification"),
            ),
        });
    }
    let (task, mut reason) = integers::infer(name, items().map(|(_, text)| text), rows.len());
    let distinct: HashSet<&str> = items().map(|(_, text)| text).collect();
    let counts = (0..distinct.len().saturating_sub(1)).all(|class| distinct.contains(class.to_string().as_str()));
    if task == Task::Classification && distinct.len() > 2 && distinct.contains("-1") && counts {
        reason += "; −1 is taken as a class, and --no-label -1 leaves its rows out";
    }
    Ok((task, reason))
}

fn counted_classes(names: &[String]) -> String {
    match names.len() {
        1 => "1 class".to_owned(),
        n => format!("{n} classes"),
    }
}

/// A number without its fraction, if that is zero: `1` of `1.0`.
fn whole(text: &str) -> Option<String> {
    let number: f64 = text.parse().ok()?;
    (number.fract() == 0.0 && number.abs() < 1e15).then(|| format!("{number:.0}"))
}

/// Whether a number could be one with a separator of thousands: `1.234`.
fn has_three_decimals(text: &str) -> bool {
    text.trim_start_matches('-')
        .split_once('.')
        .is_some_and(|(whole, fraction)| !whole.starts_with('0') && whole.len() <= 3 && fraction.len() == 3)
}

/// Refuses targets of which nearly every sample has its own: they are identifiers, numbers in another notation, or free text.
fn refuse_a_class_per_sample(column: &TargetColumn, rows: &[usize]) -> Result<()> {
    /// Fewer samples may be a small part of a data set.
    const FEWEST: usize = 10;
    let distinct: HashSet<&str> = rows
        .iter()
        .flat_map(|&row| column.items(row))
        .map(|item| item.1)
        .collect();
    if rows.len() < FEWEST || 10 * distinct.len() < 9 * rows.len() || column.class_names.is_some() {
        return Ok(());
    }
    let mut examples: Vec<&str> = distinct.iter().copied().collect();
    examples.sort_unstable();
    examples.truncate(3);
    let message = format!(
        "column {:?} holds {} different values in {} rows, such as {}: nearly a class per sample; name another column with --target, or set --task classification or regression",
        column.name,
        distinct.len(),
        rows.len(),
        listed(&examples)
    );
    Err(Error::invalid(message))
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

fn labels(column: &TargetColumn, rows: &[usize], place: &Place<'_>) -> Result<DatasetTargets> {
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
