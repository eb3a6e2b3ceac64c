use std::fs;

use ranktune_core::Digest;
use tempfile::TempDir;

use super::*;

mod damage;
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
    })
}

fn store(folder: &TempDir) -> Store {
    Store::open(folder.path(), &StoreOptions::default()).unwrap()
}

/// The samples with these numbers.
fn wanted(samples: impl IntoIterator<Item = usize>) -> Arc<Wanted> {
    let digests: Vec<Digest> = samples
        .into_iter()
        .map(|sample| Digest::of(&sample.to_le_bytes()))
        .collect();
    Arc::new(Wanted::new(&digests))
}

fn open(store: &Store, name: &str, samples: impl IntoIterator<Item = usize>) -> Rows {
    store.rows(&key(name), &wanted(samples), None).unwrap()
}

/// Features, logits and validity of a sample: each number tells where it belongs.
fn row(sample: usize) -> ([f32; D], [f32; Z], bool) {
    let number = |scale: f32, at: usize| ((sample * 10 + at) as f32 * scale).sin();
    (
        std::array::from_fn(|at| number(0.37, at)),
        std::array::from_fn(|at| number(-1.1, at)),
        sample % 7 != 3,
    )
}

/// Appends the rows of the samples with these numbers at `positions`.
fn append(rows: &mut Rows, positions: &[usize], samples: &[usize]) {
    let of: Vec<_> = samples.iter().map(|&sample| row(sample)).collect();
    let features: Vec<f32> = of.iter().flat_map(|row| row.0).collect();
    let logits: Vec<f32> = of.iter().flat_map(|row| row.1).collect();
    let valid: Vec<bool> = of.iter().map(|row| row.2).collect();
    let block = Block {
        features: &features,
        logits: Some(&logits),
        valid: Some(&valid),
    };
    rows.append(positions, &block, "rten").unwrap();
}

/// Opens an entry for the samples `0..n`, computes what is missing, and returns how many that were.
fn complete(store: &Store, name: &str, n: usize) -> (Rows, usize) {
    let mut rows = open(store, name, 0..n);
    let missing = rows.missing(0..n);
    for part in missing.chunks(4) {
        append(&mut rows, part, part);
    }
    rows.finish();
    (rows, missing.len())
}

fn assert_holds(rows: &mut Rows, samples: &[usize]) {
    let n = samples.len();
    assert_eq!((rows.n_samples(), rows.leading()), (n, n));
    assert_eq!((rows.n_features(), rows.n_logits()), (D, Some(Z)));
    let mut read = vec![f32::NAN];
    rows.read_features(0..n, &mut read).unwrap();
    let features: Vec<f32> = samples.iter().flat_map(|&sample| row(sample).0).collect();
    assert_eq!(read, features);
    rows.read_logits(0..n, &mut read).unwrap();
    let logits: Vec<f32> = samples.iter().flat_map(|&sample| row(sample).1).collect();
    assert_eq!(read, logits);
    let valid: Vec<bool> = samples.iter().map(|&sample| row(sample).2).collect();
    assert_eq!(rows.valid(), valid);
}

/// The segments of an entry.
fn segments(store: &Store, name: &str) -> Vec<PathBuf> {
    let listed = fs::read_dir(store.entry(&key(name))).map(|listed| listed.map(|file| file.unwrap().path()).collect());
    let mut paths: Vec<PathBuf> = listed.unwrap_or_default();
    paths.sort();
    paths
}

#[test]
fn another_split_order_or_subset_finds_the_rows_of_its_samples() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(complete(&store(&folder), "a", 20).1, 20);
    for samples in [
        (0..20).collect::<Vec<_>>(),
        (5..12).collect(),
        vec![19, 3, 7, 0],
        (0..20).rev().collect(),
    ] {
        let mut rows = open(&store(&folder), "a", samples.clone());
        assert_eq!(rows.missing(0..samples.len()), [0_usize; 0]);
        assert_holds(&mut rows, &samples);
    }
}

#[test]
fn only_new_samples_are_missing_wherever_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    drop(complete(&store, "a", 6));
    let samples = [100, 0, 1, 2, 101, 102, 3, 4, 5, 103];
    let mut rows = open(&store, "a", samples);
    assert_eq!((rows.leading(), rows.missing(0..10)), (0, vec![0, 4, 5, 9]));
    assert_eq!(rows.missing(1..5), [4]);
    append(&mut rows, &[0, 4], &[100, 101]);
    assert_eq!((rows.leading(), rows.missing(0..10)), (5, vec![5, 9]));
    append(&mut rows, &[5, 9], &[102, 103]);
    assert_holds(&mut rows, &samples);
    drop(rows);
    assert_holds(&mut open(&store, "a", samples), &samples);
}

#[test]
fn equal_samples_are_computed_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let samples = [3, 1, 3, 2, 1, 3];
    let mut rows = open(&store, "a", samples);
    assert_eq!(rows.missing(0..6), [0, 1, 3]);
    assert_eq!(rows.missing(2..6), [2, 3, 4], "the first of them may be elsewhere");
    append(&mut rows, &[0, 1], &[3, 1]);
    assert_eq!((rows.leading(), rows.missing(0..6)), (3, vec![3]));
    append(&mut rows, &[3], &[2]);
    assert_holds(&mut rows, &samples);
}

#[test]
fn rows_belong_to_their_key_and_precision() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    drop(complete(&store, "a", 3));
    assert_eq!(open(&store, "b", 0..3).missing(0..3).len(), 3);
    let halves = StoreOptions::default().with_precision(CachePrecision::F16);
    let halves = Store::open(folder.path(), &halves).unwrap();
    assert_eq!(open(&halves, "a", 0..3).missing(0..3).len(), 3);
}

#[test]
fn an_engine_that_is_asked_for_by_name_takes_its_own_rows_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    drop(complete(&store, "a", 3));
    let of = |engine| store.rows(&key("a"), &wanted(0..3), engine).unwrap();
    assert_eq!(of(None).missing(0..3), [0_usize; 0]);
    assert_eq!(of(Some("rten")).missing(0..3), [0_usize; 0]);
    let mut other = of(Some("burn"));
    assert_eq!(other.missing(0..3).len(), 3);
    let block = Block {
        features: &[0.5; 3 * D],
        logits: Some(&[0.5; 3 * Z]),
        valid: None,
    };
    other.append(&[0, 1, 2], &block, "burn").unwrap();
    drop(other);
    let mut read = Vec::new();
    of(Some("burn")).read_features(0..3, &mut read).unwrap();
    assert_eq!(read, [0.5; 3 * D]);
    assert_holds(&mut of(Some("rten")), &[0, 1, 2]);
}

#[test]
fn rows_of_another_process_are_seen_by_the_next_look() {
    let folder = tempfile::tempdir().unwrap();
    let mut waiting = open(&store(&folder), "a", 0..8);
    drop(complete(&store(&folder), "a", 8));
    assert_eq!(waiting.missing(0..8).len(), 8);
    waiting.refresh().unwrap();
    assert_eq!(waiting.missing(0..8), [0_usize; 0]);
    assert_holds(&mut waiting, &(0..8).collect::<Vec<_>>());
}

#[test]
fn small_segments_are_joined_at_the_end_and_other_processes_find_the_rows_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let mut rows = open(&store, "a", 0..9);
    for part in [[0, 1, 2], [3, 4, 5], [6, 7, 8]] {
        append(&mut rows, &part, &part);
        rows.flush();
    }
    assert_eq!(segments(&store, "a").len(), 3);
    let mut other = open(&self::store(&folder), "a", 0..9);
    rows.finish();
    assert_eq!(segments(&store, "a").len(), 1);
    let all: Vec<usize> = (0..9).collect();
    assert_holds(&mut rows, &all);
    assert_holds(&mut other, &all);
    drop((rows, other));
    assert_holds(&mut open(&store, "a", 0..9), &all);
}

#[test]
fn an_entry_without_logits_and_with_all_rows_valid_is_the_plain_case() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = open(&store(&folder), "a", 0..2);
    let block = Block {
        features: &[1.0, f32::NAN, f32::INFINITY, -0.0],
        ..Block::default()
    };
    rows.append(&[0, 1], &block, "rten").unwrap();
    drop(rows);
    let mut rows = open(&store(&folder), "a", 0..2);
    assert_eq!(rows.n_logits(), None);
    assert_eq!(rows.valid(), [true, true]);
    let mut read = Vec::new();
    rows.read_features(0..2, &mut read).unwrap();
    let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&read), bits(block.features));
    rows.read_logits(0..2, &mut read).unwrap();
    assert!(read.is_empty());
}

#[test]
fn blocks_that_do_not_fit_are_refused_and_leave_the_entry_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = open(&store(&folder), "a", 0..5);
    append(&mut rows, &[0, 1, 2], &[0, 1, 2]);
    let (features, logits, valid) = ([1.0; 2 * D], [1.0; 2 * Z], [true; 2]);
    let good = Block {
        features: &features,
        logits: Some(&logits),
        valid: Some(&valid),
    };
    let features = |features| Block { features, ..good };
    let others = [
        ("rows", features(features_of(2 * D - 1))),
        ("columns", features(features_of(2 * D - 2))),
        ("no features", features(&[])),
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
    ];
    for (case, block) in others {
        let error = rows.append(&[3, 4], &block, "rten").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{case}");
    }
    assert!(
        rows.append(&[4, 5], &good, "rten").is_err(),
        "a sample that does not exist"
    );
    append(&mut rows, &[3, 4], &[3, 4]);
    assert_holds(&mut rows, &[0, 1, 2, 3, 4]);
}

/// Leaked: a test may.
fn features_of(count: usize) -> &'static [f32] {
    vec![1.0; count].leak()
}

#[test]
fn rows_that_are_missing_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = open(&store(&folder), "a", 0..5);
    append(&mut rows, &[0, 1, 4], &[0, 1, 4]);
    let mut read = Vec::new();
    for bad in [1..3, 0..6, 6..6, 0..usize::MAX] {
        let error = rows.read_features(bad, &mut read).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("3 rows"), "{error}");
    }
}

#[test]
fn half_precision_rounds_to_eleven_bits_and_keeps_what_it_cannot_hold() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions::default().with_precision(CachePrecision::F16);
    let store = Store::open(folder.path(), &options).unwrap();
    let fits: Vec<f32> = (1..=64)
        .map(|i| (i as f32).powi(2) * 0.1 - 100.0)
        .chain([0.0, f32::NAN, f32::INFINITY])
        .collect();
    let beyond: Vec<f32> = fits.iter().map(|x| x * 1e6).collect();
    let mut rows = open(&store, "a", 0..2);
    for (position, features) in [&fits, &beyond].into_iter().enumerate() {
        let block = Block {
            features,
            ..Block::default()
        };
        rows.append(&[position], &block, "rten").unwrap();
        rows.flush();
    }
    let mut read = Vec::new();
    rows.read_features(0..1, &mut read).unwrap();
    for (read, exact) in read.iter().zip(&fits) {
        // Half a unit in the last of 11 bits.
        let close = (read - exact).abs() <= exact.abs() / 2048.0;
        assert!(
            close || read == exact || (read.is_nan() && exact.is_nan()),
            "{read} for {exact}"
        );
    }
    rows.read_features(1..2, &mut read).unwrap();
    assert_eq!(read[..65], beyond[..65], "values beyond ±65504 are exact");
    let sizes: Vec<u64> = segments(&store, "a")
        .iter()
        .map(|path| path.metadata().unwrap().len())
        .collect();
    assert!(sizes[0] < sizes[1], "{sizes:?}");
}

#[test]
fn writing_reading_and_evicting_at_once_never_shows_a_wrong_row() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions::default().with_max_bytes(6000);
    std::thread::scope(|scope| {
        for seed in 0..4usize {
            let store = Store::open(folder.path(), &options).unwrap();
            scope.spawn(move || {
                for turn in 0..100 {
                    let name = ["a", "b", "c", "d", "e"][(seed * 7 + turn * 3) % 5];
                    let mut rows = open(&store, name, 0..20);
                    let missing = rows.missing(0..20);
                    for part in missing.chunks(if turn % 3 == 0 { 20 } else { 3 }) {
                        append(&mut rows, part, part);
                        rows.flush();
                    }
                    rows.finish();
                    let mut read = Vec::new();
                    // Another thread may have deleted what was found, which is an error and never a wrong row.
                    if rows.read_features(0..20, &mut read).is_ok() {
                        assert_holds_features(&read);
                    }
                    if turn % 10 == seed {
                        // Segments come and go while they are listed.
                        let _ = store.clear();
                    }
                }
            });
        }
    });
}

fn assert_holds_features(read: &[f32]) {
    let features: Vec<f32> = (0..20).flat_map(|sample| row(sample).0).collect();
    assert_eq!(read, features);
}
