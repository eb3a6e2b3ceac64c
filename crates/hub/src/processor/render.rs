//! From an image to the numbers of a graph's input: resampling, a look-up in the tables of the channels, padding.

use ranktune_data::{RgbImage, View};

use super::channels::{Channels, grey};
use super::geometry::{Crop, Size, Span};
use super::graph_input::ImageLayout;
use super::image_processor::ImageProcessor;
use super::resample::{self, Pixels, Region, Request};
use crate::Error;

impl ImageProcessor {
    /// Prepares `image` and writes the result to `out`, whose length is the product of [`output_shape`](Self::output_shape).
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch) if `out` is of another length, or `image` is empty or not of
    /// `height · width · 3` bytes.
    pub fn apply(&self, image: &RgbImage, out: &mut [f32]) -> Result<(), Error> {
        self.apply_view(image, None, out)
    }

    /// As [`apply`](Self::apply), for a view: its crop is resized to the size of the model's input with the model's filter, and
    /// replaces the model's own crop. Without a view, the plain preprocessing.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_view(&self, image: &RgbImage, view: Option<&View>, out: &mut [f32]) -> Result<(), Error> {
        let expected: usize = self.output_shape().iter().product();
        if out.len() != expected {
            return Err(Error::mismatch(format!(
                "expected an output of {expected} numbers, found {}",
                out.len()
            )));
        }
        let (width, height) = (image.width, image.height);
        let bytes = width.checked_mul(height).and_then(|n| n.checked_mul(3));
        if bytes != Some(image.pixels.len()) || image.pixels.is_empty() {
            let text = format!("an image of {height}×{width} pixels has {} bytes", image.pixels.len());
            return Err(Error::mismatch(text));
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

    /// Swaps left and right of the output.
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

    /// Looks `[rows.len, columns.len, C]` bytes up in the tables, and pads them with black.
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

    /// Fills the padding with black, which is rarely zero after normalization.
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
}
