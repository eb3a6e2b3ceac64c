//! Arrays made elsewhere: features, targets and source probabilities in `.npy`, `.npz`, `.safetensors` and Parquet.
//!
//! Formats are told by a file's first bytes, not by its name. A path may name an array in a file: `file.npz:name`,
//! `file.safetensors:name`, `file.parquet:column`; without a name it is the array of the usual one (`features`, `labels`,
//! `probabilities` …), or else the only one of the right number of dimensions.
//!
//! Headers are checked against the bytes that are there before anything is allocated; pickled objects are never read. NaN and
//! infinity pass: the scores name them. [`MatrixReader`] reads blocks of rows, so that no matrix need fit in memory.

mod array;
mod container;
mod element;
mod header;
mod parquet_matrix;
mod probabilities;
mod reader;
mod target_shards;
mod targets;
mod write;

pub(crate) use parquet_matrix::half_at;
pub use probabilities::read_probabilities;
pub use reader::{Matrix, MatrixReader, MatrixRef, read_matrix};
pub use target_shards::{read_target_shards, unite_names};
pub use targets::read_targets;
pub use write::{FeatureFile, write_npy, write_safetensors};
