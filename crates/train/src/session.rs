//! The state of training that steps change, and one step.

use ranktune_nn::{
    BufferPool, DeviceTensor, Feed, Gradients, GraphOptions, Mode, ParameterRole, TrainableGraph, update,
};

use crate::batch_targets::PreparedTargets;
use crate::error::{Error, Result};
use crate::feeds::{feeds, named, shapes};
use crate::freeze::check_frozen_prefixes;
use crate::job::{TrainingJob, context};
use crate::memory::MemoryPlan;
use crate::method::{ParameterContext, StepContext};
use crate::method_state::MethodState;
use crate::micro_batch::{self, StepGradients};
use crate::optimizer::{Change, Stepper};
use crate::options::BatchNorm;
use crate::parameter_groups::Group;
use crate::samples::{BatchInputs, Pick};
use crate::weight_average::WeightAverage;
use crate::{batch_norm, losses};

/// The graph, the optimizer and what they need for a step.
pub(crate) struct Session<'a> {
    pub job: &'a TrainingJob<'a>,
    pub prepared: PreparedTargets<'a>,
    pub graph: TrainableGraph,
    pub stepper: Stepper,
    /// Name of the output that holds the logits.
    pub logits: String,
    /// Shapes of the inputs at the first step.
    pub input_shapes: Vec<(String, Vec<usize>)>,
    /// How BatchNormalization runs, before the method's say.
    pub mode: Mode,
    /// Steps of all epochs.
    pub steps: u64,
    /// The frozen copy of the graph, or the average of its weights, that the method compares with.
    pub reference: Option<TrainableGraph>,
    /// The method's state.
    pub method_state: MethodState,
    /// The moving average of the weights that change, by parameter; empty without one.
    pub average: WeightAverage,
    /// Samples of the smallest part in which a batch ran; `None` while all ran as a whole.
    pub micro_batch: Option<usize>,
    memory: Option<MemoryPlan<'a>>,
    initial: Vec<Option<DeviceTensor>>,
    groups: Vec<Group>,
}

/// Samples that run together: a batch, or a part of one.
struct Portion<'p> {
    picks: &'p [Pick],
    feeds: &'p [(String, Feed)],
    /// Rows of the batch's logits that have a target.
    rows: Option<Vec<usize>>,
    /// Position of the first sample in the batch.
    first: usize,
    /// Its share of the rows of the batch.
    share: f32,
}

impl Portion<'_> {
    /// The rows in the logits of these samples, of which every sample has as many.
    fn own_rows(&self, logits: &DeviceTensor) -> Option<Vec<usize>> {
        let dims = logits.dims();
        let columns = dims.last().copied().unwrap_or(1).max(1);
        let by_sample = dims.iter().product::<usize>() / columns / self.picks.len().max(1);
        let rows = self.rows.as_ref()?;
        Some(rows.iter().map(|row| row - self.first * by_sample).collect())
    }
}

/// The terms of a loss.
type Parts = Vec<(&'static str, f32)>;

/// The losses of a step.
#[derive(Debug)]
pub(crate) struct StepResult {
    pub loss: f32,
    pub parts: Parts,
    /// Learning rate of the backbone.
    pub rate: f32,
}

impl<'a> Session<'a> {
    /// Builds the graph of a job.
    pub(crate) fn new(job: &'a TrainingJob<'a>, steps: u64) -> Result<Self> {
        let (options, method) = (job.options, job.method);
        let output = job.model.graph.outputs.first();
        let logits = output
            .map(|output| output.name.clone())
            .ok_or_else(|| Error::model("the model has no output"))?;
        let mut outputs = vec![logits.clone()];
        for name in method.outputs() {
            if !outputs.contains(&name) {
                outputs.push(name);
            }
        }
        // The graph and its reference run in turn, so they share their buffers.
        let buffers = BufferPool::new();
        let settings = |outputs| GraphOptions {
            outputs,
            device: options.device.clone(),
            buffers: buffers.clone(),
        };
        let mut graph = TrainableGraph::new(job.model, settings(outputs))?;
        check_frozen_prefixes(&graph, &options.freeze)?;
        let is_frozen = |name: &str| options.freeze.iter().any(|prefix| name.starts_with(prefix.as_str()));
        graph.keep_statistics(is_frozen);
        let trains = |name: &str| method.trains_backbone() && method.trains(name);
        graph.freeze(|name| is_frozen(name) || !(trains(name) || name.starts_with(&options.head_prefix)));
        let wanted = method.reference_outputs();
        let reference = if wanted.is_empty() {
            None
        } else {
            Some(TrainableGraph::new(job.model, settings(wanted))?)
        };
        let keep = method.keeps_initial();
        let count = graph.parameters().len();
        let kept = u64::from(keep) + u64::from(reference.is_some()) + u64::from(options.ema.is_some());
        let memory = options
            .memory
            .map(|limit| MemoryPlan::new(job.model, &graph, limit, options.optimizer, kept));
        Ok(Self {
            micro_batch: None,
            memory,
            prepared: PreparedTargets::new(job.targets, options.class_weights),
            method_state: method.initial_state(&context(job))?,
            average: WeightAverage::new(options.ema),
            groups: graph
                .parameters()
                .iter()
                .map(|parameter| Group::of(parameter, options))
                .collect(),
            initial: (0..count)
                .map(|index| keep.then(|| graph.value(index).clone()))
                .collect(),
            stepper: Stepper::new(options.optimizer, count),
            mode: Mode::Training,
            input_shapes: Vec::new(),
            job,
            graph,
            logits,
            steps,
            reference,
        })
    }

    /// One step: forward, backward, and the update of every trained parameter.
    ///
    /// # Errors
    /// `Diverged` when the loss is not finite, before anything but running statistics has changed.
    pub(crate) fn step(&mut self, picks: &[Pick], inputs: BatchInputs, step: u64) -> Result<StepResult> {
        let options = self.job.options;
        let rate = f64::from(options.learning_rate) * options.schedule.factor(step, self.steps, options.warm_up);
        if self.input_shapes.is_empty() {
            self.input_shapes = shapes(&inputs);
        }
        self.check_rows(picks, inputs.rows.as_deref())?;
        if inputs.rows.as_ref().is_some_and(Vec::is_empty) {
            return Ok(StepResult {
                loss: 0.0,
                parts: Vec::new(),
                rate: rate as f32,
            });
        }
        self.follow()?;
        let size = self.part_size(picks, &inputs)?;
        let (loss, parts, mut gradients) = if size < picks.len() {
            self.in_parts(picks, &inputs, size, step)?
        } else {
            let (feeds, rows) = feeds(inputs);
            let whole = Portion {
                picks,
                feeds: &feeds,
                rows,
                first: 0,
                share: 1.0,
            };
            let (loss, (parts, state), gradients) = self.backward(whole, step)?;
            if let Some(state) = state {
                self.method_state = state;
            }
            (loss, parts, StepGradients::Whole(gradients))
        };
        self.stepper.begin();
        let count = self.groups.len();
        match options.clip {
            None => {
                for index in 0..count {
                    if let Some(gradient) = gradients.take(index) {
                        let gradient = self.adjusted(index, gradient)?;
                        self.change(index, gradient, rate, 1.0)?;
                    }
                }
            }
            Some(max_norm) => {
                let all = (0..count).map(|index| {
                    let gradient = gradients.take(index);
                    gradient.map(|gradient| self.adjusted(index, gradient)).transpose()
                });
                let all = all.collect::<Result<Vec<_>>>()?;
                drop(gradients);
                let [backbone, head] = self.norms(&all)?.map(|norm| (max_norm / (norm + 1e-6)).min(1.0));
                for (index, gradient) in all.into_iter().enumerate() {
                    if let Some(gradient) = gradient {
                        let shrink = if self.groups[index].is_head { head } else { backbone };
                        self.change(index, gradient, rate, shrink)?;
                    }
                }
            }
        }
        self.average.update(&self.graph, step)?;
        Ok(StepResult {
            loss,
            parts,
            rate: rate as f32,
        })
    }

    /// Samples of a batch that run together.
    fn part_size(&mut self, picks: &[Pick], inputs: &BatchInputs) -> Result<usize> {
        let Some(memory) = &mut self.memory else {
            return Ok(picks.len());
        };
        let size = memory.samples(inputs, picks.len())?;
        if size < picks.len() {
            let method = self.job.method;
            if !method.is_mean_over_rows() {
                return Err(Error::input(format!(
                    "the loss of {} is of all samples of a batch together, so a batch cannot run in parts of {size} to fit into --memory; \
                     try --batch-size {size}",
                    method.name()
                )));
            }
            self.micro_batch = Some(self.micro_batch.map_or(size, |before| before.min(size)));
        }
        Ok(size)
    }

    /// Forward and backward over parts of at most `size` samples. The losses are those of the whole batch.
    fn in_parts(
        &mut self,
        picks: &[Pick],
        inputs: &BatchInputs,
        size: usize,
        step: u64,
    ) -> Result<(f32, Parts, StepGradients)> {
        let count = self.groups.len();
        let (mut loss, mut terms, mut sum) = (0.0, Parts::new(), None::<StepGradients>);
        for part in micro_batch::parts(picks, inputs, self.prepared.targets, size)? {
            if part.share == 0.0 {
                continue;
            }
            let (feeds, rows) = feeds(part.inputs);
            let portion = Portion {
                picks: part.picks,
                feeds: &feeds,
                rows,
                first: part.first,
                share: part.share,
            };
            let (value, (parts, _), gradients) = self.backward(portion, step)?;
            loss += part.share * value;
            for (name, value) in parts {
                match terms.iter_mut().find(|(one, _)| *one == name) {
                    Some((_, sum)) => *sum += part.share * value,
                    None => terms.push((name, part.share * value)),
                }
            }
            match &mut sum {
                Some(sum) => sum.add(gradients, count)?,
                none => *none = Some(StepGradients::Whole(gradients)),
            }
        }
        let sum = sum.ok_or_else(|| Error::input("a batch has no targets"))?;
        Ok((loss, terms, sum))
    }

    /// Whether BatchNormalization uses the statistics of a batch.
    pub(crate) fn has_batch_statistics(&self) -> bool {
        let mode = self.job.method.mode(self.mode, 0, self.job.options.seed);
        mode != Mode::Frozen
            && self
                .job
                .model
                .graph
                .nodes
                .iter()
                .any(|node| node.is("BatchNormalization"))
    }

    /// Forward, the method's loss, and backward.
    fn backward(&mut self, portion: Portion<'_>, step: u64) -> Result<(f32, (Parts, Option<MethodState>), Gradients)> {
        let Portion { picks, feeds, .. } = portion;
        let mut mode = self.job.method.mode(self.mode, step, self.job.options.seed);
        if mode != Mode::Frozen && picks.len() == 1 {
            // A batch of one sample has no statistics where feature maps are one pixel large.
            mode = Mode::Frozen;
        }
        let pass = self.graph.forward(&named(feeds), mode)?;
        let reference = match &self.reference {
            Some(graph) => Some(graph.evaluate(&named(feeds))?),
            None => None,
        };
        let logits = pass.output(&self.logits)?;
        let rows = portion.own_rows(&logits);
        let rows = rows.as_deref();
        let context = StepContext {
            picks,
            rows,
            prepared: &self.prepared,
            logits: losses::rows_of(&logits, rows)?,
            pass: &pass,
            reference: reference.as_ref(),
            graph: &self.graph,
            state: &self.method_state,
            label_smoothing: self.job.options.label_smoothing,
            device: self.graph.device(),
            step,
            steps: self.steps,
        };
        let loss = self.job.method.loss(&context)?;
        drop(context);
        let value = number(&loss.total)?;
        let parts = loss.parts.iter().map(|(name, part)| Ok((*name, number(part)?)));
        let parts = parts.collect::<Result<Vec<_>>>()?;
        if !value.is_finite() {
            return Err(Error::diverged(format!("the loss is {value}")));
        }
        let (mut total, state) = (loss.total, loss.state);
        drop((loss.parts, logits));
        if portion.share < 1.0 {
            total = total.mul_scalar(portion.share);
        }
        Ok((value, (parts, state), pass.backward(&total)?))
    }

    /// Moves the reference towards the trained weights, of methods whose reference is an average. Running statistics are copied.
    fn follow(&mut self) -> Result<()> {
        let (Some(momentum), Some(reference)) = (self.job.method.reference_momentum(), &mut self.reference) else {
            return Ok(());
        };
        for index in 0..reference.parameters().len() {
            let parameter = &reference.parameters()[index];
            let Some(own) = self.graph.find(&parameter.name) else {
                continue;
            };
            let trained = self.graph.value(own);
            let next = match parameter.role {
                ParameterRole::Trainable => {
                    let kept = reference.value(index).mul_scalar(momentum);
                    kept.add(&trained.mul_scalar(1.0 - momentum))?
                }
                ParameterRole::Statistics => trained.clone(),
                _ => continue,
            };
            reference.set_value(index, next)?;
        }
        Ok(())
    }

    /// The gradient norms of the backbone and of the head; twice that of both together unless they are clipped separately.
    fn norms(&self, gradients: &[Option<DeviceTensor>]) -> Result<[f32; 2]> {
        let mut squares = [0.0; 2];
        for (gradient, group) in gradients.iter().zip(&self.groups) {
            let Some(gradient) = gradient else { continue };
            squares[usize::from(group.is_head)] += match update::sum_of_squares(gradient) {
                Some(sum) => sum,
                None => {
                    let axes: Vec<usize> = (0..gradient.rank()).collect();
                    f64::from(number(&gradient.mul(gradient)?.sum(&axes))?)
                }
            };
        }
        if !self.job.options.clip_apart {
            squares = [squares[0] + squares[1]; 2];
        }
        Ok(squares.map(|sum| sum.sqrt() as f32))
    }

    fn adjusted(&self, index: usize, gradient: DeviceTensor) -> Result<DeviceTensor> {
        let context = ParameterContext {
            name: &self.graph.parameters()[index].name,
            is_head: self.groups[index].is_head,
            value: self.graph.value(index),
            initial: self.initial[index].as_ref(),
            gradient: &gradient,
        };
        let adjusted = self.job.method.adjust(&context)?;
        Ok(adjusted.unwrap_or(gradient))
    }

    fn change(&mut self, index: usize, gradient: DeviceTensor, rate: f64, shrink: f32) -> Result<()> {
        let group = self.groups[index];
        let change = Change {
            rate: (rate * f64::from(group.multiplier)) as f32,
            decay: group.decay,
            shrink,
        };
        let value = self.stepper.update(index, self.graph.value(index), &gradient, change)?;
        update::release(gradient);
        Ok(self.graph.set_value(index, value)?)
    }

    /// Checks that the caller names as many rows as the batch has targets.
    fn check_rows(&self, picks: &[Pick], rows: Option<&[usize]>) -> Result<()> {
        let targets = self.prepared.targets;
        let expected: usize = picks.iter().map(|pick| targets.rows_of(pick.sample).len()).sum();
        let found = rows.map_or(picks.len(), <[usize]>::len);
        if expected != found {
            return Err(Error::input(format!(
                "a batch has {expected} targets, and {found} rows of the logits were named for them"
            )));
        }
        Ok(())
    }

    /// The parameters that training changes, with their names.
    pub(crate) fn changing(&self) -> impl Iterator<Item = (usize, &str)> {
        let parameters = self.graph.parameters().iter().enumerate();
        parameters
            .filter(|(_, parameter)| matches!(parameter.role, ParameterRole::Trainable | ParameterRole::Statistics))
            .map(|(index, parameter)| (index, parameter.name.as_str()))
    }

    /// The values of the reference that change, with their names: of methods whose reference is an average.
    pub(crate) fn kept_reference(&self) -> impl Iterator<Item = (&str, &DeviceTensor)> {
        let follows = self.job.method.reference_momentum().is_some();
        let reference = self.reference.as_ref().filter(|_| follows);
        reference.into_iter().flat_map(|reference| {
            let parameters = reference.parameters().iter().enumerate();
            let changing =
                parameters.filter(|(_, one)| matches!(one.role, ParameterRole::Trainable | ParameterRole::Statistics));
            changing.map(|(index, parameter)| (parameter.name.as_str(), reference.value(index)))
        })
    }

    /// Decides how BatchNormalization runs. Returns its name for records.
    pub(crate) fn decide_batch_norm(&mut self) -> Result<&'static str> {
        let wanted = self.job.options.batch_norm.decided(self.job.targets.n_samples());
        self.mode = match wanted {
            BatchNorm::Frozen | BatchNorm::Adapted => Mode::Frozen,
            _ => Mode::Training,
        };
        if wanted == BatchNorm::Adapted {
            for (name, value) in batch_norm::statistics(self.job)? {
                if let Some(index) = self.graph.find(&name) {
                    self.graph.set_value(index, value)?;
                }
            }
            return Ok("adapted");
        }
        Ok(match self.job.method.mode(self.mode, 0, self.job.options.seed) {
            Mode::Frozen => "frozen",
            Mode::Stochastic { .. } => "stochastic",
            _ => "train",
        })
    }
}

/// The one element of a tensor.
fn number(tensor: &DeviceTensor) -> Result<f32> {
    let values = tensor.detached().to_values()?;
    match values.as_slice() {
        [value] => Ok(*value),
        _ => Err(Error::model(format!(
            "a loss must be one number, found shape {:?}",
            tensor.dims()
        ))),
    }
}
