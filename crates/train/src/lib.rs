//! Training: from a model with a new head, samples and targets to tuned weights, records and checkpoints.
//!
//! ```text
//! Samples ──(threads, in order)──► batch ──► Graph::forward ──► Method::loss ──► backward ──► Method::adjust
//!    ▲                                                                                           │
//!    └── order and views, by seed                        Checkpoint ◄── optimizer ◄── clipping ◄─┘
//! ```
//!
//! [`train`] knows tensors, not files. Reading images, tokenizing texts and computing teachers' predictions is the caller's
//! work: [`Samples`] loads batches; [`TrainTargets`] and [`TeacherPredictions`] are numbers. On the CPU the same seed,
//! options, data and model give the same weights bit by bit, also when a run is interrupted and resumed from a checkpoint.

mod average;
mod batch_norm;
mod batch_targets;
mod cached_features;
mod checkpoint;
mod error;
mod evaluate;
mod export;
mod export_head;
mod feeds;
mod finish;
#[doc(hidden)]
pub mod foreign;
mod freeze;
mod identity;
mod job;
mod loader;
mod losses;
mod memory;
mod method;
mod method_info;
mod method_state;
pub mod methods;
mod metrics;
mod micro_batch;
mod observer;
mod optimizer;
mod options;
mod order;
mod outcome;
mod parameter_groups;
mod pruned;
mod records;
mod resample;
mod resume;
mod run;
mod samples;
mod schedule;
mod session;
mod targets;
mod teachers;
mod train;
mod unwritable;
mod validation;
mod validation_metric;
mod weight_average;

pub use average::{average, first_difference, interpolated};
pub use error::{Error, ErrorKind, Result};
pub use finish::{FinishContext, Finished};
pub use freeze::check_frozen_prefixes;
pub use job::{TrainingJob, ValidationSet};
pub use method::{CheckContext, Loss, Method, ParameterContext, StepContext};
pub use method_info::{MethodInfo, MethodInputs, Need, ReadOutInput};
pub use method_state::{MethodState, StateArray};
pub use metrics::MacroF1;
pub use observer::{TrainEvent, TrainObserver};
pub use options::{BatchNorm, Checkpoints, ClassWeights, Decay, Keep, Optimizer, Schedule, TrainOptions, ViewSchedule};
pub use outcome::{EpochRecord, Stopped, TrainOutcome, Trained, ValidationRecord};
pub use ranktune_core::{Interrupt, Silent};
pub use resample::resampled;
pub use samples::{BatchInputs, Batching, EVALUATION_VIEW, Lengths, LoadError, Pick, Samples};
pub use targets::{TargetValues, TrainTargets};
pub use teachers::TeacherPredictions;
pub use train::train;
pub use validation::validate;
pub use validation_metric::ValidationMetric;
