//! One tuning: a cell of the study.

use std::fs;

use ranktune_core::panics::caught;
use ranktune_core::{Interrupt, Progress, counted, one_line};
use ranktune_report::Training;
use ranktune_report::study::{CELL_SCHEMA, StudyCell};
use ranktune_train::{Need, TrainOptions, methods};
use serde_json::Map;

use super::plan::{Cell, PlannedSet, StudyRun};
use super::rungs;
use super::spent::Spent;
use crate::error::{Error, ErrorKind};
use crate::tune::{Target, TuneOptions, Validation, decimal, training_defaults, tune};

impl StudyRun {
    /// Tunes and measures, from the last checkpoint if there is one. A tuning that fails is a result too.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`]; [`ErrorKind::Output`] where checkpoints cannot be written.
    pub(super) fn tune_cell(
        &self,
        cell: &Cell,
        progress: &dyn Progress,
        interrupt: &Interrupt,
    ) -> Result<StudyCell, Error> {
        let planned = &self.sets[cell.set];
        let place = self.folder.tuning(&self.cell_part(cell));
        let spent = Spent::of(&place.with_added_extension("seconds"), progress);
        let is_resumed = place.exists();
        let mut tuned = self.tuned(cell, &spent, interrupt);
        // The folder was left before it had a checkpoint, or its checkpoint is of another version.
        let is_of_folder = |error: &Error| matches!(error.kind(), ErrorKind::Output | ErrorKind::Training);
        if is_resumed && tuned.as_ref().is_err_and(is_of_folder) {
            let _ = fs::remove_dir_all(&place);
            tuned = self.tuned(cell, &spent, interrupt);
        }
        let mut result = StudyCell {
            schema: CELL_SCHEMA.to_owned(),
            data: planned.set.name.clone(),
            model: cell.model.clone(),
            method: cell.method.to_owned(),
            seed: cell.seed,
            metric: planned.set.metric.to_owned(),
            value: None,
            reason: None,
            test: Map::new(),
            validation: Map::new(),
            settings: Map::new(),
            chosen_epoch: 0,
            seconds: spent.seconds(),
            rungs: Vec::new(),
        };
        match tuned {
            Ok(training) => {
                result.rungs = rungs::of_training(&training);
                result.value = training
                    .metrics
                    .test
                    .get(planned.set.metric)
                    .and_then(serde_json::Value::as_f64);
                if result.value.is_none() {
                    result.reason = Some(format!("the test samples have no {}", planned.set.metric));
                }
                result.test = training.metrics.test;
                result.validation = training.metrics.validation;
                result.settings = training.settings;
                result.chosen_epoch = training.chosen_epoch;
            }
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Output) => return Err(error),
            Err(error) => result.reason = Some(one_line(&error)),
        }
        Ok(result)
    }

    /// Deletes what a finished tuning leaves.
    pub(super) fn forget_tuning(&self, cell: &Cell) {
        let place = self.folder.tuning(&self.cell_part(cell));
        let _ = fs::remove_dir_all(&place);
        let _ = fs::remove_file(place.with_added_extension("seconds"));
    }

    fn tuned(&self, cell: &Cell, progress: &dyn Progress, interrupt: &Interrupt) -> Result<Training, Error> {
        let planned = &self.sets[cell.set];
        let options = self.tune_options(cell)?;
        let run = || tune(&self.sources, &planned.set.train, &options, progress, interrupt);
        caught(run).unwrap_or_else(|text| {
            let message = format!("internal error: {text}");
            Err(Error::new(ErrorKind::Hub, message))
        })
    }

    fn tune_options(&self, cell: &Cell) -> Result<TuneOptions, Error> {
        let planned = &self.sets[cell.set];
        let train = &planned.set.train;
        let mut options = TuneOptions::new(self.folder.tuning(&self.cell_part(cell)));
        options.model = Target::Named(cell.model.clone());
        options.method = cell.method.to_owned();
        if methods::find(cell.method)?.needs(Need::Teachers) {
            let ranking = self.ranking(cell.set)?.and_then(|ranked| ranked.ranking.clone());
            let none = || {
                Error::new(
                    ErrorKind::Hub,
                    "there is no ranking of this data set to choose teachers from",
                )
            };
            options.ranking = Some(ranking.ok_or_else(none)?);
        }
        let defaults = training_defaults(train);
        options.train = TrainOptions {
            epochs: self.epochs(planned),
            seed: cell.seed,
            device: self.device.clone(),
            ..defaults
        };
        match self.learning_rates(planned)[..] {
            [rate] => options.train.learning_rate = rate,
            ref rates => options.learning_rates = rates.to_vec(),
        }
        options.validation = Validation::Share(self.options.validation);
        options.test = Some(planned.set.test.clone());
        options.resume = true;
        let own_edge = self.edges.get(&cell.model);
        let is_smaller = |edge: &usize| own_edge.is_some_and(|own| edge < own);
        options.image_size = self.options.image_size.filter(is_smaller);
        options.extract = self.options.extract.clone();
        Ok(options)
    }

    /// How the values of a method on a data set are measured, in words.
    pub(super) fn protocol(&self, planned: &PlannedSet, method: &str) -> String {
        let samples = match self.options.max_samples {
            Some(limit) => format!("at most {limit} samples"),
            None => "all samples".to_owned(),
        };
        let mut rates: Vec<String> = self
            .options
            .learning_rates
            .iter()
            .map(|&rate| decimal(f64::from(rate)).to_string())
            .collect();
        if rates.is_empty() {
            rates.push("auto".to_owned());
        }
        let size = match self.options.image_size {
            Some(edge) if !planned.set.train.kind().is_text() => format!(", image size at most {edge}"),
            _ => String::new(),
        };
        format!(
            "{method}, {samples}, {}, learning rate {}{size}",
            counted(self.epochs(planned), "epoch"),
            rates.join(" or ")
        )
    }
}
