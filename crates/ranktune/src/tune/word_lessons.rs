//! What teachers say of the words of sentences: two passes over each, and never all features at once.
//!
//! ```text
//! features of words ──► sums ──► posterior m_k        first pass
//! features of words ──► ȳ += π_k m_k φ_k(word)         [word, c], second pass
//! ```
//!
//! Predictions are of words, so teachers may cut them into other tokens than the target does.

use ranktune_core::one_line;
use ranktune_data::Targets;
use ranktune_features::extract::{Extraction, Prepared, WordBlock, extract_words};
use ranktune_scores::{Compat, FeatureView, Statistics, Targets as ScoreTargets, evidence};

use super::lessons::Classroom;
use super::posterior::Posterior;
use crate::error::{Error, ErrorKind};

/// Takes the features of words a block at a time.
type Block<'a> = dyn FnMut(&WordBlock<'_>) -> Result<(), String> + 'a;

impl Classroom<'_> {
    /// Runs a model over the training sentences.
    fn words(&self, model: &Prepared, take: &mut Block<'_>) -> Result<(), Error> {
        let work = Extraction {
            models: std::slice::from_ref(model),
            dataset: self.dataset,
            digests: self.digests,
            options: self.options,
            progress: self.progress,
            interrupt: self.interrupt,
        };
        let failed = |text| ranktune_features::Error::new(ranktune_features::ErrorKind::Inference, text);
        let extracted = extract_words(&work, &mut |block| take(block).map_err(failed));
        extracted.map_err(|error| match error.kind() {
            ranktune_features::ErrorKind::Interrupted => error.into(),
            _ => Error::new(ErrorKind::Extraction, format!("{}: {}", model.name(), one_line(&error))),
        })
    }

    /// The read-out of a model's features of words.
    ///
    /// # Errors
    /// [`ErrorKind::Extraction`], naming the model.
    pub(super) fn word_posterior(&self, model: &Prepared) -> Result<Posterior, Error> {
        let wrong = |reason: String| Error::new(ErrorKind::Extraction, format!("{}: {reason}", model.name()));
        let Targets::Tags { names, sentences, .. } = &self.dataset.targets else {
            return Err(wrong("the data are no tagged words".to_owned()));
        };
        let text = |error: ranktune_scores::Error| one_line(&error);
        let mut sums: Option<Statistics> = None;
        self.words(model, &mut |block| {
            let d = block.n_features;
            let sums = match &mut sums {
                Some(sums) => sums,
                None => sums.insert(Statistics::for_classes(d, names.len()).map_err(text)?),
            };
            let labels = sentences[block.sentences.clone()].concat();
            if labels.is_empty() {
                return Ok(());
            }
            let features = FeatureView::new(block.features, labels.len(), d).map_err(text)?;
            let targets = ScoreTargets::classes(&labels, names.len()).map_err(text)?;
            sums.update(&features, &targets).map_err(text)
        })?;
        let sums = sums.ok_or_else(|| wrong("the model gave no features".to_owned()))?;
        let fit = evidence::fit(&sums, Compat::Exact).map_err(|error| wrong(text(error)))?;
        Ok(Posterior::of(&fit, sums.n_features(), vec![0.0; names.len()]))
    }

    /// Adds `share` of what a model's read-out says of every word to `values` `[words, c]`.
    ///
    /// # Errors
    /// As [`word_posterior`](Self::word_posterior).
    pub(super) fn add_word_predictions(
        &self,
        model: &Prepared,
        posterior: &Posterior,
        share: f64,
        values: &mut [f32],
    ) -> Result<(), Error> {
        let c = self.dataset.targets.names().len();
        let mut rest = values;
        self.words(model, &mut |block| {
            let words = block.features.len() / block.n_features.max(1);
            let (own, left) = std::mem::take(&mut rest)
                .split_at_mut_checked(words * c)
                .ok_or("the model gave more words than there are")?;
            posterior.add_predictions(block.features, share, own);
            rest = left;
            Ok(())
        })
    }
}
