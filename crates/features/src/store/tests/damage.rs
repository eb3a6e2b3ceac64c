//! Files that are torn, damaged, or of another entry.

use super::*;

/// An entry of six samples in one segment, and its bytes.
fn one_segment(store: &Store) -> (PathBuf, Vec<u8>) {
    drop(complete(store, "a", 6));
    let [path] = &segments(store, "a")[..] else {
        panic!("one segment")
    };
    (path.clone(), fs::read(path).unwrap())
}

#[test]
fn a_file_torn_anywhere_has_no_rows_and_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let (path, whole) = one_segment(&store);
    for length in 0..whole.len() {
        // Cut off, and cut off with the rest zeroed, as a lost power supply may leave it.
        for zeroed in [0, 100, whole.len() - length] {
            let mut torn = whole[..length].to_vec();
            torn.resize(length + zeroed, 0);
            if torn == whole {
                continue;
            }
            fs::write(&path, &torn).unwrap();
            let mut rows = open(&store, "a", 0..6);
            let mut read = Vec::new();
            let is_right = rows.missing(0..6).len() == 6 || rows.read_features(0..6, &mut read).is_err();
            assert!(is_right, "cut at {length} of {}", whole.len());
            drop(rows);
            assert!(!path.exists(), "the damaged file must be gone");
        }
    }
    let (mut rows, computed) = complete(&store, "a", 6);
    assert_eq!(computed, 6);
    assert_holds(&mut rows, &[0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_flipped_bit_anywhere_is_found_when_its_row_is_read_at_the_latest() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let (path, whole) = one_segment(&store);
    for position in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[position] ^= 1 << (position % 8);
        fs::write(&path, &damaged).unwrap();
        let mut rows = open(&store, "a", 0..6);
        if rows.missing(0..6).len() == 6 {
            assert_eq!(rows.n_damaged(), 1, "byte {position}");
        } else {
            let error = rows.read_logits(0..6, &mut Vec::new()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "byte {position}");
            assert!(error.to_string().contains("run the same command again"), "{error}");
            assert_eq!(rows.missing(0..6).len(), 6);
        }
        assert!(!path.exists(), "byte {position}: the damaged file must be gone");
    }
}

#[test]
fn the_file_of_another_key_does_not_pass() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    drop(complete(&store, "a", 6));
    fs::rename(store.entry(&key("a")), store.entry(&key("b"))).unwrap();
    assert_eq!(open(&store, "b", 0..6).missing(0..6).len(), 6);
}

#[test]
fn a_header_that_claims_more_than_its_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let (path, whole) = one_segment(&store);
    let rows_at = 8 + 32 + 32 + 8 + 8;
    for rows in [0, 7, 1 << 40, u64::MAX / 33, u64::MAX] {
        for columns in [D as u64, 0, 1 << 62, u64::MAX] {
            let mut claims = whole.clone();
            claims[rows_at..rows_at + 8].copy_from_slice(&rows.to_le_bytes());
            claims[rows_at - 16..rows_at - 8].copy_from_slice(&columns.to_le_bytes());
            fs::write(&path, &claims).unwrap();
            assert_eq!(open(&store, "a", 0..6).missing(0..6).len(), 6);
        }
    }
}

#[test]
fn a_segment_that_vanishes_after_it_was_found_is_an_error_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(&folder);
    // As if there were too many files to keep them open.
    store.most_open = 0;
    let (path, _) = one_segment(&store);
    let mut rows = open(&store, "a", 0..6);
    fs::remove_file(path).unwrap();
    let error = rows.read_features(0..6, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("run the same command again"), "{error}");
    assert_eq!(rows.missing(0..6).len(), 6);
}
