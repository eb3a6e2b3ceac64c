//! The file format of an entry, complete or partial: little-endian, append-only, every byte under a checksum.
//!
//! ```text
//! header   magic [8] · key [32] · d u64 · z u64 · check [16]
//! chunk    "rows" · encoding u32 · first row u64 · rows u64 · check [16] · valid u8 [rows] · features [rows, d] · logits f32 [rows, z]
//! …
//! end      "done" · 0 u32 · rows u64 · 0 u64 · check [16]
//! ```
//!
//! A check is the first 16 bytes of BLAKE3 over the key and all other bytes of its record, so a record of another entry is not
//! accepted. The rows of consecutive chunks have no gap, so a lost chunk is noticed. A partial file has no end record yet.
//!
//! The format is our own because no common one is append-only with checksums: a killed process must leave a valid prefix that
//! the next one continues, and safetensors, npy and Parquet all write their header or footer last.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::{Block, CachePrecision, Key};

const MAGIC: &[u8; 8] = b"RTfeat\x00\x01";
const HEADER: usize = 8 + 32 + 8 + 8 + CHECK;
const RECORD: usize = 4 + 4 + 8 + 8 + CHECK;
const CHECK: usize = 16;
const ROWS: &[u8; 4] = b"rows";
const DONE: &[u8; 4] = b"done";

/// Columns of an entry: features and, where `z > 0`, logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub d: usize,
    pub z: usize,
}

/// Where the rows of a chunk are in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    pub first_row: usize,
    pub rows: usize,
    pub encoding: CachePrecision,
    /// Position of the first feature.
    pub features: u64,
    /// Position of the first logit.
    pub logits: u64,
}

/// The valid part of a file.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// `None` without a valid header.
    pub columns: Option<Columns>,
    pub chunks: Vec<Chunk>,
    /// `[rows]`
    pub valid: Vec<bool>,
    /// Length of the valid prefix in bytes.
    pub length: u64,
    /// Whether the file ends with a valid end record.
    pub complete: bool,
}

impl Contents {
    pub fn rows(&self) -> usize {
        self.valid.len()
    }
}

fn check(key: &Key, parts: &[&[u8]]) -> [u8; CHECK] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(key.bytes());
    for part in parts {
        hasher.update(part);
    }
    finish(&hasher)
}

fn finish(hasher: &blake3::Hasher) -> [u8; CHECK] {
    let mut check = [0; CHECK];
    check.copy_from_slice(&hasher.finalize().as_bytes()[..CHECK]);
    check
}

pub(super) fn header(key: &Key, columns: Columns) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(key.bytes());
    bytes.extend_from_slice(&(columns.d as u64).to_le_bytes());
    bytes.extend_from_slice(&(columns.z as u64).to_le_bytes());
    let check = check(key, &[&bytes]);
    bytes.extend_from_slice(&check);
    bytes
}

fn record(tag: &[u8; 4], encoding: u32, a: u64, b: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(RECORD);
    bytes.extend_from_slice(tag);
    bytes.extend_from_slice(&encoding.to_le_bytes());
    bytes.extend_from_slice(&a.to_le_bytes());
    bytes.extend_from_slice(&b.to_le_bytes());
    bytes
}

/// A chunk of `rows` rows that begins at `first_row`.
pub(super) fn chunk(key: &Key, first_row: usize, rows: usize, block: &Block<'_>, precision: CachePrecision) -> Vec<u8> {
    let encoding = match precision {
        CachePrecision::F16
            if block
                .features
                .iter()
                .all(|&x| !x.is_finite() || x.abs() <= f16::MAX.to_f32()) =>
        {
            CachePrecision::F16
        }
        _ => CachePrecision::F32,
    };
    let mut payload = Vec::with_capacity(rows + size_of_val(block.features) + block.logits.map_or(0, size_of_val));
    match block.valid {
        Some(valid) => payload.extend(valid.iter().map(|&valid| u8::from(valid))),
        None => payload.resize(rows, 1),
    }
    match encoding {
        CachePrecision::F32 => payload.extend(block.features.iter().flat_map(|x| x.to_le_bytes())),
        CachePrecision::F16 => payload.extend(block.features.iter().flat_map(|&x| f16::from_f32(x).to_le_bytes())),
    }
    payload.extend(block.logits.unwrap_or_default().iter().flat_map(|x| x.to_le_bytes()));
    let mut bytes = record(ROWS, encoding_code(encoding), first_row as u64, rows as u64);
    let check = check(key, &[&bytes, &payload]);
    bytes.extend_from_slice(&check);
    bytes.extend_from_slice(&payload);
    bytes
}

pub(super) fn end(key: &Key, rows: usize) -> Vec<u8> {
    let mut bytes = record(DONE, 0, rows as u64, 0);
    let check = check(key, &[&bytes]);
    bytes.extend_from_slice(&check);
    bytes
}

fn encoding_code(encoding: CachePrecision) -> u32 {
    match encoding {
        CachePrecision::F32 => 0,
        CachePrecision::F16 => 1,
    }
}

/// Bytes of one feature.
pub(super) fn feature_size(encoding: CachePrecision) -> usize {
    match encoding {
        CachePrecision::F32 => 4,
        CachePrecision::F16 => 2,
    }
}

/// Appends decoded features.
pub(super) fn decode(bytes: &[u8], encoding: CachePrecision, into: &mut Vec<f32>) {
    match encoding {
        CachePrecision::F32 => into.extend(bytes.as_chunks().0.iter().map(|&x| f32::from_le_bytes(x))),
        CachePrecision::F16 => {
            let halves: Vec<_> = bytes.as_chunks().0.iter().map(|&x| f16::from_le_bytes(x)).collect();
            let start = into.len();
            into.resize(start + halves.len(), 0.0);
            halves.convert_to_f32_slice(&mut into[start..]);
        }
    }
}

/// Reads and checks a file from its beginning, up to the first invalid record.
///
/// # Errors
/// Only errors of reading; an invalid record ends the contents.
pub(super) fn scan(file: &mut File, key: &Key) -> io::Result<Contents> {
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    let mut reader = io::BufReader::with_capacity(1 << 20, file);
    let mut contents = Contents::default();
    let mut bytes = [0; HEADER];
    if size < HEADER as u64 {
        return Ok(contents);
    }
    reader.read_exact(&mut bytes)?;
    let (body, found) = bytes.split_at(HEADER - CHECK);
    let columns = (usize::try_from(u64_at(body, 40)), usize::try_from(u64_at(body, 48)));
    let (Ok(d), Ok(z)) = columns else { return Ok(contents) };
    if !body.starts_with(MAGIC) || found != check(key, &[body]) {
        return Ok(contents);
    }
    let columns = Columns { d, z };
    contents.columns = Some(columns);
    contents.length = HEADER as u64;
    let mut buffer = vec![0; 1 << 20];
    while size - contents.length >= RECORD as u64 {
        let mut bytes = [0; RECORD];
        reader.read_exact(&mut bytes)?;
        let (body, found) = bytes.split_at(RECORD - CHECK);
        let start = contents.length + RECORD as u64;
        if body.starts_with(DONE) {
            let right = found == check(key, &[body]) && u64_at(body, 8) == contents.rows() as u64;
            if right && start == size {
                contents.length = start;
                contents.complete = true;
            }
            return Ok(contents);
        }
        let Some((chunk, payload)) = describe(body, start, columns, contents.rows()) else {
            return Ok(contents);
        };
        // Checked before anything is allocated: the rest of the file bounds the size that a chunk can claim.
        if payload > size - start {
            return Ok(contents);
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(key.bytes());
        hasher.update(body);
        let mut valid = Vec::new();
        let mut left = payload;
        while left > 0 {
            let piece = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
            reader.read_exact(&mut buffer[..piece])?;
            hasher.update(&buffer[..piece]);
            let flags = (chunk.rows - valid.len()).min(piece);
            valid.extend(buffer[..flags].iter().map(|&flag| flag != 0));
            left -= piece as u64;
        }
        if found != finish(&hasher) {
            return Ok(contents);
        }
        contents.valid.append(&mut valid);
        contents.chunks.push(chunk);
        contents.length = start + payload;
    }
    Ok(contents)
}

/// The chunk whose record is `body` and whose payload begins at `start`, with the size of the payload; `None` if it is not a
/// valid chunk that begins at row `next`.
fn describe(body: &[u8], start: u64, columns: Columns, next: usize) -> Option<(Chunk, u64)> {
    let encoding = match u32::from_le_bytes(body[4..8].try_into().ok()?) {
        0 => CachePrecision::F32,
        1 => CachePrecision::F16,
        _ => return None,
    };
    let rows = usize::try_from(u64_at(body, 16)).ok()?;
    if !body.starts_with(ROWS) || u64_at(body, 8) != next as u64 || rows == 0 {
        return None;
    }
    let size = |columns: usize, element: usize| {
        let bytes = rows.checked_mul(columns)?.checked_mul(element)?;
        u64::try_from(bytes).ok()
    };
    let features = start.checked_add(size(1, 1)?)?;
    let logits = features.checked_add(size(columns.d, feature_size(encoding))?)?;
    let end = logits.checked_add(size(columns.z, 4)?)?;
    let chunk = Chunk {
        first_row: next,
        rows,
        encoding,
        features,
        logits,
    };
    Some((chunk, end - start))
}

fn u64_at(bytes: &[u8], position: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[position..position + 8]);
    u64::from_le_bytes(word)
}
