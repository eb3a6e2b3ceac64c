//! The ONNX graph as data: read, check, inspect, find the feature tensor, fold, cut, write. Executes nothing.
//!
//! ```text
//! bytes ──read──► Model ──check──► shapes ──locate──► feature tensor ──cut, simplify──► Model ──write──► bytes
//! ```

pub mod attribute;
pub mod check;
pub mod error;
mod evaluate;
pub mod graph;
pub mod inspect;
pub mod locate;
mod names;
mod operators;
mod order;
mod proto;
mod read;
pub mod shapes;
pub mod tensor;
pub mod transform;
mod write;

pub use attribute::Attribute;
pub use check::check;
pub use error::{Error, ErrorKind};
pub use graph::{Dim, Graph, Links, Model, Node, ValueInfo};
pub use tensor::{DataType, Tensor};
