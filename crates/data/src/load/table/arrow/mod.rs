//! Arrow files, as the library `datasets` (`save_to_disk` and its cache), pandas (`to_feather`) and polars (`write_ipc`) write them.
//!
//! Both framings are read, streams (`datasets`) and files (Feather version 2): a file holds the messages of a stream behind its first
//! eight bytes. Batches are read one by one, so memory does not grow with the file.

mod cells;
mod messages;

use std::path::{Path, PathBuf};

use arrow_array::{Array as _, ArrayRef};
use arrow_schema::{DataType, SchemaRef};
use serde_json::{Map, Value};

use self::messages::Messages;
use super::cell::{Cell, OnRow, Table};
use crate::card::features;
use crate::{Error, Result};

struct ArrowTable {
    path: PathBuf,
    schema: SchemaRef,
    columns: Vec<String>,
    /// The features that the library `datasets` describes in the metadata, by column.
    features: Map<String, Value>,
}

pub(super) fn open(path: &Path) -> Result<Box<dyn Table>> {
    let messages = Messages::open(path)?;
    let schema = messages.schema();
    let columns = schema.fields().iter().map(|field| field.name().clone()).collect();
    let features = features::of_metadata(schema.metadata().get("huggingface").map(String::as_str));
    Ok(Box::new(ArrowTable {
        path: path.to_owned(),
        schema,
        columns,
        features,
    }))
}

impl Table for ArrowTable {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn unit(&self) -> &'static str {
        "row"
    }

    fn class_names(&self, column: usize) -> Option<Vec<String>> {
        features::class_names(self.features.get(&self.columns[column])?)
    }

    fn holds_lists(&self, column: usize) -> bool {
        matches!(
            self.schema.field(column).data_type(),
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)
        )
    }

    fn read(self: Box<Self>, wanted: &[usize], on_row: &mut OnRow<'_>) -> Result<()> {
        let mut messages = Messages::open(&self.path)?;
        let mut position = 0;
        while let Some(batch) = messages.next_batch(wanted)? {
            let columns: Vec<ArrayRef> = batch
                .columns
                .iter()
                .zip(wanted)
                .map(|(array, &column)| cells::plain(array).map_err(|error| self.at(error, column)))
                .collect::<Result<_>>()?;
            for row in 0..batch.rows {
                position += 1;
                let cells = columns.iter().zip(wanted).map(|(array, &column)| {
                    cells::cell(array.as_ref(), row)
                        .map_err(|error| error.at(format!("row {position}, column {:?}", self.columns[column])))
                });
                let cells: Vec<Cell<'_>> = cells
                    .collect::<Result<_>>()
                    .map_err(|error| error.in_file(&self.path))?;
                on_row(position, &cells)?;
            }
            debug_assert!(columns.iter().all(|array| array.len() == batch.rows));
        }
        Ok(())
    }
}

impl ArrowTable {
    fn at(&self, error: Error, column: usize) -> Error {
        error
            .at(format!("column {:?}", self.columns[column]))
            .in_file(&self.path)
    }
}
