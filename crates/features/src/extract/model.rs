//! A model of the hub, ready for extraction: its feature tensor is located and its preprocessing is known.

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

use ranktune_data::DataKind;
use ranktune_hub::HubEntry;
use ranktune_onnx::inspect::{Batch as BatchSize, inspect};
use ranktune_onnx::locate::{Hints, Located, Pooling, blocks, locate};
use ranktune_onnx::{Dim, Model, check, shapes, transform};

use super::candidate::Candidate;
use super::input::InputSide;
use super::modality::{self, ImageSide};
use super::options::{ExtractOptions, FeatureChoice};
use super::pool::TokenPooling;
use super::text_side::TextSide;
use super::tower;
use super::unusable::Unusable;
use crate::{Error, ErrorKind};

/// A tensor from which features are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its name.
    pub tensor: String,
    /// The columns of its features in a row.
    pub columns: Vec<Range<usize>>,
}

impl Layer {
    /// Number of its features.
    pub fn width(&self) -> usize {
        self.columns.iter().map(Range::len).sum()
    }
}

/// A model whose feature tensor and preprocessing are known. Its weights stay in the file until it runs.
#[derive(Clone, Debug)]
pub struct PreparedModel {
    name: String,
    digest: String,
    parameters: u64,
    model: Model,
    side: Arc<dyn InputSide>,
    located: Located,
    /// The tensors of a row, in order: the feature tensor alone, or that of every block, of which it is the last.
    layers: Vec<Located>,
    feature_tensor: String,
    fixed_batch: Option<usize>,
    notes: Vec<String>,
}

impl PreparedModel {
    /// Reads and checks the model of `entry`, for `data`, or for any data that it takes if `data` is `None`.
    ///
    /// # Errors
    /// [`Unusable::NotApplicable`] if it takes another kind of data; [`Unusable::Failed`] with file, node and reason otherwise.
    pub fn new(entry: &HubEntry, data: Option<DataKind>, options: &ExtractOptions) -> Result<Self, Unusable> {
        // A file that is missing is named by what reads it.
        let before = entry.digest().ok();
        let mut model = Model::load(&entry.model_path)?;
        let digest = entry.digest()?;
        // Features are kept under the digest, so it must be that of the bytes that were read.
        if before.is_some_and(|before| before != digest) {
            let text = "was changed while it was read; run the same command again";
            let text = format!("{}: {text}", entry.model_path.display());
            return Err(Unusable::Failed(text.into()));
        }
        check(&model)?;
        let tower = tower::cut_to(&mut model, data)?;
        let side = modality::prepare(&Candidate::new(entry, &model, data, options))?;
        // Images are prepared as floating-point numbers, also where these are whole.
        transform::float_inputs(&mut model);
        let hints = Hints {
            feature: match &options.feature {
                FeatureChoice::Auto | FeatureChoice::Layers => entry.feature.clone(),
                FeatureChoice::Named(name) => Some(name.clone()),
            },
            num_labels: entry.config.num_labels,
            hidden_dim: entry.config.hidden_dim,
        };
        let mut located = locate(&model, &hints)?;
        let shapes = shapes::infer(&model)?;
        // Logits of every token are no prediction for the sample.
        located.logits = located.logits.filter(|logits| shapes.rank(logits) != Some(3));
        let located = side.refine(&model, &shapes, located)?;
        let layers = match &options.feature {
            FeatureChoice::Layers => all_layers(&model, side.as_ref(), &located)?,
            FeatureChoice::Auto | FeatureChoice::Named(_) => vec![located.clone()],
        };
        side.check_layers(&layers, &|| {
            let without_hint = Hints {
                feature: None,
                ..hints.clone()
            };
            Ok(locate(&model, &without_hint)?.feature)
        })?;
        let inspection = inspect(&model);
        let names: Vec<&str> = layers.iter().map(|layer| layer.feature.as_str()).collect();
        Ok(Self {
            name: entry.name.clone(),
            digest: digest.to_hex().to_string(),
            parameters: inspection.parameters,
            feature_tensor: names.join(","),
            notes: tower
                .into_iter()
                .chain(notes(
                    side.as_ref(),
                    &layers,
                    &located,
                    entry.config.num_labels,
                    options,
                ))
                .collect(),
            fixed_batch: match inspection.batch {
                BatchSize::Fixed(size) => Some(size),
                BatchSize::Dynamic => None,
            },
            side,
            layers,
            located,
            model,
        })
    }

    /// The same model for images whose shorter edge has `edge` pixels: its preprocessing is scaled, and height and width of the
    /// graph's input are made symbolic. Running it shows whether the graph supports that size.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a model that takes no images, or a size that no image can have.
    pub fn at_size(&self, edge: usize) -> Result<Self, Error> {
        let Some(side) = self.images() else {
            let message = format!("{} takes no images, so it has no image size", self.name);
            return Err(Error::new(ErrorKind::InvalidInput, message));
        };
        let side = side.at_size(edge)?;
        let (rows, columns) = if side.processor.is_channels_last() {
            (1, 2)
        } else {
            (2, 3)
        };
        let mut resized = self.clone();
        let graph = &mut resized.model.graph;
        for input in graph.inputs.iter_mut().filter(|input| input.name == side.input) {
            if let Some(shape) = &mut input.shape {
                for (axis, name) in [(rows, "height"), (columns, "width")] {
                    shape[axis] = Dim::Named(name.to_owned());
                }
            }
        }
        // The shapes stored in the file are those of the old size.
        graph.value_info.clear();
        resized.side = Arc::new(side);
        Ok(resized)
    }

    /// The same model for pairs of texts, one sequence per pair: joined by its tokenizer, or by the graph. The graph and the
    /// tokenizer are not read again. A model that was opened for pairs stays as it is.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a model that takes no texts, or does not join them.
    pub fn into_pairs(self) -> Result<Self, Error> {
        let Some(side) = modality::for_pairs(&self.side) else {
            let message = format!("{} does not join pairs of texts", self.name);
            return Err(Error::new(ErrorKind::InvalidInput, message));
        };
        Ok(Self { side, ..self })
    }

    /// The graph as it was read, with the symbolic sizes of [`at_size`](Self::at_size).
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The tensors of features and logits, and how the features become a row.
    pub fn located(&self) -> &Located {
        &self.located
    }

    /// Name in the hub.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the user should know about how the model is used.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Content digest of the model's files, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Number of weights.
    pub fn parameters(&self) -> u64 {
        self.parameters
    }

    /// The name of the feature tensor; with [`FeatureChoice::Layers`] the names of all tensors, separated by commas.
    pub fn feature_tensor(&self) -> &str {
        &self.feature_tensor
    }

    /// Number of features of a sample, of all layers together; `None` if the graph does not determine it.
    pub fn feature_dim(&self) -> Option<usize> {
        let dims = self.layers.iter().map(|layer| layer.feature_dim);
        dims.sum::<Option<usize>>().map(|dim| dim * self.side.row_factor())
    }

    /// The layers of a row, in order; one without [`FeatureChoice::Layers`]. Empty if their sizes are not known before a run.
    pub fn layers(&self) -> Vec<Layer> {
        let total: usize = self.layers.iter().filter_map(|layer| layer.feature_dim).sum();
        let mut begin = 0;
        let mut layers = Vec::new();
        for layer in &self.layers {
            let Some(dim) = layer.feature_dim else {
                return Vec::new();
            };
            layers.push(Layer {
                tensor: layer.feature.clone(),
                // A pair of texts in two sequences repeats the features of all layers.
                columns: (0..self.side.row_factor())
                    .map(|time| time * total + begin..time * total + begin + dim)
                    .collect(),
            });
            begin += dim;
        }
        layers
    }

    /// The classifier's logits, if the model has one.
    pub fn logits(&self) -> Option<&str> {
        self.located.logits.as_deref()
    }

    /// How the feature tensor becomes a row: `none`, `global-average`, `first-token`, `last-token`, `mean-of-tokens` (over the
    /// attention mask), or `words` if every word has a row.
    pub fn pooling_name(&self) -> &'static str {
        if self.side.is_by_word() {
            return "words";
        }
        match (self.located.pooling, self.side.preparation().token_pooling()) {
            (Pooling::GlobalAverage { .. }, _) => "global-average",
            (Pooling::Tokens, TokenPooling::First) => "first-token",
            (Pooling::Tokens, TokenPooling::Last) => "last-token",
            (Pooling::Tokens, TokenPooling::Mean) => "mean-of-tokens",
            _ => "none",
        }
    }

    /// A readable description of how inputs are prepared.
    pub fn preprocessing(&self) -> String {
        self.side.preparation().preprocessing()
    }

    /// The input side.
    pub(crate) fn side(&self) -> &dyn InputSide {
        self.side.as_ref()
    }

    /// The layers of a row.
    pub(crate) fn parts(&self) -> &[Located] {
        &self.layers
    }

    /// The input side of a model that takes images.
    pub fn images(&self) -> Option<&ImageSide> {
        (self.side.as_ref() as &dyn Any).downcast_ref()
    }

    /// The input side of a model that takes texts, pairs of texts or words.
    pub fn texts(&self) -> Option<&TextSide> {
        self.side.preparation().texts()
    }

    /// The batch size of a graph that was exported with a fixed one.
    pub fn fixed_batch(&self) -> Option<usize> {
        self.fixed_batch
    }

    /// The outputs of a run: the features, and the logits of a model with a classifier.
    pub fn outputs(&self) -> Vec<&str> {
        let mut outputs: Vec<&str> = self.layers.iter().map(|layer| layer.feature.as_str()).collect();
        // Features may be the logits (--feature logits); an engine computes each tensor once.
        if let Some(logits) = self.located.logits.as_deref()
            && !outputs.contains(&logits)
        {
            outputs.push(logits);
        }
        outputs
    }

    /// The graph, cut behind features and logits, simplified, and serialised for an engine.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedModel`] if it cannot be cut or simplified.
    pub fn graph(&self) -> Result<Vec<u8>, Error> {
        self.cut_graph().map(|(graph, _)| graph)
    }

    /// As [`graph`](Self::graph), with the names of the remaining inputs: the features may not depend on all of them.
    pub(crate) fn cut_graph(&self) -> Result<(Vec<u8>, Vec<String>), Error> {
        let model = self.cut_model()?;
        let inputs = model.graph.inputs.iter().map(|input| input.name.clone()).collect();
        Ok((model.to_bytes()?, inputs))
    }

    /// The graph, cut behind features and logits, and simplified.
    ///
    /// # Errors
    /// As [`graph`](Self::graph).
    pub(crate) fn cut_model(&self) -> Result<Model, Error> {
        let mut model = self.model.clone();
        transform::cut(&mut model, &self.outputs())?;
        transform::simplify(&mut model)?;
        Ok(model)
    }
}

/// The output of every block of the model, and its features.
fn all_layers(model: &Model, side: &dyn InputSide, located: &Located) -> Result<Vec<Located>, Unusable> {
    let layers = blocks(model, side.preparation().data_input(), &located.feature)?;
    let unknown = layers.iter().find(|layer| layer.feature_dim.is_none());
    match unknown {
        Some(layer) if layers.len() > 1 => Err(Unusable::Failed(
            format!(
                "the graph does not determine the number of features of {:?}; name one tensor with --feature",
                layer.feature
            )
            .into(),
        )),
        _ => Ok(layers),
    }
}

/// What the user should know about how a model is used.
fn notes(
    side: &dyn InputSide,
    layers: &[Located],
    located: &Located,
    labels: Option<usize>,
    options: &ExtractOptions,
) -> Vec<String> {
    let mut notes = side.preparation().notes().to_vec();
    let as_many = |dim: usize| labels.is_some_and(|labels| labels > 2 && (dim == labels || dim == labels + 1));
    if located.logits.is_none() && located.pooling == Pooling::None && located.feature_dim.is_some_and(as_many) {
        notes.push(format!(
            "the features {:?} have as many values as the model has labels, so they may be its class scores: no linear layer that \
             computes them alone was found; name the tensor before its head with --feature",
            located.feature
        ));
    }
    let Some(pooling) = &options.pooling else { return notes };
    let is_pooled = layers.iter().all(|layer| layer.pooling != Pooling::Tokens);
    if side.preparation().texts().is_some() && !side.is_by_word() && is_pooled {
        notes.push(format!(
            "{:?} is already one vector per text, so --pooling {} has no effect; name a tensor of tokens with --feature",
            located.feature,
            pooling.name()
        ));
    }
    notes
}
