//! A model of the hub made ready: its feature tensor found, its preprocessing read; later, its graph cut and loaded.

use ranktune_data::RgbImage;
use ranktune_hub::{Entry, GraphInput, ImageProcessor, Modality};
use ranktune_onnx::inspect::{Batch as BatchSize, inspect};
use ranktune_onnx::locate::{Hints, Located, Pooling, locate};
use ranktune_onnx::{Dim, Model, check, shapes, transform};

use super::batches::Batch;
use super::options::{ExtractOptions, FeatureChoice};
use super::pool::{self, TokenPooling};
use crate::engine::{self, Elements, Engine, EngineChoice, EngineOptions, Input, Session};
use crate::error::one_line;
use crate::progress::{Event, Progress, Silent};
use crate::store::Block;
use crate::{Error, ErrorKind};

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

/// Why a model of the hub cannot be extracted from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It takes another kind of data.
    NotApplicable(String),
    /// It is broken, or not supported.
    Failed(String),
}

/// A model whose feature tensor and preprocessing are known. Its weights stay in the file until it runs.
#[derive(Clone, Debug)]
pub struct Prepared {
    name: String,
    digest: String,
    parameters: u64,
    model: Model,
    input: String,
    processor: ImageProcessor,
    located: Located,
    tokens: TokenPooling,
    fixed_batch: Option<usize>,
}

impl Prepared {
    /// Reads and checks the model of `entry`, for images.
    ///
    /// # Errors
    /// [`Unusable::NotApplicable`] where its inputs are no image; [`Unusable::Failed`] with file, node and reason otherwise.
    pub fn new(entry: &Entry, feature: &FeatureChoice) -> Result<Self, Unusable> {
        let failed = |error: &dyn std::error::Error| Unusable::Failed(one_line(error));
        let model = Model::load(&entry.model_path).map_err(|error| failed(&error))?;
        check(&model).map_err(|error| failed(&error))?;
        let modality = entry.modality(Some(&model.graph.inputs));
        let [input] = model.graph.inputs.as_slice() else {
            return Err(Unusable::NotApplicable(format!(
                "it takes {} inputs ({}), not one image",
                model.graph.inputs.len(),
                modality.name()
            )));
        };
        if modality != Modality::Image {
            let why = GraphInput::from_value_info(input)
                .err()
                .map_or_else(String::new, |error| format!(": {error}"));
            return Err(Unusable::NotApplicable(format!(
                "its input is {}, the data are images{why}",
                modality.name()
            )));
        }
        let graph_input = GraphInput::from_value_info(input).map_err(|error| failed(&error))?;
        let processor = entry.image_processor(&graph_input);
        let hints = Hints {
            feature: match feature {
                FeatureChoice::Auto => entry.feature.clone(),
                FeatureChoice::Named(name) => Some(name.clone()),
            },
            num_labels: entry.config.num_labels,
            hidden_dim: entry.config.hidden_dim,
        };
        let mut located = locate(&model, &hints).map_err(|error| failed(&error))?;
        // Logits of every token are no prediction for the image.
        let shapes = shapes::infer(&model).map_err(|error| failed(&error))?;
        located.logits = located.logits.filter(|logits| shapes.rank(logits) != Some(3));
        let family = entry.config.model_type.as_deref().unwrap_or_default();
        let inspection = inspect(&model);
        Ok(Self {
            name: entry.name.clone(),
            digest: entry.digest().map_err(|error| failed(&error))?.to_hex().to_string(),
            parameters: inspection.parameters,
            input: input.name.clone(),
            processor: processor.map_err(|error| failed(&error))?,
            located,
            tokens: if FIRST_TOKEN.contains(&family) {
                TokenPooling::First
            } else {
                TokenPooling::Mean
            },
            fixed_batch: match inspection.batch {
                BatchSize::Fixed(size) => Some(size),
                BatchSize::Dynamic => None,
            },
            model,
        })
    }

    /// The same model for images whose shorter edge has `edge` pixels: its preprocessing in proportion, and the graph's height
    /// and width left open. Whether the graph runs at that size shows when it runs.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a size that no image can have.
    pub fn at_size(&self, edge: usize) -> Result<Self, Error> {
        let processor = self
            .processor
            .at_size(edge)
            .map_err(|error| Error::new(ErrorKind::InvalidInput, error.to_string()))?;
        let mut resized = Self {
            processor,
            ..self.clone()
        };
        let (rows, columns) = if resized.processor.is_channels_last() {
            (1, 2)
        } else {
            (2, 3)
        };
        let graph = &mut resized.model.graph;
        for input in graph.inputs.iter_mut().filter(|input| input.name == self.input) {
            if let Some(shape) = &mut input.shape {
                for (axis, name) in [(rows, "height"), (columns, "width")] {
                    shape[axis] = Dim::Named(name.to_owned());
                }
            }
        }
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

    /// Content digest of the model's files, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Number of weights.
    pub fn parameters(&self) -> u64 {
        self.parameters
    }

    /// The tensor whose values are the features.
    pub fn feature_tensor(&self) -> &str {
        &self.located.feature
    }

    /// Features a sample, where the graph tells.
    pub fn feature_dim(&self) -> Option<usize> {
        self.located.feature_dim
    }

    /// The classifier's logits, if the model has one.
    pub fn logits(&self) -> Option<&str> {
        self.located.logits.as_deref()
    }

    /// How the feature tensor becomes a row: `none`, `global-average`, `first-token` or `mean-of-tokens`.
    pub fn pooling_name(&self) -> &'static str {
        match (self.located.pooling, self.tokens) {
            (Pooling::GlobalAverage { .. }, _) => "global-average",
            (Pooling::Tokens, TokenPooling::First) => "first-token",
            (Pooling::Tokens, TokenPooling::Mean) => "mean-of-tokens",
            _ => "none",
        }
    }

    /// How images are prepared for it.
    pub fn processor(&self) -> &ImageProcessor {
        &self.processor
    }

    /// The batch size the graph was exported with, if it runs at no other.
    pub fn fixed_batch(&self) -> Option<usize> {
        self.fixed_batch
    }

    /// Name of the graph's input.
    pub fn input(&self) -> &str {
        &self.input
    }

    /// The tensors a run computes: the features, and the logits if there are any.
    pub fn outputs(&self) -> Vec<&str> {
        let feature = self.located.feature.as_str();
        // A model may give its features out as logits too (--feature logits); an engine is asked for each tensor once.
        let logits = self.located.logits.as_deref().filter(|logits| *logits != feature);
        std::iter::once(feature).chain(logits).collect()
    }

    /// The graph cut behind features and logits and simplified, serialised for an engine.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedModel`] with what the graph tools say.
    pub fn graph(&self) -> Result<Vec<u8>, Error> {
        let graph_error =
            |error: ranktune_onnx::Error| Error::new(ErrorKind::UnsupportedModel, error.to_string()).caused_by(error);
        let mut model = self.model.clone();
        transform::cut(&mut model, &self.outputs()).map_err(graph_error)?;
        transform::simplify(&mut model).map_err(graph_error)?;
        model.to_bytes().map_err(graph_error)
    }

    /// Loads the graph into an engine.
    pub(crate) fn open(&self, engines: &Engines, threads: usize, progress: &dyn Progress) -> Result<Runner<'_>, Error> {
        let (session, engine) = engines.load(&self.name, &self.graph()?, threads, progress)?;
        Ok(Runner {
            prepared: self,
            session,
            preferred_batch: engine.preferred_batch(self.processor.output_shape().iter().product()),
            outputs: self.outputs(),
        })
    }
}

/// Runs a model once on one engine, over two images made of gradients: features `[2, d]`, row-major.
///
/// # Errors
/// The engine is not there, does not take the model, or gives features that are not finite.
pub fn probe(model: &Prepared, engine: EngineChoice, options: &ExtractOptions) -> Result<Vec<f32>, Error> {
    let options = ExtractOptions {
        engine,
        ..options.clone()
    };
    let engines = Engines::open(&options, &Silent)?;
    let threads = options.threads.unwrap_or_else(engine::default_threads);
    let mut runner = model.open(&engines, threads, &Silent)?;
    let [a, b, c] = model.processor.output_shape();
    let mut batch = Batch {
        rows: 0..2,
        pixels: vec![0.0; 2 * a * b * c],
        unreadable: Vec::new(),
    };
    for (sample, pixels) in batch.pixels.chunks_exact_mut(a * b * c).enumerate() {
        let (width, height) = (97 + 31 * sample, 89);
        let at = |index: usize| ((index * (7 + 3 * sample)) % 251) as u8;
        let image = RgbImage {
            width,
            height,
            pixels: (0..3 * width * height).map(at).collect(),
        };
        model
            .processor
            .apply(&image, pixels)
            .map_err(|error| Error::new(ErrorKind::InvalidInput, error.to_string()))?;
    }
    let features = runner.run(&mut batch)?.features;
    match features.iter().position(|value| !value.is_finite()) {
        None => Ok(features),
        Some(at) => Err(Error::new(
            ErrorKind::Inference,
            format!("feature {at} is {}, expected finite numbers", features[at]),
        )),
    }
}

/// The engines that may run a model, the preferred one first.
pub(crate) struct Engines(Vec<Box<dyn Engine>>);

impl Engines {
    pub(crate) fn open(options: &ExtractOptions, progress: &dyn Progress) -> Result<Self, Error> {
        let chosen = engine::select(options.engine, options.onnxruntime.as_deref())?;
        for note in &chosen.notes {
            progress.event(Event::Note(note));
        }
        progress.event(Event::Note(&format!("engine: {}", chosen.engine.description())));
        let embedded = engine::select(EngineChoice::Rten, None)?.engine;
        let mut engines = vec![chosen.engine];
        if options.engine == EngineChoice::Auto && engines[0].name() != embedded.name() {
            engines.push(embedded);
        }
        Ok(Self(engines))
    }

    /// Loads a model into the first engine that takes it.
    fn load(
        &self,
        name: &str,
        model: &[u8],
        threads: usize,
        progress: &dyn Progress,
    ) -> Result<(Box<dyn Session>, &dyn Engine), Error> {
        let options = EngineOptions::default().with_threads(threads);
        let mut refused = None;
        for engine in &self.0 {
            match engine.load(model, &options) {
                Ok(session) => {
                    if let Some(error) = &refused {
                        let note = format!("{name}: run by {} because {}", engine.name(), one_line(error));
                        progress.event(Event::Note(&note));
                    }
                    return Ok((session, engine.as_ref()));
                }
                Err(error) => refused = Some(refused.unwrap_or(error)),
            }
        }
        Err(refused.unwrap_or_else(|| Error::new(ErrorKind::UnsupportedModel, format!("no engine runs {name}"))))
    }
}

/// A model that is ready to run.
pub(crate) struct Runner<'a> {
    prepared: &'a Prepared,
    session: Box<dyn Session>,
    preferred_batch: usize,
    outputs: Vec<&'a str>,
}

/// What a run gives for a batch.
pub(crate) struct Computed {
    features: Vec<f32>,
    logits: Option<Vec<f32>>,
    valid: Vec<bool>,
}

impl Computed {
    pub(crate) fn block(&self) -> Block<'_> {
        Block {
            features: &self.features,
            logits: self.logits.as_deref(),
            valid: Some(&self.valid),
        }
    }
}

impl Runner<'_> {
    /// Samples a run that the engine is fastest at.
    pub(crate) fn preferred_batch(&self) -> usize {
        self.preferred_batch
    }

    /// Features and logits of a batch, a row a sample.
    pub(crate) fn run(&mut self, batch: &mut Batch) -> Result<Computed, Error> {
        let rows = batch.rows.len();
        let size = self.prepared.fixed_batch.unwrap_or(rows).max(rows);
        let sample = self.prepared.processor.output_shape();
        // A graph of a fixed batch size takes the last, smaller batch filled up with zeros.
        batch.pixels.resize(size * sample.iter().product::<usize>(), 0.0);
        let shape = [size, sample[0], sample[1], sample[2]];
        let input = Input {
            name: &self.prepared.input,
            shape: &shape,
            elements: Elements::F32(&batch.pixels),
        };
        let mut outputs = self.session.run(&[input], &self.outputs)?.into_iter();
        let missing = || {
            Error::new(
                ErrorKind::Inference,
                "the engine gave fewer outputs than it was asked for",
            )
        };
        let feature = outputs.next().ok_or_else(missing)?;
        let features = pool::rows(&feature, rows, self.prepared.located.pooling, self.prepared.tokens)
            .map_err(|error| error.about(&self.prepared.located.feature))?;
        let logits = match (self.prepared.logits(), outputs.next()) {
            (None, _) => None,
            (Some(name), Some(logits)) => Some(
                pool::rows(&logits, rows, Pooling::None, self.prepared.tokens).map_err(|error| error.about(name))?,
            ),
            (Some(_), None) => Some(features.clone()),
        };
        let mut valid = vec![true; rows];
        for (row, _) in &batch.unreadable {
            valid[row - batch.rows.start] = false;
        }
        Ok(Computed {
            features,
            logits,
            valid,
        })
    }
}
