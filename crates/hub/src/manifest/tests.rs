use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{ErrorKind, WeightPrecision};

const TOML: &str = r#"
# two models
[[models]]
path = "resnet50"
feature = "pooled"
preprocessing = { crop_size = 288, image_mean = [0.5, 0.5, 0.5], size = { shortest_edge = 320 } }

[[models]]
name = "bge"
hf = "BAAI/bge-small-en-v1.5"
revision = "refs/pr/1"
precision = "int8"
pooling = "first-token"
license = "MIT"
"#;

const JSON: &str = r#"{"models": [
  {"path": "resnet50", "feature": "pooled",
   "preprocessing": {"crop_size": 288, "image_mean": [0.5, 0.5, 0.5], "size": {"shortest_edge": 320}}},
  {"name": "bge", "hf": "hf:BAAI/bge-small-en-v1.5@refs/pr/1", "precision": "int8", "pooling": "first-token",
   "license": "mit"}
]}"#;

fn toml_error(text: &str) -> String {
    let error = Manifest::from_toml(text, Path::new("")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    error.to_string()
}

fn json_error(text: &str) -> String {
    let error = Manifest::from_json(text, Path::new("")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    error.to_string()
}

#[test]
fn toml_and_json_say_the_same() {
    let manifest = Manifest::from_toml(TOML, Path::new("/hub")).unwrap();
    assert_eq!(manifest, Manifest::from_json(JSON, Path::new("/hub")).unwrap());
    let [resnet, bge] = &manifest.models[..] else {
        panic!("two models")
    };
    assert_eq!(resnet.location, Location::Path("/hub/resnet50".into()));
    assert_eq!(resnet.overrides.preprocessing.as_ref().unwrap()["crop_size"], 288);
    let choice = FileChoice {
        precision: Some(WeightPrecision::Int8),
        file: None,
    };
    let id = RepoId::parse("BAAI/bge-small-en-v1.5@refs/pr/1").unwrap();
    assert_eq!(bge.location, Location::Repository { id, choice });
    assert_eq!(bge.overrides.pooling, Some(TextPooling::FirstToken));
    assert_eq!(bge.overrides.license, Some(License::parse("mit").unwrap()));
    assert!(toml_error("[[models]]\npath = \"x\"\nlicense = \"none of yours\"\n").contains("is not a license"));
}

#[test]
fn a_key_that_is_not_known_is_named_with_its_line_and_the_nearest() {
    let text = "\n[[models]]\npath = \"x\"\npoolng = \"mean\"\n";
    assert_eq!(
        toml_error(text),
        "line 4: unknown key \"poolng\"; did you mean \"pooling\"?"
    );
    let text = "[[models]]\npath = \"x\"\n\npreprocessing = { image_maen = [0.5] }\n";
    assert_eq!(
        toml_error(text),
        "line 4: unknown key \"image_maen\"; did you mean \"image_mean\"?"
    );
    assert!(
        toml_error("[[model]]\npath = \"x\"").starts_with("line 1: unknown key \"model\"; did you mean \"models\"?")
    );
    let text = "{\"models\": [\n{\"path\": \"x\",\n\"Precison\": \"int8\"}]}";
    assert_eq!(
        json_error(text),
        "line 3: unknown key \"Precison\"; did you mean \"precision\"?"
    );
    assert!(toml_error("[[models]]\npath = \"x\"\nlearning_rate = 1").contains("expected one of name, path"));
}

#[test]
fn a_value_that_means_nothing_is_named_with_its_line() {
    for (line, says) in [
        (
            "precision = \"fp8\"",
            "unknown value \"fp8\"; expected one of float32, float16, int8",
        ),
        (
            "pooling = \"max\"",
            "unknown value \"max\"; expected one of mean, first, first-token, last, last-token",
        ),
        ("hf = \"../x\"", "is not a repository"),
        ("name = \"a/b\"", "cannot be the name"),
        ("name = 3", "integer `3`, expected a string"),
        ("feature = \"\"", "empty"),
        ("preprocessing = 3", "preprocessor_config.json"),
    ] {
        let error = toml_error(&format!("[[models]]\n\n{line}\n"));
        assert!(error.starts_with("line 3: ") && error.contains(says), "{line}: {error}");
    }
}

#[test]
fn a_model_is_in_one_place() {
    for (text, says) in [
        ("name = \"x\"", "needs a path or an hf"),
        ("path = \"x\"\nhf = \"a/b\"", "not both"),
        ("path = \"x\"\nrevision = \"main\"", "belong to hf"),
        ("hf = \"a/b@x\"\nrevision = \"y\"", "twice"),
        ("hf = \"a/b\"\nrevision = \"../y\"", "revision"),
    ] {
        let error = toml_error(&format!("[[models]]\n{text}"));
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn names_and_keys_that_are_there_twice_are_refused() {
    let two = "[[models]]\nname = \"x\"\npath = \"a\"\n[[models]]\nname = \"x\"\npath = \"b\"";
    assert_eq!(toml_error(two), "models 1 and 2 are both called \"x\"");
    assert!(
        json_error("{\"models\": [{\"path\": \"a\",\n\"path\": \"b\"}]}").contains("line 2: duplicate field `path`")
    );
    assert!(json_error("{\"models\": [], \"models\": []}").contains("duplicate field `models`"));
    assert!(toml_error("[[models]]\npath = \"a\"\npath = \"b\"").starts_with("line 3: "));
}

#[test]
fn what_is_no_manifest_is_refused() {
    for text in [
        "",
        "models = 3",
        "models = []",
        "[models]\npath = \"x\"",
        "[[models",
        "models = [3]",
        "\u{feff}\0",
    ] {
        toml_error(text);
    }
    let deep = format!("{{\"models\": {}", "[".repeat(100_000));
    for text in [
        "",
        "[]",
        "3",
        "{}",
        "{\"models\": [3]}",
        "{\"models\": [{\"path\": \"x\"}]} x",
        &deep,
    ] {
        json_error(text);
    }
    toml_error(&format!("models = {}", "[".repeat(100_000)));
    let deep = format!(
        "[[models]]\npath = \"x\"\npreprocessing = {{ size = {}1{} }}",
        "[".repeat(5000),
        "]".repeat(5000)
    );
    toml_error(&deep);
}

#[test]
fn a_file_is_read_by_its_ending_and_named_in_errors() {
    let dir = tempfile::tempdir().unwrap();
    let (toml, json) = (dir.path().join("hub.toml"), dir.path().join("hub.JSON"));
    std::fs::write(&toml, TOML).unwrap();
    std::fs::write(&json, JSON).unwrap();
    assert_eq!(Manifest::read(&toml).unwrap(), Manifest::read(&json).unwrap());
    std::fs::write(&toml, b"\xff").unwrap();
    let error = Manifest::read(&toml).unwrap_err().to_string();
    assert!(error.contains("hub.toml: not valid UTF-8"), "{error}");
    assert_eq!(
        Manifest::read(&dir.path().join("none.toml")).unwrap_err().kind(),
        ErrorKind::Io
    );
}

proptest! {
    #[test]
    fn a_manifest_has_the_same_models_in_toml_and_in_json(
        paths in prop::collection::vec("[ -~]{0,12}[!-~]", 1..4),
        feature in prop::option::of("\\PC{0,12}[!-~]"),
        crop_size in 1_u32..1000,
    ) {
        let model = |path: &String| json!({"path": path, "preprocessing": {"crop_size": crop_size}});
        let mut models: Vec<Value> = paths.iter().map(model).collect();
        if let Some(feature) = &feature {
            models[0]["feature"] = json!(feature);
        }
        let document = json!({"models": models});
        // A JSON string is also a TOML string.
        let mut toml = String::new();
        for model in &models {
            toml += "[[models]]\n";
            for (key, value) in model.as_object().unwrap() {
                match value {
                    Value::Object(_) => toml += &format!("{key} = {{ crop_size = {crop_size} }}\n"),
                    value => toml += &format!("{key} = {value}\n"),
                }
            }
        }
        let from_json = Manifest::from_json(&document.to_string(), Path::new("/hub")).unwrap();
        prop_assert_eq!(&from_json, &Manifest::from_toml(&toml, Path::new("/hub")).unwrap());
        for (model, path) in from_json.models.iter().zip(&paths) {
            prop_assert_eq!(&model.location, &Location::Path(Path::new("/hub").join(path)));
        }
        prop_assert_eq!(&from_json.models[0].overrides.feature, &feature);
    }

    #[test]
    fn any_text_is_a_manifest_or_an_error(text in "\\PC{0,60}|(\\[\\[models\\]\\]\n|[a-z]{1,12} = |[\"{}=,0-9\n]){0,12}") {
        let _ = Manifest::from_toml(&text, Path::new(""));
        let _ = Manifest::from_json(&text, Path::new(""));
    }
}
