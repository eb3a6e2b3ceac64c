//! The documents of a finished study.

mod accuracies;
mod agreement;
mod cost;
mod decisions;
mod group;
mod methods;

use ranktune_report::Study;
use ranktune_report::study::{SCHEMA, StudyCell, StudyFailure, StudyRanking, TestSource, scores_csv};

use super::plan::StudyRun;
use crate::error::{Error, ErrorKind};

impl StudyRun {
    /// Sums up a study whose parts are all finished, and writes its documents.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where a part is missing or cannot be read, or a document cannot be written; [`ErrorKind::Scores`] where a figure
    /// is not defined for what was measured.
    pub fn finish(&self) -> Result<Study, Error> {
        let cells = self
            .cells
            .iter()
            .map(|cell| self.folder.part(&self.cell_part(cell)))
            .collect::<Result<Vec<StudyCell>, Error>>()?;
        let mut rankings: Vec<StudyRanking> = Vec::new();
        for set in 0..self.sets.len() {
            rankings.push(self.folder.part(&self.ranking_part(set))?);
        }
        let study = self.sum_up(&cells, &rankings)?;
        let json = |error: serde_json::Error| Error::new(ErrorKind::Output, error);
        for (name, text) in [
            ("accuracies.csv", study.accuracies_csv(&cells)),
            ("scores.csv", scores_csv(&rankings)),
            ("record.jsonl", study.record().to_jsonl().map_err(json)?),
            ("study.md", study.markdown()),
            ("study.json", ranktune_report::to_json(&study).map_err(json)?),
        ] {
            self.folder.write_text(name, &text)?;
        }
        self.folder.tidy();
        Ok(study)
    }

    fn sum_up(&self, cells: &[StudyCell], rankings: &[StudyRanking]) -> Result<Study, Error> {
        let data: Vec<_> = self
            .sets
            .iter()
            .map(|planned| planned.set.document(planned.models.clone()))
            .collect();
        let accuracies = accuracies::of_cells(self, cells, rankings);
        let groups = group::groups(&data, &accuracies);
        let mut notes = self.notes();
        let agreement = groups
            .iter()
            .filter_map(|group| agreement::of_group(group, rankings).transpose())
            .collect::<Result<Vec<_>, Error>>()?;
        let mut calibrated = Vec::new();
        for group in &groups {
            if group.data_sets() < 2 {
                notes.push(format!(
                    "Decisions on {} by {} after {} are not calibrated: that takes two data sets, and there is one.",
                    group.kind, group.metric, group.method
                ));
                continue;
            }
            calibrated.extend(decisions::of_group(group)?);
        }
        Ok(Study {
            schema: SCHEMA.to_owned(),
            settings: self.settings.clone(),
            models: self.models.clone(),
            skipped: self.skipped.clone(),
            measured: cells.iter().filter(|cell| cell.value.is_some()).count(),
            failures: failures(cells, rankings),
            agreement,
            decisions: calibrated,
            methods: methods::tables(&data, &self.options.methods, &accuracies),
            cost: cost::of_study(&data, &self.options.methods[0], &accuracies, rankings),
            accuracies,
            data,
            notes,
        })
    }

    /// What limits the figures.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for planned in &self.sets {
            let document = planned.set.document(Vec::new());
            if planned.models.len() == 1 {
                notes.push(format!(
                    "{}: only {} takes it, so that there is no order to compare: weighted tau and regret are not defined or 0.",
                    document.name, planned.models[0]
                ));
            }
            if document.test_source == TestSource::HeldOut {
                notes.push(format!(
                    "{}: there is no test split; a stratified share of {} of the samples is held out, the same for every tuning.",
                    document.name, self.options.test_share
                ));
            }
        }
        if self.options.seeds == 1 {
            notes
                .push("Every model is tuned with one seed: the intervals do not hold the chance of tuning.".to_owned());
        }
        notes.push("Times are wall-clock times; processes that run at the same time slow each other.".to_owned());
        notes
    }
}

fn failures(cells: &[StudyCell], rankings: &[StudyRanking]) -> Vec<StudyFailure> {
    let mut failures = Vec::new();
    for ranked in rankings {
        let failure = |model: Option<&String>, reason: &str| StudyFailure {
            data: ranked.data.clone(),
            model: model.cloned(),
            method: None,
            seed: None,
            reason: format!("cannot be ranked: {reason}"),
        };
        failures.extend(ranked.reason.iter().map(|reason| failure(None, reason)));
        let skipped = ranked.ranking.iter().flat_map(|ranking| &ranking.skipped);
        let skipped = skipped.filter(|model| !model.is_not_applicable());
        failures.extend(skipped.map(|model| failure(Some(&model.name), &model.reason)));
    }
    let failed = cells.iter().filter_map(|cell| {
        Some(StudyFailure {
            data: cell.data.clone(),
            model: Some(cell.model.clone()),
            method: Some(cell.method.clone()),
            seed: Some(cell.seed),
            reason: cell.reason.clone()?,
        })
    });
    failures.extend(failed);
    failures
}
