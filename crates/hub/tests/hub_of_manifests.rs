//! Hubs that a manifest, a repository or a starter list names.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::fs;
use std::path::Path;

use ranktune_hub::{
    Error, ErrorKind, FileChoice, GraphInput, Hub, ImageLayout, Location, RepoId, Snapshot, Source, TextPooling,
    WeightPrecision, starter,
};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A hub's folder with two models and this manifest.
fn folder(manifest: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for model in ["a", "b"] {
        fs::create_dir(dir.path().join(model)).unwrap();
        fs::write(dir.path().join(model).join("model.onnx"), model).unwrap();
    }
    fs::write(
        dir.path().join("a/preprocessor_config.json"),
        r#"{"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}}"#,
    )
    .unwrap();
    fs::write(dir.path().join("hub.toml"), manifest).unwrap();
    dir
}

fn open(dir: &Path) -> Result<Hub, Error> {
    Hub::open(&[Source::from(dir.join("hub.toml").as_path())])
}

/// A downloader that has every repository but `acme/none`.
fn download(dir: &Path, id: &RepoId, choice: &FileChoice) -> Result<Snapshot, Error> {
    if id.name() == "acme/none" {
        return Err(RepoId::parse("no such thing").unwrap_err());
    }
    let name = choice.file.clone().unwrap_or_else(|| "model.onnx".to_owned());
    let dir = dir.join(id.name().replace('/', "--"));
    let model = dir.join(&name);
    fs::create_dir_all(model.parent().unwrap()).unwrap();
    fs::write(&model, id.name()).unwrap();
    let (id, commit, files) = (id.at(COMMIT)?, COMMIT.to_owned(), vec![name]);
    Ok(Snapshot {
        id,
        commit,
        dir,
        model,
        files,
    })
}

#[test]
fn paths_begin_at_the_manifest_and_overrides_reach_the_entry() {
    let dir = folder(
        "[[models]]\npath = \"a\"\nname = \"small\"\nfeature = \"pooled\"\npooling = \"first-token\"\n\
         preprocessing = { size = { height = 48, width = 48 } }\n\
         [[models]]\npath = \"b/model.onnx\"\n",
    );
    let hub = open(dir.path()).unwrap();
    let names: Vec<&str> = hub.entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["b", "small"]);
    let small = hub.get("small").unwrap();
    assert_eq!(
        (small.feature.as_deref(), &small.pooling),
        (Some("pooled"), &Some(TextPooling::FirstToken))
    );
    let input = GraphInput {
        channels: Some(3),
        height: None,
        width: None,
        layout: ImageLayout::ChannelsFirst,
    };
    assert_eq!(small.image_processor(&input).unwrap().output_shape(), [3, 48, 48]);
    assert_eq!(
        hub.get("b").unwrap().image_processor(&input).unwrap().output_shape(),
        [3, 224, 224]
    );
}

#[test]
fn an_override_that_asks_for_something_unsupported_names_model_and_field() {
    let dir = folder("[[models]]\npath = \"a\"\npreprocessing = { size = 3.5 }\n");
    let hub = open(dir.path()).unwrap();
    let input = GraphInput {
        channels: Some(3),
        height: None,
        width: None,
        layout: ImageLayout::ChannelsFirst,
    };
    let error = hub.entries[0].image_processor(&input).unwrap_err().to_string();
    assert!(
        error.contains("a: preprocessing of the manifest") && error.contains("size"),
        "{error}"
    );
}

#[test]
fn a_model_that_is_not_there_stops_no_other() {
    let dir = folder("[[models]]\npath = \"a\"\n[[models]]\npath = \"../nowhere\"\n[[models]]\npath = \".\"\n");
    let hub = open(dir.path()).unwrap();
    assert_eq!((hub.entries.len(), hub.skipped.len()), (1, 2));
    assert!(
        hub.skipped
            .iter()
            .all(|skipped| skipped.reason.kind() == ErrorKind::NotFound)
    );
    let error = open(folder("[[models]]\npath = \"c\"\n").path()).unwrap_err();
    assert!(error.to_string().contains("relative to the manifest"), "{error}");
}

#[test]
fn a_file_is_two_models_only_where_overrides_differ() {
    let dir = folder("[[models]]\npath = \"a\"\n[[models]]\npath = \"a\"\n[[models]]\npath = \"a\"\nfeature = \"x\"\n");
    let hub = open(dir.path()).unwrap();
    let names: Vec<&str> = hub.entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["a", "a-2"]);
}

#[test]
fn repositories_are_downloaded_named_and_pinned() {
    let dir = folder(
        "[[models]]\nhf = \"acme/tiny\"\nname = \"t\"\n\
         [[models]]\nhf = \"acme/clip@v1\"\nfile = \"onnx/vision_model.onnx\"\nprecision = \"int8\"\n",
    );
    let mut asked = Vec::new();
    let sources = [
        dir.path().join("hub.toml").to_str().unwrap(),
        "hf:acme/mini@v2",
        "hf:acme/none",
    ]
    .map(Source::from);
    let hub = Hub::open_with(&sources, &mut |id, choice| {
        asked.push((id.to_string(), choice.precision, choice.file.clone()));
        download(dir.path(), id, choice)
    })
    .unwrap();
    let file = Some("onnx/vision_model.onnx".to_owned());
    assert_eq!(
        asked[1],
        ("hf:acme/clip@v1".to_owned(), Some(WeightPrecision::Int8), file)
    );
    let names: Vec<&str> = hub.entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["clip", "mini", "t"]);
    let pinned = hub.get("mini").unwrap().pinned.as_ref().unwrap();
    assert_eq!(pinned.to_string(), format!("hf:acme/mini@{COMMIT}"));
    assert_eq!(hub.skipped[0].name, "none");
}

#[test]
fn without_a_downloader_a_repository_says_what_to_do() {
    let error = Hub::open(&[Source::from("hf:acme/tiny")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("hf:acme/tiny"), "{error}");
    assert_eq!(
        Hub::open(&[Source::from("hf:../x")]).unwrap_err().kind(),
        ErrorKind::Malformed
    );
}

#[test]
fn a_starter_list_asks_for_each_of_its_repositories() {
    let dir = tempfile::tempdir().unwrap();
    for name in starter::names() {
        let mut asked = Vec::new();
        let sources = [Source::from(format!("starter:{name}").as_str())];
        let hub = Hub::open_with(&sources, &mut |id, choice| {
            asked.push(id.clone());
            download(dir.path(), id, choice)
        })
        .unwrap();
        let ids = |location| match location {
            Location::Repository { id, .. } => id,
            other => panic!("{other:?}"),
        };
        let listed: Vec<RepoId> = starter::list(name)
            .unwrap()
            .models
            .into_iter()
            .map(|m| ids(m.location))
            .collect();
        assert_eq!(asked, listed);
        assert_eq!(hub.entries.len(), listed.len());
    }
    let error = Hub::open(&[Source::from("starter:audio")]).unwrap_err();
    assert!(error.to_string().contains("starter:vision"), "{error}");
}
