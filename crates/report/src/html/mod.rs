//! Documents as one self-contained HTML page.
//!
//! The page has the numbers of the documents and nothing else: no date, no path of this machine, no network. The same documents give the
//! same bytes. Every document is embedded as JSON.
//!
//! A page is a list of documents, and a document a list of sections. A section is a template under `templates/` and a file beside this one
//! that fills it; the list of a kind of document is in its `sections` function (`ranking`, `training`). Pictures are drawn by templates
//! too, so that they follow the page's colours and carry their own text (decision 20).

mod chart;
mod comparison;
mod contents;
mod document;
mod embed;
mod evaluation;
mod facts;
mod page;
mod ranking;
mod study;
mod table;
mod text;
mod training;

use std::borrow::Cow;

pub use document::{Document, Kind, ReadError};
pub use page::page;

/// A part of a document's report.
pub(crate) struct Section {
    /// Distinguishes the section from the others of its document, in links.
    pub id: Cow<'static, str>,
    /// The heading.
    pub title: Cow<'static, str>,
    /// What stands under the heading.
    pub html: String,
}

/// Sections in order; a section without content is left out.
#[derive(Default)]
pub(crate) struct Sections(Vec<Section>);

impl Sections {
    /// Adds a section if it has content.
    pub(crate) fn add(
        &mut self,
        id: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
        html: Option<String>,
    ) {
        self.0.extend(html.map(|html| Section {
            id: id.into(),
            title: title.into(),
            html,
        }));
    }

    pub(crate) fn into_list(self) -> Vec<Section> {
        self.0
    }
}

/// Renders a template of this crate.
///
/// Rendering into a string fails only if a value's `Display` does, and all values are strings and numbers.
pub(crate) fn render(template: &impl askama::Template) -> String {
    template.render().unwrap_or_default()
}
