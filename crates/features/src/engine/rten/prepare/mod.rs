//! Rewrites a graph for rten, and refuses what rten would compute differently from the ONNX specification.
//!
//! Found by running single operators of opsets 2 to 24 through rten 0.27, ONNX Runtime and ONNX's reference evaluator
//! (`experiments/operator_semantics`). rten refuses most
//! operators and attributes that it does not support; these it accepts and computes differently:
//!
//! | in the file | in rten | here |
//! |---|---|---|
//! | `ArgMax`, `ArgMin` of ties: the first | the last | turned around |
//! | a cast to bool: 0 or 1 | the number itself | compared with 0 |
//! | `MatMul` by a vector: the axis is gone | stays, with size 1 | by a column, and squeezed |
//! | `Sign` of 0: 0 | 1 | chosen by a comparison |
//! | `Softplus` beyond 88 | infinite | of −abs(x), plus max(x, 0) |
//! | `Softmax` before opset 13: over all axes from `axis` on | over `axis` alone | flattened first |
//! | `kernel_shape` or `strides` left out | an error at the first run | written out |
//! | `auto_pad` `SAME_LOWER`: the odd pixel before | after | refused, unless there is no odd pixel |
//! | `Resize` with `cubic` | linear | refused |
//! | reduction over no axes with `noop_with_empty_axes` | over all | refused |
//! | recurrent layers with lengths | all of one length | refused |
//! | constants beyond 32 bits | clamped | refused, unless they are limits |
//!
//! What is refused runs on the trainable graph. Three differences are left as they are, because they only show in models that are
//! wrong or too large for it: `Relu` and `Clip` of NaN give a limit, integers wrap at 32 bits, and a cast to float16 does not round.

mod arg_extremum;
mod boolean;
mod rewriter;
mod sign;
mod softmax;
mod softplus;
mod vector;
mod wide;

use std::collections::HashSet;

use ranktune_onnx::shapes::{self, Shapes};
use ranktune_onnx::{Attribute, DataType, Graph, Model, Node};

use crate::{Error, ErrorKind};
use rewriter::Names;

/// What is known of the model that is prepared.
struct Preparation {
    opset: i64,
    /// Of the values outside of subgraphs, where they can be inferred.
    shapes: Shapes,
    /// Constants beyond 32 bits.
    wide: HashSet<String>,
    names: Names,
    changed: bool,
}

/// Prepares `model`, and returns whether anything in it was changed.
pub(super) fn prepare(model: &mut Model) -> Result<bool, Error> {
    let mut preparation = Preparation {
        // Without a version the oldest semantics apply.
        opset: model.opsets.get("").copied().unwrap_or(1),
        // What is wrong with the graph is reported by rten.
        shapes: shapes::infer(model).unwrap_or_default(),
        wide: HashSet::new(),
        names: Names::of(model),
        changed: false,
    };
    preparation.graph(&mut model.graph)?;
    Ok(preparation.changed)
}

impl Preparation {
    fn graph(&mut self, graph: &mut Graph) -> Result<(), Error> {
        self.wide.extend(wide::constants(graph));
        let mut nodes = Vec::with_capacity(graph.nodes.len());
        for mut node in std::mem::take(&mut graph.nodes) {
            for body in node.subgraphs_mut() {
                self.graph(body)?;
            }
            if node.domain.is_empty() {
                self.check(&node, graph)?;
                self.changed |= write_out_all(&mut node, graph)?;
                if let Some(new) = self.rewritten(&node) {
                    nodes.extend(new);
                    self.changed = true;
                    continue;
                }
            }
            nodes.push(node);
        }
        graph.nodes = nodes;
        Ok(())
    }

    /// Refuses what rten would compute differently.
    fn check(&mut self, node: &Node, graph: &Graph) -> Result<(), Error> {
        for (position, name) in node.inputs.iter().enumerate() {
            if !self.wide.contains(name) || wide::is_limit(node, position) {
                continue;
            }
            if !wide::is_passed_on(node, position) {
                return Err(refused(node, &format!("the constant {name:?}, which takes 64 bits")));
            }
            self.wide.extend(node.outputs.iter().cloned());
        }
        match node.op_type.as_str() {
            "Resize" if node.string("mode") == Some("cubic") => Err(refused(node, "cubic interpolation")),
            "LSTM" | "GRU" if node.input(4).is_some() => Err(refused(node, "sequences of different lengths")),
            name if name.starts_with("Reduce") && node.int("noop_with_empty_axes").unwrap_or(0) != 0 => {
                let axes = node.input(1).and_then(|name| graph.initializers.get(name));
                if axes.is_none_or(|axes| axes.dims.contains(&0)) {
                    return Err(refused(node, "a reduction over no axes"));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The nodes that compute in rten what `node` is specified to; `None` if that is `node` itself.
    fn rewritten(&mut self, node: &Node) -> Option<Vec<Node>> {
        let data_type = |position| node.input(position).and_then(|name| self.shapes.data_type(name));
        let to_bool = Some(i64::from(DataType::Bool.code()));
        match node.op_type.as_str() {
            "ArgMax" | "ArgMin" => arg_extremum::rewritten(node, &mut self.names),
            "Softmax" | "LogSoftmax" if self.opset < 13 => softmax::flattened(node, &mut self.names),
            "Softplus" => softplus::without_overflow(node, &mut self.names),
            "Cast" if node.int("to") == to_bool => boolean::compared(node, &mut self.names),
            "CastLike" if data_type(1) == Some(DataType::Bool) => boolean::compared(node, &mut self.names),
            "Sign" if !data_type(0).is_some_and(DataType::is_integer) => sign::with_zero(node, &mut self.names),
            "MatMul" if node.input(1).and_then(|name| self.shapes.rank(name)) == Some(1) => {
                vector::as_column(node, self.opset, &mut self.names)
            }
            _ => None,
        }
    }
}

/// Writes out the attributes that rten needs and the standard has defaults for; returns whether `node` was changed.
fn write_out_all(node: &mut Node, graph: &Graph) -> Result<bool, Error> {
    let mut changed = false;
    match node.op_type.as_str() {
        "Conv" | "ConvTranspose" => {
            let weight = node.input(1).and_then(|name| graph.initializers.get(name));
            if let Some(sizes) = weight.and_then(|weight| weight.dims.get(2..)) {
                let sizes: Vec<_> = sizes.iter().filter_map(|&size| i64::try_from(size).ok()).collect();
                changed |= write_out(node, "kernel_shape", sizes);
            }
            changed |= same_padding(node)?;
        }
        "MaxPool" | "AveragePool" | "LpPool" => {
            let axes = node.ints("kernel_shape").map_or(0, <[i64]>::len);
            changed |= write_out(node, "strides", vec![1; axes]);
            changed |= same_padding(node)?;
        }
        _ => {}
    }
    Ok(changed)
}

fn write_out(node: &mut Node, name: &str, values: Vec<i64>) -> bool {
    let missing = !node.attributes.contains_key(name);
    if missing {
        node.attributes.insert(name.to_owned(), Attribute::Ints(values));
    }
    missing
}

/// With strides of 1 and odd extents, both kinds of padding add as many pixels before as after, and are equal.
fn same_padding(node: &mut Node) -> Result<bool, Error> {
    if node.string("auto_pad") != Some("SAME_LOWER") {
        return Ok(false);
    }
    let kernel = node.ints("kernel_shape").unwrap_or_default();
    let ones = vec![1; kernel.len()];
    let strides = node.ints("strides").unwrap_or(&ones);
    let dilations = node.ints("dilations").unwrap_or(&ones);
    let even = |(size, dilation): (&i64, &i64)| size % 2 != 0 || dilation % 2 == 0;
    let symmetric = !kernel.is_empty()
        && strides.iter().all(|&stride| stride == 1)
        && kernel.len() == dilations.len()
        && kernel.iter().zip(dilations).all(even);
    if !symmetric {
        return Err(refused(node, "padding of kind SAME_LOWER"));
    }
    let upper = Attribute::String(b"SAME_UPPER".to_vec());
    node.attributes.insert("auto_pad".to_owned(), upper);
    Ok(true)
}

fn refused(node: &Node, what: &str) -> Error {
    Error::new(
        ErrorKind::UnsupportedModel,
        format!(
            "node {:?} ({}): rten does not support {what}",
            node.label(),
            node.op_type
        ),
    )
}
