//! A plan: the steps of a region, and the buffers they share.

use ranktune_onnx::Model;
use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

use super::convolution::{Convolution, Maps};
use super::layout::{BLOCK, IMAGE_BLOCK, MapLayout};
use super::region::{Operation, Region};
use super::steps::{Action, Step};
use super::width::Width;
use crate::{Error, Result};

/// The buffers of one image.
type Buffers = Vec<Vec<f32>>;

/// Steps over the maps of one image.
#[derive(Debug)]
pub(super) struct Plan {
    input: MapLayout,
    steps: Vec<Step>,
    /// Buffers and layouts of the results.
    results: Vec<(usize, MapLayout)>,
    /// Sizes of the buffers.
    buffers: Vec<usize>,
    /// Buffers that no run uses now; at most one set for each thread exists.
    idle: Mutex<Vec<Buffers>>,
}

impl Plan {
    /// Packs the weights, and gives every map a buffer. `results` are maps of the region.
    ///
    /// # Errors
    /// `Invalid` for a weight whose elements are not f32.
    pub(super) fn new(model: &Model, region: Region, results: &[usize], width: Width) -> Result<Self> {
        let layouts: Vec<MapLayout> = region
            .sizes
            .iter()
            .zip(&region.borders)
            .enumerate()
            .map(|(map, (&[channels, height, width], &border))| MapLayout {
                channels,
                height,
                width,
                border,
                block: if map == 0 && channels <= IMAGE_BLOCK {
                    IMAGE_BLOCK
                } else {
                    BLOCK
                },
            })
            .collect();
        let (places, buffers) = places(&region, &layouts, results);
        let at = |map: usize| (places[map], layouts[map]);
        let mut steps = Vec::with_capacity(region.parts.len());
        for part in &region.parts {
            let action = match &part.operation {
                Operation::Convolve {
                    window,
                    weight,
                    bias,
                    activation,
                } => {
                    let bias = bias.as_ref().map(|bias| floats(model, bias)).transpose()?;
                    let maps = Maps {
                        input: layouts[part.input],
                        output: layouts[part.output],
                        addend: part.second.map(|map| layouts[map]),
                    };
                    let weights = floats(model, weight)?;
                    let weights = (weights.as_slice(), bias.as_deref());
                    Action::Convolve(Box::new(Convolution::new(width, maps, window, weights, *activation)))
                }
                Operation::Pool(window, reduction) => Action::Pool(*window, *reduction),
                Operation::GlobalMean => Action::GlobalMean,
                Operation::Scale => Action::Scale,
                Operation::Add(activation) => Action::Add(*activation),
                Operation::Activate(activation) => Action::Activate(*activation),
            };
            steps.push(Step {
                action,
                input: at(part.input),
                second: part.second.map(at),
                output: at(part.output),
            });
        }
        Ok(Self {
            input: layouts[0],
            steps,
            results: results.iter().map(|&map| at(map)).collect(),
            buffers,
            idle: Mutex::default(),
        })
    }

    /// Channels, height and width of an image.
    pub(super) fn image_shape(&self) -> [usize; 3] {
        [self.input.channels, self.input.height, self.input.width]
    }

    /// Runs on images `[n, c, h, w]`, one image to a thread. An image's values do not depend on the others. Returns the
    /// results, each `[n, c, h, w]`, with their shapes.
    pub(super) fn run(&self, images: &[f32]) -> Vec<(Vec<usize>, Vec<f32>)> {
        let each: Vec<Vec<Vec<f32>>> = images
            .par_chunks_exact(self.input.elements())
            .map(|image| self.image(image))
            .collect();
        let shape = |map: &MapLayout| vec![each.len(), map.channels, map.height, map.width];
        self.results
            .iter()
            .enumerate()
            .map(|(at, (_, map))| {
                let values = each.iter().flat_map(|results| results[at].iter().copied());
                (shape(map), values.collect())
            })
            .collect()
    }

    fn image(&self, image: &[f32]) -> Vec<Vec<f32>> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffers = idle.unwrap_or_else(|| self.buffers.iter().map(|&size| vec![0.0; size]).collect());
        self.input.fill(image, &mut buffers[0]);
        for step in &self.steps {
            let mut output = std::mem::take(&mut buffers[step.output.0]);
            let second = step.second.map(|(buffer, _)| buffers[buffer].as_slice());
            step.run(&buffers[step.input.0], second, &mut output);
            buffers[step.output.0] = output;
        }
        let results = self.results.iter().map(|(buffer, map)| {
            let mut values = vec![0.0; map.elements()];
            map.read(&buffers[*buffer], &mut values);
            values
        });
        let results = results.collect();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(buffers);
        results
    }
}

fn floats(model: &Model, name: &str) -> Result<Vec<f32>> {
    let tensor = model.graph.initializers.get(name);
    tensor
        .and_then(ranktune_onnx::Tensor::to_f32_vec)
        .ok_or_else(|| Error::invalid(format!("weight {name:?} must be of f32")))
}

/// The buffer of every map, and the sizes of the buffers: a map takes the smallest one that is free and large enough, or
/// enlarges the largest free one.
fn places(region: &Region, layouts: &[MapLayout], results: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let mut last_use = vec![0; layouts.len()];
    for (at, part) in region.parts.iter().enumerate() {
        for map in [Some(part.input), part.second, Some(part.output)].into_iter().flatten() {
            last_use[map] = at;
        }
    }
    for &map in results {
        last_use[map] = usize::MAX;
    }
    let mut places = vec![0; layouts.len()];
    let mut sizes = vec![layouts[0].len()];
    let mut free: Vec<usize> = Vec::new();
    for (at, part) in region.parts.iter().enumerate() {
        let needed = layouts[part.output].len();
        let best = (0..free.len()).min_by_key(|&at| (sizes[free[at]] < needed, sizes[free[at]].abs_diff(needed)));
        let place = match best {
            Some(best) => free.swap_remove(best),
            None => {
                sizes.push(0);
                sizes.len() - 1
            }
        };
        sizes[place] = sizes[place].max(needed);
        places[part.output] = place;
        let mut ended = vec![part.input, part.output];
        ended.extend(part.second);
        ended.sort_unstable();
        ended.dedup();
        // The input's buffer is written at the start of a run, and may be used again after it was read.
        free.extend(
            ended
                .into_iter()
                .filter(|&map| last_use[map] == at)
                .map(|map| places[map]),
        );
    }
    (places, sizes)
}
