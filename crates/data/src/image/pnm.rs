//! Portable anymaps: bitmaps (`P1`, `P4`), grey (`P2`, `P5`) and colour (`P3`, `P6`), as text or bytes.
//!
//! As in Pillow, a value `v` becomes `v / maximum · 255`, rounded half to even; grey of more than 8 bits is scaled to 16 bits and
//! then clipped at 255, as every 16-bit grey image.

use super::error::ImageError;
use super::pixels::{Decoded, RgbImage, checked_size, clip_grey16, grey_to_rgb};

/// Longer numbers are refused, as in Pillow.
const LONGEST_NUMBER: usize = 10;

pub(super) fn begins(bytes: &[u8]) -> bool {
    matches!(bytes, [b'P', b'1'..=b'6', space, ..] if is_space(*space) || *space == b'#')
}

pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, ImageError> {
    let kind = bytes.get(1).copied().unwrap_or_default();
    let mut reader = Reader { bytes, at: 2 };
    let (width, height) = (reader.header("width")?, reader.header("height")?);
    let (width, height) = checked_size(width, height)?;
    let pixels = if matches!(kind, b'1' | b'4') {
        grey_to_rgb(&bitmap(&mut reader, kind, width, height)?, 1)
    } else {
        let maximum = reader.header("largest value")?;
        if !(1..65536).contains(&maximum) {
            let text = format!("the largest value of a portable anymap is between 1 and 65535, found {maximum}");
            return Err(ImageError::malformed(text));
        }
        let is_grey = matches!(kind, b'2' | b'5');
        let n = width * height * if is_grey { 1 } else { 3 };
        let values = reader.values(n, maximum, matches!(kind, b'2' | b'3'))?;
        let scaled = |value: u32, most: f64| {
            (f64::from(value) / f64::from(maximum) * most)
                .round_ties_even()
                .min(most)
        };
        let values = values.into_iter();
        if is_grey && maximum > 255 {
            let grey: Vec<u8> = values.map(|value| clip_grey16(scaled(value, 65535.0) as u16)).collect();
            grey_to_rgb(&grey, 1)
        } else {
            let bytes: Vec<u8> = values.map(|value| scaled(value, 255.0) as u8).collect();
            if is_grey { grey_to_rgb(&bytes, 1) } else { bytes }
        }
    };
    Ok(Decoded {
        image: RgbImage { width, height, pixels },
        orientation: 1,
    })
}

/// `[height, width]` grey: a set bit is black.
fn bitmap(reader: &mut Reader<'_>, kind: u8, width: usize, height: usize) -> Result<Vec<u8>, ImageError> {
    let grey = |is_black: bool| if is_black { 0 } else { 255 };
    if kind == b'4' {
        let stride = width.div_ceil(8);
        let rows = reader.rest().chunks_exact(stride).take(height);
        if rows.len() < height {
            return Err(truncated());
        }
        let row = |row: &[u8]| -> Vec<u8> { (0..width).map(|x| grey(row[x / 8] >> (7 - x % 8) & 1 == 1)).collect() };
        return Ok(rows.flat_map(row).collect());
    }
    let mut pixels = Vec::new();
    while pixels.len() < width * height {
        // Digits need no blanks between them.
        match reader.next_in_text() {
            Some(digit @ (b'0' | b'1')) => pixels.push(grey(digit == b'1')),
            Some(byte) if is_space(byte) => {}
            Some(byte) => {
                let text = format!("expected 0 or 1 in a portable bitmap, found byte 0x{byte:02x}");
                return Err(ImageError::malformed(text));
            }
            None => return Err(truncated()),
        }
    }
    Ok(pixels)
}

fn truncated() -> ImageError {
    ImageError::malformed("damaged portable anymap, or a truncated one")
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next byte outside comments, which end with their line.
    fn next_in_text(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            if byte != b'#' {
                return Some(byte);
            }
            while self.bytes.get(self.at).is_some_and(|byte| !b"\r\n".contains(byte)) {
                self.at += 1;
            }
            self.at += 1;
        }
    }

    /// The next number, and the blank behind it.
    fn number(&mut self) -> Result<u32, ImageError> {
        let mut digits = String::new();
        loop {
            match self.next_in_text() {
                Some(byte) if is_space(byte) && digits.is_empty() => {}
                Some(byte) if !is_space(byte) && digits.len() < LONGEST_NUMBER => digits.push(char::from(byte)),
                None if digits.is_empty() => return Err(truncated()),
                Some(byte) if !is_space(byte) => {
                    return Err(ImageError::malformed("a number in a portable anymap is too long"));
                }
                _ => break,
            }
        }
        digits
            .parse()
            .map_err(|_| ImageError::malformed(format!("expected a number in a portable anymap, found {digits:?}")))
    }

    fn header(&mut self, what: &str) -> Result<u32, ImageError> {
        self.number()
            .map_err(|error| ImageError::malformed(format!("{what} of a portable anymap")).caused_by(error))
    }

    /// `n` values, of which none is above `maximum`.
    fn values(&mut self, n: usize, maximum: u32, is_text: bool) -> Result<Vec<u32>, ImageError> {
        if is_text {
            let mut values = Vec::new();
            while values.len() < n {
                let value = self.number()?;
                if value > maximum {
                    let text = format!("expected values up to {maximum} in a portable anymap, found {value}");
                    return Err(ImageError::malformed(text));
                }
                values.push(value);
            }
            return Ok(values);
        }
        let rest = self.rest();
        let size = if maximum < 256 { 1 } else { 2 };
        let Some(data) = rest.get(..n * size) else {
            return Err(truncated());
        };
        Ok(if size == 1 {
            data.iter().map(|byte| u32::from(*byte)).collect()
        } else {
            data.chunks_exact(2)
                .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
                .collect()
        })
    }
}
