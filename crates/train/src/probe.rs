//! Training a head alone on features that are computed once.
//!
//! Where only the head learns and there is no augmentation, a backbone gives the same features at every epoch. They are
//! computed once, and the steps run on the graph of the head alone, whose parameters have the names they have in the model;
//! its weights then go back into the whole model.

use ranktune_onnx::{DataType, Dim, Model, ValueInfo};

use super::evaluate::{feeds, named};
use super::job::{Job, Validation};
use super::loader::with_batches;
use super::order::Order;
use super::run::run;
use super::{Inputs, Interrupt, LoadError, Outcome, Pick, Samples, Views, Watch};
use ranktune_nn::head::POOLED;
use ranktune_nn::{Error, GraphOptions, HostTensor, Result, TrainableGraph};

/// Features `[n, d]` in the place of samples.
struct Table {
    values: Vec<f32>,
    columns: usize,
}

impl Samples for Table {
    fn n_samples(&self) -> usize {
        self.values.len() / self.columns
    }

    fn load(&self, picks: &[Pick]) -> std::result::Result<Inputs, LoadError> {
        let rows = picks
            .iter()
            .flat_map(|pick| &self.values[pick.sample * self.columns..(pick.sample + 1) * self.columns]);
        let tensor = HostTensor::floats(&[picks.len(), self.columns], rows.copied().collect())?;
        Ok(Inputs {
            feeds: vec![(POOLED.to_owned(), tensor)],
            rows: None,
        })
    }
}

/// Whether the features of a job are the same at every epoch, and can be tabled.
pub(super) fn fits(job: &Job<'_>) -> bool {
    let made = job.model.graph.nodes.iter().any(|node| node.output(0) == Some(POOLED));
    made && !job.method.trains_backbone()
        && job.method.outputs().is_empty()
        && job.method.reference_outputs().is_empty()
        && job.options.views == Views::Plain
        && !job.targets.is_by_row()
}

/// Trains the head on tabled features.
pub(super) fn train(job: &Job<'_>, watch: &dyn Watch, interrupt: &Interrupt) -> Result<Outcome> {
    let settings = GraphOptions {
        outputs: vec![POOLED.to_owned()],
        device: job.options.device.clone(),
        ..GraphOptions::default()
    };
    let graph = TrainableGraph::new(job.model, settings)?;
    let mut fed = Vec::new();
    let mut table = |samples: &dyn Samples| table(&graph, job, samples, &mut fed, interrupt);
    let stopped = || {
        Ok(Outcome::Interrupted {
            step: 0,
            steps: (Order::new(job.samples, job.options.batch_size).count() * job.options.epochs) as u64,
            checkpoint: None,
        })
    };
    let Some(features) = table(job.samples)? else {
        return stopped();
    };
    let validation = match &job.validation {
        None => None,
        Some(validation) => match table(validation.samples)? {
            Some(features) => Some((features, validation)),
            None => return stopped(),
        },
    };
    drop(graph);
    let mut head = head_alone(job.model, features.columns)?;
    // The backbone decides the result through the features, so a checkpoint has to know them.
    let digest = super::methods::digest(&[&features.values]);
    head.metadata.insert("ranktune.features".to_owned(), digest);
    let inner = Job {
        model: &head,
        samples: &features,
        validation: validation.as_ref().map(|(features, validation)| Validation {
            samples: features,
            ..**validation
        }),
        ..*job
    };
    Ok(match run(&inner, watch, interrupt)? {
        Outcome::Finished(mut trained) => {
            let mut model = job.model.clone();
            for (name, tensor) in &trained.model.graph.initializers {
                model.graph.initializers.insert(name.clone(), tensor.clone());
            }
            super::write_out::open(&mut model, &fed);
            trained.model = model;
            trained.batch_norm = "frozen";
            Outcome::Finished(trained)
        }
        stopped => stopped,
    })
}

/// The features of all samples; `None` when interrupted.
fn table(
    graph: &TrainableGraph,
    job: &Job<'_>,
    samples: &dyn Samples,
    fed: &mut Vec<(String, Vec<usize>)>,
    interrupt: &Interrupt,
) -> Result<Option<Table>> {
    let batches = Order::new(samples, job.options.batch_size).evaluation();
    let mut table = Table {
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
            if fed.is_empty() {
                *fed = inputs
                    .feeds
                    .iter()
                    .map(|(name, tensor)| (name.clone(), tensor.dims().to_vec()))
                    .collect();
            }
            let found = graph.evaluate(&named(&feeds(inputs).0))?.output(POOLED)?;
            let dims = found.dims();
            let columns = match *dims.as_slice() {
                [rows, columns] if rows == picks.len() => columns,
                _ => {
                    return Err(Error::shape(format!(
                        "expected one row of features a sample, found shape {dims:?}"
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

/// The nodes of `model` that follow the pooled features.
fn head_alone(model: &Model, columns: usize) -> Result<Model> {
    let mut head = Model {
        path: None,
        ..model.clone()
    };
    let graph = &mut head.graph;
    let position = graph.nodes.iter().position(|node| node.output(0) == Some(POOLED));
    let position = position.ok_or_else(|| Error::invalid("the model has no pooled features"))?;
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
