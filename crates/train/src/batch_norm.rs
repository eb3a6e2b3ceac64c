//! Running statistics of BatchNormalization, recomputed from the training samples.

use std::collections::HashMap;

use ranktune_nn::{DeviceTensor, GraphOptions, Mode, ParameterRole, TrainableGraph};
use ranktune_onnx::{Attribute, Model};

use crate::error::Result;
use crate::feeds::{feeds, named};
use crate::job::TrainingJob;
use crate::loader::with_batches;
use crate::options::ViewSchedule;
use crate::order::Order;

/// Samples that the statistics are computed from.
const SAMPLES: usize = 1024;

/// The running statistics on the training samples: the mean over batches of the batch's mean and unbiased variance. Earlier layers
/// use the statistics of the batch as well.
pub(crate) fn statistics(job: &TrainingJob<'_>) -> Result<Vec<(String, DeviceTensor)>> {
    let options = job.options;
    let settings = GraphOptions {
        outputs: Vec::new(),
        device: options.device.clone(),
        ..GraphOptions::default()
    };
    let mut graph = TrainableGraph::new(job.model, settings)?;
    // Without trainable parameters no tape is recorded.
    graph.freeze(|_| true);
    graph.keep_statistics(|name| options.freeze.iter().any(|prefix| name.starts_with(prefix.as_str())));
    let momenta = momenta(job.model);
    let parameters = graph.parameters().iter().enumerate();
    let chosen: Vec<(usize, f32)> = parameters
        .filter(|(_, parameter)| parameter.role == ParameterRole::Statistics)
        .filter_map(|(index, parameter)| Some((index, *momenta.get(parameter.name.as_str())?)))
        .filter(|(_, momentum)| *momentum < 1.0)
        .collect();
    let mut sums: Vec<Option<DeviceTensor>> = vec![None; chosen.len()];
    let order = Order::new(job.samples, options.batch_size);
    let mut batches = order.batches(ViewSchedule::Plain, options.seed, usize::MAX);
    batches.truncate(SAMPLES.div_ceil(options.batch_size));
    // A batch of one sample has no variance.
    batches.retain(|batch| batch.len() > 1);
    let total: usize = batches.iter().map(Vec::len).sum();
    with_batches(
        job.samples,
        &batches,
        (options.load_threads, options.load_ahead),
        |batches| {
            while let Some(batch) = batches.next() {
                let (picks, inputs) = batch?;
                for (index, _) in &chosen {
                    let zero = graph.value(*index).mul_scalar(0.0);
                    graph.set_value(*index, zero)?;
                }
                graph.forward(&named(&feeds(inputs).0), Mode::Training)?;
                for ((index, momentum), sum) in chosen.iter().zip(&mut sums) {
                    // Starting from 0, the running value is (1 − momentum) of the batch's.
                    let share = picks.len() as f32 / total as f32 / (1.0 - momentum);
                    let value = graph.value(*index).mul_scalar(share);
                    *sum = Some(match sum.take() {
                        Some(sum) => sum.add(&value)?,
                        None => value,
                    });
                }
            }
            Ok(())
        },
    )?;
    let names = chosen.iter().map(|(index, _)| graph.parameters()[*index].name.clone());
    Ok(names.zip(sums).filter_map(|(name, sum)| Some((name, sum?))).collect())
}

/// Momentum of each running statistic, by name.
fn momenta(model: &Model) -> HashMap<&str, f32> {
    let nodes = model.graph.nodes.iter().filter(|node| node.is("BatchNormalization"));
    nodes
        .flat_map(|node| {
            let momentum = match node.attributes.get("momentum") {
                Some(Attribute::Float(value)) => *value,
                _ => 0.9,
            };
            [3, 4]
                .into_iter()
                .filter_map(move |position| Some((node.input(position)?, momentum)))
        })
        .collect()
}
