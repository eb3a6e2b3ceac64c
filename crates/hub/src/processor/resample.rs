//! Pillow's resampling of 8-bit images, to the bit.
//!
//! With `s = source / target` for one axis, `f = max(s, 1)` and the filter `φ` of support `r`, output pixel `j` is
//!
//! ```text
//! y_j = clip(⌊½ + Σ_i w_ij · x_i⌋),    w_ij = φ((i + ½ - c_j) / f) / Σ_i',    c_j = (j + ½)·s,    |i + ½ - c_j| ≤ r·f
//! ```
//!
//! in integers: weights are rounded to 22 fractional bits, sums are 32-bit, and each axis is rounded to 8 bits. So
//! antialiasing is built in (`f > 1` widens the filter), and enlarging interpolates. Rows are narrowed first, then columns
//! shortened; the other way round if the image loses rows and more than twice as many as columns, which is Pillow's rule since
//! version 13 (older versions never do, which changes some pixels by one step).
//!
//! Written by hand because the fast library (fast_image_resize) has 16-bit weights, which changes a pixel by one step in every
//! second image, and selects other pixels for `nearest`. Integer sums are exact in any order, so the compiler can use any vector
//! unit without changing a bit.

use ranktune_data::View;

use crate::processor::geometry::{Size, Span};

/// The filters of Pillow, with their numbers in `resample` fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each name is the filter")]
pub enum Filter {
    Nearest = 0,
    Lanczos = 1,
    Bilinear = 2,
    Bicubic = 3,
    Box = 4,
    Hamming = 5,
}

impl Filter {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Nearest,
        Self::Lanczos,
        Self::Bilinear,
        Self::Bicubic,
        Self::Box,
        Self::Hamming,
    ];

    /// The name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Lanczos => "lanczos",
            Self::Bilinear => "bilinear",
            Self::Bicubic => "bicubic",
            Self::Box => "box",
            Self::Hamming => "hamming",
        }
    }

    /// How far the filter reaches, at scale 1.
    fn support(self) -> f64 {
        match self {
            Self::Nearest => 0.0,
            Self::Box => 0.5,
            Self::Bilinear | Self::Hamming => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    /// `φ(x)`, in Pillow's order of operations.
    fn at(self, x: f64) -> f64 {
        let sinc = |x: f64| {
            if x == 0.0 {
                1.0
            } else {
                (x * std::f64::consts::PI).sin() / (x * std::f64::consts::PI)
            }
        };
        match self {
            Self::Nearest => 0.0,
            Self::Box => f64::from(u8::from(x > -0.5 && x <= 0.5)),
            Self::Bilinear => (1.0 - x.abs()).max(0.0),
            Self::Hamming => match x.abs() {
                0.0 => 1.0,
                x if x >= 1.0 => 0.0,
                x => {
                    let x = x * std::f64::consts::PI;
                    // Pillow has these two in single precision.
                    x.sin() / x * (f64::from(0.54_f32) + f64::from(0.46_f32) * x.cos())
                }
            },
            Self::Bicubic => {
                const A: f64 = -0.5;
                match x.abs() {
                    x if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
                    x if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
                    _ => 0.0,
                }
            }
            Self::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Self::Lanczos => 0.0,
        }
    }
}

/// Pixels of `C` bytes, row-major: `[height, width, C]`.
#[derive(Clone, Copy)]
pub(crate) struct Pixels<'a> {
    pub data: &'a [u8],
    pub size: Size,
}

/// The part of the source that is resized, in source pixels, edges between pixels; Pillow's `box`. Single precision, as there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Region {
    pub x: (f32, f32),
    pub y: (f32, f32),
}

impl Region {
    /// The whole image.
    pub fn whole(size: Size) -> Self {
        Self {
            x: (0.0, size.width as f32),
            y: (0.0, size.height as f32),
        }
    }

    /// The crop of a view.
    pub fn of(view: &View, size: Size) -> Self {
        let crop = view.crop_box(size.width, size.height);
        Self {
            x: (crop.left as f32, crop.right as f32),
            y: (crop.top as f32, crop.bottom as f32),
        }
    }
}

/// What is wanted: `region` of the source, resized to `target` with `filter`, and of that the window `rows` × `columns`.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    pub region: Region,
    pub target: Size,
    pub filter: Filter,
    pub rows: Span,
    pub columns: Span,
}

/// Resamples; the result is `[rows.len, columns.len, C]`.
pub(crate) fn resample<const C: usize>(source: Pixels<'_>, request: &Request) -> Vec<u8> {
    let Request {
        region,
        target,
        filter,
        rows,
        columns,
    } = *request;
    if filter == Filter::Nearest {
        return nearest::<C>(source, request);
    }
    let across = Axis::new(source.size.width, region.x, target.width, filter, columns);
    let down = Axis::new(source.size.height, region.y, target.height, filter, rows);
    let lost = (
        source.size.height.saturating_sub(target.height),
        source.size.width.saturating_sub(target.width),
    );
    if lost.0 > 0 && lost.0 > 2 * lost.1 {
        // Only the columns that the second pass asks for.
        let (first, last) = across.reach();
        let short = down.shorten::<C>(source, 0, (first, last));
        let size = Size {
            height: rows.len,
            width: last - first,
        };
        across.narrow::<C>(Pixels { data: &short, size }, (0, rows.len), first)
    } else {
        let (first, last) = down.reach();
        let narrow = across.narrow::<C>(source, (first, last), 0);
        let size = Size {
            height: last - first,
            width: columns.len,
        };
        down.shorten::<C>(Pixels { data: &narrow, size }, first, (0, columns.len))
    }
}

/// One output pixel's share of an axis.
struct Taps {
    /// First source pixel.
    from: usize,
    /// One weight a source pixel, 22 bits behind the point.
    weights: Vec<i32>,
}

enum Axis {
    /// Source and target agree: a copy.
    Same(Span),
    Weighted(Vec<Taps>),
}

impl Axis {
    fn new(source: usize, region: (f32, f32), target: usize, filter: Filter, window: Span) -> Self {
        if source == target && region == (0.0, source as f32) {
            return Self::Same(window);
        }
        let scale = f64::from(region.1 - region.0) / target as f64;
        let stretch = scale.max(1.0);
        let support = filter.support() * stretch;
        let per_pixel = 1.0 / stretch;
        let taps = (window.from..window.from + window.len).map(|j| {
            let center = f64::from(region.0) + (j as f64 + 0.5) * scale;
            // `as` cuts off towards zero, negative to zero, as the C casts do with their checks.
            let from = ((center - support + 0.5) as usize).min(source);
            let to = ((center + support + 0.5) as usize).min(source);
            let weight = |i: usize| filter.at((i as f64 - center + 0.5) * per_pixel);
            let mut weights: Vec<f64> = (from..to.max(from)).map(weight).collect();
            let sum: f64 = weights.iter().sum();
            if sum != 0.0 {
                weights.iter_mut().for_each(|w| *w /= sum);
            }
            let fixed = |w: f64| (w * f64::from(1 << kernels::BITS) + 0.5_f64.copysign(w)) as i32;
            let weights = weights.into_iter().map(fixed).collect();
            Taps { from, weights }
        });
        Self::Weighted(taps.collect())
    }

    /// Resamples rows `rows` of `source`, whose first column is column `first` of the original.
    fn narrow<const C: usize>(&self, source: Pixels<'_>, rows: (usize, usize), first: usize) -> Vec<u8> {
        let width = source.size.width;
        let data = &source.data[C * rows.0 * width..C * rows.1 * width];
        match self {
            Self::Same(span) => {
                let row = C * (span.from - first)..C * (span.from - first + span.len);
                data.chunks_exact(C * width)
                    .map(|line| &line[row.clone()])
                    .collect::<Vec<_>>()
                    .concat()
            }
            Self::Weighted(taps) => {
                let mut out = vec![0; (rows.1 - rows.0) * taps.len() * C];
                kernels::columns::<C>(data, width, first, taps, &mut out);
                out
            }
        }
    }

    /// Resamples columns `columns` of `source`, whose first row is row `first` of the original.
    fn shorten<const C: usize>(&self, source: Pixels<'_>, first: usize, columns: (usize, usize)) -> Vec<u8> {
        let stride = C * source.size.width;
        let bytes = C * columns.0..C * columns.1;
        match self {
            Self::Same(span) => {
                let lines = source.data.chunks_exact(stride).skip(span.from - first).take(span.len);
                lines.map(|line| &line[bytes.clone()]).collect::<Vec<_>>().concat()
            }
            Self::Weighted(taps) => {
                let mut out = vec![0; taps.len() * bytes.len()];
                kernels::rows(&source.data[bytes.start..], stride, first, taps, &mut out);
                out
            }
        }
    }

    /// The source pixels it takes, as a half-open range.
    fn reach(&self) -> (usize, usize) {
        match self {
            Self::Same(span) => (span.from, span.from + span.len),
            Self::Weighted(taps) => {
                let first = taps.iter().map(|t| t.from).min().unwrap_or(0);
                let last = taps.iter().map(|t| t.from + t.weights.len()).max().unwrap_or(first);
                (first, last)
            }
        }
    }
}

/// Picks pixels. The position is summed up step by step as in Pillow, whose rounding decides which pixel it is.
fn nearest<const C: usize>(source: Pixels<'_>, request: &Request) -> Vec<u8> {
    let picks = |region: (f32, f32), size: usize, target: usize, window: Span| -> Vec<Option<usize>> {
        let step = f64::from(region.1 - region.0) / target as f64;
        let mut at = f64::from(region.0) + step * 0.5;
        let mut next = || {
            let pick = (at >= 0.0).then_some(at as usize).filter(|&i| i < size);
            at += step;
            pick
        };
        (0..window.from + window.len)
            .map(|_| next())
            .skip(window.from)
            .collect()
    };
    let x = picks(
        request.region.x,
        source.size.width,
        request.target.width,
        request.columns,
    );
    let y = picks(
        request.region.y,
        source.size.height,
        request.target.height,
        request.rows,
    );
    let mut out = Vec::with_capacity(x.len() * y.len() * C);
    for &row in &y {
        for &column in &x {
            match row.zip(column) {
                Some((row, column)) => {
                    let at = C * (row * source.size.width + column);
                    out.extend_from_slice(&source.data[at..at + C]);
                }
                None => out.extend_from_slice(&[0; C]),
            }
        }
    }
    out
}

mod kernels;
#[cfg(test)]
mod tests;
