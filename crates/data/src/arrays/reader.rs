//! Matrices of f32, whole or in blocks of rows.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::array::Array;
use super::container::{self, Contents};
use super::parquet_matrix::ParquetMatrix;
use super::role::{ArrayPath, FEATURES, Role};
use super::source::ArraySource;
use crate::file_at::FileAt;
use crate::{Error, Result};

/// A matrix of f32, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Number of rows, `n`.
    pub rows: usize,
    /// Number of columns, `d`.
    pub cols: usize,
    /// `[n, d]`
    pub data: Vec<f32>,
}

impl Matrix {
    /// The matrix, borrowed.
    pub fn view(&self) -> MatrixRef<'_> {
        MatrixRef {
            rows: self.rows,
            cols: self.cols,
            data: &self.data,
        }
    }
}

/// A borrowed [`Matrix`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatrixRef<'a> {
    /// Number of rows, `n`.
    pub rows: usize,
    /// Number of columns, `d`.
    pub cols: usize,
    /// `[n, d]`
    pub data: &'a [f32],
}

/// Reads a matrix in blocks of rows. Other number types are converted to f32; numbers beyond its range become infinite.
///
/// Memory holds one block, except for compressed arrays in column-major order, which are decompressed whole.
pub struct MatrixReader<'a> {
    path: PathBuf,
    n_rows: usize,
    n_cols: usize,
    source: Source<'a>,
}

enum Source<'a> {
    Array(Box<Array<'a>>),
    Parquet(Box<ParquetMatrix>),
}

impl std::fmt::Debug for MatrixReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "MatrixReader({}, {} × {})",
            self.path.display(),
            self.n_rows,
            self.n_cols
        )
    }
}

impl<'a> MatrixReader<'a> {
    /// Opens features, `path` or `path:name`, or an array in memory. The module documents which array is read.
    ///
    /// # Errors
    /// - `NotFound`: the file or the array does not exist, or several arrays could be meant.
    /// - `Malformed`: the header is damaged, or claims more than the file holds.
    /// - `Unsupported`: another format; a type that is not numeric.
    /// - `Invalid`: not two dimensions, or no rows or columns.
    pub fn open(from: impl Into<ArraySource<'a>>) -> Result<Self> {
        Self::open_as(&from.into(), &FEATURES)
    }

    pub(crate) fn open_as(from: &ArraySource<'a>, role: &Role) -> Result<Self> {
        let path = from.path();
        let contents = match from {
            ArraySource::Memory(array) => Contents::Array(Box::new(array.open()?)),
            ArraySource::File(path) => {
                let asked = ArrayPath::parse(path);
                let file = FileAt::open(&asked.file)?;
                container::open(&file, asked.member.as_deref(), role)?
            }
        };
        let (source, shape) = match contents {
            Contents::Parquet => {
                let asked = ArrayPath::parse(path);
                let matrix = ParquetMatrix::open(&asked.file, asked.member.as_deref())?;
                let shape = [matrix.n_rows(), matrix.n_cols()];
                (Source::Parquet(Box::new(matrix)), shape)
            }
            Contents::Array(array) => {
                let shape = two_dimensions(&array, role)?;
                (Source::Array(array), shape)
            }
        };
        let [n_rows, n_cols] = shape;
        if n_rows == 0 || n_cols == 0 || n_rows.checked_mul(n_cols).is_none() {
            let message = format!(
                "expected {} with rows and columns, found shape [{n_rows}, {n_cols}]",
                role.what
            );
            return Err(Error::invalid(message).in_file(path));
        }
        Ok(Self {
            path: path.to_owned(),
            n_rows,
            n_cols,
            source,
        })
    }

    /// Number of rows, `n`.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns, `d`.
    pub fn n_cols(&self) -> usize {
        self.n_cols
    }

    /// All rows, `[n, d]`, where they are in memory as f32 already.
    pub fn rows_in_memory(&self) -> Option<&[f32]> {
        match &self.source {
            Source::Array(array) => array.rows_in_memory(),
            Source::Parquet(_) => None,
        }
    }

    /// Replaces the content of `out` with the rows of `range`, row-major. Blocks in ascending order are cheap in every format; going
    /// back in a compressed array or in Parquet starts from the first row.
    ///
    /// # Errors
    /// `Invalid` if the range exceeds the rows, `Io` or `Malformed` if the data after the header cannot be read.
    pub fn read_rows(&mut self, range: Range<usize>, out: &mut Vec<f32>) -> Result<()> {
        if range.start > range.end || range.end > self.n_rows {
            let message = format!("rows {range:?} were requested, but there are {}", self.n_rows);
            return Err(Error::invalid(message).in_file(&self.path));
        }
        if let Source::Array(array) = &mut self.source {
            return array.replace_rows(range, out);
        }
        out.clear();
        self.append_rows(range, out)
    }

    fn append_rows(&mut self, range: Range<usize>, out: &mut Vec<f32>) -> Result<()> {
        match &mut self.source {
            Source::Array(array) => array.read_rows(range, out),
            Source::Parquet(matrix) => matrix.read_rows(range, out),
        }
    }
}

fn two_dimensions(array: &Array<'_>, role: &Role) -> Result<[usize; 2]> {
    let what = role.what;
    if array.dtype.is_text() {
        return Err(array.explain(Error::unsupported(format!("expected numbers as {what}, found texts"))));
    }
    <[usize; 2]>::try_from(array.shape.as_slice()).map_err(|_| {
        let message = format!(
            "expected {what} of shape [rows, columns], found shape {:?}",
            array.shape
        );
        array.explain(Error::invalid(message))
    })
}

/// Reads a whole matrix of features, `path` or `path:name`.
///
/// # Shapes
/// `[n, d]`, for both orders of dimensions in the file.
///
/// # Errors
/// As [`MatrixReader::open`] and [`MatrixReader::read_rows`]; `Io` if it does not fit in memory.
///
/// # Examples
/// ```no_run
/// let features = ranktune_data::arrays::read_matrix("features.npz:resnet18".as_ref())?;
/// assert_eq!(features.data.len(), features.rows * features.cols);
/// # Ok::<(), ranktune_data::Error>(())
/// ```
pub fn read_matrix(path: &Path) -> Result<Matrix> {
    read_whole(MatrixReader::open(path)?)
}

pub(crate) fn read_whole(mut reader: MatrixReader<'_>) -> Result<Matrix> {
    /// Numbers a block: large enough for the disk, and small enough that the strided writes of columns stay in the cache.
    const BLOCK: usize = 1 << 20;
    let (rows, cols) = (reader.n_rows, reader.n_cols);
    let mut data = Vec::new();
    if let Source::Array(array) = &reader.source
        && array.is_plain()
    {
        // The length was checked against the file, so the allocation is at most of its size.
        data.try_reserve_exact(rows * cols).map_err(|source| {
            let message = format!("{rows} × {cols} numbers do not fit in memory");
            Error::new(crate::ErrorKind::Io, message)
                .in_file(&reader.path)
                .caused_by(source)
        })?;
    }
    let block = (BLOCK / cols).max(1);
    let mut row = 0;
    while row < rows {
        let end = rows.min(row + block);
        reader.append_rows(row..end, &mut data)?;
        row = end;
    }
    Ok(Matrix { rows, cols, data })
}
