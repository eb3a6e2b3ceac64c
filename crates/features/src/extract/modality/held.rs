//! Samples that the data set holds in memory, as it does texts: one part, of which any range is a part too.

use std::any::Any;
use std::ops::Range;

use ranktune_core::Digest;

use crate::extract::input::{DatasetPart, InputSide, SampleSource};
use crate::extract::units::{Plan, Unit};

/// A view of all samples of a data set.
pub(super) trait HeldSamples: Copy + Sync {
    /// The input side of the models that take them.
    type Side: InputSide;

    /// Number of samples.
    fn n_samples(self) -> usize;

    /// Prepares the unit of `rows` for a model.
    fn unit(self, side: &Self::Side, rows: Vec<usize>, plan: Plan) -> Unit;
}

/// The samples at `range` of a data set.
pub(super) struct Held<S> {
    range: Range<usize>,
    samples: S,
}

impl<S: HeldSamples> Held<S> {
    /// All samples.
    pub(super) fn new(samples: S) -> Self {
        Self {
            range: 0..samples.n_samples(),
            samples,
        }
    }
}

impl<'a, S: HeldSamples + 'a> SampleSource<'a> for Held<S> {
    fn parts(&self) -> Vec<Range<usize>> {
        vec![self.range.clone()]
    }

    /// What is in memory does not change.
    fn part(&self, range: Range<usize>, _: Option<&'a [Digest]>) -> Box<dyn DatasetPart + 'a> {
        Box::new(Self {
            range,
            samples: self.samples,
        })
    }
}

impl<S: HeldSamples> DatasetPart for Held<S> {
    fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    fn unit(&self, side: &dyn InputSide, rows: Vec<usize>, plan: Plan, _: Vec<f32>) -> Option<Unit> {
        let side = (side as &dyn Any).downcast_ref::<S::Side>()?;
        Some(self.samples.unit(side, rows, plan))
    }
}
