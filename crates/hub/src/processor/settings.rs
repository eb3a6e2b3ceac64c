//! An image processor at another size, and written to a model's configuration files.
//!
//! A processor from a timm configuration is written as one (only that format implies timm's rounding), every other as a
//! `preprocessor_config.json` with all fields. Either file, read again, results in bit-identical pixels.

use serde_json::{Map, Value, json};

use super::geometry::{Crop, Resize, Size, checked_edge};
use super::graph_input::{GraphInput, ImageLayout};
use super::image_processor::ImageProcessor;
use super::recipe::Origin;
use super::resample::Filter;
use crate::Error;

/// Settings to write beside a model, from which the same processor is read again.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ImageSettings {
    /// The object in `preprocessor_config.json`.
    HuggingFace(Map<String, Value>),
    /// The field `pretrained_cfg` in `config.json`.
    Timm(Map<String, Value>),
}

impl ImageProcessor {
    /// The same preprocessing for inputs whose shorter edge has `edge` pixels. The sizes to resize to and to crop keep their
    /// proportion (256 and 224 become 146 and 128).
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if `edge` or a size derived from it is 0 or above 16384.
    pub fn at_size(&self, edge: usize) -> Result<Self, Error> {
        let from = self.size.height.min(self.size.width);
        // `⌊⌋`, as the libraries do with `size / crop_pct`.
        let scaled = |size: usize| checked_edge((size as f64 * edge as f64 / from as f64) as usize, "image size");
        let both = |size: Size| -> Result<Size, Error> {
            Ok(Size {
                height: scaled(size.height)?,
                width: scaled(size.width)?,
            })
        };
        let mut recipe = self.recipe.clone();
        recipe.resize = match recipe.resize {
            Resize::None => Resize::None,
            Resize::Exact(size) => Resize::Exact(both(size)?),
            Resize::Cover(size) => Resize::Cover(both(size)?),
            Resize::Edge { shortest, longest } => Resize::Edge {
                shortest: scaled(shortest)?,
                longest: longest.map(scaled).transpose()?,
            },
        };
        if let Some(Crop { size, .. }) = &mut recipe.crop {
            *size = both(*size)?;
        }
        // timm has one `crop_pct` for both edges, so the width follows from the height.
        if let (Origin::Timm, Some(Crop { size: crop, .. }), Resize::Cover(size) | Resize::Exact(size)) =
            (&recipe.origin, recipe.crop, &mut recipe.resize)
        {
            size.width = checked_edge(
                (crop.width as f64 / crop_share(crop, size.height)) as usize,
                "image size",
            )?;
        }
        let input = GraphInput {
            channels: Some(self.channels.count()),
            height: None,
            width: None,
            layout: self.layout,
        };
        Self::new(recipe, &input)
    }

    /// Rows and columns of the model's input.
    pub fn input_size(&self) -> (usize, usize) {
        (self.size.height, self.size.width)
    }

    /// Whether the graph has channels last.
    pub fn is_channels_last(&self) -> bool {
        self.layout == ImageLayout::ChannelsLast
    }

    /// The settings to write beside a model.
    pub fn settings(&self) -> ImageSettings {
        match (&self.recipe.origin, self.recipe.crop) {
            (Origin::Timm, Some(crop)) => ImageSettings::Timm(self.timm(crop)),
            _ => ImageSettings::HuggingFace(self.hugging_face()),
        }
    }

    fn hugging_face(&self) -> Map<String, Value> {
        let recipe = &self.recipe;
        let numbers = &recipe.numbers;
        // A class that follows all fields below in `transformers`.
        let class = if numbers.offset != 0.0 || numbers.twice {
            "EfficientNetImageProcessor"
        } else if recipe.crop.is_some() {
            "CLIPImageProcessor"
        } else {
            "ViTImageProcessor"
        };
        let rectangle = |size: Size| json!({"height": size.height, "width": size.width});
        let mut fields = Map::new();
        let mut set = |name: &str, value: Value| {
            fields.insert(name.to_owned(), value);
        };
        set("image_processor_type", json!(class));
        set("do_convert_rgb", json!(true));
        set("do_resize", json!(recipe.resize != Resize::None));
        match recipe.resize {
            Resize::None => {}
            Resize::Exact(size) | Resize::Cover(size) => set("size", rectangle(size)),
            Resize::Edge {
                shortest,
                longest: None,
            } => set("size", json!({"shortest_edge": shortest})),
            Resize::Edge {
                shortest,
                longest: Some(longest),
            } => set("size", json!({"shortest_edge": shortest, "longest_edge": longest})),
        }
        set("resample", json!(recipe.filter as usize));
        set("do_center_crop", json!(recipe.crop.is_some()));
        if let Some(crop) = recipe.crop {
            set("crop_size", rectangle(crop.size));
        }
        set("do_rescale", json!(numbers.scale.is_some()));
        if let Some(scale) = numbers.scale {
            set("rescale_factor", json!(scale));
        }
        if class == "EfficientNetImageProcessor" {
            set("rescale_offset", json!(numbers.offset != 0.0));
            set("include_top", json!(numbers.twice));
        }
        set("do_normalize", json!(numbers.mean_std.is_some()));
        if let Some((mean, std)) = &numbers.mean_std {
            set("image_mean", json!(mean));
            set("image_std", json!(std));
        }
        if recipe.bgr {
            set("do_flip_channel_order", json!(true));
        }
        fields
    }

    fn timm(&self, crop: Crop) -> Map<String, Value> {
        let Crop { size, .. } = crop;
        let (mode, scaled) = match self.recipe.resize {
            Resize::Exact(scaled) => ("squash", scaled.height),
            Resize::Cover(scaled) => ("center", scaled.height),
            Resize::Edge { shortest, .. } => ("center", shortest),
            Resize::None => ("center", size.height),
        };
        let filter = match self.recipe.filter {
            Filter::Nearest => "nearest",
            Filter::Bilinear => "bilinear",
            filter => filter.name(),
        };
        let (mean, std) = self.recipe.numbers.mean_std.clone().unwrap_or_default();
        let mut fields = Map::new();
        fields.insert(
            "input_size".to_owned(),
            json!([self.channels.count(), size.height, size.width]),
        );
        fields.insert("crop_pct".to_owned(), json!(crop_share(size, scaled)));
        fields.insert("crop_mode".to_owned(), json!(mode));
        fields.insert("interpolation".to_owned(), json!(filter));
        fields.insert("mean".to_owned(), json!(mean));
        fields.insert("std".to_owned(), json!(std));
        fields
    }
}

/// timm's `crop_pct` of a crop out of a resized height: half a pixel more, so that `⌊size / crop_pct⌋` is the resized edge
/// again whichever way the quotient is rounded.
fn crop_share(crop: Size, resized_height: usize) -> f64 {
    crop.height as f64 / (resized_height as f64 + 0.5)
}
