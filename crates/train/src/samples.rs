//! Where batches come from: the caller knows files, images and tokens; training knows which samples and views it needs.

use ranktune_nn::HostTensor;

/// The view of a [`Pick`] that is the preprocessing of evaluation, without augmentation.
pub const EVALUATION_VIEW: u32 = u32::MAX;

/// One view of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pick {
    /// The sample, from 0.
    pub sample: usize,
    /// Its augmented view, from 0, or [`EVALUATION_VIEW`]. A number always stands for the same view.
    pub view: u32,
}

/// A batch, as the inputs of the graph.
#[derive(Clone, Debug, Default)]
pub struct BatchInputs {
    /// Inputs of the graph by name, each with the samples of the batch along its first axis.
    pub feeds: Vec<(String, HostTensor)>,
    /// For tasks with targets by token: which rows of the logits, reshaped to `[-1, c]`, have a target, sample by sample and
    /// as many for each as its [`crate::TrainTargets`] say. `None` for one row per sample.
    pub rows: Option<Vec<usize>>,
}

/// Why [`Samples`] cannot load a batch.
pub type LoadError = ranktune_core::BoxError;

/// The lengths of samples, where those decide which samples share a batch.
#[derive(Clone, Copy, Debug)]
pub struct Lengths<'a> {
    /// By sample.
    pub of: &'a [usize],
    /// Which samples can share a batch.
    pub batching: Batching,
}

/// Which samples can share a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batching {
    /// All; batches are of similar lengths, so that there is little padding.
    Padded,
    /// Those of one length: padding would change the result of the graph.
    EqualLengths,
}

/// Samples that are loaded in batches, several batches at a time.
pub trait Samples: Sync {
    /// Number of samples.
    fn n_samples(&self) -> usize;

    /// Their lengths; `None`, the default, where all are of one length.
    fn lengths(&self) -> Option<Lengths<'_>> {
        None
    }

    /// A digest of everything that decides what [`load`](Self::load) returns, by which a checkpoint of other samples is refused. Where
    /// it is empty, the default, only their targets are compared.
    fn digest(&self) -> String {
        String::new()
    }

    /// The inputs of the picked samples, in their order. Called from loading threads during training steps; the same picks
    /// must give the same numbers.
    ///
    /// # Errors
    /// Any error stops training; the message names the sample.
    fn load(&self, picks: &[Pick]) -> Result<BatchInputs, LoadError>;
}
