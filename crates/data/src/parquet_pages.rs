//! Pages of a Parquet column, checked before they are decoded.
//!
//! A page states how many values it holds, and the decoders of the `parquet` crate (60.1) reserve memory for as many. A dictionary of a
//! few bytes that states two billion texts would take 32 GiB, and end the process. Every value of a dictionary takes some bytes, so such
//! a page is refused.

use parquet::basic::Type as Physical;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescriptor;

/// The pages of a column, of which none states what it cannot hold.
pub(crate) struct CheckedPages {
    pages: Box<dyn PageReader>,
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
        Self { pages, value_bytes }
    }
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
