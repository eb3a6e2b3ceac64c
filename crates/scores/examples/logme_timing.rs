//! Times the parts of LogME: `cargo run --release -p ranktune-scores --example logme_timing [n d c]`.
//!
//! Prints seconds, best of three: the statistics (symmetric product and class sums), a fit of two columns (nearly all of it
//! the tridiagonalisation), and the fit of all columns (the difference is the search over the others).

#![expect(clippy::print_stdout, reason = "a program that reports on stdout")]

use std::time::Instant;

use ranktune_scores::{Compat, FeatureView, Statistics, Targets, evidence};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sizes: Vec<usize> = std::env::args()
        .skip(1)
        .map(|size| size.parse())
        .collect::<Result<_, _>>()?;
    let [n, d, c] = *sizes else {
        return time(10_000, 2_048, 100);
    };
    time(n, d, c)
}

fn time(n: usize, d: usize, c: usize) -> Result<(), Box<dyn std::error::Error>> {
    let mut state = 1_u64;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 24) as f32
    };
    let labels: Vec<u32> = (0..n).map(|i| u32::try_from(i % c)).collect::<Result<_, _>>()?;
    let features: Vec<f32> = (0..n * d)
        .map(|i| uniform() + uniform() - 0.8 + if i % d % c == i / d % c { 0.3 } else { 0.0 })
        .collect();
    let features = FeatureView::new(&features, n, d)?;
    let targets = Targets::classes(&labels, c)?;
    let halves: Vec<u32> = (0..n).map(|i| u32::from(i % 2 == 0)).collect();
    let two = Targets::classes(&halves, 2)?;
    let mut best = [f64::INFINITY; 3];
    let mut value = 0.0;
    for _ in 0..3 {
        let start = Instant::now();
        let statistics = Statistics::of(&features, &targets)?;
        best[0] = best[0].min(start.elapsed().as_secs_f64());
        let of_two = Statistics::of(&features, &two)?;
        let start = Instant::now();
        evidence::fit_rows(&of_two, &features, &two, Compat::Exact)?;
        best[1] = best[1].min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        value = evidence::fit_rows(&statistics, &features, &targets, Compat::Exact)?
            .evidence()
            .value;
        best[2] = best[2].min(start.elapsed().as_secs_f64());
    }
    println!(
        "n={n} d={d} c={c}  statistics {:.3} s  fit of two columns {:.3} s  fit of all {:.3} s  logme {value:.6}",
        best[0], best[1], best[2]
    );
    Ok(())
}
