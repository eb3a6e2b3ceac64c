//! The file format of a segment: rows of one entry, written once. Little-endian, every byte under a checksum.
//!
//! ```text
//! header   magic [8] · key [32] · engine [32] · d u64 · z u64 · rows u64 · rows of a block u32 · encoding u32
//! index    digests [rows, 32] · valid u8 [rows] · check [16], over header and index
//! blocks   features [b, d] · logits f32 [b, z] · check [16], over the number of the block and its values
//! ```
//!
//! A check is the first 16 bytes of BLAKE3 over the key and what it covers, so that nothing of another entry is accepted. Looking rows up
//! reads the index alone; the values are checked when they are read. The length of the file follows from its header.
//!
//! The format is our own because a lookup must not read the values: a million rows are 33 MB of index and gigabytes of features.

use std::io::{self, Read};

use half::f16;
use half::slice::HalfFloatSliceExt;
use ranktune_core::Digest;

use super::{Block, CachePrecision, Columns, Key};

const MAGIC: &[u8; 8] = b"RTfeat\x00\x02";
const ENGINE: usize = 32;
const HEADER: usize = 8 + 32 + ENGINE + 8 + 8 + 8 + 4 + 4;
const DIGEST: usize = 32;
const CHECK: usize = 16;
/// Bytes of a block, about: few enough to read for one row, enough for checks and calls of the system not to count.
const BLOCK_BYTES: usize = 256 << 10;

/// What the header of a segment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) columns: Columns,
    pub(super) rows: usize,
    block_rows: usize,
    encoding: CachePrecision,
}

/// Where a block lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockPlace {
    pub(super) position: u64,
    /// With the check.
    pub(super) bytes: usize,
    pub(super) rows: usize,
}

/// Header and index of a segment.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) layout: Layout,
    /// Name of the engine that made the rows.
    pub(super) engine: String,
    /// `[rows, 32]`
    digests: Vec<u8>,
    /// `[rows]`
    pub(super) valid: Vec<bool>,
}

impl Index {
    /// The digests of the samples, in the order of the rows.
    pub(super) fn digests(&self) -> impl Iterator<Item = &[u8; DIGEST]> {
        self.digests.as_chunks().0.iter()
    }
}

impl Layout {
    /// Bytes of a row's values.
    fn row_bytes(self) -> Option<usize> {
        let logits = self.columns.z.checked_mul(4)?;
        self.columns
            .d
            .checked_mul(feature_size(self.encoding))?
            .checked_add(logits)
    }

    fn n_blocks(self) -> usize {
        self.rows.div_ceil(self.block_rows)
    }

    /// Bytes before the first block.
    fn index_end(self) -> Option<u64> {
        let index = (DIGEST as u64 + 1).checked_mul(self.rows as u64)?;
        index.checked_add((HEADER + CHECK) as u64)
    }

    /// Length of the file; `None` if no file can have it.
    fn length(self) -> Option<u64> {
        let values = (self.row_bytes()? as u64).checked_mul(self.rows as u64)?;
        let checks = (CHECK as u64).checked_mul(self.n_blocks() as u64)?;
        self.index_end()?.checked_add(values)?.checked_add(checks)
    }

    /// The block of a row, and the row's place in it.
    pub(super) fn block_of(self, row: usize) -> (usize, usize) {
        (row / self.block_rows, row % self.block_rows)
    }

    /// Where a block lies. The length of the file was checked, so that nothing overflows.
    pub(super) fn block(self, number: usize) -> BlockPlace {
        let row_bytes = self.row_bytes().unwrap_or(0);
        let whole = (self.block_rows * row_bytes + CHECK) as u64;
        let rows = self.block_rows.min(self.rows - number * self.block_rows);
        BlockPlace {
            position: self.index_end().unwrap_or(0) + number as u64 * whole,
            bytes: rows * row_bytes + CHECK,
            rows,
        }
    }

    /// Features `[rows, d]` and logits `[rows, z]` of a block, from its bytes; `None` if they do not match their check.
    pub(super) fn decode(self, key: &Key, number: usize, bytes: &[u8]) -> Option<(Vec<f32>, Vec<f32>)> {
        let (values, found) = bytes.split_at_checked(bytes.len().checked_sub(CHECK)?)?;
        if found != check(key, &[&(number as u64).to_le_bytes(), values]) {
            return None;
        }
        let rows = values.len() / self.row_bytes()?.max(1);
        let (features, logits) = values.split_at_checked(rows * self.columns.d * feature_size(self.encoding))?;
        let floats = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|&x| f32::from_le_bytes(x)).collect();
        let features = match self.encoding {
            CachePrecision::F32 => floats(features),
            CachePrecision::F16 => {
                let halves: Vec<_> = features.as_chunks().0.iter().map(|&x| f16::from_le_bytes(x)).collect();
                let mut singles = vec![0.0; halves.len()];
                halves.convert_to_f32_slice(&mut singles);
                singles
            }
        };
        Some((features, floats(logits)))
    }
}

/// The bytes and the layout of a segment of `block`, whose rows are of the samples with these `digests`.
pub(super) fn encode(
    key: &Key,
    engine: &str,
    precision: CachePrecision,
    digests: &[Digest],
    columns: Columns,
    block: &Block<'_>,
) -> (Vec<u8>, Layout) {
    let rows = digests.len();
    let encoding = match precision {
        CachePrecision::F16 if block.features.iter().all(|&x| fits_half(x)) => CachePrecision::F16,
        _ => CachePrecision::F32,
    };
    let row = columns.d * feature_size(encoding) + columns.z * 4;
    let block_rows = (BLOCK_BYTES / row.max(1)).clamp(1, rows.max(1));
    let mut bytes = Vec::with_capacity(HEADER + rows * (DIGEST + 1 + row) + CHECK * (1 + rows.div_ceil(block_rows)));
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(key.bytes());
    let mut name = [0; ENGINE];
    let length = engine.len().min(ENGINE);
    name[..length].copy_from_slice(&engine.as_bytes()[..length]);
    bytes.extend_from_slice(&name);
    for number in [columns.d, columns.z, rows] {
        bytes.extend_from_slice(&(number as u64).to_le_bytes());
    }
    for number in [block_rows as u32, encoding_code(encoding)] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    for digest in digests {
        bytes.extend_from_slice(digest.as_bytes());
    }
    match block.valid {
        Some(valid) => bytes.extend(valid.iter().map(|&valid| u8::from(valid))),
        None => bytes.resize(bytes.len() + rows, 1),
    }
    let of_index = check(key, &[&bytes]);
    bytes.extend_from_slice(&of_index);
    let logits = block.logits.unwrap_or_default();
    for (number, first) in (0..rows).step_by(block_rows).enumerate() {
        let last = (first + block_rows).min(rows);
        let begin = bytes.len();
        let features = &block.features[first * columns.d..last * columns.d];
        match encoding {
            CachePrecision::F32 => bytes.extend(features.iter().flat_map(|x| x.to_le_bytes())),
            CachePrecision::F16 => bytes.extend(features.iter().flat_map(|&x| f16::from_f32(x).to_le_bytes())),
        }
        let logits = &logits[first * columns.z..last * columns.z];
        bytes.extend(logits.iter().flat_map(|x| x.to_le_bytes()));
        let of_block = check(key, &[&(number as u64).to_le_bytes(), &bytes[begin..]]);
        bytes.extend_from_slice(&of_block);
    }
    let layout = Layout {
        columns,
        rows,
        block_rows,
        encoding,
    };
    (bytes, layout)
}

/// Header and index of a file of `length` bytes; `None` if it is no whole segment of `key`.
///
/// # Errors
/// Only those of reading.
pub(super) fn read_index(file: &mut impl Read, length: u64, key: &Key) -> io::Result<Option<Index>> {
    if length < (HEADER + CHECK) as u64 {
        return Ok(None);
    }
    let mut header = [0; HEADER];
    file.read_exact(&mut header)?;
    let Some((layout, engine)) = describe(&header, key) else {
        return Ok(None);
    };
    // Checked before anything is allocated: the file bounds the number of rows that it can claim.
    if layout.length() != Some(length) {
        return Ok(None);
    }
    let mut digests = vec![0; layout.rows * DIGEST];
    file.read_exact(&mut digests)?;
    let mut flags = vec![0; layout.rows];
    file.read_exact(&mut flags)?;
    let mut found = [0; CHECK];
    file.read_exact(&mut found)?;
    if found != check(key, &[&header, &digests, &flags]) {
        return Ok(None);
    }
    Ok(Some(Index {
        layout,
        engine,
        digests,
        valid: flags.iter().map(|&flag| flag != 0).collect(),
    }))
}

fn describe(header: &[u8; HEADER], key: &Key) -> Option<(Layout, String)> {
    let rest = header.strip_prefix(MAGIC)?.strip_prefix(key.bytes())?;
    let (engine, rest) = rest.split_at_checked(ENGINE)?;
    let long = |at: usize| Some(u64::from_le_bytes(rest.get(at..at + 8)?.try_into().ok()?));
    let short = |at: usize| Some(u32::from_le_bytes(rest.get(at..at + 4)?.try_into().ok()?));
    let number = |at: usize| usize::try_from(long(at)?).ok();
    let layout = Layout {
        columns: Columns {
            d: number(0)?,
            z: number(8)?,
        },
        rows: number(16)?,
        block_rows: usize::try_from(short(24)?).ok()?,
        encoding: match short(28)? {
            0 => CachePrecision::F32,
            1 => CachePrecision::F16,
            _ => return None,
        },
    };
    let end = engine.iter().position(|&byte| byte == 0).unwrap_or(ENGINE);
    let engine = String::from_utf8(engine[..end].to_vec()).ok()?;
    let is_whole = layout.block_rows > 0 && layout.block_rows <= layout.rows.max(1) && layout.columns.d > 0;
    is_whole.then_some((layout, engine))
}

/// Whether half precision can hold a number.
pub(super) fn fits_half(x: f32) -> bool {
    !x.is_finite() || x.abs() <= f16::MAX.to_f32()
}

fn check(key: &Key, parts: &[&[u8]]) -> [u8; CHECK] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(key.bytes());
    for part in parts {
        hasher.update(part);
    }
    let mut check = [0; CHECK];
    check.copy_from_slice(&hasher.finalize().as_bytes()[..CHECK]);
    check
}

fn encoding_code(encoding: CachePrecision) -> u32 {
    match encoding {
        CachePrecision::F32 => 0,
        CachePrecision::F16 => 1,
    }
}

fn feature_size(encoding: CachePrecision) -> usize {
    match encoding {
        CachePrecision::F32 => 4,
        CachePrecision::F16 => 2,
    }
}
