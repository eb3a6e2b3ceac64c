//! Training: what every method passes, stopping and going on, records, and what is written out.

#![expect(clippy::unwrap_used, reason = "a test fails where this panics")]

mod bad_input;
mod conformance;
mod finished;
mod gradients;
mod harness;
mod heads;
mod interruption;
mod long_runs;
mod parts;
mod read_out;
mod reference;
mod resampled;
mod rows;
mod written;
