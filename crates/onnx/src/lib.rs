//! The ONNX graph as data: read, check, inspect, find the feature tensor, fold, cut, write. Executes nothing.
//!
//! ```text
//! bytes ──read──► Model ──check──► shapes ──locate──► feature tensor ──cut, simplify──► Model ──write──► bytes
//! ```

pub mod attribute;
pub mod error;
pub mod graph;
pub mod inspect;
mod order;
mod proto;
mod read;
pub mod tensor;
mod write;

pub use attribute::Attribute;
pub use error::{Error, ErrorKind};
pub use graph::{Dim, Graph, Links, Model, Node, ValueInfo};
pub use tensor::{DataType, Tensor};
