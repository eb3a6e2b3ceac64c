//! A hub that refuses, and hubs and storages that cannot be trusted.

#![cfg(feature = "remote")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod hub_server;

use std::fs;
use std::path::Path;

use hub_server::{Answer, COMMIT, HubServer, NAME, git_sha1, noise, sha256};
use ranktune_hub::remote::{Remote, RemoteOptions, Token};
use ranktune_hub::{Error, ErrorKind, FileChoice, RepoId, Snapshot};

/// The end of the path of `config.json`, and of no other file.
const CONFIG_END: &str = "4567/config.json";
const CONFIG: &[u8] = br#"{"model_type": "bert"}"#;

fn fetch(remote: &Remote, id: &str) -> Result<Snapshot, Error> {
    remote.fetch(&RepoId::parse(id).unwrap(), &FileChoice::default(), &mut |_| {})
}

/// Fetches from a hub that answers requests of paths that end in `end` with what `fault` makes of the honest answer.
fn fault(
    end: &'static str,
    fault: impl Fn(Answer) -> Answer + Send + Sync + 'static,
) -> (Result<Snapshot, Error>, usize) {
    let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
    server.falsify(move |request, _, answer| {
        if request.path.ends_with(end) {
            fault(answer)
        } else {
            answer
        }
    });
    let result = fetch(&server.remote(cache.path()), NAME);
    // What was falsified is nowhere.
    let dir = cache.path().join("models--acme--tiny");
    for (file, bytes) in [("onnx/model.onnx", noise(300_000)), ("config.json", CONFIG.to_vec())] {
        if result.is_err() && end.ends_with(file) {
            assert!(!dir.join("snapshots").join(COMMIT).join(file).exists(), "{file}");
            assert!(!dir.join("blobs").join(sha256(&bytes)).exists(), "{file}");
            assert!(!dir.join("blobs").join(git_sha1(&bytes)).exists(), "{file}");
        }
    }
    (result, server.requests_of(end).len())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn refusals_are_told_apart_and_not_repeated() {
    for (status, code, kind, says) in [
        (404, "RepoNotFound", ErrorKind::NotFound, "hf:acme/tiny: "),
        (401, "RepoNotFound", ErrorKind::Denied, "HF_TOKEN"),
        (401, "GatedRepo", ErrorKind::Denied, "gated"),
        (403, "GatedRepo", ErrorKind::Denied, "accept its conditions"),
        (404, "RevisionNotFound", ErrorKind::NotFound, "revision"),
    ] {
        for end in ["?blobs=true", "/onnx/model.onnx"] {
            let (result, requests) = fault(end, move |_| Answer::new(status, &[("X-Error-Code", code)], "{}"));
            let error = result.unwrap_err();
            assert_eq!((error.kind(), requests), (kind, 1), "{status} {code}: {error}");
            assert!(error.to_string().contains(says), "{status} {code}: {error}");
        }
    }
    let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
    let remote = server.remote(cache.path());
    assert_eq!(fetch(&remote, "acme/other").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(
        fetch(&remote, "acme/tiny@nowhere").unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[test]
fn a_repository_without_onnx_says_how_to_make_it() {
    let (server, cache) = (
        HubServer::start(vec![("model.safetensors", noise(9))]),
        tempfile::tempdir().unwrap(),
    );
    let error = fetch(&server.remote(cache.path()), NAME).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        error
            .to_string()
            .contains("optimum-cli export onnx --model acme/tiny tiny"),
        "{error}"
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn names_that_lead_out_of_the_repository_are_refused_before_anything_is_written() {
    for name in [
        "../../evil.onnx",
        "onnx/../../../../evil",
        "/tmp/evil.onnx",
        "..\\\\..\\\\evil",
    ] {
        let (server, dir) = (HubServer::tiny(), tempfile::tempdir().unwrap());
        let cache = dir.path().join("a/b/cache");
        server.falsify(move |request, _, mut answer| {
            if request.path.starts_with("/api/") {
                let evil = format!(r#""siblings":[{{"rfilename":"{name}","size":3}},"#);
                answer.body = text(&answer.body).replace(r#""siblings":["#, &evil).into();
            }
            answer
        });
        let error = fetch(&server.remote(&cache), NAME).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Untrusted, "{name}: {error}");
        assert!(error.to_string().contains("evil"), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn weights_outside_the_repository_are_refused() {
    for location in ["../../../x", "/etc/passwd"] {
        let short = |n: usize| u8::try_from(n).unwrap();
        let entry = [
            &[0x0a, 8][..],
            b"location",
            &[0x12, short(location.len())],
            location.as_bytes(),
        ]
        .concat();
        let tensor = [&[0x6a, short(entry.len())][..], &entry].concat();
        let graph = [&[0x2a, short(tensor.len())][..], &tensor].concat();
        let model = [&[0x3a, short(graph.len())][..], &graph].concat();
        let (server, cache) = (
            HubServer::start(vec![("model.onnx", model)]),
            tempfile::tempdir().unwrap(),
        );
        let error = fetch(&server.remote(cache.path()), NAME).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Untrusted, "{location}: {error}");
    }
}

#[test]
fn a_commit_that_is_no_commit_is_refused() {
    for commit in ["../../../evil", "main", "", &"f".repeat(39)] {
        let commit = commit.to_owned();
        let (result, _) = fault("?blobs=true", move |mut answer| {
            answer.body = text(&answer.body).replace(COMMIT, &commit).into();
            answer
        });
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Untrusted);
    }
    let other = "f".repeat(40);
    let (result, _) = fault("config.json", move |mut answer| {
        answer.set("X-Repo-Commit", &other);
        answer
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Untrusted);
}

#[test]
fn bytes_with_another_checksum_are_thrown_away() {
    let flipped = |mut answer: Answer| {
        answer.body[7] ^= 1;
        answer
    };
    for (end, says) in [
        ("/onnx/model.onnx", sha256(&noise(300_000))),
        (CONFIG_END, git_sha1(CONFIG)),
    ] {
        let (result, _) = fault(end, flipped);
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
        assert!(
            error.to_string().contains("checksum") && error.to_string().contains(&says),
            "{error}"
        );
    }
}

#[test]
fn a_checksum_that_changes_between_listing_and_file_is_refused() {
    let (result, _) = fault("/onnx/model.onnx", |mut answer| {
        answer.set("X-Linked-Etag", &format!("\"{}\"", sha256(b"evil")));
        answer.set("X-Linked-Size", "4");
        answer.body = b"evil".to_vec();
        answer
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Untrusted);
}

#[test]
fn sizes_that_disagree_are_refused() {
    let longer = |mut answer: Answer| {
        answer.remove("X-Linked-Size");
        answer.body.extend(noise(100));
        answer
    };
    let shorter = |mut answer: Answer| {
        answer.remove("X-Linked-Size");
        answer.body.truncate(100);
        answer
    };
    let lying = |mut answer: Answer| {
        answer.set("X-Linked-Size", "299999");
        answer
    };
    // Without a length, more than was listed is noticed while it comes.
    let endless = |mut answer: Answer| {
        answer.set("Transfer-Encoding", "chunked");
        answer.set("Content-Length", "x");
        answer
    };
    assert_eq!(
        fault("/onnx/model.onnx", longer).0.unwrap_err().kind(),
        ErrorKind::Untrusted
    );
    assert_eq!(
        fault("/onnx/model.onnx", shorter).0.unwrap_err().kind(),
        ErrorKind::Untrusted
    );
    assert_eq!(
        fault("/onnx/model.onnx", lying).0.unwrap_err().kind(),
        ErrorKind::Untrusted
    );
    assert!(fault("/onnx/model.onnx", endless).0.is_err());
}

#[test]
fn more_bytes_than_listed_stop_the_download_at_once() {
    let (result, requests) = fault("/onnx/model.onnx", |mut answer| {
        let mut chunked = Vec::new();
        for _ in 0..64 {
            chunked.extend(b"10000\r\n");
            chunked.extend(noise(0x10000));
            chunked.extend(b"\r\n");
        }
        answer.remove("X-Linked-Size");
        answer.set("Transfer-Encoding", "chunked");
        answer.body = chunked;
        answer
    });
    let error = result.unwrap_err();
    assert_eq!((error.kind(), requests), (ErrorKind::Untrusted, 1), "{error}");
    assert!(error.to_string().contains("more than the 300000 bytes"), "{error}");
}

#[test]
fn a_claim_beyond_the_limit_is_not_even_begun() {
    let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
    let options = RemoteOptions {
        max_file_bytes: 299_999,
        ..server.options(cache.path())
    };
    let error = fetch(&Remote::new(options).unwrap(), NAME).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error
            .to_string()
            .contains("expected at most 299999 bytes, found 300000"),
        "{error}"
    );
    assert_eq!(server.requests_of("/onnx/model.onnx").len(), 0);
}

fn with_token(server: &HubServer, cache: &Path) -> Remote {
    let token = Token::new("hf_secret");
    Remote::new(RemoteOptions {
        token,
        ..server.options(cache)
    })
    .unwrap()
}

#[test]
fn storage_that_the_hub_names_gets_the_request_and_never_the_token() {
    let (hub, storage, cache) = (HubServer::tiny(), HubServer::tiny(), tempfile::tempdir().unwrap());
    hub.store_at(&storage);
    storage.falsify(|_, times, mut answer| {
        if times == 0 {
            answer.set("Content-Length", "300000");
            answer.cut_after = Some(1000);
        }
        answer
    });
    let snapshot = fetch(&with_token(&hub, cache.path()), NAME).unwrap();
    assert_eq!(fs::read(snapshot.model).unwrap(), noise(300_000));
    for request in hub.requests() {
        assert_eq!(
            request.header("authorization"),
            Some("Bearer hf_secret"),
            "{}",
            request.path
        );
    }
    let at_storage = storage.requests();
    assert_eq!(at_storage.len(), 2);
    assert_eq!(at_storage[1].header("range"), Some("bytes=1000-"));
    for request in at_storage {
        assert!(!format!("{request:?}").contains("hf_secret"), "{request:?}");
    }
}

#[test]
fn an_address_at_the_storage_that_has_expired_is_asked_for_anew() {
    let (hub, storage, cache) = (HubServer::tiny(), HubServer::tiny(), tempfile::tempdir().unwrap());
    hub.store_at(&storage);
    storage.falsify(|_, times, answer| {
        if times == 0 {
            Answer::new(403, &[], "expired")
        } else {
            answer
        }
    });
    fetch(&hub.remote(cache.path()), NAME).unwrap();
    assert_eq!(hub.requests_of("/onnx/model.onnx").len(), 2);
}

#[test]
fn redirects_to_other_hosts_are_refused_unless_a_sha256_says_what_must_come() {
    for end in [CONFIG_END, "?blobs=true"] {
        let elsewhere = HubServer::tiny();
        let address = elsewhere.address();
        let (result, _) = fault(end, move |_| {
            Answer::new(302, &[("Location", &format!("{address}/config.json"))], "")
        });
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Untrusted, "{end}: {error}");
        assert!(error.to_string().contains("redirect to another host"), "{error}");
        assert_eq!(elsewhere.requests().len(), 0, "{end}");
    }
}

#[test]
fn storage_redirects_no_further() {
    let (hub, storage, third) = (HubServer::tiny(), HubServer::tiny(), HubServer::tiny());
    let cache = tempfile::tempdir().unwrap();
    hub.store_at(&storage);
    let address = third.address();
    storage.falsify(move |_, _, _| Answer::new(307, &[("Location", &format!("{address}/x"))], ""));
    let error = fetch(&with_token(&hub, cache.path()), NAME).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
    assert_eq!(third.requests().len(), 0);
}

#[test]
fn a_repository_that_was_renamed_is_followed_on_the_same_host() {
    let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
    server.falsify(|request, _, answer| match request.path.contains("old-name") {
        true => Answer::new(307, &[("Location", &request.path.replace("old-name", NAME))], ""),
        false => answer,
    });
    let snapshot = fetch(&with_token(&server, cache.path()), "old-name").unwrap();
    assert_eq!(fs::read(snapshot.model).unwrap(), noise(300_000));
    assert!(cache.path().join("models--old-name").is_dir());
}

#[test]
fn circles_and_addresses_that_are_none_are_refused() {
    for location in [
        "/x/01234567/config.json",
        "ftp://x/y",
        "http://user@127.0.0.1/",
        "",
        "http://",
        "file:///etc",
    ] {
        let (result, requests) = fault(CONFIG_END, move |_| Answer::new(302, &[("Location", location)], ""));
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Untrusted, "{location}: {error}");
        assert!(requests < 10, "{location}: {requests}");
    }
}

#[test]
fn an_answer_without_end_is_not_read_to_the_end() {
    let (result, _) = fault("?blobs=true", |mut answer| {
        answer.body = vec![b' '; 33 << 20];
        answer
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Untrusted);
}

#[test]
fn an_address_that_is_none_is_refused() {
    for endpoint in [
        "",
        "huggingface.co",
        "ftp://x",
        "https://user:password@host",
        "https://host/?x",
        "https://h ost",
    ] {
        let options = RemoteOptions {
            endpoint: endpoint.to_owned(),
            ..RemoteOptions::default()
        };
        assert_eq!(
            Remote::new(options).unwrap_err().kind(),
            ErrorKind::Malformed,
            "{endpoint}"
        );
    }
}
