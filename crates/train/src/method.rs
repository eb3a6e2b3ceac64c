//! The trait of tuning methods. [`crate::methods`] lists them.
//!
//! A step: `mode` → forward, with the tensors of `outputs` (a frozen copy of the graph computes those of `reference_outputs`) →
//! `loss` → backward → `adjust` for each parameter's gradient → clipping, optimizer. `export_head` makes the head that is
//! validated and written. All hooks but `name` and `loss` have defaults. What methods use which hook for:
//!
//! | method | hooks |
//! |---|---|
//! | L2-SP (Li 2018) | `adjust` with `keeps_initial`: α(w − w⁰) is added to the gradient |
//! | BSS (Chen 2019) | `loss` adds the smallest singular values of [`StepContext::features`] |
//! | DELTA (Li 2019) | `outputs` and `reference_outputs` name the same inner tensor; `loss` compares them |
//! | StochNorm (Kou 2020) | `mode`: [`Mode::Stochastic`] mixes running and batch statistics |
//! | Co-Tuning (You 2020) | `outputs` names the source head's logits, which the graph keeps; `finish` removes them |
//! | Bi-Tuning (Zhong 2020) | `prepare` adds a projector, `reference_momentum` makes the reference an average, [`Loss::state`] is its queue |
//! | LoRA (Hu 2022) | `prepare` adds adapters, `trains` freezes the rest, `finish` merges them |
//! | WiSE-FT (Wortsman 2022) | `finish` interpolates with the initial weights |
//!
//! A method that needs something new from the caller adds a [`Need`](crate::Need) and a field of
//! [`MethodInputs`](crate::MethodInputs).

use ranktune_nn::head::POOLED;
use ranktune_nn::head::{BIAS, WEIGHT};
use ranktune_nn::{Device, DeviceTensor, ForwardPass, Mode, TrainableGraph};
use ranktune_onnx::Model;

use crate::batch_targets::{BatchTargets, PreparedTargets};
use crate::error::{Error, Result};
use crate::finish::{FinishContext, Finished};
use crate::losses;
use crate::method_state::MethodState;
use crate::options::TrainOptions;
use crate::samples::Pick;
use crate::targets::TrainTargets;
use crate::teachers::TeacherPredictions;

/// A loss, and the terms it is made of, which are recorded.
#[derive(Debug)]
pub struct Loss {
    /// The value that is minimised: one element, with its tape.
    pub total: DeviceTensor,
    /// Names and values (one element each).
    pub parts: Vec<(&'static str, DeviceTensor)>,
    /// The method's state after this step; `None` where it has not changed.
    pub state: Option<MethodState>,
}

impl Loss {
    /// A loss of one term.
    pub fn of(total: DeviceTensor) -> Self {
        Self {
            total,
            parts: Vec::new(),
            state: None,
        }
    }
}

/// What [`Method::check`] sees before training.
#[derive(Debug)]
pub struct CheckContext<'a> {
    /// The targets of the training samples.
    pub targets: &'a TrainTargets,
    /// The options.
    pub options: &'a TrainOptions,
    /// Number of features of [`POOLED`], where the shape of the head tells it.
    pub n_features: Option<usize>,
    /// The model before [`Method::prepare`].
    pub model: &'a Model,
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
    pub(crate) picks: &'a [Pick],
    pub(crate) rows: Option<&'a [usize]>,
    pub(crate) prepared: &'a PreparedTargets<'a>,
    pub(crate) pass: &'a ForwardPass,
    pub(crate) reference: Option<&'a ForwardPass>,
    pub(crate) logits: DeviceTensor,
    pub(crate) graph: &'a TrainableGraph,
    pub(crate) state: &'a MethodState,
    pub(crate) label_smoothing: f32,
    pub(crate) device: &'a Device,
    pub(crate) step: u64,
    pub(crate) steps: u64,
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
        let weights = self.prepared.class_weights.as_deref();
        losses::task(&self.logits, &target, (self.label_smoothing, weights), self.device)
    }

    /// The classes of the rows of the batch.
    ///
    /// # Errors
    /// `Input` for targets that are not classes.
    pub fn labels(&self) -> Result<Vec<u32>> {
        match self.prepared.batch(self.picks) {
            BatchTargets::Classes { labels, .. } => Ok(labels),
            _ => Err(Error::input("the method needs one class per sample")),
        }
    }

    /// The method's state before this step; at the first step, [`Method::initial_state`].
    pub fn state(&self) -> &MethodState {
        self.state
    }

    /// Weight and bias of the head, without a tape.
    ///
    /// # Errors
    /// `Model` when the graph has no head.
    pub fn head(&self) -> Result<[DeviceTensor; 2]> {
        let value = |name: &str| {
            let index = self.graph.find(name);
            let index = index.ok_or_else(|| Error::model("the model has no head made by with_head"))?;
            Ok::<_, Error>(self.graph.value(index).detached())
        };
        Ok([value(WEIGHT)?, value(BIAS)?])
    }

    /// The pooled features of the rows that have a target, `[rows, d]`.
    ///
    /// # Errors
    /// `Graph` when the graph has no tensor [`POOLED`].
    pub fn features(&self) -> Result<DeviceTensor> {
        losses::rows_of(&self.pass.output(POOLED)?, self.rows)
    }

    /// A tensor of [`Method::outputs`].
    ///
    /// # Errors
    /// `Graph` when it is not one of them.
    pub fn output(&self, name: &str) -> Result<DeviceTensor> {
        Ok(self.pass.output(name)?)
    }

    /// A tensor of [`Method::reference_outputs`], from the frozen copy of the graph.
    ///
    /// # Errors
    /// `Input` when the method has no reference outputs; `Graph` when it is not one of them.
    pub fn reference(&self, name: &str) -> Result<DeviceTensor> {
        let Some(pass) = self.reference else {
            return Err(Error::input(format!(
                "the method has no reference outputs, so none is called {name:?}"
            )));
        };
        Ok(pass.output(name)?)
    }

    /// The teachers' predictions for this batch, `[rows, c]`; regression: divided by the targets' deviation, not centred.
    ///
    /// # Errors
    /// `Input` when there is no prediction for a view.
    pub fn teacher_predictions(&self, predictions: &TeacherPredictions) -> Result<DeviceTensor> {
        predictions.on_device(self.picks, self.prepared.targets, self.scale(), self.device)
    }

    /// The device that the tensors are on.
    pub fn device(&self) -> &Device {
        self.device
    }

    /// The targets of all training samples.
    pub fn targets(&self) -> &TrainTargets {
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

/// A tuning method.
pub trait Method: Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// Everything about the method that decides the result, as text: checkpoints are only resumed with the same.
    fn describe(&self) -> String {
        self.name().to_owned()
    }

    /// Sets the options that were published with the method, where they differ from the defaults.
    fn preset(&self, _options: &mut TrainOptions) {}

    /// Whether training can start.
    ///
    /// # Errors
    /// `Input` when targets, options or features do not fit the method.
    fn check(&self, _context: &CheckContext<'_>) -> Result<()> {
        Ok(())
    }

    /// Further tensors of the graph that [`Method::loss`] reads, such as [`POOLED`]; none by default.
    fn outputs(&self) -> Vec<String> {
        Vec::new()
    }

    /// Tensors of a frozen copy of the graph, run on the same batch, that [`Method::loss`] reads; none by default.
    fn reference_outputs(&self) -> Vec<String> {
        Vec::new()
    }

    /// Before each step, the reference's weights become `m · reference + (1 − m) · trained`; `None`, the default, keeps the initial ones.
    fn reference_momentum(&self) -> Option<f32> {
        None
    }

    /// The model that is trained in place of the job's, such as one with adapters; `None`, the default, for that of the job.
    ///
    /// # Errors
    /// `Input` when the model lacks what the method works on.
    fn prepare(&self, _model: &Model, _options: &TrainOptions) -> Result<Option<Model>> {
        Ok(None)
    }

    /// The state before the first step, of methods that have one; empty by default.
    ///
    /// # Errors
    /// `Model` when the model lacks what the state is of.
    fn initial_state(&self, _context: &CheckContext<'_>) -> Result<MethodState> {
        Ok(MethodState::default())
    }

    /// Whether the parameter of the backbone called `_name` is trained, where [`Method::trains_backbone`] holds; yes by default.
    fn trains(&self, _name: &str) -> bool {
        true
    }

    /// The model that is written, made of the trained one; as it is by default. `None` when interrupted.
    ///
    /// # Errors
    /// Those of a validation.
    fn finish(&self, trained: Model, _context: &FinishContext<'_>) -> Result<Option<Finished>> {
        Ok(Some(Finished::of(trained)))
    }

    /// Whether the backbone is trained; yes by default. The head always is.
    fn trains_backbone(&self) -> bool {
        true
    }

    /// Whether the loss is a mean over the rows of the batch, so that a batch can run in parts; yes by default.
    fn is_mean_over_rows(&self) -> bool {
        true
    }

    /// The mode of the graph at this step; by default the one that the options chose. `_seed` is that of the options.
    fn mode(&self, chosen: Mode, _step: u64, _seed: u64) -> Mode {
        chosen
    }

    /// The loss of a step.
    ///
    /// # Errors
    /// Any error stops training.
    fn loss(&self, step: &StepContext<'_>) -> Result<Loss>;

    /// The head to validate and to write, made of the trained `weight` `[c, d]` and `bias` `[c]`; training steps keep the
    /// trained one. `None`, the default, exports the trained head as it is.
    fn export_head(&self, _weight: &[f32], _bias: &[f32]) -> Option<(Vec<f32>, Vec<f32>)> {
        None
    }

    /// Whether [`ParameterContext::initial`] is kept; no by default, since it doubles the memory of the weights.
    fn keeps_initial(&self) -> bool {
        false
    }

    /// The gradient to use in place of the loss's own; `None`, the default, for the loss's own.
    ///
    /// # Errors
    /// Any error stops training.
    fn adjust(&self, _parameter: &ParameterContext<'_>) -> Result<Option<DeviceTensor>> {
        Ok(None)
    }
}
