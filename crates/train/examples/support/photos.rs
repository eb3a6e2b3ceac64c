//! Photographs in class folders as training samples, for examples: random resized crops and flips by view.

use std::error::Error;
use std::path::Path;

use ranktune_data::image::decode;
use ranktune_nn::{FeatureLayout, Head, HostTensor, with_head};
use ranktune_onnx::locate::{Hints, locate};
use ranktune_onnx::{Dim, Model};
use ranktune_train::{BatchInputs, EVALUATION_VIEW, LoadError, Pick, Samples, TargetValues, TrainTargets};

/// A decoded image, its shorter side 1.14 times what a model takes.
struct Photo {
    width: usize,
    height: usize,
    pixels: Vec<f32>,
    class: u32,
}

/// Images of class folders, prepared for one model.
pub struct Photos {
    photos: Vec<Photo>,
    pub n_classes: usize,
    input: String,
    channels_last: bool,
    size: usize,
    mean: [f32; 3],
    deviation: [f32; 3],
}

impl Photos {
    /// At most `limit` images a class of `folder`, for the model in `model`.
    pub fn load(folder: &Path, model: &Path, size: usize, limit: usize) -> Result<Self, Box<dyn Error>> {
        let onnx = Model::load(&model.join("model.onnx"))?;
        let input = onnx.graph.inputs.first().ok_or("the model has no input")?;
        let shape = input.shape.as_deref().unwrap_or_default();
        let settings: serde_json::Value =
            serde_json::from_slice(&std::fs::read(model.join("preprocessor_config.json"))?)?;
        let three = |name: &str| -> Result<[f32; 3], Box<dyn Error>> {
            let values = settings[name].as_array().ok_or("no mean or deviation")?;
            let values: Vec<f32> = values.iter().filter_map(|value| Some(value.as_f64()? as f32)).collect();
            Ok(values.try_into().map_err(|_| "not three channels")?)
        };
        let mut classes: Vec<_> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
        classes.retain(|path| path.is_dir());
        classes.sort();
        let mut photos = Vec::new();
        for (class, path) in classes.iter().enumerate() {
            let mut files: Vec<_> = std::fs::read_dir(path)?.flatten().map(|entry| entry.path()).collect();
            files.sort();
            for file in files.iter().take(limit) {
                let image = decode(file)?;
                photos.push(shrink(
                    &image.pixels,
                    image.width,
                    image.height,
                    size * 146 / 128,
                    class as u32,
                ));
            }
        }
        Ok(Self {
            photos,
            n_classes: classes.len(),
            input: input.name.clone(),
            channels_last: shape.get(1) != Some(&Dim::Fixed(3)) && shape.get(3) == Some(&Dim::Fixed(3)),
            size,
            mean: three("image_mean")?,
            deviation: three("image_std")?,
        })
    }

    pub fn targets(&self) -> Result<TrainTargets, Box<dyn Error>> {
        Ok(TrainTargets::new(TargetValues::Classes {
            labels: self.photos.iter().map(|photo| photo.class).collect(),
            n_classes: self.n_classes,
        })?)
    }

    /// Writes a view, `[3, size, size]` or `[size, size, 3]`, normalised.
    fn view(&self, pick: Pick, out: &mut [f32]) {
        let photo = &self.photos[pick.sample];
        let mut state = (pick.sample as u64) << 32 | u64::from(pick.view);
        let mut uniform = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut bits = state;
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((bits ^ (bits >> 31)) >> 40) as f32 / (1u64 << 24) as f32
        };
        let (height, width) = (photo.height as f32, photo.width as f32);
        let edge = self.size as f32;
        let (top, left, rows, columns, flip) = if pick.view == EVALUATION_VIEW {
            ((height - edge) / 2.0, (width - edge) / 2.0, edge, edge, false)
        } else {
            let area = width * height * (0.5 + 0.5 * uniform());
            let ratio = (0.75f32.ln() + (16.0f32 / 9.0).ln() * uniform()).exp();
            let columns = (area * ratio).sqrt().min(width);
            let rows = (area / ratio).sqrt().min(height);
            (
                uniform() * (height - rows),
                uniform() * (width - columns),
                rows,
                columns,
                uniform() < 0.5,
            )
        };
        for y in 0..self.size {
            for x in 0..self.size {
                let column = if flip { self.size - 1 - x } else { x };
                let at_y = (top + (y as f32 + 0.5) / edge * rows - 0.5).clamp(0.0, height - 1.0);
                let at_x = (left + (column as f32 + 0.5) / edge * columns - 0.5).clamp(0.0, width - 1.0);
                let (y0, x0) = (at_y as usize, at_x as usize);
                let (y1, x1) = ((y0 + 1).min(photo.height - 1), (x0 + 1).min(photo.width - 1));
                let (dy, dx) = (at_y - y0 as f32, at_x - x0 as f32);
                for channel in 0..3 {
                    let pixel = |y: usize, x: usize| photo.pixels[(y * photo.width + x) * 3 + channel];
                    let value = (pixel(y0, x0) * (1.0 - dx) + pixel(y0, x1) * dx) * (1.0 - dy)
                        + (pixel(y1, x0) * (1.0 - dx) + pixel(y1, x1) * dx) * dy;
                    let position = if self.channels_last {
                        (y * self.size + x) * 3 + channel
                    } else {
                        (channel * self.size + y) * self.size + x
                    };
                    out[position] = (value / 255.0 - self.mean[channel]) / self.deviation[channel];
                }
            }
        }
    }
}

impl Samples for Photos {
    fn n_samples(&self) -> usize {
        self.photos.len()
    }

    fn load(&self, picks: &[Pick]) -> Result<BatchInputs, LoadError> {
        let each = 3 * self.size * self.size;
        let mut values = vec![0.0; picks.len() * each];
        for (pick, out) in picks.iter().zip(values.chunks_exact_mut(each)) {
            self.view(*pick, out);
        }
        let dims = if self.channels_last {
            [picks.len(), self.size, self.size, 3]
        } else {
            [picks.len(), 3, self.size, self.size]
        };
        let feeds = vec![(self.input.clone(), HostTensor::floats(&dims, values)?)];
        Ok(BatchInputs { feeds, rows: None })
    }
}

/// The image with its shorter side `edge`: the mean over the pixels that a new one covers.
fn shrink(pixels: &[u8], width: usize, height: usize, edge: usize, class: u32) -> Photo {
    let scale = width.min(height) as f32 / edge as f32;
    let (new_width, new_height) = (
        (width as f32 / scale).round() as usize,
        (height as f32 / scale).round() as usize,
    );
    let range = |at: usize, length: usize| {
        let start = ((at as f32 * scale) as usize).min(length - 1);
        start..(((at + 1) as f32 * scale).ceil() as usize).clamp(start + 1, length)
    };
    let mut shrunk = Vec::with_capacity(new_width * new_height * 3);
    for y in 0..new_height {
        for x in 0..new_width {
            let (rows, columns) = (range(y, height), range(x, width));
            let count = (rows.len() * columns.len()) as f32;
            for channel in 0..3 {
                let each = rows
                    .clone()
                    .flat_map(|row| columns.clone().map(move |column| (row, column)));
                let sum: f32 = each
                    .map(|(row, column)| f32::from(pixels[(row * width + column) * 3 + channel]))
                    .sum();
                shrunk.push(sum / count);
            }
        }
    }
    Photo {
        width: new_width,
        height: new_height,
        pixels: shrunk,
        class,
    }
}

/// The model of a hub's folder with a new head for `n_classes`.
pub fn headed(path: &Path, n_classes: usize, seed: u64) -> Result<Model, Box<dyn Error>> {
    let model = Model::load(&path.join("model.onnx"))?;
    let found = locate(&model, &Hints::default())?;
    let n_features = found.feature_dim.ok_or("the number of features is not known")?;
    let open = |dim: Option<&Dim>| dim.and_then(Dim::fixed) != Some(1);
    let layout = match found.feature_shape.as_slice() {
        [_, _, h, w] if open(Some(h)) || open(Some(w)) => FeatureLayout::Map,
        _ => FeatureLayout::Flat,
    };
    let head = Head {
        layout,
        seed,
        ..Head::new(&found.feature, n_features, n_classes)
    };
    Ok(with_head(&model, &head)?)
}
