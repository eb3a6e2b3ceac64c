//! What a ranking runs on: samples in a fixed order, which models see in growing prefixes, and the scores of each prefix.
//!
//! | implementation | samples | what a score is computed from |
//! |---|---|---|
//! | [`WholeRows`](super::samples::WholeRows) | images, texts | the rows of features, from the store or from memory |
//! | [`StreamedRows`](super::streamed::StreamedRows) | images, texts | statistics by group; no row is kept |
//! | [`TaggedWords`](super::words::TaggedWords) | sentences | statistics of their words by group; no row is kept |
//!
//! A new way to feed a ranking is one implementation of [`Track`] and one line in `rank/mod.rs`.

use ranktune_features::extract::UnreadableSample;
use ranktune_report::ranking::RaceUnit;

use super::scores::{Detail, ModelScores};
use crate::error::Error;

/// How far models go in a round, and what is computed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Goal {
    /// Length of the prefix.
    pub(super) samples: usize,
    /// What is computed on it.
    pub(super) detail: Detail,
}

/// What extraction took for one model so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    /// Time in seconds.
    pub(super) seconds: f64,
    /// Samples that went through the engine in that time.
    pub(super) samples: usize,
    /// Rows of features in them: samples, or the words of sentences.
    pub(super) rows: usize,
}

impl Cost {
    /// Seconds per sample; 0 for a model whose features were all in the store.
    pub(super) fn rate(self) -> f64 {
        if self.samples == 0 {
            return 0.0;
        }
        self.seconds / self.samples as f64
    }
}

/// The scores of a model on a prefix; `None` where it takes more samples to have any.
pub(super) type Scored = Result<Option<ModelScores>, Error>;

/// Receives the scores of each model, by its position, as soon as the model reaches the goal; an error means that the model
/// cannot be used.
pub(super) type Reached<'r> = dyn FnMut(usize, Scored) + 'r;

/// Samples, and models that see growing prefixes of them. Models go by their position.
pub(super) trait Track {
    /// Number of samples.
    fn samples(&self) -> usize;

    /// What the samples are.
    fn unit(&self) -> RaceUnit {
        RaceUnit::Samples
    }

    /// Samples below which a score of these models means nothing, beyond what their classes and groups ask for.
    fn least(&self) -> usize {
        0
    }

    /// Brings every model that is neither stopped nor unusable to the goal, and hands over its scores there.
    ///
    /// # Errors
    /// What ends all work, such as an interrupt. One model's failure goes to `reached`.
    fn advance(&mut self, goal: Goal, reached: &mut Reached<'_>) -> Result<(), Error>;

    /// The scores of a model on a prefix that it has seen. Not called again after [`Detail::Final`].
    ///
    /// # Errors
    /// Why the model cannot be scored.
    fn score(&mut self, model: usize, goal: Goal) -> Scored;

    /// Leaves a model where it is.
    fn stop(&mut self, model: usize);

    /// What extraction took for a model so far.
    fn cost(&self, model: usize) -> Cost;

    /// The samples that cannot be read, among those that were seen.
    fn unreadable(&self) -> &[UnreadableSample] {
        &[]
    }

    /// Completes what the store is to keep.
    fn finish(&mut self) {}
}
