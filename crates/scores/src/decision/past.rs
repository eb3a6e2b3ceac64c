//! What is known of models from before: accuracies after tuning on other data sets.

use std::collections::BTreeMap;

use super::options::Rung;
use crate::error::{Error, ErrorKind, Result};

/// Accuracy of one model on one data set, measured before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PastResult {
    /// What identifies the model: its digest where it is known, otherwise its name.
    pub model: String,
    /// The family of the model, such as its architecture or how it was pre-trained, if known. Models of a family share an effect.
    pub family: Option<String>,
    /// The data set.
    pub data_set: String,
    /// How the accuracy was measured: laboratory, tuning method, budget. Results of another protocol count for less.
    pub protocol: String,
    /// Name of the rung of a trial tuning; `None` for a full tuning.
    pub rung: Option<String>,
    /// A share, not a percentage; higher is better.
    pub accuracy: f64,
    /// Scores of the model on the data set by name, unstandardised; higher is better. May be empty.
    pub scores: BTreeMap<String, f64>,
}

/// Results on data sets that came before, one metric in all of them. Rows are in no particular order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    rows: Vec<PastResult>,
}

/// The same model, data set, protocol and rung, measured more than once. The decision model takes the mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Repeated {
    /// The model.
    pub model: String,
    /// The data set.
    pub data_set: String,
    /// The protocol.
    pub protocol: String,
    /// The rung, `None` for a full tuning.
    pub rung: Option<String>,
    /// Number of rows.
    pub count: usize,
    /// Lowest accuracy.
    pub lowest: f64,
    /// Highest accuracy.
    pub highest: f64,
}

impl Past {
    /// A record of these rows.
    ///
    /// # Errors
    /// [`ErrorKind::NonFinite`] for an accuracy or a score that is not finite; [`ErrorKind::OutOfRange`] for an accuracy above 1.
    pub fn new(rows: Vec<PastResult>) -> Result<Self> {
        for row in &rows {
            let what = || format!("model {:?} on data set {:?}", row.model, row.data_set);
            check_accuracy(row.accuracy, what)?;
            check_scores(&row.scores, what)?;
        }
        Ok(Self { rows })
    }

    /// The rows.
    pub fn rows(&self) -> &[PastResult] {
        &self.rows
    }

    /// Cells with more than one row, in order of model, data set, protocol and rung.
    pub fn repeated(&self) -> Vec<Repeated> {
        let mut cells: BTreeMap<_, Vec<f64>> = BTreeMap::new();
        for row in &self.rows {
            let cell = (&row.model, &row.data_set, &row.protocol, &row.rung);
            cells.entry(cell).or_default().push(row.accuracy);
        }
        cells
            .into_iter()
            .filter(|(_, values)| values.len() > 1)
            .map(|((model, data_set, protocol, rung), values)| Repeated {
                model: model.clone(),
                data_set: data_set.clone(),
                protocol: protocol.clone(),
                rung: rung.clone(),
                count: values.len(),
                lowest: values.iter().copied().fold(f64::INFINITY, f64::min),
                highest: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            })
            .collect()
    }

    /// The rows by data set and protocol, repeated cells merged.
    pub(crate) fn groups(&self, rungs: &[Rung]) -> Result<Vec<Group>> {
        let mut groups: BTreeMap<(&str, &str), Group> = BTreeMap::new();
        for row in &self.rows {
            let rung = row.rung.as_deref().map(|name| rung_index(rungs, name)).transpose()?;
            let key = (row.data_set.as_str(), row.protocol.as_str());
            let group = groups.entry(key).or_insert_with(|| Group {
                data_set: row.data_set.clone(),
                protocol: row.protocol.clone(),
                cells: BTreeMap::new(),
            });
            let cell = group.cells.entry(row.model.clone()).or_default();
            if cell.family.is_none() {
                cell.family.clone_from(&row.family);
            }
            for (name, &value) in &row.scores {
                cell.scores.entry(name.clone()).or_default().add(value);
            }
            cell.results.entry(rung).or_default().add(row.accuracy);
        }
        Ok(groups.into_values().collect())
    }
}

/// The results on one data set under one protocol.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub data_set: String,
    pub protocol: String,
    /// By model.
    pub cells: BTreeMap<String, Cell>,
}

/// What is known of one model in a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    pub family: Option<String>,
    pub scores: BTreeMap<String, Mean>,
    /// By rung; `None` is a full tuning.
    pub results: BTreeMap<Option<usize>, Mean>,
}

impl Cell {
    /// Accuracy after a full tuning.
    pub fn full(&self) -> Option<f64> {
        self.results.get(&None).map(Mean::value)
    }
}

/// A running mean.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mean {
    sum: f64,
    count: f64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1.0;
    }

    pub fn value(&self) -> f64 {
        self.sum / self.count
    }
}

/// The position of the rung with this name.
pub(crate) fn rung_index(rungs: &[Rung], name: &str) -> Result<usize> {
    rungs.iter().position(|rung| rung.name == name).ok_or_else(|| {
        let known: Vec<&str> = rungs.iter().map(|rung| rung.name.as_str()).collect();
        Error::new(
            ErrorKind::UnknownName,
            format!(
                "the record has a trial of rung {name:?}, which is not among the rungs of the options ({}); add it or leave out the row",
                if known.is_empty() { "none".to_owned() } else { known.join(", ") }
            ),
        )
    })
}

pub(crate) fn check_accuracy(accuracy: f64, what: impl Fn() -> String) -> Result<()> {
    if !accuracy.is_finite() {
        return Err(Error::new(
            ErrorKind::NonFinite,
            format!("{}: accuracy must be finite, got {accuracy}", what()),
        ));
    }
    if accuracy > 1.0 {
        return Err(Error::new(
            ErrorKind::OutOfRange,
            format!(
                "{}: accuracy must be a share of at most 1, got {accuracy}; divide percentages by 100",
                what()
            ),
        ));
    }
    Ok(())
}

pub(crate) fn check_scores(scores: &BTreeMap<String, f64>, what: impl Fn() -> String) -> Result<()> {
    match scores.iter().find(|(_, value)| !value.is_finite()) {
        Some((name, value)) => Err(Error::new(
            ErrorKind::NonFinite,
            format!(
                "{}: score {name} must be finite, got {value}; leave a missing score out",
                what()
            ),
        )),
        None => Ok(()),
    }
}
