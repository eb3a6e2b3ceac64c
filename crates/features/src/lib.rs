//! Engines that run a graph, the extraction pipeline, and the feature store.

pub mod engine;
pub mod error;
pub mod store;

pub use error::{Error, ErrorKind};
