//! The trait of tuning methods. A method is one file and one line in [`super::methods::METHODS`].
//!
//! A step goes: `mode` → forward (with the tensors of `outputs`; a frozen copy computes those of `reference_outputs`) →
//! `loss` → backward → `adjust` (each parameter's gradient) → clipping, optimizer. At the end `answer` makes the head that is written. All hooks but
//! `loss` have defaults.
//! What they are for, beyond the methods that are here:
//!
//! | method | hook |
//! |---|---|
//! | L2-SP (Li 2018) | `adjust` with `keeps_initial`: α(w − w⁰) is added to the gradient |
//! | DELTA (Li 2019) | `outputs` and `reference_outputs` name the same inner maps; `loss` compares them |
//! | BSS (Chen 2019) | `loss` adds the smallest singular values of [`StepContext::features`] |
//! | StochNorm (Kou 2020) | `mode`: a further [`Mode`] that mixes running and batch statistics; no other hook |
//! | Co-Tuning (You 2020) | `outputs` names the source model's logits, which the graph keeps as a second output; `loss` |

use super::lessons::Lessons;
use super::losses;
use super::prepared::Prepared;
use super::{Pick, Targets, TrainOptions};
use ranktune_nn::ForwardPass;
use ranktune_nn::head::POOLED;
use ranktune_nn::{Device, DeviceTensor, Mode, Result};

/// A loss, and the terms it is made of, which are recorded.
#[derive(Debug)]
pub struct Loss {
    /// What backward starts from: one element, with its tape.
    pub total: DeviceTensor,
    /// Names and values (one element each).
    pub parts: Vec<(&'static str, DeviceTensor)>,
}

/// What is known before training.
#[derive(Debug)]
pub struct Setting<'a> {
    /// The targets of the training samples.
    pub targets: &'a Targets,
    /// The settings.
    pub options: &'a TrainOptions,
    /// Number of features of [`POOLED`], where the head says so.
    pub n_features: Option<usize>,
}

/// A parameter, before the optimizer changes it.
#[derive(Debug)]
pub struct ParameterContext<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it belongs to the head.
    pub is_head: bool,
    /// Its value.
    pub value: &'a DeviceTensor,
    /// Its value before training, for methods that keep it.
    pub initial: Option<&'a DeviceTensor>,
    /// Its gradient.
    pub gradient: &'a DeviceTensor,
}

/// A step, after the forward pass.
#[derive(Debug)]
pub struct StepContext<'a> {
    pub(super) picks: &'a [Pick],
    pub(super) rows: Option<&'a [usize]>,
    pub(super) prepared: &'a Prepared<'a>,
    pub(super) pass: &'a ForwardPass,
    pub(super) reference: Option<&'a ForwardPass>,
    pub(super) logits: DeviceTensor,
    pub(super) label_smoothing: f32,
    pub(super) device: &'a Device,
    pub(super) step: u64,
    pub(super) steps: u64,
}

impl StepContext<'_> {
    /// The samples and views of the batch.
    pub fn picks(&self) -> &[Pick] {
        self.picks
    }

    /// Number of this step, from 0, and of all steps.
    pub fn progress(&self) -> (u64, u64) {
        (self.step, self.steps)
    }

    /// The logits of the rows that have a target, `[rows, c]`; regression: in standardised units.
    pub fn logits(&self) -> &DeviceTensor {
        &self.logits
    }

    /// The loss of the task, one element: cross-entropy (with label smoothing), binary cross-entropy or squared error.
    ///
    /// # Errors
    /// `Shape` when the logits do not fit the targets.
    pub fn task_loss(&self) -> Result<DeviceTensor> {
        let target = self.prepared.batch(self.picks);
        losses::task(&self.logits, &target, self.label_smoothing, self.device)
    }

    /// The pooled features of the rows that have a target, `[rows, d]`.
    ///
    /// # Errors
    /// `NotFound` when the graph has no tensor [`POOLED`].
    pub fn features(&self) -> Result<DeviceTensor> {
        losses::rows_of(&self.pass.output(POOLED)?, self.rows)
    }

    /// A tensor that [`Method::outputs`] asked for.
    ///
    /// # Errors
    /// `NotFound` when it did not.
    pub fn output(&self, name: &str) -> Result<DeviceTensor> {
        self.pass.output(name)
    }

    /// A tensor that [`Method::reference_outputs`] asked for, from the frozen copy.
    ///
    /// # Errors
    /// `NotFound` when it did not.
    pub fn reference(&self, name: &str) -> Result<DeviceTensor> {
        match self.reference {
            Some(pass) => pass.output(name),
            None => Err(ranktune_nn::Error::new(
                ranktune_nn::ErrorKind::NotFound,
                format!("there is no reference output {name:?}"),
            )),
        }
    }

    /// What the teachers say of this batch, `[rows, c]`; regression: in units of the targets' deviation, not shifted.
    ///
    /// # Errors
    /// `Input` when a view was not predicted.
    pub fn lessons(&self, lessons: &Lessons) -> Result<DeviceTensor> {
        lessons.on_device(self.picks, self.prepared.targets, self.scale(), self.device)
    }

    /// The device that the tensors are on.
    pub fn device(&self) -> &Device {
        self.device
    }

    /// The targets of all training samples.
    pub fn targets(&self) -> &Targets {
        self.prepared.targets
    }

    /// Regression: the deviation of each target column, by which targets and logits are divided.
    pub fn scale(&self) -> Option<&[f32]> {
        self.prepared
            .standard
            .as_ref()
            .map(|standard| standard.deviation.as_slice())
    }

    /// Regression: the mean of each target column, which is taken off before dividing.
    pub fn centre(&self) -> Option<&[f32]> {
        self.prepared.standard.as_ref().map(|standard| standard.mean.as_slice())
    }
}

/// A way to tune.
pub trait Method: Sync {
    /// Its name, as the command line has it.
    fn name(&self) -> &'static str;

    /// All that decides what comes out, for the digest in checkpoints.
    fn describe(&self) -> String {
        self.name().to_owned()
    }

    /// Sets what was published with the method, where that differs from the defaults.
    fn preset(&self, _options: &mut TrainOptions) {}

    /// Whether training can begin.
    ///
    /// # Errors
    /// `Input` when something does not fit, before any step.
    fn check(&self, _setting: &Setting<'_>) -> Result<()> {
        Ok(())
    }

    /// Further tensors of the graph that [`Method::loss`] wants; none by default. [`POOLED`] is asked for this way too.
    fn outputs(&self) -> Vec<String> {
        Vec::new()
    }

    /// Tensors of a frozen copy of the graph, run on the same batch, that [`Method::loss`] wants; none by default.
    fn reference_outputs(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether a parameter of the backbone is trained; all by default. The head is always.
    fn trains_backbone(&self) -> bool {
        true
    }

    /// How the graph runs at this step: as `chosen` by the settings, by default.
    fn mode(&self, chosen: Mode, _step: u64) -> Mode {
        chosen
    }

    /// The loss of a step.
    ///
    /// # Errors
    /// Whatever stops training.
    fn loss(&self, step: &StepContext<'_>) -> Result<Loss>;

    /// The head that the model answers with, in validation and where it is written, made of the trained `weight` `[c, d]` and `bias`
    /// `[c]`; steps do not see it. `None`, the default, for the trained one.
    fn answer(&self, _weight: &[f32], _bias: &[f32]) -> Option<(Vec<f32>, Vec<f32>)> {
        None
    }

    /// Whether [`ParameterContext::initial`] is wanted; no by default, since it keeps the weights twice.
    fn keeps_initial(&self) -> bool {
        false
    }

    /// The gradient to take in place of the loss's own; `None` for that.
    ///
    /// # Errors
    /// Whatever stops training.
    fn adjust(&self, _parameter: &ParameterContext<'_>) -> Result<Option<DeviceTensor>> {
        Ok(None)
    }
}
