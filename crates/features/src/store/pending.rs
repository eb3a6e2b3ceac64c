//! Rows that wait to be written, and what was written before them.

use std::time::Instant;

/// Rows that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Positions of their samples.
    pub(super) positions: Vec<usize>,
    pub(super) features: Vec<f32>,
    pub(super) logits: Vec<f32>,
    pub(super) valid: Vec<bool>,
    pub(super) engine: String,
    pub(super) since: Option<Instant>,
    /// Number of leading features that were rounded.
    pub(super) rounded: usize,
    /// What this process has written.
    pub(super) written: Vec<Written>,
}

/// A segment that this process has written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) segment: u32,
    pub(super) engine: String,
    /// Positions of its samples.
    pub(super) positions: Vec<usize>,
}

impl Pending {
    /// Drops the values, which are written.
    pub(super) fn clear(&mut self) {
        self.features.clear();
        self.logits.clear();
        self.valid.clear();
        self.rounded = 0;
        self.since = None;
    }
}
