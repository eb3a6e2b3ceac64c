//! An array in a file or in memory: its type and shape are known and fit, its elements are not read yet.

use crate::file_at::FileAt;
use crate::{Error, Result};

use super::element::Element;

/// Bytes read at once.
const CHUNK: usize = 4 << 20;

/// What a file holds.
#[derive(Debug)]
pub(super) enum Contents {
    /// An array of numbers.
    Numbers(RawArray),
    /// `[n]` texts.
    Texts(Vec<String>),
}

/// Where the bytes are.
#[derive(Debug)]
pub(super) enum Bytes {
    File { file: FileAt, offset: u64 },
    Memory(Vec<u8>),
}

impl Bytes {
    /// Bytes there are.
    fn len(&self) -> u64 {
        match self {
            Self::File { file, offset } => file.len().saturating_sub(*offset),
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }
}

/// Order of an array's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The last axis varies fastest, as in C.
    RowMajor,
    /// The first axis varies fastest, as in Fortran.
    ColumnMajor,
}

/// Order of a number's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endian {
    Little,
    Big,
}

/// How an array lies in its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) element: Element,
    pub(super) shape: Vec<usize>,
    pub(super) order: Order,
    pub(super) endian: Endian,
}

/// An array whose size fits its bytes.
#[derive(Debug)]
pub(super) struct RawArray {
    name: String,
    layout: Layout,
    count: usize,
    bytes: Bytes,
    whole: bool,
}

impl RawArray {
    /// Holds the shape against the bytes that are there.
    pub(super) fn new(name: &str, layout: Layout, bytes: Bytes) -> Result<Self> {
        let count = layout
            .shape
            .iter()
            .try_fold(1_usize, |count, &size| count.checked_mul(size));
        let needed = count.and_then(|count| count.checked_mul(layout.element.size()));
        let found = bytes.len();
        let (Some(count), Some(needed)) = (count, needed) else {
            let message = format!("shape {:?} is larger than any file", layout.shape);
            return Err(Error::malformed(message).at(place(name)));
        };
        if needed as u64 > found {
            let message = format!(
                "shape {:?} of {:?} needs {needed} bytes, found {found}; the file is truncated or its header is wrong",
                layout.shape, layout.element
            );
            return Err(Error::malformed(message).at(place(name)));
        }
        Ok(Self {
            name: name.to_owned(),
            whole: layout.element.is_whole(),
            layout,
            count,
            bytes,
        })
    }

    pub(super) fn shape(&self) -> &[usize] {
        &self.layout.shape
    }

    /// Whether its type holds whole numbers only.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// The same, known to hold whole numbers whatever its type.
    pub(super) fn of_whole_numbers(mut self) -> Self {
        self.whole = true;
        self
    }

    /// `array "features"`
    pub(super) fn place(&self) -> String {
        place(&self.name)
    }

    /// All elements in row-major order.
    #[expect(clippy::cast_possible_truncation, reason = "features are f32")]
    pub(super) fn to_f32(&self) -> Result<Vec<f32>> {
        let mut values = Vec::with_capacity(self.count);
        let plain = self.layout.element == Element::F32 && self.layout.endian == Endian::Little;
        self.each_chunk(|bytes| {
            if plain {
                values.extend(
                    bytes
                        .chunks_exact(4)
                        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
                );
            } else {
                self.numbers(bytes, |value| values.push(value as f32));
            }
        })?;
        Ok(self.row_major(values))
    }

    /// All elements in row-major order.
    pub(super) fn to_f64(&self) -> Result<Vec<f64>> {
        let mut values = Vec::with_capacity(self.count);
        self.each_chunk(|bytes| self.numbers(bytes, |value| values.push(value)))?;
        Ok(self.row_major(values))
    }

    fn numbers(&self, bytes: &[u8], mut each: impl FnMut(f64)) {
        let Layout { element, endian, .. } = self.layout;
        for bytes in bytes.chunks_exact(element.size()) {
            match endian {
                Endian::Little => each(element.number(bytes)),
                Endian::Big => {
                    let mut reversed = [0_u8; 8];
                    let reversed = &mut reversed[..bytes.len()];
                    reversed.copy_from_slice(bytes);
                    reversed.reverse();
                    each(element.number(reversed));
                }
            }
        }
    }

    /// Gives the array's bytes to `use_bytes`, whole elements at a time.
    fn each_chunk(&self, mut use_bytes: impl FnMut(&[u8])) -> Result<()> {
        let total = self.count * self.layout.element.size();
        match &self.bytes {
            Bytes::Memory(bytes) => use_bytes(&bytes[..total]),
            Bytes::File { file, offset } => {
                let mut buffer = vec![0; CHUNK.min(total)];
                let mut done = 0;
                while done < total {
                    let part = &mut buffer[..CHUNK.min(total - done)];
                    file.read_exact_at(offset + done as u64, part)
                        .map_err(|source| Error::io("cannot be read", file.path(), source))?;
                    use_bytes(part);
                    done += part.len();
                }
            }
        }
        Ok(())
    }

    fn row_major<T: Copy>(&self, values: Vec<T>) -> Vec<T> {
        let shape = &self.layout.shape;
        if self.layout.order == Order::RowMajor || shape.len() < 2 || values.is_empty() {
            return values;
        }
        // Position in the file: the index along axis k times the product of the sizes before it.
        let mut index = vec![0_usize; shape.len()];
        let mut ordered = Vec::with_capacity(values.len());
        for _ in 0..values.len() {
            let mut stride = 1;
            let mut position = 0;
            for (index, size) in index.iter().zip(shape) {
                position += index * stride;
                stride *= size;
            }
            ordered.push(values[position]);
            for axis in (0..shape.len()).rev() {
                index[axis] += 1;
                if index[axis] < shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        ordered
    }
}

fn place(name: &str) -> String {
    format!("array {name:?}")
}
