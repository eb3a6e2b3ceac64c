//! The parts of a study.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use ranktune_core::{Interrupt, Progress, Silent};
use ranktune_features::extract::PreparedModel;
use ranktune_nn::Device;
use ranktune_report::ranking::SkippedModel;
use ranktune_report::study::{PLAN_SCHEMA, PlannedData, StudyData, StudyModel, StudyPlan, StudyRanking};
use ranktune_train::{MethodInfo, methods};
use serde_json::{Map, Value};

use super::configuration::configuration;
use super::folder::{Part, StudyFolder, file_name};
use super::options::{StudyInput, StudyOptions};
use super::sets::{StudySet, names};
use crate::error::{Error, ErrorKind};
use crate::models::prepare;
use crate::sources::Sources;
use crate::tune::{decimal, training_defaults, usual_rates};

/// A study whose inputs are read and checked, with its folder.
pub struct StudyRun {
    pub(super) sources: Sources,
    pub(super) options: StudyOptions,
    pub(super) device: Device,
    pub(super) sets: Vec<PlannedSet>,
    /// In the order in which they are done.
    pub(super) cells: Vec<Cell>,
    /// All models, in the hub's order.
    pub(super) models: Vec<StudyModel>,
    pub(super) skipped: Vec<SkippedModel>,
    /// Shorter edge of the images of a model's own preprocessing, by name.
    pub(super) edges: BTreeMap<String, usize>,
    pub(super) settings: Map<String, Value>,
    /// Seconds of extraction by data set and model, from a few samples.
    pub(super) timed: OnceLock<BTreeMap<(usize, String), f64>>,
    pub(super) folder: StudyFolder,
}

/// A data set with its models.
pub(super) struct PlannedSet {
    pub(super) set: StudySet,
    /// Names of the models that take it, in the hub's order.
    pub(super) models: Vec<String>,
    /// Its finished ranking, once it was read.
    pub(super) ranking: OnceLock<StudyRanking>,
}

/// One tuning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    /// Position of the data set.
    pub(super) set: usize,
    pub(super) model: String,
    pub(super) method: &'static str,
    pub(super) seed: u64,
}

impl StudyRun {
    /// Reads hub and data sets. Nothing is written yet.
    ///
    /// # Errors
    /// [`ErrorKind::Arguments`]: options out of range, no data set, or a score or method that is not known. [`ErrorKind::Data`] as
    /// [`load`](crate::load). [`ErrorKind::Hub`]: a hub that cannot be opened, or a data set that none of its models takes.
    /// [`ErrorKind::Output`]: the folder has another study or other files.
    pub fn open(
        sources: &Sources,
        data: &[StudyInput],
        options: &StudyOptions,
        progress: &dyn Progress,
        interrupt: &Interrupt,
    ) -> Result<Self, Error> {
        options.check()?;
        let names = names(data)?;
        let device = options.extract.device.open();
        let device = device.map_err(|error| Error::new(ErrorKind::Arguments, error))?;
        let sets = data
            .iter()
            .zip(names)
            .map(|(input, name)| StudySet::read(input, name, options))
            .collect::<Result<Vec<_>, _>>()?;
        let hub = sources.open(progress, interrupt)?;
        let mut by_kind: BTreeMap<&str, (Vec<StudyModel>, Vec<SkippedModel>)> = BTreeMap::new();
        let mut edges = BTreeMap::new();
        let mut planned = Vec::new();
        for set in sets {
            let kind = set.train.kind();
            let (models, skipped) = by_kind.entry(kind.name()).or_insert_with(|| {
                let (models, skipped) = prepare(&hub, Some(kind), &options.extract, &Silent);
                edges.extend(models.iter().filter_map(|model| {
                    let (height, width) = model.images()?.processor.input_size();
                    Some((model.name().to_owned(), height.min(width)))
                }));
                let model = |model: &PreparedModel| StudyModel {
                    name: model.name().to_owned(),
                    digest: model.digest().to_owned(),
                    parameters: model.parameters(),
                };
                (models.iter().map(model).collect(), skipped)
            });
            if models.is_empty() {
                return Err(no_model(&set, skipped));
            }
            planned.push(PlannedSet {
                models: models.iter().map(|model| model.name.clone()).collect(),
                set,
                ranking: OnceLock::new(),
            });
        }
        let mut models: Vec<StudyModel> = Vec::new();
        for entry in &hub.entries {
            let mut found = by_kind.values().flat_map(|(models, _)| models);
            models.extend(found.find(|model| model.name == entry.name).cloned());
        }
        let skipped = skipped_everywhere(by_kind.into_values().map(|(_, skipped)| skipped), &models);
        let documents: Vec<(StudyData, &[String])> = planned
            .iter()
            .map(|planned| (planned.set.document(planned.models.clone()), &*planned.set.scores))
            .collect();
        let settings = configuration(options, &models, &documents);
        let folder = StudyFolder::at(&options.out, &settings)?;
        Ok(Self {
            sources: sources.clone(),
            options: options.clone(),
            device,
            cells: cells(&planned, options)?,
            sets: planned,
            models,
            skipped,
            edges,
            settings,
            timed: OnceLock::new(),
            folder,
        })
    }

    /// What the study will do, and how much of it is done.
    pub fn plan(&self) -> StudyPlan {
        let planned = self.sets.iter().map(|planned| {
            let rates = self.learning_rates(planned);
            PlannedData {
                data: planned.set.document(planned.models.clone()),
                learning_rates: rates.iter().map(|&rate| decimal(f64::from(rate))).collect(),
                epochs: self.epochs(planned),
                scores: planned.set.scores.clone(),
            }
        });
        let finished = self.cells.iter().filter(|cell| self.folder.has(&self.cell_part(cell)));
        StudyPlan {
            schema: PLAN_SCHEMA.to_owned(),
            data: planned.collect(),
            methods: self.options.methods.clone(),
            seeds: self.options.seeds(),
            cells: self.cells.len(),
            finished: finished.count(),
            estimated_seconds: self.seconds_before_the_work(),
        }
    }

    /// The learning rates of a data set; one is used as it is.
    pub(super) fn learning_rates(&self, planned: &PlannedSet) -> Vec<f32> {
        if self.options.learning_rates.is_empty() {
            return usual_rates(&planned.set.train);
        }
        self.options.learning_rates.clone()
    }

    /// The epochs of a tuning on a data set.
    pub(super) fn epochs(&self, planned: &PlannedSet) -> usize {
        self.options
            .epochs
            .unwrap_or(training_defaults(&planned.set.train).epochs)
    }

    /// The part of a data set's ranking.
    pub(super) fn ranking_part(&self, set: usize) -> Part {
        Part {
            folder: "rankings",
            name: file_name(&self.sets[set].set.name),
        }
    }

    /// The part of a tuning.
    pub(super) fn cell_part(&self, cell: &Cell) -> Part {
        let [data, model] = [&self.sets[cell.set].set.name, &cell.model].map(|name| file_name(name));
        Part {
            folder: "cells",
            name: format!("{data}/{model}.{}.{}", cell.method, cell.seed),
        }
    }

    /// The ranking of a data set, if it is finished.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where its file cannot be read.
    pub(super) fn ranking(&self, set: usize) -> Result<Option<&StudyRanking>, Error> {
        let known = &self.sets[set].ranking;
        if known.get().is_none() {
            let part = self.ranking_part(set);
            if !self.folder.has(&part) {
                return Ok(None);
            }
            let read: StudyRanking = self.folder.part(&part)?;
            // Another thread may have read the same.
            let _ = known.set(read);
        }
        Ok(known.get())
    }

    /// Opens failed parts again.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where a part cannot be read.
    pub(super) fn reopen_failed(&self) -> Result<(), Error> {
        for set in 0..self.sets.len() {
            let part = self.ranking_part(set);
            if self.folder.has(&part) && self.folder.part::<StudyRanking>(&part)?.ranking.is_none() {
                self.folder.reopen(&part);
            }
        }
        for cell in &self.cells {
            let part = self.cell_part(cell);
            if self.folder.has(&part) {
                let finished: ranktune_report::study::StudyCell = self.folder.part(&part)?;
                if finished.value.is_none() {
                    self.folder.reopen(&part);
                }
            }
        }
        Ok(())
    }
}

/// All tunings, so that those of the first seed are complete first.
fn cells(sets: &[PlannedSet], options: &StudyOptions) -> Result<Vec<Cell>, Error> {
    let infos = options.methods.iter().map(|name| methods::find(name));
    let infos: Vec<&'static MethodInfo> = infos.collect::<Result<_, _>>()?;
    let mut cells = Vec::new();
    for seed in options.seeds() {
        for (set, planned) in sets.iter().enumerate() {
            for method in &infos {
                cells.extend(planned.models.iter().map(|model| Cell {
                    set,
                    model: model.clone(),
                    method: method.name,
                    seed,
                }));
            }
        }
    }
    Ok(cells)
}

fn no_model(set: &StudySet, skipped: &[SkippedModel]) -> Error {
    let mut message = format!(
        "{}: no model of the hub takes {}; leave the data set out, or add models to --hub",
        set.train.path.display(),
        set.train.kind().name()
    );
    for model in skipped {
        message.push_str(&format!("\n  {}: {}", model.name, model.reason));
    }
    Error::new(ErrorKind::Hub, message)
}

/// Models that are in no ranking, each with the reason that is its own fault if there is one.
fn skipped_everywhere(lists: impl Iterator<Item = Vec<SkippedModel>>, used: &[StudyModel]) -> Vec<SkippedModel> {
    let mut found: BTreeMap<String, SkippedModel> = BTreeMap::new();
    for model in lists.flatten() {
        if used.iter().any(|used| used.name == model.name) {
            continue;
        }
        let known = found.get(&model.name);
        if known.is_none_or(|known| known.is_not_applicable() && !model.is_not_applicable()) {
            found.insert(model.name.clone(), model);
        }
    }
    found.into_values().collect()
}
