//! The colour channels of a model's input.

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
    pub(super) fn count(self) -> usize {
        match self {
            Self::Rgb | Self::Bgr => 3,
            Self::Grey => 1,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rgb => "RGB",
            Self::Bgr => "BGR",
            Self::Grey => "grey",
        }
    }
}

/// `[n, 3]` → `[n]`, as Pillow's `convert("L")`.
pub(super) fn grey(pixels: &[u8]) -> Vec<u8> {
    let luma = |p: &[u8]| {
        let sum = 19595 * u32::from(p[0]) + 38470 * u32::from(p[1]) + 7471 * u32::from(p[2]) + 0x8000;
        // The weights sum up to 2¹⁶, so the result is a byte.
        (sum >> 16) as u8
    };
    pixels.chunks_exact(3).map(luma).collect()
}
