//! Precision, recall and F1 from counts.

/// How often a class, a label or a type of entity is true, predicted, and both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that are true.
    pub truth: usize,
    /// Those that are predicted.
    pub found: usize,
    /// Those that are both true and predicted.
    pub right: usize,
}

impl Counts {
    /// Share of the predicted ones that are true; 0 where none is predicted.
    pub fn precision(&self) -> f64 {
        ratio(self.right, self.found)
    }

    /// Share of the true ones that are predicted; 0 where there are none.
    pub fn recall(&self) -> f64 {
        ratio(self.right, self.truth)
    }

    /// The harmonic mean of precision and recall; 0 where both are 0.
    pub fn f1(&self) -> f64 {
        // 2PR / (P + R) without its zeros.
        ratio(2 * self.right, self.truth + self.found)
    }
}

pub(super) fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
