//! The documents of the repository: links lead somewhere, every page is in the book, and the README stays short.

#![expect(clippy::unwrap_used, reason = "a document that cannot be read is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every Markdown file below a folder.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found
}

fn documents() -> Vec<PathBuf> {
    let root = repository();
    let mut documents: Vec<PathBuf> = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md"]
        .map(|name| root.join(name))
        .to_vec();
    documents.extend(pages(&root.join("docs")));
    documents.extend(pages(&root.join("experiments")));
    documents
}

/// Lines outside of code blocks, which are fenced or indented.
fn prose(text: &str) -> Vec<&str> {
    let mut is_code = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code && !line.starts_with("    ") {
            lines.push(line);
        }
    }
    lines
}

/// What a page links to: `](target)` and `[name]: target`.
fn targets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        let inline = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        found.extend(inline.map(|(target, _)| target.to_owned()));
        if line.starts_with('[')
            && let Some((_, target)) = line.split_once("]: ")
        {
            found.push(target.to_owned());
        }
    }
    found
}

/// A heading's anchor, as GitHub and mdbook make it.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter_map(|letter| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            _ if letter.is_alphanumeric() => Some(letter),
            _ => None,
        })
        .collect()
}

#[test]
fn every_link_leads_to_a_file_and_to_one_of_its_headings() {
    let mut broken = Vec::new();
    for page in documents() {
        let text = fs::read_to_string(&page).unwrap();
        for target in targets(&text) {
            if target.starts_with("https://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((&target, ""));
            let path = match file {
                "" => page.clone(),
                _ => page.parent().unwrap().join(file),
            };
            let is_there = match heading {
                "" => path.exists(),
                _ => fs::read_to_string(&path).is_ok_and(|text| {
                    let mut headings = prose(&text).into_iter().filter(|line| line.starts_with('#'));
                    headings.any(|line| anchor(line) == heading)
                }),
            };
            if !is_there {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_page_is_in_the_summary_of_the_book() {
    let docs = repository().join("docs");
    let summary = fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let listed = targets(&summary);
    let missing: Vec<String> = pages(&docs)
        .iter()
        .map(|page| page.strip_prefix(&docs).unwrap().to_str().unwrap().replace('\\', "/"))
        .filter(|page| page != "SUMMARY.md" && !listed.contains(page))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/SUMMARY.md does not list {}",
        missing.join(", ")
    );
}

#[test]
fn the_readme_has_at_most_150_lines_of_at_most_100_characters() {
    let text = fs::read_to_string(repository().join("README.md")).unwrap();
    assert!(text.lines().count() <= 150, "{} lines", text.lines().count());
    for (at, line) in text.lines().enumerate() {
        assert!(line.chars().count() <= 100, "line {}: {line}", at + 1);
    }
}

#[test]
fn a_paragraph_has_at_most_four_lines() {
    let mut long = Vec::new();
    for page in documents() {
        let text = fs::read_to_string(&page).unwrap();
        for paragraph in prose(&text).split(|line| line.trim().is_empty()) {
            let is_prose =
                |line: &&&str| !line.starts_with(['|', '#', '-', '[', ' ']) && !line.starts_with(char::is_numeric);
            if paragraph.iter().filter(is_prose).count() > 4 {
                long.push(format!("{}: {}", page.display(), paragraph[0]));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// The cells of a table's row, and the code spans in each.
fn code_spans(row: &str) -> Vec<Vec<String>> {
    let spans = |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    row.trim_matches('|').split('|').map(spans).collect()
}

#[test]
fn the_table_of_what_to_add_where_names_folders_and_lists_that_exist() {
    let root = repository();
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let (_, section) = text.split_once("## Where to add things").unwrap();
    let rows: Vec<&str> = section
        .lines()
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert!(rows.len() >= 8, "{rows:?}");
    let mut lists = 0;
    for row in rows {
        let cells = code_spans(row);
        let folder = cells[1][0]
            .split("NAME")
            .next()
            .unwrap()
            .split("FAMILY")
            .next()
            .unwrap();
        let folder = folder.trim_end_matches('…').trim_end_matches("…/");
        assert!(root.join(folder).is_dir(), "{folder} is no folder: {row}");
        for pair in cells[2].windows(2) {
            let [list, file] = pair else { continue };
            if !file.starts_with("crates/") || !file.ends_with(".rs") {
                continue;
            }
            let source = fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}: {row}"));
            assert!(source.contains(list.as_str()), "{file} has no {list}: {row}");
            lists += 1;
        }
    }
    assert!(lists >= 8, "{lists} lists were looked for");
}
