//! The image processors of `transformers`: what each does where its file does not say.
//!
//! A processor is one line in [`CLASSES`], under its name without `ImageProcessor`, `ImageProcessorFast` or `FeatureExtractor`.
//! Defaults are those of the constructors in `transformers`.

use super::resample::Filter;

/// ImageNet's.
const IMAGENET: Stats = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
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

/// Steps that only one class takes.
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
    let (crop, stats, bgr, rule) = (None, Some(HALF), false, Rule::None);
    Class {
        name,
        size,
        one_number,
        filter,
        crop,
        stats,
        bgr,
        rule,
    }
}

const fn with_crop(crop: usize, class: Class) -> Class {
    let crop = Some(crop);
    Class { crop, ..class }
}

const fn with_stats(stats: Stats, class: Class) -> Class {
    let stats = Some(stats);
    Class { stats, ..class }
}

const fn with_rule(rule: Rule, class: Class) -> Class {
    Class { rule, ..class }
}

use Filter::{Bicubic, Bilinear, Nearest};
use OneNumber::{ShortestEdge, Square};

pub(super) const CLASSES: &[Class] = &[
    class("ViT", Square, 224, Bilinear),
    with_crop(224, class("DeiT", Square, 256, Bicubic)),
    with_crop(224, class("Beit", Square, 256, Bicubic)),
    with_crop(224, with_stats(CLIP, class("Bit", ShortestEdge, 224, Bicubic))),
    with_crop(224, with_stats(CLIP, class("CLIP", ShortestEdge, 224, Bicubic))),
    with_crop(224, with_stats(CLIP, class("ChineseCLIP", ShortestEdge, 224, Bicubic))),
    with_stats(CLIP, class("Blip", Square, 384, Bicubic)),
    class("Siglip", Square, 224, Bicubic),
    with_rule(Rule::ConvNext, class("ConvNext", ShortestEdge, 384, Bilinear)),
    with_rule(Rule::EfficientNet, class("EfficientNet", Square, 346, Nearest)),
    with_crop(224, class("MobileNetV1", ShortestEdge, 256, Bilinear)),
    with_crop(224, class("MobileNetV2", ShortestEdge, 256, Bilinear)),
    with_rule(
        Rule::Levit,
        with_crop(224, with_stats(IMAGENET, class("Levit", ShortestEdge, 224, Bicubic))),
    ),
    with_rule(
        Rule::PoolFormer,
        with_crop(
            224,
            with_stats(IMAGENET, class("PoolFormer", ShortestEdge, 224, Bicubic)),
        ),
    ),
    Class {
        stats: None,
        bgr: true,
        ..with_crop(256, class("MobileViT", ShortestEdge, 224, Bilinear))
    },
    with_stats(IMAGENET, class("Pvt", Square, 224, Bilinear)),
    with_stats(IMAGENET, class("Segformer", Square, 512, Bilinear)),
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

/// The class that `transformers` pairs with a `model_type`, for files from before they named their class.
pub(super) fn by_model_type(model_type: &str) -> Option<&'static Class> {
    let stem = match model_type {
        "vit" | "vit_mae" | "vit_msn" | "swin" | "swinv2" => "ViT",
        "deit" => "DeiT",
        "beit" | "data2vec-vision" => "Beit",
        "bit" | "dinov2" | "focalnet" | "clip" => "Bit",
        "convnext" | "convnextv2" | "resnet" | "regnet" | "van" | "cvt" => "ConvNext",
        "efficientnet" => "EfficientNet",
        "mobilenet_v1" => "MobileNetV1",
        "mobilenet_v2" => "MobileNetV2",
        "levit" => "Levit",
        "poolformer" => "PoolFormer",
        "mobilevit" | "mobilevitv2" => "MobileViT",
        "pvt" | "pvt_v2" => "Pvt",
        "segformer" => "Segformer",
        "siglip" => "Siglip",
        _ => return None,
    };
    CLASSES.iter().find(|class| class.name == stem)
}
