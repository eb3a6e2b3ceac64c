//! How long it takes to find rows in the feature store, and what memory it takes:
//! `cargo run --release -p ranktune-features --example store_lookup -- [ROWS]`.
//!
//! Writes rows of 16 features of as many samples, and opens the entry for all of them, for every tenth, and for as many that it does
//! not have.

#![expect(clippy::print_stdout, reason = "a program that reports on stdout")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use ranktune_core::Digest;
use ranktune_features::store::{Block, Key, KeyParts, Store, StoreOptions, Wanted};

const FEATURES: usize = 16;
const BLOCK: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let count: usize = std::env::args().nth(1).map_or(Ok(1_000_000), |count| count.parse())?;
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path(), &StoreOptions::default())?;
    let key = Key::of(&KeyParts {
        model: b"model",
        preprocessing: b"",
        feature_tensor: "features",
        pooling: "",
    });
    let digests = |from: usize, step: usize, count: usize| -> Vec<Digest> {
        let samples = (from..).step_by(step).take(count);
        samples.map(|sample| Digest::of(&sample.to_le_bytes())).collect()
    };
    let all = digests(0, 1, count);
    let begun = Instant::now();
    let mut rows = store.rows(&key, &Arc::new(Wanted::new(&all)), None)?;
    for start in (0..count).step_by(BLOCK) {
        let positions: Vec<usize> = (start..(start + BLOCK).min(count)).collect();
        let features = vec![0.5; positions.len() * FEATURES];
        let block = Block {
            features: &features,
            ..Block::default()
        };
        rows.append(&positions, &block, "rten")?;
    }
    rows.finish();
    drop(rows);
    let stats = store.stats()?;
    println!(
        "{count} rows written in {:.2} s: {} segments, {:.0} MB",
        begun.elapsed().as_secs_f64(),
        stats.segments,
        stats.bytes as f64 / 1e6
    );
    for (what, wanted) in [
        ("all of them", all),
        ("every tenth", digests(0, 10, count / 10)),
        ("as many others", digests(count, 1, count)),
    ] {
        let before = resident();
        let begun = Instant::now();
        let wanted = Arc::new(Wanted::new(&wanted));
        let mapped = begun.elapsed();
        let rows = store.rows(&key, &wanted, None)?;
        let found = wanted.len() - rows.missing(0..wanted.len()).len();
        println!(
            "{what}: {found} of {} found in {:.2} s, {:.2} s of it for the map that models share; {:.0} MB of memory",
            wanted.len(),
            begun.elapsed().as_secs_f64(),
            mapped.as_secs_f64(),
            resident().saturating_sub(before) as f64 / 1e6
        );
    }
    Ok(())
}

/// Bytes of this process in memory; 0 where the system does not say.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}
