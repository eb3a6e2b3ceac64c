//! `preprocessor_config.json` of Hugging Face, old and new.
//!
//! A field that is absent or null has the default of the file's class. Two deviations from the classes follow the file more
//! closely: every class accepts `{"height", "width"}`, and every class applies an explicit `do_center_crop` with `crop_size` (some
//! of the originals ignore it). `include_top`, true by default in the class, applies only if the file has it, because every file
//! written by `transformers` has it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::classes::{self, Class, OneNumber, Rule};
use super::geometry::{Crop, Resize, Rounding, Size, checked_edge};
use super::graph_input::GraphInput;
use super::recipe::{Numbers, Origin, Recipe};
use super::resample::Filter;
use crate::Error;
use crate::json::{self, Object, channel_values, field, flag, number, text, unexpected, whole};

/// Reads the image processor of a model's folder, if it has one.
pub(super) fn read(dir: &Path, _: &GraphInput) -> Result<Option<(Recipe, PathBuf)>, Error> {
    let Some((object, path)) = fields(dir)? else {
        return Ok(None);
    };
    let recipe = recipe(&object, Some(dir)).map_err(|e| e.in_file(&path))?;
    Ok(Some((recipe, path)))
}

/// The image processor of a folder, with fields that override the file's.
pub(super) fn read_with(dir: Option<&Path>, overrides: &Object) -> Result<Recipe, Error> {
    let file = dir.map(fields).transpose()?.flatten();
    let mut object = file.map(|(object, _)| object).unwrap_or_default();
    object.extend(overrides.clone());
    recipe(&object, dir)
}

fn fields(dir: &Path) -> Result<Option<(Object, PathBuf)>, Error> {
    let path = dir.join("preprocessor_config.json");
    if let Some(object) = json::read_object(&path)? {
        return Ok(Some((object, path)));
    }
    // Newer versions keep all of a model's processors in one file.
    let path = dir.join("processor_config.json");
    let mut whole = json::read_object(&path)?.unwrap_or_default();
    match whole.get_mut("image_processor").map(Value::take) {
        Some(Value::Object(object)) => Ok(Some((object, path))),
        _ => Ok(None),
    }
}

fn recipe(object: &Object, dir: Option<&Path>) -> Result<Recipe, Error> {
    refuse(object)?;
    let mut notes = Vec::new();
    let (class, class_name) = class(object, dir, &mut notes)?;
    let filter = filter(object)?.unwrap_or(class.filter);
    let (resize, crop) = geometry(object, class)?;
    let scale = if flag(object, "do_rescale")?.unwrap_or(true) {
        let scale = number(object, "rescale_factor")?.unwrap_or(1.0 / 255.0);
        Some(scale)
    } else {
        None
    };
    let offset = if class.rule == Rule::EfficientNet && flag(object, "rescale_offset")?.unwrap_or(false) {
        1.0
    } else {
        0.0
    };
    let mean_std = if flag(object, "do_normalize")?.unwrap_or(class.stats.is_some()) {
        let (mean, std) = class.stats.unwrap_or(([0.5; 3], [0.5; 3]));
        let mean = channel_values(object, "image_mean")?.unwrap_or_else(|| mean.to_vec());
        let std = channel_values(object, "image_std")?.unwrap_or_else(|| std.to_vec());
        if std.contains(&0.0) {
            return Err(Error::malformed(
                "field \"image_std\": expected values other than 0, found 0",
            ));
        }
        Some((mean, std))
    } else {
        None
    };
    let twice = class.rule == Rule::EfficientNet && flag(object, "include_top")?.unwrap_or(false);
    let bgr = flag(object, "do_flip_channel_order")?.unwrap_or(class.bgr);
    let numbers = Numbers {
        scale,
        offset,
        mean_std,
        twice,
    };
    Ok(Recipe {
        origin: Origin::HuggingFace(class_name),
        resize,
        filter,
        crop,
        numbers,
        bgr,
        notes,
    })
}

/// The class of a file and its name: by name, by the model's type, or, with a note, the generic class if the file has all fields.
fn class(object: &Object, dir: Option<&Path>, notes: &mut Vec<String>) -> Result<(&'static Class, String), Error> {
    let named = text(object, "image_processor_type")?.or(text(object, "feature_extractor_type")?);
    if let Some(class) = named.and_then(classes::by_name) {
        return Ok((class, named.unwrap_or_default().to_owned()));
    }
    let config = dir.map(crate::ModelConfig::from_dir).transpose()?.flatten();
    let model_type = config.and_then(|config| config.model_type);
    if let (None, Some(class)) = (named, model_type.as_deref().and_then(classes::by_model_type)) {
        return Ok((class, format!("{}ImageProcessor", class.name)));
    }
    let name = named.unwrap_or("an image processor without a name");
    let needed = ["size", "resample", "image_mean", "image_std"];
    if let Some(missing) = needed.iter().find(|&&name| field(object, name).is_none()) {
        let text =
            format!("{name} is unknown, and so are its defaults; set {missing:?}, or a known image_processor_type");
        return Err(Error::unsupported(text));
    }
    notes.push(format!(
        "{name} is unknown; images are prepared by ViTImageProcessor with its settings"
    ));
    Ok((&classes::CLASSES[0], name.to_owned()))
}

/// Rejects unsupported steps: an unknown `do_…` that is on, and fields that change sizes.
fn refuse(object: &Object) -> Result<(), Error> {
    const KNOWN: &[&str] = &[
        "do_resize",
        "do_center_crop",
        "do_rescale",
        "do_normalize",
        "do_convert_rgb",
        "do_flip_channel_order",
        // affects labels of segmentation only
        "do_reduce_labels",
    ];
    const REFUSED: &[&str] = &["keep_aspect_ratio", "size_divisor", "ensure_multiple_of"];
    let on = |value: &Value| value.as_bool() == Some(true) || value.as_f64().is_some_and(|n| n > 1.0);
    for (name, value) in object {
        let unknown = name.starts_with("do_") && !KNOWN.contains(&name.as_str());
        if on(value) && (unknown || REFUSED.contains(&name.as_str())) {
            return Err(Error::unsupported(format!(
                "field {name:?} is set, which is not supported"
            )));
        }
    }
    Ok(())
}

fn filter(object: &Object) -> Result<Option<Filter>, Error> {
    let Some(value) = field(object, "resample") else {
        return Ok(None);
    };
    let by_number = whole(value).and_then(|n| Filter::ALL.into_iter().find(|&filter| filter as usize == n));
    let by_name = || {
        value
            .as_str()
            .and_then(|s| Filter::ALL.into_iter().find(|f| f.name().eq_ignore_ascii_case(s)))
    };
    let filter = by_number.or_else(by_name);
    filter
        .map(Some)
        .ok_or_else(|| unexpected("resample", "0 to 5, a filter of Pillow", value))
}

/// The sizes to resize to and to crop.
fn geometry(object: &Object, class: &Class) -> Result<(Resize, Option<Crop>), Error> {
    let default = match class.one_number {
        OneNumber::Square => Resize::Exact(Size::square(class.size)),
        OneNumber::ShortestEdge => edge(class.size),
    };
    let size = size(object, class.one_number)?.unwrap_or(default);
    let crop_field = crop_size(object)?;
    let do_crop = flag(object, "do_center_crop")?;
    let crop = match (do_crop, crop_field.or(class.crop.map(Size::square))) {
        (Some(false), _) => None,
        (None, _) if class.crop.is_none() => None,
        (_, Some(size)) => Some(size),
        (_, None) => {
            return Err(Error::malformed(
                "field \"do_center_crop\" is true, but there is no \"crop_size\"",
            ));
        }
    };
    let crop = crop.map(|size| Crop {
        size,
        rounding: Rounding::Down,
    });
    if !flag(object, "do_resize")?.unwrap_or(true) {
        return Ok((Resize::None, crop));
    }
    Ok(match (class.rule, size) {
        // The class's own crop, unless the file has an explicit one.
        (Rule::ConvNext, Resize::Edge { shortest, .. }) if !(do_crop == Some(true) && crop_field.is_some()) => {
            let square = Size::square(shortest);
            if shortest >= 384 {
                (Resize::Exact(square), None)
            } else {
                let crop = Crop {
                    size: square,
                    rounding: Rounding::Down,
                };
                (
                    edge(divided(shortest, crop_pct(object, Some(224.0 / 256.0))?)?),
                    Some(crop),
                )
            }
        }
        (Rule::Levit, Resize::Edge { shortest, .. }) => (edge((256.0 / 224.0 * shortest as f64) as usize), crop),
        (Rule::PoolFormer, size) => {
            // In this class null disables the division; only an absent field has the default.
            let default = if object.contains_key("crop_pct") {
                None
            } else {
                Some(0.9)
            };
            let pct = crop_pct(object, default)?;
            let resize = match size {
                Resize::Edge { shortest, .. } => edge(divided(shortest, pct)?),
                Resize::Exact(Size { height, width }) if pct.is_some() && height == width => {
                    edge(divided(height, pct)?)
                }
                Resize::Exact(Size { height, width }) => Resize::Exact(Size {
                    height: divided(height, pct)?,
                    width: divided(width, pct)?,
                }),
                other => other,
            };
            (resize, crop)
        }
        (_, size) => (size, crop),
    })
}

fn edge(shortest: usize) -> Resize {
    let longest = None;
    Resize::Edge { shortest, longest }
}

fn crop_pct(object: &Object, default: Option<f64>) -> Result<Option<f64>, Error> {
    let pct = number(object, "crop_pct")?.or(default);
    match pct {
        Some(pct) if pct <= 0.0 => Err(Error::malformed(format!(
            "field \"crop_pct\": expected more than 0, found {pct}"
        ))),
        pct => Ok(pct),
    }
}

fn divided(edge: usize, by: Option<f64>) -> Result<usize, Error> {
    checked_edge((edge as f64 / by.unwrap_or(1.0)) as usize, "size / crop_pct")
}

/// `size`: a number, two of them, or an object.
fn size(object: &Object, one_number: OneNumber) -> Result<Option<Resize>, Error> {
    let Some(value) = field(object, "size") else {
        return Ok(None);
    };
    let wrong = || {
        let expected = "a number, [height, width], {\"height\", \"width\"} or {\"shortest_edge\"}";
        unexpected("size", expected, value)
    };
    if let Some(n) = whole(value) {
        let n = checked_edge(n, "size")?;
        return Ok(Some(match one_number {
            OneNumber::Square => Resize::Exact(Size::square(n)),
            OneNumber::ShortestEdge => edge(n),
        }));
    }
    if let Some(size) = rectangle(value, "size")? {
        return Ok(Some(Resize::Exact(size)));
    }
    let map = value.as_object().ok_or_else(wrong)?;
    let number = |name: &str| match field(map, name) {
        Some(value) => checked_edge(whole(value).ok_or_else(wrong)?, "size").map(Some),
        None => Ok(None),
    };
    match (number("shortest_edge")?, number("longest_edge")?) {
        (Some(shortest), Some(longest)) if longest <= shortest => Err(wrong()),
        (Some(shortest), longest) => Ok(Some(Resize::Edge { shortest, longest })),
        (None, Some(_)) => Err(Error::unsupported(
            "field \"size\": \"longest_edge\" alone is not supported",
        )),
        (None, None) if map.keys().any(|k| k.starts_with("max_") || k.ends_with("_pixels")) => {
            Err(Error::unsupported(format!("field \"size\": {value} is not supported")))
        }
        (None, None) => Err(wrong()),
    }
}

/// `crop_size`: a number, two of them, or an object.
fn crop_size(object: &Object) -> Result<Option<Size>, Error> {
    let Some(value) = field(object, "crop_size") else {
        return Ok(None);
    };
    if let Some(n) = whole(value) {
        return checked_edge(n, "crop_size").map(|n| Some(Size::square(n)));
    }
    if let Some(size) = rectangle(value, "crop_size")? {
        return Ok(Some(size));
    }
    let one = value.as_object().and_then(|map| whole(field(map, "shortest_edge")?));
    let one = one.ok_or_else(|| unexpected("crop_size", "a number or {\"height\", \"width\"}", value))?;
    checked_edge(one, "crop_size").map(|n| Some(Size::square(n)))
}

/// `[height, width]` or `{"height", "width"}`.
fn rectangle(value: &Value, name: &str) -> Result<Option<Size>, Error> {
    let pair = match value {
        Value::Array(list) => list.first().zip(list.get(1)).filter(|_| list.len() == 2),
        Value::Object(map) => field(map, "height").zip(field(map, "width")),
        _ => None,
    };
    let Some((height, width)) = pair else { return Ok(None) };
    let edge = |v: &Value| checked_edge(whole(v).ok_or_else(|| unexpected(name, "whole numbers", value))?, name);
    let (height, width) = (edge(height)?, edge(width)?);
    Ok(Some(Size { height, width }))
}
