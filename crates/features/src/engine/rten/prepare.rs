//! Rewrites a graph for rten, and refuses what rten would compute differently from the ONNX specification.
//!
//! Found by running single operators of opsets 7 to 21 through rten 0.27 and ONNX Runtime side by side. rten refuses most
//! operators and attributes that it does not support; these it accepts and computes differently:
//!
//! | in the file | in rten | here |
//! |---|---|---|
//! | `Softmax` before opset 13: over all axes from `axis` on | over `axis` alone | flattened first |
//! | `auto_pad` `SAME_LOWER`: the odd pixel before | after | refused, unless there is no odd pixel |
//! | `Resize` with `cubic` | linear | refused |
//! | reduction over no axes with `noop_with_empty_axes` | over all | refused |
//! | `kernel_shape` or `strides` left out | an error at the first run | written out |

use std::collections::HashSet;

use ranktune_onnx::{Attribute, Graph, Model, Node};

use crate::{Error, ErrorKind};

/// Prepares `model`, and returns whether anything in it was changed.
pub(super) fn prepare(model: &mut Model) -> Result<bool, Error> {
    // Without a version the oldest semantics apply.
    let opset = model.opsets.get("").copied().unwrap_or(1);
    graph(&mut model.graph, opset)
}

fn graph(graph: &mut Graph, opset: i64) -> Result<bool, Error> {
    let mut changed = false;
    let mut flattened = Vec::new();
    for (position, node) in graph.nodes.iter_mut().enumerate() {
        for body in node.subgraphs_mut() {
            changed |= self::graph(body, opset)?;
        }
        if !node.domain.is_empty() {
            continue;
        }
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
            "Softmax" | "LogSoftmax" if opset < 13 => flattened.push(position),
            "Resize" if node.string("mode") == Some("cubic") => {
                return Err(refused(node, "cubic interpolation"));
            }
            name if name.starts_with("Reduce") && node.int("noop_with_empty_axes").unwrap_or(0) != 0 => {
                let axes = node.input(1).and_then(|name| graph.initializers.get(name));
                if axes.is_none_or(|axes| axes.dims.contains(&0)) {
                    return Err(refused(node, "a reduction over no axes"));
                }
            }
            _ => {}
        }
    }
    if flattened.is_empty() {
        return Ok(changed);
    }
    let names = graph
        .nodes
        .iter()
        .flat_map(|node| node.inputs.iter().chain(&node.outputs));
    let taken: HashSet<String> = names.cloned().collect();
    let mut flattened = flattened.into_iter().peekable();
    for (position, node) in std::mem::take(&mut graph.nodes).into_iter().enumerate() {
        match flattened.next_if_eq(&position) {
            Some(_) => graph.nodes.extend(flat(node, &taken)),
            None => graph.nodes.push(node),
        }
    }
    Ok(true)
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
            "node {:?} ({}): rten does not support {what}; use --engine onnxruntime",
            node.label(),
            node.op_type
        ),
    )
}

/// `Softmax(axis)` → `Flatten(axis)`, `Softmax(1)`, `Reshape` to what it was.
fn flat(mut softmax: Node, taken: &HashSet<String>) -> Vec<Node> {
    let (Some(input), Some(output)) = (softmax.inputs.first().cloned(), softmax.outputs.first().cloned()) else {
        return vec![softmax];
    };
    let free = |what: &str| {
        let mut name = format!("{output}/{what}");
        while taken.contains(&name) {
            name.push('_');
        }
        name
    };
    let (shape, flat, result) = (free("shape"), free("flat"), free("result"));
    let node = |op_type: &str, inputs: [&str; 2], output: &str| Node {
        name: format!("{}/{op_type}", softmax.label()),
        op_type: op_type.to_owned(),
        domain: String::new(),
        inputs: inputs
            .into_iter()
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
        outputs: vec![output.to_owned()],
        attributes: Default::default(),
    };
    let shape_of = node("Shape", [&input, ""], &shape);
    let mut flatten = node("Flatten", [&input, ""], &flat);
    let reshape = node("Reshape", [&result, &shape], &output);
    let axis = softmax.int("axis").unwrap_or(1);
    flatten.attributes.insert("axis".to_owned(), Attribute::Int(axis));
    softmax.attributes.insert("axis".to_owned(), Attribute::Int(1));
    softmax.inputs = vec![flat];
    softmax.outputs = vec![result];
    vec![shape_of, flatten, softmax, reshape]
}
