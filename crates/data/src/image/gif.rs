//! GIF: the first frame, drawn on the logical screen.
//!
//! Outside the frame, Pillow shows the transparent colour if there is one, else colour 0. The conversion to RGB drops
//! transparency. A colour without a palette entry is grey with the value of its index.

use gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};

use super::error::ImageError;
use super::pixels::{Decoded, MAX_PIXELS, RgbImage, checked_size};

pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, ImageError> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.set_memory_limit(std::num::NonZeroU64::new(MAX_PIXELS).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
    let mut decoder = options.read_info(bytes).map_err(error)?;
    let screen = (u32::from(decoder.width()), u32::from(decoder.height()));
    let global = decoder.global_palette().map(<[u8]>::to_vec);
    let frame = decoder.read_next_frame().map_err(error)?;
    let frame = frame.ok_or_else(|| ImageError::malformed("the GIF file holds no image"))?;
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let (frame_width, frame_height) = checked_size(u32::from(frame.width), u32::from(frame.height))?;
    let (width, height) = checked_size(
        screen.0.max(u32::from(frame.left) + u32::from(frame.width)),
        screen.1.max(u32::from(frame.top) + u32::from(frame.height)),
    )?;
    let palette = frame.palette.as_deref().or(global.as_deref()).unwrap_or_default();
    let color = |index: u8| {
        let at = 3 * usize::from(index);
        palette.get(at..at + 3).map_or([index; 3], |c| [c[0], c[1], c[2]])
    };
    let colors: Vec<[u8; 3]> = (0..=255).map(color).collect();
    let mut pixels = colors[usize::from(frame.transparent.unwrap_or(0))].repeat(width * height);
    for (y, row) in frame.buffer.chunks_exact(frame_width).take(frame_height).enumerate() {
        let at = 3 * ((top + y) * width + left);
        for (pixel, &index) in pixels[at..].chunks_exact_mut(3).zip(row) {
            pixel.copy_from_slice(&colors[usize::from(index)]);
        }
    }
    Ok(Decoded {
        image: RgbImage { width, height, pixels },
        orientation: 1,
    })
}

fn error(e: DecodingError) -> ImageError {
    ImageError::malformed("damaged GIF file, or a truncated one").caused_by(e)
}
