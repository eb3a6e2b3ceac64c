//! One array in a file: its type and shape, and reads at any offset, compressed or not.

use std::borrow::Cow;
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::described::Described;
use super::element::DType;
use super::header::{Header, Order};
use crate::file_at::{Cursor, FileAt};
use crate::{Error, Result};

/// Bytes that are read and converted at a time.
const CHUNK: usize = 1 << 20;

pub(crate) struct Array<'a> {
    /// Name within its file, if the format names arrays.
    pub(crate) name: Option<String>,
    /// The file, or what the caller calls an array in memory; for errors.
    pub(crate) path: PathBuf,
    pub(crate) dtype: DType,
    pub(crate) order: Order,
    pub(crate) shape: Vec<usize>,
    pub(crate) source: Source<'a>,
    /// The metadata of targets, if the format has any.
    pub(crate) described: Described,
}

/// The storage of the elements.
pub(crate) enum Source<'a> {
    /// Uncompressed, from this offset of the file.
    Plain(FileAt, u64),
    /// In a compressed member of the file.
    Inflated(Box<Inflated>),
    /// In memory: given so, or decompressed, because they are read in another order than they are stored.
    Memory(Cow<'a, [u8]>),
}

impl<'a> Array<'a> {
    pub(crate) fn new(path: &Path, name: Option<String>, header: Header, source: Source<'a>) -> Self {
        Self {
            name,
            path: path.to_owned(),
            dtype: header.dtype,
            order: header.order,
            shape: header.shape,
            source,
            described: Described::default(),
        }
    }

    /// Adds the file and the array to an error.
    pub(crate) fn explain(&self, error: Error) -> Error {
        let error = match &self.name {
            Some(name) => error.at(format!("array {name:?}")),
            None => error,
        };
        error.in_file(&self.path)
    }

    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.source, Source::Plain(..))
    }

    /// All elements, where they are in memory as rows of f32 already.
    pub(crate) fn rows_in_memory(&self) -> Option<&[f32]> {
        match &self.source {
            Source::Memory(bytes) if self.order == Order::RowMajor && self.dtype.is_native_f32() => {
                bytemuck::try_cast_slice(bytes).ok()
            }
            _ => None,
        }
    }

    fn cannot_read(&self, source: io::Error) -> Error {
        let error = match source.kind() {
            io::ErrorKind::UnexpectedEof => Error::malformed("the array is truncated"),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                Error::malformed("the compressed array is damaged")
            }
            _ => Error::new(crate::ErrorKind::Io, "cannot be read"),
        };
        self.explain(error.caused_by(source))
    }

    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match &mut self.source {
            Source::Plain(file, start) => file.read_exact_at(*start + offset, out),
            Source::Inflated(inflated) => inflated.read_exact_at(offset, out),
            Source::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let found = start.checked_add(out.len()).and_then(|end| bytes.get(start..end));
                out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
        }
    }

    /// Calls `sink` with the bytes of all elements in the order of the file, in chunks of whole elements.
    pub(crate) fn each_chunk(&mut self, mut sink: impl FnMut(&[u8])) -> Result<()> {
        let size = self.dtype.size().max(1);
        let elements: usize = self.shape.iter().product();
        let per_chunk = (CHUNK / size).max(1);
        let mut buffer = Vec::new();
        let mut done = 0;
        while done < elements {
            let now = per_chunk.min(elements - done);
            buffer.resize(now * size, 0);
            self.read_at((done * size) as u64, &mut buffer)
                .map_err(|source| self.cannot_read(source))?;
            sink(&buffer);
            done += now;
        }
        Ok(())
    }

    /// Replaces the content of `out` with rows of a 2-d array of numbers, row-major.
    pub(crate) fn replace_rows(&mut self, rows: Range<usize>, out: &mut Vec<f32>) -> Result<()> {
        if !matches!(self.source, Source::Inflated(_)) && self.order == Order::RowMajor && self.dtype.is_native_f32() {
            // Fast path: read into the output buffer; the length was checked when the file was opened.
            let d = self.shape[1];
            out.resize(rows.len() * d, 0.0);
            let offset = (rows.start * d * self.dtype.size()) as u64;
            return self
                .read_at(offset, bytemuck::cast_slice_mut(out))
                .map_err(|source| self.cannot_read(source));
        }
        out.clear();
        self.read_rows(rows, out)
    }

    /// Appends rows of a 2-d array of numbers to `out`, row-major.
    pub(crate) fn read_rows(&mut self, rows: Range<usize>, out: &mut Vec<f32>) -> Result<()> {
        let (n, d) = (self.shape[0], self.shape[1]);
        let size = self.dtype.size();
        if rows.is_empty() {
            return Ok(());
        }
        match self.order {
            Order::RowMajor => {
                // In chunks of elements: a damaged header may claim rows that are longer than the file.
                let (mut element, end) = (rows.start * d, rows.end * d);
                let mut buffer = Vec::new();
                while element < end {
                    let now = (CHUNK / size).min(end - element);
                    buffer.resize(now * size, 0);
                    self.read_at((element * size) as u64, &mut buffer)
                        .map_err(|source| self.cannot_read(source))?;
                    let before = out.len();
                    out.resize(before + now, 0.0);
                    self.dtype.write_f32(&buffer, &mut out[before..], 1);
                    element += now;
                }
            }
            Order::ColumnMajor => {
                self.inflate_for_columns()?;
                let count = rows.len();
                let before = out.len();
                out.resize(before + count * d, 0.0);
                let mut buffer = vec![0; count * size];
                for column in 0..d {
                    let offset = (column * n + rows.start) * size;
                    self.read_at(offset as u64, &mut buffer)
                        .map_err(|source| self.cannot_read(source))?;
                    self.dtype.write_f32(&buffer, &mut out[before + column..], d);
                }
            }
        }
        Ok(())
    }

    /// Decompresses the array once, because the columns of a block lie far apart and a compressed array is read forward only.
    /// Memory grows with the decompressed bytes, not with the claims of the header.
    fn inflate_for_columns(&mut self) -> Result<()> {
        if matches!(self.source, Source::Inflated(_)) {
            let mut bytes = Vec::new();
            self.each_chunk(|chunk| bytes.extend_from_slice(chunk))?;
            self.source = Source::Memory(bytes.into());
        }
        Ok(())
    }
}

/// A compressed member of a zip file. Reading forward is cheap; reading backward starts from the beginning.
pub(crate) struct Inflated {
    file: FileAt,
    member: Member,
    /// Bytes of the inflated member before the first element.
    skip: u64,
    decoder: DeflateDecoder<io::Take<BufReader<Cursor>>>,
    position: u64,
    checksum: Crc,
}

/// The position of a member in a zip file, from the directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) start: u64,
    pub(crate) compressed: u64,
    pub(crate) size: u64,
    pub(crate) crc32: u32,
}

impl Inflated {
    pub(crate) fn new(file: FileAt, member: Member, skip: u64) -> Self {
        Self {
            decoder: Self::decoder(&file, member),
            file,
            member,
            skip,
            position: 0,
            checksum: Crc::new(),
        }
    }

    fn decoder(file: &FileAt, member: Member) -> DeflateDecoder<io::Take<BufReader<Cursor>>> {
        DeflateDecoder::new(BufReader::new(file.reader(member.start)).take(member.compressed))
    }

    fn read_exact_at(&mut self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let target = self.skip.checked_add(offset).ok_or(io::ErrorKind::UnexpectedEof)?;
        if target < self.position {
            self.decoder = Self::decoder(&self.file, self.member);
            self.position = 0;
            self.checksum.reset();
        }
        let mut skipped = [0; 4096];
        while self.position < target {
            let now = usize::try_from(target - self.position)
                .unwrap_or(usize::MAX)
                .min(skipped.len());
            self.read_exact(&mut skipped[..now])?;
        }
        let mut done = 0;
        while done < out.len() {
            let end = out.len().min(done + CHUNK);
            self.read_exact(&mut out[done..end])?;
            done = end;
        }
        Ok(())
    }
}

impl Read for Inflated {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(out)?;
        self.checksum.update(&out[..read]);
        self.position += read as u64;
        if read > 0 && self.position == self.member.size && self.checksum.sum() != self.member.crc32 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the checksum of the member does not match",
            ));
        }
        Ok(read)
    }
}
