//! Batches loaded on threads beside the step: a few ahead, and given in order.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::{Inputs, LoadError, Pick, Samples};
use ranktune_nn::{Error, ErrorKind, Result};

/// What loading threads and the step share.
#[derive(Default)]
struct Board {
    /// The next batch that nobody loads yet.
    next: usize,
    /// Batches that the step has taken.
    taken: usize,
    /// Loaded, and not taken yet.
    ready: BTreeMap<usize, std::result::Result<Inputs, LoadError>>,
    /// Nothing more is wanted.
    closed: bool,
    /// A thread ended in a panic.
    broken: bool,
}

struct Shared {
    board: Mutex<Board>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&'a self, board: MutexGuard<'a, Board>) -> MutexGuard<'a, Board> {
        self.changed.wait(board).unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the batches, one after the other.
pub(super) struct Batches<'a> {
    shared: &'a Shared,
    picks: &'a [Vec<Pick>],
}

impl<'a> Batches<'a> {
    /// The next batch; `None` after the last.
    ///
    /// # Errors
    /// `Input` when it cannot be loaded.
    pub(super) fn next(&mut self) -> Option<Result<(&'a [Pick], Inputs)>> {
        let mut board = self.shared.lock();
        let wanted = board.taken;
        let picks = self.picks.get(wanted)?;
        loop {
            if let Some(loaded) = board.ready.remove(&wanted) {
                board.taken += 1;
                self.shared.changed.notify_all();
                let failed = |error| Error::new(ErrorKind::Input, "samples cannot be loaded").caused_by(error);
                return Some(loaded.map(|inputs| (picks.as_slice(), inputs)).map_err(failed));
            }
            if board.broken {
                return Some(Err(Error::new(
                    ErrorKind::Input,
                    "a thread that loads samples broke down",
                )));
            }
            board = self.shared.wait(board);
        }
    }
}

/// Tells the others when a thread ends without having meant to, and when the step wants no more.
struct Guard<'a> {
    shared: &'a Shared,
    loads: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let mut board = self.shared.lock();
        match self.loads {
            true => board.broken |= std::thread::panicking(),
            false => board.closed = true,
        }
        self.shared.changed.notify_all();
    }
}

/// Runs `work` while `threads` threads load the batches of `picks`, at most `ahead` of them before they are wanted.
///
/// # Errors
/// Those of `work`.
pub(super) fn with_batches<T>(
    samples: &dyn Samples,
    picks: &[Vec<Pick>],
    (threads, ahead): (usize, usize),
    work: impl FnOnce(&mut Batches<'_>) -> Result<T>,
) -> Result<T> {
    let shared = Shared {
        board: Mutex::new(Board::default()),
        changed: Condvar::new(),
    };
    let ahead = ahead.max(1);
    std::thread::scope(|scope| {
        let shared = &shared;
        for _ in 0..threads.clamp(1, picks.len().max(1)) {
            scope.spawn(move || {
                let _guard = Guard { shared, loads: true };
                loop {
                    let mut board = shared.lock();
                    while !board.closed && board.next < picks.len() && board.next >= board.taken + ahead {
                        board = shared.wait(board);
                    }
                    let batch = board.next;
                    if board.closed || batch >= picks.len() {
                        return;
                    }
                    board.next += 1;
                    drop(board);
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

    struct Slow {
        loading: AtomicUsize,
        fails_at: usize,
    }

    impl Samples for Slow {
        fn n_samples(&self) -> usize {
            20
        }

        fn load(&self, picks: &[Pick]) -> std::result::Result<Inputs, LoadError> {
            self.loading.fetch_add(1, Ordering::SeqCst);
            let sample = picks[0].sample;
            // Later batches are ready first.
            std::thread::sleep(Duration::from_millis(if sample.is_multiple_of(2) { 4 } else { 1 }));
            match sample == self.fails_at {
                true => Err("sample 5 is broken".into()),
                false => Ok(Inputs {
                    feeds: Vec::new(),
                    rows: Some(vec![sample]),
                }),
            }
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
