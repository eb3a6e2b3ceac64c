//! What the binary prints, and how it ends, on `examples/` and on wrong inputs: every line of stdout and stderr, and the exit code.
//!
//! A test is a session of commands, and its snapshot in `tests/snapshots` is the transcript. A difference fails the test. To accept it:
//!
//! ```text
//! INSTA_UPDATE=always cargo test --release -p ranktune-cli --test golden
//! git diff crates/cli/tests/snapshots
//! ```

// Paths in transcripts are those of Unix, and so are the texts of errors of the system.
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;
mod refusals;
mod results;
mod transcript;
