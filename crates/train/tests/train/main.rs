//! Training: what every method passes, stopping and going on, records, and what is written out.

#![expect(clippy::unwrap_used, reason = "a test fails where this panics")]

mod bad_input;
mod conformance;
mod gradients;
mod harness;
mod heads;
mod interruption;
mod read_out;
mod resampled;
mod rows;
mod written;
