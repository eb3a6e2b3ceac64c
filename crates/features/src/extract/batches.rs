//! Batches of prepared images, made by several threads beside the engine and handed over in order.
//!
//! ```text
//! free buffers ──► workers: decode (once for all models), resize, normalise ──► engine, in order ──► free buffers
//! ```
//! The free buffers are the back-pressure: workers run ahead of the engine by as many batches as there are buffers, then wait,
//! so they take cores from the engine only as long as it would otherwise wait for them. A worker takes its buffer before its
//! batch number, hence the lowest unfinished batch always has a buffer and the order cannot deadlock.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;

use ranktune_hub::ImageProcessor;

use super::images::Images;
use crate::progress::Interrupt;

/// Batches that may wait for the engine, beyond one in work for every worker.
const AHEAD: usize = 2;

/// Some samples, ready for a model.
pub(crate) struct Batch {
    /// Positions in the data set.
    pub(crate) rows: Range<usize>,
    /// `[rows, c, h, w]`; zeros for samples that cannot be read.
    pub(crate) pixels: Vec<f32>,
    /// Samples that cannot be read, with the reason.
    pub(crate) unreadable: Vec<(usize, String)>,
}

/// Cuts `rows` into batches of at most `size` and gives each to `consume`, in order.
///
/// # Errors
/// The first error of `consume`; nothing after it is handed over. Stops quietly, having handed over a prefix, when `interrupt`
/// is raised.
pub(crate) fn for_each<E>(
    images: &Images<'_>,
    processor: &ImageProcessor,
    options: &Options<'_>,
    mut consume: impl FnMut(&mut Batch) -> Result<(), E>,
) -> Result<(), E> {
    let batches: Vec<Range<usize>> = options
        .rows
        .clone()
        .step_by(options.size)
        .map(|start| start..(start + options.size).min(options.rows.end))
        .collect();
    let workers = options.workers.min(batches.len()).max(1);
    let sample = processor.output_shape().iter().product::<usize>();

    let (free_sender, free) = mpsc::channel::<Vec<f32>>();
    for _ in 0..workers + AHEAD {
        // The receiver lives below, so this cannot fail.
        let _ = free_sender.send(Vec::new());
    }
    let next = Mutex::new((free, batches.iter().enumerate()));
    let (ready_sender, ready) = mpsc::channel::<(usize, Batch)>();

    thread::scope(|scope| {
        for _ in 0..workers {
            let ready_sender = ready_sender.clone();
            let next = &next;
            scope.spawn(move || {
                loop {
                    let claimed = {
                        let Ok(mut next) = next.lock() else { return };
                        let Ok(buffer) = next.0.recv() else { return };
                        next.1.next().map(|(number, rows)| (number, rows.clone(), buffer))
                    };
                    let Some((number, rows, buffer)) = claimed else { return };
                    let batch = prepare(images, processor, rows, buffer, sample);
                    if ready_sender.send((number, batch)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(ready_sender);
        // Owned by this closure: leaving it early closes both channels, which ends the workers.
        let (ready, free_sender) = (ready, free_sender);
        let mut early = BTreeMap::new();
        for number in 0..batches.len() {
            let mut batch = loop {
                if options.interrupt.is_raised() {
                    return Ok(());
                }
                if let Some(batch) = early.remove(&number) {
                    break batch;
                }
                let Ok((finished, batch)) = ready.recv() else {
                    return Ok(());
                };
                early.insert(finished, batch);
            };
            consume(&mut batch)?;
            let _ = free_sender.send(batch.pixels);
        }
        Ok(())
    })
}

/// How [`for_each`] goes about it.
pub(crate) struct Options<'a> {
    /// Positions in the data set, within the images'.
    pub(crate) rows: Range<usize>,
    /// Samples a batch.
    pub(crate) size: usize,
    /// Threads that prepare batches.
    pub(crate) workers: usize,
    /// Ends it early.
    pub(crate) interrupt: &'a Interrupt,
}

fn prepare(
    images: &Images<'_>,
    processor: &ImageProcessor,
    rows: Range<usize>,
    mut pixels: Vec<f32>,
    sample: usize,
) -> Batch {
    pixels.clear();
    pixels.resize(rows.len() * sample, 0.0);
    let mut unreadable = Vec::new();
    for (row, pixels) in rows.clone().zip(pixels.chunks_exact_mut(sample)) {
        let applied = match images.get(row) {
            Ok((image, view)) => processor
                .apply_view(image, view, pixels)
                .map_err(|error| error.to_string()),
            Err(reason) => Err(reason.to_owned()),
        };
        if let Err(reason) = applied {
            pixels.fill(0.0);
            unreadable.push((row, reason));
        }
    }
    Batch {
        rows,
        pixels,
        unreadable,
    }
}
