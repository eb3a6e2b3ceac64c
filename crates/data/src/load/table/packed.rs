//! Files that may be packed with gzip, known by their first bytes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::{Error, Result};

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The content of the file, unpacked.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read>> {
    let io = |source| Error::io("cannot be read", path, source);
    let mut file = File::open(path).map_err(io)?;
    let mut start = Vec::new();
    file.by_ref().take(2).read_to_end(&mut start).map_err(io)?;
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    Ok(if start == GZIP {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    })
}
