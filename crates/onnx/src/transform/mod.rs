//! Rewrites a graph into a smaller one that computes the same.
//!
//! ```text
//! widen ─► remove what does nothing ─► fold constants ─► fold BatchNormalization ─► remove what does nothing, or is unused
//! ```
//!
//! The names of the graph's inputs and outputs stay; names in between may go. So the feature tensor is located first,
//! the graph is then [`cut`] at it, which makes it an output, and simplified last. Results agree with the original's
//! up to rounding. New weights may take at most twice the memory of the old ones, whatever the graph says.

mod batch_norm;
mod cut;
mod fold;
mod free_batch;
mod free_names;
mod inputs;
mod no_ops;
mod unused;
mod widen;

pub use cut::cut;
pub use free_batch::free_batch;
pub use free_names::free_names;
pub use inputs::{float_inputs, keep_inputs};

use std::collections::{HashMap, HashSet};

use crate::{Error, Graph, Model};

/// What [`simplify`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Tensors, types and casts that were float16 or bfloat16 and are float32 now.
    pub widened: usize,
    /// Nodes replaced by their constant result.
    pub constants: usize,
    /// BatchNormalization nodes folded into the weights before them.
    pub batch_norms: usize,
    /// Nodes that did nothing.
    pub no_ops: usize,
    /// Nodes whose results nobody used.
    pub unused: usize,
}

/// Simplifies `model` in place.
///
/// # Errors
/// What [`shapes::infer`](crate::shapes::infer) finds wrong; the model may then be half simplified.
pub fn simplify(model: &mut Model) -> Result<Summary, Error> {
    let mut budget = Budget::new(&model.graph);
    let mut summary = Summary {
        widened: widen::widen(&mut model.graph, &mut budget),
        ..Summary::default()
    };
    // Aliases of weights go first, so that a weight is not copied for each of its names.
    summary.no_ops += no_ops::remove(model)?;
    summary.constants = fold::fold(model, &mut budget)?;
    summary.batch_norms = batch_norm::fold(&mut model.graph, &mut budget);
    summary.no_ops += no_ops::remove(model)?;
    summary.unused = unused::remove(&mut model.graph);
    Ok(summary)
}

/// Widens float16 and bfloat16 to float32 throughout `model`: weights, inputs, outputs, casts. Returns how many were
/// changed.
pub fn widen(model: &mut Model) -> usize {
    let mut budget = Budget::new(&model.graph);
    widen::widen(&mut model.graph, &mut budget)
}

/// Bytes that new constants may take.
struct Budget(usize);

impl Budget {
    /// Twice what the graph's constants take, and some room for graphs without weights.
    fn new(graph: &Graph) -> Self {
        const FREE: usize = 64 << 20;
        let own = graph
            .initializers
            .values()
            .chain(graph.nodes.iter().filter_map(|node| node.tensor("value")));
        let bytes = own.fold(0usize, |bytes, tensor| bytes.saturating_add(tensor.data.len()));
        Self(bytes.saturating_mul(2).saturating_add(FREE))
    }

    /// Whether `bytes` are left.
    fn has(&self, bytes: usize) -> bool {
        self.0 >= bytes
    }

    /// Takes `bytes` off; false, and nothing taken, where they are not left.
    fn take(&mut self, bytes: usize) -> bool {
        match self.0.checked_sub(bytes) {
            Some(left) => {
                self.0 = left;
                true
            }
            None => false,
        }
    }
}

/// Renames the values that nodes read, in `graph` and the graphs inside it.
fn rename_uses(graph: &mut Graph, names: &HashMap<String, String>) {
    if names.is_empty() {
        return;
    }
    for node in &mut graph.nodes {
        for input in &mut node.inputs {
            if let Some(name) = names.get(input) {
                input.clone_from(name);
            }
        }
        for body in node.subgraphs_mut() {
            // Only what the body takes from around it; what it defines itself has nothing to do with these names.
            let captured = body.captures().into_iter();
            let captured: HashMap<String, String> = captured
                .filter_map(|name| Some((name.to_owned(), names.get(name)?.clone())))
                .collect();
            for output in &mut body.outputs {
                if let Some(name) = captured.get(&output.name) {
                    output.name.clone_from(name);
                }
            }
            rename_uses(body, &captured);
        }
    }
}

/// The names of all values of the graph.
fn taken_names(graph: &Graph) -> HashSet<String> {
    let outputs = graph.nodes.iter().flat_map(|node| node.outputs.iter());
    let inputs = graph.inputs.iter().map(|input| &input.name);
    outputs
        .chain(inputs)
        .chain(graph.initializers.keys())
        .cloned()
        .collect()
}

/// A name that is not taken yet, made from `base`; it is then taken.
fn fresh_name(taken: &mut HashSet<String>, base: &str) -> String {
    let numbered = (2usize..).map(|count| format!("{base}_{count}"));
    let mut names = std::iter::once(base.to_owned()).chain(numbered);
    loop {
        if let Some(name) = names.next()
            && taken.insert(name.clone())
        {
            return name;
        }
    }
}
