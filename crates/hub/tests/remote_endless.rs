//! Servers that would keep a client busy for ever: downloads that begin anew, bodies without an end, headers a byte at a time.

#![cfg(feature = "remote")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod hub_server;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use hub_server::{Answer, HubServer, NAME, noise, sha256, whole_or_part};
use ranktune_hub::remote::{Remote, RemoteOptions};
use ranktune_hub::{Error, ErrorKind, FileChoice, RepoId, Snapshot};

fn fetch(options: RemoteOptions) -> Result<Snapshot, Error> {
    let remote = Remote::new(options).unwrap();
    remote.fetch(&RepoId::parse(NAME).unwrap(), &FileChoice::default(), &mut |_| {})
}

fn blobs(cache: &Path) -> Vec<String> {
    let entries = fs::read_dir(cache.join("models--acme--tiny/blobs"))
        .into_iter()
        .flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The listing without sizes and checksums, as some mirrors have it.
fn names_alone(mut answer: Answer) -> Answer {
    let text = String::from_utf8(answer.body).unwrap();
    let (head, list) = text.split_once("\"siblings\":[").unwrap();
    let names = list.split("\"rfilename\":\"").skip(1);
    let names = names.map(|rest| format!("{{\"rfilename\":\"{}\"}}", rest.split('"').next().unwrap()));
    answer.body = format!("{head}\"siblings\":[{}]}}", names.collect::<Vec<_>>().join(",")).into();
    answer
}

#[test]
fn a_server_that_begins_anew_every_time_is_given_up() {
    // Without ranges every attempt brings the same 100,000 bytes, which is no headway after the first.
    let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
    server.falsify(|request, _, answer| {
        if !request.path.ends_with("model.onnx") {
            return answer;
        }
        let etag = format!("\"{}\"", sha256(&noise(300_000)));
        let mut request = request.clone();
        request.headers.remove("range");
        let mut whole = whole_or_part(&request, &noise(300_000), &[("X-Linked-Etag", &etag)]);
        whole.set("Content-Length", "300000");
        whole.cut_after = Some(100_000);
        whole
    });
    let mut options = server.options(cache.path());
    options.retries = 3;
    let error = fetch(options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert_eq!(server.requests_of("model.onnx").len(), 4);
}

#[test]
fn a_part_that_is_refused_again_and_again_is_given_up() {
    let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
    server.falsify(|request, _, mut answer| {
        if !request.path.ends_with("model.onnx") {
            return answer;
        }
        if request.header("range").is_some() {
            return Answer::new(416, &[], "");
        }
        answer.set("Content-Length", "300000");
        answer.cut_after = Some(100_000);
        answer
    });
    let mut options = server.options(cache.path());
    options.retries = 4;
    let error = fetch(options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert!(server.requests_of("model.onnx").len() < 10);
}

#[test]
fn a_body_whose_length_nobody_states_ends_at_the_limit_and_leaves_nothing() {
    let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
    server.falsify(|request, _, mut answer| {
        if request.path.starts_with("/api/") {
            return names_alone(answer);
        }
        if request.path.ends_with("model.onnx") {
            let piece = [b"10000\r\n".to_vec(), noise(0x10000), b"\r\n".to_vec()].concat();
            answer.body = piece.repeat(64);
            answer.remove("X-Linked-Size");
            answer.set("Transfer-Encoding", "chunked");
        }
        answer
    });
    let options = RemoteOptions {
        max_file_bytes: 1 << 20,
        ..server.options(cache.path())
    };
    let error = fetch(options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
    assert!(error.to_string().contains("more than the 1048576 bytes"), "{error}");
    let model = sha256(&noise(300_000));
    assert!(
        blobs(cache.path()).iter().all(|name| !name.starts_with(&model)),
        "{:?}",
        blobs(cache.path())
    );
}

#[test]
fn a_file_of_which_nobody_states_a_checksum_is_not_taken() {
    for etag in ["", "\"d41d8cd98f00b204e9800998ecf8427e\"", "W/\"..%2f..\""] {
        let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
        server.falsify(move |request, _, mut answer| {
            if request.path.starts_with("/api/") {
                return names_alone(answer);
            }
            answer.remove("X-Linked-Etag");
            answer.set("ETag", etag);
            answer
        });
        let error = fetch(server.options(cache.path())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Untrusted, "{etag}: {error}");
        assert!(error.to_string().contains("without a checksum"), "{error}");
        assert!(blobs(cache.path()).is_empty());
    }
}

#[test]
fn headers_that_come_a_byte_at_a_time_are_not_waited_for() {
    for end in ["?blobs=true", "model.onnx"] {
        let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
        server.falsify(move |request, _, mut answer| {
            if request.path.ends_with(end) {
                answer.head_drip = Some(Duration::from_millis(50));
            }
            answer
        });
        let mut options = server.options(cache.path());
        options.retries = 1;
        let begun = Instant::now();
        let error = fetch(options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network, "{end}: {error}");
        assert!(begun.elapsed() < Duration::from_secs(4), "{end}: {:?}", begun.elapsed());
    }
}

#[test]
fn pages_instead_of_answers_are_told_as_such() {
    let page = "<!DOCTYPE html><html><body>Log in to the network</body></html>";
    for (end, kind) in [
        ("?blobs=true", ErrorKind::Untrusted),
        ("model.onnx", ErrorKind::Untrusted),
    ] {
        let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
        server.falsify(move |request, _, answer| match request.path.ends_with(end) {
            true => Answer::new(200, &[("Content-Type", "text/html")], page),
            false => answer,
        });
        let error = fetch(server.options(cache.path())).unwrap_err();
        assert_eq!(error.kind(), kind, "{end}: {error}");
        // At most the empty file that bytes were to come into.
        let model = cache
            .path()
            .join("models--acme--tiny/blobs")
            .join(sha256(&noise(300_000)));
        assert!(!model.exists());
        let partial = fs::metadata(model.with_extension("incomplete"));
        assert_eq!(partial.map_or(0, |partial| partial.len()), 0);
    }
}

#[test]
fn an_answer_of_brackets_alone_is_refused() {
    let (server, cache) = (HubServer::tiny(), tempfile::tempdir().unwrap());
    server.falsify(|request, _, mut answer| {
        if request.path.starts_with("/api/") {
            let text = String::from_utf8(answer.body).unwrap();
            answer.body = text
                .replacen('{', &format!("{{\"x\":{},", "[".repeat(1 << 20)), 1)
                .into();
        }
        answer
    });
    let error = fetch(server.options(cache.path())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
}
