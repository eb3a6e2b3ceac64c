//! What a modality provides: the input side of a model, and the samples of a data set. The list of modalities is in
//! [`modality`](super::modality).
//!
//! ```text
//! a model of the hub ──► InputSide ─────────────────────────┐
//! a data set ──► SampleSource ──part──► DatasetPart ──unit──┴──► Unit: batches of named inputs
//! ```

use std::any::Any;
use std::fmt;
use std::ops::Range;

use ranktune_core::Digest;
use ranktune_onnx::locate::Located;
use ranktune_onnx::{Model, shapes};

use super::preparation::Preparation;
use super::units::{Plan, Unit};
use super::unusable::Unusable;
use crate::engine::Engine;
use crate::{Error, ErrorKind};

/// How a model is fed: from samples of one modality to named inputs of the graph.
pub(crate) trait InputSide: fmt::Debug + Any + Send + Sync {
    /// How inputs are prepared.
    fn preparation(&self) -> &dyn Preparation;

    /// How many times the features of an item fit into the row of a sample: 4 for pairs of texts in two sequences.
    fn row_factor(&self) -> usize {
        1
    }

    /// Whether every word has a row of features, instead of every sample.
    fn is_by_word(&self) -> bool {
        false
    }

    /// How rows are batched, as [`Preparation::plan`] unless the modality has a plan of its own.
    fn plan(&self, batch: Option<usize>, engine: &dyn Engine) -> Plan {
        self.preparation().plan(batch, engine)
    }

    /// A unit of two made-up samples, to test whether a model runs.
    ///
    /// # Errors
    /// The made-up samples cannot be prepared.
    fn probe(&self) -> Result<Unit, Error>;

    /// The tensors that are features and logits of this modality, given those that were found in the graph.
    ///
    /// # Errors
    /// [`Unusable::Failed`] if the graph has no such features.
    fn refine(&self, _model: &Model, _shapes: &shapes::Shapes, found: Located) -> Result<Located, Unusable> {
        Ok(found)
    }

    /// Checks that `layers` have a row for every item. `default` returns the feature tensor that is selected without a hint.
    ///
    /// # Errors
    /// [`Unusable::Failed`] names the layer that does not.
    fn check_layers(
        &self,
        _layers: &[Located],
        _default: &dyn Fn() -> Result<String, ranktune_onnx::Error>,
    ) -> Result<(), Unusable> {
        Ok(())
    }
}

/// The samples of a data set, of one modality.
pub(crate) trait SampleSource<'a>: Sync {
    /// Consecutive parts of the data set, each of which fits in memory ready to be prepared.
    fn parts(&self) -> Vec<Range<usize>>;

    /// The samples at `range`. `digests` are those of all samples, if they must still be the same.
    fn part(&self, range: Range<usize>, digests: Option<&'a [Digest]>) -> Box<dyn DatasetPart + 'a>;
}

/// A part of a data set.
pub(crate) trait DatasetPart: Sync {
    /// Positions in the data set.
    fn range(&self) -> Range<usize>;

    /// Prepares the unit of `rows` for a model, in `buffer` if that is possible; `None` if the model takes another modality.
    fn unit(&self, side: &dyn InputSide, rows: Vec<usize>, plan: Plan, buffer: Vec<f32>) -> Option<Unit>;
}

/// The unit of `rows` for a model; a failed unit if the model was prepared for another modality.
pub(crate) fn unit(
    samples: &dyn DatasetPart,
    side: &dyn InputSide,
    rows: Vec<usize>,
    plan: Plan,
    buffer: Vec<f32>,
) -> Unit {
    let unit = samples.unit(side, rows.clone(), plan, buffer);
    unit.unwrap_or_else(|| {
        let message = "the model was prepared for another kind of data";
        Unit::failed(rows, Error::new(ErrorKind::InvalidInput, message))
    })
}
