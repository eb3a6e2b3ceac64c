//! Options of extraction.

use std::path::PathBuf;

use ranktune_hub::TextPooling;
use ranktune_nn::DeviceChoice;

use crate::engine::EngineChoice;
use crate::store::CachePrecision;

/// The tensor whose values are the features.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FeatureChoice {
    /// The input of the last linear layer, or the output of a model without one.
    #[default]
    Auto,
    /// The tensor with this name, or the output of the node with this name.
    Named(String),
    /// The output of every block, followed by the features of [`FeatureChoice::Auto`]; a row concatenates all of them.
    Layers,
}

/// How the features of a word are computed from those of its tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WordPooling {
    /// Those of the first token.
    #[default]
    First,
    /// The mean over the tokens.
    Mean,
}

impl WordPooling {
    /// `first` or `mean`.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Mean => "mean",
        }
    }
}

/// The feature cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheOptions {
    /// No cache: features are kept in memory, for this run only.
    Off,
    /// In a folder.
    On {
        /// The folder. Default: [`Store::default_folder`](crate::store::Store::default_folder).
        folder: Option<PathBuf>,
        /// Maximum size in bytes; the least recently used entries are deleted first. Default: 20 GiB.
        max_bytes: u64,
        /// Precision of the features. Default: f32.
        precision: CachePrecision,
    },
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self::On {
            folder: None,
            max_bytes: 20 << 30,
            precision: CachePrecision::F32,
        }
    }
}

/// Options of extraction.
#[derive(Clone, Debug, PartialEq)]
pub struct ExtractOptions {
    /// The feature tensor. Default: located in the graph.
    pub feature: FeatureChoice,
    /// Pooling of the tokens of a text, for a model with features of every token. Default: from the model's files (see
    /// [`ranktune_hub::text`]).
    pub pooling: Option<TextPooling>,
    /// Pooling of the tokens of a word, for data sets of words. Default: the first token.
    pub word_pooling: WordPooling,
    /// The engine that runs the graphs. Default: the fastest one available.
    pub engine: EngineChoice,
    /// The device on which the graphs run. Default: the CPU.
    pub device: DeviceChoice,
    /// Library of ONNX Runtime. Default: searched for (see [`library`](crate::engine::library)).
    pub onnxruntime: Option<PathBuf>,
    /// Batch size. Default: the fastest for the engine (`experiments/engine_speed`); a graph exported with a fixed batch size runs at that
    /// size.
    pub batch_size: Option<usize>,
    /// Number of threads of the engine, and of threads that prepare its inputs. Default: all physical cores.
    pub threads: Option<usize>,
    /// The feature cache. Default: the user's cache folder, 20 GiB.
    pub cache: CacheOptions,
    /// The largest share of samples that may be unreadable; one always may. Default: 0.05, because more are not a few damaged files
    /// but a wrong folder, a broken download or an unsupported format.
    pub max_unreadable: f64,
}

impl Default for ExtractOptions {
    fn default() -> Self {
        Self {
            feature: FeatureChoice::default(),
            pooling: None,
            word_pooling: WordPooling::default(),
            engine: EngineChoice::default(),
            device: DeviceChoice::default(),
            onnxruntime: None,
            batch_size: None,
            threads: None,
            cache: CacheOptions::default(),
            max_unreadable: 0.05,
        }
    }
}
