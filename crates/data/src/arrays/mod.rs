//! Arrays from other programs: features, targets and source probabilities in `.npy`, `.npz`, `.safetensors` and Parquet.
//!
//! The format follows from the first bytes of a file, not from its name. A path may name an array in a file: `file.npz:name`,
//! `file.safetensors:name`, `file.parquet:column`. Without a name, the array with a usual name (`features`, `labels`,
//! `probabilities` …) is read, or else the only array with the right number of dimensions.
//!
//! Headers are checked against the length of the file before anything is allocated; pickled objects are never read. NaN and
//! infinity are read as they are: the scores report them. [`MatrixReader`] reads blocks of rows, so a matrix need not fit in
//! memory. An [`ArraySource`] is a file, or an array in memory, which is read as an `.npy` file with the same contents is.

mod array;
mod container;
mod described;
mod element;
mod header;
mod npz;
mod parquet_matrix;
mod probabilities;
mod reader;
mod role;
mod safetensors;
mod source;
mod target_shards;
mod targets;
mod write;

pub use probabilities::read_probabilities;
pub use reader::{Matrix, MatrixReader, MatrixRef, read_matrix};
pub use source::{ArraySource, MemoryArray};
pub use target_shards::{read_target_shards, unite_names};
pub use targets::read_targets;
pub use write::{FeatureFile, write_npy, write_safetensors};
