//! The image processor of a model: its preprocessing, checked against the graph's input.

use std::fmt;
use std::path::{Path, PathBuf};

use super::channels::Channels;
use super::geometry::{self, Resize, Size};
use super::graph_input::{GraphInput, ImageLayout};
use super::recipe::{IMAGENET, Numbers, Origin, Recipe};
use super::resample::Filter;
use super::{huggingface, timm};
use crate::Error;

/// Reads the settings in a model's folder, if it has any in a certain format, and the path of their file.
type Reader = fn(&Path, &GraphInput) -> Result<Option<(Recipe, PathBuf)>, Error>;

/// The formats of settings. The first that a folder has is used.
const READERS: [Reader; 2] = [huggingface::read, timm::read];

/// Prepares images for one model.
#[derive(Clone, Debug)]
pub struct ImageProcessor {
    pub(super) recipe: Recipe,
    pub(super) size: Size,
    pub(super) channels: Channels,
    pub(super) layout: ImageLayout,
    /// One table per channel, from a byte to its number.
    pub(super) tables: Vec<[f32; 256]>,
}

/// The input size if neither a configuration nor the graph has one.
const DEFAULT_EDGE: usize = 224;

impl ImageProcessor {
    /// The preprocessing in the files of `dir`, or the default for `input` without any.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed): a file is not JSON, or a field has an unexpected value.
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported): a file has an unsupported step.
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): the size or number of channels differs from the graph's. The text names
    /// file and field.
    pub fn from_dir(dir: &Path, input: &GraphInput) -> Result<Self, Error> {
        for read in READERS {
            if let Some((recipe, path)) = read(dir, input)? {
                return Self::new(recipe, input).map_err(|e| e.in_file(&path));
            }
        }
        Self::from_graph_input(input).map_err(|e| e.in_file(dir))
    }

    /// As [`ImageProcessor::from_dir`], with fields that override those of `preprocessor_config.json`. Without that file, or beside
    /// a timm configuration, which has other fields, the overrides have to be complete.
    ///
    /// # Errors
    /// As [`ImageProcessor::from_dir`]; the text names the field.
    pub fn with_overrides(
        dir: Option<&Path>,
        overrides: &serde_json::Map<String, serde_json::Value>,
        input: &GraphInput,
    ) -> Result<Self, Error> {
        huggingface::read_with(dir, overrides).and_then(|recipe| Self::new(recipe, input))
    }

    /// The default preprocessing for a graph without configuration files.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch) if the input does not have one or three channels.
    pub fn from_graph_input(input: &GraphInput) -> Result<Self, Error> {
        let height = input.height.or(input.width).unwrap_or(DEFAULT_EDGE);
        let width = input.width.or(input.height).unwrap_or(DEFAULT_EDGE);
        let size = Size {
            height: geometry::checked_edge(height, "height of the graph's input")?,
            width: geometry::checked_edge(width, "width of the graph's input")?,
        };
        let average = |values: [f64; 3]| vec![values.iter().sum::<f64>() / 3.0];
        let (mean, std) = match input.channels {
            Some(1) => (average(IMAGENET.0), average(IMAGENET.1)),
            _ => (IMAGENET.0.to_vec(), IMAGENET.1.to_vec()),
        };
        let note = format!(
            "no preprocessor_config.json and no pretrained_cfg: images are resized to {size} for the graph's input {input}, and \
             normalized with the mean and standard deviation of ImageNet"
        );
        let recipe = Recipe {
            origin: Origin::Default,
            resize: Resize::Exact(size),
            filter: Filter::Bilinear,
            crop: None,
            numbers: Numbers::normalized(mean, std),
            bgr: false,
            notes: vec![note],
        };
        Self::new(recipe, input)
    }

    /// The processor of `recipe` for a graph with this input.
    pub(super) fn new(recipe: Recipe, input: &GraphInput) -> Result<Self, Error> {
        let size = match (recipe.crop, recipe.resize) {
            (Some(crop), _) => crop.size,
            (None, Resize::Exact(size)) => size,
            (None, resize) => {
                let text =
                    format!("{resize} without a crop results in different sizes; set do_center_crop and crop_size");
                return Err(Error::unsupported(text));
            }
        };
        let fits = |made: usize, taken: Option<usize>| taken.is_none_or(|taken| taken == made);
        if !fits(size.height, input.height) || !fits(size.width, input.width) {
            let text = format!(
                "{} prepares images of size {size}, but the graph's input is {input}",
                recipe.origin
            );
            return Err(Error::mismatch(text));
        }
        let channels = match input.channels.unwrap_or(3) {
            3 if recipe.bgr => Channels::Bgr,
            3 => Channels::Rgb,
            1 => Channels::Grey,
            n => {
                return Err(Error::mismatch(format!(
                    "expected a graph of 1 or 3 channels, found {n}"
                )));
            }
        };
        if let Some((mean, std)) = &recipe.numbers.mean_std {
            for (name, values) in [("mean", mean), ("std", std)] {
                let same = values.iter().all(|v| *v == values[0]);
                if values.len() != channels.count() && !same {
                    let text = format!(
                        "{} values of {name} for {} channels of {input}",
                        values.len(),
                        channels.count()
                    );
                    return Err(Error::mismatch(text));
                }
            }
        }
        // Tables follow the model's order: channel 0 of BGR is blue, and so is the first mean.
        let tables = (0..channels.count()).map(|c| recipe.numbers.table(c)).collect();
        let layout = input.layout;
        Ok(Self {
            recipe,
            size,
            channels,
            layout,
            tables,
        })
    }

    /// The same for a graph that takes bytes: pixels as they are, whatever the settings say of scale and mean, which such a graph
    /// applies itself.
    #[must_use]
    pub fn of_bytes(mut self) -> Self {
        self.recipe.numbers = Numbers::BYTES;
        self.tables = (0..self.channels.count())
            .map(|c| self.recipe.numbers.table(c))
            .collect();
        let bytes = "the graph takes bytes, so pixels are neither scaled nor normalized";
        if self.recipe.origin == Origin::Default {
            // The settings that the note on a default names are not used.
            let size = self.size;
            self.recipe.notes = vec![format!(
                "no preprocessor_config.json and no pretrained_cfg: images are resized to {size}; {bytes}"
            )];
        } else {
            self.recipe.notes.push(bytes.to_owned());
        }
        self
    }

    /// Shape of the output: `[C, H, W]`, or `[H, W, C]` for a graph with channels last.
    pub fn output_shape(&self) -> [usize; 3] {
        let (c, Size { height, width }) = (self.channels.count(), self.size);
        match self.layout {
            ImageLayout::ChannelsFirst => [c, height, width],
            ImageLayout::ChannelsLast => [height, width, c],
        }
    }

    /// Equal for two processors only if they have the same output for every image.
    pub fn digest(&self) -> blake3::Hash {
        let Recipe {
            resize, filter, crop, ..
        } = &self.recipe;
        let mut hasher = blake3::Hasher::new();
        // Everything before the tables as text; the number is increased when the same text comes to mean other pixels.
        let words = format!(
            "ranktune image 1|{resize:?}|{filter:?}|{crop:?}|{:?}|{:?}",
            self.channels, self.layout
        );
        hasher.update(words.as_bytes());
        for value in self.tables.iter().flatten() {
            hasher.update(&value.to_le_bytes());
        }
        hasher.finalize()
    }

    /// The difference in channel `c` of the output for one step of an 8-bit pixel: the unit for comparing pixel values.
    ///
    /// # Panics
    /// If there is no channel `c`.
    pub fn step(&self, c: usize) -> f32 {
        (self.tables[c][255] - self.tables[c][0]).abs() / 255.0
    }

    /// The source of the settings: a class of image processors, `timm`, or `default`.
    pub fn origin(&self) -> &str {
        self.recipe.origin.name()
    }

    /// Remarks for the user, such as that the settings are a default. One sentence each.
    pub fn notes(&self) -> &[String] {
        &self.recipe.notes
    }
}

/// The steps of the preprocessing, on one line.
impl fmt::Display for ImageProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Recipe {
            resize,
            filter,
            crop,
            numbers,
            ..
        } = &self.recipe;
        write!(f, "{}, {resize}", self.channels.name())?;
        if *resize != Resize::None {
            write!(f, " ({})", filter.name())?;
        }
        if let Some(crop) = crop {
            write!(f, ", crop {} from the middle", crop.size)?;
        }
        match numbers.scale {
            Some(scale) if scale == 1.0 / 255.0 => f.write_str(", x / 255")?,
            Some(scale) => write!(f, ", x · {scale}")?,
            None => {}
        }
        if numbers.offset != 0.0 {
            write!(f, " - {}", numbers.offset)?;
        }
        if let Some((mean, std)) = &numbers.mean_std {
            write!(
                f,
                ", mean {mean:?}, std {std:?}{}",
                if numbers.twice { " (divided twice)" } else { "" }
            )?;
        }
        write!(f, " → {:?}", self.output_shape())
    }
}
