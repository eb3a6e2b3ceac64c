//! One pass over the shards: a thread reads blocks of rows while the one before is added to the statistics.
//!
//! Memory is two blocks of about [`BLOCK_BYTES`], the product's buffers, and the statistics: `d² · 8` bytes, or as many times that as there are
//! groups for standard errors. Time is that of the slower of reading and the symmetric product.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use ranktune_scores::uncertainty::{Grouped, groups};
use ranktune_scores::{FeatureView, Precision, Statistics};

use super::StandardErrors;
use super::saved::Part;
use super::shards::Shards;
use crate::error::{Error, ErrorKind};
use crate::scoring::Columns;

/// Bytes of features that are read at once: enough rows for one pass over the sums of many classes to pay.
const BLOCK_BYTES: usize = 16 << 20;
/// Rows of a block are a multiple of this, which products are blocked by.
const ROWS: usize = 512;

/// Rows of a block.
///
/// More than there are features, where that is not much more: such rows go into sums at once, while fewer would be kept and copied before.
fn block_rows(d: usize) -> usize {
    let d = d.max(1);
    let fitting = BLOCK_BYTES / 4 / d;
    let whole = (fitting / ROWS).max(1) * ROWS;
    let beyond = (d / ROWS + 1) * ROWS;
    if whole <= d && beyond.saturating_mul(d) <= BLOCK_BYTES / 4 * 3 / 2 {
        beyond
    } else if whole.saturating_mul(d) <= 2 * BLOCK_BYTES / 4 {
        whole
    } else {
        fitting.max(1)
    }
}

/// Rows as they come from the files.
struct Block {
    shard: usize,
    /// Within the shard.
    first_row: usize,
    rows: Vec<f32>,
}

enum Sink {
    One(Box<Statistics>),
    Groups { grouped: Grouped, of: Vec<usize> },
}

/// What a pass collects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub errors: StandardErrors,
    pub precision: Precision,
    pub classes: Classes,
}

/// Whether every class has statistics of its own, as TransRate needs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Classes {
    Together,
    Apart,
}

/// The statistics of all shards.
pub(super) fn part(shards: &mut Shards, wanted: Wanted) -> Result<Part, Error> {
    let Wanted {
        errors,
        precision,
        classes,
    } = wanted;
    let unfit = |error: ranktune_scores::Error| Error::new(ErrorKind::Scores, error);
    let d = shards.n_features();
    let empty = shards
        .columns
        .empty_statistics(d)
        .map_err(unfit)?
        .with_precision(precision);
    let mut apart = match (&shards.columns, classes) {
        (Columns::Classes { count, .. }, Classes::Apart) => Some(Grouped::new(&empty, *count)),
        _ => None,
    };
    let mut seed_of_groups = None;
    let mut sink = match errors {
        StandardErrors::Without => Sink::One(Box::new(empty)),
        StandardErrors::Jackknife { seed } => {
            let count = groups::DEFAULT_GROUPS.min(shards.n_samples());
            let of = groups::assign(&shards.columns.view().map_err(unfit)?, count, seed).map_err(unfit)?;
            seed_of_groups = Some(seed);
            Sink::Groups {
                grouped: Grouped::new(&empty, count),
                of,
            }
        }
    };
    let Shards { readers, columns, .. } = shards;
    let paths: Vec<_> = readers.iter().map(|(path, _)| path.clone()).collect();
    let mut done = 0;
    std::thread::scope(|scope| {
        // Handed over, not queued: one block is read while the one before is added, and there is room for two.
        let (filled, blocks) = sync_channel::<Result<Block, ranktune_data::Error>>(0);
        let (returned, empties) = sync_channel::<Vec<f32>>(2);
        scope.spawn(move || read(readers, d, &filled, &empties));
        for block in blocks {
            let block = block?;
            let n = block.rows.len() / d;
            let features = FeatureView::block(&block.rows, block.first_row, n, d)
                .map_err(|error| Error::new(ErrorKind::Data, format!("{}: {error}", paths[block.shard].display())))?;
            let targets = columns.slice(done..done + n).map_err(unfit)?;
            match &mut sink {
                Sink::One(statistics) => statistics.update(&features, &targets),
                Sink::Groups { grouped, of } => grouped.update(&features, &targets, &of[done..done + n]),
            }
            .map_err(unfit)?;
            if let (Some(apart), Some(labels)) = (&mut apart, targets.labels()) {
                let of: Vec<usize> = labels
                    .iter()
                    .map(|&label| usize::try_from(label).unwrap_or(usize::MAX))
                    .collect();
                apart.update(&features, &targets, &of).map_err(unfit)?;
            }
            done += n;
            // Nobody waits for it any more after the last block.
            let _ = returned.send(block.rows);
        }
        Ok::<(), Error>(())
    })?;
    Ok(Part {
        task: shards.task,
        names: shards.names.clone(),
        seed: seed_of_groups,
        classes: apart.map(Grouped::into_groups).transpose().map_err(unfit)?,
        groups: match sink {
            Sink::One(statistics) => vec![*statistics],
            Sink::Groups { grouped, .. } => grouped.into_groups().map_err(unfit)?,
        },
    })
}

/// Sends all blocks; stops where nobody listens any more.
fn read(
    readers: &mut [(std::path::PathBuf, ranktune_data::arrays::MatrixReader)],
    d: usize,
    filled: &SyncSender<Result<Block, ranktune_data::Error>>,
    empties: &Receiver<Vec<f32>>,
) {
    let rows = block_rows(d);
    for (shard, (_, reader)) in readers.iter_mut().enumerate() {
        let n = reader.n_rows();
        for first_row in (0..n).step_by(rows) {
            let mut buffer = empties.try_recv().unwrap_or_default();
            let block = reader
                .read_rows(first_row..n.min(first_row + rows), &mut buffer)
                .map(|()| Block {
                    shard,
                    first_row,
                    rows: buffer,
                });
            let failed = block.is_err();
            if filled.send(block).is_err() || failed {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_of_some_megabytes_and_of_more_rows_than_features_where_they_can_be() {
        for (d, rows) in [
            (1, 4 << 20),
            (512, 8192),
            (2048, 2560),
            (4096, 1024),
            (16_384, 512),
            (1 << 20, 4),
            (1 << 30, 1),
        ] {
            assert_eq!(block_rows(d), rows, "{d} features");
        }
    }
}
