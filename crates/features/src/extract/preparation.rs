//! How inputs are prepared, shared by the modalities of one kind of input.

use ranktune_core::Digest;

use super::pool::TokenPooling;
use super::text_side::TextSide;
use super::units::Plan;
use crate::engine::Engine;

/// How inputs are prepared from images or texts. Modalities of the same kind of input share it: texts, pairs and words have the
/// preparation of texts.
pub(crate) trait Preparation {
    /// A readable description of how inputs are prepared.
    fn preprocessing(&self) -> String;

    /// The digest of how inputs are prepared.
    fn digest(&self) -> Digest;

    /// What the user should know about how inputs are prepared.
    fn notes(&self) -> &[String] {
        &[]
    }

    /// The graph's input that holds the data: pixels or token ids.
    fn data_input(&self) -> &str;

    /// How a sequence of tokens becomes one vector.
    fn token_pooling(&self) -> TokenPooling;

    /// How rows are batched: `batch` items at once, or as many as `engine` runs fastest.
    fn plan(&self, batch: Option<usize>, engine: &dyn Engine) -> Plan;

    /// The text side, if the inputs are texts, pairs of texts or words.
    fn texts(&self) -> Option<&TextSide> {
        None
    }
}

impl Preparation for TextSide {
    fn preprocessing(&self) -> String {
        self.processor.to_string()
    }

    fn digest(&self) -> Digest {
        self.processor.digest().into()
    }

    /// The graph's input for the token ids.
    fn data_input(&self) -> &str {
        &self.processor.inputs().input_ids
    }

    fn token_pooling(&self) -> TokenPooling {
        self.token_pooling
    }

    fn plan(&self, batch: Option<usize>, _: &dyn Engine) -> Plan {
        self.plan(batch)
    }

    fn texts(&self) -> Option<&TextSide> {
        Some(self)
    }
}
