//! Pages of a Parquet column, checked before they are decoded.
//!
//! A page states how many values it holds, and the decoders of the `parquet` crate (60.1) reserve memory for as many: a few bytes could
//! take any memory, and end the process. Two kinds of pages are refused:
//!
//! - a dictionary of more values than its bytes can hold;
//! - lengths of texts (`DELTA_LENGTH_BYTE_ARRAY`, `DELTA_BYTE_ARRAY`) that are more than the values of the page, or than
//!   [`MOST_PER_BYTE`] for a byte of the page.
//!
//! ```text
//! lengths: block size · mini blocks · count · first value · { smallest delta · widths [mini blocks] · mini blocks }
//! ```

use parquet::basic::{Encoding, Type as Physical};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescriptor;

/// Lengths that a byte of a page can stand for. Equal lengths take 5 bytes for 128 of them in what is usually written.
const MOST_PER_BYTE: usize = 1024;

/// The pages of a column, of which none states what it cannot hold.
pub(crate) struct CheckedPages {
    pages: Box<dyn PageReader>,
    /// Bits of a repetition and of a definition level; 0 without.
    level_bits: [u32; 2],
    /// Bytes that a value of a dictionary takes at least.
    value_bytes: usize,
}

impl CheckedPages {
    pub(crate) fn new(pages: Box<dyn PageReader>, column: &ColumnDescriptor) -> Self {
        let value_bytes = match column.physical_type() {
            Physical::BOOLEAN => 1,
            // A text has its length before it.
            Physical::INT32 | Physical::FLOAT | Physical::BYTE_ARRAY => 4,
            Physical::INT64 | Physical::DOUBLE => 8,
            Physical::INT96 => 12,
            Physical::FIXED_LEN_BYTE_ARRAY => usize::try_from(column.type_length()).unwrap_or(0).max(1),
        };
        let bits = |most: i16| u16::try_from(most).map_or(0, |most| u16::BITS - most.leading_zeros());
        Self {
            pages,
            level_bits: [bits(column.max_rep_level()), bits(column.max_def_level())],
            value_bytes,
        }
    }

    /// The values of a page of version 1, behind its levels.
    fn behind_levels<'a>(&self, mut bytes: &'a [u8], count: usize, encodings: [Encoding; 2]) -> Option<&'a [u8]> {
        for (bits, encoding) in self.level_bits.into_iter().zip(encodings) {
            if bits == 0 {
                continue;
            }
            let length = match encoding {
                Encoding::RLE => {
                    let (length, rest) = bytes.split_first_chunk::<4>()?;
                    bytes = rest;
                    usize::try_from(u32::from_le_bytes(*length)).ok()?
                }
                // The older way: as many bits as there are levels.
                _ => count.checked_mul(usize::try_from(bits).ok()?)?.div_ceil(8),
            };
            bytes = bytes.get(length..)?;
        }
        Some(bytes)
    }

    /// Whether the lengths in a page are as many as it can hold; `None` where it ends before they do.
    fn has_plausible_lengths(&self, page: &Page) -> Option<bool> {
        let (count, encoding, values) = match page {
            Page::DataPage {
                buf,
                num_values,
                encoding,
                def_level_encoding,
                rep_level_encoding,
                ..
            } => {
                let count = usize::try_from(*num_values).ok()?;
                let values = self.behind_levels(buf, count, [*rep_level_encoding, *def_level_encoding]);
                (count, encoding, values)
            }
            Page::DataPageV2 {
                buf,
                num_values,
                encoding,
                def_levels_byte_len,
                rep_levels_byte_len,
                ..
            } => {
                let levels = usize::try_from(u64::from(*def_levels_byte_len) + u64::from(*rep_levels_byte_len)).ok()?;
                (usize::try_from(*num_values).ok()?, encoding, buf.get(levels..))
            }
            Page::DictionaryPage { .. } => return Some(true),
        };
        let lists = match encoding {
            Encoding::DELTA_LENGTH_BYTE_ARRAY => 1,
            Encoding::DELTA_BYTE_ARRAY => 2,
            _ => return Some(true),
        };
        let mut values = values?;
        if values.is_empty() {
            // All values are missing.
            return Some(true);
        }
        for _ in 0..lists {
            let most = count.min(values.len().saturating_mul(MOST_PER_BYTE));
            let (lengths, rest) = behind_deltas(values)?;
            if usize::try_from(lengths).map_or(true, |lengths| lengths > most) {
                return Some(false);
            }
            values = rest;
        }
        Some(true)
    }
}

/// The number of the integers at the start of `bytes`, which are differences in blocks, and what follows them.
fn behind_deltas(mut bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (block, minis, count) = (varint(&mut bytes)?, varint(&mut bytes)?, varint(&mut bytes)?);
    varint(&mut bytes)?;
    let per_mini = block.checked_div(minis).filter(|&values| values > 0)?;
    let mut left = count.saturating_sub(1);
    while left > 0 {
        varint(&mut bytes)?;
        let (widths, rest) = bytes.split_at_checked(usize::try_from(minis).ok()?)?;
        bytes = rest;
        for &width in widths {
            if left == 0 {
                break;
            }
            let length = per_mini.checked_mul(u64::from(width))? / 8;
            // The last one may be cut where its values end.
            bytes = bytes.get(usize::try_from(length).ok()?..).unwrap_or_default();
            left = left.saturating_sub(per_mini);
        }
    }
    Some((count, bytes))
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

impl PageReader for CheckedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        if let Some(Page::DictionaryPage { buf, num_values, .. }) = &page {
            let fitting = buf.len() / self.value_bytes;
            if usize::try_from(*num_values).map_or(true, |count| count > fitting) {
                return Err(ParquetError::General(format!(
                    "a dictionary of {num_values} values in {} bytes",
                    buf.len()
                )));
            }
        }
        if page
            .as_ref()
            .is_some_and(|page| self.has_plausible_lengths(page) != Some(true))
        {
            return Err(ParquetError::General(
                "a page of more texts than it can hold".to_owned(),
            ));
        }
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.pages.at_record_boundary()
    }
}

impl Iterator for CheckedPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_are_passed_over_and_counted() {
        // One value: a header alone.
        assert_eq!(behind_deltas(&[0x80, 1, 4, 1, 2, 9]), Some((1, &[9][..])));
        // 40 values: a block whose first two of four mini blocks of 32 values hold values, of 0 and 2 bits.
        let mut bytes = vec![0x80, 1, 4, 40, 2, 1, 0, 2, 7, 7];
        bytes.extend([0; 8]);
        bytes.push(9);
        assert_eq!(behind_deltas(&bytes), Some((40, &[9][..])));
        for damaged in [
            &[][..],
            &[0x80],
            &[0x80, 1, 0, 5, 0],
            &[0, 1, 5, 0],
            &[0x80, 1, 4, 200, 2, 0],
        ] {
            assert_eq!(behind_deltas(damaged), None, "{damaged:?}");
        }
    }
}
