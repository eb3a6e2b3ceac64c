//! Fuzz targets for every parser of foreign bytes, and what runs them on stable Rust.
//!
//! ```text
//! seeds + corpus ──Mutator(seed, index)──► bytes ──► Target::run ──► Outcome
//!                       ▲                               │
//!                  libFuzzer (fuzz/)                     └── watched by Campaign: panic, abort, hang, memory, what is printed
//! ```
//!
//! The body of a target is here, once. The fuzz targets in `fuzz/` call it with libFuzzer's inputs on nightly Rust; the tests of this
//! crate and the binary `ranktune-fuzz` call it with those of [`Mutator`] on stable Rust. An input follows from target, seed and
//! index, so a failure is repeated by its three numbers; its bytes are also saved, and belong into `corpus/TARGET/` once the cause is
//! mended.
//!
//! ```text
//! cargo run --release -p ranktune-fuzzing -- --target onnx --inputs 1000000 --seed 7
//! ```
//!
//! A new parser of foreign bytes is one function in `targets/` and one line in [`TARGETS`].

mod campaign;
pub mod meter;
mod mutate;
mod outcome;
mod scratch;
mod seeds;
pub mod targets;
mod worker;

pub use campaign::{Campaign, Failure, FailureKind, Summary};
pub use mutate::Mutator;
pub use outcome::Outcome;
pub use scratch::Scratch;
pub use targets::{TARGETS, Target};
pub use worker::work;
