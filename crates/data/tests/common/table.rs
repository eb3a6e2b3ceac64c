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

/// A column of a data set as the library `datasets` writes it.
pub enum Column<'a> {
    /// Texts.
    Texts(&'a [&'a str]),
    /// Indices of classes.
    Classes(&'a [i64]),
    /// Images: the bytes of their files, and their paths.
    Images(&'a [(Option<&'a [u8]>, &'a str)]),
    /// Lists of texts.
    TextLists(&'a [&'a [&'a str]]),
    /// Lists of indices of classes.
    ClassLists(&'a [&'a [i64]]),
}

/// A file of the library `datasets`: the columns, with its metadata of features.
pub fn of_datasets(columns: &[(&str, Column<'_>)], features: &str) -> Vec<u8> {
    use parquet::data_type::{ByteArray, Int64Type};
    use parquet::file::metadata::KeyValue;

    let list = |name: &str, item: &str| {
        format!("optional group {name} (LIST) {{ repeated group list {{ optional {item} element; }} }}")
    };
    let fields: String = columns
        .iter()
        .map(|(name, column)| match column {
            Column::Texts(_) => format!("optional binary {name} (UTF8);"),
            Column::Classes(_) => format!("optional int64 {name};"),
            Column::Images(_) => {
                format!("optional group {name} {{ optional binary bytes; optional binary path (UTF8); }}")
            }
            Column::TextLists(_) => list(name, "binary").replace("element", "element (UTF8)"),
            Column::ClassLists(_) => list(name, "int64"),
        })
        .collect();
    let bytes = |text: &str| ByteArray::from(text);
    let levels = |lengths: &[usize]| -> (Vec<i16>, Vec<i16>) {
        let of = |&n: &usize| {
            if n == 0 {
                vec![(1, 0)]
            } else {
                (0..n).map(|i| (3, i16::from(i > 0))).collect()
            }
        };
        lengths.iter().flat_map(of).unzip()
    };
    let write = |writer: &mut Writer| {
        let mut group = writer.next_row_group().unwrap();
        let texts = |group: &mut parquet::file::writer::SerializedRowGroupWriter<'_, Vec<u8>>,
                     values: &[ByteArray],
                     definition: &[i16],
                     repetition: Option<&[i16]>| {
            let mut column = group.next_column().unwrap().unwrap();
            let typed = column.typed::<ByteArrayType>();
            typed.write_batch(values, Some(definition), repetition).unwrap();
            column.close().unwrap();
        };
        for (_, column) in columns {
            match column {
                Column::Texts(values) => {
                    let values: Vec<ByteArray> = values.iter().map(|value| bytes(value)).collect();
                    texts(&mut group, &values, &vec![1; values.len()], None);
                }
                Column::Images(values) => {
                    let found: Vec<ByteArray> = values
                        .iter()
                        .filter_map(|(image, _)| Some(ByteArray::from(image.as_ref()?.to_vec())))
                        .collect();
                    let definition: Vec<i16> = values.iter().map(|(image, _)| 1 + i16::from(image.is_some())).collect();
                    texts(&mut group, &found, &definition, None);
                    let paths: Vec<ByteArray> = values.iter().map(|(_, path)| bytes(path)).collect();
                    texts(&mut group, &paths, &vec![2; values.len()], None);
                }
                Column::TextLists(values) => {
                    let lengths: Vec<usize> = values.iter().map(|list| list.len()).collect();
                    let (definition, repetition) = levels(&lengths);
                    let values: Vec<ByteArray> = values.concat().iter().map(|value| bytes(value)).collect();
                    texts(&mut group, &values, &definition, Some(&repetition));
                }
                Column::Classes(values) => {
                    let mut column = group.next_column().unwrap().unwrap();
                    let typed = column.typed::<Int64Type>();
                    typed.write_batch(values, Some(&vec![1; values.len()]), None).unwrap();
                    column.close().unwrap();
                }
                Column::ClassLists(values) => {
                    let lengths: Vec<usize> = values.iter().map(|list| list.len()).collect();
                    let (definition, repetition) = levels(&lengths);
                    let mut column = group.next_column().unwrap().unwrap();
                    let typed = column.typed::<Int64Type>();
                    typed
                        .write_batch(&values.concat(), Some(&definition), Some(&repetition))
                        .unwrap();
                    column.close().unwrap();
                }
            }
        }
        group.close().unwrap();
        let info = format!("{{\"info\": {{\"features\": {features}}}}}");
        writer.append_key_value_metadata(KeyValue::new("huggingface".to_owned(), info));
    };
    file(&format!("message schema {{ {fields} }}"), write)
}
