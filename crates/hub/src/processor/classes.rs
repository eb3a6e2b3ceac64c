//! The image processors of `transformers`, and their defaults for fields that a file does not have.
//!
//! A processor is one line in [`CLASSES`], under its name without `ImageProcessor`, `ImageProcessorFast` or `FeatureExtractor`.
//! Defaults are those of `transformers` 5. Version 4 had other filters for ConvNext, EfficientNet, MobileViT and Pvt, which were
//! corrected to the ones that the models were trained with, and another size and crop for Beit. Files that `transformers` wrote
//! have these fields.

use super::recipe::IMAGENET;
use super::resample::Filter;

/// Called `IMAGENET_STANDARD` there.
const HALF: Stats = ([0.5; 3], [0.5; 3]);
/// CLIP's.
const CLIP: Stats = (
    [0.48145466, 0.4578275, 0.40821073],
    [0.26862954, 0.26130258, 0.27577711],
);

pub(super) type Stats = ([f64; 3], [f64; 3]);

/// What `size` means where it is one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OneNumber {
    Square,
    ShortestEdge,
}

/// Steps of a single class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    None,
    /// A shortest edge below 384 is divided by `crop_pct` (224/256), and a square of `shortest_edge` cropped; from 384 on, the
    /// image is warped to a square.
    ConvNext,
    /// The shortest edge is 256/224 of `size`.
    Levit,
    /// `size` is divided by `crop_pct` (0.9); the aspect ratio stays.
    PoolFormer,
    /// `rescale_offset` and `include_top`.
    EfficientNet,
}

/// The defaults of one class.
#[derive(Debug)]
pub(super) struct Class {
    pub name: &'static str,
    /// The families in `transformers` whose older files are of this class without naming it.
    pub model_types: &'static [&'static str],
    pub size: usize,
    pub one_number: OneNumber,
    pub filter: Filter,
    /// Edge of the square that is cropped by default.
    pub crop: Option<usize>,
    /// `None`: no normalisation by default.
    pub stats: Option<Stats>,
    /// Whether channels are blue, green, red by default.
    pub bgr: bool,
    pub rule: Rule,
}

const fn class(name: &'static str, one_number: OneNumber, size: usize, filter: Filter) -> Class {
    Class {
        name,
        model_types: &[],
        size,
        one_number,
        filter,
        crop: None,
        stats: Some(HALF),
        bgr: false,
        rule: Rule::None,
    }
}

impl Class {
    const fn model_types(self, model_types: &'static [&'static str]) -> Self {
        Self { model_types, ..self }
    }

    const fn crop(self, edge: usize) -> Self {
        let crop = Some(edge);
        Self { crop, ..self }
    }

    const fn stats(self, stats: Stats) -> Self {
        let stats = Some(stats);
        Self { stats, ..self }
    }

    const fn without_stats(self) -> Self {
        Self { stats: None, ..self }
    }

    const fn bgr(self) -> Self {
        Self { bgr: true, ..self }
    }

    const fn rule(self, rule: Rule) -> Self {
        Self { rule, ..self }
    }
}

use Filter::{Bicubic, Bilinear};
use OneNumber::{ShortestEdge, Square};

/// Every class. The first one is generic: it stands for an unknown class whose file has all fields.
pub(super) const CLASSES: &[Class] = &[
    class("ViT", Square, 224, Bilinear).model_types(&["vit", "vit_mae", "vit_msn", "swin", "swinv2"]),
    class("DeiT", Square, 256, Bicubic).crop(224).model_types(&["deit"]),
    class("Beit", Square, 224, Bicubic).model_types(&["beit", "data2vec-vision"]),
    class("Bit", ShortestEdge, 224, Bicubic)
        .crop(224)
        .stats(CLIP)
        .model_types(&["bit", "dinov2", "focalnet", "clip"]),
    class("CLIP", ShortestEdge, 224, Bicubic).crop(224).stats(CLIP),
    class("ChineseCLIP", ShortestEdge, 224, Bicubic).crop(224).stats(CLIP),
    class("Blip", Square, 384, Bicubic).stats(CLIP),
    class("Siglip", Square, 224, Bicubic).model_types(&["siglip"]),
    class("ConvNext", ShortestEdge, 384, Bicubic)
        .rule(Rule::ConvNext)
        .model_types(&["convnext", "convnextv2", "resnet", "regnet", "van", "cvt"]),
    class("EfficientNet", Square, 346, Bicubic)
        .rule(Rule::EfficientNet)
        .model_types(&["efficientnet"]),
    class("MobileNetV1", ShortestEdge, 256, Bilinear)
        .crop(224)
        .model_types(&["mobilenet_v1"]),
    class("MobileNetV2", ShortestEdge, 256, Bilinear)
        .crop(224)
        .model_types(&["mobilenet_v2"]),
    class("Levit", ShortestEdge, 224, Bicubic)
        .crop(224)
        .stats(IMAGENET)
        .rule(Rule::Levit)
        .model_types(&["levit"]),
    class("PoolFormer", ShortestEdge, 224, Bicubic)
        .crop(224)
        .stats(IMAGENET)
        .rule(Rule::PoolFormer)
        .model_types(&["poolformer"]),
    class("MobileViT", ShortestEdge, 224, Bicubic)
        .crop(256)
        .without_stats()
        .bgr()
        .model_types(&["mobilevit", "mobilevitv2"]),
    class("Pvt", Square, 224, Bicubic)
        .stats(IMAGENET)
        .model_types(&["pvt", "pvt_v2"]),
    class("Segformer", Square, 512, Bilinear)
        .stats(IMAGENET)
        .model_types(&["segformer"]),
];

/// The class called `name`, with any of its suffixes.
pub(super) fn by_name(name: &str) -> Option<&'static Class> {
    let suffixes = [
        "ImageProcessorFast",
        "ImageProcessorPil",
        "ImageProcessor",
        "FeatureExtractor",
    ];
    let stem = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix))?;
    CLASSES.iter().find(|class| class.name == stem)
}

/// The class of a `model_type` in `transformers`, for older files without the name of a class.
pub(super) fn by_model_type(model_type: &str) -> Option<&'static Class> {
    CLASSES.iter().find(|class| class.model_types.contains(&model_type))
}
