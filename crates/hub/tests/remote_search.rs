//! Searches, against a server that answers as the hub does, and against one that does not.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod hub_server;

use std::path::Path;

use hub_server::{Answer, COMMIT, HubServer, NAME, noise};
use ranktune_hub::remote::{Connection, DownloadEvent, Gate, Parameters, Remote, RemoteOptions, SearchResult};
use ranktune_hub::{Error, ErrorKind, FileChoice, License, SearchQuery, WeightPrecision};

/// The files that would be used of `tiny_model`.
const BYTES: u64 = 300_000 + 22 + 2 + 34 + 6;

fn search_on(remote: &Remote, line: &str) -> Result<SearchResult, Error> {
    remote.search(&line.parse().unwrap(), &mut |_| {})
}

fn search(server: &HubServer, cache: &Path, line: &str) -> SearchResult {
    search_on(&server.remote(cache), line).unwrap()
}

fn names(result: &SearchResult) -> Vec<&str> {
    result.found.iter().map(|found| found.id.name()).collect()
}

/// A server with five repositories of birds and one of trees beside [`NAME`].
fn birds() -> HubServer {
    let server = HubServer::tiny();
    for number in 1..=5 {
        server.also_called(&format!("acme/bird-{number}"));
    }
    server.also_called("acme/tree");
    server
}

#[test]
fn what_is_found_is_pinned_and_described() {
    let (server, cache) = (birds(), tempfile::tempdir().unwrap());
    server.describe(
        "acme/bird-1",
        r#""pipeline_tag":"image-classification","downloads":17,"gated":"manual","private":false,
           "cardData":{"license":"apache-2.0"},"safetensors":{"parameters":{"F32":1200},"total":1200}"#,
    );
    let result = search(&server, cache.path(), "bird-1 task:image-classification");
    let [found] = &result.found[..] else {
        panic!("{result:?}")
    };
    assert_eq!(found.id.to_string(), format!("hf:acme/bird-1@{COMMIT}"));
    assert_eq!(found.file, "onnx/model.onnx");
    assert_eq!((found.bytes, found.missing_bytes), (Some(BYTES), Some(BYTES)));
    assert_eq!(found.licenses, [License::parse("apache-2.0").unwrap()]);
    assert_eq!(found.parameters, Some(Parameters::Stated(1200)));
    assert_eq!(
        (found.downloads, found.gate, found.is_private),
        (Some(17), Some(Gate::Manual), false)
    );
    assert_eq!(found.task.as_deref(), Some("image-classification"));
    assert!(result.skipped.is_empty() && result.notes.is_empty());
    let asked = &server.requests()[0].path;
    assert!(
        asked.contains("filter=onnx") && asked.contains("&search=bird-1&pipeline_tag=image-classification"),
        "{asked}"
    );
}

#[test]
fn nothing_is_downloaded_and_a_later_download_asks_for_no_listing_again() {
    let (server, cache) = (birds(), tempfile::tempdir().unwrap());
    let remote = server.remote(cache.path());
    let result = search_on(&remote, "bird-2").unwrap();
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.path.starts_with("/api/models"))
    );
    assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 0);

    server.forget_requests();
    let id = &result.found[0].id;
    remote.fetch(id, &FileChoice::default(), &mut |_| {}).unwrap();
    assert!(
        server
            .requests()
            .iter()
            .all(|request| !request.path.starts_with("/api/"))
    );
    let again = search(&server, cache.path(), "bird-2");
    assert_eq!(
        (again.found[0].bytes, again.found[0].missing_bytes),
        (Some(BYTES), Some(0))
    );
}

#[test]
fn pages_are_followed_until_enough_is_found() {
    let (server, cache) = (birds(), tempfile::tempdir().unwrap());
    let all = search(&server, cache.path(), "bird");
    assert_eq!(names(&all), [1, 2, 3, 4, 5].map(|number| format!("acme/bird-{number}")));
    assert_eq!(pages(&server), 3);
    server.forget_requests();
    let three = search(&server, cache.path(), "bird limit:3");
    assert_eq!(names(&three), ["acme/bird-1", "acme/bird-2", "acme/bird-3"]);
    assert_eq!(pages(&server), 2);
    // Only what is found is looked up.
    assert_eq!(server.requests().len(), 2 + 3);
}

fn pages(server: &HubServer) -> usize {
    let requests = server.requests();
    requests
        .iter()
        .filter(|request| request.path.starts_with("/api/models?"))
        .count()
}

#[test]
fn a_sentence_that_no_name_contains_is_searched_for_by_its_words() {
    let (server, cache) = (birds(), tempfile::tempdir().unwrap());
    let result = search(&server, cache.path(), "a tree or bird limit:4");
    assert_eq!(
        names(&result),
        ["acme/tree", "acme/bird-1", "acme/bird-2", "acme/bird-3"]
    );
    assert!(result.notes[0].contains("searched for tree, bird"), "{result:?}");
    let nothing = search(&server, cache.path(), "whale songs");
    assert!(nothing.found.is_empty() && nothing.skipped.is_empty());
}

#[test]
fn license_and_size_exclude_with_a_reason() {
    let (server, cache) = (birds(), tempfile::tempdir().unwrap());
    server.describe(
        "acme/bird-1",
        r#""cardData":{"license":"mit"},"safetensors":{"total":20000000}"#,
    );
    server.describe("acme/bird-2", r#""cardData":{"license":"cc-by-nc-4.0"}"#);
    server.describe("acme/bird-3", r#""cardData":{"license":["MIT","apache-2.0"]}"#);
    server.describe(
        "acme/bird-4",
        r#""cardData":{"license":"apache-2.0"},"safetensors":{"total":75000}"#,
    );
    let result = search(
        &server,
        cache.path(),
        "bird license:apache-2.0 license:mit max-parameters:80k",
    );
    assert_eq!(names(&result), ["acme/bird-3", "acme/bird-4"]);
    // 300 000 bytes of four for a weight.
    assert_eq!(result.found[0].parameters, Some(Parameters::Estimated(75_000)));
    let reasons: Vec<&str> = result.skipped.iter().map(|skipped| &*skipped.reason).collect();
    assert!(
        reasons[0].contains("20.0 M parameters, expected at most 80 k"),
        "{reasons:?}"
    );
    assert!(
        reasons[1].contains("its license is cc-by-nc-4.0, expected apache-2.0 or mit"),
        "{reasons:?}"
    );
    assert!(reasons[2].contains("its license is unknown"), "{reasons:?}");
    let small = search(&server, cache.path(), "bird-3 max-parameters:70k");
    assert!(small.skipped[0].reason.contains("about 75 k parameters"), "{small:?}");
}

#[test]
fn repositories_without_a_usable_file_are_skipped() {
    let server = HubServer::start(vec![
        ("onnx/model_fp16.onnx", noise(2000)),
        ("onnx/model_int8.onnx", noise(9)),
    ]);
    let cache = tempfile::tempdir().unwrap();
    let result = search(&server, cache.path(), "tiny");
    assert!(result.found.is_empty());
    assert!(
        result.skipped[0].name == NAME && result.skipped[0].reason.contains("no ONNX model in float32"),
        "{result:?}"
    );
    let options = RemoteOptions {
        precision: WeightPrecision::Float16,
        ..server.options(cache.path())
    };
    let half = search_on(&Remote::new(options).unwrap(), "tiny").unwrap();
    assert_eq!(half.found[0].file, "onnx/model_fp16.onnx");
    assert_eq!(half.found[0].parameters, Some(Parameters::Estimated(1000)));
}

#[test]
fn hostile_entries_stay_entries() {
    let (server, cache) = (birds(), tempfile::tempdir().unwrap());
    server.falsify(|request, _, mut answer| {
        if request.path.starts_with("/api/models?") {
            answer.remove("Link");
            answer.body = format!(
                r#"[7, {{}}, {{"id":"<script>alert(1)</script>","sha":"{COMMIT}","siblings":[]}},
                    {{"id":"../../etc","sha":"{COMMIT}","siblings":[{{"rfilename":"model.onnx"}}]}},
                    {{"id":"acme/none","sha":"{COMMIT}"}},
                    {{"id":"acme/out","sha":"{COMMIT}","siblings":[{{"rfilename":"../../x.onnx"}}]}},
                    {{"id":"acme/tree","sha":"{COMMIT}","siblings":[{{"rfilename":"onnx/model.onnx"}}],"downloads":"many"}},
                    {{"id":"acme/tree","sha":"{COMMIT}","siblings":[{{"rfilename":"onnx/model.onnx"}}]}}]"#
            )
            .into();
        }
        answer
    });
    let result = search(&server, cache.path(), "x");
    assert_eq!(names(&result), ["acme/tree"]);
    assert_eq!(result.found[0].downloads, None);
    let skipped: Vec<&str> = result.skipped.iter().map(|skipped| &*skipped.name).collect();
    assert_eq!(
        skipped,
        [
            "(no name)",
            "<script>alert(1)</script>",
            "../../etc",
            "acme/none",
            "acme/out"
        ]
    );
}

#[test]
fn a_link_leads_to_no_other_host_and_to_no_endless_search() {
    let (server, cache) = (birds(), tempfile::tempdir().unwrap());
    let elsewhere = HubServer::tiny();
    let address = elsewhere.address();
    server.falsify(move |request, _, mut answer| {
        if request.path.starts_with("/api/models?") {
            answer.set(
                "Link",
                &format!("<{address}/api/models?search=bird&cursor=0>; rel=\"next\""),
            );
        }
        answer
    });
    let result = search(&server, cache.path(), "bird");
    assert_eq!(names(&result), ["acme/bird-1", "acme/bird-2"]);
    assert!(elsewhere.requests().is_empty());
    assert_eq!(pages(&server), 10);
}

#[test]
fn a_failure_of_the_hub_is_an_error_with_its_kind() {
    for (status, headers, kind, part) in [
        (500, &[][..], ErrorKind::Network, "temporarily unavailable"),
        (404, &[], ErrorKind::NotFound, "no search"),
        (401, &[], ErrorKind::Denied, "HF_TOKEN"),
        (400, &[], ErrorKind::Network, "status 400"),
        (
            302,
            &[("Location", "http://evil.example/api/models")],
            ErrorKind::Untrusted,
            "another host",
        ),
    ] {
        let (server, cache) = (birds(), tempfile::tempdir().unwrap());
        server.falsify(move |_, _, _| Answer::new(status, headers, ""));
        let error = search_on(&server.remote(cache.path()), "bird").unwrap_err();
        assert!(
            error.kind() == kind && error.to_string().contains(part),
            "{status}: {error:?}"
        );
    }
    let (server, cache) = (birds(), tempfile::tempdir().unwrap());
    server.falsify(|_, _, mut answer| {
        answer.body = b"<html>".to_vec();
        answer
    });
    assert_eq!(
        search_on(&server.remote(cache.path()), "bird").unwrap_err().kind(),
        ErrorKind::Untrusted
    );
    // A page of 33 MiB.
    server.falsify(|_, _, mut answer| {
        answer.body = vec![b' '; 33 << 20];
        answer
    });
    let error = search_on(&server.remote(cache.path()), "bird").unwrap_err();
    assert!(error.to_string().contains("too large"), "{error}");
}

#[test]
fn a_passing_failure_is_retried_and_reported() {
    let (server, cache) = (birds(), tempfile::tempdir().unwrap());
    server.falsify(|request, times, answer| {
        if request.path.starts_with("/api/models?") && times == 0 {
            return Answer::new(503, &[], "");
        }
        answer
    });
    let query: SearchQuery = "bird-4".parse().unwrap();
    let mut events = Vec::new();
    let result = server
        .remote(cache.path())
        .search(&query, &mut |event| events.push(event))
        .unwrap();
    assert_eq!(names(&result), ["acme/bird-4"]);
    assert!(
        matches!(&events[..], [DownloadEvent::Retrying { file, .. }] if file == "search"),
        "{events:?}"
    );
}

#[test]
fn a_repository_whose_listing_is_refused_is_found_without_its_size() {
    let (server, cache) = (birds(), tempfile::tempdir().unwrap());
    server.describe("acme/bird-1", r#""gated":"auto""#);
    server.falsify(
        |request, _, answer| match request.path.starts_with("/api/models/acme/bird-1/") {
            true => Answer::new(403, &[("X-Error-Code", "GatedRepo")], ""),
            false => answer,
        },
    );
    let result = search(&server, cache.path(), "bird-1");
    assert_eq!((result.found[0].bytes, result.found[0].parameters), (None, None));
    assert_eq!(result.found[0].gate, Some(Gate::Auto));
    assert!(
        result.notes[0].contains("its size is unknown") && result.notes[0].contains("gated"),
        "{result:?}"
    );
    let small = search(&server, cache.path(), "bird-1 max-parameters:1B");
    assert!(small.skipped[0].reason.contains("parameters is unknown"), "{small:?}");
}

#[test]
fn without_a_network_there_is_no_search() {
    let (server, cache) = (birds(), tempfile::tempdir().unwrap());
    let options = RemoteOptions {
        connection: Connection::Offline,
        ..server.options(cache.path())
    };
    let error = search_on(&Remote::new(options).unwrap(), "bird").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Offline);
    assert!(server.requests().is_empty());
    let options = server.options(cache.path());
    options.interrupt.raise();
    assert_eq!(
        search_on(&Remote::new(options).unwrap(), "bird").unwrap_err().kind(),
        ErrorKind::Interrupted
    );
}
