//! Which input of a graph takes what of a tokenized text.

use ranktune_onnx::{DataType, Dim, Graph, Links, Model};
use tokenizers::Tokenizer;

use crate::{Error, ErrorKind};

/// The inputs of a graph that takes texts, by name.
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
    /// The only length that the graph takes.
    pub sequence: Option<usize>,
    /// Rows of the embedding that the ids point into, where the graph shows it.
    pub n_embeddings: Option<usize>,
}

impl TextInputs {
    /// Finds the inputs of `model`.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`]: no input for the ids, one that is for nothing known, or one that holds no whole numbers.
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
            return Err(Error::new(ErrorKind::Mismatch, text));
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
        match graph
            .inputs
            .iter()
            .map(|input| &input.name)
            .find(|name| !is_known(name))
        {
            None => {}
            Some(other) => {
                let text = format!(
                    "the graph takes {other:?}, which is none of input_ids, attention_mask, token_type_ids and position_ids; \
                     export the encoder alone, and without a cache (optimum-cli export onnx --task feature-extraction)"
                );
                return Err(Error::new(ErrorKind::Mismatch, text));
            }
        }
        for input in &graph.inputs {
            if let Some(data_type) = input
                .data_type
                .filter(|data_type| !matches!(data_type, DataType::I64 | DataType::I32))
            {
                let text = format!(
                    "the graph takes {:?} as {data_type}, expected whole numbers (i64 or i32)",
                    input.name
                );
                return Err(Error::new(ErrorKind::Mismatch, text));
            }
        }
        Ok(inputs)
    }

    /// The names there are.
    fn names(&self) -> impl Iterator<Item = &String> {
        let optional = [&self.attention_mask, &self.token_type_ids, &self.position_ids];
        std::iter::once(&self.input_ids).chain(optional.into_iter().flatten())
    }

    /// An id, as the graph takes it.
    pub(super) fn checked(&self, id: u32) -> Result<i64, Error> {
        match self.n_embeddings {
            Some(rows) if id as usize >= rows => Err(Error::new(
                ErrorKind::Mismatch,
                format!("token {id} has no row in the model's embedding of {rows}; the tokenizer is another model's"),
            )),
            _ => Ok(id.into()),
        }
    }

    /// Refuses a tokenizer whose vocabulary is larger than the embedding. Tokens that were added to it later may be, as some models
    /// declare more than they use.
    pub(super) fn check_vocabulary(&self, tokenizer: &Tokenizer) -> Result<(), Error> {
        let Some(rows) = self.n_embeddings else { return Ok(()) };
        let largest = tokenizer.get_vocab(false).into_values().max().unwrap_or(0);
        if (largest as usize) < rows {
            return Ok(());
        }
        let text = format!(
            "the tokenizer has ids up to {largest}, but the model's embedding has {rows} rows; it is another model's tokenizer"
        );
        Err(Error::new(ErrorKind::Mismatch, text))
    }
}

fn length(graph: &Graph, input_ids: &str) -> Option<usize> {
    let input = graph.inputs.iter().find(|input| input.name == input_ids)?;
    input.shape.as_ref()?.get(1).and_then(Dim::fixed)
}

/// Rows of the constant that the ids are looked up in, directly or through a change of type or shape.
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
