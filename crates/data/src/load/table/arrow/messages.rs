//! The messages of an Arrow file: a schema, dictionaries, and batches of rows.
//!
//! ```text
//! stream: ( ff ff ff ff │ length of the header, i32 │ header │ body )… ff ff ff ff 00 00 00 00
//! file:   "ARROW1" 00 00 │ the same │ footer │ length of the footer, i32 │ "ARROW1"
//! ```
//!
//! In a file the footer has the schema and the places of the messages; polars writes no schema before them. (Arrow columnar format 1.5, "Encapsulated message format"; versions before 0.15 lack the first four bytes.) The reader of the crate
//! `arrow-ipc` allocates what lengths in the file claim. Here every length is compared with what is left of the file first, and the
//! length of what is unpacked with a limit; the crate decodes only what has passed. It panics on some damaged batches, which is caught.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_buffer::Buffer;
use arrow_ipc::convert::{try_fb_to_schema, try_schema_from_flatbuffer_bytes};
use arrow_ipc::reader::{read_dictionary, read_record_batch};
use arrow_ipc::{Message, MessageHeader, RecordBatch, root_as_footer, root_as_message};
use arrow_schema::{ArrowError, SchemaRef};
use ranktune_core::panics::caught;

use crate::{Error, Result};

const MAGIC: &[u8] = b"ARROW1";
/// What the buffers of one batch may unpack to, in bytes.
const MOST_UNPACKED: u64 = 2 << 30;

pub(super) struct Messages {
    path: PathBuf,
    file: BufReader<File>,
    length: u64,
    /// Bytes that were read. Messages do not overlap, so more than the file has is a footer that names one place many times.
    spent: u64,
    /// Where the messages begin that are still to be read; `None` in a stream, where one follows another.
    places: Option<VecDeque<u64>>,
    /// Bytes of the file that have not been read.
    left: u64,
    schema: SchemaRef,
    dictionaries: HashMap<i64, ArrayRef>,
}

/// Rows of the columns that are wanted.
pub(super) struct Batch {
    pub(super) rows: usize,
    pub(super) columns: Vec<ArrayRef>,
}

/// A header and its body.
struct Encoded {
    header: Vec<u8>,
    body: Buffer,
}

impl Messages {
    /// Opens the file and reads its schema.
    ///
    /// # Errors
    /// `Io`; `Malformed`: no Arrow file, or a damaged one.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let io = |source| Error::io("cannot be read", path, source);
        let file = File::open(path).map_err(io)?;
        let left = file.metadata().map_err(io)?.len();
        let mut messages = Self {
            path: path.to_owned(),
            file: BufReader::with_capacity(1 << 16, file),
            length: left,
            spent: 0,
            places: None,
            left,
            schema: Arc::new(arrow_schema::Schema::empty()),
            dictionaries: HashMap::new(),
        };
        let start: [u8; 4] = messages.bytes()?;
        if MAGIC.starts_with(&start) {
            messages.read_footer()?;
            return Ok(messages);
        }
        let length = messages.length_after(start)?;
        let Some(encoded) = messages.encoded(length)? else {
            return Err(messages.not_arrow());
        };
        let schema = guarded(|| try_schema_from_flatbuffer_bytes(&encoded.header));
        messages.schema = Arc::new(schema.map_err(|source| messages.not_arrow().caused_by(source))?);
        Ok(messages)
    }

    /// Reads the schema and the places of the messages from the end of a file.
    fn read_footer(&mut self) -> Result<()> {
        const END: u64 = 10;
        self.seek(self.length.checked_sub(END).ok_or_else(|| self.not_arrow())?)?;
        let end = self.block(END)?;
        let (length, magic) = end.split_at(4);
        let length = <[u8; 4]>::try_from(length).map_or(0, u32::from_le_bytes);
        let start = (self.length - END).checked_sub(u64::from(length));
        let Some(start) = start.filter(|_| magic == MAGIC && length > 0) else {
            return Err(self.not_arrow());
        };
        self.seek(start)?;
        let footer = self.block(u64::from(length))?;
        let parsed = guarded(|| {
            let footer = root_as_footer(&footer).map_err(|e| ArrowError::IpcError(e.to_string()))?;
            let schema = footer
                .schema()
                .ok_or_else(|| ArrowError::IpcError("no schema".to_owned()))?;
            let blocks = footer
                .dictionaries()
                .into_iter()
                .chain(footer.recordBatches())
                .flatten();
            let places: Option<VecDeque<u64>> = blocks.map(|block| u64::try_from(block.offset()).ok()).collect();
            Ok((try_fb_to_schema(schema)?, places))
        });
        let (schema, places) = parsed.map_err(|source| self.not_arrow().caused_by(source))?;
        self.schema = Arc::new(schema);
        self.places = Some(places.ok_or_else(|| self.damaged())?);
        Ok(())
    }

    fn seek(&mut self, to: u64) -> Result<()> {
        self.left = self.length.checked_sub(to).ok_or_else(|| self.damaged())?;
        let moved = self.file.seek(SeekFrom::Start(to));
        moved
            .map(drop)
            .map_err(|source| Error::io("cannot be read", &self.path, source))
    }

    pub(super) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The next batch, with the columns of the indices `wanted` in their order; `None` after the last.
    ///
    /// # Errors
    /// `Malformed`: damaged data, or lengths that the file cannot hold.
    pub(super) fn next_batch(&mut self, wanted: &[usize]) -> Result<Option<Batch>> {
        loop {
            match self.places.as_mut().map(VecDeque::pop_front) {
                Some(Some(place)) => self.seek(place)?,
                Some(None) => return Ok(None),
                // The end of a stream may be that of the file.
                None if self.left < 4 => return Ok(None),
                None => {}
            }
            let length = self.length()?;
            let Some(encoded) = self.encoded(length)? else {
                return Ok(None);
            };
            let header = encoded.header;
            let message = guarded(|| root_as_message(&header).map_err(|e| ArrowError::IpcError(e.to_string())));
            let message = message.map_err(|source| self.damaged().caused_by(source))?;
            if let Some(rows) = self.take(&message, &encoded.body, wanted)? {
                return Ok(Some(rows));
            }
        }
    }

    fn take(&mut self, message: &Message<'_>, body: &Buffer, wanted: &[usize]) -> Result<Option<Batch>> {
        let version = message.version();
        match message.header_type() {
            MessageHeader::DictionaryBatch => {
                let batch = message.header_as_dictionary_batch().ok_or_else(|| self.damaged())?;
                let data = batch.data().ok_or_else(|| self.damaged())?;
                self.check(&data, body)?;
                let (schema, dictionaries) = (self.schema.clone(), &mut self.dictionaries);
                guarded(|| read_dictionary(body, batch, &schema, dictionaries, &version))
                    .map_err(|source| damaged(&self.path).caused_by(source))?;
                Ok(None)
            }
            MessageHeader::RecordBatch => {
                let batch = message.header_as_record_batch().ok_or_else(|| self.damaged())?;
                self.check(&batch, body)?;
                let mut sorted = wanted.to_vec();
                sorted.sort_unstable();
                sorted.dedup();
                let (schema, dictionaries) = (self.schema.clone(), &self.dictionaries);
                let batch = guarded(|| read_record_batch(body, batch, schema, dictionaries, Some(&sorted), &version))
                    .map_err(|source| self.damaged().caused_by(source))?;
                let columns = wanted.iter().map(|column| {
                    let at = sorted.iter().position(|other| other == column).unwrap_or_default();
                    batch.column(at).clone()
                });
                Ok(Some(Batch {
                    rows: batch.num_rows(),
                    columns: columns.collect(),
                }))
            }
            _ => Ok(None),
        }
    }

    /// Refuses a batch that claims more rows than its buffers have bits, or that unpacks to more than the limit.
    fn check(&self, batch: &RecordBatch<'_>, body: &Buffer) -> Result<()> {
        let mut unpacked = body.len() as u64;
        if batch.compression().is_some() {
            unpacked = 0;
            for buffer in batch.buffers().into_iter().flatten() {
                let start = usize::try_from(buffer.offset()).ok();
                let prefix = start.and_then(|start| body.as_slice().get(start..start.checked_add(8)?));
                let length = prefix.and_then(|bytes| Some(i64::from_le_bytes(bytes.try_into().ok()?)));
                // −1 stands for a buffer that is not packed. Empty buffers have no prefix.
                let own = u64::try_from(buffer.length()).unwrap_or_default();
                let length = length.and_then(|length| u64::try_from(length).ok()).unwrap_or(own);
                unpacked = unpacked.saturating_add(if own == 0 { 0 } else { length });
            }
        }
        if unpacked > MOST_UNPACKED {
            let message = format!("a batch of rows of {unpacked} bytes; at most {MOST_UNPACKED} are unpacked");
            return Err(Error::unsupported(message).in_file(&self.path));
        }
        let rows = u64::try_from(batch.length()).map_err(|_| self.damaged())?;
        if rows > unpacked.saturating_mul(8) {
            let message = format!("damaged Arrow file: a batch of {rows} rows in {unpacked} bytes");
            return Err(Error::malformed(message).in_file(&self.path));
        }
        Ok(())
    }

    /// The header of `length` bytes and its body; `None` at the end of the messages.
    fn encoded(&mut self, length: u32) -> Result<Option<Encoded>> {
        if length == 0 {
            return Ok(None);
        }
        let header = self.block(u64::from(length))?;
        let body = guarded(|| {
            let message = root_as_message(&header).map_err(|e| ArrowError::IpcError(e.to_string()))?;
            Ok(message.bodyLength())
        });
        let body = body.map_err(|source| self.not_arrow().caused_by(source))?;
        let body = u64::try_from(body).map_err(|_| self.damaged())?;
        let body = Buffer::from_vec(self.block(body)?);
        Ok(Some(Encoded { header, body }))
    }

    fn length(&mut self) -> Result<u32> {
        let start = self.bytes()?;
        self.length_after(start)
    }

    /// The length of a header, of which the first four bytes were read.
    fn length_after(&mut self, start: [u8; 4]) -> Result<u32> {
        let length = if start == [0xff; 4] { self.bytes()? } else { start };
        Ok(u32::from_le_bytes(length))
    }

    fn bytes(&mut self) -> Result<[u8; 4]> {
        let block = self.block(4)?;
        <[u8; 4]>::try_from(block.as_slice()).map_err(|_| self.damaged())
    }

    fn block(&mut self, length: u64) -> Result<Vec<u8>> {
        if length > self.left {
            let message = format!(
                "truncated Arrow file: {length} bytes are expected where {} are left",
                self.left
            );
            return Err(Error::malformed(message).in_file(&self.path));
        }
        self.spent = self.spent.saturating_add(length);
        if self.spent > self.length.saturating_mul(2) {
            return Err(self.damaged());
        }
        let mut block = vec![0; usize::try_from(length).map_err(|_| self.damaged())?];
        let read = self.file.read_exact(&mut block);
        read.map_err(|source| Error::io("cannot be read", &self.path, source))?;
        self.left -= length;
        Ok(block)
    }

    fn not_arrow(&self) -> Error {
        Error::malformed("is not an Arrow file, or a damaged one").in_file(&self.path)
    }

    fn damaged(&self) -> Error {
        damaged(&self.path)
    }
}

fn damaged(path: &Path) -> Error {
    Error::malformed("damaged Arrow file: a batch of rows cannot be decoded").in_file(path)
}

/// Calls the `arrow-ipc` crate; a panic becomes an error.
fn guarded<T>(call: impl FnOnce() -> std::result::Result<T, ArrowError>) -> std::result::Result<T, ArrowError> {
    caught(call).unwrap_or_else(|_| Err(ArrowError::IpcError("the decoder panicked on damaged data".to_owned())))
}
