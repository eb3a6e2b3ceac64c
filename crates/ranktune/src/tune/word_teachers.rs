//! Teachers' predictions for the words of sentences, streamed: features of all words are never held at once.
//!
//! ```text
//! features of words ──► statistics ──► read-out m_k       first pass
//! features of words ──► ȳ += π_k m_k φ_k(word)            [word, c], second pass
//! ```
//!
//! Predictions are of words, so teachers may have other tokenizers than the target.

use ranktune_core::{BoxError, one_line};
use ranktune_data::DatasetTargets;
use ranktune_features::extract::{Extraction, PreparedModel, WordBlock, extract_words};
use ranktune_scores::{Compat, FeatureView, Statistics, Targets, evidence};

use super::read_out::ReadOut;
use super::teacher_inputs::{TeacherInputs, unusable};
use crate::error::{Error, ErrorKind};

/// Takes the features of words, a block at a time.
type Block<'a> = dyn FnMut(&WordBlock<'_>) -> Result<(), BoxError> + 'a;

/// Runs a model over the training sentences.
fn for_words(inputs: &TeacherInputs<'_>, model: &PreparedModel, take: &mut Block<'_>) -> Result<(), Error> {
    let work = Extraction {
        models: std::slice::from_ref(model),
        dataset: inputs.dataset,
        digests: inputs.digests,
        options: inputs.options,
        progress: inputs.progress,
        interrupt: inputs.interrupt,
    };
    let failed =
        |error: BoxError| ranktune_features::Error::new(ranktune_features::ErrorKind::Inference, one_line(&*error));
    let extracted = extract_words(&work, &mut |block| take(block).map_err(failed));
    extracted.map_err(|error| {
        if error.kind() == ranktune_features::ErrorKind::Interrupted {
            return error.into();
        }
        unusable(model, &one_line(&error))
    })
}

/// The read-out of a model's features of words.
///
/// # Errors
/// [`ErrorKind::Extraction`], naming the model.
pub(super) fn word_read_out(inputs: &TeacherInputs<'_>, model: &PreparedModel) -> Result<ReadOut, Error> {
    let DatasetTargets::Tags { names, sentences, .. } = &inputs.dataset.targets else {
        let message = "expected a data set of tagged words, found one class, label set or number per sample";
        return Err(Error::new(ErrorKind::Data, message));
    };
    let mut statistics: Option<Statistics> = None;
    for_words(inputs, model, &mut |block| {
        let d = block.n_features;
        let statistics = match &mut statistics {
            Some(statistics) => statistics,
            None => statistics.insert(Statistics::for_classes(d, names.len())?),
        };
        let labels = sentences[block.sentences.clone()].concat();
        if labels.is_empty() {
            return Ok(());
        }
        let features = FeatureView::new(block.features, labels.len(), d)?;
        let targets = Targets::classes(&labels, names.len())?;
        Ok(statistics.update(&features, &targets)?)
    })?;
    let statistics = statistics.ok_or_else(|| unusable(model, "extraction returned no features"))?;
    let fit = evidence::fit(&statistics, Compat::Exact).map_err(|error| unusable(model, &one_line(&error)))?;
    Ok(ReadOut::of(&fit, statistics.n_features(), vec![0.0; names.len()]))
}

/// Adds `share` times the predictions of a model's read-out for every word to `values` `[words, c]`.
///
/// # Errors
/// As [`word_read_out`].
pub(super) fn add_word_predictions(
    inputs: &TeacherInputs<'_>,
    model: &PreparedModel,
    read_out: &ReadOut,
    share: f64,
    values: &mut [f32],
) -> Result<(), Error> {
    let c = inputs.dataset.targets.names().len();
    let mut rest = values;
    for_words(inputs, model, &mut |block| {
        let words = block.features.len() / block.n_features.max(1);
        let (own, left) = std::mem::take(&mut rest)
            .split_at_mut_checked(words * c)
            .ok_or("extraction returned more words than there are")?;
        read_out.add_predictions(block.features, share, own);
        rest = left;
        Ok(())
    })
}
