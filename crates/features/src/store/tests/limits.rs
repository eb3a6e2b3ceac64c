//! The size limit, clearing, and folders that cannot be written to.

use std::fs::File;
use std::time::{Duration, SystemTime};

use super::*;

#[test]
fn the_least_recently_used_segments_go_first_and_none_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let one = {
        let store = store(&folder);
        drop(complete(&store, "0", 40));
        store.stats().unwrap().bytes
    };
    let small = Store::open(folder.path(), &StoreOptions::default().with_max_bytes(3 * one)).unwrap();
    let age = |name: &str, seconds| {
        let file = File::options().write(true).open(&segments(&small, name)[0]).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds))
            .unwrap();
    };
    drop(complete(&small, "1", 40));
    drop(complete(&small, "2", 40));
    for (name, seconds) in [("0", 300), ("1", 200), ("2", 100)] {
        age(name, seconds);
    }
    // 0 is the oldest, but in use, as is 1 after it was opened; so 2 goes.
    let in_use = open(&small, "0", 0..40);
    age("0", 300);
    assert_eq!(open(&small, "1", 0..40).missing(0..40), [0_usize; 0]);
    drop(complete(&small, "3", 40));
    let found = |name: &str| !segments(&small, name).is_empty();
    assert_eq!(["0", "1", "2", "3"].map(found), [true, true, false, true]);
    drop(in_use);
    drop(complete(&small, "4", 40));
    assert_eq!(["0", "1", "3", "4"].map(found), [false, true, true, true]);
    assert!(small.stats().unwrap().bytes <= 3 * one);
}

#[test]
fn rows_beyond_the_limit_stay_in_memory_and_the_reason_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let tiny = Store::open(folder.path(), &StoreOptions::default().with_max_bytes(700)).unwrap();
    let (rows, _) = complete(&tiny, "a", 4);
    assert_eq!(rows.not_kept(), None);
    let all: Vec<usize> = (0..40).collect();
    drop(rows);
    let (mut rows, computed) = complete(&tiny, "a", 40);
    assert_eq!(computed, 36);
    assert!(
        rows.not_kept()
            .is_some_and(|reason| reason.contains("limit of 700 bytes")),
        "{:?}",
        rows.not_kept()
    );
    assert_holds(&mut rows, &all);
    drop(rows);
    let rows = open(&tiny, "a", 0..40);
    assert_eq!(rows.missing(0..40).len(), 36, "what was there before is kept");
}

#[test]
fn clearing_deletes_everything_but_what_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let (in_use, _) = complete(&store, "a", 6);
    drop(complete(&store, "b", 6));
    let before = store.stats().unwrap();
    assert_eq!((before.entries, before.segments), (2, 2));
    assert!(store.clear().unwrap() > 0);
    assert_eq!(store.stats().unwrap().segments, 1);
    drop(in_use);
    assert!(store.clear().unwrap() > 0);
    assert_eq!(store.stats().unwrap(), StoreStats::default());
    assert_eq!(
        fs::read_dir(&store.folder).unwrap().count(),
        0,
        "folders go with their segments"
    );
}

#[test]
fn temporary_files_of_killed_processes_go_once_they_are_old() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    drop(complete(&store, "a", 6));
    let leave = |name: &str, age| {
        let path = store.entry(&key("a")).join(name);
        fs::write(&path, "part of a segment").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        path
    };
    let (old, young) = (leave(".old.rows.1.1.tmp", 7200), leave(".young.rows.1.1.tmp", 60));
    assert_eq!(store.stats().unwrap().segments, 1);
    assert_eq!((old.exists(), young.exists()), (false, true));
}

#[test]
fn the_store_of_an_earlier_version_is_named_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("features-1")).unwrap();
    assert_eq!(store(&folder).superseded(), Some(&*folder.path().join("features-1")));
    assert_eq!(store(&folder).superseded(), None);
    assert_eq!(store(&tempfile::tempdir().unwrap()).superseded(), None);
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_that_says_what_to_try() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Store::open(&file.join("below"), &StoreOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("--cache"), "{error}");
}

#[test]
fn an_entry_that_cannot_be_written_costs_the_cache_and_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    // A file where the folder of the entry would be.
    fs::write(store.entry(&key("a")), "").unwrap();
    let opened = store.rows(&key("a"), &wanted(0..6), None);
    assert_eq!(opened.unwrap_err().kind(), ErrorKind::Io);
    fs::remove_file(store.entry(&key("a"))).unwrap();
    let mut rows = open(&store, "a", 0..6);
    fs::write(store.entry(&key("a")), "").unwrap();
    append(&mut rows, &[0, 1, 2], &[0, 1, 2]);
    rows.flush();
    assert!(
        rows.not_kept().is_some_and(|reason| reason.contains("cannot write")),
        "{:?}",
        rows.not_kept()
    );
    append(&mut rows, &[3, 4, 5], &[3, 4, 5]);
    rows.finish();
    assert_holds(&mut rows, &[0, 1, 2, 3, 4, 5]);
}

#[cfg(unix)]
#[test]
fn a_folder_that_vanishes_is_made_again_and_no_row_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let mut rows = open(&store, "a", 0..6);
    append(&mut rows, &[0, 1, 2], &[0, 1, 2]);
    rows.flush();
    fs::remove_dir_all(folder.path()).unwrap();
    append(&mut rows, &[3, 4, 5], &[3, 4, 5]);
    rows.finish();
    assert_holds(&mut rows, &[0, 1, 2, 3, 4, 5]);
    drop(rows);
    // The two segments were joined, in the new folder.
    assert_eq!(open(&store, "a", 0..6).missing(0..6), [0_usize; 0]);
}
