//! From a model to a graph that runs forward and backward, and back to the model.

mod compile;
mod fuse;
mod parameter;
mod patterns;
mod run;
mod trainable;
mod write_back;

pub(crate) use fuse::activation;
pub use parameter::{GraphParameter, ParameterRole};
pub(crate) use patterns::{merge, uses};
pub use run::{Feed, ForwardPass, Gradients};
pub use trainable::{GraphOptions, TrainableGraph};
pub use write_back::encode;
