//! The inputs of a text model's graph, by role.

use ranktune_onnx::{DataType, Dim, Graph, Links, Model};
use tokenizers::Tokenizer;

use crate::Error;

/// Names of the inputs of a text model's graph.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextInputs {
    /// The token ids.
    pub input_ids: String,
    /// 1 for tokens, 0 for padding.
    pub attention_mask: Option<String>,
    /// The segment of each token.
    pub token_type_ids: Option<String>,
    /// The position of each token, from 0.
    pub position_ids: Option<String>,
    /// Sequence length, if the graph fixes it.
    pub sequence: Option<usize>,
    /// Rows of the token embedding, if found in the graph.
    pub n_embeddings: Option<usize>,
}

impl TextInputs {
    /// Finds the inputs of `model`.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): no input for the ids, an unknown input, or one that is not of integers.
    pub fn of(model: &Model) -> Result<Self, Error> {
        let graph = &model.graph;
        let known = |part: &'static [&str]| {
            let input = graph.inputs.iter().find(|input| {
                let name = input.name.to_ascii_lowercase();
                part.iter().any(|part| name.contains(part))
            });
            input.map(|input| input.name.clone())
        };
        let names = || {
            graph
                .inputs
                .iter()
                .map(|input| input.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let only = || (graph.inputs.len() == 1).then(|| graph.inputs[0].name.clone());
        let Some(input_ids) = known(&["input_ids"]).or_else(|| known(&["tokens"])).or_else(only) else {
            let text = format!("expected an input input_ids, found {}", names());
            return Err(Error::mismatch(text));
        };
        let inputs = Self {
            attention_mask: known(&["mask"]),
            token_type_ids: known(&["token_type", "segment"]),
            position_ids: known(&["position"]),
            sequence: length(graph, &input_ids),
            n_embeddings: n_embeddings(graph, &input_ids),
            input_ids,
        };
        let is_known = |name: &String| inputs.names().any(|known| known == name);
        if let Some(other) = graph.inputs.iter().find(|input| !is_known(&input.name)) {
            let text = format!(
                "the graph has an input {:?}; expected only input_ids, attention_mask, token_type_ids and position_ids: \
                 export the encoder alone, and without a cache (optimum-cli export onnx --task feature-extraction)",
                other.name
            );
            return Err(Error::mismatch(text));
        }
        for input in &graph.inputs {
            if let Some(data_type) = input
                .data_type
                .filter(|data_type| !matches!(data_type, DataType::I64 | DataType::I32))
            {
                let text = format!(
                    "input {:?}: expected integers (i64 or i32), found {data_type}",
                    input.name
                );
                return Err(Error::mismatch(text));
            }
        }
        Ok(inputs)
    }

    /// The names of all inputs.
    fn names(&self) -> impl Iterator<Item = &String> {
        let optional = [&self.attention_mask, &self.token_type_ids, &self.position_ids];
        std::iter::once(&self.input_ids).chain(optional.into_iter().flatten())
    }

    /// A token id in the graph's type, if it has a row in the embedding.
    pub(super) fn checked(&self, id: u32) -> Result<i64, Error> {
        if let Some(rows) = self.n_embeddings
            && id as usize >= rows
        {
            let text =
                format!("token {id} has no row in the model's embedding of {rows}; the tokenizer is another model's");
            return Err(Error::mismatch(text));
        }
        Ok(id.into())
    }

    /// Rejects a tokenizer whose vocabulary is larger than the embedding. Added tokens are not counted, because some models declare
    /// more of them than they use.
    pub(super) fn check_vocabulary(&self, tokenizer: &Tokenizer) -> Result<(), Error> {
        let Some(rows) = self.n_embeddings else { return Ok(()) };
        let largest = tokenizer.get_vocab(false).into_values().max().unwrap_or(0);
        if (largest as usize) < rows {
            return Ok(());
        }
        let text = format!(
            "the tokenizer has ids up to {largest}, but the model's embedding has {rows} rows; it is another model's tokenizer"
        );
        Err(Error::mismatch(text))
    }
}

fn length(graph: &Graph, input_ids: &str) -> Option<usize> {
    let input = graph.inputs.iter().find(|input| input.name == input_ids)?;
    input.shape.as_ref()?.get(1).and_then(Dim::fixed)
}

/// Rows of the constant that the ids index, directly or after a cast or reshape.
fn n_embeddings(graph: &Graph, input_ids: &str) -> Option<usize> {
    let links = Links::new(graph);
    let is_ids = |name: &str| {
        let mut name = name;
        for _ in 0..8 {
            if name == input_ids {
                return true;
            }
            let Some(node) = links.producer(name).map(|at| &graph.nodes[at]) else {
                return false;
            };
            if !["Cast", "Identity", "Reshape", "Flatten"].contains(&node.op_type.as_str()) {
                return false;
            }
            let Some(input) = node.input(0) else { return false };
            name = input;
        }
        false
    };
    graph.nodes.iter().find_map(|node| {
        if !node.is("Gather") || node.int("axis").unwrap_or(0) != 0 || !node.input(1).is_some_and(is_ids) {
            return None;
        }
        let table = graph.initializers.get(node.input(0)?)?;
        table.dims.first().copied()
    })
}
