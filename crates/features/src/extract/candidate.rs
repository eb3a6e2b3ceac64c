//! A model of the hub, before its modality is known.

use ranktune_data::DataKind;
use ranktune_hub::{HubEntry, InputModality};
use ranktune_onnx::{Model, ValueInfo};

use super::options::ExtractOptions;

/// A model of the hub, before it is known whether and how it is fed.
pub(crate) struct Candidate<'a> {
    /// Its files.
    pub(crate) entry: &'a HubEntry,
    /// Its graph.
    pub(crate) model: &'a Model,
    /// The modality of its files and inputs.
    pub(crate) modality: InputModality,
    /// The data that it is to be used on; `None` for any.
    pub(crate) data: Option<DataKind>,
    /// The caller's options.
    pub(crate) options: &'a ExtractOptions,
}

impl<'a> Candidate<'a> {
    pub(crate) fn new(
        entry: &'a HubEntry,
        model: &'a Model,
        data: Option<DataKind>,
        options: &'a ExtractOptions,
    ) -> Self {
        Self {
            entry,
            model,
            modality: entry.modality(Some(&model.graph.inputs)),
            data,
            options,
        }
    }

    /// The inputs of the graph.
    pub(crate) fn inputs(&self) -> &'a [ValueInfo] {
        &self.model.graph.inputs
    }

    /// Whether the model takes tokens. A model of texts and something else counts if the data are known to be texts; its
    /// tokenizer then reports what is missing.
    pub(crate) fn takes_tokens(&self) -> bool {
        match self.modality {
            InputModality::Text => true,
            InputModality::Other => {
                self.data.is_some_and(DataKind::is_text) && self.entry.has_tokenizer() && has_token_ids(self.inputs())
            }
            _ => false,
        }
    }
}

/// Whether token ids are among the inputs and no image is, by their names: a cache of keys has the shape of an image.
fn has_token_ids(inputs: &[ValueInfo]) -> bool {
    let has = |part: &str| inputs.iter().any(|input| input.name.contains(part));
    has("input_ids") && !has("pixel") && !has("image")
}
