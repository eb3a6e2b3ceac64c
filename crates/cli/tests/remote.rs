//! Models from another hub, as a user has them: against a server on this machine that speaks the hub's protocol, faults included.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod common;
#[path = "../../hub/tests/hub_server/mod.rs"]
mod hub_server;
#[path = "remote/precisions.rs"]
mod precisions;

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{Place, Run, image_model, write_images, write_model};
use hub_server::{Answer, COMMIT, HubServer, NAME};
use precisions::{half, quantized};

const PREPROCESSING: &str = r#"{"image_processor_type": "ViTImageProcessor", "do_resize": true, "size": {"height": 16, "width": 16},
    "resample": 2, "do_rescale": true, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}"#;

/// A repository of an image classifier with its weights in three precisions.
fn repository() -> Vec<(&'static str, Vec<u8>)> {
    let model = image_model(33, 24, 5);
    vec![
        ("README.md", b"# tiny".to_vec()),
        ("config.json", br#"{"model_type": "resnet"}"#.to_vec()),
        ("preprocessor_config.json", PREPROCESSING.as_bytes().to_vec()),
        ("onnx/model.onnx", model.to_bytes().unwrap()),
        ("onnx/model_fp16.onnx", half(model.clone()).to_bytes().unwrap()),
        ("onnx/model_quantized.onnx", quantized(model).to_bytes().unwrap()),
    ]
}

/// A folder with data, and a hub to download from.
fn place() -> (Place, HubServer) {
    let place = Place::new();
    write_images(&place.path("data"), &["apple", "pear", "plum"], 12);
    (place, HubServer::start(repository()))
}

fn command(place: &Place, server: &HubServer, arguments: &[&str]) -> Command {
    place.hub_command(server.address(), arguments)
}

fn run(place: &Place, server: &HubServer, arguments: &[&str]) -> Run {
    Run::from(command(place, server, arguments).output().unwrap())
}

const RANK: [&str; 7] = ["rank", "--hub", "hf:acme/tiny", "--data", "data", "--format", "json"];

#[test]
fn a_repository_ranks_as_a_folder_does_and_its_commit_is_in_the_ranking() {
    let (place, server) = place();
    let ranking = run(&place, &server, &RANK).assert_code(0).json();
    let model = &ranking["models"][0];
    assert_eq!(model["name"], "tiny");
    assert_eq!(model["source"], format!("hf:{NAME}@{COMMIT}"));
    write_model(&place.path("hub/tiny"), &image_model(33, 24, 5));
    let folder = place.run(&[
        "rank",
        "--hub",
        "hub",
        "--data",
        "data",
        "--format",
        "json",
        "--no-cache",
    ]);
    let folder = folder.assert_code(0).json();
    assert_eq!(model["scores"]["logme"], folder["models"][0]["scores"]["logme"]);
    assert!(folder["models"][0].get("source").is_none());

    // What the ranking notes can be given back as it is, and needs no network any more.
    server.forget_requests();
    let source = model["source"].as_str().unwrap();
    let again = run(
        &place,
        &server,
        &["rank", "--hub", source, "--data", "data", "--format", "json"],
    );
    assert_eq!(again.assert_code(0).json()["models"][0]["scores"], model["scores"]);
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_revision_that_is_asked_for_is_the_one_that_is_taken() {
    let (place, server) = place();
    let listing = run(&place, &server, &["hub", "list", "hf:acme/tiny@v1", "--format", "json"])
        .assert_code(0)
        .json();
    assert_eq!(listing["models"][0]["source"], format!("hf:{NAME}@{COMMIT}"));
    assert!(server.requests()[0].path.contains("/revision/v1"));
    run(&place, &server, &["hub", "list", "hf:acme/tiny@v9"]).assert_refused(&["hf:acme/tiny@v9", "revision"]);
    run(&place, &server, &["hub", "list", "hf:acme/../tiny"]).assert_refused(&["hf:ORGANISATION/NAME"]);
}

#[test]
fn pulled_models_need_no_network_and_offline_says_what_is_missing() {
    let (place, server) = place();
    run(&place, &server, &[&RANK[..], &["--offline"]].concat()).assert_refused(&[
        "hf:acme/tiny",
        "not in the cache",
        "--offline",
    ]);
    assert_eq!(server.requests().len(), 0);
    let pulled = run(&place, &server, &["hub", "pull", "hf:acme/tiny", "--format", "json"])
        .assert_code(0)
        .json();
    assert_eq!(pulled["schema"], "ranktune.pull/1");
    let model = &pulled["models"][0];
    assert_eq!(model["source"], format!("hf:{NAME}@{COMMIT}"));
    assert_eq!(model["files"][0], "onnx/model.onnx");
    let folder = std::path::Path::new(model["folder"].as_str().unwrap());
    assert!(folder.starts_with(place.path("hf/hub/models--acme--tiny")) && folder.join("onnx/model.onnx").is_file());
    server.forget_requests();
    run(&place, &server, &[&RANK[..], &["--offline"]].concat()).assert_code(0);
    for more in [
        &["verify", "hf:acme/tiny", "--offline", "--engine", "rten"][..],
        &["inspect", "hf:acme/tiny", "--offline"],
    ] {
        let run = run(&place, &server, &[&["hub"], more].concat());
        assert!(run.assert_code(0).stdout.contains("tiny"), "{run:?}");
    }
    assert_eq!(server.requests().len(), 0);
    place
        .run(&["hub", "pull", "data"])
        .assert_refused(&["nothing to download", "hf:ORGANISATION/NAME"]);
}

#[test]
fn float16_and_int8_are_run_and_only_float_can_be_tuned() {
    let (place, server) = place();
    let score = |precision: &str| {
        let ranking = run(
            &place,
            &server,
            &[
                &RANK[..],
                &["--precision", precision, "--scores", "logme,leep", "--engine", "rten"],
            ]
            .concat(),
        );
        let ranking = ranking.assert_code(0).json();
        let value = |name: &str| ranking["models"][0]["scores"][name]["value"].as_f64().unwrap();
        (value("logme"), value("leep"))
    };
    let (logme, leep) = score("float32");
    for precision in ["float16", "int8"] {
        let (other_logme, other_leep) = score(precision);
        assert!(
            (logme - other_logme).abs() < 0.01,
            "{precision}: {other_logme} against {logme}"
        );
        assert!(
            (leep - other_leep).abs() < 0.01,
            "{precision}: {other_leep} against {leep}"
        );
    }
    for (precision, weights) in [("float32", "float32"), ("float16", "float16"), ("int8", "quantized")] {
        let arguments = [
            "hub",
            "inspect",
            "hf:acme/tiny",
            "--precision",
            precision,
            "--format",
            "json",
        ];
        let listing = run(&place, &server, &arguments).assert_code(0).json();
        assert_eq!(listing["models"][0]["weights"], weights);
        let notes = listing["models"][0]["notes"].to_string();
        assert_eq!(
            notes.contains("can be ranked but not tuned"),
            precision == "int8",
            "{notes}"
        );
    }
    place
        .run(&["hub", "list", "data", "--precision", "int8"])
        .assert_refused(&["--precision", "hf:"]);
}

#[test]
fn a_manifest_mixes_places_and_changes_how_a_model_is_used() {
    let (place, server) = place();
    write_model(&place.path("local"), &image_model(11, 4, 5));
    let manifest = r#"
        [[models]]
        path = "local"
        [[models]]
        hf = "acme/tiny"
        [[models]]
        name = "dark"
        hf = "acme/tiny"
        preprocessing = { image_mean = [0.9, 0.9, 0.9] }
        [[models]]
        name = "map"
        hf = "acme/tiny"
        feature = "map"
        "#;
    fs::write(place.path("models.toml"), manifest).unwrap();
    let arguments = ["rank", "--hub", "models.toml", "--data", "data", "--format", "json"];
    let ranking = run(&place, &server, &arguments).assert_code(0).json();
    let of = |name: &str| {
        let models = ranking["models"].as_array().unwrap();
        models.iter().find(|model| model["name"] == name).unwrap().clone()
    };
    assert_eq!(ranking["models"].as_array().unwrap().len(), 4);
    assert_ne!(
        of("dark")["scores"]["logme"]["value"],
        of("tiny")["scores"]["logme"]["value"]
    );
    assert_eq!(
        (&of("map")["feature_tensor"], &of("tiny")["feature_tensor"]),
        (&"map".into(), &"pooled".into())
    );
    assert_ne!(
        of("map")["scores"]["logme"]["value"],
        of("tiny")["scores"]["logme"]["value"]
    );
    assert!(of("local").get("source").is_none());

    fs::write(
        place.path("models.json"),
        r#"{"models": [{"hf": "acme/tiny", "precison": "int8"}]}"#,
    )
    .unwrap();
    run(&place, &server, &["hub", "list", "models.json"]).assert_refused(&[
        "models.json",
        "line 1",
        "precison",
        "precision",
    ]);
}

#[test]
fn one_repository_that_cannot_be_had_stops_no_other_model() {
    let (place, server) = place();
    write_model(&place.path("local"), &image_model(11, 4, 5));
    let arguments = [
        "rank",
        "--hub",
        "local,hf:acme/none",
        "--data",
        "data",
        "--format",
        "json",
    ];
    let ranking = run(&place, &server, &arguments).assert_code(1).json();
    assert_eq!(ranking["models"][0]["name"], "local");
    assert_eq!(ranking["skipped"][0]["name"], "none");
    assert!(
        ranking["skipped"][0]["reason"].as_str().unwrap().contains("spelling"),
        "{ranking}"
    );
}

#[test]
fn every_refusal_says_what_to_do() {
    let (place, server) = place();
    let refused = |parts: &[&str]| run(&place, &server, &RANK).assert_refused(parts);
    server.falsify(|_, _, _| Answer::new(404, &[("X-Error-Code", "RepoNotFound")], ""));
    refused(&["hf:acme/tiny", "no such public repository", "spelling"]);
    server.falsify(|_, _, _| Answer::new(401, &[("X-Error-Code", "RepoNotFound")], ""));
    refused(&["hf:acme/tiny", "HF_TOKEN"]);
    server.falsify(|_, _, _| Answer::new(403, &[("X-Error-Code", "GatedRepo")], ""));
    refused(&["hf:acme/tiny", "gated", "accept its conditions", "HF_TOKEN"]);
    let without = HubServer::start(vec![("config.json", b"{}".to_vec()), ("model.safetensors", vec![0; 9])]);
    run(&place, &without, &RANK).assert_refused(&["no ONNX model", "optimum-cli export onnx --model acme/tiny"]);
    run(&place, &server, &["rank", "--hub", "starter:audio", "--data", "data"]).assert_refused(&[
        "starter:audio",
        "starter:vision",
        "starter:text",
    ]);
}

#[test]
fn a_connection_that_breaks_is_resumed_and_reported() {
    let (place, server) = place();
    server.falsify(|request, times, mut answer| {
        if request.path.ends_with("model.onnx") && times < 2 {
            let length = answer.body.len();
            answer.set("Content-Length", &length.to_string());
            answer.cut_after = Some(1000);
        }
        answer
    });
    let run = run(&place, &server, &RANK);
    run.assert_code(0);
    assert!(
        run.stderr.contains("retrying in") && run.stderr.contains("resumed at"),
        "{run:?}"
    );
    assert_eq!(server.requests_of("model.onnx")[2].header("range"), Some("bytes=2000-"));
}

#[test]
fn what_is_not_to_be_trusted_is_refused_and_nothing_is_written_outside_the_cache() {
    type Falsify = fn(Answer) -> Answer;
    let faults: [(&str, &str, Falsify); 4] = [
        ("model.onnx", "checksum", |mut answer| {
            answer.body.iter_mut().for_each(|byte| *byte ^= 1);
            answer
        }),
        ("model.onnx", "more than", |mut answer| {
            answer.body.extend([0; 5000]);
            answer.set("Transfer-Encoding", "identity");
            answer
        }),
        ("model.onnx", "12 and 3724 bytes", |mut answer| {
            answer.set("X-Linked-Size", "12");
            answer
        }),
        // Only a file whose SHA-256 the hub states may come from elsewhere, and this one has none.
        ("/config.json", "redirect to another host", |_| {
            Answer::new(302, &[("Location", "http://evil.example/config.json")], "")
        }),
    ];
    for (file, part, fault) in faults {
        let (place, server) = place();
        server.falsify(move |request, _, answer| {
            if request.path.ends_with(file) {
                fault(answer)
            } else {
                answer
            }
        });
        run(&place, &server, &RANK).assert_refused(&["hf:acme/tiny", part]);
        let written = place
            .path("hf/hub/models--acme--tiny/snapshots")
            .join(COMMIT)
            .join(file.trim_start_matches('/'));
        assert!(!written.exists());
    }
    let (place, _) = place();
    let server = HubServer::start(vec![("../../../escape.onnx", vec![1]), ("onnx/model.onnx", vec![2])]);
    run(&place, &server, &RANK).assert_refused(&["escape.onnx", "leads out"]);
    assert!(!place.path("escape.onnx").exists() && !place.path("hf/hub/escape.onnx").exists());
}

#[test]
fn the_token_goes_to_the_hub_and_into_no_message() {
    let (place, server) = place();
    let with_token = |server: &HubServer| {
        let mut command = command(&place, server, &RANK);
        Run::from(command.env("HF_TOKEN", "hf_secret").output().unwrap())
    };
    with_token(&server).assert_code(0);
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.header("authorization") == Some("Bearer hf_secret"))
    );
    let gated = HubServer::start(repository());
    gated.also_called("acme/gated");
    gated.falsify(|_, _, _| Answer::new(403, &[("X-Error-Code", "GatedRepo")], ""));
    let run = with_token(&gated);
    run.assert_refused(&["gated"]);
    assert!(!format!("{run:?}").contains("hf_secret"), "{run:?}");
    // As `hf auth login` leaves it.
    fs::write(place.path("hf/token"), "hf_file\n").unwrap();
    let other = HubServer::start(repository());
    let _ = Run::from(command(&place, &other, &RANK).output().unwrap());
    assert_eq!(other.requests()[0].header("authorization"), Some("Bearer hf_file"));
}

#[test]
fn several_repositories_are_downloaded_at_a_time() {
    let (place, server) = place();
    server.also_called("acme/other");
    let (begun, together) = (AtomicUsize::new(0), std::sync::Arc::new(AtomicUsize::new(0)));
    let seen = together.clone();
    server.falsify(move |request, _, answer| {
        if request.path.ends_with("model.onnx") {
            begun.fetch_add(1, Ordering::SeqCst);
            let until = Instant::now() + Duration::from_secs(5);
            while begun.load(Ordering::SeqCst) < 2 && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(10));
            }
            seen.fetch_max(begun.load(Ordering::SeqCst), Ordering::SeqCst);
        }
        answer
    });
    let pulled = run(
        &place,
        &server,
        &["hub", "pull", "hf:acme/tiny,hf:acme/other", "--format", "json"],
    );
    assert_eq!(pulled.assert_code(0).json()["models"].as_array().unwrap().len(), 2);
    assert_eq!(together.load(Ordering::SeqCst), 2);
}

#[cfg(unix)]
#[test]
fn an_interrupted_download_goes_on_where_it_was_stopped() {
    let (place, server) = place();
    server.falsify(|request, _, mut answer| {
        if request.path.ends_with("model.onnx") {
            answer.drip = Some((200, Duration::from_millis(100)));
        }
        answer
    });
    let child = command(&place, &server, &RANK)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while server.requests_of("model.onnx").is_empty() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(500));
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    let stopped = Run::from(child.wait_with_output().unwrap());
    assert_eq!((stopped.code, stopped.stdout.as_str()), (Some(130), ""), "{stopped:?}");
    assert!(
        stopped.stderr.contains("run the same command to continue"),
        "{stopped:?}"
    );
    server.falsify(|_, _, answer| answer);
    server.forget_requests();
    run(&place, &server, &RANK).assert_code(0);
    assert!(
        server.requests_of("model.onnx")[0]
            .header("range")
            .is_some_and(|range| range != "bytes=0-")
    );
}
