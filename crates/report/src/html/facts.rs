//! A list of facts, names, and samples that could not be read: the data set and the settings of a document.

use askama::Template;
use serde_json::{Map, Value};

use super::render;
use super::text::option;
use crate::ranking::Unreadable;

#[derive(Template)]
#[template(path = "facts.html")]
pub(crate) struct Facts {
    pub command: Option<String>,
    pub list: Vec<(String, String)>,
    /// Classes, labels or columns.
    pub names: Vec<String>,
    /// What `names` are.
    pub names_title: &'static str,
    pub unreadable: Vec<Unreadable>,
}

impl Facts {
    pub(crate) fn html(&self) -> String {
        render(self)
    }
}

/// What the names of a task's targets are.
pub(crate) fn targets(task: &str) -> &'static str {
    match task {
        "multilabel" => "labels",
        "regression" => "target columns",
        "tokens" => "tags",
        _ => "classes",
    }
}

pub(crate) fn owned(list: Vec<(&str, String)>) -> Vec<(String, String)> {
    list.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The options of a document in its order.
pub(crate) fn options(options: &Map<String, Value>) -> impl Iterator<Item = (String, String)> {
    options.iter().map(|(name, value)| (name.clone(), option(value)))
}
