//! Our own operations on the CPU backend: convolutions, matrix products, normalizations, activations, sums, concatenation,
//! pooling.
//!
//! Burn's CPU backend is slow backward through pointwise and depthwise convolutions, takes several passes over memory for
//! a normalization and an activation, and runs most elementwise operations on one thread. These kernels replace them there;
//! on every other device, and for cases that no kernel covers, Burn's own operations run. Each is a
//! [`Kernel`](kernel::Kernel): a forward function, and a backward one on Burn's tape.
//!
//! Maps are held with channels last (`[n, h, w, c]` in memory). Only the strides differ: every other operation still sees a
//! tensor `[n, c, h, w]`. So a pointwise convolution is one matrix product over all pixels of the batch, and operations by
//! channel run along vector registers.

mod activation;
mod add;
mod affine;
mod batch_norm;
mod buffers;
mod channel_sums;
mod concat;
mod contiguous;
mod convolution;
pub(crate) mod curve;
mod depthwise;
mod elementwise;
mod extent;
mod gate;
mod geometry;
mod gradient_sum;
mod kernel;
mod layout;
mod lookup;
mod matmul;
mod pooling;
mod product;
mod rows;
mod update;

pub(crate) use activation::activate;
pub(crate) use add::{add, scale};
pub(crate) use affine::affine;
pub(crate) use batch_norm::{Normalized, normalize};
pub use buffers::BufferPool;
pub(crate) use concat::concat;
pub(crate) use contiguous::make_contiguous;
pub(crate) use convolution::convolve;
pub(crate) use curve::{Activation, Curve, Range, with_curve};
pub(crate) use elementwise::vectorized;
pub(crate) use extent::{narrow, pad};
pub(crate) use gate::gate;
pub(crate) use gradient_sum::begin as begin_backward;
pub use kernel::release;
pub(crate) use lookup::lookup;
pub(crate) use matmul::matmul;
pub(crate) use pooling::{Slide, max_pool, mean_of_map};
pub(crate) use rows::{layer_norm, softmax};
pub use update::{AdamWStep, SgdStep, adam_w, descend, sgd, sum_of_squares};
