//! Targets from other programs: arrays of classes, labels or numbers, or a column of a table.
//!
//! | array | task |
//! |---|---|
//! | `[n]` texts, integers, booleans | classification |
//! | `[n]` floats | regression |
//! | `[n, c]`, all 0 or 1 | multi-label |
//! | `[n, c]`, other numbers | regression |
//!
//! `[n, 1]` is read as `[n]`. A task from the user, or from the metadata that [`super::write_safetensors`] writes, takes
//! precedence; classification then also takes floats and one-hot rows.

use std::collections::BTreeSet;
use std::path::Path;

use super::array::Array;
use super::container::{self, Contents};
use super::described::Described;
use super::role::{ArrayPath, TARGETS};
use super::source::ArraySource;
use crate::error::listed;
use crate::file_at::FileAt;
use crate::load::{is_table, table_targets};
use crate::target::distinct_names;
use crate::{DatasetTargets, Error, Inference, Result, Task};

/// Reads targets, `path` or `path:name`: an array in `.npy`, `.npz` or `.safetensors`, or a column of a table (Parquet, CSV,
/// JSON), whose task is inferred as a data set's is. `task` overrides what is inferred.
///
/// # Errors
/// As [`super::MatrixReader::open`], and `Invalid`: more than two dimensions; a regression target that is not a finite number;
/// fewer than two classes; labels other than 0 and 1; a missing target.
pub fn read_targets(path: &Path, task: Option<Task>) -> Result<(DatasetTargets, Inference)> {
    let (targets, inference) = read_part(&path.into(), task)?;
    if let DatasetTargets::Classes { names, labels } = &targets {
        let occurring: BTreeSet<u32> = labels.iter().copied().collect();
        if occurring.len() < 2 {
            let occurring: Vec<&str> = occurring.iter().map(|label| names[*label as usize].as_str()).collect();
            let message = format!(
                "fewer than two classes: found {}: {}",
                occurring.len(),
                listed(&occurring)
            );
            return Err(Error::invalid(message).in_file(&ArrayPath::parse(path).file));
        }
    }
    Ok((targets, inference))
}

/// As [`read_targets`], but one class is enough, because the file may be a shard.
pub(super) fn read_part(from: &ArraySource<'_>, task: Option<Task>) -> Result<(DatasetTargets, Inference)> {
    let path = match from {
        ArraySource::Memory(array) => return of_array(array.open()?, task),
        ArraySource::File(path) => path,
    };
    let asked = ArrayPath::parse(path);
    let member = asked.member.as_deref();
    if is_table(&asked.file) {
        return table_targets(&asked.file, member, task);
    }
    let file = FileAt::open(&asked.file)?;
    let Contents::Array(array) = container::open(&file, member, &TARGETS)? else {
        let message = "is a Parquet file with another extension; rename it to .parquet to read targets from it";
        return Err(Error::unsupported(message).in_file(&asked.file));
    };
    of_array(*array, task)
}

fn of_array(mut array: Array<'_>, task: Option<Task>) -> Result<(DatasetTargets, Inference)> {
    let values = Values::read(&mut array)?;
    let found = values.into_targets(&array.shape, task, &array.described);
    found.map_err(|error| array.explain(error))
}

enum Values {
    Integers(Vec<i128>),
    Floats(Vec<f64>),
    Texts(Vec<String>),
}

impl Values {
    fn read(array: &mut Array<'_>) -> Result<Self> {
        let dtype = array.dtype;
        if dtype.size() == 0 && array.shape.iter().all(|size| *size > 0) {
            return Err(array.explain(Error::malformed("holds texts without characters")));
        }
        let mut values = if dtype.is_text() {
            let mut texts = Vec::new();
            array.each_chunk(|chunk| texts.extend(dtype.texts(chunk)))?;
            Self::Texts(texts)
        } else if dtype.is_float() {
            let mut floats = Vec::new();
            array.each_chunk(|chunk| dtype.each_f64(chunk, |value| floats.push(value)))?;
            Self::Floats(floats)
        } else {
            let mut integers = Vec::new();
            array.each_chunk(|chunk| dtype.each_integer(chunk, |value| integers.push(value)))?;
            Self::Integers(integers)
        };
        if let [rows, columns] = *array.shape
            && array.order == super::header::Order::ColumnMajor
        {
            match &mut values {
                Self::Integers(values) => *values = transposed(values, rows, columns),
                Self::Floats(values) => *values = transposed(values, rows, columns),
                Self::Texts(values) => *values = transposed(values, rows, columns),
            }
        }
        Ok(values)
    }

    fn into_targets(
        self,
        shape: &[usize],
        task: Option<Task>,
        described: &Described,
    ) -> Result<(DatasetTargets, Inference)> {
        let (n, c) = match *shape {
            [n] => (n, 1),
            [n, c] => (n, c),
            _ => {
                let message = format!("expected targets of one or two dimensions, found shape {shape:?}");
                return Err(Error::invalid(message));
            }
        };
        if n == 0 || c == 0 {
            return Err(Error::invalid(format!("there are no targets: found shape {shape:?}")));
        }
        let (inferred, reason) = self.infer(c);
        let (task, reason) = match (task, described.task) {
            (Some(task), _) => (task, "as requested".to_owned()),
            (None, Some(task)) => (task, "from the metadata of the file".to_owned()),
            (None, None) => (inferred, reason),
        };
        let names = |count: usize| described.names_of(count);
        let targets = match task {
            Task::Classification if c > 1 => DatasetTargets::Classes {
                labels: self.one_hot(c)?,
                names: names(c),
            },
            Task::Classification => self.classes(described)?,
            Task::MultiLabel => DatasetTargets::MultiLabel {
                rows: self.hot_rows(c)?,
                names: names(c),
            },
            Task::Regression => DatasetTargets::Regression {
                values: self.finite(c)?,
                names: names(c),
            },
            Task::Tokens => return Err(Error::unsupported("targets of tagged words are not read from arrays")),
        };
        Ok((targets, Inference { task, reason }))
    }

    fn infer(&self, c: usize) -> (Task, String) {
        match self {
            Self::Texts(_) => (Task::Classification, "the targets are texts".to_owned()),
            _ if c > 1 && self.indicators().all(|hot| hot.is_some()) => (
                Task::MultiLabel,
                format!("the targets are {c} columns of zeros and ones"),
            ),
            _ if c > 1 => (Task::Regression, format!("the targets are {c} columns of numbers")),
            Self::Integers(_) => (Task::Classification, "the targets are integers".to_owned()),
            Self::Floats(values) if values.iter().all(|value| value.fract() == 0.0) => {
                let hint = "whole numbers; if they are classes, set --task classification";
                (Task::Regression, format!("the targets are floats, though {hint}"))
            }
            Self::Floats(_) => (Task::Regression, "the targets are floats".to_owned()),
        }
    }

    /// Each value as an indicator (0 or 1), if it is one.
    fn indicators(&self) -> Box<dyn Iterator<Item = Option<bool>> + '_> {
        let bit = |zero: bool, one: bool| if zero { Some(false) } else { one.then_some(true) };
        match self {
            Self::Integers(values) => Box::new(values.iter().map(move |value| bit(*value == 0, *value == 1))),
            Self::Floats(values) => Box::new(values.iter().map(move |value| bit(*value == 0.0, *value == 1.0))),
            Self::Texts(values) => Box::new(values.iter().map(|_| None)),
        }
    }

    fn hot_rows(&self, c: usize) -> Result<Vec<Vec<u32>>> {
        let mut rows = vec![Vec::new(); self.len() / c];
        for (i, hot) in self.indicators().enumerate() {
            match hot {
                Some(true) => rows[i / c].push(u32::try_from(i % c).map_err(|_| too_many(c))?),
                Some(false) => {}
                None => {
                    let message = format!("expected 0 or 1 for each label, found {}", self.shown(i));
                    return Err(Error::invalid(format!("row {}: {message}", i / c + 1)));
                }
            }
        }
        Ok(rows)
    }

    fn one_hot(&self, c: usize) -> Result<Vec<u32>> {
        let rows = self.hot_rows(c)?;
        let label = |(i, row): (usize, &Vec<u32>)| match row.as_slice() {
            [label] => Ok(*label),
            _ => Err(Error::invalid(format!(
                "row {}: expected a one-hot row with one class, found {}",
                i + 1,
                row.len()
            ))),
        };
        rows.iter().enumerate().map(label).collect()
    }

    fn classes(self, described: &Described) -> Result<DatasetTargets> {
        let (names, labels) = match &self {
            Self::Integers(values) => {
                let named = described.names.as_ref().filter(|names| {
                    let inside = |value: &i128| usize::try_from(*value).is_ok_and(|value| value < names.len());
                    values.iter().all(inside)
                });
                match named {
                    Some(names) => (
                        names.clone(),
                        values.iter().map(|value| u32::try_from(*value).unwrap_or(0)).collect(),
                    ),
                    None => distinct(values)?,
                }
            }
            Self::Texts(values) => {
                let (names, index) = distinct_names(values.iter().map(String::as_str))?;
                (names, values.iter().map(|text| index[text.as_str()]).collect())
            }
            Self::Floats(values) => {
                // Sorted as numbers; -0 equals 0.
                let bits = |value: f64| Ordered(if value == 0.0 { 0.0 } else { value });
                if let Some(i) = values.iter().position(|value| !value.is_finite()) {
                    return Err(Error::invalid(format!("row {}: {} is not a class", i + 1, values[i])));
                }
                let ordered: Vec<Ordered> = values.iter().copied().map(bits).collect();
                distinct(&ordered)?
            }
        };
        Ok(DatasetTargets::Classes { names, labels })
    }

    fn finite(self, c: usize) -> Result<Vec<f64>> {
        let values: Vec<f64> = match &self {
            Self::Floats(values) => values.clone(),
            Self::Integers(values) => values.iter().map(|value| *value as f64).collect(),
            Self::Texts(values) => values
                .iter()
                .map(|text| text.trim().parse().unwrap_or(f64::NAN))
                .collect(),
        };
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(values),
            Some(i) => {
                let message = format!("expected a finite number for regression, found {}", self.shown(i));
                Err(Error::invalid(format!("row {}: {message}", i / c + 1)))
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Integers(values) => values.len(),
            Self::Floats(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }

    fn shown(&self, i: usize) -> String {
        match self {
            Self::Integers(values) => values[i].to_string(),
            Self::Floats(values) => values[i].to_string(),
            Self::Texts(values) => format!("{:?}", crate::error::shortened(&values[i])),
        }
    }
}

/// A finite float with a total order.
#[derive(Clone, Copy, PartialEq)]
struct Ordered(f64);

impl Eq for Ordered {}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Display for Ordered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The distinct values in order, as names, and the index of each value.
fn distinct<T: Ord + Clone + ToString>(values: &[T]) -> Result<(Vec<String>, Vec<u32>)> {
    let sorted: Vec<T> = values.iter().cloned().collect::<BTreeSet<T>>().into_iter().collect();
    let label =
        |value: &T| u32::try_from(sorted.partition_point(|other| other < value)).map_err(|_| too_many(sorted.len()));
    let labels = values.iter().map(label).collect::<Result<_>>()?;
    Ok((sorted.iter().map(T::to_string).collect(), labels))
}

fn too_many(classes: usize) -> Error {
    Error::unsupported(format!("expected fewer than 2^32 classes, found {classes}"))
}

/// The transpose: `[columns, rows]` to `[rows, columns]`.
fn transposed<T: Clone>(values: &[T], rows: usize, columns: usize) -> Vec<T> {
    (0..rows)
        .flat_map(|row| (0..columns).map(move |column| values[column * rows + row].clone()))
        .collect()
}
