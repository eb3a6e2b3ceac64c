//! The loop of a process: it takes the first part that is open and that nobody else works on, until all are finished.

use std::thread;
use std::time::Duration;

use ranktune_core::{Event, Interrupt, Progress, counted};
use ranktune_report::format::duration;
use ranktune_report::study::{StudyCell, StudyRanking};
use ranktune_train::{Need, methods};

use super::estimate::Estimate;
use super::plan::{Cell, StudyRun};
use super::progress::Bars;
use crate::error::{Error, ErrorKind};

/// How long a process waits before it looks again, when others have all that is left.
const PAUSE: Duration = Duration::from_millis(300);

impl StudyRun {
    /// Makes the folder ready, and opens failed parts again if the options say so. One process does this; others may work from then on.
    ///
    /// # Errors
    /// [`ErrorKind::Output`]: the folder has another study or other files, or cannot be written to.
    pub fn begin(&self) -> Result<(), Error> {
        self.folder.begin(&self.settings)?;
        if self.options.retry_failed {
            self.reopen_failed()?;
        }
        Ok(())
    }

    /// Does every part that is open, and waits for those that other processes do. A process that ends leaves its part to the others.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where a part cannot be written or read; [`ErrorKind::Interrupted`].
    pub fn work(&self, progress: &dyn Progress, interrupt: &Interrupt) -> Result<(), Error> {
        self.folder.begin(&self.settings)?;
        let estimate = Estimate::begin(self);
        let mut has_said_that_it_waits = false;
        loop {
            let (mut open, mut done) = (0, 0);
            for set in 0..self.sets.len() {
                self.check(interrupt)?;
                match self.attempt_ranking(set, progress, interrupt)? {
                    Attempt::Finished => {}
                    Attempt::Done => done += 1,
                    Attempt::Elsewhere => open += 1,
                }
            }
            for cell in &self.cells {
                self.check(interrupt)?;
                match self.attempt_cell(cell, &estimate, progress, interrupt)? {
                    Attempt::Finished => {}
                    Attempt::Done => done += 1,
                    Attempt::Elsewhere => open += 1,
                }
            }
            if open == 0 {
                return Ok(());
            }
            if done == 0 {
                if !has_said_that_it_waits {
                    let text = format!("{} left, which other processes are doing", counted(open, "part"));
                    progress.event(Event::Note(&text));
                    has_said_that_it_waits = true;
                }
                thread::sleep(PAUSE);
            }
        }
    }

    fn check(&self, interrupt: &Interrupt) -> Result<(), Error> {
        if !interrupt.is_raised() {
            return Ok(());
        }
        let message = format!(
            "interrupted; what is finished is in {}; run the same command again to continue",
            self.folder.path().display()
        );
        Err(Error::new(ErrorKind::Interrupted, message))
    }

    fn attempt_ranking(&self, set: usize, progress: &dyn Progress, interrupt: &Interrupt) -> Result<Attempt, Error> {
        let part = self.ranking_part(set);
        if self.folder.has(&part) {
            return Ok(Attempt::Finished);
        }
        let Some(_claim) = self.folder.claim(&part)? else {
            return Ok(Attempt::Elsewhere);
        };
        // Another process may have finished it before it gave up its claim.
        if self.folder.has(&part) {
            return Ok(Attempt::Finished);
        }
        let name = &self.sets[set].set.name;
        let bars = Bars { label: name, progress };
        let ranking = self
            .rank_set(set, &bars, interrupt)
            .map_err(|error| self.stopped(error, interrupt))?;
        self.folder.finish(&part, &ranking)?;
        progress.event(Event::Done(&format!("{name}: {}", said_of_ranking(&ranking))));
        Ok(Attempt::Done)
    }

    fn attempt_cell(
        &self,
        cell: &Cell,
        estimate: &Estimate,
        progress: &dyn Progress,
        interrupt: &Interrupt,
    ) -> Result<Attempt, Error> {
        let part = self.cell_part(cell);
        if self.folder.has(&part) {
            return Ok(Attempt::Finished);
        }
        let needs_ranking = methods::find(cell.method)?.needs(Need::Teachers);
        if needs_ranking && self.ranking(cell.set)?.is_none() {
            return Ok(Attempt::Elsewhere);
        }
        let Some(_claim) = self.folder.claim(&part)? else {
            return Ok(Attempt::Elsewhere);
        };
        if self.folder.has(&part) {
            return Ok(Attempt::Finished);
        }
        let name = &self.sets[cell.set].set.name;
        let bars = Bars { label: name, progress };
        let tuned = self
            .tune_cell(cell, &bars, interrupt)
            .map_err(|error| self.stopped(error, interrupt))?;
        self.folder.finish(&part, &tuned)?;
        self.forget_tuning(cell);
        progress.event(Event::Done(&self.said_of_cell(&tuned, estimate)));
        Ok(Attempt::Done)
    }

    /// An interruption in the words of a study; other errors as they are.
    fn stopped(&self, error: Error, interrupt: &Interrupt) -> Error {
        if error.kind() == ErrorKind::Interrupted {
            return self.check(interrupt).err().unwrap_or(error);
        }
        error
    }

    fn said_of_cell(&self, cell: &StudyCell, estimate: &Estimate) -> String {
        let finished = self
            .cells
            .iter()
            .filter(|cell| self.folder.has(&self.cell_part(cell)))
            .count();
        let result = match (cell.value, &cell.reason) {
            (Some(value), _) => format!("{} {value:.4}", cell.metric),
            (None, reason) => format!("failed: {}", reason.as_deref().unwrap_or("no value")),
        };
        let left = match self.cells.len() - finished {
            0 => "none left".to_owned(),
            count => match estimate.seconds_left(self) {
                Some(seconds) => format!("{count} left, about {}", duration(seconds)),
                None => format!("{count} left"),
            },
        };
        format!(
            "[{finished}/{}] {}, {}, {}, seed {}: {result} in {:.1} s; {left}",
            self.cells.len(),
            cell.data,
            cell.model,
            cell.method,
            cell.seed,
            cell.seconds
        )
    }
}

/// How an attempt at a part went.
enum Attempt {
    /// The part was finished before.
    Finished,
    /// This process did it.
    Done,
    /// Another process does it, or what it needs.
    Elsewhere,
}

fn said_of_ranking(ranked: &StudyRanking) -> String {
    match (&ranked.ranking, &ranked.reason) {
        (Some(ranking), _) => {
            let seconds: f64 = ranking
                .models
                .iter()
                .map(|model| model.seconds.extract + model.seconds.score)
                .sum();
            format!("{} ranked in {seconds:.1} s", counted(ranking.models.len(), "model"))
        }
        (None, reason) => format!(
            "cannot be ranked: {}",
            reason.as_deref().unwrap_or("no reason is known")
        ),
    }
}
