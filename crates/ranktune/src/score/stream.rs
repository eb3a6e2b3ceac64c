//! One pass over the shards: a thread reads blocks of rows while the one before is added to the statistics.
//!
//! Memory is two blocks of about [`BLOCK_BYTES`], the product's buffers, and the statistics: `d² · 8` bytes, times the number of groups
//! for standard errors. Time is that of the slower of reading and the symmetric product.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use ranktune_data::arrays::{ArraySource, MatrixReader};
use ranktune_scores::uncertainty::{Accumulator, Reservoir, groups};
use ranktune_scores::{FeatureView, Precision};

use super::StandardErrors;
use super::saved::Part;
use super::shards::Shards;
use crate::error::{Error, ErrorKind};

/// Bytes of features that are read at a time: enough rows to amortise a pass over the sums of many classes.
const BLOCK_BYTES: usize = 16 << 20;
/// The number of rows of a block is a multiple of this, the block size of the products.
const ROWS: usize = 512;

/// Rows of a block.
///
/// More rows than features, where that is not much more: such rows are added directly, while fewer would be buffered and copied first.
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

/// Consecutive rows of a file.
struct Block {
    shard: usize,
    /// Within the shard.
    first_row: usize,
    rows: Vec<f32>,
}

/// What a pass computes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub errors: StandardErrors,
    pub precision: Precision,
    pub classes: Classes,
    /// Whether some rows are kept for scores that look at samples one by one.
    pub keeps_draw: bool,
}

/// Whether every class has statistics of its own, which TransRate needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Classes {
    Together,
    Apart,
}

/// The statistics of all shards, and the rows that were drawn.
pub(super) fn part(shards: &mut Shards<'_>, wanted: Wanted) -> Result<(Part, Option<Reservoir>), Error> {
    let Wanted {
        errors,
        precision,
        classes,
        keeps_draw,
    } = wanted;
    let d = shards.n_features();
    let empty = shards.columns.empty_statistics(d)?.with_precision(precision);
    let (group_of, seed) = match errors {
        StandardErrors::Without => (None, None),
        StandardErrors::Jackknife { seed } => {
            let count = groups::DEFAULT_GROUPS.min(shards.n_samples());
            (Some(groups::assign(&shards.columns.view()?, count, seed)?), Some(seed))
        }
    };
    let n_groups = match &group_of {
        Some(_) => groups::DEFAULT_GROUPS.min(shards.n_samples()),
        None => 1,
    };
    let mut sums = Accumulator::new(&empty, n_groups);
    if classes == Classes::Apart && shards.columns.is_classes() {
        sums = sums.with_classes(&empty);
    }
    if keeps_draw {
        sums = sums.with_draw();
    }
    let Shards { readers, columns, .. } = shards;
    let paths: Vec<_> = readers.iter().map(|(path, _)| path.to_string()).collect();
    let mut done = 0;
    // The groups of a block where there is only one.
    let mut one_group = Vec::new();
    std::thread::scope(|scope| {
        // Handed over, not queued: one block is read while the one before is added, and there is room for two.
        let (filled, blocks) = sync_channel::<Result<Block, ranktune_data::Error>>(0);
        let (returned, empties) = sync_channel::<Vec<f32>>(2);
        scope.spawn(move || read(readers, d, &filled, &empties));
        for block in blocks {
            let block = block?;
            let n = block.rows.len() / d;
            let features = FeatureView::block(&block.rows, block.first_row, n, d)
                .map_err(|error| Error::new(ErrorKind::Data, format!("{}: {error}", paths[block.shard])))?;
            let targets = columns.slice(done..done + n)?;
            one_group.resize(n, 0);
            let groups = match &group_of {
                Some(group_of) => &group_of[done..done + n],
                None => &one_group,
            };
            sums.update(&features, &targets, groups)?;
            done += n;
            // After the last block, the reader no longer takes buffers back.
            let _ = returned.send(block.rows);
        }
        Ok::<(), Error>(())
    })?;
    let draw = sums.take_draw();
    let (groups, classes) = sums.into_statistics()?;
    let part = Part {
        task: shards.task,
        names: shards.names.clone(),
        seed,
        classes,
        groups,
    };
    Ok((part, draw))
}

/// Sends all blocks; stops when the receiver is gone.
fn read(
    readers: &mut [(ArraySource<'_>, MatrixReader<'_>)],
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
    fn blocks_have_some_megabytes_and_more_rows_than_features_where_possible() {
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
