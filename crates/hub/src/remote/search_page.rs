//! One page of the hub's answer to a search.
//!
//! ```text
//! GET /api/models?search=bird&filter=onnx&pipeline_tag=image-classification&sort=downloads&limit=32&expand=sha&expand=siblings…
//! Link: <https://huggingface.co/api/models?…&cursor=…>; rel="next"
//!
//! [{"id": "org/name", "sha": "…", "siblings": [{"rfilename": "onnx/model.onnx"}], "tags": ["onnx", "license:mit"],
//!   "pipeline_tag": "image-classification", "downloads": 17, "gated": false, "private": false,
//!   "safetensors": {"parameters": {"F32": 11689512}, "total": 11689512}}]
//! ```
//!
//! Everything but the names may be missing, and a property of an unexpected type counts as missing: each only describes a
//! repository. The names of files have no sizes here; those come with the listing of a repository at its commit.

use std::collections::BTreeSet;

use serde_json::Value;

use super::http::encode_segment;
use super::select::is_usable;
use crate::repository::is_commit;
use crate::search::is_task;
use crate::{Error, ErrorKind, License, RepoId, SearchQuery, card};

/// The properties that are asked for.
const PROPERTIES: [&str; 10] = [
    "sha",
    "siblings",
    "pipeline_tag",
    "tags",
    "cardData",
    "downloads",
    "gated",
    "private",
    "disabled",
    "safetensors",
];

/// How a repository is gated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    /// Access follows from accepting the conditions.
    Auto,
    /// The authors decide on every request.
    Manual,
}

impl Gate {
    /// `auto` or `manual`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Manual => "manual",
        }
    }
}

/// A repository on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedRepository {
    /// At its commit.
    pub(crate) id: RepoId,
    pub(crate) files: BTreeSet<String>,
    pub(crate) task: Option<String>,
    pub(crate) licenses: Vec<License>,
    /// Number of weights of the repository's own file of weights.
    pub(crate) parameters: Option<u64>,
    pub(crate) downloads: Option<u64>,
    pub(crate) gate: Option<Gate>,
    pub(crate) is_private: bool,
}

/// A repository on a page that cannot be used: what the page calls it, and the fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unlisted {
    pub(crate) name: String,
    pub(crate) fault: String,
}

/// Path and query of the first page for `words`, with `size` repositories on every page.
pub(crate) fn first_page(query: &SearchQuery, words: &str, size: usize) -> String {
    let mut path = format!("/api/models?filter=onnx&sort={}&limit={size}", query.sort.property());
    let mut add = |name: &str, value: &str| path.push_str(&format!("&{name}={}", encode_segment(value)));
    if !words.is_empty() {
        add("search", words);
    }
    if let Some(task) = &query.task {
        add("pipeline_tag", task);
    }
    // The hub finds what has all tags; one of several licenses is not expressible.
    if let [only] = &query.licenses[..] {
        add("filter", &format!("license:{only}"));
    }
    for property in PROPERTIES {
        add("expand", property);
    }
    path
}

/// Path and query of the next page, from the header `Link`. Only the query is used, so that a link leads to no other host.
pub(crate) fn next_page(link: &str) -> Option<String> {
    let mut rest = link;
    while let Some((_, after)) = rest.split_once('<') {
        let (address, parameters) = after.split_once('>')?;
        let own = parameters.split('<').next().unwrap_or_default();
        let is_next = own
            .split([';', ','])
            .any(|part| matches!(part.trim(), "rel=\"next\"" | "rel=next"));
        if is_next {
            let query = address.split('#').next()?.split_once('?')?.1;
            let is_plain = query
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
            return is_plain.then(|| format!("/api/models?{query}"));
        }
        rest = parameters;
    }
    None
}

/// The repositories of a page, in its order.
///
/// # Errors
/// [`ErrorKind::Untrusted`]: the answer is not a list.
pub(crate) fn parse(answer: &[u8]) -> Result<Vec<Result<ListedRepository, Unlisted>>, Error> {
    let page: Vec<Value> = serde_json::from_slice(answer).map_err(|e| {
        let text = "unexpected response from the hub: expected a list of repositories; check HF_ENDPOINT";
        Error::new(ErrorKind::Untrusted, text).caused_by(e)
    })?;
    Ok(page.iter().map(repository).collect())
}

fn repository(item: &Value) -> Result<ListedRepository, Unlisted> {
    let text = |key: &str| item.get(key).and_then(Value::as_str);
    let name = text("id").or_else(|| text("modelId")).unwrap_or_default();
    let fault = |fault: &str| Unlisted {
        name: shown(name),
        fault: fault.to_owned(),
    };
    let id = RepoId::parse(name)
        .ok()
        .filter(|id| id.revision().is_none() && !name.starts_with("hf:"));
    let id = id.ok_or_else(|| fault("its name is not that of a repository"))?;
    if is_true(item, "disabled") {
        return Err(fault("the hub has disabled it"));
    }
    let commit = text("sha").filter(|sha| is_commit(sha));
    let commit = commit.ok_or_else(|| fault("the hub states no commit for it"))?;
    let siblings = item.get("siblings").and_then(Value::as_array);
    let siblings = siblings.ok_or_else(|| fault("the hub lists no files of it"))?;
    let files = siblings.iter().filter_map(|file| file.get("rfilename")?.as_str());
    Ok(ListedRepository {
        id: id.at(commit).map_err(|_| fault("the hub states no commit for it"))?,
        files: files.filter(|name| is_usable(name)).map(str::to_owned).collect(),
        task: text("pipeline_tag").filter(|task| is_task(task)).map(str::to_owned),
        licenses: licenses(item),
        parameters: item.get("safetensors").and_then(|info| info.get("total")?.as_u64()),
        downloads: item.get("downloads").and_then(Value::as_u64),
        gate: match item.get("gated") {
            Some(Value::String(kind)) if kind == "manual" => Some(Gate::Manual),
            Some(Value::String(_) | Value::Bool(true)) => Some(Gate::Auto),
            _ => None,
        },
        is_private: is_true(item, "private"),
    })
}

/// The licenses of the card's metadata, else those among the tags, which the hub derives from them.
fn licenses(item: &Value) -> Vec<License> {
    let texts = |value: Option<&Value>| match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(|text| text.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    };
    let card = |key: &str| texts(item.get("cardData").and_then(|card| card.get(key)));
    let found = card::stated(&card("license"), &card("license_name"));
    if !found.is_empty() {
        return found;
    }
    let tags = texts(item.get("tags"));
    let tagged: Vec<String> = tags
        .iter()
        .filter_map(|tag| tag.strip_prefix("license:").map(str::to_owned))
        .collect();
    card::stated(&tagged, &[])
}

fn is_true(item: &Value, key: &str) -> bool {
    item.get(key) == Some(&Value::Bool(true))
}

/// A name from a server: printable, and not long.
fn shown(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
    if name.is_empty() { "(no name)".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn one(item: Value) -> Result<ListedRepository, Unlisted> {
        parse(json!([item]).to_string().as_bytes()).unwrap().remove(0)
    }

    #[test]
    fn the_first_page_asks_as_the_hub_documents_it() {
        let query: SearchQuery = "x task:image-classification license:mit sort:updated".parse().unwrap();
        assert_eq!(
            first_page(&query, "bird & photographs", 32),
            "/api/models?filter=onnx&sort=lastModified&limit=32&search=bird%20%26%20photographs\
             &pipeline_tag=image-classification&filter=license%3Amit&expand=sha&expand=siblings&expand=pipeline_tag\
             &expand=tags&expand=cardData&expand=downloads&expand=gated&expand=private&expand=disabled&expand=safetensors"
        );
        let several: SearchQuery = "x license:mit license:apache-2.0".parse().unwrap();
        assert!(!first_page(&several, "x", 32).contains("license"));
    }

    #[test]
    fn the_next_page_is_the_query_of_the_link_and_stays_on_the_hub() {
        let next = "https://huggingface.co/api/models?limit=2&cursor=eyI,JCI6%3D";
        for (link, expected) in [
            (
                format!("<{next}>; rel=\"next\""),
                Some("/api/models?limit=2&cursor=eyI,JCI6%3D"),
            ),
            (
                format!("<https://x/?a=1>; rel=\"prev\", <{next}>; rel=\"next\""),
                Some("/api/models?limit=2&cursor=eyI,JCI6%3D"),
            ),
            (
                "<http://evil.example/api/models?cursor=1>; rel=next".to_owned(),
                Some("/api/models?cursor=1"),
            ),
            (
                "<//evil.example/?x=1#y>; rel=\"next\"".to_owned(),
                Some("/api/models?x=1"),
            ),
            (format!("<{next}>; rel=\"prev\""), None),
            (format!("<{next}>"), None),
            ("<https://huggingface.co/api/models>; rel=\"next\"".to_owned(), None),
            ("<https://h/?a b>; rel=\"next\"".to_owned(), None),
            ("<https://h/?a\"b>; rel=\"next\"".to_owned(), None),
            (next.to_owned(), None),
            ("<<><>;rel=\"next\"".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(next_page(&link).as_deref(), expected, "{link}");
        }
    }

    #[test]
    fn a_repository_is_read_with_all_properties_and_with_none() {
        let full = one(json!({
            "_id": "66", "id": "acme/tiny", "sha": COMMIT, "pipeline_tag": "image-classification",
            "siblings": [{"rfilename": "onnx/model.onnx"}, {"rfilename": "config.json"}, {"rfilename": "a\\b"}, {}],
            "tags": ["onnx", "license:mit"], "downloads": 17, "gated": "manual", "private": true,
            "safetensors": {"parameters": {"F32": 1200}, "total": 1200},
        }));
        let full = full.unwrap();
        assert_eq!(full.id.to_string(), format!("hf:acme/tiny@{COMMIT}"));
        assert_eq!(
            full.files.iter().collect::<Vec<_>>(),
            ["config.json", "onnx/model.onnx"]
        );
        assert_eq!(full.licenses, [License::parse("mit").unwrap()]);
        assert_eq!(
            (
                full.task.as_deref(),
                full.parameters,
                full.downloads,
                full.gate,
                full.is_private
            ),
            (
                Some("image-classification"),
                Some(1200),
                Some(17),
                Some(Gate::Manual),
                true
            )
        );
        let bare = one(json!({"modelId": "acme/tiny", "sha": COMMIT, "siblings": []})).unwrap();
        assert_eq!(
            (bare.task, bare.parameters, bare.downloads, bare.gate),
            (None, None, None, None)
        );
        assert!(bare.licenses.is_empty() && bare.files.is_empty() && !bare.is_private);
    }

    #[test]
    fn properties_of_other_types_count_as_missing() {
        let odd = one(json!({
            "id": "acme/tiny", "sha": COMMIT, "siblings": [7, "x", {"rfilename": null}], "pipeline_tag": ["x"],
            "tags": {"license": "mit"}, "cardData": [], "downloads": -1, "gated": 3, "private": "no", "safetensors": 12,
        }));
        let odd = odd.unwrap();
        assert_eq!(
            (odd.task, odd.parameters, odd.downloads, odd.gate),
            (None, None, None, None)
        );
        assert!(odd.licenses.is_empty() && odd.files.is_empty() && !odd.is_private);
        let card = one(json!({"id": "a/b", "sha": COMMIT, "siblings": [],
            "cardData": {"license": "other", "license_name": "acme-community"}, "tags": ["license:other"]}));
        assert_eq!(card.unwrap().licenses, [License::parse("acme-community").unwrap()]);
    }

    #[test]
    fn what_is_no_repository_has_a_fault_and_a_printable_name() {
        for (item, name, fault) in [
            (
                json!({"id": "<script>alert(1)</script>"}),
                "<script>alert(1)</script>",
                "its name",
            ),
            (json!({"id": "a/../b"}), "a/../b", "its name"),
            (json!({"id": "hf:a/b", "sha": COMMIT}), "hf:a/b", "its name"),
            (json!({"id": "a/b@main", "sha": COMMIT}), "a/b@main", "its name"),
            (json!({"id": "\u{1b}[31m"}), "[31m", "its name"),
            (json!({"id": 7}), "(no name)", "its name"),
            (json!(null), "(no name)", "its name"),
            (json!({"id": "a/b", "sha": "main", "siblings": []}), "a/b", "no commit"),
            (json!({"id": "a/b", "siblings": []}), "a/b", "no commit"),
            (json!({"id": "a/b", "sha": COMMIT}), "a/b", "no files"),
            (
                json!({"id": "a/b", "sha": COMMIT, "siblings": [], "disabled": true}),
                "a/b",
                "disabled",
            ),
        ] {
            let found = one(item.clone()).unwrap_err();
            assert!(found.name == name && found.fault.contains(fault), "{item}: {found:?}");
        }
        assert_eq!(one(json!({"id": "x".repeat(9000)})).unwrap_err().name.len(), 100);
    }

    #[test]
    fn an_answer_that_is_no_list_is_not_trusted() {
        for text in ["", "{}", "<html>", "[", r#"{"error":"x"}"#] {
            assert_eq!(
                parse(text.as_bytes()).unwrap_err().kind(),
                ErrorKind::Untrusted,
                "{text}"
            );
        }
        assert!(parse(b"[]").unwrap().is_empty());
    }
}
