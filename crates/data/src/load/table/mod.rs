//! Tables: one file per format, behind the trait `Table`.

mod cell;
mod csv;
mod formats;
mod json;
mod parquet;

pub(super) use cell::{Cell, ValueKind};
pub(crate) use formats::is_table;
pub(super) use formats::{extensions, open};
