//! `ranktune.study-plan/1`: what a study will do.

use ranktune_core::counted;
use serde::{Deserialize, Serialize};

use super::StudyData;
use super::blocks::{Align, Block, Grid, terminal};
use crate::format::duration;

/// Name and version of the document.
pub const PLAN_SCHEMA: &str = "ranktune.study-plan/1";

/// The cells of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StudyPlan {
    /// [`PLAN_SCHEMA`].
    pub schema: String,
    /// The data sets with their models.
    pub data: Vec<PlannedData>,
    /// The methods.
    pub methods: Vec<String>,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// Tunings in all: models of every data set × methods × seeds.
    pub cells: usize,
    /// Tunings that are finished.
    pub finished: usize,
    /// A rough estimate of the time that the others take in one process; `null` where nothing is known yet.
    pub estimated_seconds: Option<f64>,
}

/// A data set of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedData {
    /// The data set.
    #[serde(flatten)]
    pub data: StudyData,
    /// Learning rates that are tried; one is used as it is.
    pub learning_rates: Vec<f64>,
    /// Epochs of a run.
    pub epochs: usize,
    /// The scores.
    pub scores: Vec<String>,
}

impl StudyPlan {
    /// The plan as text.
    pub fn table(&self) -> String {
        let mut grid = Grid::new(&[
            ("data", Align::Left),
            ("samples", Align::Right),
            ("test", Align::Right),
            ("classes", Align::Right),
            ("metric", Align::Left),
            ("models", Align::Right),
            ("rates", Align::Right),
            ("epochs", Align::Right),
        ]);
        for planned in &self.data {
            grid.row(vec![
                planned.data.name.clone(),
                planned.data.samples.to_string(),
                planned.data.test_samples.to_string(),
                planned.data.classes.to_string(),
                planned.data.metric.clone(),
                planned.data.models.len().to_string(),
                planned.learning_rates.len().to_string(),
                planned.epochs.to_string(),
            ]);
        }
        let estimate = match self.estimated_seconds {
            Some(seconds) => format!("the others take about {} in one process", duration(seconds)),
            None => "some models could not be timed, so there is no estimate".to_owned(),
        };
        let pairs = self.data.iter().map(|planned| planned.data.models.len()).sum();
        let finished = match self.finished {
            0 => "none is".to_owned(),
            1 => "1 is".to_owned(),
            count => format!("{count} are"),
        };
        let summary = format!(
            "{}: {} of model and data set, {}, {}. Of these {finished} finished; {estimate}.",
            counted(self.cells, "tuning"),
            counted(pairs, "pair"),
            counted(self.methods.len(), "method"),
            counted(self.seeds.len(), "seed")
        );
        terminal(&[Block::Grid(grid), Block::Text(summary)])
    }
}
