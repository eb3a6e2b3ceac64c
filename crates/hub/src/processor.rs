//! From a decoded image to the numbers a graph takes.
//!
//! ```text
//! image [h, w, 3] ──grey?──► ──resize, crop──► bytes [H, W, C] ──y = (v·rescale - offset - mean_c) / std_c──► f32 [C, H, W]
//! ```
//!
//! Preprocessing is part of a model: it is read from the files that come with it and followed to the letter, in this order:
//! `preprocessor_config.json` (or the image part of `processor_config.json`) of Hugging Face, `pretrained_cfg` in a timm
//! `config.json`, or else the graph's input shape with a default that [`ImageProcessor::notes`] tells of. What a file asks for
//! and is not supported is an error that names it.
//!
//! The numbers: a byte has 256 values, so what happens to it is a table, computed as `transformers` computes it (rescaled in
//! double precision, then single).

use std::fmt;
use std::path::Path;

use ranktune_data::{RgbImage, View};

use crate::{Error, ErrorKind};

mod classes;
mod geometry;
mod graph_input;
mod huggingface;
mod resample;
mod settings;
mod timm;

pub use geometry::{Crop, Resize, Rounding, Size};
pub use graph_input::{GraphInput, ImageLayout};
pub use resample::Filter;
pub use settings::ImageSettings;

use geometry::Span;
use resample::{Pixels, Region, Request};

/// Order of a model's colour channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// One channel, `⌊(19595·r + 38470·g + 7471·b + 2¹⁵) / 2¹⁶⌋`.
    Grey,
}

impl Channels {
    fn count(self) -> usize {
        match self {
            Self::Rgb | Self::Bgr => 3,
            Self::Grey => 1,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rgb => "RGB",
            Self::Bgr => "BGR",
            Self::Grey => "grey",
        }
    }
}

/// What becomes of a byte: `x = v·scale - offset`, then `(x - mean) / std`, then, where a model asks for it, `/ std` again.
#[derive(Clone, Debug, PartialEq)]
struct Numbers {
    scale: Option<f64>,
    offset: f32,
    /// One value, or one a channel.
    mean_std: Option<(Vec<f64>, Vec<f64>)>,
    twice: bool,
}

impl Numbers {
    /// `v / 255`, normalised.
    fn normalized(mean: Vec<f64>, std: Vec<f64>) -> Self {
        Self {
            scale: Some(1.0 / 255.0),
            offset: 0.0,
            mean_std: Some((mean, std)),
            twice: false,
        }
    }

    /// The table for channel `c`.
    fn table(&self, c: usize) -> [f32; 256] {
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

/// What a configuration says, before it is held against the graph.
#[derive(Clone, Debug)]
struct Recipe {
    origin: String,
    resize: Resize,
    filter: Filter,
    crop: Option<Crop>,
    numbers: Numbers,
    bgr: bool,
    notes: Vec<String>,
}

/// Prepares images for one model.
#[derive(Clone, Debug)]
pub struct ImageProcessor {
    recipe: Recipe,
    size: Size,
    channels: Channels,
    layout: ImageLayout,
    /// `[C]` tables
    tables: Vec<[f32; 256]>,
}

/// ImageNet's mean and standard deviation, the default where nothing is known.
const IMAGENET: ([f64; 3], [f64; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

/// The input size where neither a configuration nor the graph says one.
const DEFAULT_EDGE: usize = 224;

impl ImageProcessor {
    /// The preprocessing that the files in `dir` ask for, or the default for `input` where there are none.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`]: a file is not JSON, or a field is not what it must be. [`ErrorKind::Unsupported`]: it asks for
    /// something that is not supported. [`ErrorKind::Mismatch`]: it makes another size or number of channels than the graph
    /// takes. The text names file and field.
    pub fn from_dir(dir: &Path, input: &GraphInput) -> Result<Self, Error> {
        let read = [huggingface::read, timm::read];
        for read in read {
            if let Some((recipe, path)) = read(dir, input)? {
                return Self::new(recipe, input).map_err(|e| e.in_file(&path));
            }
        }
        Self::from_graph_input(input).map_err(|e| e.in_file(dir))
    }

    /// As [`ImageProcessor::from_dir`], with fields of `preprocessor_config.json` that take the place of the file's, or are all
    /// there is. A timm configuration has other fields, so beside one the overrides have to be complete.
    ///
    /// # Errors
    /// As there; the text names the field.
    pub fn with_overrides(
        dir: Option<&Path>,
        overrides: &serde_json::Map<String, serde_json::Value>,
        input: &GraphInput,
    ) -> Result<Self, Error> {
        huggingface::read_with(dir, overrides).and_then(|recipe| Self::new(recipe, input))
    }

    /// The preprocessing for a graph that nothing is known about but its input.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] where the input is not of one or three channels.
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
            "no preprocessor_config.json and no pretrained_cfg: images are resized to {size}, as the graph's input {input} is, \
             and normalised with the mean and deviation of ImageNet"
        );
        let recipe = Recipe {
            origin: "default".to_owned(),
            resize: Resize::Exact(size),
            filter: Filter::Bilinear,
            crop: None,
            numbers: Numbers::normalized(mean, std),
            bgr: false,
            notes: vec![note],
        };
        Self::new(recipe, input)
    }

    fn new(recipe: Recipe, input: &GraphInput) -> Result<Self, Error> {
        let size = match (recipe.crop, recipe.resize) {
            (Some(crop), _) => crop.size,
            (None, Resize::Exact(size)) => size,
            (None, resize) => {
                let text = format!(
                    "{resize} without a crop gives images of different sizes; set do_center_crop and crop_size"
                );
                return Err(Error::unsupported(text));
            }
        };
        let fits = |made: usize, taken: Option<usize>| taken.is_none_or(|taken| taken == made);
        if !fits(size.height, input.height) || !fits(size.width, input.width) {
            let text = format!(
                "{} makes images of {size}, but the graph's input is {input}",
                recipe.origin
            );
            return Err(Error::new(ErrorKind::Mismatch, text));
        }
        let channels = match input.channels.unwrap_or(3) {
            3 if recipe.bgr => Channels::Bgr,
            3 => Channels::Rgb,
            1 => Channels::Grey,
            n => {
                return Err(Error::new(
                    ErrorKind::Mismatch,
                    format!("expected a graph of 1 or 3 channels, found {n}"),
                ));
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
                    return Err(Error::new(ErrorKind::Mismatch, text));
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

    /// Shape of what [`apply`](Self::apply) writes: `[C, H, W]`, or `[H, W, C]` for a graph that takes channels last.
    pub fn output_shape(&self) -> [usize; 3] {
        let (c, Size { height, width }) = (self.channels.count(), self.size);
        match self.layout {
            ImageLayout::ChannelsFirst => [c, height, width],
            ImageLayout::ChannelsLast => [height, width, c],
        }
    }

    /// Prepares `image` into `out`, which holds the product of [`output_shape`](Self::output_shape) numbers.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] if `out` is of another length, or `image` is empty or not of `height · width · 3` bytes.
    pub fn apply(&self, image: &RgbImage, out: &mut [f32]) -> Result<(), Error> {
        self.apply_view(image, None, out)
    }

    /// As [`apply`](Self::apply), of a view: its crop is resized to the size of the model's input with the model's filter, and
    /// takes the place of the model's own crop. Without a view, the plain preprocessing.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_view(&self, image: &RgbImage, view: Option<&View>, out: &mut [f32]) -> Result<(), Error> {
        let expected: usize = self.output_shape().iter().product();
        if out.len() != expected {
            let text = format!("expected room for {expected} numbers, found {}", out.len());
            return Err(Error::new(ErrorKind::Mismatch, text));
        }
        let (width, height) = (image.width, image.height);
        let bytes = width.checked_mul(height).and_then(|n| n.checked_mul(3));
        if bytes != Some(image.pixels.len()) || image.pixels.is_empty() {
            let text = format!("an image of {height}×{width} pixels and {} bytes", image.pixels.len());
            return Err(Error::new(ErrorKind::Mismatch, text));
        }
        let size = Size { height, width };
        let (region, target) = match view {
            Some(view) => (Region::of(view, size), self.size),
            None => (Region::whole(size), self.recipe.resize.target(size)),
        };
        let (rows, columns) = match self.recipe.crop {
            Some(Crop { size, rounding }) if view.is_none() => (
                Span::middle(target.height, size.height, rounding),
                Span::middle(target.width, size.width, rounding),
            ),
            _ => (Span::whole(target.height), Span::whole(target.width)),
        };
        let request = Request {
            region,
            target,
            filter: self.recipe.filter,
            rows,
            columns,
        };
        match self.channels {
            Channels::Grey => {
                let grey = grey(&image.pixels);
                let resized = resample::resample::<1>(Pixels { data: &grey, size }, &request);
                self.write::<1>(&resized, rows, columns, out);
            }
            Channels::Rgb | Channels::Bgr => {
                let resized = resample::resample::<3>(
                    Pixels {
                        data: &image.pixels,
                        size,
                    },
                    &request,
                );
                self.write::<3>(&resized, rows, columns, out);
            }
        }
        if view.is_some_and(|view| view.flip) {
            self.mirror(out);
        }
        Ok(())
    }

    /// Swaps left and right of what [`apply`](Self::apply) wrote.
    fn mirror(&self, out: &mut [f32]) {
        let width = self.size.width;
        match self.layout {
            ImageLayout::ChannelsFirst => out.chunks_exact_mut(width).for_each(<[f32]>::reverse),
            ImageLayout::ChannelsLast => {
                let channels = self.channels.count();
                for row in out.chunks_exact_mut(width * channels) {
                    for x in 0..width / 2 {
                        for c in 0..channels {
                            row.swap(x * channels + c, (width - 1 - x) * channels + c);
                        }
                    }
                }
            }
        }
    }

    /// Looks `[rows.len, columns.len, C]` bytes up in the tables, and puts black around them.
    fn write<const C: usize>(&self, bytes: &[u8], rows: Span, columns: Span, out: &mut [f32]) {
        let Size { height, width } = self.size;
        let padded = rows.len < height || columns.len < width;
        let source = |c: usize| if self.channels == Channels::Bgr { C - 1 - c } else { c };
        for (y, row) in bytes.chunks_exact((columns.len * C).max(1)).enumerate() {
            let at = (rows.to + y) * width + columns.to;
            match self.layout {
                ImageLayout::ChannelsFirst => {
                    for (c, table) in self.tables.iter().enumerate() {
                        let out = &mut out[c * height * width + at..][..columns.len];
                        let (pixels, c) = (row.chunks_exact(C), source(c));
                        for (out, pixel) in out.iter_mut().zip(pixels) {
                            *out = table[usize::from(pixel[c])];
                        }
                    }
                }
                ImageLayout::ChannelsLast => {
                    let out = &mut out[C * at..][..C * columns.len];
                    for (out, pixel) in out.chunks_exact_mut(C).zip(row.chunks_exact(C)) {
                        for (c, (out, table)) in out.iter_mut().zip(&self.tables).enumerate() {
                            *out = table[usize::from(pixel[source(c)])];
                        }
                    }
                }
            }
        }
        if padded {
            self.blacken::<C>(rows, columns, out);
        }
    }

    /// Black, which is rarely zero after normalisation, wherever no pixel was written.
    fn blacken<const C: usize>(&self, rows: Span, columns: Span, out: &mut [f32]) {
        let Size { height, width } = self.size;
        for y in 0..height {
            for x in 0..width {
                if (rows.to..rows.to + rows.len).contains(&y) && (columns.to..columns.to + columns.len).contains(&x) {
                    continue;
                }
                for (c, table) in self.tables.iter().enumerate() {
                    let at = match self.layout {
                        ImageLayout::ChannelsFirst => (c * height + y) * width + x,
                        ImageLayout::ChannelsLast => (y * width + x) * C + c,
                    };
                    out[at] = table[0];
                }
            }
        }
    }

    /// The same for two processors only if they make the same numbers of every image.
    pub fn digest(&self) -> blake3::Hash {
        let Recipe {
            resize, filter, crop, ..
        } = &self.recipe;
        let mut hasher = blake3::Hasher::new();
        // Everything up to the tables in words; the number goes up when the same words come to mean other pixels.
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

    /// What one step of an 8-bit pixel is in channel `c` of the output: the measure for comparing pixel values.
    ///
    /// # Panics
    /// If there is no channel `c`.
    pub fn step(&self, c: usize) -> f32 {
        (self.tables[c][255] - self.tables[c][0]).abs() / 255.0
    }

    /// Where the settings are from: a class of image processor, `timm`, or `default`.
    pub fn origin(&self) -> &str {
        &self.recipe.origin
    }

    /// What a user should know about these settings, such as that they are a default. One sentence each.
    pub fn notes(&self) -> &[String] {
        &self.recipe.notes
    }
}

/// In one line: what is done to an image.
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

/// `[n, 3]` → `[n]`, as Pillow's `convert("L")`.
fn grey(pixels: &[u8]) -> Vec<u8> {
    let luma = |p: &[u8]| {
        let sum = 19595 * u32::from(p[0]) + 38470 * u32::from(p[1]) + 7471 * u32::from(p[2]) + 0x8000;
        // The weights sum up to 2¹⁶, so the result is a byte.
        (sum >> 16) as u8
    };
    pixels.chunks_exact(3).map(luma).collect()
}

#[cfg(test)]
mod tests;
