//! The experiment of the paper on any hub and data sets: every score of every model, every model tuned on every data set, and how well the
//! former said the latter.
//!
//! ```text
//! hub, data sets ──► parts: a ranking of every data set, a cell for every data set × model × method × seed
//!                      │  each done by one process at a time, and written as one file
//!                      ▼
//! all parts ──► summary: weighted τ, regret, calibration of decisions, methods, cost ──► study.json, study.md, CSV, record.jsonl
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `options`, `sets` | what can be chosen; the data sets, drawn and split |
//! | `plan` | [`StudyRun`]: the parts |
//! | `folder`, `configuration`, `claims` | the folder, what decides its contents, and who works on what |
//! | `work` | the loop of a process, with its progress lines |
//! | `ranking`, `cell` | one part of each kind |
//! | `rungs` | what the beginning of a tuning said |
//! | `estimate`, `timing`, `spent` | the time that is left, that of a few samples, that of interrupted tunings |
//! | `progress` | what is shown of a part |
//! | `summary` | the documents |

mod cell;
mod claims;
mod configuration;
mod estimate;
mod folder;
mod options;
mod plan;
mod progress;
mod ranking;
mod rungs;
mod sets;
mod spent;
mod summary;
mod timing;
mod work;

pub use options::{StudyInput, StudyOptions};
pub use plan::StudyRun;

use ranktune_core::{Interrupt, Progress};
use ranktune_report::Study;

use crate::error::Error;
use crate::sources::Sources;

/// Runs a study, or goes on with that in `options.out`, and writes its documents there. Other processes may do the same at the same time:
/// they share the work.
///
/// A tuning that fails, such as one whose loss diverges, is listed in [`Study::failures`] and stops nothing.
///
/// # Errors
/// As [`StudyRun::open`]; [`ErrorKind::Output`](crate::ErrorKind::Output) where a part cannot be written;
/// [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted): finished parts and checkpoints are kept.
///
/// # Examples
/// ```
/// use std::path::Path;
/// use ranktune::{CacheOptions, Interrupt, Silent, Sources, StudyInput, StudyOptions};
///
/// let folder = tempfile::tempdir()?;
/// let models = ["glove-50d-1k", "glove-50d-10k"].map(|name| format!("../../examples/hub/{name}"));
/// let hub = Sources { list: models.iter().map(|model| model.as_str().into()).collect(), ..Sources::default() };
/// let data = [StudyInput::from(Path::new("../../examples/data/topics"))];
/// let mut options = StudyOptions::new(folder.path().join("study"));
/// options.scores = vec!["logme".to_owned()];
/// options.epochs = Some(2);
/// options.learning_rates = vec![0.01];
/// options.extract.cache = CacheOptions::Off;
/// let study = ranktune::study(&hub, &data, &options, &Silent, &Interrupt::default())?;
///
/// assert_eq!((study.measured, study.failures.len()), (2, 0));
/// assert!(study.agreement[0].scores[0].weighted_tau.is_some());
/// assert!(options.out.join("study.md").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn study(
    sources: &Sources,
    data: &[StudyInput],
    options: &StudyOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Study, Error> {
    let run = StudyRun::open(sources, data, options, progress, interrupt)?;
    run.begin()?;
    run.work(progress, interrupt)?;
    run.finish()
}
