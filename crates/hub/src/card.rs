//! The model card: `README.md` with metadata in YAML between two lines of `---`.
//!
//! ```text
//! ---
//! license: other
//! license_name: llama3
//! ---
//! # A model
//! ```
//!
//! Only the license is read, so two keys of the outermost level are parsed instead of YAML: a text, a list in brackets, or a list
//! with a dash before each item. What is written otherwise counts as unknown, which excludes a model rather than allowing it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::License;

/// Metadata come first and take kilobytes; cards can be long.
const MAX_BYTES: u64 = 256 << 10;

/// The licenses that the card in `dir` states; none without a card, or where it cannot be read.
pub(crate) fn licenses(dir: &Path) -> Vec<License> {
    let mut bytes = Vec::new();
    let read = File::open(dir.join("README.md")).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes));
    match read {
        Ok(_) => licenses_of(&String::from_utf8_lossy(&bytes)),
        Err(_) => Vec::new(),
    }
}

/// The licenses that the text of a card states.
fn licenses_of(card: &str) -> Vec<License> {
    let Some(metadata) = metadata(card) else {
        return Vec::new();
    };
    stated(&texts(&metadata, "license"), &texts(&metadata, "license_name"))
}

/// The licenses of the metadata `license` and `license_name`, of which the second is the name of a license called `other`.
pub(crate) fn stated(licenses: &[String], names: &[String]) -> Vec<License> {
    let name = |text: &String| License::parse(text).ok().filter(License::is_stated);
    let own = names.first().and_then(name);
    let found = licenses.iter().filter_map(name);
    found
        .map(|license| match &own {
            Some(own) if license.name() == "other" => own.clone(),
            _ => license,
        })
        .collect()
}

/// The lines between the first `---` and the next.
fn metadata(card: &str) -> Option<Vec<&str>> {
    let mut lines = card.trim_start_matches('\u{feff}').lines().map(str::trim_end);
    if lines.next()? != "---" {
        return None;
    }
    let mut metadata = Vec::new();
    for line in lines {
        if line == "---" {
            return Some(metadata);
        }
        metadata.push(line);
    }
    None
}

/// The texts at `key` of the outermost level.
fn texts(metadata: &[&str], key: &str) -> Vec<String> {
    let value = |line: &&str| {
        Some(
            line.strip_prefix(key)?
                .trim_start()
                .strip_prefix(':')?
                .trim()
                .to_owned(),
        )
    };
    let Some((at, value)) = metadata
        .iter()
        .enumerate()
        .find_map(|(at, line)| Some((at, value(line)?)))
    else {
        return Vec::new();
    };
    if let Some(list) = value.strip_prefix('[') {
        let list = list.split(']').next().unwrap_or_default();
        return list.split(',').map(plain).collect();
    }
    if !plain(&value).is_empty() {
        return vec![plain(&value)];
    }
    let items = metadata[at + 1..]
        .iter()
        .map_while(|line| line.trim_start().strip_prefix("- "));
    items.map(plain).collect()
}

/// A text without quotes and without a comment.
fn plain(text: &str) -> String {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote).and_then(|rest| rest.split_once(quote)) {
            return quoted.0.to_owned();
        }
    }
    let comment = if text.starts_with('#') {
        Some(0)
    } else {
        text.find(" #")
    };
    text[..comment.unwrap_or(text.len())].trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(card: &str) -> Vec<String> {
        licenses_of(card).iter().map(License::to_string).collect()
    }

    #[test]
    fn the_license_is_read_in_every_form_that_cards_have() {
        for (metadata, expected) in [
            ("license: apache-2.0", &["apache-2.0"][..]),
            ("language: en\nlicense: MIT # as the original", &["mit"]),
            ("license: \"cc-by-4.0\"\ntags:\n- onnx", &["cc-by-4.0"]),
            ("license : 'bsd-3-clause'", &["bsd-3-clause"]),
            ("license: [mit, \"apache-2.0\"]", &["mit", "apache-2.0"]),
            ("license:\n- mit\n- apache-2.0\ntags:\n- onnx", &["mit", "apache-2.0"]),
            ("license:\n  - mit\nmodel-index: []", &["mit"]),
            (
                "license: other\nlicense_name: llama3\nlicense_link: LICENSE",
                &["llama3"],
            ),
            ("license: other", &["other"]),
            ("license: unknown", &[]),
            ("license:", &[]),
            ("license: {id: mit}", &[]),
            ("license: >-\n  mit", &[]),
            ("base:\n  license: mit", &[]),
            ("license_link: mit\nlicenses: mit", &[]),
            ("license: # none", &[]),
        ] {
            assert_eq!(
                found(&format!("---\n{metadata}\n---\n# Name\n")),
                expected,
                "{metadata}"
            );
            assert_eq!(
                found(&format!("\u{feff}---\r\n{}\r\n---\r\n", metadata.replace('\n', "\r\n"))),
                expected,
                "{metadata}"
            );
        }
    }

    #[test]
    fn a_license_outside_of_the_metadata_is_none() {
        for card in [
            "",
            "# tiny",
            "license: mit",
            "---\nlicense: mit",
            "\n---\nlicense: mit\n---",
            "---\n---\nlicense: mit",
        ] {
            assert_eq!(found(card), [""; 0], "{card:?}");
        }
    }

    #[test]
    fn a_folder_without_a_readable_card_has_no_license() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(licenses(dir.path()), []);
        std::fs::create_dir(dir.path().join("README.md")).unwrap();
        assert_eq!(licenses(dir.path()), []);
        std::fs::remove_dir(dir.path().join("README.md")).unwrap();
        std::fs::write(dir.path().join("README.md"), b"---\nauthor: \xff\nlicense: mit\n---\n").unwrap();
        assert_eq!(licenses(dir.path()), [License::parse("mit").unwrap()]);
    }

    proptest! {
        #[test]
        fn any_card_is_read_without_a_panic(card in "(---\n)?(license(_name)?:( |\\[|\n)?\\PC{0,12}\n|- \\PC{0,6}\n|---\n){0,6}") {
            licenses_of(&card);
        }
    }
}
