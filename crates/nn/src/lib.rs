//! The trainable graph: an ONNX graph that runs forward and backward on Burn tensors, on any of Burn's devices.
//!
//! ```text
//! Model ──[new]──► TrainableGraph ──[forward]──► ForwardPass ──[backward]──► Gradients ──(an optimizer)──► [set_value]
//!   ▲                    │
//!   └────[write_back]────┘
//! ```
//!
//! Floating-point activations and parameters live on the device, as [`DeviceTensor`]. Everything else (integers, booleans,
//! shapes, small constants) lives on the host, as [`HostTensor`], and is computed once if it is constant. Every operator is
//! one line of a registry; an unknown operator is an error when the graph is built, not when it runs.

mod convolve;
mod device;
pub mod error;
mod graph;
pub mod head;
pub mod host;
mod inference;
mod kernels;
mod mode;
mod normalize;
mod operators;
mod reductions;
mod shape;
pub mod tensor;
mod value;
mod windows;

pub use burn::tensor::Device;
pub use device::DeviceChoice;

pub use error::{Error, ErrorKind, Result};
pub use graph::encode as encoded;
pub use graph::{Feed, ForwardPass, Gradients, GraphOptions, GraphParameter, ParameterRole, TrainableGraph};
pub use kernels::BufferPool;
pub mod update {
    //! Optimizer steps as single passes over memory, on the CPU backend only.
    pub use crate::kernels::{AdamWStep, SgdStep, adam_w, descend, release, sgd, sum_of_squares};
}

pub use head::{FeatureLayout, Head, HeadRows, SequencePooling, with_head};
pub use host::{HostData, HostTensor};
pub use inference::{InferenceGraph, blocked_share};
pub use mode::Mode;
pub use tensor::{DeviceTensor, Tape};
