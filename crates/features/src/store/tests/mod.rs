use std::sync::Barrier;

use tempfile::TempDir;

use super::*;

mod limits;
mod round_trip;

const D: usize = 5;
const Z: usize = 2;

fn key(name: &str) -> Key {
    Key::of(&KeyParts {
        model: name.as_bytes(),
        preprocessing: b"resize 224",
        feature_tensor: "features",
        pooling: "",
        data: b"digits",
    })
}

fn store(folder: &TempDir) -> Store {
    Store::open(folder.path(), &StoreOptions::default()).unwrap()
}

/// Features, logits and validity of rows from `first` on, each number telling where it belongs.
fn rows(first: usize, n: usize) -> (Vec<f32>, Vec<f32>, Vec<bool>) {
    let number = |scale: f32| move |i: usize| (i as f32 * scale).sin();
    (
        (first * D..(first + n) * D).map(number(0.37)).collect(),
        (first * Z..(first + n) * Z).map(number(-1.1)).collect(),
        (first..first + n).map(|i| i % 7 != 3).collect(),
    )
}

fn append(writer: &mut Writer, n: usize) {
    let (features, logits, valid) = rows(writer.rows_done(), n);
    let block = Block {
        features: &features,
        logits: Some(&logits),
        valid: Some(&valid),
    };
    writer.append(n, &block).unwrap();
}

fn begin(store: &Store, key: &Key) -> Writer {
    match store.wait_for(key).unwrap() {
        EntryState::Absent(writer) | EntryState::Partial(writer) => writer,
        other => panic!("{other:?}"),
    }
}

fn complete(store: &Store, key: &Key, n: usize) -> Reader {
    let mut writer = begin(store, key);
    while writer.rows_done() < n {
        let block = (n - writer.rows_done()).min(4);
        append(&mut writer, block);
    }
    writer.finish().unwrap()
}

fn assert_holds(reader: &mut Reader, n: usize) {
    let (features, logits, valid) = rows(0, n);
    assert_eq!(
        (reader.n_rows(), reader.n_features(), reader.n_logits()),
        (n, D, Some(Z))
    );
    assert_eq!(reader.valid(), valid);
    let mut read = vec![f32::NAN];
    reader.read_features(0..n, &mut read).unwrap();
    assert_eq!(read, features);
    reader.read_logits(0..n, &mut read).unwrap();
    assert_eq!(read, logits);
}

#[test]
fn what_was_appended_is_read_back_in_any_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let mut reader = complete(&store(&folder), &key("a"), 19);
    assert_holds(&mut reader, 19);
    let (features, logits, _) = rows(0, 19);
    let mut read = Vec::new();
    for start in 0..=19 {
        for end in start..=19 {
            reader.read_features(start..end, &mut read).unwrap();
            assert_eq!(read, features[start * D..end * D]);
            reader.read_logits(start..end, &mut read).unwrap();
            assert_eq!(read, logits[start * Z..end * Z]);
        }
    }
    for bad in [0..20, 20..20, 0..usize::MAX] {
        assert_eq!(
            reader.read_features(bad, &mut read).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    }
}

#[test]
fn a_complete_entry_is_found_again_and_only_under_its_own_key_and_precision() {
    let folder = tempfile::tempdir().unwrap();
    drop(complete(&store(&folder), &key("a"), 9));
    let EntryState::Complete(mut reader) = store(&folder).wait_for(&key("a")).unwrap() else {
        panic!("not complete")
    };
    assert_holds(&mut reader, 9);
    assert!(matches!(
        store(&folder).wait_for(&key("b")).unwrap(),
        EntryState::Absent(_)
    ));
    let halves = StoreOptions::default().with_precision(CachePrecision::F16);
    let halves = Store::open(folder.path(), &halves).unwrap();
    assert!(matches!(halves.wait_for(&key("a")).unwrap(), EntryState::Absent(_)));
}

#[test]
fn an_entry_without_logits_and_with_all_rows_valid_is_the_plain_case() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = begin(&store(&folder), &key("a"));
    let block = Block {
        features: &[1.0, f32::NAN, f32::INFINITY, -0.0],
        ..Block::default()
    };
    writer.append(2, &block).unwrap();
    let mut reader = writer.finish().unwrap();
    assert_eq!(reader.n_logits(), None);
    assert_eq!(reader.valid(), [true, true]);
    let mut read = Vec::new();
    reader.read_features(0..2, &mut read).unwrap();
    let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&read), bits(block.features));
    reader.read_logits(0..2, &mut read).unwrap();
    assert!(read.is_empty());
}

#[test]
fn a_file_torn_anywhere_is_continued_after_its_last_whole_chunk() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let key = key("a");
    let mut writer = begin(&store, &key);
    let path = writer_path(&store, &key);
    let mut lengths = Vec::new();
    for _ in 0..3 {
        append(&mut writer, 4);
        lengths.push(path.metadata().unwrap().len());
    }
    drop(writer);
    let whole = fs::read(&path).unwrap();
    for length in 0..=whole.len() {
        // Cut off, and cut off with the rest zeroed, as a lost power supply may leave it.
        for zeroed in [0, 100] {
            let mut torn = whole[..length].to_vec();
            torn.resize(length + zeroed, 0);
            fs::write(&path, &torn).unwrap();
            let expected = 4 * lengths.iter().filter(|&&whole| whole <= length as u64).count();
            let mut writer = begin(&store, &key);
            assert_eq!(writer.rows_done(), expected, "cut at {length} of {}", whole.len());
            // Now and then, so that the test is quick.
            if length % 53 == 0 || length == whole.len() {
                append(&mut writer, 13 - expected);
                assert_holds(&mut writer.finish().unwrap(), 13);
                fs::remove_file(store.files(&key).complete).unwrap();
            }
        }
    }
}

fn writer_path(store: &Store, key: &Key) -> PathBuf {
    store.files(key).partial
}

#[test]
fn an_entry_killed_between_its_last_byte_and_its_name_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    drop(complete(&store, &key("a"), 6));
    let files = store.files(&key("a"));
    fs::rename(&files.complete, &files.partial).unwrap();
    let EntryState::Complete(mut reader) = store.wait_for(&key("a")).unwrap() else {
        panic!("not complete")
    };
    assert_holds(&mut reader, 6);
}

#[test]
fn a_flipped_bit_anywhere_in_a_complete_entry_makes_it_absent() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let key = key("a");
    drop(complete(&store, &key, 6));
    let path = store.files(&key).complete;
    let whole = fs::read(&path).unwrap();
    for position in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[position] ^= 1 << (position % 8);
        fs::write(&path, &damaged).unwrap();
        let state = store.wait_for(&key).unwrap();
        assert!(
            matches!(state, EntryState::Absent(_)),
            "bit of byte {position}: {state:?}"
        );
        assert!(!path.exists(), "the damaged file must be gone");
    }
    // Also too short, too long, and empty.
    for damaged in [&whole[..whole.len() - 1], &[&whole[..], &[0]].concat(), &[]] {
        fs::write(&path, damaged).unwrap();
        assert!(matches!(store.wait_for(&key).unwrap(), EntryState::Absent(_)));
    }
    assert_holds(&mut complete(&store, &key, 6), 6);
}

#[test]
fn the_file_of_another_key_does_not_pass() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    drop(complete(&store, &key("a"), 6));
    fs::rename(store.files(&key("a")).complete, store.files(&key("b")).complete).unwrap();
    assert!(matches!(store.wait_for(&key("b")).unwrap(), EntryState::Absent(_)));
}

#[test]
fn a_chunk_that_claims_more_than_its_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let key = key("a");
    let columns = format::Columns {
        d: usize::MAX / 2,
        z: 3,
    };
    for rows in [1, u64::MAX, 1 << 40] {
        let mut bytes = format::header(&key, columns);
        bytes.extend(b"rows");
        bytes.extend([0; 12]);
        bytes.extend(rows.to_le_bytes());
        bytes.extend([0; 64]);
        fs::write(store.files(&key).partial, &bytes).unwrap();
        assert!(matches!(store.wait_for(&key).unwrap(), EntryState::Absent(_)));
    }
}

#[test]
fn blocks_that_do_not_fit_are_refused_and_leave_the_entry_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = begin(&store(&folder), &key("a"));
    append(&mut writer, 3);
    let (features, logits, valid) = rows(3, 2);
    let good = Block {
        features: &features,
        logits: Some(&logits),
        valid: Some(&valid),
    };
    for (case, block) in [
        (
            "rows",
            Block {
                features: &features[1..],
                ..good
            },
        ),
        (
            "columns",
            Block {
                features: &features[2..],
                ..good
            },
        ),
        ("no features", Block { features: &[], ..good }),
        ("no logits", Block { logits: None, ..good }),
        (
            "logits",
            Block {
                logits: Some(&logits[1..]),
                ..good
            },
        ),
        (
            "validity",
            Block {
                valid: Some(&valid[1..]),
                ..good
            },
        ),
    ] {
        assert_eq!(
            writer.append(2, &block).unwrap_err().kind(),
            ErrorKind::InvalidInput,
            "{case}"
        );
    }
    writer.append(2, &good).unwrap();
    assert_holds(&mut writer.finish().unwrap(), 5);
    assert!(
        begin(&store(&folder), &key("b")).finish().is_err(),
        "an entry without rows"
    );
}

#[test]
fn half_precision_rounds_to_eleven_bits_and_keeps_what_it_cannot_hold() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions::default().with_precision(CachePrecision::F16);
    let store = Store::open(folder.path(), &options).unwrap();
    let mut writer = begin(&store, &key("a"));
    let fits: Vec<f32> = (1..=64)
        .map(|i| (i as f32).powi(2) * 0.1 - 100.0)
        .chain([0.0, f32::NAN, f32::INFINITY])
        .collect();
    let beyond: Vec<f32> = fits.iter().map(|x| x * 1e6).collect();
    for features in [&fits, &beyond] {
        writer
            .append(
                1,
                &Block {
                    features,
                    ..Block::default()
                },
            )
            .unwrap();
    }
    let mut reader = writer.finish().unwrap();
    let mut read = Vec::new();
    reader.read_features(0..1, &mut read).unwrap();
    for (read, exact) in read.iter().zip(&fits) {
        // Half a unit in the last of 11 bits.
        let close = (read - exact).abs() <= exact.abs() / 2048.0;
        assert!(
            close || read == exact || (read.is_nan() && exact.is_nan()),
            "{read} for {exact}"
        );
    }
    reader.read_features(1..2, &mut read).unwrap();
    assert_eq!(read[..65], beyond[..65], "values beyond ±65504 are exact");
    let full = self::store(&folder);
    let mut writer = begin(&full, &key("a"));
    writer
        .append(
            2,
            &Block {
                features: &[fits, beyond].concat(),
                ..Block::default()
            },
        )
        .unwrap();
    drop(writer.finish().unwrap());
    assert!(
        store.files(&key("a")).complete.metadata().unwrap().len()
            < full.files(&key("a")).complete.metadata().unwrap().len()
    );
}

#[test]
fn many_threads_on_one_key_compute_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let barrier = Barrier::new(8);
    let writers: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    let (mut reader, wrote) = match store.wait_for(&key("a")).unwrap() {
                        EntryState::Complete(reader) => (reader, 0),
                        EntryState::Absent(mut writer) => {
                            while writer.rows_done() < 24 {
                                append(&mut writer, 3);
                                thread::sleep(Duration::from_millis(1));
                            }
                            (writer.finish().unwrap(), 1)
                        }
                        other => panic!("{other:?}"),
                    };
                    assert_holds(&mut reader, 24);
                    wrote
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(writers, 1);
}

#[test]
fn writing_reading_and_evicting_at_once_never_shows_a_wrong_row() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions::default().with_max_bytes(3000);
    thread::scope(|scope| {
        for seed in 0..4usize {
            let store = Store::open(folder.path(), &options).unwrap();
            scope.spawn(move || {
                for turn in 0..100 {
                    let key = key(["a", "b", "c", "d", "e"][(seed * 7 + turn * 3) % 5]);
                    match store.entry(&key).unwrap() {
                        EntryState::Complete(mut reader) => assert_holds(&mut reader, 20),
                        EntryState::Absent(mut writer) | EntryState::Partial(mut writer) => {
                            let left = 20 - writer.rows_done();
                            append(&mut writer, if turn % 3 == 0 { left } else { 1 });
                            if writer.rows_done() == 20 {
                                assert_holds(&mut writer.finish().unwrap(), 20);
                            }
                        }
                        EntryState::Busy => {}
                    }
                    if turn % 10 == seed {
                        store.clear().unwrap();
                    }
                }
            });
        }
    });
}
