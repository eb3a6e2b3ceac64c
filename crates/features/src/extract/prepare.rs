//! A model of the hub made ready: its feature tensor found, its preprocessing read; later, its graph cut and loaded.

use std::ops::Range;

use ranktune_hub::HubEntry;
use ranktune_onnx::inspect::{Batch as BatchSize, inspect};
use ranktune_onnx::locate::{Hints, Located, Pooling, blocks, locate};
use ranktune_onnx::{Dim, Model, check, shapes, transform};

use super::options::{ExtractOptions, FeatureChoice};
use super::pool::TokenPooling;
use super::side::{ImageSide, InputSide};
use super::text::{Sequences, TextSide};
use crate::{Error, ErrorKind};
use ranktune_core::one_line;
use ranktune_data::DataKind;

/// Why a model of the hub cannot be extracted from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It takes another kind of data.
    NotApplicable(String),
    /// It is broken, or not supported.
    Failed(String),
}

/// One of the tensors that features are taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its name.
    pub tensor: String,
    /// Where its features are in a row.
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
pub struct Prepared {
    name: String,
    digest: String,
    parameters: u64,
    model: Model,
    side: InputSide,
    located: Located,
    /// What a row is made of, in order: the feature tensor alone, or that of every block, the last of which it is.
    layers: Vec<Located>,
    feature_tensor: String,
    fixed_batch: Option<usize>,
    notes: Vec<String>,
}

impl Prepared {
    /// Reads and checks the model of `entry`, for `data`, or for whatever it takes where that is left open.
    ///
    /// # Errors
    /// [`Unusable::NotApplicable`] where it takes another kind of data; [`Unusable::Failed`] with file, node and reason otherwise.
    pub fn new(entry: &HubEntry, data: Option<DataKind>, options: &ExtractOptions) -> Result<Self, Unusable> {
        let failed = |error: &dyn std::error::Error| Unusable::Failed(one_line(error));
        let model = Model::load(&entry.model_path).map_err(|error| failed(&error))?;
        check(&model).map_err(|error| failed(&error))?;
        let side = InputSide::new(entry, &model, data, options)?;
        let hints = Hints {
            feature: match &options.feature {
                FeatureChoice::Auto | FeatureChoice::Layers => entry.feature.clone(),
                FeatureChoice::Named(name) => Some(name.clone()),
            },
            num_labels: entry.config.num_labels,
            hidden_dim: entry.config.hidden_dim,
        };
        let mut located = locate(&model, &hints).map_err(|error| failed(&error))?;
        // Logits of every token are no prediction for the whole.
        let shapes = shapes::infer(&model).map_err(|error| failed(&error))?;
        located.logits = located.logits.filter(|logits| shapes.rank(logits) != Some(3));
        if data == Some(DataKind::Sentences) {
            located = of_tokens(&model, &shapes, located).map_err(Unusable::Failed)?;
        }
        // Nor are those of one text of two.
        if side.times() > 1 {
            located.logits = None;
        }
        let layers = match &options.feature {
            FeatureChoice::Layers => {
                let layers = blocks(&model, side.data_input(), &located.feature).map_err(|error| failed(&error))?;
                let unknown = layers
                    .iter()
                    .find(|layer| layers.len() > 1 && layer.feature_dim.is_none());
                if let Some(layer) = unknown {
                    return Err(Unusable::Failed(format!(
                        "the graph does not tell how many features {:?} has; name one tensor with --feature",
                        layer.feature
                    )));
                }
                layers
            }
            _ => vec![located.clone()],
        };
        if matches!(&side, InputSide::Text(side) if side.sequences() == Sequences::Interleaved) {
            let of_pairs = locate(&model, &Hints { feature: None, ..hints })
                .map_err(|error| failed(&error))?
                .feature;
            if let Some(other) = layers.iter().find(|layer| layer.feature != of_pairs) {
                return Err(Unusable::Failed(format!(
                    "the graph takes pairs in two rows, and {:?} may have a row for each text; take {of_pairs:?} with --feature auto",
                    other.feature
                )));
            }
        }
        let inspection = inspect(&model);
        let mut notes = side.notes().to_vec();
        let is_pooled = !side.is_of_words() && layers.iter().all(|layer| layer.pooling != Pooling::Tokens);
        if let (InputSide::Text(_), Some(pooling), true) = (&side, &options.pooling, is_pooled) {
            notes.push(format!(
                "{:?} is one vector a text already, so pooling by {} changes nothing; --feature names a tensor of tokens",
                located.feature,
                pooling.name()
            ));
        }
        Ok(Self {
            name: entry.name.clone(),
            digest: entry.digest().map_err(|error| failed(&error))?.to_hex().to_string(),
            parameters: inspection.parameters,
            side,
            feature_tensor: layers
                .iter()
                .map(|layer| layer.feature.as_str())
                .collect::<Vec<_>>()
                .join(","),
            layers,
            located,
            fixed_batch: match inspection.batch {
                BatchSize::Fixed(size) => Some(size),
                BatchSize::Dynamic => None,
            },
            notes,
            model,
        })
    }

    /// The same model for images whose shorter edge has `edge` pixels: its preprocessing in proportion, and the graph's height
    /// and width left open. Whether the graph runs at that size shows when it runs.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a size that no image can have.
    pub fn at_size(&self, edge: usize) -> Result<Self, Error> {
        let InputSide::Image(side) = &self.side else {
            let message = format!("{} takes no images, so it has no size of image", self.name);
            return Err(Error::new(ErrorKind::InvalidInput, message));
        };
        let processor = side
            .processor
            .at_size(edge)
            .map_err(|error| Error::new(ErrorKind::InvalidInput, error.to_string()))?;
        let (rows, columns) = if processor.is_channels_last() { (1, 2) } else { (2, 3) };
        let mut resized = self.clone();
        let graph = &mut resized.model.graph;
        for input in graph.inputs.iter_mut().filter(|input| input.name == side.input) {
            if let Some(shape) = &mut input.shape {
                for (axis, name) in [(rows, "height"), (columns, "width")] {
                    shape[axis] = Dim::Named(name.to_owned());
                }
            }
        }
        resized.side = InputSide::Image(ImageSide {
            processor,
            ..side.clone()
        });
        let graph = &mut resized.model.graph;
        // Shapes that the exporter noted are those of the old size.
        graph.value_info.clear();
        Ok(resized)
    }

    /// The graph as it was read, with the open sizes of [`at_size`](Self::at_size).
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Where features and logits are in the graph, and how the features become a row.
    pub fn located(&self) -> &Located {
        &self.located
    }

    /// Name in the hub.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the user should know of how it is used.
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

    /// The tensor whose values are the features; of layers all of them, with commas.
    pub fn feature_tensor(&self) -> &str {
        &self.feature_tensor
    }

    /// Features a sample, where the graph tells; of layers those of all together.
    pub fn feature_dim(&self) -> Option<usize> {
        let dims = self.layers.iter().map(|layer| layer.feature_dim);
        dims.sum::<Option<usize>>().map(|dim| dim * self.side.times())
    }

    /// The layers that a row holds one after the other, from first to last; one unless [`FeatureChoice::Layers`] was asked for.
    /// Nothing where their sizes are not known before a run.
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
                // Pairs of texts in two sequences have the features of all layers several times.
                columns: (0..self.side.times())
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

    /// How the feature tensor becomes a row: `none`, `global-average`, `first-token`, `last-token`, `mean-of-tokens`
    /// (those of the mask), or `words` where each word has a row of its own.
    pub fn pooling_name(&self) -> &'static str {
        if self.side.is_of_words() {
            return "words";
        }
        match (self.located.pooling, self.side.tokens()) {
            (Pooling::GlobalAverage { .. }, _) => "global-average",
            (Pooling::Tokens, TokenPooling::First) => "first-token",
            (Pooling::Tokens, TokenPooling::Last) => "last-token",
            (Pooling::Tokens, TokenPooling::Mean) => "mean-of-tokens",
            _ => "none",
        }
    }

    /// How its inputs are prepared.
    pub fn side(&self) -> &InputSide {
        &self.side
    }

    /// What a row is made of.
    pub(crate) fn parts(&self) -> &[Located] {
        &self.layers
    }

    /// Its input side, if it takes images.
    pub fn images(&self) -> Option<&ImageSide> {
        match &self.side {
            InputSide::Image(side) => Some(side),
            InputSide::Text(_) => None,
        }
    }

    /// Its input side, if it takes texts.
    pub fn texts(&self) -> Option<&TextSide> {
        match &self.side {
            InputSide::Text(side) => Some(side),
            InputSide::Image(_) => None,
        }
    }

    /// The batch size the graph was exported with, if it runs at no other.
    pub fn fixed_batch(&self) -> Option<usize> {
        self.fixed_batch
    }

    /// The tensors a run computes: the features, and the logits if there are any.
    pub fn outputs(&self) -> Vec<&str> {
        let mut outputs: Vec<&str> = self.layers.iter().map(|layer| layer.feature.as_str()).collect();
        // A model may give its features out as logits too (--feature logits); an engine is asked for each tensor once.
        if let Some(logits) = self.located.logits.as_deref()
            && !outputs.contains(&logits)
        {
            outputs.push(logits);
        }
        outputs
    }

    /// The graph cut behind features and logits and simplified, serialised for an engine.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedModel`] with what the graph tools say.
    pub fn graph(&self) -> Result<Vec<u8>, Error> {
        self.cut_graph().map(|(graph, _)| graph)
    }

    /// As [`graph`](Self::graph), with the names of the inputs that are left: features may not need all that the model takes.
    pub(crate) fn cut_graph(&self) -> Result<(Vec<u8>, Vec<String>), Error> {
        let graph_error =
            |error: ranktune_onnx::Error| Error::new(ErrorKind::UnsupportedModel, error.to_string()).caused_by(error);
        let mut model = self.model.clone();
        transform::cut(&mut model, &self.outputs()).map_err(graph_error)?;
        transform::simplify(&mut model).map_err(graph_error)?;
        let inputs = model.graph.inputs.iter().map(|input| input.name.clone()).collect();
        Ok((model.to_bytes().map_err(graph_error)?, inputs))
    }
}

/// The features of every token: what was found, or what the model makes the features of whole texts of.
fn of_tokens(model: &Model, shapes: &shapes::Shapes, found: Located) -> Result<Located, String> {
    let width = |name: &str| match shapes.shape(name) {
        Some([_, _, last]) => last.fixed(),
        _ => None,
    };
    if found.pooling == Pooling::Tokens {
        return Ok(Located { logits: None, ..found });
    }
    let is_float = |name: &str| shapes.data_type(name).is_none_or(|data_type| data_type.is_float());
    let fits = |name: &str| {
        is_float(name) && width(name).is_some_and(|width| found.feature_dim.is_none_or(|dim| dim == width))
    };
    let outputs = model.graph.outputs.iter().map(|output| output.name.as_str());
    // Masks that are widened to the features' shape are no features.
    let computes = |node: &&ranktune_onnx::Node| {
        ["LayerNormalization", "Add", "Mul", "Gather", "MatMul", "Gemm"].contains(&node.op_type.as_str())
    };
    let inner = model
        .graph
        .nodes
        .iter()
        .rev()
        .filter(computes)
        .filter_map(|node| node.output(0));
    let Some(feature) = outputs
        .filter(|name| fits(name))
        .chain(inner.filter(|name| fits(name)))
        .next()
    else {
        return Err(format!(
            "words need features of every token, [N, tokens, d], but tensor {:?} has shape {}; name another with --feature",
            found.feature,
            ranktune_onnx::graph::display_shape(&found.feature_shape)
        ));
    };
    Ok(Located {
        feature: feature.to_owned(),
        feature_shape: shapes.shape(feature).unwrap_or_default().to_vec(),
        feature_dim: width(feature),
        pooling: Pooling::Tokens,
        logits: None,
        n_classes: None,
        ..found
    })
}
