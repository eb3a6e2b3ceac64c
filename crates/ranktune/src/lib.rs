//! Rank pre-trained models for a data set without fine-tuning any of them.
//!
//! ```no_run
//! use ranktune::{Interrupt, LoadOptions, RankOptions, Silent, Sources};
//!
//! let data = ranktune::load("photos".as_ref(), &LoadOptions::default())?;
//! let ranking = ranktune::rank(&Sources::from("models"), data, &RankOptions::default(), &Silent, &Interrupt::default())?;
//! println!("{}", ranking.table());
//! # Ok::<(), ranktune::Error>(())
//! ```

mod compare;
mod copies;
mod error;
mod export;
mod hub;
mod rank;
mod score;
mod scoring;
mod sources;
mod verify;

pub use compare::{CompareOutcome, compare};
pub use error::{Error, ErrorKind};
pub use export::{Export, export_features};
pub use hub::list;
pub use rank::{RankOptions, rank};
pub use ranktune_data::{Dataset, LoadOptions, Split, Targets, Task};
pub use ranktune_features::engine::EngineChoice;
pub use ranktune_features::extract::{CacheOptions, ExtractOptions, FeatureChoice};
pub use ranktune_features::progress::{Event, Interrupt, Progress, Silent};
pub use ranktune_hub::remote::{Connection, RemoteOptions};
pub use ranktune_hub::{Hub, Precision, Source};
pub use ranktune_report::{Comparison, HubListing, Pull, Ranking, Scores, Verification};
pub use ranktune_scores::{Compat, Precision as ProductPrecision};
pub use score::{ScoreFiles, ScoreOptions, StandardErrors, score};
pub use sources::{Sources, pull, remote_from_env};
pub use verify::verify;

use std::path::Path;

/// Reads a data set: class folders, or a table; see [`LoadOptions`].
///
/// # Errors
/// [`ErrorKind::Data`], with file, line and column where there are any.
pub fn load(path: &Path, options: &LoadOptions) -> Result<Dataset, Error> {
    ranktune_data::load(path, options).map_err(|error| Error::new(ErrorKind::Data, error))
}
