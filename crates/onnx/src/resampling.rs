//! How `Resize` samples an axis: the weights of the input's elements for every output position.
//!
//! Resizing is separable and linear: along each axis the output is `y = W x`, with one row of weights per output position. Nearest
//! is a selection. The positions follow `coordinate_transformation_mode`.

/// `coordinate_transformation_mode`: where an output position lies in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each name is the mode's")]
pub enum Coordinates {
    HalfPixel,
    HalfPixelSymmetric,
    PytorchHalfPixel,
    AlignCorners,
    Asymmetric,
}

impl Coordinates {
    /// The mode of that name; `None` for one that is not here (`tf_crop_and_resize`).
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "half_pixel" => Self::HalfPixel,
            "half_pixel_symmetric" => Self::HalfPixelSymmetric,
            "pytorch_half_pixel" => Self::PytorchHalfPixel,
            "align_corners" => Self::AlignCorners,
            "asymmetric" => Self::Asymmetric,
            _ => return None,
        })
    }
}

/// `nearest_mode`: which neighbour counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each name is the mode's")]
pub enum Rounding {
    PreferFloor,
    PreferCeil,
    Floor,
    Ceil,
}

impl Rounding {
    /// The mode of that name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "round_prefer_floor" => Self::PreferFloor,
            "round_prefer_ceil" => Self::PreferCeil,
            "floor" => Self::Floor,
            "ceil" => Self::Ceil,
            _ => return None,
        })
    }
}

/// `mode`, where it is not `nearest`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Filter {
    /// Two neighbours.
    Linear,
    /// Four neighbours.
    Cubic {
        /// `cubic_coeff_a`
        a: f32,
    },
}

impl Filter {
    /// The weight of an element at distance `x`.
    fn weight(self, x: f32) -> f32 {
        let x = x.abs();
        match self {
            Self::Cubic { a } if x < 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
            Self::Cubic { a } if x < 2.0 => ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a,
            Self::Linear if x < 1.0 => 1.0 - x,
            _ => 0.0,
        }
    }

    /// How far its elements lie.
    fn support(self) -> f32 {
        match self {
            Self::Linear => 1.0,
            Self::Cubic { .. } => 2.0,
        }
    }
}

/// One axis that is resized from `from` to `to` elements; neither is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// Elements of the input.
    pub from: usize,
    /// Elements of the output.
    pub to: usize,
    /// The scale, from which `to` may have been rounded down.
    pub scale: f32,
    /// Where the output positions lie.
    pub coordinates: Coordinates,
}

impl Axis {
    /// The input coordinate of output position `out`.
    fn source(&self, out: usize) -> f32 {
        let (x, from, to) = (out as f32, self.from as f32, self.to as f32);
        match self.coordinates {
            Coordinates::HalfPixel => (x + 0.5) / self.scale - 0.5,
            Coordinates::HalfPixelSymmetric => {
                let adjustment = to / (self.scale * from);
                from / 2.0 * (1.0 - adjustment) + (x + 0.5) / self.scale - 0.5
            }
            Coordinates::PytorchHalfPixel if self.to > 1 => (x + 0.5) / self.scale - 0.5,
            Coordinates::AlignCorners if self.to > 1 => x * (from - 1.0) / (to - 1.0),
            Coordinates::PytorchHalfPixel | Coordinates::AlignCorners => 0.0,
            Coordinates::Asymmetric => x / self.scale,
        }
    }

    /// The input's element for every output position, of `nearest`.
    pub fn nearest(&self, rounding: Rounding) -> Vec<usize> {
        let position = |out| {
            let x = self.source(out);
            let rounded = match rounding {
                Rounding::PreferFloor => (x - 0.5).ceil(),
                Rounding::PreferCeil => (x + 0.5).floor(),
                Rounding::Floor => x.floor(),
                Rounding::Ceil => x.ceil(),
            };
            (rounded.max(0.0) as usize).min(self.from - 1)
        };
        (0..self.to).map(position).collect()
    }

    /// Weights `[to, from]`, each row with sum 1. Positions beyond the ends count as the elements at the ends, unless they are
    /// excluded. Antialiasing stretches the filter when the axis shrinks.
    pub fn weights(&self, filter: Filter, antialias: bool, exclude_outside: bool) -> Vec<f32> {
        let stretch = if antialias { (1.0 / self.scale).max(1.0) } else { 1.0 };
        let support = filter.support() * stretch;
        let mut weights = vec![0.0; self.to * self.from];
        for (out, row) in weights.chunks_exact_mut(self.from).enumerate() {
            let centre = self.source(out);
            let first = (centre - support).floor() as i64;
            let last = (centre + support).ceil() as i64;
            for position in first..=last {
                let weight = filter.weight((position as f32 - centre) / stretch);
                let inside = position.clamp(0, self.from as i64 - 1);
                if weight != 0.0 && (inside == position || !exclude_outside) {
                    row[inside as usize] += weight;
                }
            }
            let sum: f32 = row.iter().sum();
            if sum != 0.0 {
                row.iter_mut().for_each(|weight| *weight /= sum);
            }
        }
        weights
    }
}
