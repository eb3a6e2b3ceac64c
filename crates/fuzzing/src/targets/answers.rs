//! What a hub answers: the listing of a repository, and a page of a search.

use ranktune_hub::remote::answers;

use super::Target;
use crate::outcome::Outcome;

pub(super) const LISTING: Target = Target {
    name: "listing",
    about: "a hub's listing of the files of a repository",
    words: &[
        "../",
        "/etc/",
        "\\\\..\\\\",
        "C:",
        "rfilename",
        "blobId",
        "\"lfs\":{\"sha256\":",
        "null",
        "\\u0000",
        "-1",
    ],
    seeds: || {
        let listing = r#"{"id":"acme/tiny","sha":"0123456789abcdef0123456789abcdef01234567","siblings":[
            {"rfilename":"config.json","size":22,"blobId":"b3ba2a0ab5bb0ee7ce34b26f6ef0bbc8a8b7ac0d"},
            {"rfilename":"onnx/model.onnx","size":9,"blobId":"b3ba2a0ab5bb0ee7ce34b26f6ef0bbc8a8b7ac0d","lfs":
            {"sha256":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd","size":9,"pointerSize":130}}]}"#;
        vec![listing.as_bytes().to_vec()]
    },
    run: |bytes, _| {
        let mut outcome = Outcome::default();
        for name in outcome.add(answers::listing(bytes)).unwrap_or_default() {
            assert!(stays_inside(&name), "a listing with {name:?} was accepted");
        }
        outcome
    },
};

pub(super) const SEARCH: Target = Target {
    name: "search",
    about: "a page of a hub's search, and its link to the next page",
    words: &[
        "http://evil/",
        "rel=\"next\"",
        "?",
        "#",
        "<",
        ">",
        "siblings",
        "gated",
        "license:",
        "null",
        "../",
        "\\u001b[2J",
    ],
    seeds: || {
        let page = r#"[{"id":"acme/tiny","sha":"0123456789abcdef0123456789abcdef01234567","siblings":[{"rfilename":"onnx/model.onnx"},
            {"rfilename":"config.json"}],"pipeline_tag":"feature-extraction","cardData":{"license":"mit"},"tags":["onnx","license:mit"],
            "downloads":7,"gated":"auto","private":false,"safetensors":{"total":1000}}]"#;
        let link = r#"<https://huggingface.co/api/models?limit=2&cursor=abc>; rel="next""#;
        vec![page.as_bytes().to_vec(), link.as_bytes().to_vec()]
    },
    run: |bytes, _| {
        let mut outcome = Outcome::default();
        for name in outcome.add(answers::search(bytes)).unwrap_or_default() {
            assert!(stays_inside(&name), "a search with {name:?} was accepted");
        }
        if let Some(next) = std::str::from_utf8(bytes).ok().and_then(answers::next_page) {
            assert!(next.starts_with("/api/models?"), "the next page is {next:?}");
        }
        outcome
    },
};

/// Whether a file of this name lies in the folder that it is put into.
fn stays_inside(name: &str) -> bool {
    let is_normal = |part| matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir);
    std::path::Path::new(name).components().all(is_normal) && !name.split('\\').any(|part| part == "..")
}
