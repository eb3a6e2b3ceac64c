//! Where a batch comes from: the caller knows files, images and tokens; training knows which samples and views it wants.

use ranktune_nn::HostTensor;

/// The view of a [`Pick`] that stands for the plain preprocessing of evaluation.
pub const EVALUATION: u32 = u32::MAX;

/// A sample, as one of its views.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pick {
    /// Which sample, from 0.
    pub sample: usize,
    /// Which of its augmented views, from 0, or [`EVALUATION`]. The same number is always the same view.
    pub view: u32,
}

/// A batch, as the graph takes it.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Inputs of the graph by name, each with the samples of the batch along its first axis.
    pub feeds: Vec<(String, HostTensor)>,
    /// For tasks with targets by token: which rows of the logits, reshaped to `[-1, c]`, have a target, sample by sample and
    /// as many for each as its [`crate::Targets`] say. `None` for one row a sample.
    pub rows: Option<Vec<usize>>,
}

/// What a [`Samples`] that cannot give a batch says.
pub type LoadError = Box<dyn std::error::Error + Send + Sync>;

/// How long samples are, where that decides which of them go together.
#[derive(Clone, Copy, Debug)]
pub struct Lengths<'a> {
    /// By sample.
    pub of: &'a [usize],
    /// Which samples can share a batch.
    pub mix: Mix,
}

/// Which samples can share a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// Any; batches are of like length, so that there is little padding.
    Padded,
    /// Those of one length: padding would change what the graph computes.
    Equal,
}

/// Samples that can be loaded, several batches at a time.
pub trait Samples: Sync {
    /// Number of samples.
    fn n_samples(&self) -> usize;

    /// How long they are; `None`, the default, where all are of one length.
    fn lengths(&self) -> Option<Lengths<'_>> {
        None
    }

    /// A digest of all that decides the numbers that [`load`](Self::load) gives. A checkpoint of other samples is refused by it;
    /// without one, samples are known by their targets alone.
    fn digest(&self) -> String {
        String::new()
    }

    /// The inputs of the picked samples, in their order. Called from loading threads, beside the training step; the same
    /// picks have to give the same numbers.
    ///
    /// # Errors
    /// Whatever stops training: the message names the sample.
    fn load(&self, picks: &[Pick]) -> Result<Inputs, LoadError>;
}
