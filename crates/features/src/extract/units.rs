//! Samples prepared for a model by several threads beside the engine, and handed over in order.
//!
//! ```text
//! free buffers ──► workers: a unit of rows → batches of named inputs ──► engine, in order ──► free buffers
//! ```
//! A unit is some consecutive rows of the data set. Of images it is one batch; of texts it is enough rows that sorting them by
//! length leaves batches with little padding. Rows go to the sink a unit at a time, so order within a unit is free.
//!
//! The free buffers are the back-pressure: workers run ahead of the engine by as many units as there are buffers, then wait,
//! so they take cores from the engine only as long as it would otherwise wait for them. A worker takes its buffer before its
//! unit's number, hence the lowest unfinished unit always has a buffer and the order cannot deadlock.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;

use crate::Error;
use crate::engine::{Elements, Input};
use ranktune_core::Interrupt;

/// Units that may wait for the engine, beyond one in work for every worker.
const AHEAD: usize = 2;

/// Consecutive rows of the data set, ready for a model.
#[derive(Debug, Default)]
pub(crate) struct Unit {
    /// Positions in the data set.
    pub(crate) rows: Range<usize>,
    /// What the engine runs; together they hold every item of the unit once.
    pub(crate) batches: Vec<Batch>,
    /// Rows that cannot be read, with the reason; their items hold anything.
    pub(crate) unreadable: Vec<(usize, String)>,
    /// How items become rows.
    pub(crate) items: Items,
    /// Rows of which a part was left out because they are longer than the model takes.
    pub(crate) cut: usize,
    /// Why the model cannot go on, whatever the engine says: its tokenizer fails.
    pub(crate) failed: Option<Error>,
}

/// How the items of a unit become its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Items {
    /// Each is one.
    #[default]
    Rows,
    /// Two, `u` and `v`, are `[u, v, |u − v|, u ⊙ v]`.
    Pairs,
    /// Each is a word of so many in the unit, whose rows are sentences.
    Words(usize),
}

/// Inputs of one run of the engine.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The item of the unit that each row of the run's outputs belongs to, counted from the unit's first.
    pub(crate) items: Vec<usize>,
    /// What the graph is fed, `[items, …]` each.
    pub(crate) feeds: Vec<Feed>,
    /// Which tokens are no padding, where the inputs are tokens.
    pub(crate) mask: Option<Mask>,
    /// Where the items' tokens are among those of the whole batch, `[rows · length]`, where items are words.
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
    /// As the engine takes it.
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

    /// Lengthens the batch to `size` rows: a graph of a fixed batch size takes the last, smaller batch filled up.
    pub(crate) fn fill_up(&mut self, size: usize) {
        let Some(rows) = self.shape.first_mut() else { return };
        if *rows >= size {
            return;
        }
        let old = std::mem::replace(rows, size);
        let count = self.shape.iter().product();
        match &mut self.numbers {
            Numbers::F32(elements) => elements.resize(count, 0.0),
            // Of tokens the first row again: rows without any make some models divide by zero.
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
    /// The buffer that the unit's numbers are in, to be used again.
    fn into_buffer(self) -> Vec<f32> {
        let feeds = self.batches.into_iter().flat_map(|batch| batch.feeds);
        let mut floats = feeds.filter_map(|feed| match feed.numbers {
            Numbers::F32(elements) => Some(elements),
            Numbers::I64(_) => None,
        });
        floats.next().unwrap_or_default()
    }
}

/// Cuts `rows` into units of at most `size` rows, has `prepare` make each (from a buffer to be used again), and gives each to
/// `consume`, in order.
///
/// # Errors
/// The first error of `consume`; nothing after it is handed over. Stops quietly, having handed over a prefix, when `interrupt`
/// is raised.
pub(crate) fn for_each<E>(
    options: &Options<'_>,
    prepare: impl Fn(Range<usize>, Vec<f32>) -> Unit + Sync,
    mut consume: impl FnMut(&mut Unit) -> Result<(), E>,
) -> Result<(), E> {
    let units: Vec<Range<usize>> = options
        .rows
        .clone()
        .step_by(options.size)
        .map(|start| start..(start + options.size).min(options.rows.end))
        .collect();
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
                        next.1.next().map(|(number, rows)| (number, rows.clone(), buffer))
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

/// How [`for_each`] goes about it.
pub(crate) struct Options<'a> {
    /// Positions in the data set.
    pub(crate) rows: Range<usize>,
    /// Rows a unit.
    pub(crate) size: usize,
    /// Threads that prepare units.
    pub(crate) workers: usize,
    /// Ends it early.
    pub(crate) interrupt: &'a Interrupt,
}
