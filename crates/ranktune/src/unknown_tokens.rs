//! Texts that a model's tokenizer does not know: of another language, or of another column.

use ranktune_core::counted;
use ranktune_data::{Dataset, Inputs};
use ranktune_features::extract::PreparedModel;

/// Texts or sentences that are looked at.
const SAMPLE: usize = 200;

/// From this share of unknown tokens on, features say more about lengths than about contents.
const MANY: f64 = 0.5;

/// What the user should know about the data as `model` sees them.
pub(crate) fn note(model: &PreparedModel, dataset: &Dataset) -> Option<String> {
    let processor = &model.texts()?.processor;
    let (share, count, what) = match &dataset.inputs {
        Inputs::Texts(texts) => {
            let first = texts.first.iter().take(SAMPLE).map(String::as_str);
            (processor.unknown_share(first), texts.first.len(), "text")
        }
        Inputs::Sentences(sentences) => {
            let words = sentences.words.iter().take(SAMPLE).flatten().map(String::as_str);
            (processor.unknown_share(words), sentences.words.len(), "sentence")
        }
        Inputs::Images(_) => return None,
    };
    // A text that cannot be tokenized is reported where it is used.
    let share = share.ok().flatten().filter(|share| *share >= MANY)?;
    Some(format!(
        "{:.0} % of the tokens of the first {} are unknown to its tokenizer; the texts may be of another language or column, and its score says little",
        100.0 * share,
        counted(count.min(SAMPLE), what)
    ))
}
