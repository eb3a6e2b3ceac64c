//! Files that may be packed with gzip, known by their first bytes.
//!
//! A few kilobytes can unpack to gigabytes. What a packed file may unpack to is in proportion to its size, and far above what tables
//! reach: reading stops there with an error.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::{Error, Result};

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Bytes that a packed file may unpack to for each of its own …
const MOST_UNPACKED: u64 = 200;
/// … and in any case.
const FREE: u64 = 256 << 20;

/// The content of the file, unpacked.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read>> {
    let io = |source| Error::io("cannot be read", path, source);
    let mut file = File::open(path).map_err(io)?;
    let mut start = Vec::new();
    file.by_ref().take(2).read_to_end(&mut start).map_err(io)?;
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    if start != GZIP {
        return Ok(Box::new(file));
    }
    let packed = file.metadata().map_err(io)?.len();
    Ok(Box::new(Bounded {
        left: packed.saturating_mul(MOST_UNPACKED).saturating_add(FREE),
        reader: MultiGzDecoder::new(file),
    }))
}

/// A reader that fails after so many bytes, if there are more.
struct Bounded<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(out)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            let text =
                format!("unpacks to more than {MOST_UNPACKED} times its size, which tables do not; unpack it first");
            io::Error::new(io::ErrorKind::InvalidData, text)
        })?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_stops_where_a_bomb_goes_on() {
        let mut bounded = Bounded {
            reader: io::repeat(b'a'),
            left: 1000,
        };
        let mut read = Vec::new();
        let error = bounded.read_to_end(&mut read).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(read.len() <= 1000, "{}", read.len());
        let mut exact = Bounded {
            reader: &b"abc"[..],
            left: 3,
        };
        assert_eq!(exact.read_to_end(&mut Vec::new()).unwrap(), 3);
    }
}
