//! Frees the batch size of a graph that was exported with a fixed one.
//!
//! An exporter writes every size that it knows as a constant: the targets of `Reshape`, the sizes of `Resize`, a class token that
//! is joined to the patches of one image. Which of them holds the batch is told by inferring all shapes twice, for the batch of the
//! file and for [`TIMES`] as many samples, node by node:
//!
//! ```text
//! x [1, 197, 768] ──Reshape [1, 197, 12, 64]──► [1, 197, 12, 64]      as the file has it
//! x [7, 197, 768] ──Reshape [−1, 197, 12, 64]──► [7, 197, 12, 64]     the axis that has to grow is left open
//! ```
//!
//! With a batch of one the place of the batch can be ambiguous, `[L, 1, d] → [L, d]`; what exporters write is preferred then, and a
//! caller compares the results of the new graph with those of the old one.

use std::collections::HashSet;

use super::{fresh_name, taken_names};
use crate::inspect::{self, Batch};
use crate::shapes::{self, Inference, Shapes};
use crate::{Attribute, Dim, Error, ErrorKind, Graph, Model, Node, Tensor};

/// How many times as many samples the graph is inferred for.
const TIMES: usize = 7;

/// The symbol of the free batch.
const BATCH: &str = "batch";

/// Makes the batch of `model` free where it is fixed: in its inputs, and in the constants of the graph. `model` is left as it is
/// where that fails. What the file says of values in between is dropped.
///
/// # Errors
/// `Unsupported` naming the node that takes so many samples only, and how to export the model otherwise.
pub fn free_batch(model: &mut Model) -> Result<(), Error> {
    let Batch::Fixed(batch) = inspect::batch(model) else {
        return Ok(());
    };
    let refused = |error: &dyn std::fmt::Display| {
        let message = format!(
            "the graph takes {batch} {} at a time, and the batch cannot be made free: {error}; export the model with a \
             dynamic batch (torch.onnx.export(..., dynamic_shapes=({{0: \"batch\"}},)), or dynamic_axes of the older exporter)",
            if batch == 1 { "sample" } else { "samples" }
        );
        Error::new(ErrorKind::Unsupported, message)
    };
    let freed = Freeing::run(model, batch).map_err(|error| model.in_file(refused(&error)))?;
    *model = freed;
    Ok(())
}

/// `model` with the first axis of every input that has `batch` samples of the given size.
fn with_batch(model: &Model, batch: usize, size: &Dim) -> Model {
    let mut model = model.clone();
    for input in &mut model.graph.inputs {
        if let Some(first) = input.shape.as_mut().and_then(|shape| shape.first_mut())
            && first.fixed().is_none_or(|fixed| fixed == batch)
        {
            *first = size.clone();
        }
    }
    model.graph.value_info.clear();
    model
}

/// The graph for one and for several batches.
struct Freeing {
    batch: usize,
    /// Shapes as the file has them.
    small: Shapes,
    /// Shapes of the graph that is made, for [`TIMES`] as many samples.
    large: Inference,
    taken: HashSet<String>,
    made: Graph,
}

impl Freeing {
    fn run(model: &Model, batch: usize) -> Result<Model, Error> {
        let small = shapes::infer(&with_batch(model, batch, &Dim::Fixed(batch)))?;
        let large = Inference::begin(&with_batch(model, batch, &Dim::Fixed(batch * TIMES)))?;
        let mut freed = with_batch(model, batch, &Dim::Named(BATCH.to_owned()));
        let nodes = std::mem::take(&mut freed.graph.nodes);
        let mut freeing = Self {
            batch,
            small,
            large,
            taken: taken_names(&model.graph),
            made: freed.graph,
        };
        for node in nodes {
            freeing.node(node)?;
        }
        for at in 0..freeing.made.outputs.len() {
            let name = freeing.made.outputs[at].name.clone();
            let first = freeing
                .large
                .shapes
                .shape(&name)
                .and_then(|shape| shape.first()?.fixed());
            if first.is_some() && freeing.batch_axis(&name)? != Some(0) {
                let message = format!("the first axis of {name:?} does not grow with the batch");
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
            if let Some(first) = freeing.made.outputs[at]
                .shape
                .as_mut()
                .and_then(|shape| shape.first_mut())
            {
                *first = Dim::Named(BATCH.to_owned());
            }
        }
        freed.graph = freeing.made;
        Ok(freed)
    }

    /// Adds `node`, with the batch free in it.
    fn node(&mut self, mut node: Node) -> Result<(), Error> {
        match node.op_type.as_str() {
            "Reshape" if node.domain.is_empty() => self.reshape(&mut node)?,
            "Concat" if node.domain.is_empty() => self.concat(&mut node)?,
            "Resize" if node.domain.is_empty() => self.resize(&mut node)?,
            _ => {}
        }
        self.add(node)
    }

    fn add(&mut self, node: Node) -> Result<(), Error> {
        self.large.step(&node, |_| None)?;
        self.made.nodes.push(node);
        Ok(())
    }

    /// The axis of `name` that grows with the batch.
    fn batch_axis(&self, name: &str) -> Result<Option<usize>, Error> {
        let (Some(small), Some(large)) = (self.small.shape(name), self.large.shapes.shape(name)) else {
            return Ok(None);
        };
        let grows = |(small, large): (&Dim, &Dim)| match (small.fixed(), large.fixed()) {
            (Some(small), Some(large)) => small * TIMES == large,
            _ => false,
        };
        let mut axes = small.iter().zip(large).enumerate().filter(|(_, dims)| grows(*dims));
        let axis = axes.next().map(|(axis, _)| axis);
        if small.len() != large.len() || axes.next().is_some() {
            let message = format!("more than one axis of {name:?} grows with the batch");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        Ok(axis)
    }

    /// A new constant of integers.
    fn ints(&mut self, base: &str, values: &[i64]) -> Result<String, Error> {
        let name = fresh_name(&mut self.taken, base);
        let tensor = Tensor::from_i64(&[values.len()], values)?;
        self.large.constant(&name, &tensor);
        self.made.initializers.insert(name.clone(), tensor);
        Ok(name)
    }

    /// Adds a node of integers, and returns its output.
    fn computed(&mut self, base: &str, op_type: &str, inputs: &[&str], axis: Option<i64>) -> Result<String, Error> {
        let name = fresh_name(&mut self.taken, base);
        self.add(Node {
            name: name.clone(),
            op_type: op_type.to_owned(),
            domain: String::new(),
            inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
            outputs: vec![name.clone()],
            attributes: axis
                .map(|axis| ("axis".to_owned(), Attribute::Int(axis)))
                .into_iter()
                .collect(),
        })?;
        Ok(name)
    }

    /// The size of one axis of `name`, as a list of one.
    fn size_of(&mut self, base: &str, name: &str, axis: usize) -> Result<String, Error> {
        let sizes = self.computed(&format!("{base}/sizes"), "Shape", &[name], None)?;
        let axis = self.ints(&format!("{base}/axis"), &[i64::try_from(axis).unwrap_or(0)])?;
        self.computed(&format!("{base}/batch"), "Gather", &[&sizes, &axis], Some(0))
    }

    /// Leaves the axis with the batch open in the constant target.
    fn reshape(&mut self, node: &mut Node) -> Result<(), Error> {
        let (Some(input), Some(output)) = (node.input(0), node.output(0)) else {
            return Ok(());
        };
        let target = node
            .input(1)
            .and_then(|name| self.large.shapes.get(name)?.constant.as_ref()?.to_i64_vec());
        let (Some(target), Some(axis)) = (target, self.batch_axis(input)?) else {
            return Ok(());
        };
        let (Some(from), Some(to)) = (self.small.shape(input), self.small.shape(output)) else {
            return Ok(());
        };
        let Some(open) = open_axis(from, axis, to, self.batch) else {
            let message = "no axis of the target can hold the batch";
            return Err(node.error(ErrorKind::Unsupported, message));
        };
        let copies = target[open] == 0 && open == axis && node.int("allowzero").unwrap_or(0) == 0;
        if target[open] == -1 || copies {
            return Ok(());
        }
        let mut free = target;
        for (axis, size) in free.iter_mut().enumerate().filter(|(_, size)| **size == -1) {
            let fixed = to[axis].fixed().and_then(|size| i64::try_from(size).ok());
            *size = fixed.ok_or_else(|| {
                let message = "a second axis of the target is open";
                Error::new(ErrorKind::Unsupported, message).at_node(&node.label(), &node.op_type)
            })?;
        }
        free[open] = -1;
        let name = self.ints(&format!("{}/shape", node.label()), &free)?;
        node.inputs[1] = name;
        Ok(())
    }

    /// Repeats the inputs that are the same for all samples.
    fn concat(&mut self, node: &mut Node) -> Result<(), Error> {
        let mut batched = None;
        for name in &node.inputs {
            if let Some(axis) = self.batch_axis(name)? {
                batched = Some((name.clone(), axis));
            }
        }
        let Some((batched, axis)) = batched else {
            return Ok(());
        };
        let rank = self.small.rank(&batched).unwrap_or(0);
        let joined = node.int("axis").unwrap_or(0);
        let joined = if joined < 0 {
            joined + i64::try_from(rank).unwrap_or(0)
        } else {
            joined
        };
        if joined == i64::try_from(axis).unwrap_or(-1) {
            return Ok(());
        }
        for at in 0..node.inputs.len() {
            let name = node.inputs[at].clone();
            let size = self.small.shape(&name).and_then(|shape| shape.get(axis)?.fixed());
            if self.batch_axis(&name)?.is_some() || size != Some(self.batch) {
                continue;
            }
            if self.batch != 1 {
                let message = format!("{name:?} has values for {} samples", self.batch);
                return Err(node.error(ErrorKind::Unsupported, message));
            }
            let base = format!("{}/{at}", node.label());
            let size = self.size_of(&base, &batched, axis)?;
            let before = self.ints(&format!("{base}/before"), &vec![1; axis])?;
            let after = self.ints(&format!("{base}/after"), &vec![1; rank - axis - 1])?;
            let shape = self.computed(&format!("{base}/shape"), "Concat", &[&before, &size, &after], Some(0))?;
            node.inputs[at] = self.computed(&format!("{base}/repeated"), "Expand", &[&name, &shape], None)?;
        }
        Ok(())
    }

    /// Takes the batch from the input, where the sizes are constant.
    fn resize(&mut self, node: &mut Node) -> Result<(), Error> {
        let (Some(input), Some(sizes)) = (node.input(0).map(str::to_owned), node.input(3)) else {
            return Ok(());
        };
        let constant = self
            .large
            .shapes
            .get(sizes)
            .and_then(|value| value.constant.as_ref()?.to_i64_vec());
        let (Some(sizes), Some(axis)) = (constant, self.batch_axis(&input)?) else {
            return Ok(());
        };
        if node.attributes.contains_key("axes") || axis >= sizes.len() {
            return Ok(());
        }
        let base = node.label();
        let before = self.ints(&format!("{base}/before"), &sizes[..axis])?;
        let after = self.ints(&format!("{base}/after"), &sizes[axis + 1..])?;
        let size = self.size_of(&base, &input, axis)?;
        node.inputs[3] = self.computed(&format!("{base}/resized"), "Concat", &[&before, &size, &after], Some(0))?;
        Ok(())
    }
}

/// The axis of the target `to` that holds the batch, which is at `axis` of the input `from`, alone or beside other sizes.
///
/// The axes before it come from those before it in the input, and the axes behind it from those behind; a size beside the batch may
/// go either way.
fn open_axis(from: &[Dim], axis: usize, to: &[Dim], batch: usize) -> Option<usize> {
    let product = |dims: &[Dim]| {
        let sizes = dims.iter().map(Dim::fixed);
        sizes
            .into_iter()
            .try_fold(1usize, |product, size| product.checked_mul(size?))
    };
    let beside = from[axis].fixed()? / batch;
    let (before, after) = (product(&from[..axis]), product(&from[axis + 1..]));
    let comes_from = |part: Option<usize>, whole: Option<usize>| match (part, whole) {
        (Some(part), Some(whole)) => part != 0 && whole.checked_mul(beside).is_some_and(|whole| whole % part == 0),
        // Symbols of other axes, which the batch does not touch.
        _ => true,
    };
    let fits = |at: &usize| {
        to[*at].fixed().is_none_or(|size| size % batch == 0)
            && comes_from(product(&to[..*at]), before)
            && comes_from(product(&to[*at + 1..]), after)
    };
    let is_alone = |at: &usize| to[*at] == Dim::Fixed(batch);
    let is_exact = |at: &usize| before.is_some() && product(&to[..*at]) == before;
    // Features are last, and hold the batch only where nothing else can.
    let is_inner = |at: &usize| *at + 1 < to.len();
    let axes = || (0..to.len()).filter(fits);
    axes()
        .find(|at| is_alone(at) && is_exact(at))
        .or_else(|| axes().find(is_alone))
        .or_else(|| axes().find(|at| is_exact(at) && is_inner(at)))
        .or_else(|| axes().find(is_inner))
        .or_else(|| axes().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_batch_is_found_where_exporters_put_it() {
        let sizes = |sizes: &[usize]| sizes.iter().map(|&size| Dim::Fixed(size)).collect::<Vec<_>>();
        for (from, axis, to, expected) in [
            // Batch first: heads apart, heads merged with the batch and back, flattened and back.
            (&[1, 197, 768][..], 0, &[1, 197, 12, 64][..], 0),
            (&[1, 12, 197, 64], 0, &[12, 197, 64], 0),
            (&[12, 197, 64], 0, &[1, 12, 197, 64], 0),
            (&[1, 197, 768], 0, &[197, 768], 0),
            (&[197, 768], 0, &[1, 197, 768], 0),
            (&[1, 768, 1, 1], 0, &[1, 768], 0),
            // Sequence first.
            (&[50, 1, 768], 1, &[50, 12, 64], 1),
            (&[50, 12, 64], 1, &[50, 1, 768], 1),
            (&[50, 1, 768], 1, &[50, 768], 0),
            (&[50, 768], 0, &[50, 1, 768], 1),
            (&[50, 1, 768], 1, &[50, 1, 12, 64], 1),
            // Windows of a map, which follow the batch.
            (&[1, 8, 8, 96], 0, &[1, 2, 4, 2, 4, 96], 0),
            (&[1, 2, 2, 4, 4, 96], 0, &[4, 16, 96], 0),
        ] {
            let found = open_axis(&sizes(from), axis, &sizes(to), 1);
            assert_eq!(found, Some(expected), "{from:?} → {to:?}");
        }
    }
}
