//! The store between processes: some are killed while they write, and others go on beside them.
#![expect(clippy::unwrap_used, reason = "this is a test; what fails should fail loudly")]

use std::env;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ranktune_core::Digest;
use ranktune_features::store::{Block, Key, KeyParts, Rows, Store, StoreOptions, Wanted};

const D: usize = 3;
const SAMPLES: usize = 4000;
const CHILD: &str = "RANKTUNE_STORE_TEST_FOLDER";

fn key() -> Key {
    Key::of(&KeyParts {
        model: b"model",
        preprocessing: b"",
        feature_tensor: "features",
        pooling: "",
    })
}

fn number(sample: usize, column: usize) -> f32 {
    ((sample * D + column) as f32 * 0.37).sin()
}

fn open(folder: &Path) -> Rows {
    let digests: Vec<Digest> = (0..SAMPLES).map(|sample| Digest::of(&sample.to_le_bytes())).collect();
    let store = Store::open(folder, &StoreOptions::default()).unwrap();
    store.rows(&key(), &Arc::new(Wanted::new(&digests)), None).unwrap()
}

/// Computes what is missing in parts, each in a segment of its own, until `limit` rows are computed.
fn compute(rows: &mut Rows, limit: usize) -> usize {
    let mut computed = 0;
    for start in (0..SAMPLES).step_by(20) {
        rows.refresh().unwrap();
        let missing = rows.missing(start..start + 20);
        let features: Vec<f32> = missing
            .iter()
            .flat_map(|&sample| (0..D).map(move |column| number(sample, column)))
            .collect();
        let block = Block {
            features: &features,
            ..Block::default()
        };
        rows.append(&missing, &block, "rten").unwrap();
        rows.flush();
        computed += missing.len();
        if computed >= limit {
            break;
        }
    }
    computed
}

fn assert_right(rows: &mut Rows) {
    let mut read = Vec::new();
    rows.read_features(0..SAMPLES, &mut read).unwrap();
    let right = (0..SAMPLES).flat_map(|sample| (0..D).map(move |column| number(sample, column)));
    assert!(read.into_iter().eq(right));
}

/// The child process of the next tests, which kill it; does nothing on its own.
#[test]
fn a_child_writes_until_it_is_killed_or_done() {
    let Some(folder) = env::var_os(CHILD) else { return };
    let mut rows = open(Path::new(&folder));
    compute(&mut rows, SAMPLES);
    rows.finish();
}

fn start_child(folder: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_child_writes_until_it_is_killed_or_done"])
        .env(CHILD, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_killed_process_leaves_whole_rows_and_nothing_that_stops_the_next() {
    if env::var_os(CHILD).is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let missing = |rows: &Rows| rows.missing(0..SAMPLES).len();
    let mut before = SAMPLES;
    for _ in 0..4 {
        let mut child = start_child(folder.path());
        let started = Instant::now();
        // Any moment, also in the middle of a segment.
        while missing(&open(folder.path())) + 200 > before {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "the other process does not write"
            );
            thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        before = missing(&open(folder.path()));
        assert!(before > 0, "it was killed before it was done");
    }
    let mut rows = open(folder.path());
    assert_eq!(compute(&mut rows, SAMPLES), before);
    assert_right(&mut rows);
}

#[test]
fn four_processes_at_once_end_with_the_same_rows_and_share_the_work() {
    if env::var_os(CHILD).is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let children: Vec<Child> = (0..4).map(|_| start_child(folder.path())).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let mut rows = open(folder.path());
    assert_eq!(rows.missing(0..SAMPLES), [0_usize; 0]);
    assert_right(&mut rows);
}
