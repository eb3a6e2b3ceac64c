//! If and Loop: nodes with subgraphs.
//!
//! Exporters write them where a shape decides (`x.size(1) > n`), so conditions and trip counts are integers and booleans, on
//! the host, and mostly constant. The branch that is taken, and every iteration of a loop, is recorded on the tape as if it
//! were written out. Captured values come after the node's own inputs.

use ranktune_onnx::Graph;

use super::body::Body;
use super::concat::stacked;
use super::{Attributes, Inputs, Operator};
use crate::value::Value;
use crate::{Error, HostTensor, Result};

/// The most iterations of a loop: a guard against files that never end.
const MAX_ITERATIONS: i64 = 1 << 16;

fn body(attributes: &mut Attributes, name: &'static str) -> Result<Body> {
    let captured = attributes.captures();
    let opset = attributes.opset();
    let graph: &Graph = attributes.graph(name)?;
    Body::new(graph, &captured, opset)
}

/// The captured values, which come after the node's `own` inputs.
fn captured(inputs: &Inputs, own: usize) -> Vec<Option<Value>> {
    (own..inputs.len())
        .map(|position| inputs.optional(position).cloned())
        .collect()
}

fn truth(host: &HostTensor) -> Result<bool> {
    match host.to_bools().as_slice() {
        [value] => Ok(*value),
        values => Err(Error::shape(format!(
            "a condition must be one value, found {}",
            values.len()
        ))),
    }
}

pub(super) fn branch(attributes: &mut Attributes) -> Result<Operator> {
    let (then, other) = (body(attributes, "then_branch")?, body(attributes, "else_branch")?);
    if then.n_inputs() + other.n_inputs() > 0 {
        return Err(Error::invalid("the branches of If take no inputs"));
    }
    Ok(Box::new(move |inputs, context| {
        let taken = if truth(inputs.host(0)?)? { &then } else { &other };
        taken.run(&[], &captured(inputs, 1), inputs.device_of_graph(), context)
    }))
}

pub(super) fn repeat(attributes: &mut Attributes) -> Result<Operator> {
    let body = body(attributes, "body")?;
    let carried = body
        .n_inputs()
        .checked_sub(2)
        .filter(|carried| body.n_outputs() > *carried)
        .ok_or_else(|| {
            Error::invalid("the body of Loop must take an iteration number, a condition and the carried values")
        })?;
    let asked = attributes.outputs();
    Ok(Box::new(move |inputs, context| {
        let most = match inputs.optional_ints(0)? {
            Some(list) => *list.first().ok_or_else(|| Error::shape("the trip count is empty"))?,
            None => i64::MAX,
        };
        let mut goes_on = match inputs.optional(1) {
            Some(_) => truth(inputs.host(1)?)?,
            None => true,
        };
        let around = captured(inputs, 2 + carried);
        let mut state = (0..carried)
            .map(|position| inputs.get(2 + position).cloned())
            .collect::<Result<Vec<_>>>()?;
        let mut rows: Vec<Vec<Value>> = vec![Vec::new(); body.n_outputs() - 1 - carried];
        let mut turn = 0;
        while goes_on && turn < most {
            if turn >= MAX_ITERATIONS {
                return Err(Error::unsupported(format!(
                    "a loop of more than {MAX_ITERATIONS} iterations is not supported"
                )));
            }
            let mut given = vec![
                HostTensor::ints(&[], vec![turn])?.into(),
                HostTensor::bools(&[], vec![goes_on])?.into(),
            ];
            given.append(&mut state);
            let mut results = body
                .run(&given, &around, inputs.device_of_graph(), context)?
                .into_iter();
            let condition = results
                .next()
                .ok_or_else(|| Error::invalid("the body of Loop has no condition among its outputs"))?;
            goes_on = truth(condition.host().ok_or_else(|| {
                Error::unsupported("a condition that depends on floating-point values is not supported")
            })?)?;
            state.extend(results.by_ref().take(carried));
            rows.iter_mut().zip(results).for_each(|(rows, row)| rows.push(row));
            turn += 1;
        }
        let wanted = asked.saturating_sub(carried);
        for rows in rows.into_iter().take(wanted) {
            state.push(stacked(&rows, 0, inputs.device_of_graph())?);
        }
        Ok(state)
    }))
}
