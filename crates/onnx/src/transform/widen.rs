//! float16 and bfloat16 → float32: engines on CPUs compute in float32, and several know nothing else.

use super::Budget;
use crate::{Attribute, DataType, Graph, Tensor};

/// Widens everything in `graph` and the graphs inside it; returns how many things were changed. Widening doubles what
/// it touches, so it always fits the budget, from which it is taken.
pub fn widen(graph: &mut Graph, budget: &mut Budget) -> usize {
    let mut count = 0;
    for tensor in graph.initializers.values_mut() {
        count += usize::from(widen_tensor(tensor, budget));
    }
    for info in graph
        .inputs
        .iter_mut()
        .chain(&mut graph.outputs)
        .chain(&mut graph.value_info)
    {
        if info.data_type.is_some_and(is_half) {
            info.data_type = Some(DataType::F32);
            count += 1;
        }
    }
    for node in &mut graph.nodes {
        // Attributes that name an element type by its number.
        for name in ["to", "dtype", "output_dtype", "stash_type"] {
            if let Some(Attribute::Int(code)) = node.attributes.get_mut(name)
                && DataType::from_code(*code).is_some_and(is_half)
            {
                *code = i64::from(DataType::F32.code());
                count += 1;
            }
        }
        for attribute in node.attributes.values_mut() {
            match attribute {
                Attribute::Tensor(tensor) => count += usize::from(widen_tensor(tensor, budget)),
                Attribute::Graph(body) => count += widen(body, budget),
                _ => {}
            }
        }
    }
    count
}

fn is_half(data_type: DataType) -> bool {
    matches!(data_type, DataType::F16 | DataType::BF16)
}

fn widen_tensor(tensor: &mut Tensor, budget: &mut Budget) -> bool {
    if !is_half(tensor.data_type) {
        return false;
    }
    let widened = tensor
        .to_f32_vec()
        .and_then(|values| Tensor::from_f32(&tensor.dims, &values).ok());
    match widened {
        Some(widened) if budget.take(widened.data.len()) => {
            *tensor = widened;
            true
        }
        _ => false,
    }
}
