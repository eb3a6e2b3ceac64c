//! Engines that run a graph, the extraction pipeline, and the feature store.
//!
//! ```text
//! samples ──extract──► engine ──► features ──► store ──► scores
//! ```

pub mod engine;
pub mod error;
pub mod extract;
pub mod store;

pub use error::{Error, ErrorKind};
