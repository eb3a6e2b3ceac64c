//! Extraction: every model of a hub over every sample of a data set, once.
//!
//! ```text
//! for each part of the data that fits in memory decoded:
//!     for each model that has not seen all of it:
//!         decode (first model only) ─► resize, normalise ─┬─► engine ─► pool ─► sink      (units.rs: beside each other)
//!         tokenize, sort by length ──────────────────────┘
//! ```
//! A data set that fits in memory is one part, so the models run one after the other; a larger one sends every model over a
//! part before the next is read. Either way an image is decoded once and one session is in memory at a time.
//!
//! A sink is an entry of the feature store: complete entries need no work, partial ones are continued. Where the store fails
//! (full disk, no permission) the model starts again in memory: losing the cache must not lose the ranking.

mod images;
mod job;
mod options;
mod pool;
mod prepare;
mod run;
mod runner;
mod samples;
mod side;
mod sink;
mod text;
mod units;
mod words;

pub use options::{CacheOptions, ExtractOptions, FeatureChoice, WordPooling};
pub use prepare::{Layer, Prepared, Unusable};
pub use ranktune_data::DataKind;
pub use run::{Extraction, Extractor, Outcome, Unreadable, extract};
pub use runner::probe;
pub use side::{ImageSide, InputSide};
pub use sink::{ExtractedFeatures, ExtractedFeatures as Features};
pub use text::{Sequences, TextSide};
pub use words::{TakeWords, WordBlock, WordCost, WordExtractor, extract_words};
