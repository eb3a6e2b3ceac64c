//! Images: decoded once, resized and normalised for each model.
//!
//! Decoded images stay in memory for the next model. A data set that does not fit is split into parts of about
//! [`DECODED_BYTES`]; every model runs over a part before the next one is read, so an image is never decoded twice.

use std::any::Any;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use ranktune_core::{Digest, one_line};
use ranktune_data::image::{ImageError, ImageErrorKind, decode};
use ranktune_data::{DataKind, Images, RgbImage, View};
use ranktune_hub::{GraphInput, ImageProcessor, InputModality};
use ranktune_onnx::DataType;

use super::Modality;
use crate::engine::Engine;
use crate::extract::candidate::Candidate;
use crate::extract::input::{DatasetPart, InputSide, SampleSource};
use crate::extract::pool::TokenPooling;
use crate::extract::preparation::Preparation;
use crate::extract::units::{Batch, Feed, Numbers, Plan, Unit};
use crate::extract::unusable::Unusable;
use crate::{Error, ErrorKind};

pub(super) const MODALITY: Modality = Modality {
    kind: DataKind::Images,
    prepare: |candidate| {
        if candidate.modality != InputModality::Image {
            return Ok(None);
        }
        Ok(Some(Arc::new(ImageSide::new(candidate)?)))
    },
    open: |inputs| Some(Arc::new(ImageSource(inputs.as_images()?))),
};

/// Memory that decoded images may take.
const DECODED_BYTES: usize = 1 << 30;

/// Images decoded to estimate the size of the others.
const PROBES: usize = 8;

/// Vision transformers whose first token represents the image; the tokens of other models are averaged.
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

/// The input side of a model of images.
#[derive(Clone, Debug)]
pub struct ImageSide {
    /// Name of the graph's input.
    pub input: String,
    /// How images are prepared.
    pub processor: ImageProcessor,
    token_pooling: TokenPooling,
}

impl ImageSide {
    fn new(candidate: &Candidate<'_>) -> Result<Self, Unusable> {
        let [input] = candidate.inputs() else {
            let count = candidate.inputs().len();
            return Err(Unusable::NotApplicable(format!(
                "it takes {count} inputs, not one image"
            )));
        };
        let graph_input = GraphInput::from_value_info(input)?;
        let family = candidate.entry.config.model_type.as_deref().unwrap_or_default();
        let token_pooling = if FIRST_TOKEN.contains(&family) {
            TokenPooling::First
        } else {
            TokenPooling::Mean
        };
        let mut processor = candidate.entry.image_processor(&graph_input)?;
        if input.data_type == Some(DataType::U8) {
            processor = processor.of_bytes();
        }
        Ok(Self {
            input: input.name.clone(),
            processor,
            token_pooling,
        })
    }

    /// The same with images whose shorter edge has `edge` pixels.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a size that no image can have.
    pub(in crate::extract) fn at_size(&self, edge: usize) -> Result<Self, Error> {
        let processor = self.processor.at_size(edge).map_err(invalid)?;
        Ok(Self {
            processor,
            ..self.clone()
        })
    }

    /// A batch of `count` images, each written by `write`.
    fn batch(&self, count: usize, mut buffer: Vec<f32>, mut write: impl FnMut(usize, &mut [f32])) -> Batch {
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
}

impl Preparation for ImageSide {
    fn preprocessing(&self) -> String {
        self.processor.to_string()
    }

    fn digest(&self) -> Digest {
        self.processor.digest().into()
    }

    fn notes(&self) -> &[String] {
        self.processor.notes()
    }

    fn data_input(&self) -> &str {
        &self.input
    }

    fn token_pooling(&self) -> TokenPooling {
        self.token_pooling
    }

    fn plan(&self, batch: Option<usize>, engine: &dyn Engine) -> Plan {
        let elements = self.processor.output_shape().iter().product();
        let batch = batch.unwrap_or_else(|| engine.preferred_batch(elements));
        Plan {
            unit: batch,
            batch,
            tokens: usize::MAX,
        }
    }
}

impl InputSide for ImageSide {
    fn preparation(&self) -> &dyn Preparation {
        self
    }

    /// Two images made of gradients.
    fn probe(&self) -> Result<Unit, Error> {
        let mut result = Ok(());
        let batch = self.batch(2, Vec::new(), |sample, pixels| {
            let (width, height) = (97 + 31 * sample, 89);
            let at = |index: usize| ((index * (7 + 3 * sample)) % 251) as u8;
            let image = RgbImage {
                width,
                height,
                pixels: (0..3 * width * height).map(at).collect(),
            };
            if let Err(error) = self.processor.apply(&image, pixels) {
                result = Err(invalid(error));
            }
        });
        result.map(|()| Unit {
            rows: vec![0, 1],
            batches: vec![batch],
            ..Unit::default()
        })
    }
}

fn invalid(error: ranktune_hub::Error) -> Error {
    Error::new(ErrorKind::InvalidInput, "the image cannot be prepared").caused_by(error)
}

/// The images of a data set.
struct ImageSource<'a>(&'a Images);

impl<'a> SampleSource<'a> for ImageSource<'a> {
    /// Parts whose decoded images fit in memory together.
    fn parts(&self) -> Vec<Range<usize>> {
        let files = &self.0.files;
        let step = files.len().div_ceil(PROBES).max(1);
        let sizes: Vec<usize> = files
            .iter()
            .step_by(step)
            .filter_map(|file| Some(decode(file).ok()?.pixels.len()))
            .collect();
        let mean = sizes.iter().sum::<usize>() / sizes.len().max(1);
        let length = (DECODED_BYTES / mean.max(1)).max(1);
        (0..files.len())
            .step_by(length)
            .map(|start| start..(start + length).min(files.len()))
            .collect()
    }

    fn part(&self, range: Range<usize>, digests: Option<&'a [Digest]>) -> Box<dyn DatasetPart + 'a> {
        Box::new(DecodedImages::new(self.0, range, digests))
    }
}

/// A part of the images, each decoded when the first model needs it.
struct DecodedImages<'a> {
    start: usize,
    images: &'a Images,
    /// `[n]` of all images: an image that has another one by now is not decoded, or its features would be kept as those of the old one.
    digests: Option<&'a [Digest]>,
    files: &'a [PathBuf],
    views: Option<&'a [Option<View>]>,
    /// By row: the slot of its file. Consecutive rows of one file share a slot.
    slots: Vec<usize>,
    decoded: Vec<OnceLock<Result<RgbImage, Arc<ImageError>>>>,
}

impl<'a> DecodedImages<'a> {
    /// The images at `range`, not decoded yet.
    fn new(images: &'a Images, range: Range<usize>, digests: Option<&'a [Digest]>) -> Self {
        let views = images.views.as_ref().map(|views| &views[range.clone()]);
        let (start, files) = (range.start, &images.files[range]);
        let mut slots = Vec::with_capacity(files.len());
        let mut last = 0;
        for row in 0..files.len() {
            last += usize::from(row > 0 && files[row] != files[row - 1]);
            slots.push(last);
        }
        let decoded = slots.chunk_by(|a, b| a == b).map(|_| OnceLock::new()).collect();
        Self {
            start,
            images,
            digests,
            files,
            views,
            slots,
            decoded,
        }
    }

    /// The image at position `index` of the data set and the view of it.
    ///
    /// # Errors
    /// [`ErrorKind::UnreadableInputs`] names the file that cannot be decoded.
    fn get(&self, index: usize) -> Result<(&RgbImage, Option<&View>), Error> {
        let row = index - self.start;
        let slot = &self.decoded[self.slots[row]];
        let decoded = slot.get_or_init(|| {
            let decoded = match self.digests.and_then(|digests| digests.get(index)) {
                Some(digest) => self.images.decode_same(index, digest),
                None => decode(&self.files[row]),
            };
            decoded.map_err(Arc::new)
        });
        let view = self.views.and_then(|views| views[row].as_ref());
        let image = decoded
            .as_ref()
            .map_err(|error| Error::new(ErrorKind::UnreadableInputs, error.to_string()).caused_by(Arc::clone(error)))?;
        Ok((image, view))
    }

    /// Writes the pixels of the image at `index`.
    fn write(&self, side: &ImageSide, index: usize, pixels: &mut [f32]) -> Result<(), Error> {
        let (image, view) = self.get(index)?;
        side.processor.apply_view(image, view, pixels).map_err(invalid)
    }
}

fn cause(error: &Error) -> Option<&ImageError> {
    let cause = std::error::Error::source(error)?.downcast_ref::<Arc<ImageError>>()?;
    Some(cause)
}

/// Why an image has no pixels, without its file, which lists of unreadable samples name by themselves.
fn reason(error: &Error) -> String {
    cause(error).map_or_else(|| one_line(error), ImageError::reason)
}

/// Whether the image is another one than the data set was read with, which no result may hide as an unreadable sample.
fn is_changed(error: &Error) -> bool {
    cause(error).is_some_and(|image| image.kind() == ImageErrorKind::Changed)
}

impl DatasetPart for DecodedImages<'_> {
    fn range(&self) -> Range<usize> {
        self.start..self.start + self.files.len()
    }

    fn unit(&self, side: &dyn InputSide, rows: Vec<usize>, _: Plan, buffer: Vec<f32>) -> Option<Unit> {
        let side = (side as &dyn Any).downcast_ref::<ImageSide>()?;
        let (mut unreadable, mut changed) = (Vec::new(), None);
        let batch = side.batch(rows.len(), buffer, |at, pixels| {
            if let Err(error) = self.write(side, rows[at], pixels) {
                pixels.fill(0.0);
                if is_changed(&error) {
                    changed.get_or_insert(error);
                } else {
                    unreadable.push((rows[at], reason(&error)));
                }
            }
        });
        if let Some(error) = changed {
            return Some(Unit::failed(rows, error));
        }
        Some(Unit {
            batches: vec![batch],
            rows,
            unreadable,
            ..Unit::default()
        })
    }
}
