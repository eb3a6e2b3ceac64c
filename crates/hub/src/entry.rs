//! One model of a hub: its files, their settings, and its digest.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use ranktune_onnx::{DataType, ValueInfo};

use crate::{Error, GraphInput, ImageProcessor, License, ModelConfig, Overrides, RepoId, TextPooling, card, external};

/// The kind of a model's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InputModality {
    /// One image.
    Image,
    /// Token indices.
    Text,
    /// Another kind, or unknown without the graph.
    Other,
}

impl InputModality {
    /// `image`, `text` or `other`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Text => "text",
            Self::Other => "other",
        }
    }
}

/// A model and its configuration files.
#[derive(Clone, Debug)]
pub struct HubEntry {
    /// Unique name in the hub.
    pub name: String,
    /// The folder of the model's configuration files; `None` for an ONNX file without any.
    pub dir: Option<PathBuf>,
    /// The ONNX file.
    pub model_path: PathBuf,
    /// `config.json`; empty without one.
    pub config: ModelConfig,
    /// How a text model's tokens are pooled, if a file or manifest sets it.
    pub pooling: Option<TextPooling>,
    /// `tokenizer.json`, if it exists.
    pub tokenizer_path: Option<PathBuf>,
    /// Whether there are settings for images: `preprocessor_config.json`, `processor_config.json`, or timm's.
    pub has_image_settings: bool,
    /// The licenses that the model card or a manifest states; empty if the license is unknown.
    pub licenses: Vec<License>,
    /// The repository at its commit, for a downloaded model.
    pub pinned: Option<RepoId>,
    /// Name of the feature tensor, if a manifest sets it.
    pub feature: Option<String>,
    /// Fields of a manifest that override those of `preprocessor_config.json`;
    /// [`image_processor`](Self::image_processor) applies them.
    pub preprocessing: Option<serde_json::Map<String, serde_json::Value>>,
    digest: Arc<Mutex<Option<(Stamps, blake3::Hash)>>>,
}

/// Path, length and modification time of every file that a digest covers.
type Stamps = Vec<(PathBuf, u64, SystemTime)>;

impl HubEntry {
    /// Reads the configuration files beside a model.
    pub(crate) fn open(name: String, model_path: PathBuf, dir: Option<PathBuf>) -> Result<Self, Error> {
        let of = |dir: &PathBuf| -> Result<_, Error> {
            // Old versions of sentence-transformers keep the model in a folder of its own.
            let inner = dir.join("0_Transformer");
            let config = match ModelConfig::from_dir(dir)? {
                Some(config) => config,
                None => ModelConfig::from_dir(&inner)?.unwrap_or_default(),
            };
            let mut tokenizers = [dir, &inner].map(|dir| dir.join("tokenizer.json")).into_iter();
            let tokenizer = tokenizers.find(|path| path.is_file());
            Ok((config, TextPooling::from_dir(dir)?, tokenizer, has_image_settings(dir)?))
        };
        let (config, pooling, tokenizer_path, has_image_settings) =
            dir.as_ref().map(of).transpose()?.unwrap_or_default();
        let digest = Arc::default();
        Ok(Self {
            licenses: dir.as_deref().map(card::licenses).unwrap_or_default(),
            name,
            dir,
            model_path,
            config,
            pooling,
            tokenizer_path,
            has_image_settings,
            pinned: None,
            feature: None,
            preprocessing: None,
            digest,
        })
    }

    /// Applies the overrides of a manifest.
    pub(crate) fn with_overrides(mut self, overrides: Overrides) -> Self {
        self.feature = overrides.feature;
        self.pooling = overrides.pooling.or(self.pooling);
        self.has_image_settings |= overrides.preprocessing.is_some();
        self.preprocessing = overrides.preprocessing;
        if let Some(license) = overrides.license {
            self.licenses = vec![license];
        }
        self
    }

    /// The preprocessing of images, from the model's files and the overrides of a manifest.
    ///
    /// # Errors
    /// As [`ImageProcessor::from_dir`].
    pub fn image_processor(&self, input: &GraphInput) -> Result<ImageProcessor, Error> {
        match (&self.preprocessing, &self.dir) {
            (Some(overrides), dir) => ImageProcessor::with_overrides(dir.as_deref(), overrides, input)
                .map_err(|e| e.about(&format!("{}: preprocessing of the manifest", self.name))),
            (None, Some(dir)) => ImageProcessor::from_dir(dir, input),
            (None, None) => ImageProcessor::from_graph_input(input),
        }
    }

    /// Whether the model has a `tokenizer.json`.
    pub fn has_tokenizer(&self) -> bool {
        self.tokenizer_path.is_some()
    }

    /// The kind of the model's input, from the graph's inputs if given, else from the files beside it.
    pub fn modality(&self, inputs: Option<&[ValueInfo]>) -> InputModality {
        let Some(inputs) = inputs else {
            if self.has_image_settings {
                return InputModality::Image;
            }
            if self.has_tokenizer() {
                return InputModality::Text;
            }
            return InputModality::Other;
        };
        let is_index = |input: &ValueInfo| matches!(input.data_type, Some(DataType::I64 | DataType::I32));
        let rank = |input: &ValueInfo| input.shape.as_ref().map(Vec::len);
        match inputs {
            [one] if !is_index(one) && GraphInput::from_value_info(one).is_ok() => InputModality::Image,
            // [batch, sequence] of indices, and nothing else.
            [_, ..]
                if inputs
                    .iter()
                    .all(|input| is_index(input) && matches!(rank(input), None | Some(2))) =>
            {
                InputModality::Text
            }
            _ => InputModality::Other,
        }
    }

    /// The BLAKE3 digest of the model: of the ONNX file, and of the names and contents of its files of weights. It is computed
    /// once, and again after a file's length or modification time has changed.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if a file cannot be read; [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if weights are outside the model's folder.
    pub fn digest(&self) -> Result<blake3::Hash, Error> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |e: io::Error| Error::io("cannot read the model", e, &path)
        };
        let mut known = self.digest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((stamps, hash)) = known.as_ref() {
            let same = |(path, length, time): &(PathBuf, u64, SystemTime)| {
                stamp(path).is_ok_and(|(_, l, t)| (l, t) == (*length, *time))
            };
            if stamps.iter().all(same) {
                return Ok(*hash);
            }
        }
        let model = &self.model_path;
        let mut stamps = vec![stamp(model).map_err(io(model))?];
        let mut hasher = blake3::Hasher::new();
        let file = File::open(model).map_err(io(model))?;
        hasher.update_reader(&file).map_err(io(model))?;
        let names = external::locations(File::open(model).map_err(io(model))?, stamps[0].1);
        for name in names {
            let relative = Path::new(&name);
            if !relative
                .components()
                .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
            {
                let text = format!("weights outside the model's folder are not supported, found {name:?}");
                return Err(Error::unsupported(text).in_file(model));
            }
            let path = model.parent().unwrap_or(Path::new("")).join(relative);
            let stamp = stamp(&path).map_err(io(&path))?;
            // Lengths before contents, so that no two sets of files give the same bytes.
            hasher
                .update(&(name.len() as u64).to_le_bytes())
                .update(name.as_bytes())
                .update(&stamp.1.to_le_bytes());
            hasher
                .update_reader(File::open(&path).map_err(io(&path))?)
                .map_err(io(&path))?;
            stamps.push(stamp);
        }
        let hash = hasher.finalize();
        *known = Some((stamps, hash));
        Ok(hash)
    }
}

fn stamp(path: &Path) -> io::Result<(PathBuf, u64, SystemTime)> {
    let meta = fs::metadata(path)?;
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
    }
    Ok((path.to_owned(), meta.len(), meta.modified()?))
}

/// Whether a folder has settings for images. Audio models have settings in a file of the same name.
fn has_image_settings(dir: &Path) -> Result<bool, Error> {
    let image = |object: &crate::json::Object| {
        [
            "image_processor_type",
            "image_mean",
            "resample",
            "do_resize",
            "crop_size",
        ]
        .iter()
        .any(|name| object.contains_key(*name))
            || (object.contains_key("size") && !object.contains_key("sampling_rate"))
    };
    if let Some(object) = crate::json::read_object(&dir.join("preprocessor_config.json"))? {
        return Ok(image(&object));
    }
    if let Some(object) = crate::json::read_object(&dir.join("processor_config.json"))?
        && object.get("image_processor").is_some_and(|inner| inner.is_object())
    {
        return Ok(true);
    }
    let config = crate::json::read_object(&dir.join("config.json"))?;
    Ok(config.is_some_and(|c| c.contains_key("pretrained_cfg") || c.contains_key("input_size")))
}
