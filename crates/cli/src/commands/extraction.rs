//! The arguments of feature extraction, shared by all commands that run models.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use ranktune::{
    CacheOptions, CachePrecision as Precision, DeviceChoice, EngineChoice, ExtractOptions, FeatureChoice, TextPooling,
    WordPooling,
};

/// `--pooling`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PoolingName {
    /// The mean over all tokens
    Mean,
    /// The first token, such as [CLS]
    First,
    /// The last token, for decoders
    Last,
}

/// `--word-pooling`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum WordPoolingName {
    /// Features of the first token
    #[default]
    First,
    /// The mean over the tokens of the word
    Mean,
}

impl From<PoolingName> for TextPooling {
    fn from(name: PoolingName) -> Self {
        match name {
            PoolingName::Mean => Self::Mean,
            PoolingName::First => Self::FirstToken,
            PoolingName::Last => Self::LastToken,
        }
    }
}

/// `--cache-precision`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum CachePrecision {
    /// Full precision
    #[default]
    F32,
    /// Half precision
    F16,
}

/// The options of feature extraction.
#[derive(Debug, Args)]
#[command(next_help_heading = "Extraction")]
pub(crate) struct ExtractionArguments {
    /// The feature tensor: a name in the graph, auto for the input of the last linear layer, or layers for the output of every
    /// block
    #[arg(long, value_name = "NAME|auto|layers", default_value = "auto")]
    feature: String,
    /// Pooling of the tokens of a text [default: from the model's files, or else mean, or last for decoders]
    #[arg(long, value_enum)]
    pooling: Option<PoolingName>,
    /// Pooling of the tokens of a word, for --task tokens
    #[arg(long, value_enum, default_value_t)]
    word_pooling: WordPoolingName,
    /// Samples per run of the model [default: the fastest for the engine]
    #[arg(long, value_name = "N", value_parser = positive)]
    batch_size: Option<usize>,
    #[command(flatten)]
    engine: EngineArguments,
}

/// The engine, and the feature cache.
#[derive(Debug, Args)]
#[command(next_help_heading = "Extraction")]
pub(crate) struct EngineArguments {
    /// The engine that runs the models: rten (built in), onnxruntime (a library on this machine), burn (also trains models, and runs
    /// on GPUs), or auto for the fastest one available
    #[arg(long, value_name = "auto|rten|onnxruntime|burn", default_value = "auto")]
    engine: String,
    /// Library of ONNX Runtime [default: searched for, first in the active Python environment]
    #[arg(long, value_name = "FILE", env = "ORT_DYLIB_PATH")]
    onnxruntime: Option<PathBuf>,
    /// The device on which models run and are trained: cpu, cuda (an NVIDIA GPU; cuda:1 is the second one) or wgpu (any GPU with
    /// Vulkan, Metal or DirectX 12). A GPU needs a build with that feature
    #[arg(long, value_name = "cpu|cuda|wgpu", default_value_t)]
    pub(crate) device: DeviceChoice,
    /// Number of threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = positive)]
    jobs: Option<usize>,
    /// Folder of the feature cache [default: RANKTUNE_CACHE, or the user's cache folder]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Maximum size of the feature cache in GB; the least recently used features are deleted first
    #[arg(long, value_name = "GB", default_value_t = 20.0)]
    cache_limit: f64,
    /// Do not cache features
    #[arg(long, visible_alias = "no-feature-cache", conflicts_with = "cache")]
    no_cache: bool,
    /// Precision of cached features: half precision takes half the space, and scores change in the fourth digit
    #[arg(long, value_enum, default_value_t)]
    cache_precision: CachePrecision,
}

impl ExtractionArguments {
    pub(crate) fn options(&self) -> anyhow::Result<ExtractOptions> {
        Ok(ExtractOptions {
            feature: match self.feature.as_str() {
                "layers" => FeatureChoice::Layers,
                name => feature(name)?,
            },
            pooling: self.pooling.map(TextPooling::from),
            word_pooling: match self.word_pooling {
                WordPoolingName::First => WordPooling::First,
                WordPoolingName::Mean => WordPooling::Mean,
            },
            batch_size: self.batch_size,
            ..self.engine.options()?
        })
    }
}

/// The tensor of `--feature`, for commands that take one.
pub(crate) fn feature(text: &str) -> anyhow::Result<FeatureChoice> {
    anyhow::ensure!(
        text != "layers",
        "--feature layers is for ranking and for exporting features; name one tensor (ranktune hub inspect lists them), or leave --feature out"
    );
    Ok(match text {
        "auto" => FeatureChoice::Auto,
        name => FeatureChoice::Named(name.to_owned()),
    })
}

impl EngineArguments {
    pub(crate) fn options(&self) -> anyhow::Result<ExtractOptions> {
        anyhow::ensure!(
            self.cache_limit.is_finite() && self.cache_limit > 0.0,
            "--cache-limit must be a size in GB above 0, got {}",
            self.cache_limit
        );
        Ok(ExtractOptions {
            feature: FeatureChoice::Auto,
            pooling: None,
            word_pooling: WordPooling::default(),
            engine: self.engine.parse::<EngineChoice>()?,
            device: self.device,
            onnxruntime: self.onnxruntime.clone(),
            batch_size: None,
            threads: self.jobs,
            cache: if self.no_cache {
                CacheOptions::Off
            } else {
                CacheOptions::On {
                    folder: self.cache.clone(),
                    max_bytes: (self.cache_limit * 1e9) as u64,
                    precision: match self.cache_precision {
                        CachePrecision::F32 => Precision::F32,
                        CachePrecision::F16 => Precision::F16,
                    },
                }
            },
            ..ExtractOptions::default()
        })
    }
}

/// A positive integer.
pub(crate) fn positive(text: &str) -> anyhow::Result<usize> {
    let value: NonZeroUsize = text
        .parse()
        .with_context(|| format!("expected a positive integer, got {text}"))?;
    Ok(value.get())
}
