//! From a record and a target to the rows of a linear Gaussian system.
//!
//! One row is a full tuning, `y = μ_d + s_d (a_m + f_m + c_mp + h_md + bᵀz + e)`, or a trial. Where the full tuning of the same model and
//! data set is known too, a trial says something about its rung only, and its row is the difference of the two, `δ_r + ω_rd + s_d u + w`.
//!
//! `h_md` is a latent variable where model and data set meet in two groups or more (protocols, or the target); elsewhere it is noise.
//! A missing score counts as its mean, zero after standardising, and adds the variance of `b z`, `v_b + b₀²`, to the row's noise.

use std::collections::{BTreeMap, BTreeSet};

use super::LEVEL_SCORE;
use super::options::{DecisionOptions, variance};
use super::past::{Cell, Group};
use super::scale::Scales;
use super::system::{Row, Spread, System};
use super::target::DecisionTarget;

/// Variance of what no effect explains and no fit can remove: published accuracies are rounded to a tenth of a point. Without it a record
/// that is additive to the digit has unbounded evidence.
pub(crate) const ROUNDING: f64 = 5e-4 * 5e-4;
/// Loo-accuracy at which the level is `κ`.
const CENTRE: f64 = 0.7;

/// A system, and the rows that describe the target in it (their values are not used).
pub(crate) struct Assembly {
    pub system: System,
    pub scales: Scales,
    /// `t_m` by model, so that `y_m = μ + s t_m`; with their noise.
    pub models: Vec<Row>,
    /// `μ` of the target.
    pub level: Row,
    /// `δ_r` of the target by rung.
    pub offsets: Vec<Row>,
}

/// The system of these groups, with the variables that the target needs.
pub(crate) fn assemble(groups: &[Group], target: &DecisionTarget, options: &DecisionOptions) -> Assembly {
    let scales = Scales::of(groups, options.log_scale);
    let mut columns: BTreeSet<&str> = groups
        .iter()
        .flat_map(|group| group.cells.values())
        .flat_map(|cell| cell.scores.keys().map(String::as_str))
        .collect();
    columns.extend(
        target
            .models
            .iter()
            .flat_map(|model| model.scores.keys().map(String::as_str)),
    );
    let columns: Vec<&str> = columns.into_iter().filter(|name| options.has_slope(name)).collect();
    let mut builder = Builder::new(&columns, options, shared_pairs(groups, target));
    for (group, &scale) in groups.iter().zip(&scales.of_group) {
        builder.add_group(group, scale, &columns);
    }
    let scores: Vec<BTreeMap<&str, f64>> = target
        .models
        .iter()
        .map(|model| {
            model
                .scores
                .iter()
                .map(|(name, &value)| (name.as_str(), value))
                .collect()
        })
        .collect();
    let standardised = standardise(&scores, &columns);
    let models = target
        .models
        .iter()
        .zip(&standardised)
        .map(|(model, scores)| {
            let place = Place {
                model: &model.name,
                family: model.family.as_deref(),
                data_set: &target.data_set,
                protocol: &target.protocol,
            };
            let mut row = builder.effects(place, scores, 1.0);
            row.noise.push((variance::RESIDUAL, 1.0));
            row
        })
        .collect();
    let level = Row {
        terms: builder.level(mean_of(&scores, LEVEL_SCORE)),
        ..Row::default()
    };
    let offsets = (0..options.rungs.len())
        .map(|rung| {
            let of_data_set = builder.system.add(0.0, Spread::Of(variance::OFFSET));
            Row {
                terms: vec![(builder.offsets[rung], 1.0), (of_data_set, 1.0)],
                ..Row::default()
            }
        })
        .collect();
    Assembly {
        system: builder.system,
        scales,
        models,
        level,
        offsets,
    }
}

/// Pairs of model and data set whose interaction is a latent variable.
fn shared_pairs(groups: &[Group], target: &DecisionTarget) -> BTreeSet<(String, String)> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for group in groups {
        for (model, cell) in &group.cells {
            // Trials of several rungs without a full tuning share it as well.
            let rows = if cell.full().is_some() { 1 } else { cell.results.len() };
            *counts.entry((model, &group.data_set)).or_default() += rows;
        }
    }
    let in_target: BTreeSet<&str> = target.models.iter().map(|model| model.name.as_str()).collect();
    for model in in_target {
        *counts.entry((model, &target.data_set)).or_default() += 1;
    }
    counts
        .into_iter()
        .filter(|&(_, count)| count > 1)
        .map(|((model, data_set), _)| (model.to_owned(), data_set.to_owned()))
        .collect()
}

/// Where a row stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    model: &'a str,
    family: Option<&'a str>,
    data_set: &'a str,
    protocol: &'a str,
}

/// Latent variables by what they belong to.
struct Builder<'a> {
    system: System,
    options: &'a DecisionOptions,
    /// Prior means of the slopes, by column.
    prior_slopes: Vec<f64>,
    slopes: Vec<usize>,
    mean_level: usize,
    level_slope: usize,
    /// `δ_r` in the mean over data sets.
    offsets: Vec<usize>,
    models: BTreeMap<String, usize>,
    families: BTreeMap<String, usize>,
    protocols: BTreeMap<(String, String), usize>,
    interactions: BTreeMap<(String, String), usize>,
}

impl<'a> Builder<'a> {
    fn new(columns: &[&str], options: &'a DecisionOptions, shared: BTreeSet<(String, String)>) -> Self {
        let mut system = System::default();
        let prior_slopes: Vec<f64> = columns
            .iter()
            .map(|&name| options.slopes.get(name).copied().unwrap_or(0.0))
            .collect();
        let slopes = prior_slopes
            .iter()
            .map(|&mean| system.add(mean, Spread::Of(variance::SLOPE)))
            .collect();
        let mut normal =
            |prior: super::options::NormalPrior| system.add(prior.mean, Spread::Fixed(prior.sd * prior.sd));
        let mean_level = normal(options.mean_level);
        let level_slope = normal(options.level_slope);
        let offsets = options.rungs.iter().map(|rung| normal(rung.offset)).collect();
        let interactions = shared
            .into_iter()
            .map(|pair| (pair, system.add(0.0, Spread::Of(variance::INTERACTION))))
            .collect();
        Self {
            system,
            options,
            prior_slopes,
            slopes,
            mean_level,
            level_slope,
            offsets,
            models: BTreeMap::new(),
            families: BTreeMap::new(),
            protocols: BTreeMap::new(),
            interactions,
        }
    }

    /// Terms of `μ_d`, with a new variable for what its mean does not explain.
    fn level(&mut self, loo_accuracy: Option<f64>) -> Vec<(usize, f64)> {
        match loo_accuracy {
            Some(value) => {
                let own = self.system.add(0.0, Spread::Of(variance::LEVEL_BY_LOO));
                vec![(self.mean_level, 1.0), (self.level_slope, value - CENTRE), (own, 1.0)]
            }
            None => {
                let own = self.system.add(0.0, Spread::Of(variance::LEVEL));
                vec![(self.mean_level, 1.0), (own, 1.0)]
            }
        }
    }

    /// Terms and noise of `s (a + f + c + h + bᵀz)`; `e` is left to the caller.
    fn effects(&mut self, place: Place<'_>, scores: &[Option<f64>], scale: f64) -> Row {
        let system = &mut self.system;
        let mut latent = |at: usize| system.add(0.0, Spread::Of(at));
        let model = *self
            .models
            .entry(place.model.to_owned())
            .or_insert_with(|| latent(variance::MODEL));
        let protocol = *self
            .protocols
            .entry((place.model.to_owned(), place.protocol.to_owned()))
            .or_insert_with(|| latent(variance::PROTOCOL));
        let mut row = Row {
            terms: vec![(model, scale), (protocol, scale)],
            ..Row::default()
        };
        if let Some(family) = place.family {
            let family = *self
                .families
                .entry(family.to_owned())
                .or_insert_with(|| latent(variance::FAMILY));
            row.terms.push((family, scale));
        }
        match self
            .interactions
            .get(&(place.model.to_owned(), place.data_set.to_owned()))
        {
            Some(&interaction) => row.terms.push((interaction, scale)),
            None => row.noise.push((variance::INTERACTION, scale * scale)),
        }
        for ((score, &slope), prior) in scores.iter().zip(&self.slopes).zip(&self.prior_slopes) {
            match score {
                Some(z) => row.terms.push((slope, scale * z)),
                None => {
                    row.noise.push((variance::SLOPE, scale * scale));
                    row.fixed_noise += scale * scale * prior * prior;
                }
            }
        }
        row
    }

    fn add_group(&mut self, group: &Group, scale: f64, columns: &[&str]) {
        let scores: Vec<BTreeMap<&str, f64>> = group
            .cells
            .values()
            .map(|cell| {
                cell.scores
                    .iter()
                    .map(|(name, mean)| (name.as_str(), mean.value()))
                    .collect()
            })
            .collect();
        let level = self.level(mean_of(&scores, LEVEL_SCORE));
        let offsets: Vec<Option<usize>> = (0..self.options.rungs.len())
            .map(|rung| {
                let is_used = group.cells.values().any(|cell| cell.results.contains_key(&Some(rung)));
                is_used.then(|| self.system.add(0.0, Spread::Of(variance::OFFSET)))
            })
            .collect();
        for ((model, cell), scores) in group.cells.iter().zip(standardise(&scores, columns)) {
            let place = Place {
                model,
                family: cell.family.as_deref(),
                data_set: &group.data_set,
                protocol: &group.protocol,
            };
            let mut effects = self.effects(place, &scores, scale);
            effects.terms.extend(&level);
            effects.fixed_noise += ROUNDING;
            self.add_cell(cell, effects, &offsets, scale);
        }
    }

    /// The rows of one model in a group; `effects` is what they share.
    fn add_cell(&mut self, cell: &Cell, mut effects: Row, offsets: &[Option<usize>], scale: f64) {
        let square = scale * scale;
        let full = cell.full();
        if let Some(accuracy) = full {
            effects.value = accuracy;
            effects.noise.push((variance::RESIDUAL, square));
            self.system.rows.push(effects.clone());
        } else if cell.results.len() > 1 {
            let residual = self.system.add(0.0, Spread::Of(variance::RESIDUAL));
            effects.terms.push((residual, scale));
            // What is noise in a single row is drawn once for all rungs here.
            for (at, _) in effects.noise.clone() {
                let shared = self.system.add(0.0, Spread::Of(at));
                effects.terms.push((shared, scale));
            }
            if effects.fixed_noise > 0.0 {
                let shared = self.system.add(0.0, Spread::Fixed(effects.fixed_noise));
                effects.terms.push((shared, 1.0));
                effects.fixed_noise = 0.0;
            }
            effects.noise.clear();
        } else {
            effects.noise.push((variance::RESIDUAL, square));
        }
        let n_trials = cell.results.keys().flatten().count();
        let sampling = self.options.sampling;
        let shared = (sampling > 0.0 && n_trials > 1).then(|| self.system.add(0.0, Spread::Fixed(sampling)));
        for (rung, accuracy) in &cell.results {
            let Some(rung) = *rung else { continue };
            let mut row = match full {
                Some(_) => Row::default(),
                None => effects.clone(),
            };
            row.value = accuracy.value() - full.unwrap_or(0.0);
            row.terms.push((self.offsets[rung], 1.0));
            row.terms.extend(offsets[rung].map(|own| (own, 1.0)));
            row.noise.push((variance::RUNGS + rung, square));
            row.fixed_noise += ROUNDING;
            match shared {
                Some(shared) => row.terms.push((shared, 1.0)),
                None => row.fixed_noise += sampling,
            }
            self.system.rows.push(row);
        }
    }
}

/// The mean of one score over the models that have it.
fn mean_of(scores: &[BTreeMap<&str, f64>], name: &str) -> Option<f64> {
    let values: Vec<f64> = scores.iter().filter_map(|scores| scores.get(name).copied()).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Scores by column, less their mean and divided by their standard deviation over the models; all zero where they are equal, and
/// missing where one model alone has the score.
fn standardise(scores: &[BTreeMap<&str, f64>], columns: &[&str]) -> Vec<Vec<Option<f64>>> {
    let mut standardised = vec![Vec::with_capacity(columns.len()); scores.len()];
    for &column in columns {
        let values: Vec<f64> = scores.iter().filter_map(|scores| scores.get(column).copied()).collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let sd = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
        for (row, scores) in standardised.iter_mut().zip(scores) {
            let value = scores.get(column).filter(|_| values.len() > 1);
            row.push(value.map(|value| {
                if sd > 1e-12 * mean.abs() {
                    (value - mean) / sd
                } else {
                    0.0
                }
            }));
        }
    }
    standardised
}
