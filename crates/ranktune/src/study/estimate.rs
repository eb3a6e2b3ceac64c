//! How long a study will take. Tuning takes about the time of running the model over the samples, times a factor that is the same for all
//! models: the ranking gives the first, finished tunings the second.

use std::time::Instant;

use ranktune_report::study::StudyCell;

use super::plan::{Cell, StudyRun};

/// Backward passes cost about twice a forward pass, so that an epoch is three runs over the samples.
const RUNS_OF_AN_EPOCH: f64 = 3.0;

/// The time that is left, from what was done since this began, whoever did it.
pub(super) struct Estimate {
    begun: Instant,
    /// Weight of what was done before.
    before: f64,
}

impl Estimate {
    /// Begins to measure.
    pub(super) fn begin(run: &StudyRun) -> Self {
        Self {
            begun: Instant::now(),
            before: weights(run).0,
        }
    }

    /// Seconds until everything is done at the present pace; `None` before there is one.
    pub(super) fn seconds_left(&self, run: &StudyRun) -> Option<f64> {
        let (done, left) = weights(run);
        let since = done - self.before;
        (since > 0.0).then(|| self.begun.elapsed().as_secs_f64() * left / since)
    }
}

impl StudyRun {
    /// Seconds of all open tunings one after the other; `None` where a model is neither ranked nor timed. Without a finished tuning it is a rough guess.
    pub(super) fn seconds_before_the_work(&self) -> Option<f64> {
        let (mut measured, mut expected, mut open) = (0.0, 0.0, 0.0);
        for cell in &self.cells {
            let seconds = extraction(self, cell)? * runs(self, cell);
            let part = self.cell_part(cell);
            if !self.folder.has(&part) {
                open += seconds;
            } else if let Ok(finished) = self.folder.part::<StudyCell>(&part)
                && finished.value.is_some()
            {
                measured += finished.seconds;
                expected += seconds;
            }
        }
        let correction = if expected > 0.0 { measured / expected } else { 1.0 };
        Some(correction * open)
    }
}

/// Runs of the model over the samples in one tuning, with its search.
fn runs(run: &StudyRun, cell: &Cell) -> f64 {
    let planned = &run.sets[cell.set];
    let rates = run.learning_rates(planned).len();
    // Rates of images other than the first are tried with two kinds of statistics.
    let is_image = !planned.set.train.kind().is_text();
    let trials = if is_image { 2 * rates - 1 } else { rates };
    RUNS_OF_AN_EPOCH * (run.epochs(planned) * trials) as f64
}

/// Weights of finished and of open tunings.
fn weights(run: &StudyRun) -> (f64, f64) {
    let (mut done, mut left) = (0.0, 0.0);
    for cell in &run.cells {
        let weight = extraction(run, cell).unwrap_or(1.0);
        if run.folder.has(&run.cell_part(cell)) {
            done += weight;
        } else {
            left += weight;
        }
    }
    (done, left)
}

/// Seconds that the model takes for the samples of the data set; `None` where it is neither ranked nor timed.
fn extraction(run: &StudyRun, cell: &Cell) -> Option<f64> {
    let ranked = run.ranking(cell.set).ok()?.and_then(|ranked| ranked.ranking.as_ref());
    let found = ranked.and_then(|ranking| ranking.models.iter().find(|model| model.name == cell.model));
    let timed = || run.timed.get()?.get(&(cell.set, cell.model.clone())).copied();
    found
        .map(|model| model.seconds.extract)
        .or_else(timed)
        .map(|seconds| seconds.max(1e-3))
}
