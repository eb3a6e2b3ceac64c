//! Data sets of a hub: what is downloaded, kept, resumed and refused.

#![cfg(feature = "remote")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod hub_server;

use std::fs;
use std::path::Path;

use hub_server::{Answer, COMMIT, HubServer, noise};
use ranktune_data::{LoadOptions, Split, load};
use ranktune_hub::remote::{Connection, DataRequest, DataSnapshot, DownloadEvent, Remote, RemoteOptions};
use ranktune_hub::{DatasetId, Error, ErrorKind};

const DATA: &str = "hf:datasets/acme/tiny";

const CARD: &str = "---\ndataset_info:\n  features:\n  - name: label\n    dtype:\n      class_label:\n        names:\n          '0': neg\n          '1': pos\n---\n";

/// Two training shards of 100 kB, and a test split.
fn reviews() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        (".gitattributes", b"*.parquet filter=lfs".to_vec()),
        ("README.md", CARD.as_bytes().to_vec()),
        ("data/train-00000-of-00002.parquet", noise(100_000)),
        ("data/train-00001-of-00002.parquet", noise(100_001)),
        ("data/test-00000-of-00001.parquet", noise(5_000)),
        ("script.py", b"print()".to_vec()),
    ]
}

fn fetch(remote: &Remote, id: &str, split: Option<Split>, also: &[Split]) -> Result<DataSnapshot, Error> {
    fetch_with_events(remote, id, split, also).0
}

fn fetch_with_events(
    remote: &Remote,
    id: &str,
    split: Option<Split>,
    also: &[Split],
) -> (Result<DataSnapshot, Error>, Vec<DownloadEvent>) {
    let request = DataRequest {
        split,
        also: also.to_vec(),
    };
    let mut events = Vec::new();
    let result = remote.fetch_data(&DatasetId::parse(id).unwrap(), &request, &mut |event| {
        events.push(event)
    });
    (result, events)
}

fn offline(server: &HubServer, cache: &Path) -> Remote {
    Remote::new(RemoteOptions {
        connection: Connection::Offline,
        ..server.options(cache)
    })
    .unwrap()
}

#[test]
fn the_files_of_a_split_are_downloaded_and_their_size_is_said_before() {
    let (server, cache) = (HubServer::of_data(reviews()), tempfile::tempdir().unwrap());
    let (snapshot, events) = fetch_with_events(&server.remote(cache.path()), DATA, None, &[]);
    let snapshot = snapshot.unwrap();
    assert_eq!(snapshot.id.to_string(), format!("{DATA}@{COMMIT}"));
    assert_eq!(
        snapshot.files,
        ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]
    );
    let kept = cache.path().join("datasets--acme--tiny");
    assert_eq!(snapshot.dir, kept.join("snapshots").join(COMMIT));
    assert_eq!(fs::read(snapshot.dir.join(&snapshot.files[1])).unwrap(), noise(100_001));
    assert!(!snapshot.dir.join("data/test-00000-of-00001.parquet").exists());
    assert!(!snapshot.dir.join("script.py").exists());
    let sizes: Vec<_> = events
        .iter()
        .enumerate()
        .filter_map(|(at, event)| match event {
            DownloadEvent::Resolved { files, bytes, .. } => Some((at, *files, *bytes)),
            _ => None,
        })
        .collect();
    assert_eq!((sizes[0].1, sizes[0].2), (1, Some(CARD.len() as u64)));
    assert_eq!((sizes[1].1, sizes[1].2), (2, Some(200_001)));
    let begun =
        |event: &DownloadEvent| matches!(event, DownloadEvent::Started { file, .. } if file.ends_with("parquet"));
    assert!(events.iter().position(begun).unwrap() > sizes[1].0);
}

#[test]
fn other_splits_come_with_it_only_if_they_are_asked_for() {
    let (server, cache) = (HubServer::of_data(reviews()), tempfile::tempdir().unwrap());
    let remote = server.remote(cache.path());
    let test = fetch(&remote, DATA, Some(Split::Test), &[]).unwrap();
    assert_eq!(test.files, ["data/test-00000-of-00001.parquet"]);
    let both = fetch(&remote, DATA, None, &[Split::Test, Split::Validation]).unwrap();
    assert_eq!(both.files.len(), 3);
    let error = fetch(&remote, DATA, Some(Split::Validation), &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("the repository has train, test"), "{error}");
}

#[test]
fn a_branch_is_looked_up_again_and_a_commit_or_the_cache_alone_are_not() {
    let (server, cache) = (HubServer::of_data(reviews()), tempfile::tempdir().unwrap());
    let remote = server.remote(cache.path());
    let first = fetch(&remote, DATA, None, &[]).unwrap();
    server.forget_requests();
    assert_eq!(fetch(&remote, DATA, None, &[]).unwrap(), first);
    assert_eq!(server.requests().len(), 1);
    server.forget_requests();
    // Another process, which has not seen the listing.
    let other = server.remote(cache.path());
    assert_eq!(fetch(&other, &format!("{DATA}@{COMMIT}"), None, &[]).unwrap(), first);
    let offline = offline(&server, cache.path());
    assert_eq!(fetch(&offline, DATA, None, &[]).unwrap(), first);
    assert_eq!(server.requests().len(), 0);
    // What was not downloaded is known to be missing, instead of a smaller data set.
    let error = fetch(&offline, DATA, Some(Split::Test), &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Offline);
    assert!(
        error.to_string().contains("1 file is missing") && error.to_string().contains("test-00000"),
        "{error}"
    );
    fs::remove_file(first.dir.join(&first.files[1])).unwrap();
    assert_eq!(fetch(&offline, DATA, None, &[]).unwrap_err().kind(), ErrorKind::Offline);
    let empty = tempfile::tempdir().unwrap();
    let error = fetch(&self::offline(&server, empty.path()), DATA, None, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Offline);
    // A hub that is away leaves what is complete.
    let (server, cache) = (HubServer::of_data(reviews()), tempfile::tempdir().unwrap());
    let first = fetch(&server.remote(cache.path()), DATA, None, &[]).unwrap();
    server.falsify(|_, _, _| Answer::new(503, &[], ""));
    let (again, events) = fetch_with_events(&server.remote(cache.path()), DATA, None, &[]);
    assert_eq!(again.unwrap(), first);
    assert!(
        matches!(events.as_slice(), [.., DownloadEvent::Cached { .. }]),
        "{events:?}"
    );
}

#[test]
fn a_broken_connection_is_resumed_where_it_broke() {
    let (server, cache) = (HubServer::of_data(reviews()), tempfile::tempdir().unwrap());
    server.falsify(|request, times, mut answer| {
        if request.path.ends_with("train-00001-of-00002.parquet") && times == 0 {
            let length = answer.body.len();
            answer.set("Content-Length", &length.to_string());
            answer.cut_after = Some(70_000);
        }
        answer
    });
    let snapshot = fetch(&server.remote(cache.path()), DATA, None, &[]).unwrap();
    assert_eq!(fs::read(snapshot.dir.join(&snapshot.files[1])).unwrap(), noise(100_001));
    let asked = server.requests_of("train-00001-of-00002.parquet");
    assert_eq!(asked[1].header("range"), Some("bytes=70000-"));
}

#[test]
fn what_a_hub_falsifies_is_refused_and_not_kept() {
    type Falsify = fn(Answer) -> Answer;
    let faults: [(&str, &str, Falsify); 5] = [
        ("/data/train-00000-of-00002.parquet", "wrong checksum", |mut answer| {
            answer.body.iter_mut().for_each(|byte| *byte ^= 1);
            answer
        }),
        ("/data/train-00000-of-00002.parquet", "more than", |mut answer| {
            answer.body.extend([0; 5000]);
            answer.set("Transfer-Encoding", "identity");
            answer
        }),
        ("/README.md", "wrong checksum", |mut answer| {
            answer.body = CARD.replace("pos", "neu").into_bytes();
            answer
        }),
        ("/README.md", "redirect to another host", |_| {
            Answer::new(302, &[("Location", "http://evil.example/README.md")], "")
        }),
        ("?blobs=true", "leads out of the repository", |mut answer| {
            let text = String::from_utf8(answer.body).unwrap();
            answer.body = text.replace("data/test-00000", "../../test-00000").into_bytes();
            answer
        }),
    ];
    for (end, says, fault) in faults {
        let (server, cache) = (HubServer::of_data(reviews()), tempfile::tempdir().unwrap());
        server.falsify(move |request, _, answer| {
            if request.path.ends_with(end) {
                fault(answer)
            } else {
                answer
            }
        });
        let error = fetch(&server.remote(cache.path()), DATA, None, &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Untrusted, "{end} {says}: {error}");
        assert!(error.to_string().contains(says), "{end} {says}: {error}");
        let snapshot = cache.path().join("datasets--acme--tiny/snapshots").join(COMMIT);
        assert!(!snapshot.join(end.trim_start_matches('/')).exists(), "{end}");
        // A data set that failed is in no offline cache.
        assert!(
            fetch(&offline(&server, cache.path()), DATA, None, &[]).is_err(),
            "{end}"
        );
    }
}

#[test]
fn a_hostile_card_and_a_kept_listing_that_was_changed_do_no_harm() {
    let bomb = "---\nconfigs:\n- &a {config_name: x, data_files: y}\n- *a\n---\n";
    let files = |card: &str| {
        vec![
            ("README.md", card.as_bytes().to_vec()),
            ("train.csv", b"text,label\na,0\n".to_vec()),
        ]
    };
    let (server, cache) = (HubServer::of_data(files(bomb)), tempfile::tempdir().unwrap());
    let snapshot = fetch(&server.remote(cache.path()), DATA, None, &[]).unwrap();
    assert_eq!(snapshot.files, ["train.csv"]);
    let out = "---\nconfigs:\n- {config_name: default, data_files: ['../../../../etc/*', /etc/passwd]}\n---\n";
    let (server, cache) = (HubServer::of_data(files(out)), tempfile::tempdir().unwrap());
    let error = fetch(&server.remote(cache.path()), DATA, None, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let (server, cache) = (HubServer::of_data(reviews()), tempfile::tempdir().unwrap());
    fetch(&server.remote(cache.path()), DATA, None, &[]).unwrap();
    let kept = cache
        .path()
        .join(format!("datasets--acme--tiny/.listings/{COMMIT}.json"));
    let text = fs::read_to_string(&kept).unwrap();
    fs::write(&kept, text.replace("data/train-00000", "../../../train-00000")).unwrap();
    let snapshot = fetch(&server.remote(cache.path()), &format!("{DATA}@{COMMIT}"), None, &[]).unwrap();
    assert_eq!(snapshot.files.len(), 2);
}

#[test]
fn configurations_and_what_is_not_read_are_errors_with_the_way_out() {
    let fetch_of = |files: Vec<(&str, Vec<u8>)>, id: &str| {
        let (server, cache) = (HubServer::of_data(files), tempfile::tempdir().unwrap());
        fetch(&server.remote(cache.path()), id, None, &[]).map(|snapshot| (snapshot.files, snapshot.id))
    };
    let glue = || {
        vec![
            ("cola/train/0000.parquet", noise(9)),
            ("sst2/train/0000.parquet", noise(9)),
        ]
    };
    let error = fetch_of(glue(), DATA).unwrap_err().to_string();
    assert!(error.contains("2 configurations: \"cola\", \"sst2\""), "{error}");
    let (files, id) = fetch_of(glue(), &format!("{DATA}@refs/pr/1/sst2")).unwrap();
    assert_eq!(files, ["sst2/train/0000.parquet"]);
    assert_eq!(id.to_string(), format!("{DATA}@{COMMIT}/sst2"));
    let script = vec![("tiny.py", b"x".to_vec()), ("README.md", b"# x".to_vec())];
    let error = fetch_of(script, DATA).unwrap_err().to_string();
    assert!(
        error.contains("hf:datasets/acme/tiny: ") && error.contains("refs/convert/parquet"),
        "{error}"
    );
    // A model's repository of the same name is no data set.
    let server = HubServer::tiny();
    let cache = tempfile::tempdir().unwrap();
    let error = fetch(&server.remote(cache.path()), DATA, None, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn what_was_downloaded_is_read_with_the_names_of_its_card() {
    let files = vec![
        ("README.md", CARD.as_bytes().to_vec()),
        ("train.csv", b"text,label\ngood,1\nbad,0\nfine,1\n".to_vec()),
        ("test.csv", b"text,label\nawful,0\nnice,1\n".to_vec()),
    ];
    let (server, cache) = (HubServer::of_data(files), tempfile::tempdir().unwrap());
    let snapshot = fetch(&server.remote(cache.path()), DATA, None, &[]).unwrap();
    let options = LoadOptions {
        name: Some(snapshot.id.to_string()),
        ..LoadOptions::default()
    };
    let dataset = load(&snapshot.dir, &options).unwrap();
    assert_eq!(dataset.targets.names(), ["neg", "pos"]);
    assert_eq!((dataset.n_samples(), dataset.targets.labels_of(0)), (3, &[1][..]));
    assert_eq!(dataset.path, Path::new(&format!("{DATA}@{COMMIT}")));
}
