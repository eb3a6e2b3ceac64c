//! Nodes that are ready to run, and running them in order.

use burn::tensor::Device;

use super::{Context, Inputs, Operator};
use crate::value::Value;
use crate::{Error, Result, kernels};

/// The index of a value while the graph runs.
pub(crate) type Slot = usize;

/// A node, ready to run.
pub(crate) struct Step {
    pub operator: Operator,
    pub label: String,
    pub op_type: String,
    pub inputs: Vec<Option<Slot>>,
    pub input_names: Vec<String>,
    pub outputs: Vec<Option<Slot>>,
    /// Values that are not needed after this node.
    pub release: Vec<Slot>,
}

/// Runs `steps` over `values`.
pub(crate) fn execute(
    steps: &[Step],
    values: &mut [Option<Value>],
    device: &Device,
    context: &mut Context,
) -> Result<()> {
    for step in steps {
        let inputs = step.inputs.iter().map(|slot| values[(*slot)?].clone()).collect();
        let inputs = Inputs::new(inputs, &step.input_names, device);
        let results = (step.operator)(&inputs, context).map_err(|error| {
            error
                .at_node(&step.label, &step.op_type)
                .with_inputs(|| inputs.describe())
        })?;
        drop(inputs);
        for (slot, value) in step.outputs.iter().zip(results) {
            if let Some(slot) = slot {
                values[*slot] = Some(value);
            }
        }
        for &slot in &step.release {
            // Memory that the tape does not keep is reused for the next maps.
            if let Some(Value::Device(tensor)) = values[slot].take() {
                kernels::release(tensor);
            }
        }
    }
    Ok(())
}

/// The error for a value that was not computed.
pub(crate) fn missing(name: &str) -> Error {
    Error::invalid(format!("the value {name:?} was not computed"))
}
