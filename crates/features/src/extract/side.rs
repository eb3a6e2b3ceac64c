//! What a model is fed: how samples of its modality become named inputs of the graph, and how tokens are pooled.

use std::fmt;
use std::ops::Range;

use ranktune_data::{DataKind, RgbImage};
use ranktune_hub::{GraphInput, HubEntry, ImageProcessor, InputModality};
use ranktune_onnx::{Model, ValueInfo};

use super::images::Images;
use super::options::ExtractOptions;
use super::pool::TokenPooling;
use super::prepare::Unusable;
use super::samples::Samples;
use super::text::TextSide;
use super::units::{Batch, Feed, Numbers, Unit};
use crate::engine::Engine;
use crate::{Error, ErrorKind};
use ranktune_core::one_line;

/// Vision transformers whose first token stands for the image; the tokens of others are averaged.
const FIRST_TOKEN: &[&str] = &[
    "vit",
    "deit",
    "dinov2",
    "dinov2_with_registers",
    "clip",
    "clip_vision_model",
    "vit_mae",
    "vit_msn",
    "ijepa",
];

/// The input side of a model: one variant a modality.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum InputSide {
    /// One image.
    Image(ImageSide),
    /// Texts.
    Text(TextSide),
}

/// How many rows go through together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Rows a unit.
    pub(crate) unit: usize,
    /// Items a batch, at most.
    pub(crate) batch: usize,
    /// Tokens a batch, padding included, at most (but for a single item of more).
    pub(crate) tokens: usize,
}

/// The input side of a model of images.
#[derive(Clone, Debug)]
pub struct ImageSide {
    /// Name of the graph's input.
    pub input: String,
    /// How images are prepared.
    pub processor: ImageProcessor,
    pub(super) tokens: TokenPooling,
}

impl InputSide {
    /// Reads how inputs are prepared for the model of `entry`; `data` is what it is to be used on, if that is known.
    pub(super) fn new(
        entry: &HubEntry,
        model: &Model,
        data: Option<DataKind>,
        options: &ExtractOptions,
    ) -> Result<Self, Unusable> {
        let inputs = model.graph.inputs.as_slice();
        let modality = entry.modality(Some(inputs));
        match (modality, data) {
            (InputModality::Image, None | Some(DataKind::Images)) => {
                return ImageSide::new(entry, model).map(Self::Image);
            }
            (InputModality::Text, None | Some(DataKind::Texts | DataKind::TextPairs | DataKind::Sentences)) => {
                return TextSide::new(entry, model, data, options).map(Self::Text);
            }
            // A model of texts, but not of texts alone; what else it takes is said.
            (InputModality::Other, Some(DataKind::Texts | DataKind::TextPairs | DataKind::Sentences))
                if entry.has_tokenizer() && takes_tokens(inputs) =>
            {
                return TextSide::new(entry, model, data, options).map(Self::Text);
            }
            _ => {}
        }
        let takes = match inputs {
            [input] => {
                let why = GraphInput::from_value_info(input)
                    .err()
                    .filter(|_| modality == InputModality::Other);
                let why = why.map_or_else(String::new, |error| format!(" ({error})"));
                format!("its input is {}{why}", modality.name())
            }
            inputs => format!("it takes {} inputs ({})", inputs.len(), modality.name()),
        };
        Err(Unusable::NotApplicable(match data {
            Some(data) => format!("{takes}, the data are {}", data.name()),
            None => format!("{takes}, neither an image nor texts"),
        }))
    }

    /// Digest of how inputs are prepared.
    pub fn digest(&self) -> blake3::Hash {
        match self {
            Self::Image(side) => side.processor.digest(),
            Self::Text(side) => side.processor.digest(),
        }
    }

    /// What the user should know of how inputs are prepared.
    pub(super) fn notes(&self) -> &[String] {
        match self {
            Self::Image(side) => side.processor.notes(),
            Self::Text(_) => &[],
        }
    }

    /// The graph's input that holds the data: pixels, or token ids.
    pub(super) fn data_input(&self) -> &str {
        match self {
            Self::Image(side) => &side.input,
            Self::Text(side) => side.data_input(),
        }
    }

    /// How a sequence of tokens becomes one vector.
    pub(super) fn tokens(&self) -> TokenPooling {
        match self {
            Self::Image(side) => side.tokens,
            Self::Text(side) => side.tokens,
        }
    }

    /// How many features of one item go into a sample: 4 for pairs of texts in two sequences.
    pub(super) fn times(&self) -> usize {
        match self {
            Self::Image(_) => 1,
            Self::Text(side) => side.times(),
        }
    }

    /// Whether a row of features is a word's, and not a sample's.
    pub(super) fn is_of_words(&self) -> bool {
        match self {
            Self::Image(_) => false,
            Self::Text(side) => side.of_words,
        }
    }

    /// How rows go through together: `batch` items at once if that is asked for, else what `engine` runs fastest.
    pub(super) fn plan(&self, batch: Option<usize>, engine: &dyn Engine) -> Plan {
        match self {
            Self::Image(side) => {
                let elements = side.processor.output_shape().iter().product();
                let batch = batch.unwrap_or_else(|| engine.preferred_batch(elements));
                Plan {
                    unit: batch,
                    batch,
                    tokens: usize::MAX,
                }
            }
            Self::Text(side) => side.plan(batch),
        }
    }

    /// Makes the unit of `rows`; `buffer` is room that may be used.
    pub(super) fn unit(&self, samples: &Samples<'_>, rows: Range<usize>, plan: Plan, buffer: Vec<f32>) -> Unit {
        match (self, samples) {
            (Self::Image(side), Samples::Images(images)) => side.unit(images, rows, buffer),
            (Self::Text(side), Samples::Texts(texts)) => side.unit(texts, rows, plan),
            (Self::Text(side), Samples::Sentences(sentences)) => side.words(sentences, rows, plan),
            // Models are prepared for the data that they meet.
            (_, samples) => Unit {
                rows,
                failed: Some(Error::new(
                    ErrorKind::InvalidInput,
                    format!("the model was prepared for other data than {}", samples.noun()),
                )),
                ..Unit::default()
            },
        }
    }

    /// A unit of two samples made up, to see whether a model runs.
    pub(super) fn probe(&self) -> Result<Unit, Error> {
        match self {
            Self::Image(side) => side.probe(),
            Self::Text(side) => Ok(side.probe()),
        }
    }
}

/// Whether token ids are among the inputs, and no image is, by their names: a cache of keys has the shape of one.
fn takes_tokens(inputs: &[ValueInfo]) -> bool {
    let has = |part: &str| inputs.iter().any(|input| input.name.contains(part));
    has("input_ids") && !has("pixel") && !has("image")
}

impl fmt::Display for InputSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(side) => side.processor.fmt(f),
            Self::Text(side) => side.processor.fmt(f),
        }
    }
}

impl ImageSide {
    fn new(entry: &HubEntry, model: &Model) -> Result<Self, Unusable> {
        let failed = |error: ranktune_hub::Error| Unusable::Failed(one_line(&error));
        let [input] = model.graph.inputs.as_slice() else {
            return Err(Unusable::NotApplicable(format!(
                "it takes {} inputs, not one image",
                model.graph.inputs.len()
            )));
        };
        let graph_input = GraphInput::from_value_info(input).map_err(failed)?;
        let family = entry.config.model_type.as_deref().unwrap_or_default();
        Ok(Self {
            input: input.name.clone(),
            processor: entry.image_processor(&graph_input).map_err(failed)?,
            tokens: if FIRST_TOKEN.contains(&family) {
                TokenPooling::First
            } else {
                TokenPooling::Mean
            },
        })
    }

    fn unit(&self, images: &Images<'_>, rows: Range<usize>, buffer: Vec<f32>) -> Unit {
        let mut unreadable = Vec::new();
        let pixels = self.pixels(rows.len(), buffer, |at, pixels| {
            let applied = match images.get(rows.start + at) {
                Ok((image, view)) => self
                    .processor
                    .apply_view(image, view, pixels)
                    .map_err(|error| error.to_string()),
                Err(reason) => Err(reason.to_owned()),
            };
            if let Err(reason) = applied {
                pixels.fill(0.0);
                unreadable.push((rows.start + at, reason));
            }
        });
        Unit {
            batches: vec![pixels],
            rows,
            unreadable,
            ..Unit::default()
        }
    }

    /// A batch of `count` images, each written by `write`.
    fn pixels(&self, count: usize, mut buffer: Vec<f32>, mut write: impl FnMut(usize, &mut [f32])) -> Batch {
        let [a, b, c] = self.processor.output_shape();
        buffer.clear();
        buffer.resize(count * a * b * c, 0.0);
        for (at, pixels) in buffer.chunks_exact_mut(a * b * c).enumerate() {
            write(at, pixels);
        }
        Batch {
            items: (0..count).collect(),
            feeds: vec![Feed {
                name: self.input.clone(),
                shape: vec![count, a, b, c],
                numbers: Numbers::F32(buffer),
            }],
            ..Batch::default()
        }
    }

    /// Two images made of gradients.
    fn probe(&self) -> Result<Unit, Error> {
        let mut result = Ok(());
        let batch = self.pixels(2, Vec::new(), |sample, pixels| {
            let (width, height) = (97 + 31 * sample, 89);
            let at = |index: usize| ((index * (7 + 3 * sample)) % 251) as u8;
            let image = RgbImage {
                width,
                height,
                pixels: (0..3 * width * height).map(at).collect(),
            };
            if let Err(error) = self.processor.apply(&image, pixels) {
                result = Err(Error::new(ErrorKind::InvalidInput, error.to_string()));
            }
        });
        result.map(|()| Unit {
            rows: 0..2,
            batches: vec![batch],
            ..Unit::default()
        })
    }
}
