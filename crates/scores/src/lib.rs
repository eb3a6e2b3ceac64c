//! Transferability scores: how well a pre-trained model will do on a task, estimated from its frozen features.
//!
//! ```text
//! rows of features ──► statistics ──► evidence (LogME), H-scores, …  ──► a score and its standard error
//!   (FeatureView, Targets)                                              ──► ranking ──► correlation with the truth
//! scores, record of other data sets, trial tunings                      ──► decision: P(best), expected regret, next trial
//! ```
//!
//! No I/O and no models here: features and targets are slices, scores are numbers. Symbols in the code are those of the papers:
//! `n` samples, `d` features, `c` target columns, `F` `[n, d]`, `Y` `[n, c]`, `G = FᵀF`, `B = FᵀY`, `r = rank F`.
//! A new score is one file in [`scores`] and one line in its list.
//!
//! Results are reproducible: on one machine, the same inputs in the same order have the same bits, whatever the number of
//! threads. Another order of the rows, other batches or other vector instructions change the last digits.

pub mod baseline;
pub mod correlation;
pub mod decision;
pub mod error;
pub mod evidence;
pub mod features;
mod linalg;
pub mod metrics;
pub mod probabilities;
pub mod scores;
mod simd;
pub mod statistics;
pub mod targets;
pub mod uncertainty;

pub use error::{Error, ErrorKind, Result};
pub use evidence::{ColumnEvidence, Compat, Evidence, LeftOutClasses, Status};
pub use features::FeatureView;
pub use probabilities::Probabilities;
pub use scores::{ScoreInputs, ScoreOptions, ScoreOutcome, score_all};
pub use statistics::{Precision, Statistics};
pub use targets::Targets;
