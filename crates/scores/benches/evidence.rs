//! LogME: one pass over the rows, then the evidence from its statistics.
//!
//! ```text
//! cargo bench -p ranktune-scores --bench evidence
//! ```
//!
//! Sizes are fixed, so that figures of two commits compare. The statistics report floating-point operations of the symmetric
//! product per second: `n·d·(d + 1)`.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up stops")]

use std::fmt;

use divan::Bencher;
use divan::counter::ItemsCount;
use ranktune_core::random::Random;
use ranktune_scores::{Compat, FeatureView, Precision, Statistics, Targets, evidence};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `n` samples of `d` features in `c` classes.
#[derive(Clone, Copy)]
struct Size {
    n: usize,
    d: usize,
    c: usize,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n={} d={} c={}", self.n, self.d, self.c)
    }
}

/// Features of a large image model, and of a small one.
const SIZES: [Size; 2] = [
    Size {
        n: 10_000,
        d: 2_048,
        c: 100,
    },
    Size {
        n: 1_000,
        d: 192,
        c: 10,
    },
];

fn main() {
    divan::main();
}

/// Features of classes that overlap, and their labels.
fn data(size: Size) -> (Vec<f32>, Vec<u32>) {
    let Size { n, d, c } = size;
    let mut random = Random::new(1);
    let mut uniform = || (random.next() >> 40) as f32 / (1_u64 << 24) as f32;
    let features = (0..n * d)
        .map(|i| uniform() + uniform() - 0.8 + if i % d % c == i / d % c { 0.3 } else { 0.0 })
        .collect();
    let labels = (0..n).map(|i| u32::try_from(i % c).unwrap()).collect();
    (features, labels)
}

fn accumulated(bencher: Bencher<'_, '_>, size: Size, precision: Precision) {
    let (features, labels) = data(size);
    let features = FeatureView::new(&features, size.n, size.d).unwrap();
    let targets = Targets::classes(&labels, size.c).unwrap();
    let operations = size.n * size.d * (size.d + 1);
    bencher.counter(ItemsCount::new(operations)).bench_local(|| {
        let empty = Statistics::for_classes(size.d, size.c).unwrap();
        let mut statistics = empty.with_precision(precision);
        statistics.update(&features, &targets).unwrap();
        statistics
    });
}

/// The statistics of all rows, with products in f64.
#[divan::bench(args = SIZES, sample_count = 5, sample_size = 1)]
fn statistics(bencher: Bencher<'_, '_>, size: Size) {
    accumulated(bencher, size, Precision::Double);
}

/// The statistics of all rows, with products in f32.
#[divan::bench(args = SIZES, sample_count = 5, sample_size = 1)]
fn fast_statistics(bencher: Bencher<'_, '_>, size: Size) {
    accumulated(bencher, size, Precision::Fast);
}

/// The evidence of every class, from statistics.
#[divan::bench(args = SIZES, sample_count = 5, sample_size = 1)]
fn logme(bencher: Bencher<'_, '_>, size: Size) {
    let (features, labels) = data(size);
    let features = FeatureView::new(&features, size.n, size.d).unwrap();
    let targets = Targets::classes(&labels, size.c).unwrap();
    let statistics = Statistics::of(&features, &targets).unwrap();
    bencher.bench_local(|| evidence::fit(&statistics, Compat::Exact).unwrap().into_evidence());
}
