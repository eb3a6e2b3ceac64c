//! What a caller may choose about extraction.

use std::path::PathBuf;

use ranktune_hub::TextPooling;
use ranktune_nn::DeviceChoice;

use crate::engine::EngineChoice;
use crate::store::CachePrecision;

/// Which tensor's values are the features.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FeatureChoice {
    /// The input of the last linear layer, or what the model gives where it has none.
    #[default]
    Auto,
    /// The tensor, or the output of the node, of this name.
    Named(String),
    /// The output of every block, and at last the features that [`FeatureChoice::Auto`] takes: one row holds them all, one after the
    /// other.
    Layers,
}

/// How the tokens of a word become its features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WordPooling {
    /// The first token's.
    #[default]
    First,
    /// The average over its tokens.
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

/// Where features are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheOptions {
    /// In memory, for this run only.
    Off,
    /// In a folder.
    On {
        /// The folder; by default that of [`Store::default_folder`](crate::store::Store::default_folder).
        folder: Option<PathBuf>,
        /// Size beyond which the least recently used entries are deleted, in bytes.
        max_bytes: u64,
        /// In which precision.
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

/// How features are extracted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExtractOptions {
    /// The feature tensor. Default: found in the graph.
    pub feature: FeatureChoice,
    /// How the tokens of a text become its features, where a model gives them for every token. Default: as the model's files say
    /// (see [`ranktune_hub::text`]).
    pub pooling: Option<TextPooling>,
    /// How the tokens of a word become its features, where the samples are words. Default: the first token's.
    pub word_pooling: WordPooling,
    /// What runs the graphs. Default: the fastest that is there.
    pub engine: EngineChoice,
    /// Where the graphs run. Default: the CPU.
    pub device: DeviceChoice,
    /// Library of ONNX Runtime. Default: looked for (see [`library`](crate::engine::library)).
    pub onnxruntime: Option<PathBuf>,
    /// Samples a run. Default: what the engine runs fastest (`experiments/engine_speed`); a graph exported with a fixed batch size runs
    /// at that size.
    pub batch_size: Option<usize>,
    /// Threads of the engine, and threads that prepare its inputs. Default: all cores.
    pub threads: Option<usize>,
    /// Where features are kept. Default: the user's cache folder, 20 GiB.
    pub cache: CacheOptions,
}
