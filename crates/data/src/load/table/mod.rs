//! Tables: one file per format, behind the trait `Table`.

mod arrow;
mod cell;
mod csv;
mod cvat;
mod excel;
mod formats;
mod json;
mod packed;
mod parquet;

pub(super) use cell::{Cell, Table, ValueKind};
pub(crate) use formats::is_table;
pub(super) use formats::{extensions, open};
