//! Batches loaded by threads during the steps: a few ahead, delivered in order.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::samples::{BatchInputs, LoadError, Pick, Samples};

/// State shared by the loading threads and the training step.
#[derive(Default)]
struct Queue {
    /// The next batch to load.
    next: usize,
    /// Number of batches delivered.
    taken: usize,
    /// Batches loaded and not delivered yet.
    ready: BTreeMap<usize, std::result::Result<BatchInputs, LoadError>>,
    /// Whether no further batch is needed.
    closed: bool,
    /// Whether a loading thread panicked.
    panicked: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&'a self, queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner)
    }
}

/// Delivers the batches in order.
pub(crate) struct Batches<'a> {
    shared: &'a Shared,
    picks: &'a [Vec<Pick>],
}

impl<'a> Batches<'a> {
    /// The next batch; `None` after the last.
    ///
    /// # Errors
    /// `Input` when it cannot be loaded.
    pub(crate) fn next(&mut self) -> Option<Result<(&'a [Pick], BatchInputs)>> {
        let mut queue = self.shared.lock();
        let wanted = queue.taken;
        let picks = self.picks.get(wanted)?;
        loop {
            if let Some(loaded) = queue.ready.remove(&wanted) {
                queue.taken += 1;
                self.shared.changed.notify_all();
                let failed = |error| Error::input("samples cannot be loaded").caused_by(error);
                return Some(loaded.map(|inputs| (picks.as_slice(), inputs)).map_err(failed));
            }
            if queue.panicked {
                return Some(Err(Error::input("a thread that loads samples panicked")));
            }
            queue = self.shared.wait(queue);
        }
    }
}

/// Wakes the other threads when a loading thread panics, and when the step needs no further batch.
struct Guard<'a> {
    shared: &'a Shared,
    loads: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        if self.loads {
            queue.panicked |= std::thread::panicking();
        } else {
            queue.closed = true;
        }
        self.shared.changed.notify_all();
    }
}

/// Runs `work` while `threads` threads load the batches of `picks`, at most `ahead` batches in advance.
///
/// # Errors
/// Those of `work`.
pub(crate) fn with_batches<T>(
    samples: &dyn Samples,
    picks: &[Vec<Pick>],
    (threads, ahead): (usize, usize),
    work: impl FnOnce(&mut Batches<'_>) -> Result<T>,
) -> Result<T> {
    let shared = Shared {
        queue: Mutex::new(Queue::default()),
        changed: Condvar::new(),
    };
    let ahead = ahead.max(1);
    std::thread::scope(|scope| {
        let shared = &shared;
        for _ in 0..threads.clamp(1, picks.len().max(1)) {
            scope.spawn(move || {
                let _guard = Guard { shared, loads: true };
                loop {
                    let mut queue = shared.lock();
                    while !queue.closed && queue.next < picks.len() && queue.next >= queue.taken + ahead {
                        queue = shared.wait(queue);
                    }
                    let batch = queue.next;
                    if queue.closed || batch >= picks.len() {
                        return;
                    }
                    queue.next += 1;
                    drop(queue);
                    let loaded = samples.load(&picks[batch]);
                    shared.lock().ready.insert(batch, loaded);
                    shared.changed.notify_all();
                }
            });
        }
        let _guard = Guard { shared, loads: false };
        work(&mut Batches { shared, picks })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::ErrorKind;

    struct Slow {
        loading: AtomicUsize,
        fails_at: usize,
    }

    impl Samples for Slow {
        fn n_samples(&self) -> usize {
            20
        }

        fn load(&self, picks: &[Pick]) -> std::result::Result<BatchInputs, LoadError> {
            self.loading.fetch_add(1, Ordering::SeqCst);
            let sample = picks[0].sample;
            // Later batches are ready first.
            std::thread::sleep(Duration::from_millis(if sample.is_multiple_of(2) { 4 } else { 1 }));
            if sample == self.fails_at {
                return Err("sample 5 is broken".into());
            }
            Ok(BatchInputs {
                feeds: Vec::new(),
                rows: Some(vec![sample]),
            })
        }
    }

    fn singles() -> Vec<Vec<Pick>> {
        (0..20).map(|sample| vec![Pick { sample, view: 0 }]).collect()
    }

    #[test]
    fn batches_come_in_order_and_not_too_far_ahead() {
        let samples = Slow {
            loading: AtomicUsize::new(0),
            fails_at: usize::MAX,
        };
        let seen = with_batches(&samples, &singles(), (3, 4), |batches| {
            let mut seen = Vec::new();
            while let Some(batch) = batches.next() {
                let (picks, inputs) = batch?;
                assert_eq!(inputs.rows, Some(vec![picks[0].sample]));
                seen.push(picks[0].sample);
                assert!(samples.loading.load(Ordering::SeqCst) <= seen.len() + 4);
            }
            Ok(seen)
        });
        assert_eq!(seen.unwrap(), (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn a_sample_that_cannot_be_loaded_is_an_error_with_its_cause() {
        let samples = Slow {
            loading: AtomicUsize::new(0),
            fails_at: 5,
        };
        let error = with_batches(&samples, &singles(), (2, 2), |batches| {
            while let Some(batch) = batches.next() {
                batch?;
            }
            Ok(())
        });
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert_eq!(
            std::error::Error::source(&error).unwrap().to_string(),
            "sample 5 is broken"
        );
    }

    #[test]
    fn stopping_early_ends_the_threads() {
        let samples = Slow {
            loading: AtomicUsize::new(0),
            fails_at: usize::MAX,
        };
        with_batches(&samples, &singles(), (2, 3), |batches| {
            batches.next().unwrap().map(|_| ())
        })
        .unwrap();
        assert!(samples.loading.load(Ordering::SeqCst) <= 4);
    }
}
