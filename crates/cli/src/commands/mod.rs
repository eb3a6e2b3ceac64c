//! One file per command: its arguments, and the call into the library.

pub(crate) mod compare;
pub(crate) mod data;
pub(crate) mod eval;
pub(crate) mod extraction;
pub(crate) mod features;
mod filter;
pub(crate) mod hub;
pub(crate) mod known;
pub(crate) mod next;
pub(crate) mod predict;
pub(crate) mod rank;
pub(crate) mod record;
pub(crate) mod refine;
pub(crate) mod report;
pub(crate) mod score;
pub(crate) mod shell;
mod size;
pub(crate) mod sources;
pub(crate) mod study;
pub(crate) mod time;
pub(crate) mod tune;
