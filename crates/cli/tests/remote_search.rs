//! Searches as a user has them, against a server on this machine that speaks the hub's protocol: lists, manifests, sources.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod common;
#[path = "../../hub/tests/hub_server/mod.rs"]
mod hub_server;

use std::fs;

use common::{Place, Run, image_model, write_images};
use hub_server::{Answer, COMMIT, HubServer};
use ranktune_hub::{Location, Manifest};

const PREPROCESSING: &str = r#"{"image_processor_type": "ViTImageProcessor", "do_resize": true, "size": {"height": 16, "width": 16},
    "resample": 2, "do_rescale": true, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}"#;

/// A folder with data, and a hub with an image classifier under three names.
fn place() -> (Place, HubServer) {
    let place = Place::new();
    write_images(&place.path("data"), &["apple", "pear", "plum"], 12);
    let server = HubServer::start(vec![
        ("README.md", b"---\nlicense: apache-2.0\n---\n# tiny".to_vec()),
        ("config.json", br#"{"model_type": "resnet"}"#.to_vec()),
        ("preprocessor_config.json", PREPROCESSING.as_bytes().to_vec()),
        ("onnx/model.onnx", image_model(33, 24, 5).to_bytes().unwrap()),
    ]);
    for name in ["acme/bird-net", "acme/bird-gated", "acme/bird-large"] {
        server.also_called(name);
    }
    let card = r#""pipeline_tag":"image-classification","cardData":{"license":"apache-2.0"}"#;
    server.describe("acme/bird-net", &format!(r#"{card},"downloads":12345,"gated":false"#));
    server.describe("acme/bird-gated", &format!(r#"{card},"downloads":9,"gated":"manual""#));
    server.describe(
        "acme/bird-large",
        &format!(r#"{card},"safetensors":{{"total":90000000}}"#),
    );
    (place, server)
}

fn run(place: &Place, server: &HubServer, arguments: &[&str]) -> Run {
    Run::from(place.hub_command(server.address(), arguments).output().unwrap())
}

const SEARCH: [&str; 7] = [
    "hub",
    "search",
    "bird",
    "--task",
    "image-classification",
    "--max-parameters",
    "30M",
];

#[test]
fn a_search_lists_what_can_be_used_and_downloads_nothing() {
    let (place, server) = place();
    let table = run(
        &place,
        &server,
        &[&SEARCH[..], &["--license", "apache-2.0,mit"]].concat(),
    );
    table.assert_code(0);
    for part in [
        "acme/bird-net",
        "apache-2.0",
        "12 k",
        "open",
        "gated",
        "2 repositories",
        "to download",
    ] {
        assert!(table.stdout.contains(part), "{part}: {table:?}");
    }
    assert!(
        table
            .stdout
            .contains("skipped acme/bird-large: it has 90.0 M parameters, expected at most 30.0 M")
    );
    assert!(
        table
            .stderr
            .contains("next: ranktune rank --hub 'search:bird task:image-classification"),
        "{table:?}"
    );
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.path.starts_with("/api/models"))
    );
    assert!(!place.path("hf").exists());

    let json = run(&place, &server, &[&SEARCH[..], &["--format", "json"]].concat())
        .assert_code(0)
        .json();
    let found = &json["models"][0];
    assert_eq!(json["schema"], "ranktune.search/1");
    assert_eq!(found["source"], format!("hf:acme/bird-net@{COMMIT}"));
    assert_eq!(
        (&found["gated"], &json["models"][1]["gated"]),
        (&serde_json::Value::Null, &"manual".into())
    );
    assert_eq!(
        json["missing_bytes"].as_u64(),
        found["bytes"].as_u64().map(|bytes| 2 * bytes)
    );
    let csv = run(&place, &server, &[&SEARCH[..], &["--format", "csv"]].concat());
    assert!(
        csv.assert_code(0).stdout.starts_with("name,source,task,licenses,"),
        "{csv:?}"
    );
    let markdown = run(&place, &server, &[&SEARCH[..], &["--format", "markdown"]].concat());
    assert!(
        markdown.assert_code(0).stdout.starts_with("| repository | license |"),
        "{markdown:?}"
    );
}

#[test]
fn a_manifest_of_a_search_is_ranked_at_its_commits() {
    let (place, server) = place();
    run(
        &place,
        &server,
        &[&SEARCH[..], &["--limit", "1", "--out", "models.toml"]].concat(),
    )
    .assert_code(0);
    let text = run(
        &place,
        &server,
        &[&SEARCH[..], &["--limit", "1", "--format", "toml"]].concat(),
    );
    assert_eq!(
        fs::read_to_string(place.path("models.toml")).unwrap(),
        text.assert_code(0).stdout
    );
    let manifest = Manifest::read(&place.path("models.toml")).unwrap();
    let [model] = &manifest.models[..] else {
        panic!("{manifest:?}")
    };
    assert!(
        matches!(&model.location, Location::Repository { id, .. } if id.to_string() == format!("hf:acme/bird-net@{COMMIT}"))
    );
    assert_eq!(model.overrides.license.as_ref().unwrap().name(), "apache-2.0");
    let arguments = ["rank", "--hub", "models.toml", "--data", "data", "--format", "json"];
    let ranking = run(&place, &server, &arguments).assert_code(0).json();
    assert_eq!(ranking["models"][0]["source"], format!("hf:acme/bird-net@{COMMIT}"));
    run(&place, &server, &[&SEARCH[..], &["--out", "models.json"]].concat()).assert_refused(&["models.json", ".toml"]);
}

#[test]
fn a_search_is_a_source_and_says_how_much_it_downloads_before_it_does() {
    let (place, server) = place();
    let arguments = [
        "rank",
        "--hub",
        "search:bird net max-parameters:30M",
        "--data",
        "data",
        "--format",
        "json",
    ];
    let run_ = run(&place, &server, &arguments);
    let ranking = run_.assert_code(0).json();
    assert_eq!(ranking["models"].as_array().unwrap().len(), 1);
    assert_eq!(ranking["models"][0]["source"], format!("hf:acme/bird-net@{COMMIT}"));
    let lines: Vec<&str> = run_.stderr.lines().collect();
    let at = |part: &str| {
        lines
            .iter()
            .position(|line| line.contains(part))
            .unwrap_or_else(|| panic!("{part}: {run_:?}"))
    };
    assert!(at("1 repository, ") < at("files to download"));
    assert!(lines[at("1 repository, ")].contains("kB to download"));
    assert!(lines[at("left out, because their conditions")].contains("acme/bird-gated"));
    // Now in the cache.
    let again = run(&place, &server, &arguments);
    assert!(
        again.assert_code(0).stderr.contains("all of it is in the cache"),
        "{again:?}"
    );
    let pulled = run(&place, &server, &["hub", "pull", "search:net", "--format", "json"])
        .assert_code(0)
        .json();
    assert_eq!(pulled["models"][0]["name"], "bird-net");
}

#[test]
fn what_cannot_be_searched_says_why() {
    let (place, server) = place();
    let refused = |arguments: &[&str], parts: &[&str]| run(&place, &server, arguments).assert_refused(parts);
    refused(&["hub", "search", "whale"], &["whale", "no repository with ONNX files"]);
    refused(
        &["hub", "search", "bird", "--license", "mit"],
        &["bird", "none of", "its license is apache-2.0, expected mit"],
    );
    refused(&["hub", "search"], &["nothing to search for", "image-classification"]);
    refused(&["hub", "search", "bird", "--limit", "0"], &["from 1 to 100"]);
    refused(&["hub", "search", "bird", "--max-parameters", "small"], &["30M"]);
    refused(&["hub", "search", "bird", "--offline"], &["a search needs the hub"]);
    refused(
        &["rank", "--hub", "search:bird licence:mit", "--data", "data"],
        &["search:bird", "did you mean \"license\"?"],
    );
    refused(
        &["rank", "--hub", "search:whale", "--data", "data"],
        &["search:whale", "fewer or other words"],
    );
    server.falsify(|_, _, _| Answer::new(500, &[], ""));
    refused(&["hub", "search", "bird"], &["temporarily unavailable"]);
    assert!(!place.path("hf").exists());
}

#[test]
fn hostile_names_are_text() {
    let (place, server) = place();
    server.falsify(|request, _, mut answer| {
        if request.path.starts_with("/api/models?") {
            answer.body = format!(
                r#"[{{"id":"<script>alert(1)</script>","sha":"{COMMIT}"}},{{"id":"a\u001b[2J/b","sha":"{COMMIT}"}},
                    {{"id":"acme/bird-net","sha":"{COMMIT}","siblings":[{{"rfilename":"onnx/model.onnx"}}],
                      "pipeline_tag":"\u001b[31m<b>","cardData":{{"license":"mit\"\nhf = \"evil/x"}}}}]"#
            )
            .into();
            answer.remove("Link");
        }
        answer
    });
    let table = run(&place, &server, &["hub", "search", "bird"]);
    assert!(
        table
            .assert_code(0)
            .stdout
            .contains("skipped <script>alert(1)</script>:"),
        "{table:?}"
    );
    assert!(
        !table.stdout.contains('\u{1b}') && !table.stderr.contains('\u{1b}'),
        "{table:?}"
    );
    run(&place, &server, &["hub", "search", "bird", "--out", "models.toml"]).assert_code(0);
    let manifest = Manifest::read(&place.path("models.toml")).unwrap();
    assert_eq!(
        (manifest.models.len(), &manifest.models[0].overrides.license),
        (1, &None)
    );
}
