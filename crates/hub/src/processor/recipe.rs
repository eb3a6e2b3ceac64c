//! The preprocessing of a configuration file: resizing, cropping, rescaling and normalization.

use std::fmt;

use super::geometry::{Crop, Resize};
use super::resample::Filter;

/// ImageNet's mean and standard deviation, the default without a configuration file.
pub(super) const IMAGENET: ([f64; 3], [f64; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

/// Rescaling and normalization of a byte: `x = v·scale - offset`, then `(x - mean) / std`, then, for some models, `/ std` again.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Numbers {
    pub(super) scale: Option<f64>,
    pub(super) offset: f32,
    /// One value, or one per channel.
    pub(super) mean_std: Option<(Vec<f64>, Vec<f64>)>,
    pub(super) twice: bool,
}

impl Numbers {
    /// The byte itself.
    pub(super) const BYTES: Self = Self {
        scale: None,
        offset: 0.0,
        mean_std: None,
        twice: false,
    };

    /// `v / 255`, normalized.
    pub(super) fn normalized(mean: Vec<f64>, std: Vec<f64>) -> Self {
        Self {
            scale: Some(1.0 / 255.0),
            offset: 0.0,
            mean_std: Some((mean, std)),
            twice: false,
        }
    }

    /// The table for channel `c`.
    pub(super) fn table(&self, c: usize) -> [f32; 256] {
        let of = |values: &[f64]| values[c.min(values.len() - 1)] as f32;
        std::array::from_fn(|v| {
            let v = v as f64;
            let x = self.scale.map_or(v as f32, |scale| (v * scale) as f32) - self.offset;
            match &self.mean_std {
                Some((mean, std)) if self.twice => (x - of(mean)) / of(std) / of(std),
                Some((mean, std)) => (x - of(mean)) / of(std),
                None => x,
            }
        })
    }
}

/// Where settings are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// `preprocessor_config.json`, with the name of its class.
    HuggingFace(String),
    /// A timm `config.json`.
    Timm,
    /// No file: the graph's input alone.
    Default,
}

impl Origin {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::HuggingFace(class) => class,
            Self::Timm => "timm",
            Self::Default => "default",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The preprocessing of a configuration file, before it is checked against the graph.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) origin: Origin,
    pub(super) resize: Resize,
    pub(super) filter: Filter,
    pub(super) crop: Option<Crop>,
    pub(super) numbers: Numbers,
    pub(super) bgr: bool,
    pub(super) notes: Vec<String>,
}
