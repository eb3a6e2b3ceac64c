//! Whether an image file has more than one frame or page, of which the first is decoded. Reads headers, and decodes nothing.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Whether the file at `path` has several frames (GIF, WebP, PNG) or pages (TIFF). A file that cannot be read has none: decoding it
/// tells why.
pub(crate) fn has_several(path: &Path) -> bool {
    several(path).unwrap_or(false)
}

fn several(path: &Path) -> Option<bool> {
    let mut file = BufReader::new(File::open(path).ok()?);
    let start: [u8; 12] = bytes(&mut file)?;
    match &start {
        b if b.starts_with(b"GIF8") => gif(&mut file),
        b if b.starts_with(b"RIFF") && b.ends_with(b"WEBP") => {
            let kind: [u8; 4] = bytes(&mut file)?;
            let [.., flags]: [u8; 5] = bytes(&mut file)?;
            Some(&kind == b"VP8X" && flags & 2 != 0)
        }
        b if b.starts_with(b"\x89PNG") => png(&mut file),
        b if b.starts_with(b"II*\0") => tiff(
            &mut file,
            u32::from_le_bytes([b[4], b[5], b[6], b[7]]),
            u32::from_le_bytes,
        ),
        b if b.starts_with(b"MM\0*") => tiff(
            &mut file,
            u32::from_be_bytes([b[4], b[5], b[6], b[7]]),
            u32::from_be_bytes,
        ),
        _ => Some(false),
    }
}

fn bytes<const N: usize>(file: &mut impl Read) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

/// The offset of the next directory stands behind the first.
fn tiff(file: &mut (impl Read + Seek), first: u32, number: fn([u8; 4]) -> u32) -> Option<bool> {
    file.seek(SeekFrom::Start(first.into())).ok()?;
    let [a, b]: [u8; 2] = bytes(file)?;
    // Two bytes as the high or low half of a number.
    let is_little = number([1, 0, 0, 0]) == 1;
    let entries = number(if is_little { [a, b, 0, 0] } else { [0, 0, a, b] });
    file.seek(SeekFrom::Current(12 * i64::from(entries))).ok()?;
    Some(number(bytes(file)?) != 0)
}

/// `acTL` before the data, with the number of frames.
fn png(file: &mut (impl Read + Seek)) -> Option<bool> {
    file.seek(SeekFrom::Start(8)).ok()?;
    loop {
        let length = u32::from_be_bytes(bytes(file)?);
        let kind: [u8; 4] = bytes(file)?;
        match &kind {
            b"acTL" => return Some(u32::from_be_bytes(bytes(file)?) > 1),
            b"IDAT" | b"IEND" => return Some(false),
            _ => file.seek(SeekFrom::Current(i64::from(length) + 4)).ok()?,
        };
    }
}

/// Blocks up to the second picture.
fn gif(file: &mut (impl Read + Seek)) -> Option<bool> {
    file.seek(SeekFrom::Start(10)).ok()?;
    let [flags, ..]: [u8; 3] = bytes(file)?;
    skip_palette(file, flags)?;
    let mut pictures = 0;
    loop {
        let [kind]: [u8; 1] = bytes(file)?;
        match kind {
            b'!' => {
                let _label: [u8; 1] = bytes(file)?;
                skip_blocks(file)?;
            }
            b',' if pictures == 1 => return Some(true),
            b',' => {
                pictures += 1;
                let [.., flags]: [u8; 9] = bytes(file)?;
                skip_palette(file, flags)?;
                let _code_size: [u8; 1] = bytes(file)?;
                skip_blocks(file)?;
            }
            _ => return Some(false),
        }
    }
}

fn skip_palette(file: &mut impl Seek, flags: u8) -> Option<u64> {
    let colors = if flags & 0x80 != 0 { 2_i64 << (flags & 7) } else { 0 };
    file.seek(SeekFrom::Current(3 * colors)).ok()
}

fn skip_blocks(file: &mut (impl Read + Seek)) -> Option<()> {
    loop {
        let [length]: [u8; 1] = bytes(file)?;
        if length == 0 {
            return Some(());
        }
        file.seek(SeekFrom::Current(length.into())).ok()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_several_frames_are_told_from_others() {
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
        for (name, expected) in [
            ("two_frames.gif", true),
            ("two_pages.tif", true),
            ("palette.gif", false),
            ("transparent.gif", false),
            ("rgb.tif", false),
            ("lzw.tif", false),
            ("rgb.png", false),
            ("turned.png", false),
            ("lossy.webp", false),
            ("lossy_alpha.webp", false),
            ("444.jpg", false),
            ("make.py", false),
            ("missing.gif", false),
        ] {
            assert_eq!(has_several(&vectors.join(name)), expected, "{name}");
        }
    }

    #[test]
    fn cut_and_endless_files_have_an_answer() {
        let folder = tempfile::tempdir().unwrap();
        let whole = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/two_frames.gif")).unwrap();
        for length in [0, 5, 13, 40, whole.len() / 2] {
            let path = folder.path().join("cut.gif");
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(!has_several(&path), "{length}");
        }
        // A directory that is its own successor.
        let path = folder.path().join("loop.tif");
        std::fs::write(&path, b"II*\0\x08\0\0\0\0\0\x08\0\0\0").unwrap();
        assert!(has_several(&path));
    }
}
