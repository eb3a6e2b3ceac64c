//! Small Parquet files, as bytes.

use std::sync::Arc;

use parquet::data_type::{ByteArrayType, FloatType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

type Writer = SerializedFileWriter<Vec<u8>>;

fn file(schema: &str, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    write(&mut writer);
    writer.into_inner().unwrap()
}

fn list_schema(name: &str) -> String {
    format!("message m {{ optional group {name} (LIST) {{ repeated group list {{ optional float element; }} }} }}")
}

/// One column of lists of `d` numbers, in groups of `group` rows.
pub fn lists(name: &str, values: &[f32], d: usize, group: usize) -> Vec<u8> {
    file(&list_schema(name), |writer| {
        for rows in values.chunks(group * d) {
            let definition = vec![3_i16; rows.len()];
            let repetition: Vec<i16> = (0..rows.len()).map(|i| i16::from(i % d != 0)).collect();
            let mut group = writer.next_row_group().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            column
                .typed::<FloatType>()
                .write_batch(rows, Some(&definition), Some(&repetition))
                .unwrap();
            column.close().unwrap();
            group.close().unwrap();
        }
    })
}

/// `features` = `[1, 2]`, `[3]`.
pub fn ragged() -> Vec<u8> {
    file(&list_schema("features"), |writer| {
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<FloatType>()
            .write_batch(&[1.0, 2.0, 3.0], Some(&[3, 3, 3]), Some(&[0, 1, 0]))
            .unwrap();
        column.close().unwrap();
        group.close().unwrap();
    })
}

/// `d` columns of numbers from a row-major matrix, in groups of `group` rows.
pub fn columns(values: &[f32], d: usize, group: usize) -> Vec<u8> {
    let names: Vec<String> = (0..d).map(|j| format!("f{j}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    grouped(&names, values, group)
}

/// Columns of these names from a row-major matrix.
pub fn columns_named(names: &[&str], values: &[f32]) -> Vec<u8> {
    grouped(names, values, values.len())
}

fn grouped(names: &[&str], values: &[f32], group: usize) -> Vec<u8> {
    let d = names.len();
    let fields: String = names.iter().map(|name| format!("required float {name};")).collect();
    file(&format!("message m {{ {fields} }}"), |writer| {
        for rows in values.chunks(group * d) {
            let mut group = writer.next_row_group().unwrap();
            for j in 0..d {
                let values: Vec<f32> = rows.iter().skip(j).step_by(d).copied().collect();
                let mut column = group.next_column().unwrap().unwrap();
                column.typed::<FloatType>().write_batch(&values, None, None).unwrap();
                column.close().unwrap();
            }
            group.close().unwrap();
        }
    })
}

/// One column of texts.
pub fn texts(name: &str, values: &[&str]) -> Vec<u8> {
    two_texts(&[name], &[values])
}

/// Columns of texts.
pub fn two_texts(names: &[&str], columns: &[&[&str]]) -> Vec<u8> {
    let fields: String = names
        .iter()
        .map(|name| format!("required binary {name} (UTF8);"))
        .collect();
    file(&format!("message m {{ {fields} }}"), |writer| {
        let mut group = writer.next_row_group().unwrap();
        for values in columns {
            let values: Vec<_> = values.iter().map(|value| (*value).into()).collect();
            let mut column = group.next_column().unwrap().unwrap();
            column
                .typed::<ByteArrayType>()
                .write_batch(&values, None, None)
                .unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
    })
}
