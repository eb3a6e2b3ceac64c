//! Infers the task from the cells of target columns. [`super`] documents the rules.

use std::borrow::Cow;
use std::collections::HashSet;

use super::convert::{
    Place, classes, counted_classes, hot_columns, hot_length, hot_lists, indicator, labels, regression,
};
use super::integers;
use super::options::LoadOptions;
use super::table::{Cell, ValueKind};
use super::target_column::{RowKind, TargetColumn};
use crate::error::{listed, shortened};
use crate::{DatasetTargets, Error, Inference, Result, Task};

/// Placeholders of a missing number.
const PLACEHOLDERS: [&str; 8] = ["nan", "na", "n/a", "#n/a", "<na>", "null", "none", "?"];

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
    // Label Studio's answers to a question with several choices.
    let choices = |row: usize| column.items(row).any(|(_, text)| text.starts_with("{\"choices\""));
    if (0..column.n_rows()).any(choices) {
        return column.map(|row| {
            let items = column.items(row).flat_map(|(kind, text)| {
                let inner = text.trim_start_matches("{\"choices\":").trim_end_matches('}').trim();
                let parsed = choices(row).then(|| super::list_text::parse(inner)).flatten();
                parsed.unwrap_or_else(|| vec![(kind, text.to_owned())])
            });
            Ok(match column.row(row) {
                RowKind::Missing => Cell::Missing,
                _ => Cell::List(items.map(|(kind, text)| (kind, Cow::Owned(text))).collect()),
            })
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
                let hint = if text.starts_with("[{") && text.contains("\"start\"") {
                    "; spans of Label Studio are read from its export \"JSON\" or \"CONLL2003\""
                } else {
                    ""
                };
                let message = format!(
                    "expected a list such as [\"a\", \"b\"], found {:?}{hint}",
                    shortened(text)
                );
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
