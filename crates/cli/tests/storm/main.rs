//! Faults from outside, while the program runs: it is killed, the disk is full, the cache vanishes, files change, processes share a
//! cache. What ends well ends with the bytes of an undisturbed run; what does not ends with an error that names its cause.
//!
//! `cargo test` runs a short storm. A long one prints its table:
//!
//! ```text
//! RANKTUNE_STORM=50 RANKTUNE_STORM_SEED=7 cargo test --release -p ranktune-cli --test storm -- --nocapture --test-threads 1
//! ```

#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

#[path = "../common/mod.rs"]
mod common;
mod disks;
#[path = "../../../hub/tests/hub_server/mod.rs"]
mod hub_server;
mod kills;
mod outputs;
mod scenario;
mod shared_cache;

use std::time::Duration;

/// Disturbances of each kind.
fn strength() -> usize {
    let asked = std::env::var("RANKTUNE_STORM").ok();
    asked.map_or(2, |text| text.parse().unwrap())
}

/// Random moments, from the seed in `RANKTUNE_STORM_SEED`.
fn moments(stream: u64) -> ranktune_core::random::Random {
    let seed = std::env::var("RANKTUNE_STORM_SEED").map_or(1, |text| text.parse().unwrap());
    ranktune_core::random::Random::of_stream(seed, stream)
}

/// A moment in a run that takes `whole`, or shortly after.
fn moment(random: &mut ranktune_core::random::Random, whole: Duration) -> Duration {
    whole.mul_f64(random.below(1050) as f64 / 1000.0)
}

/// A row of the table.
#[expect(clippy::print_stdout, reason = "the table is what a long storm is run for")]
fn report(name: &str, what: &str, counts: &[(&str, usize)]) {
    let counts: Vec<String> = counts
        .iter()
        .map(|(what, count)| format!("{count:>4} {what}"))
        .collect();
    println!("{name:<28} {what:<34} {}", counts.join(", "));
}
