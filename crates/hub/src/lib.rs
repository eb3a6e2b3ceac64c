//! Where models come from, and how inputs are prepared for each.
//!
//! ```text
//! sources ──Hub::open──► entries ──HubEntry::config──► labels, sizes, pooling
//!                           │
//!                           ├──ImageProcessor──► image ──apply──► the graph's input
//!                           └──TextProcessor──► text ──encode, batch──► the graph's inputs
//! ```

mod candidate;
mod card;
pub mod config;
pub mod dataset_id;
pub mod entry;
pub mod error;
mod external;
mod foreign;
pub mod hub;
mod json;
pub mod license;
pub mod manifest;
pub mod processor;
#[cfg(feature = "remote")]
pub mod remote;
pub mod repository;
pub mod search;
mod sources;
pub mod text;

pub use candidate::{Download, SkippedInHub};
pub use config::{ModelConfig, TextPooling};
pub use dataset_id::DatasetId;
pub use entry::{HubEntry, InputModality};
pub use error::{Error, ErrorKind};
pub use hub::Hub;
pub use license::License;
pub use manifest::{Location, Manifest, ManifestModel, Overrides};
pub use processor::{GraphInput, ImageLayout, ImageProcessor};
pub use repository::{FileChoice, RepoId, RepoKind, Snapshot, WeightPrecision};
pub use search::{SearchQuery, SearchSort};
pub use sources::{Source, starter};
pub use text::TextProcessor;
