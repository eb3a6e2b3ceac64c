//! Parquet: metadata, pages, and columns of several kinds.

use std::sync::Arc;

use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::Result;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use ranktune_data::arrays::read_matrix;

use super::{Target, tables};
use crate::outcome::Outcome;
use crate::scratch::Scratch;

pub(super) const PARQUET: Target = Target {
    name: "parquet",
    about: "a Parquet file, as a table and as a matrix",
    words: &["PAR1", "huggingface", "{\"info\":", "label", "text", "list", "element"],
    seeds,
    run,
};

fn run(bytes: &[u8], scratch: &Scratch) -> Outcome {
    let path = scratch.put("t.parquet", bytes);
    let mut outcome = tables::table(&path);
    outcome.add(read_matrix(&path));
    outcome
}

fn seeds() -> Vec<Vec<u8>> {
    let texts = "message m { required binary text (UTF8); optional binary label (UTF8); }";
    let numbers = "message m { required float a; required double b; optional int64 c; required boolean d; }";
    let lists = "message m { optional group features (LIST) { repeated group list { optional float element; } } }";
    let properties = [
        WriterProperties::builder().build(),
        WriterProperties::builder().set_compression(Compression::SNAPPY).build(),
        // Pages of version 2, and differences instead of dictionaries.
        WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_dictionary_enabled(false)
            .set_compression(Compression::ZSTD(Default::default()))
            .build(),
    ];
    let files = [texts, numbers, lists]
        .into_iter()
        .flat_map(|schema| properties.iter().map(move |properties| file(schema, properties)));
    files.flatten().collect()
}

/// A file of this schema with 12 rows, in two groups; lists have two elements.
fn file(schema: &str, properties: &WriterProperties) -> Result<Vec<u8>> {
    let schema = Arc::new(parse_message_type(schema)?);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.clone()))?;
    for first in [0_i16, 6] {
        let mut group = writer.next_row_group()?;
        while let Some(mut column) = group.next_column()? {
            let rows = first..first + 6;
            let ones = [1; 6];
            match column.untyped() {
                ColumnWriter::ByteArrayColumnWriter(column) => {
                    let values: Vec<ByteArray> = rows.map(|row| ["a", "bb", "c"][row as usize % 3].into()).collect();
                    column.write_batch(&values, Some(&ones), None)?;
                }
                ColumnWriter::FloatColumnWriter(column) => {
                    let values: Vec<f32> = rows.flat_map(|row| [f32::from(row), 0.5]).collect();
                    if column.get_descriptor().max_rep_level() == 0 {
                        column.write_batch(&values[..6], None, None)?;
                    } else {
                        let levels = ([3; 12], [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
                        column.write_batch(&values, Some(&levels.0), Some(&levels.1))?;
                    }
                }
                ColumnWriter::DoubleColumnWriter(column) => {
                    let values: Vec<f64> = rows.map(f64::from).collect();
                    column.write_batch(&values, None, None)?;
                }
                ColumnWriter::Int64ColumnWriter(column) => {
                    let values: Vec<i64> = rows.map(i64::from).collect();
                    column.write_batch(&values, Some(&ones), None)?;
                }
                ColumnWriter::BoolColumnWriter(column) => {
                    let values: Vec<bool> = rows.map(|row| row % 2 == 0).collect();
                    column.write_batch(&values, None, None)?;
                }
                _ => {}
            }
            column.close()?;
        }
        group.close()?;
    }
    writer.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_a_file_that_is_read() {
        let seeds = seeds();
        assert_eq!(seeds.len(), 9);
        for (number, seed) in seeds.iter().enumerate() {
            assert!(run(seed, &Scratch::new()).is_read, "{number}");
        }
    }
}
