//! Coverage of the 90 % intervals of scores, by drawing samples from given features.
//!
//! ```text
//! cargo run --release -p ranktune --example coverage -- [--draws 300] [--samples 200] [--seed 0] [--stratified] [--groups-by-class] FEATURES.safetensors …
//! ```
//!
//! With `--stratified` every draw has the pool's share of every class; without, shares vary from draw to draw. With `--groups-by-class` the groups of
//! the jackknife have equal shares of every class, as those of `rank` have, which compares models; without, they are those of `score`.
//!
//! A file is what `ranktune features` writes: features and labels of a pool of N samples. A draw is `samples` of the pool (without
//! replacement), its score and its standard error are those of `ranktune`, and the interval is the score ± t₀.₉₅ · standard error with
//! J − 1 degrees of freedom. Truth is the mean score of all draws: what the score of so many samples is on average. As draws from a pool
//! of N vary less than draws from the world, by `√(1 − samples/N)`, so are the standard errors taken before they are compared.

#![expect(clippy::print_stdout, reason = "a program that reports on stdout")]

use std::path::Path;

use ranktune_data::arrays;
use ranktune_scores::uncertainty::{groups, interval_factor, jackknife};
use ranktune_scores::{FeatureView, ScoreInputs, ScoreOptions, Targets};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

struct Settings {
    draws: usize,
    samples: usize,
    seed: u64,
    draw: Draw,
    deal: Deal,
    files: Vec<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Draw {
    Random,
    Stratified,
}

#[derive(Clone, Copy, PartialEq)]
enum Deal {
    Random,
    ByClass,
}

fn main() -> Outcome<()> {
    let settings = settings()?;
    println!(
        "draws of {} samples, {} each; coverage of nominal 90 % intervals",
        settings.samples, settings.draws
    );
    println!(
        "{:<40} {:<18} {:>5} {:>9} {:>10} {:>10}",
        "features", "score", "d", "coverage", "mean s.e.", "s.d."
    );
    let mut all = Vec::new();
    for file in &settings.files {
        for name in ["logme", "h-score", "shrinkage-h-score"] {
            match coverage(Path::new(file), name, &settings) {
                Ok(part) => all.extend(part),
                Err(error) => println!("{file}: {name}: {error}"),
            }
        }
    }
    let mean = all.iter().sum::<f64>() / all.len().max(1) as f64;
    println!("mean coverage {mean:.3}");
    Ok(())
}

fn settings() -> Outcome<Settings> {
    let mut settings = Settings {
        draws: 300,
        samples: 200,
        seed: 0,
        draw: Draw::Random,
        deal: Deal::Random,
        files: Vec::new(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || {
            arguments
                .next()
                .ok_or("a number is missing")?
                .parse::<u64>()
                .map_err(|error| error.to_string())
        };
        match argument.as_str() {
            "--draws" => settings.draws = usize::try_from(number()?)?,
            "--samples" => settings.samples = usize::try_from(number()?)?,
            "--seed" => settings.seed = number()?,
            "--stratified" => settings.draw = Draw::Stratified,
            "--groups-by-class" => settings.deal = Deal::ByClass,
            _ => settings.files.push(argument),
        }
    }
    Ok(settings)
}

/// A small generator of uniform numbers (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(z ^ (z >> 31)) * bound as u128) >> 64) as usize
    }
}

/// Sorts rows in random order so that every prefix has about the share of every class that all have: the k-th of n_c rows of a class
/// comes at (k + ½)/n_c.
fn spread_classes(order: &mut Vec<usize>, labels: &[u32], n_classes: usize) {
    let mut of_class = vec![Vec::new(); n_classes];
    for &row in order.iter() {
        if let Some(rows) = usize::try_from(labels[row])
            .ok()
            .and_then(|label| of_class.get_mut(label))
        {
            rows.push(row);
        }
    }
    let mut placed: Vec<(f64, usize)> = of_class
        .iter()
        .flat_map(|rows| {
            let count = rows.len() as f64;
            rows.iter()
                .enumerate()
                .map(move |(k, &row)| ((k as f64 + 0.5) / count, row))
        })
        .collect();
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    *order = placed.into_iter().map(|(_, row)| row).collect();
}

fn coverage(file: &Path, name: &str, settings: &Settings) -> Outcome<Option<f64>> {
    let matrix = arrays::read_matrix(file)?;
    let mut labels_of = file.as_os_str().to_owned();
    labels_of.push(":labels");
    let (targets, _) = arrays::read_targets(Path::new(&labels_of), None)?;
    let ranktune_data::DatasetTargets::Classes { names, labels } = targets else {
        return Err("expected classes".into());
    };
    let (pool, d) = (matrix.rows, matrix.cols);
    let take = settings.samples.min(pool);
    let mut random = Random(settings.seed);
    let mut order: Vec<usize> = (0..pool).collect();
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    for draw in 0..settings.draws {
        for i in 0..pool {
            let other = i + random.below(pool - i);
            order.swap(i, other);
        }
        if settings.draw == Draw::Stratified {
            spread_classes(&mut order, &labels, names.len());
        }
        let rows: Vec<f32> = order[..take]
            .iter()
            .flat_map(|&row| matrix.data[row * d..(row + 1) * d].iter().copied())
            .collect();
        let own: Vec<u32> = order[..take].iter().map(|&row| labels[row]).collect();
        let inputs = ScoreInputs {
            features: FeatureView::new(&rows, take, d)?,
            targets: Targets::classes(&own, names.len())?,
            probabilities: None,
        };
        let dealt = match settings.deal {
            Deal::Random => groups::assign(&inputs.targets, groups::DEFAULT_GROUPS, draw as u64)?,
            Deal::ByClass => groups::deal(&inputs.targets, groups::DEFAULT_GROUPS)?,
        };
        // A draw on which the score is not defined (a class of one sample that a group takes away) is no draw.
        if let Ok(found) = jackknife(&inputs, name, &ScoreOptions::default(), &dealt) {
            values.push(found.value);
            errors.push(found.standard_error);
        }
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
    let finite = (1.0 - take as f64 / pool as f64).sqrt();
    let factor = interval_factor(0.9, groups::DEFAULT_GROUPS) * finite;
    let inside = values
        .iter()
        .zip(&errors)
        .filter(|(value, error)| (*value - mean).abs() <= factor * *error)
        .count();
    let part = inside as f64 / count;
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    println!(
        "{stem:<40} {name:<18} {d:>5} {part:>9.3} {:>10.4} {deviation:>10.4}",
        finite * errors.iter().sum::<f64>() / count
    );
    Ok(Some(part))
}
