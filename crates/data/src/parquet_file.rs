//! A Parquet file as columns of scalars and lists, read a block of rows at a time.
//!
//! Columns are read instead of the rows of the `parquet` crate: a row of 2,048 columns as a list of names and values would cost a
//! hundred times as much as its numbers. A root field is a column if it is a scalar or a list of scalars; others are unsupported.
//!
//! Levels, for a column with at most one repetition: an entry starts a row if its repetition level is 0, and has a value if its
//! definition level is the maximum. In a list column, an entry below the level of elements is an empty or a missing list.

use std::path::Path;

use parquet::basic::{Compression, ConvertedType, LogicalType, Type as Physical};
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::{ColumnDescriptor, Type};

use ranktune_core::panics::caught;
use serde_json::{Map, Value};

use crate::card::features;
use crate::file_at::FileAt;
use crate::parquet_pages::CheckedPages;
use crate::{Error, Result};

pub(crate) struct ParquetFile {
    file: FileAt,
    reader: SerializedFileReader<FileAt>,
    columns: Vec<Column>,
    /// The features that the library `datasets` describes in the metadata, by column.
    features: Map<String, Value>,
    group_rows: Vec<usize>,
    n_rows: usize,
}

/// A root field.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: ColumnKind,
    /// Index of its leaf.
    leaf: usize,
    levels: Levels,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    Scalar(ItemKind),
    List(ItemKind),
    /// A struct of the bytes of an image file and its path, as the library `datasets` writes it; the column of its name with
    /// `.path` holds the paths.
    Image,
    Unsupported(UnsupportedType),
}

/// What a column holds that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnsupportedType {
    #[error("a struct")]
    Struct,
    #[error("a list of lists")]
    NestedList,
    #[error("a decimal")]
    Decimal,
    #[error("a date or time")]
    Time,
    #[error("bytes")]
    Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemKind {
    Bool,
    Int,
    Unsigned,
    Float,
    Text,
}

#[derive(Clone, Copy, Debug)]
struct Levels {
    max_definition: i16,
    /// Definition level from which on a list has an element; 0 for scalars.
    element: i16,
}

impl ParquetFile {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = FileAt::open(path)?;
        let reader = guarded(|| SerializedFileReader::new(file.clone())).map_err(|source| {
            let mut start = [0; 23];
            let is_pointer = file.read_exact_at(0, &mut start).is_ok() && &start == b"version https://git-lfs";
            if is_pointer {
                let text = "is a pointer of Git LFS, not the table itself; run `git lfs pull` in its repository";
                return Error::malformed(text).in_file(path);
            }
            Error::malformed("is not a Parquet file, or a truncated one")
                .in_file(path)
                .caused_by(source)
        })?;
        let mut group_rows = Vec::new();
        let mut n_rows = 0_usize;
        for group in reader.metadata().row_groups() {
            let rows = usize::try_from(group.num_rows()).ok();
            let (rows, sum) = rows
                .and_then(|rows| Some((rows, n_rows.checked_add(rows)?)))
                .ok_or_else(|| {
                    Error::malformed(format!("claims a group of {} rows", group.num_rows())).in_file(path)
                })?;
            group_rows.push(rows);
            n_rows = sum;
        }
        let columns = columns(&reader);
        let features = metadata_features(&reader);
        Ok(Self {
            file,
            reader,
            columns,
            features,
            group_rows,
            n_rows,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The names of the classes whose indices a column holds, alone or in lists, by the metadata of the library `datasets`.
    pub(crate) fn class_names(&self, column: &str) -> Option<Vec<String>> {
        features::class_names(self.features.get(column)?)
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// A reader of some columns (indices into [`Self::columns`]), from the first row.
    pub(crate) fn rows(&self, wanted: &[usize]) -> RowsReader {
        RowsReader {
            wanted: wanted.iter().map(|&column| self.columns[column].clone()).collect(),
            group: 0,
            left_in_group: 0,
            readers: Vec::new(),
        }
    }
}

/// Reads blocks of rows from some columns, one after another.
pub(crate) struct RowsReader {
    wanted: Vec<Column>,
    group: usize,
    left_in_group: usize,
    readers: Vec<ColumnReader>,
}

impl RowsReader {
    /// The next rows, at most `max`, as one block for each column; `None` after the last row. Blocks end at the end of a group.
    pub(crate) fn next_blocks(&mut self, file: &ParquetFile, max: usize) -> Result<Option<(usize, Vec<Block>)>> {
        while self.left_in_group == 0 {
            let Some(&rows) = file.group_rows.get(self.group) else {
                return Ok(None);
            };
            let group =
                guarded(|| file.reader.get_row_group(self.group)).map_err(|source| broken(file, None, source))?;
            self.readers = self
                .wanted
                .iter()
                .map(|column| {
                    check_chunk(group.metadata().column(column.leaf))
                        .map_err(|error| error.at(place(column)).in_file(file.path()))?;
                    let descriptor = file
                        .reader
                        .metadata()
                        .file_metadata()
                        .schema_descr()
                        .column(column.leaf);
                    let pages = guarded(|| group.get_column_page_reader(column.leaf));
                    pages
                        .map(|pages| {
                            let pages = CheckedPages::new(pages, &descriptor);
                            get_column_reader(descriptor, Box::new(pages))
                        })
                        .map_err(|source| broken(file, Some(column), source))
                })
                .collect::<Result<_>>()?;
            self.left_in_group = rows;
            self.group += 1;
        }
        let n = max.min(self.left_in_group);
        let blocks = self
            .wanted
            .iter()
            .zip(&mut self.readers)
            .map(|(column, reader)| {
                let mut block = Block::new(column.levels);
                let read = guarded(|| block.fill(reader, n)).map_err(|source| broken(file, Some(column), source))?;
                if read != n {
                    let message = format!("expected {n} more rows, found {read}; the file is damaged");
                    return Err(Error::malformed(message).at(place(column)).in_file(file.path()));
                }
                Ok(block)
            })
            .collect::<Result<_>>()?;
        self.left_in_group -= n;
        Ok(Some((n, blocks)))
    }
}

/// Calls the `parquet` crate (60.1), whose decoders panic on some corrupted pages; a panic becomes an error.
fn guarded<T>(call: impl FnOnce() -> parquet::errors::Result<T>) -> parquet::errors::Result<T> {
    caught(call).unwrap_or_else(|_| {
        Err(ParquetError::General(
            "the decoder cannot read the corrupted data".to_owned(),
        ))
    })
}

fn check_chunk(chunk: &ColumnChunkMetaData) -> Result<()> {
    let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
    if start < 0 || chunk.compressed_size() < 0 {
        let message = format!("claims to lie at {start} with {} bytes", chunk.compressed_size());
        return Err(Error::malformed(message));
    }
    match chunk.compression() {
        Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) | Compression::ZSTD(_) => Ok(()),
        other => {
            let message = format!("compressed with {other}; expected no compression, SNAPPY, GZIP or ZSTD");
            Err(Error::unsupported(message))
        }
    }
}

fn place(column: &Column) -> String {
    format!("column {:?}", column.name)
}

fn broken(file: &ParquetFile, column: Option<&Column>, source: ParquetError) -> Error {
    let error = Error::malformed("the Parquet data cannot be decoded")
        .in_file(file.path())
        .caused_by(source);
    match column {
        Some(column) => error.at(place(column)),
        None => error,
    }
}

/// Consecutive rows of one column.
pub(crate) struct Block {
    levels: Levels,
    definition: Vec<i16>,
    repetition: Vec<i16>,
    pub(crate) values: Values,
}

/// The values that are not null, in order.
pub(crate) enum Values {
    Bool(Vec<bool>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
}

/// One entry of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Index into the block's values.
    Value(usize),
    /// A null, or a null list.
    Null,
    /// A null in a list.
    NullItem,
    /// An empty list.
    EmptyList,
}

impl Block {
    fn new(levels: Levels) -> Self {
        Self {
            levels,
            definition: Vec::new(),
            repetition: Vec::new(),
            values: Values::Bool(Vec::new()),
        }
    }

    fn fill(&mut self, reader: &mut ColumnReader, n: usize) -> parquet::errors::Result<usize> {
        let (definition, repetition) = (Some(&mut self.definition), Some(&mut self.repetition));
        macro_rules! fill {
            ($reader:expr, $kind:path) => {{
                let mut values = Vec::new();
                let (read, ..) = $reader.read_records(n, definition, repetition, &mut values)?;
                self.values = $kind(values);
                Ok(read)
            }};
        }
        match reader {
            ColumnReader::BoolColumnReader(reader) => fill!(reader, Values::Bool),
            ColumnReader::Int32ColumnReader(reader) => fill!(reader, Values::I32),
            ColumnReader::Int64ColumnReader(reader) => fill!(reader, Values::I64),
            ColumnReader::FloatColumnReader(reader) => fill!(reader, Values::F32),
            ColumnReader::DoubleColumnReader(reader) => fill!(reader, Values::F64),
            ColumnReader::ByteArrayColumnReader(reader) => fill!(reader, Values::Bytes),
            ColumnReader::FixedLenByteArrayColumnReader(reader) => fill!(reader, Values::Fixed),
            // Columns of this type are unsupported (see `item_kind`) and never wanted.
            ColumnReader::Int96ColumnReader(_) => Ok(0),
        }
    }

    /// Calls `on_entry` for each entry; the flag says whether the entry starts a row.
    pub(crate) fn each_entry(&self, mut on_entry: impl FnMut(bool, Entry)) {
        let n = match self.levels.max_definition {
            0 => self.values.len(),
            _ => self.definition.len(),
        };
        let mut next = 0;
        for i in 0..n {
            let begins = self.repetition.get(i).is_none_or(|level| *level == 0);
            let level = self.definition.get(i).copied().unwrap_or(self.levels.max_definition);
            let entry = if level == self.levels.max_definition {
                next += 1;
                Entry::Value(next - 1)
            } else if self.levels.element > 0 && level >= self.levels.element {
                Entry::NullItem
            } else if level + 1 == self.levels.element {
                Entry::EmptyList
            } else {
                Entry::Null
            };
            on_entry(begins, entry);
        }
    }
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Bool(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::Bytes(values) => values.len(),
            Self::Fixed(values) => values.len(),
        }
    }
}

/// The half-precision number of two bytes.
pub(crate) fn half_at(bytes: &[u8]) -> f32 {
    match bytes {
        [a, b] => half::f16::from_le_bytes([*a, *b]).to_f32(),
        _ => f32::NAN,
    }
}

fn columns(reader: &SerializedFileReader<FileAt>) -> Vec<Column> {
    let schema = reader.metadata().file_metadata().schema_descr();
    let roots = schema.root_schema().get_fields();
    let mut columns: Vec<Column> = Vec::new();
    let mut last = None;
    for leaf in 0..schema.num_columns() {
        let root = schema.get_column_root_idx(leaf);
        let descriptor = schema.column(leaf);
        let element = descriptor.repeated_ancestor_def_level();
        let levels = Levels {
            max_definition: descriptor.max_def_level(),
            element,
        };
        if let Some(kind) = image_part(schema.get_column_root(leaf), &descriptor) {
            let root = roots.get(root).map_or("", |root| root.name());
            let name = if kind == ColumnKind::Image {
                root.to_owned()
            } else {
                format!("{root}.path")
            };
            columns.push(Column {
                name,
                kind,
                leaf,
                levels,
            });
            continue;
        }
        if last == Some(root) {
            // A root with a second leaf is a struct or a map.
            if let Some(column) = columns.last_mut() {
                column.kind = ColumnKind::Unsupported(UnsupportedType::Struct);
            }
            continue;
        }
        last = Some(root);
        columns.push(Column {
            name: roots.get(root).map_or("", |root| root.name()).to_owned(),
            kind: column_kind(schema.get_column_root(leaf), &descriptor),
            leaf,
            levels,
        });
    }
    columns
}

/// The kind of a leaf of an image: a struct of `bytes` and `path`.
fn image_part(root: &Type, leaf: &ColumnDescriptor) -> Option<ColumnKind> {
    if root.is_primitive() || root.get_fields().len() != 2 || leaf.max_rep_level() > 0 {
        return None;
    }
    let has = |name: &str| {
        let field = root.get_fields().iter().find(|field| field.name() == name);
        field.is_some_and(|field| field.is_primitive() && field.get_physical_type() == Physical::BYTE_ARRAY)
    };
    if !has("bytes") || !has("path") {
        return None;
    }
    Some(if leaf.name() == "bytes" {
        ColumnKind::Image
    } else {
        ColumnKind::Scalar(ItemKind::Text)
    })
}

/// What the library `datasets` says about the columns, in the metadata `huggingface`.
fn metadata_features(reader: &SerializedFileReader<FileAt>) -> Map<String, Value> {
    let metadata = reader.metadata().file_metadata().key_value_metadata();
    let text = metadata
        .into_iter()
        .flatten()
        .find(|pair| pair.key == "huggingface")
        .and_then(|pair| pair.value.as_deref());
    features::of_metadata(text)
}

fn column_kind(root: &Type, leaf: &ColumnDescriptor) -> ColumnKind {
    let is_list = root.get_basic_info().converted_type() == ConvertedType::LIST
        || root.get_basic_info().logical_type_ref() == Some(&LogicalType::List)
        || (root.is_primitive() && leaf.max_rep_level() == 1);
    match (item_kind(leaf), leaf.max_rep_level()) {
        (Err(what), _) => ColumnKind::Unsupported(what),
        (Ok(kind), 0) if root.is_primitive() => ColumnKind::Scalar(kind),
        (Ok(kind), 1) if is_list && leaf.path().parts().len() <= 3 => ColumnKind::List(kind),
        (Ok(_), 2..) => ColumnKind::Unsupported(UnsupportedType::NestedList),
        (Ok(_), _) => ColumnKind::Unsupported(UnsupportedType::Struct),
    }
}

fn item_kind(leaf: &ColumnDescriptor) -> std::result::Result<ItemKind, UnsupportedType> {
    let (logical, converted, physical) = (leaf.logical_type_ref(), leaf.converted_type(), leaf.physical_type());
    let kind = match (physical, logical, converted) {
        // A column of nulls only.
        (_, Some(LogicalType::Unknown), _) => ItemKind::Int,
        (_, Some(LogicalType::Decimal(_)), _) | (_, _, ConvertedType::DECIMAL) => return Err(UnsupportedType::Decimal),
        (_, Some(LogicalType::Date | LogicalType::Time(_) | LogicalType::Timestamp(_)), _) | (Physical::INT96, ..) => {
            return Err(UnsupportedType::Time);
        }
        (
            _,
            None,
            ConvertedType::DATE
            | ConvertedType::TIME_MILLIS
            | ConvertedType::TIME_MICROS
            | ConvertedType::TIMESTAMP_MILLIS
            | ConvertedType::TIMESTAMP_MICROS,
        ) => return Err(UnsupportedType::Time),
        (Physical::BOOLEAN, ..) => ItemKind::Bool,
        (Physical::INT32 | Physical::INT64, Some(LogicalType::Integer(int)), _) if !int.is_signed => ItemKind::Unsigned,
        (
            Physical::INT32 | Physical::INT64,
            _,
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64,
        ) => ItemKind::Unsigned,
        (Physical::INT32 | Physical::INT64, ..) => ItemKind::Int,
        (Physical::FLOAT | Physical::DOUBLE, ..) => ItemKind::Float,
        (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Float16), _) => ItemKind::Float,
        // Old writers give texts no logical type. Whether the bytes are UTF-8 is checked when they are read.
        (Physical::BYTE_ARRAY, ..) => ItemKind::Text,
        (Physical::FIXED_LEN_BYTE_ARRAY, ..) => return Err(UnsupportedType::Bytes),
    };
    Ok(kind)
}
