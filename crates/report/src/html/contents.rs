//! What a page says of one document.

use super::Section;
use super::text::{isolated, shortened};

/// A document's title, its answer in one sentence, and its sections.
pub(crate) struct Contents {
    pub title: String,
    pub answer: String,
    pub sections: Vec<Section>,
}

/// `What on PATH`; the end of the path is kept where it is long.
pub(crate) fn titled(what: &str, path: &str) -> String {
    let length = path.chars().count();
    let path = if length > 60 {
        format!("…{}", path.chars().skip(length - 59).collect::<String>())
    } else {
        path.to_owned()
    };
    format!("{} on {}", shortened(what, 80), isolated(&path))
}
