//! Which model will be best after tuning, how sure that is, and which trial to run next.
//!
//! One Gaussian model joins what is known of model m on data set d under protocol p: its record, its scores, and short trial tunings.
//!
//! ```text
//! y_mdp  = μ_d + s_d (a_m + f_m + c_mp + h_md + bᵀz_md + e_mdp)            y: accuracy after tuning, a share
//! y_mdpr = y_mdp + δ_r + ω_rd + s_d u + w_md                               the trial of rung r
//!
//! a_m ~ N(0, v_a)     model            c_mp ~ N(0, v_p)   model under a protocol      e ~ N(0, v_e)      what is left
//! f_m ~ N(0, v_f)     its family       h_md ~ N(0, v_h)   model on a data set         u ~ N(0, v_r)      noise of a trial
//!                                  w ~ N(0, w)     its validation samples, the same at every rung
//! b   ~ N(b₀, v_b I)  slopes of the scores z, which are standardised over the models on d
//! μ_d ~ N(κ + ρ(ℓ_d − 0.7), v_ℓ), or N(κ, v_μ) without ℓ_d       level; ℓ_d is the mean loo-accuracy on d;  κ, ρ normal
//! ln s_d ~ N(ln s₀, τ²)                                          scale: how far models lie apart
//! δ_r normal, ω_rd ~ N(0, v_δ)                                   offset of a rung, in the mean and on d
//! ```
//!
//! **Fit.** The variances maximise the evidence of the record times weak log-normal priors, so that a short record leaves them near the
//! priors' medians. `s_d` of a past data set is the standard deviation over its models, shrunk a little ([`DecisionOptions::log_scale`]).
//!
//! **Prior of the target's level and scale.** `κ`, `ρ` and `μ_d` are latent variables like the others: without a trial the level is that of
//! the record's data sets, or what loo-accuracy says, with its uncertainty, and trials settle it. `s` of the target is integrated over 13
//! nodes of `ln s`, weighted by the density of the trials. Given `s`, everything is conjugate: one `K × K` solve.
//!
//! **Other protocols.** `c_mp` is the noise that rows of another protocol add, and `v_p` is learnt where models occur under two. It is one draw a
//! model and protocol, not one a row: the rows of one laboratory err together, and independent noise would let many of them overrule
//! a few of the right protocol (`experiments/decision`).
//!
//! **Not carried.** The uncertainty of the variances and of past scales. Accuracies are normal; only the values of an outlook are confined to [0, 1]. Nothing links the
//! scale to the level, though models lie closer together near 1.
//!
//! **Scores of models that the record does not have.** Slopes are estimated beside `a_m`: from a record of few models they say how a score
//! varies within a model, and can mislead on others (`experiments/decision`). A score of which the correlation with the accuracies is known
//! is an observation instead ([`DecisionOptions::correlated`]).
//!
//! No I/O: names are compared as they are. Everything is one metric, of which more is better and 1 is the most.
//!
//! # Examples
//! ```
//! use ranktune_scores::decision::{
//!     Advice, Candidate, DecisionModel, DecisionOptions, AdviceOptions, Past, PastResult, Rung, DecisionTarget, Trial, TrialCost,
//! };
//!
//! // What was measured before.
//! let result = |model: &str, data_set: &str, accuracy| PastResult {
//!     model: model.to_owned(),
//!     data_set: data_set.to_owned(),
//!     protocol: "ours".to_owned(),
//!     accuracy,
//!     ..PastResult::default()
//! };
//! let past = Past::new(vec![
//!     result("resnet50", "pets", 0.92), result("mobilenet", "pets", 0.88), result("vit", "pets", 0.93),
//!     result("resnet50", "cars", 0.88), result("mobilenet", "cars", 0.83), result("vit", "cars", 0.86),
//! ])?;
//! let mut options = DecisionOptions::default();
//! options.rungs = vec![Rung::new("1 epoch", 0.05), Rung::new("5 epochs", 0.25)];
//! let model = DecisionModel::fit(&past, options)?;
//!
//! // A new data set, three models, one score.
//! let candidate = |name: &str, logme| Candidate {
//!     name: name.to_owned(),
//!     scores: [("logme".to_owned(), logme)].into(),
//!     ..Candidate::default()
//! };
//! let mut target = DecisionTarget {
//!     data_set: "flowers".to_owned(),
//!     protocol: "ours".to_owned(),
//!     models: vec![candidate("resnet50", 0.31), candidate("mobilenet", 0.12), candidate("vit", 0.35)],
//!     trials: Vec::new(),
//! };
//! let costs: Vec<TrialCost> = (0..3)
//!     .flat_map(|model| [(0, 30.0), (1, 150.0)].map(|(rung, seconds)| TrialCost { model, rung: Some(rung), seconds }))
//!     .collect();
//! let mut options = AdviceOptions::default();
//! options.tolerance = 0.005;
//! loop {
//!     let decision = model.predict(&target)?.decide(&costs, &options)?;
//!     let Advice::Try(plan) = decision.advice else {
//!         assert_ne!(decision.outlook.first, 1);
//!         break;
//!     };
//!     let trial = plan.trials[0];
//!     let accuracy = [0.90, 0.80, 0.91][trial.model]; // here the trial tuning runs
//!     target.trials.push(Trial { model: trial.model, rung: trial.rung, accuracy });
//! }
//! # Ok::<(), ranktune_scores::Error>(())
//! ```

mod advice;
mod assemble;
mod calibration;
mod correlated;
mod fit;
mod gain;
mod joint;
mod leave_one_out;
mod maximise;
mod normal;
mod options;
mod outlook;
mod past;
mod posterior;
mod scale;
mod system;
mod target;

pub use advice::{Advice, AdviceOptions, Decision, Plan, TrialCost};
pub use calibration::{Calibration, ProbabilityBin};
pub use fit::DecisionModel;
pub use leave_one_out::{LeftOut, leave_one_out};
pub use options::{CorrelatedScore, DecisionOptions, NormalPrior, Rung, VariancePrior, Variances};
pub use outlook::{ModelOutlook, Outlook, OutlookOptions};
pub use past::{Past, PastResult, Repeated};
pub use posterior::Posterior;
pub use target::{Candidate, DecisionTarget, Trial};

/// The score that tells the level of accuracies, besides their order.
pub const LEVEL_SCORE: &str = "loo-accuracy";
