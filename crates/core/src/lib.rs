//! What every crate of ranktune needs, kept in one place. Depends on no other crate of the workspace.
//!
//! | module | what it holds |
//! |---|---|
//! | [`error`] | how an error and its causes are shown on one line; the boxed cause that error types keep |
//! | [`interrupt`] | the flag that asks long work to stop at the next safe point |
//! | [`progress`] | what long work reports while it runs |
//! | [`names`] | the nearest known name to one that is not known |
//! | [`files`] | files that are written whole or not at all |
//! | [`panics`] | panics of libraries as errors, without their text on the terminal |
//! | [`counts`] | numbers of things in messages |
//! | [`terminal`] | texts of others on a terminal |
//! | [`digest`] | BLAKE3 digests of contents |
//! | [`random`] | seeded random numbers that are equal on every machine and in every version |

pub mod counts;
pub mod digest;
pub mod error;
pub mod files;
pub mod interrupt;
pub mod names;
pub mod panics;
pub mod progress;
pub mod random;
pub mod terminal;

pub use counts::counted;
pub use digest::Digest;
pub use error::{BoxError, one_line};
pub use interrupt::Interrupt;
pub use progress::{Event, Progress, Silent};
