//! Training: a model with a new head, samples and targets in; tuned weights, records and checkpoints out.
//!
//! ```text
//! Samples ──(threads, in order)──► batch ──► Graph::forward ──► Method::loss ──► backward ──► Method::adjust
//!    ▲                                                                                           │
//!    └── order and views, by seed                        Checkpoint ◄── optimizer ◄── clipping ◄─┘
//! ```
//!
//! [`train`] knows tensors only. What files are, how an image or a sentence becomes numbers, and what teachers say is
//! the caller's: a [`Samples`] loads batches, [`Targets`] and [`Lessons`] are numbers. On the CPU a run is the same bit by
//! bit whenever it has the same seed, options, data and model, and also when it was stopped and went on from a checkpoint.

mod answer;
mod batch_norm;
mod checkpoint;
mod evaluate;
mod events;
mod groups;
mod identity;
mod job;
mod lessons;
mod loader;
mod losses;
mod method;
pub mod methods;
mod metrics;
mod optimizer;
mod options;
mod order;
mod outcome;
mod prepared;
mod probe;
mod records;
mod resample;
mod resume;
mod run;
mod samples;
mod schedule;
mod session;
mod targets;
mod write_out;

pub use events::{Event, Silent, Watch};
pub use job::{Job, Judge, Validation};
pub use lessons::Lessons;
pub use method::{Loss, Method, ParameterContext, Setting, StepContext};
pub use options::{BatchNorm, Checkpoints, Decay, Keep, Optimizer, Schedule, TrainOptions, Views};
pub use outcome::{EpochRecord, Outcome, Trained, ValidationRecord};
pub use ranktune_core::Interrupt;
pub use resample::resampled;
pub use run::train;
pub use samples::{EVALUATION, Inputs, Lengths, LoadError, Mix, Pick, Samples};
pub use targets::{TargetValues, Targets};
