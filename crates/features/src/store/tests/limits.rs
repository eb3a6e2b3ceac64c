//! The size limit, clearing, and folders that cannot be written to.

use super::*;

#[test]
fn the_least_recently_used_entries_go_first_and_none_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let one = {
        let store = store(&folder);
        drop(complete(&store, &key("0"), 40));
        store.stats().unwrap().bytes
    };
    let small = Store::open(folder.path(), &StoreOptions::default().with_max_bytes(3 * one)).unwrap();
    let age = |name: &str, seconds| {
        let file = File::options()
            .write(true)
            .open(small.files(&key(name)).complete)
            .unwrap();
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(seconds))
            .unwrap();
    };
    drop(complete(&small, &key("1"), 40));
    drop(complete(&small, &key("2"), 40));
    for (name, seconds) in [("0", 300), ("1", 200), ("2", 100)] {
        age(name, seconds);
    }
    // 0 is the oldest, but in use, as is 1 after it was opened; so 2 goes.
    let EntryState::Complete(in_use) = small.wait_for(&key("0")).unwrap() else {
        panic!()
    };
    age("0", 300);
    assert!(matches!(small.wait_for(&key("1")).unwrap(), EntryState::Complete(_)));
    drop(complete(&small, &key("3"), 40));
    let found = |name: &str| small.files(&key(name)).complete.exists();
    assert_eq!(["0", "1", "2", "3"].map(found), [true, true, false, true]);
    drop(in_use);
    drop(complete(&small, &key("4"), 40));
    assert_eq!(["0", "1", "3", "4"].map(found), [false, true, true, true]);
    assert!(small.stats().unwrap().bytes <= 3 * one);
}

#[test]
fn an_entry_beyond_the_limit_is_an_error_and_the_rows_before_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let tiny = Store::open(folder.path(), &StoreOptions::default().with_max_bytes(400)).unwrap();
    let mut writer = begin(&tiny, &key("a"));
    append(&mut writer, 4);
    let (features, logits, _) = rows(4, 40);
    let block = Block {
        features: &features,
        logits: Some(&logits),
        valid: None,
    };
    let error = writer.append(40, &block).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("limit of 400 bytes"), "{error}");
    assert_eq!(writer.rows_done(), 4);
    assert_holds(&mut writer.finish().unwrap(), 4);
}

#[test]
fn clearing_deletes_everything_but_what_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let in_use = complete(&store, &key("a"), 6);
    drop(complete(&store, &key("b"), 6));
    let mut begun = begin(&store, &key("c"));
    append(&mut begun, 2);
    drop(begun);
    let before = store.stats().unwrap();
    assert_eq!((before.complete, before.partial), (2, 1));
    assert!(store.clear().unwrap() > 0);
    let after = store.stats().unwrap();
    assert_eq!((after.complete, after.partial), (1, 0));
    drop(in_use);
    store.clear().unwrap();
    assert_eq!(store.stats().unwrap(), StoreStats::default());
    let left: Vec<_> = fs::read_dir(&store.folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, [LOCK], "lock files go with their entries");
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

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    std::os::unix::fs::symlink("/dev/full", store.files(&key("a")).partial).unwrap();
    match store.wait_for(&key("a")) {
        // The length of a device cannot be set, so the entry may fail to begin at all.
        Err(error) => assert_eq!(error.kind(), ErrorKind::Io),
        Ok(EntryState::Absent(mut writer)) => {
            let (features, ..) = rows(0, 1);
            let block = Block {
                features: &features,
                ..Block::default()
            };
            let error = writer.append(1, &block).unwrap_err();
            assert!(error.to_string().contains("--cache"), "{error}");
        }
        Ok(other) => panic!("{other:?}"),
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_vanishes_while_an_entry_is_written_loses_the_entry_and_not_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let mut writer = begin(&store, &key("a"));
    append(&mut writer, 4);
    fs::remove_dir_all(folder.path()).unwrap();
    append(&mut writer, 3);
    let (expected, ..) = rows(0, 7);
    let mut found = Vec::new();
    let mut so_far = writer.so_far().unwrap();
    so_far.read_features(0..7, &mut found).unwrap();
    assert_eq!(found, expected);
    // The reader so far shares the position of the file with the writer.
    append(&mut writer, 2);
    let mut reader = writer.finish().unwrap();
    let (expected, ..) = rows(0, 9);
    reader.read_features(0..9, &mut found).unwrap();
    assert_eq!(found, expected);
    assert!(
        reader.not_kept().is_some_and(|reason| reason.contains("cannot")),
        "{:?}",
        reader.not_kept()
    );
}
