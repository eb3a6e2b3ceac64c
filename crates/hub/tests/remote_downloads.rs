//! Downloads from an honest hub, and from one whose connections are bad.

#![cfg(feature = "remote")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod hub_server;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use hub_server::{Answer, COMMIT, HubServer, NAME, noise, sha256, tiny_model, whole_or_part};
use ranktune_hub::remote::{Connection, DownloadEvent, Remote, RemoteOptions};
use ranktune_hub::{Error, ErrorKind, FileChoice, RepoId, Snapshot, WeightPrecision};

fn id(text: &str) -> RepoId {
    RepoId::parse(text).unwrap()
}

fn fetch(remote: &Remote, id: &str) -> Result<Snapshot, Error> {
    remote.fetch(&self::id(id), &FileChoice::default(), &mut |_| {})
}

fn fetch_with_events(remote: &Remote, id: &str) -> (Result<Snapshot, Error>, Vec<DownloadEvent>) {
    let mut events = Vec::new();
    let result = remote.fetch(&self::id(id), &FileChoice::default(), &mut |event| events.push(event));
    (result, events)
}

/// The downloaded files have the bytes that the server has, and nothing is left half done.
fn check(snapshot: &Snapshot, cache: &Path) {
    for (name, bytes) in tiny_model() {
        let is_wanted = snapshot.files.iter().any(|file| file == name);
        assert_eq!(
            fs::read(snapshot.dir.join(name)).ok(),
            is_wanted.then_some(bytes),
            "{name}"
        );
    }
    let blobs = fs::read_dir(cache.join("models--acme--tiny/blobs")).unwrap();
    for blob in blobs {
        let name = blob.unwrap().file_name().into_string().unwrap();
        assert!(name.bytes().all(|b| b.is_ascii_hexdigit()), "{name}");
    }
}

#[test]
fn a_repository_is_kept_as_huggingface_hub_keeps_it() {
    let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
    let (snapshot, events) = fetch_with_events(&server.remote(cache.path()), NAME);
    let snapshot = snapshot.unwrap();
    assert_eq!(snapshot.id.to_string(), format!("hf:{NAME}@{COMMIT}"));
    assert_eq!(
        snapshot.files,
        [
            "onnx/model.onnx",
            "config.json",
            "tokenizer.json",
            "1_Pooling/config.json",
            "README.md"
        ]
    );
    let repository = cache.path().join("models--acme--tiny");
    assert_eq!(snapshot.dir, repository.join("snapshots").join(COMMIT));
    assert_eq!(fs::read_to_string(repository.join("refs/main")).unwrap(), COMMIT);
    assert_eq!(
        fs::read(repository.join("blobs").join(sha256(&noise(300_000)))).unwrap(),
        noise(300_000)
    );
    assert!(
        repository
            .join(".no_exist")
            .join(COMMIT)
            .join("preprocessor_config.json")
            .is_file()
    );
    check(&snapshot, cache.path());

    let bytes = 300_000 + 22 + 2 + 34 + 6;
    let resolved = DownloadEvent::Resolved {
        commit: COMMIT.to_owned(),
        files: 5,
        bytes: Some(bytes),
    };
    assert_eq!(events[0], resolved);
    let finished = events
        .iter()
        .filter(|event| matches!(event, DownloadEvent::Finished { .. }))
        .count();
    assert_eq!(finished, 5);
}

#[test]
fn a_branch_is_looked_up_again_and_a_commit_is_not() {
    let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
    let remote = server.remote(cache.path());
    let first = fetch(&remote, &format!("{NAME}@refs/pr/1")).unwrap();
    server.forget_requests();
    assert_eq!(fetch(&remote, &format!("{NAME}@refs/pr/1")).unwrap(), first);
    assert_eq!(server.requests().len(), 1);
    server.forget_requests();
    assert_eq!(fetch(&remote, &format!("{NAME}@{COMMIT}")).unwrap(), first);
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_hub_that_lists_names_alone_is_enough() {
    let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
    server.falsify(|request, _, mut answer| {
        if request.path.starts_with("/api/") {
            let names = [
                "config.json",
                "tokenizer.json",
                "1_Pooling/config.json",
                "onnx/model.onnx",
            ];
            let siblings = names.map(|name| format!(r#"{{"rfilename":"{name}"}}"#)).join(",");
            answer.body = format!(r#"{{"sha":"{COMMIT}","siblings":[{siblings}]}}"#).into();
        }
        answer
    });
    let snapshot = fetch(&server.remote(cache.path()), NAME).unwrap();
    assert_eq!(snapshot.files.len(), 4);
    check(&snapshot, cache.path());
}

#[test]
fn the_weights_that_the_model_names_come_with_it() {
    // ModelProto.graph.initializer.external_data = [location: weights.bin]
    let entry = [&[0x0a, 8][..], b"location", &[0x12, 11], b"weights.bin"].concat();
    let tensor = [&[0x6a, u8::try_from(entry.len()).unwrap()][..], &entry].concat();
    let graph = [&[0x2a, u8::try_from(tensor.len()).unwrap()][..], &tensor].concat();
    let model = [&[0x3a, u8::try_from(graph.len()).unwrap()][..], &graph].concat();
    let files = vec![("onnx/model.onnx", model.clone()), ("onnx/weights.bin", noise(70))];
    let (server, cache) = (HubServer::start(files), tempfile::tempdir().unwrap());
    let snapshot = fetch(&server.remote(cache.path()), NAME).unwrap();
    assert_eq!(snapshot.files, ["onnx/model.onnx", "onnx/weights.bin"]);
    assert_eq!(fs::read(snapshot.dir.join("onnx/weights.bin")).unwrap(), noise(70));

    let (server, cache) = (
        HubServer::start(vec![("model.onnx", model)]),
        tempfile::tempdir().unwrap(),
    );
    let error = fetch(&server.remote(cache.path()), NAME).unwrap_err();
    assert!(
        error.kind() == ErrorKind::NotFound && error.to_string().contains("weights.bin"),
        "{error}"
    );
}

#[test]
fn a_cut_connection_is_resumed_where_it_broke() {
    let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
    server.falsify(|request, times, mut answer| {
        if request.path.ends_with("model.onnx") && times < 8 {
            let length = answer.body.len();
            answer.set("Content-Length", &length.to_string());
            answer.cut_after = Some(30_000);
        }
        answer
    });
    let mut options = server.options(cache.path());
    options.retries = 8;
    let (snapshot, events) = fetch_with_events(&Remote::new(options).unwrap(), NAME);
    check(&snapshot.unwrap(), cache.path());
    let ranges: Vec<_> = server
        .requests_of("model.onnx")
        .iter()
        .map(|r| r.header("range").map(str::to_owned))
        .collect();
    assert_eq!(ranges.len(), 9);
    assert_eq!(
        (ranges[0].as_deref(), ranges[2].as_deref()),
        (None, Some("bytes=60000-"))
    );
    assert_eq!(
        events
            .iter()
            .filter(|event| matches!(event, DownloadEvent::Retrying { .. }))
            .count(),
        8
    );
}

#[test]
fn attempts_that_bring_enough_do_not_count_against_the_limit() {
    let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
    server.falsify(|request, _, mut answer| {
        if request.path.ends_with("model.onnx") {
            let length = answer.body.len();
            answer.set("Content-Length", &length.to_string());
            answer.cut_after = Some(70_000);
        }
        answer
    });
    let mut options = server.options(cache.path());
    options.retries = 1;
    check(&fetch(&Remote::new(options).unwrap(), NAME).unwrap(), cache.path());
}

#[test]
fn a_later_run_goes_on_where_an_earlier_one_was_given_up() {
    let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
    server.falsify(|request, _, mut answer| {
        if request.path.ends_with("model.onnx") {
            answer.set("Content-Length", "300000");
            answer.cut_after = Some(1000);
        }
        answer
    });
    let mut options = server.options(cache.path());
    options.retries = 0;
    let error = fetch(&Remote::new(options.clone()).unwrap(), NAME).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(
        error.to_string().contains("onnx/model.onnx: given up after 1 attempts"),
        "{error}"
    );
    assert!(
        !cache
            .path()
            .join("models--acme--tiny/snapshots")
            .join(COMMIT)
            .join("onnx/model.onnx")
            .exists()
    );

    server.falsify(|_, _, answer| answer);
    server.forget_requests();
    check(&fetch(&Remote::new(options).unwrap(), NAME).unwrap(), cache.path());
    assert_eq!(server.requests_of("model.onnx")[0].header("range"), Some("bytes=1000-"));
}

#[test]
fn a_server_without_ranges_and_a_wrong_part_are_both_got_over() {
    let name = sha256(&noise(300_000));
    for (part, has_ranges) in [
        (noise(5000), false),
        (vec![7; 5000], true),
        (vec![7; 300_000], true),
        (noise(300_001), true),
    ] {
        let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
        let blobs = cache.path().join("models--acme--tiny/blobs");
        fs::create_dir_all(&blobs).unwrap();
        fs::write(blobs.join(format!("{name}.incomplete")), &part).unwrap();
        server.falsify(move |request, _, answer| {
            let mut request = request.clone();
            if has_ranges || request.headers.remove("range").is_none() || !request.path.ends_with("model.onnx") {
                return answer;
            }
            whole_or_part(
                &request,
                &noise(300_000),
                &[("X-Linked-Etag", &sha256(&noise(300_000)))],
            )
        });
        check(&fetch(&server.remote(cache.path()), NAME).unwrap(), cache.path());
    }
}

#[test]
fn a_server_in_trouble_is_asked_again() {
    let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
    server.falsify(|_, times, answer| match times {
        0 => Answer::new(500, &[], "oops"),
        1 => Answer::new(429, &[("Retry-After", "0")], ""),
        2 => Answer::new(503, &[("Retry-After", "0")], ""),
        _ => answer,
    });
    check(&fetch(&server.remote(cache.path()), NAME).unwrap(), cache.path());

    server.falsify(|_, _, _| Answer::new(500, &[("X-Error-Message", "the disk is full")], ""));
    let error = fetch(&server.remote(&cache.path().join("other")), NAME).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.to_string().contains("status 500: the disk is full"), "{error}");
}

#[test]
fn a_silent_server_and_one_that_trickles_are_given_up() {
    for name in ["silent", "trickling"] {
        let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
        server.falsify(move |request, _, mut answer| {
            if request.path.ends_with("model.onnx") {
                if name == "silent" {
                    answer.delay = Duration::from_secs(5);
                } else {
                    answer.drip = Some((1, Duration::from_millis(20)));
                }
            }
            answer
        });
        let mut options = server.options(cache.path());
        options.retries = 1;
        let begun = Instant::now();
        let error = fetch(&Remote::new(options).unwrap(), NAME).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network, "{name}: {error}");
        assert!(
            begun.elapsed() < Duration::from_secs(4),
            "{name}: {:?}",
            begun.elapsed()
        );
    }
}

#[test]
fn offline_the_cache_is_used_and_what_is_not_there_is_said() {
    let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
    let online = fetch(&server.remote(cache.path()), NAME).unwrap();
    server.forget_requests();
    let offline = RemoteOptions {
        connection: Connection::Offline,
        ..server.options(cache.path())
    };
    let offline = Remote::new(offline).unwrap();
    assert_eq!(fetch(&offline, NAME).unwrap(), online);
    assert_eq!(fetch(&offline, &format!("{NAME}@{COMMIT}")).unwrap(), online);
    for other in ["acme/other", "acme/tiny@v1"] {
        let error = fetch(&offline, other).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Offline, "{other}");
        assert!(error.to_string().contains("HF_HUB_OFFLINE"), "{error}");
    }
    let choice = FileChoice {
        precision: Some(WeightPrecision::Float16),
        file: None,
    };
    let error = offline.fetch(&id(NAME), &choice, &mut |_| {}).unwrap_err();
    assert!(
        error.kind() == ErrorKind::Offline && error.to_string().contains("float16"),
        "{error}"
    );
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn without_a_connection_the_cache_stands_in_for_a_branch() {
    let cache = tempfile::tempdir().unwrap();
    let online = fetch(&HubServer::tiny().remote(cache.path()), NAME).unwrap();
    // A port that nobody listens on any more.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreachable = |cache: &Path| {
        let endpoint = format!("http://{closed}");
        let (cache_dir, backoff) = (cache.to_owned(), Duration::from_millis(1));
        Remote::new(RemoteOptions {
            endpoint,
            cache_dir,
            backoff,
            ..RemoteOptions::default()
        })
        .unwrap()
    };
    let (snapshot, events) = fetch_with_events(&unreachable(cache.path()), NAME);
    assert_eq!(snapshot.unwrap(), online);
    assert!(matches!(&events[..], [DownloadEvent::Cached { .. }]), "{events:?}");
    let error = fetch(&unreachable(&cache.path().join("empty")), NAME).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.to_string().contains("cannot reach"), "{error}");
}

/// Not a test of its own: what each of the processes below runs.
#[test]
fn a_process_that_downloads() {
    let (Ok(endpoint), Ok(cache)) = (std::env::var("TEST_ENDPOINT"), std::env::var("TEST_CACHE")) else {
        return;
    };
    let options = RemoteOptions {
        endpoint,
        cache_dir: cache.into(),
        ..RemoteOptions::default()
    };
    fetch(&Remote::new(options).unwrap(), NAME).unwrap();
}

#[test]
fn two_processes_download_a_file_once_between_them() {
    let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
    server.falsify(|request, _, mut answer| {
        if request.path.ends_with("model.onnx") {
            answer.drip = Some((30_000, Duration::from_millis(60)));
        }
        answer
    });
    let process = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_process_that_downloads"])
            .env("TEST_ENDPOINT", server.address())
            .env("TEST_CACHE", cache.path())
            .spawn()
            .unwrap()
    };
    let mut processes = [process(), process()];
    for process in &mut processes {
        assert!(process.wait().unwrap().success());
    }
    assert_eq!(server.requests_of("model.onnx").len(), 1);
    let offline = RemoteOptions {
        connection: Connection::Offline,
        ..server.options(cache.path())
    };
    check(&fetch(&Remote::new(offline).unwrap(), NAME).unwrap(), cache.path());
}

#[test]
fn what_a_download_would_transfer_is_known_before_and_nothing_is_transferred_for_it() {
    let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
    let remote = server.remote(cache.path());
    let ask = || {
        remote
            .outstanding(&id(NAME), &FileChoice::default(), &mut |_| {})
            .unwrap()
    };
    let before = ask();
    assert!(server.requests_of("model.onnx").is_empty(), "only the listing is read");
    let snapshot = fetch(&remote, NAME).unwrap();
    let files = tiny_model();
    let size = |name: &String| files.iter().find(|(file, _)| file == name).unwrap().1.len() as u64;
    assert_eq!(before.files, snapshot.files.len());
    assert_eq!(before.bytes, Some(snapshot.files.iter().map(size).sum()));
    let after = ask();
    assert_eq!((after.files, after.bytes), (0, Some(0)));
}
