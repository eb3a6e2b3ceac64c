//! What extraction works on, and the samples that cannot be read.

use std::path::PathBuf;

use ranktune_core::{Event, Interrupt, Progress};
use ranktune_data::{Dataset, Digest};

use super::modality::Source;
use super::model::PreparedModel;
use super::options::ExtractOptions;
use crate::{Error, ErrorKind};

/// The share of samples that may be unreadable. More than this is not a few damaged files but a wrong folder, a broken download
/// or an unsupported format.
const UNREADABLE_SHARE: f64 = 0.05;

/// What [`extract`](super::extract) works on.
#[derive(Clone, Copy)]
pub struct Extraction<'a> {
    /// The models.
    pub models: &'a [PreparedModel],
    /// The samples.
    pub dataset: &'a Dataset,
    /// The digest of every sample's content, from [`Dataset::input_digests`].
    pub digests: &'a [Digest],
    /// The options.
    pub options: &'a ExtractOptions,
    /// Receives events.
    pub progress: &'a dyn Progress,
    /// Stops the work early.
    pub interrupt: &'a Interrupt,
}

impl Extraction<'_> {
    pub(super) fn note(&self, text: &str) {
        self.progress.event(Event::Note(text));
    }
}

/// A sample that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableSample {
    /// Its file.
    pub file: PathBuf,
    /// Why it cannot be read.
    pub reason: String,
}

/// Checks that few samples are unreadable.
#[derive(Clone)]
pub(super) struct Tolerance<'a> {
    source: Source<'a>,
    limit: usize,
}

impl<'a> Tolerance<'a> {
    /// 5 % of the samples, but at least one.
    pub(super) fn new(source: &Source<'a>) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a limit need not be exact"
        )]
        let share = (source.len() as f64 * UNREADABLE_SHARE) as usize;
        Self {
            source: source.clone(),
            limit: share.max(1),
        }
    }

    /// Checks the number of unreadable samples; `last` is the row of one, with the reason.
    ///
    /// # Errors
    /// [`ErrorKind::UnreadableInputs`] if there are too many.
    pub(super) fn check(&self, count: usize, last: Option<(usize, &str)>) -> Result<(), Error> {
        let Some((row, reason)) = last.filter(|_| count > self.limit) else {
            return Ok(());
        };
        let message = format!(
            "at least {count} of {} {} cannot be read, more than {:.0} %; the last one: {}: {reason}",
            self.source.len(),
            self.source.noun(),
            100.0 * UNREADABLE_SHARE,
            self.source.place(row).display(),
        );
        Err(Error::new(ErrorKind::UnreadableInputs, message))
    }

    /// The samples that are not valid. The store does not keep the reasons, so they are found again.
    ///
    /// # Errors
    /// [`ErrorKind::UnreadableInputs`] if there are too many.
    pub(super) fn unreadable(&self, valid: &[bool]) -> Result<Vec<UnreadableSample>, Error> {
        let rows: Vec<usize> = (0..valid.len()).filter(|&row| !valid[row]).collect();
        let Some(&last) = rows.last() else {
            return Ok(Vec::new());
        };
        let reason = |row: usize| {
            let fault = self.source.fault(row);
            fault.unwrap_or_else(|| "it could not be read in an earlier run".to_owned())
        };
        self.check(rows.len(), Some((last, &reason(last))))?;
        let sample = |row| UnreadableSample {
            file: self.source.place(row),
            reason: reason(row),
        };
        Ok(rows.into_iter().map(sample).collect())
    }
}

#[cfg(test)]
mod tests {
    use ranktune_data::Inputs;

    use super::*;

    #[test]
    fn one_unreadable_sample_of_few_is_tolerated_and_more_than_5_percent_are_not() {
        for (samples, tolerated) in [(1, 1), (10, 1), (40, 2), (100, 5)] {
            let inputs = Inputs::images((0..samples).map(|at| format!("/nowhere/{at}.png").into()).collect());
            let tolerance = Tolerance::new(&Source::new(&inputs).unwrap());
            assert!(tolerance.check(tolerated, Some((0, "reason"))).is_ok());
            let error = tolerance.check(tolerated + 1, Some((0, "a reason"))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnreadableInputs);
            assert!(error.to_string().contains("/nowhere/0.png: a reason"), "{error}");
        }
    }

    #[test]
    fn samples_that_are_not_valid_are_listed_with_the_reason() {
        let inputs = Inputs::images(vec!["/nowhere/a.png".into(), "/nowhere/b.png".into()]);
        let tolerance = Tolerance::new(&Source::new(&inputs).unwrap());
        assert_eq!(tolerance.unreadable(&[true, true]).unwrap(), []);
        let found = tolerance.unreadable(&[true, false]).unwrap();
        assert_eq!(found[0].file, PathBuf::from("/nowhere/b.png"));
        assert!(!found[0].reason.is_empty());
        assert!(tolerance.unreadable(&[false, false]).is_err());
    }
}
