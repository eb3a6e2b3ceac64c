//! The page around the documents.

use askama::Template;

use super::document::{Document, Kind};
use super::{Section, comparison, embed, evaluation, ranking, render, study, training};

const STYLE: &str = include_str!("../../templates/page.css");
const SCRIPT: &str = include_str!("../../templates/page.js");

#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    title: String,
    version: &'static str,
    style: &'static str,
    script: &'static str,
    /// Stands before the documents.
    overview: Option<String>,
    parts: Vec<Part>,
}

/// One document of a page.
struct Part {
    /// From 1; begins the identifiers of its elements.
    place: usize,
    title: String,
    answer: String,
    sections: Vec<Section>,
    file: String,
    json: String,
}

/// The page of one document or of several.
pub fn page(documents: &[Document]) -> String {
    let parts: Vec<Part> = documents
        .iter()
        .enumerate()
        .map(|(index, document)| part(documents, index, document))
        .collect();
    let title = match &parts[..] {
        [part] => part.title.clone(),
        _ => format!("ranktune: {} documents", parts.len()),
    };
    let runs: Vec<_> = documents
        .iter()
        .filter_map(|document| match document.kind() {
            Kind::Training(training) => Some(&**training),
            _ => None,
        })
        .collect();
    let page = render(&Page {
        title,
        version: env!("CARGO_PKG_VERSION"),
        style: STYLE,
        script: SCRIPT,
        overview: training::contest(&runs),
        parts,
    });
    embed::allowed(&page)
}

fn part(documents: &[Document], index: usize, document: &Document) -> Part {
    let place = index + 1;
    let prefix = format!("d{place}");
    let contents = match document.kind() {
        Kind::Ranking(document) => ranking::contents(document, &prefix),
        Kind::Training(document) => training::contents(document, &prefix),
        Kind::Evaluation(document) => evaluation::contents(document, &prefix),
        Kind::Comparison(document) => comparison::contents(document, &prefix),
        Kind::Study(document) => study::contents(document, &prefix),
    };
    let stem = document.file_stem();
    let earlier = documents[..index]
        .iter()
        .filter(|other| other.file_stem() == stem)
        .count();
    Part {
        place,
        title: contents.title,
        answer: contents.answer,
        sections: contents.sections,
        file: match earlier {
            0 => format!("{stem}.json"),
            _ => format!("{stem}-{}.json", earlier + 1),
        },
        json: embed::json(&document.json),
    }
}
