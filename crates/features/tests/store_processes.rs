//! The store between processes: one is killed while it writes, another waits and continues.
//!
//! Alone in its binary: a process that is being started holds copies of its parent's locks for a moment.
#![expect(clippy::unwrap_used, reason = "this is a test; what fails should fail loudly")]

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ranktune_features::store::{Block, EntryState, Key, KeyParts, Store, StoreOptions, Writer};

const D: usize = 3;
const CHILD: &str = "RANKTUNE_STORE_TEST_FOLDER";

fn key() -> Key {
    Key::of(&KeyParts {
        model: b"model",
        preprocessing: b"",
        feature_tensor: "features",
        pooling: "",
        data: b"data",
    })
}

/// Feature `i` of the entry, rows side by side.
fn number(i: usize) -> f32 {
    (i as f32 * 0.37).sin()
}

fn append(writer: &mut Writer) {
    let row = writer.rows_done();
    let features: Vec<f32> = (row * D..(row + 1) * D).map(number).collect();
    let block = Block {
        features: &features,
        ..Block::default()
    };
    writer.append(1, &block).unwrap();
}

fn open(folder: &Path) -> Store {
    Store::open(folder, &StoreOptions::default()).unwrap()
}

/// The child process of the next test, which kills it; does nothing on its own.
#[test]
fn a_child_writes_until_it_is_killed() {
    let Some(folder) = env::var_os(CHILD) else { return };
    match open(Path::new(&folder)).wait_for(&key()).unwrap() {
        EntryState::Absent(mut writer) | EntryState::Partial(mut writer) => loop {
            append(&mut writer);
        },
        other => panic!("{other:?}"),
    }
}

fn start_child(folder: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_child_writes_until_it_is_killed"])
        .env(CHILD, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Bytes of everything in the store, read off the folder so that no lock is touched.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder.join("features-1")).unwrap();
    entries
        .map(|entry| entry.unwrap().metadata().map_or(0, |metadata| metadata.len()))
        .sum()
}

#[test]
fn a_killed_process_leaves_no_lock_and_a_prefix_that_is_continued() {
    if env::var_os(CHILD).is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut done = 0;
    for _ in 0..4 {
        let before = size(folder.path());
        let mut child = start_child(folder.path());
        let started = Instant::now();
        while size(folder.path()) < before + 20_000 {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "the other process does not write"
            );
            thread::sleep(Duration::from_millis(1));
        }
        assert!(matches!(store.entry(&key()).unwrap(), EntryState::Busy));
        // The killer strikes while this process waits for the entry.
        let killer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            child.kill().unwrap();
            child.wait().unwrap();
        });
        match store.wait_for(&key()).unwrap() {
            EntryState::Partial(writer) => {
                assert!(writer.rows_done() > done, "{} rows after {done}", writer.rows_done());
                done = writer.rows_done();
            }
            other => panic!("{other:?}"),
        }
        killer.join().unwrap();
    }
    let EntryState::Partial(mut writer) = store.entry(&key()).unwrap() else {
        panic!("not partial")
    };
    append(&mut writer);
    let mut reader = writer.finish().unwrap();
    assert_eq!(reader.n_rows(), done + 1);
    let mut features = Vec::new();
    reader.read_features(0..reader.n_rows(), &mut features).unwrap();
    assert!(features.iter().enumerate().all(|(i, &x)| x == number(i)));
}
