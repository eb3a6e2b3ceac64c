//! Where an array is: in a file, or in the memory of a program that has this one as a library.
//!
//! An array in memory is described as the header of an `.npy` file describes it, and read by the same code. So a program that
//! hands over its arrays gets the numbers, the inferred task and the errors that it would get for the files it saves them to.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use super::array::{Array, Source};
use super::element::{DType, Element};
use super::header::{self, Header, Order};
use crate::{Error, Result};

/// Where an array is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArraySource<'a> {
    /// `path` or `path:name`; the module documents which array is read.
    File(PathBuf),
    /// In memory.
    Memory(MemoryArray<'a>),
}

/// An array in memory, whose elements are next to each other.
///
/// # Examples
/// ```
/// use ranktune_data::arrays::{MatrixReader, MemoryArray};
///
/// let bytes: Vec<u8> = [1.0_f64, 2.0, 3.0, 4.0].iter().flat_map(|number| number.to_le_bytes()).collect();
/// // Column-major: the first column is 1, 2.
/// let array = MemoryArray { name: "F".into(), dtype: "<f8".into(), column_major: true, shape: vec![2, 2], bytes: &bytes };
/// let mut rows = Vec::new();
/// MatrixReader::open(array)?.read_rows(0..2, &mut rows)?;
/// assert_eq!(rows, [1.0, 3.0, 2.0, 4.0]);
/// # Ok::<(), ranktune_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryArray<'a> {
    /// What errors call it, such as the name of the caller's argument.
    pub name: String,
    /// The type of an element in NumPy's notation, such as `<f4` or `<U12`; and `bf16`, little-endian, for which NumPy has none.
    pub dtype: String,
    /// Whether the first dimension varies fastest (Fortran's order), instead of the last.
    pub column_major: bool,
    /// The dimensions.
    pub shape: Vec<usize>,
    /// The elements.
    pub bytes: &'a [u8],
}

impl<'a> MemoryArray<'a> {
    /// # Errors
    /// `Unsupported`: elements of another type. `Malformed`: the shape needs more bytes than there are.
    pub(crate) fn open(&self) -> Result<Array<'a>> {
        let name = Path::new(&self.name);
        let dtype = match self.dtype.as_str() {
            "bf16" => Ok(DType::little(Element::Bf16)),
            other => header::element_type(other),
        };
        let header = dtype.and_then(|dtype| {
            header::check_size(&self.shape, dtype, u64::try_from(self.bytes.len()).unwrap_or(u64::MAX))?;
            Ok(Header {
                dtype,
                order: if self.column_major {
                    Order::ColumnMajor
                } else {
                    Order::RowMajor
                },
                shape: self.shape.clone(),
                offset: 0,
            })
        });
        let header = header.map_err(|error: Error| error.in_file(name))?;
        Ok(Array::new(
            name,
            None,
            header,
            Source::Memory(Cow::Borrowed(self.bytes)),
        ))
    }
}

impl ArraySource<'_> {
    /// The file, or the name of the array in memory.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Memory(array) => Path::new(&array.name),
        }
    }
}

impl fmt::Display for ArraySource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().display().fmt(f)
    }
}

impl From<PathBuf> for ArraySource<'_> {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&Path> for ArraySource<'_> {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<&PathBuf> for ArraySource<'_> {
    fn from(path: &PathBuf) -> Self {
        Self::File(path.clone())
    }
}

impl<'a> From<MemoryArray<'a>> for ArraySource<'a> {
    fn from(array: MemoryArray<'a>) -> Self {
        Self::Memory(array)
    }
}
