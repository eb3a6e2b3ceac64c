//! The lines below a table for what is not in it.

use crate::ranking::{SkippedModel, Unreadable};

/// The most unreadable samples that are listed.
const SHOWN: usize = 20;

/// One line for each skipped model.
pub(crate) fn skipped_lines(skipped: &[SkippedModel]) -> String {
    skipped
        .iter()
        .map(|model| format!("skipped {}: {}\n", model.name, model.reason))
        .collect()
}

/// The unreadable samples, with a heading.
pub(crate) fn unreadable_lines(unreadable: &[Unreadable]) -> String {
    if unreadable.is_empty() {
        return String::new();
    }
    let mut text = format!("\nleft out ({}):\n", unreadable.len());
    for sample in unreadable.iter().take(SHOWN) {
        // Most reasons begin with the file.
        let place = if sample.reason.starts_with(&sample.file) {
            String::new()
        } else {
            format!("{}: ", sample.file)
        };
        text.push_str(&format!("  {place}{}\n", sample.reason));
    }
    if unreadable.len() > SHOWN {
        text.push_str(&format!(
            "  and {} more, in the JSON document\n",
            unreadable.len() - SHOWN
        ));
    }
    text
}
