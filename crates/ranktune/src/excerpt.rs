//! What names a sample to a reader: its file or number, and the beginning of its text.

use ranktune_data::Dataset;

/// Characters of a text that are quoted.
pub(crate) const QUOTED: usize = 120;

/// The file of a sample, or its number.
pub(crate) fn name(dataset: &Dataset, row: usize) -> String {
    dataset.inputs.place(row).display().to_string()
}

/// The beginning of the text of a sample, or of its two texts; `None` for other inputs.
pub(crate) fn text(dataset: &Dataset, row: usize) -> Option<String> {
    let texts = dataset.inputs.as_texts()?;
    let first = quoted(&texts.first[row]);
    Some(match &texts.second {
        Some(second) => format!("{first} / {}", quoted(&second[row])),
        None => first,
    })
}

fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
