//! `ranktune.search/1`: repositories that a search on a hub found, as a table and as a manifest.

use serde::{Deserialize, Serialize};

use crate::format::{bytes, count};
use crate::ranking::SkippedModel;
use crate::table::{Align, Style, Table, csv};

/// Name and version of the document.
pub const SCHEMA: &str = "ranktune.search/1";

/// What a search found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchListing {
    /// [`SCHEMA`].
    pub schema: String,
    /// Words and options, as after `search:`.
    pub query: String,
    /// Precision of the files: `float32`, `float16` or `int8`.
    pub precision: String,
    /// In the order of the query.
    pub models: Vec<FoundModel>,
    /// Length of the files of all models; `null` if the hub does not state all.
    pub bytes: Option<u64>,
    /// Length of those that are not in the download cache.
    pub missing_bytes: Option<u64>,
    /// Repositories that the hub found and that cannot be used, or that the query excludes.
    pub skipped: Vec<SkippedModel>,
}

/// One repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundModel {
    /// `ORGANISATION/NAME`.
    pub name: String,
    /// The repository at its commit, in the form of `--hub`: `hf:ORGANISATION/NAME@COMMIT`.
    pub source: String,
    /// The commit.
    pub revision: String,
    /// The task as the hub names it.
    pub task: Option<String>,
    /// The licenses of its card; empty if unknown.
    pub licenses: Vec<String>,
    /// Number of weights.
    pub parameters: Option<u64>,
    /// Whether the number is derived from the size of the files.
    pub parameters_are_estimated: bool,
    /// The ONNX file.
    pub file: String,
    /// Length of the files that would be used.
    pub bytes: Option<u64>,
    /// Length of those that are not in the download cache.
    pub missing_bytes: Option<u64>,
    /// Downloads in the last 30 days.
    pub downloads: Option<u64>,
    /// `auto` or `manual` if conditions have to be accepted first.
    pub gated: Option<String>,
    /// Whether only some accounts see it.
    pub private: bool,
}

/// Skipped repositories that a table names.
const SHOWN: usize = 10;

impl SearchListing {
    /// The repositories as a table, one line for each, with the total size and what was skipped.
    pub fn list(&self, style: Style) -> String {
        let mut text = self.main_table(style).styled(style);
        text.push_str(&format!("\n{}\n", self.total()));
        for model in self.skipped.iter().take(SHOWN) {
            text.push_str(&format!("skipped {}: {}\n", model.name, model.reason));
        }
        if self.skipped.len() > SHOWN {
            let more = self.skipped.len() - SHOWN;
            text.push_str(&format!("skipped {more} more; --format json lists them\n"));
        }
        text
    }

    /// The table of repositories in Markdown.
    pub fn markdown(&self, style: Style) -> String {
        self.main_table(style).markdown()
    }

    /// The repositories as CSV. Names of columns are the keys of the JSON; a value that is not known is empty.
    pub fn csv(&self) -> String {
        let header = [
            "name",
            "source",
            "task",
            "licenses",
            "parameters",
            "parameters_are_estimated",
            "file",
            "bytes",
            "missing_bytes",
            "downloads",
            "gated",
            "private",
        ];
        let number = |value: Option<u64>| value.map_or_else(String::new, |value| value.to_string());
        let rows = self.models.iter().map(|model| {
            vec![
                model.name.clone(),
                model.source.clone(),
                model.task.clone().unwrap_or_default(),
                model.licenses.join(" "),
                number(model.parameters),
                model.parameters_are_estimated.to_string(),
                model.file.clone(),
                number(model.bytes),
                number(model.missing_bytes),
                number(model.downloads),
                model.gated.clone().unwrap_or_default(),
                model.private.to_string(),
            ]
        });
        csv(&header.map(str::to_owned), rows)
    }

    /// The repositories as a manifest in TOML for `--hub`, at their commits.
    pub fn manifest(&self) -> String {
        let mut text = format!("# {}\n# {}\n", comment(&self.query), self.total());
        for model in &self.models {
            text.push_str(&format!("\n# {}\n[[models]]\n", model.summary()));
            text.push_str(&format!("hf = {:?}\nrevision = {:?}\n", model.name, model.revision));
            if self.precision != "float32" {
                text.push_str(&format!("precision = {:?}\n", self.precision));
            }
            if let [license] = &model.licenses[..] {
                text.push_str(&format!("license = {license:?}\n"));
            }
        }
        text
    }

    /// `4 repositories, 380 MB to download`
    fn total(&self) -> String {
        let repositories = match self.models.len() {
            1 => "1 repository".to_owned(),
            count => format!("{count} repositories"),
        };
        match (self.bytes, self.missing_bytes) {
            (_, None) => format!("{repositories}, of which not all state their size"),
            (Some(all), Some(missing)) if missing < all => {
                let cached = bytes(all - missing);
                format!("{repositories}, {} to download, {cached} in the cache", bytes(missing))
            }
            (_, Some(missing)) => format!("{repositories}, {} to download", bytes(missing)),
        }
    }

    fn main_table(&self, style: Style) -> Table {
        let mut columns = vec![
            ("repository", Align::Left),
            ("license", Align::Left),
            ("params", Align::Right),
            ("size", Align::Right),
            ("downloads", Align::Right),
            ("access", Align::Left),
            ("task", Align::Left),
        ];
        if style.is_wide {
            columns.extend([("file", Align::Left), ("commit", Align::Left)]);
        }
        let mut table = Table::new(&columns);
        for model in &self.models {
            let mut row = vec![
                model.name.clone(),
                model.license(),
                model.parameters_cell(),
                model.bytes.map_or_else(unknown, bytes),
                model.downloads.map_or_else(unknown, count),
                model.access(),
                model.task.clone().unwrap_or_else(unknown),
            ];
            if style.is_wide {
                row.extend([model.file.clone(), model.revision.clone()]);
            }
            table.row(row);
        }
        table
    }
}

impl FoundModel {
    fn license(&self) -> String {
        if self.licenses.is_empty() {
            return unknown();
        }
        self.licenses.join(" and ")
    }

    fn parameters_cell(&self) -> String {
        let about = if self.parameters_are_estimated { "≈ " } else { "" };
        self.parameters
            .map_or_else(unknown, |parameters| format!("{about}{}", count(parameters)))
    }

    /// `open`, `gated` or `private`.
    fn access(&self) -> String {
        match (&self.gated, self.private) {
            (Some(_), _) => "gated",
            (None, true) => "private",
            (None, false) => "open",
        }
        .to_owned()
    }

    /// What is known, on one line.
    fn summary(&self) -> String {
        let mut parts = vec![
            format!("{} parameters", self.parameters_cell()),
            self.bytes.map_or_else(unknown, bytes),
            format!("license {}", self.license()),
            format!("{} downloads", self.downloads.map_or_else(unknown, count)),
        ];
        if self.gated.is_some() {
            parts.push("gated: accept its conditions on its page first".to_owned());
        }
        comment(&parts.join(", "))
    }
}

fn unknown() -> String {
    "–".to_owned()
}

/// Text that stays on the line of a comment.
fn comment(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing() -> SearchListing {
        let model = FoundModel {
            name: "acme/bird".to_owned(),
            source: "hf:acme/bird@0123".to_owned(),
            revision: "0123".to_owned(),
            task: Some("image-classification".to_owned()),
            licenses: vec!["mit".to_owned()],
            parameters: Some(25_600_000),
            parameters_are_estimated: true,
            file: "onnx/model.onnx".to_owned(),
            bytes: Some(102_000_000),
            missing_bytes: Some(2_000_000),
            downloads: Some(12_345),
            gated: None,
            private: false,
        };
        let bare = FoundModel {
            name: "acme/other".to_owned(),
            licenses: Vec::new(),
            task: None,
            parameters: None,
            parameters_are_estimated: false,
            downloads: None,
            gated: Some("auto".to_owned()),
            ..model.clone()
        };
        SearchListing {
            schema: SCHEMA.to_owned(),
            query: "bird".to_owned(),
            precision: "float32".to_owned(),
            bytes: Some(204_000_000),
            missing_bytes: Some(4_000_000),
            models: vec![model, bare],
            skipped: (0..12)
                .map(|number| SkippedModel {
                    name: format!("acme/{number}"),
                    reason: "its license is unknown".to_owned(),
                })
                .collect(),
        }
    }

    #[test]
    fn the_table_has_what_is_known_and_the_total() {
        let text = listing().list(Style::default());
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            lines[1],
            [
                "acme/bird",
                "mit",
                "≈",
                "25.6",
                "M",
                "102.0",
                "MB",
                "12",
                "k",
                "open",
                "image-classification"
            ]
        );
        assert_eq!(lines[2], ["acme/other", "–", "–", "102.0", "MB", "–", "gated", "–"]);
        assert!(
            text.contains("\n2 repositories, 4.0 MB to download, 200.0 MB in the cache\n"),
            "{text}"
        );
        assert!(text.contains("skipped acme/9:") && text.ends_with("skipped 2 more; --format json lists them\n"));
        let unknown = SearchListing {
            missing_bytes: None,
            ..listing()
        };
        assert!(unknown.list(Style::default()).contains("not all state their size"));
    }

    #[test]
    fn a_manifest_states_commit_license_and_precision() {
        let half = SearchListing {
            precision: "float16".to_owned(),
            query: "bird\nhf = 1".to_owned(),
            ..listing()
        };
        let text = half.manifest();
        assert!(text.starts_with("# birdhf = 1\n# 2 repositories, 4.0 MB"), "{text}");
        let entry = "[[models]]\nhf = \"acme/bird\"\nrevision = \"0123\"\nprecision = \"float16\"\nlicense = \"mit\"\n";
        assert!(text.contains(entry), "{text}");
        assert_eq!(text.matches("license = ").count(), 1, "{text}");
        assert!(text.contains("gated: accept its conditions"), "{text}");
        assert!(!listing().manifest().contains("precision"));
    }
}
