//! Samples prepared for a model by several threads beside the engine, and handed over in order.
//!
//! ```text
//! free buffers ──► workers: a unit of rows → batches of named inputs ──► engine, in order ──► free buffers
//! ```
//! A unit is a few rows of the data set, ascending. For images it is one batch; for texts it has enough rows that sorting
//! them by length leaves batches with little padding. A unit is appended to the sink as a whole, so its rows may be computed in
//! any order.
//!
//! The free buffers are the back-pressure: workers run ahead of the engine by as many units as there are buffers, then wait, so
//! they take cores from the engine only while it would otherwise wait for them. A worker takes its buffer before the number of
//! its unit, so the lowest unfinished unit always has a buffer and the order cannot deadlock.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;

use crate::Error;
use crate::engine::{Elements, Input};
use ranktune_core::Interrupt;

/// How rows are batched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Rows per unit.
    pub(crate) unit: usize,
    /// Maximum number of items in a batch.
    pub(crate) batch: usize,
    /// Maximum number of tokens in a batch with more than one item, including padding.
    pub(crate) tokens: usize,
}

/// Units that may wait for the engine, beyond one in work for every worker.
const AHEAD: usize = 2;

/// Some rows of the data set, ready for a model.
#[derive(Debug, Default)]
pub(crate) struct Unit {
    /// Positions in the data set, ascending.
    pub(crate) rows: Vec<usize>,
    /// The runs of the engine; together they hold every item of the unit once.
    pub(crate) batches: Vec<Batch>,
    /// Rows that cannot be read, with the reason; the contents of their items are ignored.
    pub(crate) unreadable: Vec<(usize, String)>,
    /// How items become rows.
    pub(crate) items: Items,
    /// Number of samples (or words) that were truncated to the maximum length of the model.
    pub(crate) cut: usize,
    /// Why the unit could not be prepared: the tokenizer failed, which makes the model unusable, or a file was changed, which ends all work.
    pub(crate) failed: Option<Error>,
}

/// How the items of a unit become its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Items {
    /// Each item is a row.
    #[default]
    Rows,
    /// Two items, `u` and `v`, become the row `[u, v, |u − v|, u ⊙ v]`.
    Pairs,
    /// Each item is a word; the rows of the unit are sentences with this many words.
    Words(usize),
}

/// Inputs of one run of the engine.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The item of each row of the run's outputs, counted from the first of the unit.
    pub(crate) items: Vec<usize>,
    /// The inputs of the graph, `[items, …]` each.
    pub(crate) feeds: Vec<Feed>,
    /// Which tokens are not padding, if the inputs are tokens.
    pub(crate) mask: Option<Mask>,
    /// The tokens of each item among those of the batch, `[rows · length]`, if items are words.
    pub(crate) words: Option<Vec<Range<usize>>>,
}

/// 1 for tokens, 0 for padding, `[items, length]`.
#[derive(Debug)]
pub(crate) struct Mask {
    pub(crate) length: usize,
    pub(crate) values: Vec<i64>,
}

/// One input of a run.
#[derive(Debug)]
pub(crate) struct Feed {
    /// Name of the graph's input.
    pub(crate) name: String,
    /// Shape, batch first.
    pub(crate) shape: Vec<usize>,
    /// Row-major elements.
    pub(crate) numbers: Numbers,
}

/// Elements of a feed.
#[derive(Debug)]
pub(crate) enum Numbers {
    F32(Vec<f32>),
    I64(Vec<i64>),
}

impl Feed {
    /// The input of the engine.
    pub(crate) fn input(&self) -> Input<'_> {
        Input {
            name: &self.name,
            shape: &self.shape,
            elements: match &self.numbers {
                Numbers::F32(elements) => Elements::F32(elements),
                Numbers::I64(elements) => Elements::I64(elements),
            },
        }
    }

    /// Fills the batch up to `size` rows, for a graph with a fixed batch size.
    pub(crate) fn fill_up(&mut self, size: usize) {
        let Some(rows) = self.shape.first_mut() else { return };
        if *rows >= size {
            return;
        }
        let old = std::mem::replace(rows, size);
        let count = self.shape.iter().product();
        match &mut self.numbers {
            Numbers::F32(elements) => elements.resize(count, 0.0),
            // Repeat the first row of tokens: a row without tokens makes some models divide by zero.
            Numbers::I64(elements) => {
                let row = elements.len() / old.max(1);
                while elements.len() < count {
                    elements.extend_from_within(..row);
                }
            }
        }
    }
}

impl Unit {
    /// A unit that cannot be prepared.
    pub(crate) fn failed(rows: Vec<usize>, error: Error) -> Self {
        Self {
            failed: Some(error),
            rows,
            ..Self::default()
        }
    }

    /// The buffer of the unit's pixels, for reuse.
    fn into_buffer(self) -> Vec<f32> {
        let feeds = self.batches.into_iter().flat_map(|batch| batch.feeds);
        let mut floats = feeds.filter_map(|feed| match feed.numbers {
            Numbers::F32(elements) => Some(elements),
            Numbers::I64(_) => None,
        });
        floats.next().unwrap_or_default()
    }
}

/// Splits `rows` into units of at most `size` rows, calls `prepare` for each with a buffer to reuse, and calls `consume` for each
/// in order.
///
/// # Errors
/// The first error of `consume`, which is not called again after it. If `interrupt` is raised, it returns early without an
/// error.
pub(crate) fn for_each<E>(
    options: &Options<'_>,
    prepare: impl Fn(Vec<usize>, Vec<f32>) -> Unit + Sync,
    mut consume: impl FnMut(&mut Unit) -> Result<(), E>,
) -> Result<(), E> {
    let units: Vec<&[usize]> = options.rows.chunks(options.size.max(1)).collect();
    let workers = options.workers.min(units.len()).max(1);

    let (free_sender, free) = mpsc::channel::<Vec<f32>>();
    for _ in 0..workers + AHEAD {
        // The receiver lives below, so this cannot fail.
        let _ = free_sender.send(Vec::new());
    }
    let next = Mutex::new((free, units.iter().enumerate()));
    let (ready_sender, ready) = mpsc::channel::<(usize, Unit)>();

    thread::scope(|scope| {
        for _ in 0..workers {
            let ready_sender = ready_sender.clone();
            let (next, prepare) = (&next, &prepare);
            scope.spawn(move || {
                loop {
                    let claimed = {
                        let Ok(mut next) = next.lock() else { return };
                        let Ok(buffer) = next.0.recv() else { return };
                        next.1.next().map(|(number, rows)| (number, rows.to_vec(), buffer))
                    };
                    let Some((number, rows, buffer)) = claimed else { return };
                    if ready_sender.send((number, prepare(rows, buffer))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(ready_sender);
        // Owned by this closure: leaving it early closes both channels, which ends the workers.
        let (ready, free_sender) = (ready, free_sender);
        let mut early = BTreeMap::new();
        for number in 0..units.len() {
            let mut unit = loop {
                if options.interrupt.is_raised() {
                    return Ok(());
                }
                if let Some(unit) = early.remove(&number) {
                    break unit;
                }
                let Ok((finished, unit)) = ready.recv() else {
                    return Ok(());
                };
                early.insert(finished, unit);
            };
            consume(&mut unit)?;
            let _ = free_sender.send(unit.into_buffer());
        }
        Ok(())
    })
}

/// Options of [`for_each`].
pub(crate) struct Options<'a> {
    /// Positions in the data set, ascending.
    pub(crate) rows: Vec<usize>,
    /// Rows per unit.
    pub(crate) size: usize,
    /// Threads that prepare units.
    pub(crate) workers: usize,
    /// Stops the work early.
    pub(crate) interrupt: &'a Interrupt,
}
