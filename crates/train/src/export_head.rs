//! The head that is validated and written, where the method exports a different head from the one it trains.

use ranktune_nn::head::{BIAS, WEIGHT};
use ranktune_nn::{DeviceTensor, TrainableGraph};

use crate::error::Result;
use crate::method::Method;

/// Parameters by index, with their values.
type Values = Vec<(usize, DeviceTensor)>;

/// Runs `work` on the graph with its exported head, then restores the trained one.
pub(crate) fn with_export_head<T>(
    graph: &mut TrainableGraph,
    method: &dyn Method,
    work: impl FnOnce(&TrainableGraph) -> Result<T>,
) -> Result<T> {
    let trained = set_export_head(graph, method)?;
    let result = work(graph);
    for (index, value) in trained {
        graph.set_value(index, value)?;
    }
    result
}

/// Replaces the trained head by the exported one. Returns the trained values; none where the method exports them as they are.
pub(crate) fn set_export_head(graph: &mut TrainableGraph, method: &dyn Method) -> Result<Values> {
    let (Some(weight), Some(bias)) = (graph.find(WEIGHT), graph.find(BIAS)) else {
        return Ok(Vec::new());
    };
    let trained = [weight, bias].map(|index| (index, graph.value(index).detached()));
    let [w, b] = &trained;
    let Some((w, b)) = method.export_head(&w.1.to_values()?, &b.1.to_values()?) else {
        return Ok(Vec::new());
    };
    let device = graph.device().clone();
    for ((index, before), values) in trained.iter().zip([w, b]) {
        let value = DeviceTensor::from_values(&before.dims(), values, &device)?;
        graph.set_value(*index, value)?;
    }
    Ok(trained.into())
}
