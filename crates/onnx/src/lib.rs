//! The ONNX graph as data: read, check, inspect, find the feature tensor, fold, cut, write. Executes nothing.
//!
//! ```text
//! bytes ──read──► Model ──check──► shapes ──locate──► feature tensor ──cut, simplify──► Model ──write──► bytes
//! ```
//!
//! A model file is foreign input: whatever its bytes say, using it ends in a result or an [`Error`], memory stays within
//! a fixed multiple of the file's size, and no file outside the model's folder (or the download cache that it is linked
//! from) is opened. What is held in memory may be a map of the file; see [`Model::load`] for what that asks of others.
//!
//! # Examples
//!
//! ```no_run
//! use ranktune_onnx::locate::{Hints, locate};
//! use ranktune_onnx::transform::{cut, simplify};
//! use ranktune_onnx::{Model, check};
//!
//! # fn main() -> Result<(), ranktune_onnx::Error> {
//! let mut model = Model::load("hub/resnet18/model.onnx".as_ref())?;
//! check(&model)?;
//! let found = locate(&model, &Hints::default())?;
//! cut(&mut model, &[&found.feature])?;
//! simplify(&mut model)?;
//! let bytes = model.to_bytes()?; // for an engine
//! # Ok(())
//! # }
//! ```

pub mod attribute;
mod axes;
pub mod check;
pub mod error;
mod evaluate;
pub mod graph;
pub mod inspect;
pub mod locate;
mod order;
mod proto;
mod read;
pub mod resampling;
pub mod shapes;
pub mod tensor;
pub mod transform;
mod write;

pub use attribute::Attribute;
pub use check::check;
pub use error::{Error, ErrorKind};
pub use graph::{Dim, Graph, INTERLEAVED_PAIRS, Links, Model, Node, ValueInfo};
pub use tensor::{DataType, Tensor};
