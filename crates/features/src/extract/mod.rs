//! Extraction: the features of every model of a hub on every sample of a data set.
//!
//! ```text
//! for each part of the data that fits in memory decoded:
//!     for each model that lacks rows of it:
//!         decode (first model only) ─► resize, normalise ─┬─► engine ─► pool ─► rows      (concurrently, see units.rs)
//!         tokenize, sort by length ──────────────────────┘
//! ```
//! A data set that fits in memory is one part, so the models run one after the other. With a larger one, every model runs over a
//! part before the next part is read. Either way an image is decoded once, and one session is in memory at a time.
//!
//! Features are looked up in the feature store by sample, and only those that it lacks are computed. If the store fails (full disk, no
//! permission), rows stay in memory: a broken cache must not fail the ranking.
//!
//! | to add | where |
//! |---|---|
//! | a modality | a file in `modality/` that implements `InputSide`, `SampleSource` and `DatasetPart`, and its line in `MODALITIES` |
//! | a pooling | `pool.rs` |

mod candidate;
mod engines;
mod extracted;
mod extractor;
mod input;
mod latency;
mod modality;
mod model;
mod model_run;
mod options;
mod pipeline;
mod pool;
mod preparation;
mod runner;
mod text_side;
mod tower;
mod units;
mod unusable;
mod word_extractor;
mod work;

pub use extracted::ExtractedFeatures;
pub use extractor::{Extractor, extract};
pub use latency::latencies;
pub use modality::ImageSide;
pub use model::{Layer, PreparedModel};
pub use model_run::ExtractionOutcome;
pub use options::{CacheOptions, ExtractOptions, FeatureChoice, WordPooling};
pub use ranktune_data::DataKind;
pub use runner::probe;
pub use text_side::{Sequences, TextSide};
pub use unusable::Unusable;
pub use word_extractor::{TakeWords, WordBlock, WordCost, WordExtractor, extract_words};
pub use work::{Extraction, UnreadableSample};
