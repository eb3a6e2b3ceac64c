//! Targets from an array: which task its numbers are, and what they say under it.

use super::raw::{Contents, RawArray};
use crate::{Error, Result, Targets, Task};

pub(super) fn of(contents: &Contents, task: Option<Task>) -> Result<Targets> {
    match contents {
        Contents::Texts(texts) => match task {
            None | Some(Task::Classification) => Ok(classes(texts.clone(), |a, b| a.cmp(b))),
            Some(other) => Err(Error::invalid(format!(
                "the targets are texts, which are classes; the task {other} needs numbers"
            ))),
        },
        Contents::Numbers(array) => numbers(array, task),
    }
}

fn numbers(array: &RawArray, task: Option<Task>) -> Result<Targets> {
    let values = array.to_f64()?;
    let columns = match *array.shape() {
        [_] | [_, 1] => 1,
        [_, columns] if columns > 1 => columns,
        _ => {
            let message = format!(
                "expected targets of shape [samples] or [samples, columns], found {:?}",
                array.shape()
            );
            return Err(Error::invalid(message).at(array.place()));
        }
    };
    if values.is_empty() {
        return Err(Error::invalid("expected a target for every sample, found none").at(array.place()));
    }
    let is_flag = |value: &f64| *value == 0.0 || *value == 1.0;
    let task = task.unwrap_or(match columns {
        1 if array.is_whole() => Task::Classification,
        1 => Task::Regression,
        _ if values.iter().all(is_flag) => Task::MultiLabel,
        _ => Task::Regression,
    });
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        let message = format!(
            "row {}, column {}: expected a finite number, found {}",
            at / columns,
            at % columns,
            values[at]
        );
        return Err(Error::invalid(message).at(array.place()));
    }
    let names = |columns: usize| (0..columns).map(|column| column.to_string()).collect::<Vec<_>>();
    match task {
        Task::Classification if columns == 1 => {
            if let Some(row) = values.iter().position(|value| value.fract() != 0.0) {
                let message = format!(
                    "row {row}: expected a whole number as a class, found {}; for numbers say --task regression",
                    values[row]
                );
                return Err(Error::invalid(message).at(array.place()));
            }
            Ok(classes(values, f64::total_cmp))
        }
        Task::Classification => one_hot(&values, columns, names(columns)).map_err(|error| error.at(array.place())),
        Task::MultiLabel => {
            if let Some(at) = values.iter().position(|value| !is_flag(value)) {
                let message = format!(
                    "row {}, column {}: expected 0 or 1, found {}",
                    at / columns,
                    at % columns,
                    values[at]
                );
                return Err(Error::invalid(message).at(array.place()));
            }
            let rows = values.chunks_exact(columns).map(|row| {
                (0..)
                    .zip(row)
                    .filter(|(_, value)| **value == 1.0)
                    .map(|(label, _)| label)
                    .collect()
            });
            Ok(Targets::MultiLabel {
                rows: rows.collect(),
                names: names(columns),
            })
        }
        Task::Regression => Ok(Targets::Regression {
            names: names(columns),
            values,
        }),
        Task::Tokens => Err(Error::unsupported(
            "a tag a token cannot be read from arrays; give one class a row",
        )),
    }
}

/// Distinct values in order are the classes.
fn classes<T: ToString + PartialEq + Clone>(values: Vec<T>, order: impl Fn(&T, &T) -> std::cmp::Ordering) -> Targets {
    let mut distinct = values.clone();
    distinct.sort_by(&order);
    distinct.dedup();
    let label = |value: &T| {
        distinct
            .binary_search_by(|other| order(other, value))
            .unwrap_or_default()
    };
    Targets::Classes {
        labels: values
            .iter()
            .map(|value| u32::try_from(label(value)).unwrap_or(u32::MAX))
            .collect(),
        names: distinct.iter().map(ToString::to_string).collect(),
    }
}

/// Rows of zeros with a single one.
fn one_hot(values: &[f64], columns: usize, names: Vec<String>) -> Result<Targets> {
    let mut labels = Vec::with_capacity(values.len() / columns);
    for (row, values) in values.chunks_exact(columns).enumerate() {
        let ones: Vec<usize> = (0..columns).filter(|&column| values[column] == 1.0).collect();
        match (ones.as_slice(), values.iter().filter(|value| **value != 0.0).count()) {
            ([label], 1) => labels.push(u32::try_from(*label).unwrap_or(u32::MAX)),
            _ => {
                let message = format!(
                    "row {row}: expected a single 1 among zeros for one class a sample, found {} ones",
                    ones.len()
                );
                return Err(Error::invalid(message));
            }
        }
    }
    Ok(Targets::Classes { names, labels })
}
