//! `pretrained_cfg` in a timm `config.json`, or the same fields at its top level in older ones.
//!
//! This is timm's evaluation transform: with `e = ⌊edge / crop_pct⌋`, resize the shortest edge to `e` (`crop_mode`
//! `center`) or warp to `e × e` (`squash`), then crop from the middle as torchvision does.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::geometry::{Crop, Resize, Rounding, Size, checked_edge};
use super::graph_input::GraphInput;
use super::recipe::{IMAGENET, Numbers, Origin, Recipe};
use super::resample::Filter;
use crate::Error;
use crate::json::{self, Object, channel_values, field, number, text, unexpected, whole};

/// Reads the timm settings of a model's folder, if it has any.
pub(super) fn read(dir: &Path, input: &GraphInput) -> Result<Option<(Recipe, PathBuf)>, Error> {
    let path = dir.join("config.json");
    let Some(object) = json::read_object(&path)? else {
        return Ok(None);
    };
    let inner = object.get("pretrained_cfg").and_then(Value::as_object);
    let Some(settings) = inner.or_else(|| object.contains_key("input_size").then_some(&object)) else {
        return Ok(None);
    };
    let recipe = recipe(settings, input).map_err(|e| e.in_file(&path))?;
    Ok(Some((recipe, path)))
}

fn recipe(settings: &Object, input: &GraphInput) -> Result<Recipe, Error> {
    let train = (input_size(settings, "input_size")?, number(settings, "crop_pct")?);
    let test = (
        input_size(settings, "test_input_size")?,
        number(settings, "test_crop_pct")?.or(train.1),
    );
    let is = |size: Option<Size>| size.is_some_and(|s| Some(s.height) == input.height && Some(s.width) == input.width);
    let mut notes = Vec::new();
    let (size, crop_pct) = if !is(train.0) && is(test.0) {
        notes.push(
            "the graph's input has timm's test_input_size, so test_input_size and test_crop_pct are used".to_owned(),
        );
        test
    } else {
        train
    };
    // timm's own defaults.
    let size = size.unwrap_or(Size::square(224));
    let crop_pct = crop_pct.unwrap_or(0.875);
    if crop_pct <= 0.0 {
        return Err(Error::malformed(format!(
            "field \"crop_pct\": expected more than 0, found {crop_pct}"
        )));
    }
    let scaled = |edge: usize| checked_edge((edge as f64 / crop_pct).floor() as usize, "input_size / crop_pct");
    let (height, width) = (scaled(size.height)?, scaled(size.width)?);
    let scaled = Size { height, width };
    let mut filter = match text(settings, "interpolation")?.unwrap_or("bicubic") {
        "bicubic" => Filter::Bicubic,
        "bilinear" => Filter::Bilinear,
        "nearest" => Filter::Nearest,
        "lanczos" => Filter::Lanczos,
        "box" => Filter::Box,
        "hamming" => Filter::Hamming,
        other => {
            return Err(Error::unsupported(format!(
                "field \"interpolation\": {other:?} is not supported"
            )));
        }
    };
    let resize = match text(settings, "crop_mode")?.unwrap_or("center") {
        "center" if height == width => Resize::Edge {
            shortest: height,
            longest: None,
        },
        "center" => {
            // timm ignores the interpolation in this case.
            filter = Filter::Bilinear;
            Resize::Cover(scaled)
        }
        "squash" => Resize::Exact(scaled),
        other => {
            return Err(Error::unsupported(format!(
                "field \"crop_mode\": {other:?} is not supported"
            )));
        }
    };
    let mean = channel_values(settings, "mean")?.unwrap_or_else(|| IMAGENET.0.to_vec());
    let std = channel_values(settings, "std")?.unwrap_or_else(|| IMAGENET.1.to_vec());
    if std.contains(&0.0) {
        return Err(Error::malformed("field \"std\": expected values other than 0, found 0"));
    }
    let rounding = Rounding::HalfEven;
    Ok(Recipe {
        origin: Origin::Timm,
        resize,
        filter,
        crop: Some(Crop { size, rounding }),
        numbers: Numbers::normalized(mean, std),
        bgr: false,
        notes,
    })
}

/// `[channels, height, width]`.
fn input_size(settings: &Object, name: &str) -> Result<Option<Size>, Error> {
    let Some(value) = field(settings, name) else {
        return Ok(None);
    };
    let edges = value
        .as_array()
        .filter(|list| list.len() == 3)
        .map(|list| (whole(&list[1]), whole(&list[2])));
    let Some((Some(height), Some(width))) = edges else {
        return Err(unexpected(name, "[channels, height, width]", value));
    };
    let (height, width) = (checked_edge(height, name)?, checked_edge(width, name)?);
    Ok(Some(Size { height, width }))
}
