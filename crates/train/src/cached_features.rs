//! Training the head alone on features that are computed once.
//!
//! Where only the head is trained and there is no augmentation, the backbone's features are the same in every epoch. They are
//! computed once, and the steps run on the graph of the head, whose parameters keep the names that they have in the model.
//! Its weights are then copied into the whole model.

use ranktune_core::Interrupt;
use ranktune_nn::head::POOLED;
use ranktune_nn::{GraphOptions, HostTensor, TrainableGraph};
use ranktune_onnx::{DataType, Dim, Model, ValueInfo};

use crate::error::{Error, Result};
use crate::export::set_input_shapes;
use crate::feeds::{feeds, named, shapes};
use crate::identity::digest_of_floats;
use crate::job::{TrainingJob, ValidationSet};
use crate::loader::with_batches;
use crate::observer::TrainObserver;
use crate::options::ViewSchedule;
use crate::order::Order;
use crate::outcome::TrainOutcome;
use crate::run::run;
use crate::samples::{BatchInputs, LoadError, Pick, Samples};

/// Features `[n, d]` of samples.
struct FeatureTable {
    values: Vec<f32>,
    columns: usize,
}

impl Samples for FeatureTable {
    fn n_samples(&self) -> usize {
        self.values.len() / self.columns
    }

    fn load(&self, picks: &[Pick]) -> std::result::Result<BatchInputs, LoadError> {
        let rows = picks
            .iter()
            .flat_map(|pick| &self.values[pick.sample * self.columns..(pick.sample + 1) * self.columns]);
        let tensor = HostTensor::floats(&[picks.len(), self.columns], rows.copied().collect())?;
        Ok(BatchInputs {
            feeds: vec![(POOLED.to_owned(), tensor)],
            rows: None,
        })
    }
}

/// Whether the features of a job are the same in every epoch.
pub(crate) fn applies(job: &TrainingJob<'_>) -> bool {
    let has_features = job.model.graph.nodes.iter().any(|node| node.output(0) == Some(POOLED));
    has_features
        && !job.method.trains_backbone()
        && job.method.outputs().is_empty()
        && job.method.reference_outputs().is_empty()
        && job.options.views == ViewSchedule::Plain
        && !job.targets.is_by_row()
}

/// Trains the head on the features.
pub(crate) fn train(
    job: &TrainingJob<'_>,
    observer: &dyn TrainObserver,
    interrupt: &Interrupt,
) -> Result<TrainOutcome> {
    let settings = GraphOptions {
        outputs: vec![POOLED.to_owned()],
        device: job.options.device.clone(),
        ..GraphOptions::default()
    };
    let graph = TrainableGraph::new(job.model, settings)?;
    let mut input_shapes = Vec::new();
    let mut compute = |samples: &dyn Samples| compute(&graph, job, samples, &mut input_shapes, interrupt);
    let stopped = || {
        Ok(TrainOutcome::Interrupted {
            step: 0,
            steps: (Order::new(job.samples, job.options.batch_size).count() * job.options.epochs) as u64,
            checkpoint: None,
        })
    };
    let Some(features) = compute(job.samples)? else {
        return stopped();
    };
    let validation = match &job.validation {
        None => None,
        Some(validation) => match compute(validation.samples)? {
            Some(features) => Some((features, validation)),
            None => return stopped(),
        },
    };
    drop(graph);
    let mut head = head_alone(job.model, features.columns)?;
    // The identity of a checkpoint has to cover the backbone, which decides the result through the features.
    let digest = digest_of_floats(&[&features.values]);
    head.metadata.insert("ranktune.features".to_owned(), digest);
    let inner = TrainingJob {
        model: &head,
        samples: &features,
        validation: validation.as_ref().map(|(features, validation)| ValidationSet {
            samples: features,
            ..**validation
        }),
        ..*job
    };
    let mut outcome = run(&inner, observer, interrupt)?;
    if let TrainOutcome::Finished(trained) | TrainOutcome::Paused(trained) = &mut outcome {
        let mut model = job.model.clone();
        for (name, tensor) in &trained.model.graph.initializers {
            model.graph.initializers.insert(name.clone(), tensor.clone());
        }
        set_input_shapes(&mut model, &input_shapes);
        trained.model = model;
        trained.batch_norm = "frozen";
    }
    Ok(outcome)
}

/// The features of all samples; `None` when interrupted.
fn compute(
    graph: &TrainableGraph,
    job: &TrainingJob<'_>,
    samples: &dyn Samples,
    input_shapes: &mut Vec<(String, Vec<usize>)>,
    interrupt: &Interrupt,
) -> Result<Option<FeatureTable>> {
    let batches = Order::new(samples, job.options.batch_size).evaluation();
    let mut table = FeatureTable {
        values: Vec::new(),
        columns: 1,
    };
    let loading = (job.options.load_threads, job.options.load_ahead);
    let complete = with_batches(samples, &batches, loading, |batches| {
        while let Some(batch) = batches.next() {
            if interrupt.is_raised() {
                return Ok(false);
            }
            let (picks, inputs) = batch?;
            if input_shapes.is_empty() {
                *input_shapes = shapes(&inputs);
            }
            let found = graph.evaluate(&named(&feeds(inputs).0))?.output(POOLED)?;
            let dims = found.dims();
            let columns = match *dims.as_slice() {
                [rows, columns] if rows == picks.len() => columns,
                _ => {
                    return Err(Error::model(format!(
                        "expected one row of features per sample, found shape {dims:?}"
                    )));
                }
            };
            table.columns = columns;
            table.values.resize(samples.n_samples() * columns, 0.0);
            for (pick, row) in picks.iter().zip(found.to_values()?.chunks_exact(columns)) {
                table.values[pick.sample * columns..(pick.sample + 1) * columns].copy_from_slice(row);
            }
        }
        Ok(true)
    })?;
    Ok(complete.then_some(table))
}

/// The part of `model` that follows the pooled features.
fn head_alone(model: &Model, columns: usize) -> Result<Model> {
    let mut head = Model {
        path: None,
        ..model.clone()
    };
    let graph = &mut head.graph;
    let position = graph.nodes.iter().position(|node| node.output(0) == Some(POOLED));
    let position = position.ok_or_else(|| Error::model("the model has no pooled features"))?;
    graph.nodes.drain(..=position);
    graph.inputs = vec![ValueInfo {
        name: POOLED.to_owned(),
        data_type: Some(DataType::F32),
        shape: Some(vec![Dim::Named("batch".to_owned()), Dim::Fixed(columns)]),
    }];
    graph.value_info.clear();
    let used: Vec<String> = graph
        .nodes
        .iter()
        .flat_map(|node| node.uses())
        .map(str::to_owned)
        .collect();
    graph.initializers.retain(|name, _| used.contains(name));
    Ok(head)
}
