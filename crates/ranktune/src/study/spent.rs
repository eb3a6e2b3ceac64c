//! The time of a tuning over all processes that worked on it: kept in a file beside its checkpoints, so that a process that is killed
//! loses the time of its last epoch only.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ranktune_core::{Event, Progress};

/// Passes events on, and notes the time at every epoch.
pub(super) struct Spent<'a> {
    path: PathBuf,
    /// Seconds of earlier processes.
    before: f64,
    begun: Instant,
    progress: &'a dyn Progress,
}

impl<'a> Spent<'a> {
    /// Goes on from the time in the file `path`.
    pub(super) fn of(path: &Path, progress: &'a dyn Progress) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        let before = text.trim().parse::<f64>().ok().filter(|seconds| seconds.is_finite());
        Self {
            path: path.to_owned(),
            before: before.unwrap_or(0.0),
            begun: Instant::now(),
            progress,
        }
    }

    /// The time until now.
    pub(super) fn seconds(&self) -> f64 {
        self.before + self.begun.elapsed().as_secs_f64()
    }
}

impl Progress for Spent<'_> {
    fn event(&self, event: Event<'_>) {
        if matches!(event, Event::Done(_)) {
            // A time that cannot be noted is not worth a failed tuning.
            let _ = fs::write(&self.path, self.seconds().to_string());
        }
        self.progress.event(event);
    }
}

#[cfg(test)]
mod tests {
    use ranktune_core::Silent;

    use super::*;

    #[test]
    fn time_adds_up_over_processes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.seconds");
        fs::write(&path, "100.5").unwrap();
        let spent = Spent::of(&path, &Silent);
        spent.event(Event::Done("epoch 1"));
        let noted: f64 = fs::read_to_string(&path).unwrap().parse().unwrap();
        assert!(noted >= 100.5 && spent.seconds() >= noted, "{noted}");
        fs::write(&path, "half a num").unwrap();
        assert!(Spent::of(&path, &Silent).seconds() < 100.0);
    }
}
