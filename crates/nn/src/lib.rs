//! The trainable graph: an ONNX graph that runs forward and backward on Burn tensors, on any of Burn's devices.
//!
//! ```text
//! Model ──[TrainableGraph::new]──► TrainableGraph ──[forward]──► ForwardPass ──[backward]──► Gradients ──(an optimizer)──► [set_value]
//!   ▲                       │
//!   └──────[write_back]─────┘
//! ```
//!
//! Floating-point activations and parameters live on the device, as [`DeviceTensor`]; everything else (integers, booleans,
//! shapes, small constants) lives on the host, as [`HostTensor`], and is computed once where it is constant. Every operator
//! is one line of a registry; one that is not there is an error when the graph is made, not when it runs.

mod convolve;
mod device;
pub mod error;
mod graph;
pub mod head;
pub mod host;
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
pub use graph::{Feed, ForwardPass, Gradients, GraphOptions, GraphParameter, ParameterRole, TrainableGraph};
pub use kernels::BufferPool;
pub mod update {
    //! Optimizer steps as single passes over memory, on the CPU backend; other devices have none.
    pub use crate::kernels::{AdamWStep, SgdStep, adam_w, descend, release, sgd, sum_of_squares};
}

pub use head::{FeatureLayout, Head, HeadRows, SequencePooling, with_head};
pub use host::{HostData, HostTensor};
pub use mode::Mode;
pub use tensor::{DeviceTensor, Tape};
