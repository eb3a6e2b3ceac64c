//! Settings of the decision model: the priors of its variances, and the rungs of trial tunings.

use std::collections::{BTreeMap, BTreeSet};

/// A log-normal prior of a variance: `ln v ~ N(ln centre, spread²)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VariancePrior {
    /// The median.
    pub centre: f64,
    /// Standard deviation of `ln v`.
    pub spread: f64,
}

impl VariancePrior {
    const fn new(centre: f64, spread: f64) -> Self {
        Self { centre, spread }
    }
}

/// A normal prior.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormalPrior {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub sd: f64,
}

impl NormalPrior {
    const fn new(mean: f64, sd: f64) -> Self {
        Self { mean, sd }
    }
}

/// A score whose correlation with the accuracies over the models of a data set is known.
#[derive(Clone, Debug, PartialEq)]
pub struct CorrelatedScore {
    /// Its name.
    pub name: String,
    /// Mean and standard deviation of the correlation over data sets.
    pub correlation: NormalPrior,
    /// The number of data sets that `correlation` counts as, beside those of the record that have the score. More than 0.
    pub weight: f64,
}

/// One length of trial tunings, such as two epochs on a tenth of the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Rung {
    /// Its name, which rows of the record use too.
    pub name: String,
    /// Prior of `v_r`: the variance of a trial's noise, in units of `s_d²`.
    pub noise: VariancePrior,
    /// Prior of `δ_r`: accuracy of a trial minus accuracy of the full tuning, as a share.
    pub offset: NormalPrior,
}

impl Rung {
    /// A rung that costs `fraction` of a full tuning (0 to 1).
    ///
    /// The noise has its median at `0.1/√fraction` with a spread of 1, so that a trial at one percent of the cost is as noisy as models
    /// differ; the offset is −0.1 ± 0.2. Both are assumptions, without a study behind them; past trials replace them.
    pub fn new(name: impl Into<String>, fraction: f64) -> Self {
        Self {
            name: name.into(),
            noise: VariancePrior::new(0.1 / fraction.clamp(1e-4, 1.0).sqrt(), 1.0),
            offset: NormalPrior::new(-0.1, 0.2),
        }
    }
}

/// Priors of the decision model. The variances of models, scores and residuals are in units of `s_d²`.
///
/// The default centres are rounded from fits to published accuracies of ImageNet models (see `experiments/decision`); the spreads are wide,
/// so that a record of a few data sets overrules them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DecisionOptions {
    /// `v_a`: how models differ on every data set. Default 0.5, spread 1.5.
    pub model: VariancePrior,
    /// `v_f`: how families differ. Default 0.1, spread 1.
    pub family: VariancePrior,
    /// `v_p`: how a model differs from one protocol to another. Default 0.15, spread 1.
    pub protocol: VariancePrior,
    /// `v_h`: how a model does on one data set beyond its average, under every protocol. Default 0.08, spread 1.
    pub interaction: VariancePrior,
    /// `v_b`: size of the scores' slopes. Default 0.1, spread 1.5.
    pub slope: VariancePrior,
    /// `v_e`: what is left. Default 0.3, spread 1.5.
    pub residual: VariancePrior,
    /// Variance of a data set's level where nothing is known of it, in accuracy². Default 0.15², spread 0.7.
    pub level: VariancePrior,
    /// Variance of a data set's level about what loo-accuracy predicts, in accuracy². Default 0.06², spread 0.7.
    pub level_by_loo: VariancePrior,
    /// Variance of a rung's offset from one data set to another, in accuracy². Default 0.03², spread 0.7.
    pub offset: VariancePrior,
    /// Mean level of data sets, `κ`. Default 0.8 ± 0.15.
    pub mean_level: NormalPrior,
    /// Slope of the level over loo-accuracy, `ρ`. Default 2/3 ± 0.2: with `κ` = 0.8, tuning leaves two of three errors, whatever their number,
    /// so that the level is 1 where loo-accuracy is.
    pub level_slope: NormalPrior,
    /// Scale of a data set, `ln s_d`. Default ln 0.03 ± 0.5, which counts as one data set for the mean and as three for the spread.
    pub log_scale: NormalPrior,
    /// Prior mean of a score's slope by name, in standard deviations of accuracy for one of the score. Default 0 for every score.
    pub slopes: BTreeMap<String, f64>,
    /// Scores that have no slope: they tell the level alone, or nothing. Default none.
    pub without_slope: BTreeSet<String>,
    /// A score that is an observation of the accuracies, and has no slope. Default none.
    pub correlated: Option<CorrelatedScore>,
    /// Lengths of trial tunings. Default none.
    pub rungs: Vec<Rung>,
    /// `w`: variance that the number of validation samples adds to the trials of a model on one data set, in accuracy² and whatever `s_d`
    /// is. It is one draw for all rungs: they are measured on the same samples, and a longer trial does not average it away. Default 0.
    pub sampling: f64,
}

impl Default for DecisionOptions {
    fn default() -> Self {
        Self {
            model: VariancePrior::new(0.5, 1.5),
            family: VariancePrior::new(0.1, 1.0),
            protocol: VariancePrior::new(0.15, 1.0),
            interaction: VariancePrior::new(0.08, 1.0),
            slope: VariancePrior::new(0.1, 1.5),
            residual: VariancePrior::new(0.3, 1.5),
            level: VariancePrior::new(0.15 * 0.15, 0.7),
            level_by_loo: VariancePrior::new(0.06 * 0.06, 0.7),
            offset: VariancePrior::new(0.03 * 0.03, 0.7),
            mean_level: NormalPrior::new(0.8, 0.15),
            level_slope: NormalPrior::new(2.0 / 3.0, 0.2),
            log_scale: NormalPrior::new(-3.506_557_897_319_982, 0.5),
            slopes: BTreeMap::new(),
            without_slope: BTreeSet::new(),
            correlated: None,
            rungs: Vec::new(),
            sampling: 0.0,
        }
    }
}

/// Positions of the variances in the vector that is fitted; those of the rungs follow.
pub(crate) mod variance {
    pub const MODEL: usize = 0;
    pub const FAMILY: usize = 1;
    pub const PROTOCOL: usize = 2;
    pub const INTERACTION: usize = 3;
    pub const SLOPE: usize = 4;
    pub const RESIDUAL: usize = 5;
    pub const LEVEL: usize = 6;
    pub const LEVEL_BY_LOO: usize = 7;
    pub const OFFSET: usize = 8;
    pub const RUNGS: usize = 9;
}

impl DecisionOptions {
    /// Whether a score is a column with a slope.
    pub(crate) fn has_slope(&self, score: &str) -> bool {
        let is_observed = self.correlated.as_ref().is_some_and(|observed| observed.name == score);
        !is_observed && !self.without_slope.contains(score)
    }

    /// The priors in the order of [`variance`].
    pub(crate) fn priors(&self) -> Vec<VariancePrior> {
        let mut priors = vec![
            self.model,
            self.family,
            self.protocol,
            self.interaction,
            self.slope,
            self.residual,
            self.level,
            self.level_by_loo,
            self.offset,
        ];
        priors.extend(self.rungs.iter().map(|rung| rung.noise));
        priors
    }
}

/// The fitted variances.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Variances {
    /// `v_a`, in units of `s_d²`.
    pub model: f64,
    /// `v_f`, in units of `s_d²`.
    pub family: f64,
    /// `v_p`, in units of `s_d²`.
    pub protocol: f64,
    /// `v_h`, in units of `s_d²`.
    pub interaction: f64,
    /// `v_b`, in units of `s_d²`.
    pub slope: f64,
    /// `v_e`, in units of `s_d²`.
    pub residual: f64,
    /// Of the level where nothing is known, in accuracy².
    pub level: f64,
    /// Of the level about what loo-accuracy predicts, in accuracy².
    pub level_by_loo: f64,
    /// Of a rung's offset from one data set to another, in accuracy².
    pub offset: f64,
    /// `v_r` by rung, in units of `s_d²`.
    pub rungs: Vec<f64>,
}

impl Variances {
    /// From their logarithms in the order of [`variance`].
    pub(crate) fn new(logarithms: &[f64]) -> Self {
        let value = |at: usize| logarithms[at].exp();
        Self {
            model: value(variance::MODEL),
            family: value(variance::FAMILY),
            protocol: value(variance::PROTOCOL),
            interaction: value(variance::INTERACTION),
            slope: value(variance::SLOPE),
            residual: value(variance::RESIDUAL),
            level: value(variance::LEVEL),
            level_by_loo: value(variance::LEVEL_BY_LOO),
            offset: value(variance::OFFSET),
            rungs: logarithms[variance::RUNGS..].iter().map(|v| v.exp()).collect(),
        }
    }
}
