//! What extraction works on, and the samples that cannot be read.

use std::path::PathBuf;

use ranktune_core::{Event, Interrupt, Progress};
use ranktune_data::{Dataset, Digest};

use super::modality::Source;
use super::model::PreparedModel;
use super::options::ExtractOptions;
use crate::{Error, ErrorKind};

/// Number of unreadable samples that an error names.
const SHOWN: usize = 3;

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
    share: f64,
    limit: usize,
}

impl<'a> Tolerance<'a> {
    /// `share` of the samples, but at least one.
    pub(super) fn new(source: &Source<'a>, share: f64) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a limit need not be exact"
        )]
        let limit = (source.len() as f64 * share) as usize;
        Self {
            source: source.clone(),
            share,
            limit: limit.max(1),
        }
    }

    /// Adds the unreadable samples of a part to the first of all, which an error names.
    pub(super) fn collect(known: &mut Vec<(usize, String)>, found: &[(usize, String)]) {
        let room = SHOWN.saturating_sub(known.len());
        known.extend(found.iter().take(room).cloned());
    }

    /// Checks the number of unreadable samples; `first` are the rows of the first of them, with the reasons.
    ///
    /// # Errors
    /// [`ErrorKind::UnreadableInputs`] if there are too many.
    pub(super) fn check(&self, count: usize, first: &[(usize, String)]) -> Result<(), Error> {
        if count <= self.limit {
            return Ok(());
        }
        let named = first.iter().take(SHOWN);
        let mut named: Vec<String> = named.map(|(row, reason)| self.named(*row, reason)).collect();
        if count > named.len() {
            named.push("…".to_owned());
        }
        let message = format!(
            "at least {count} of {} {} cannot be read, more than {} % (--max-skipped): {}",
            self.source.len(),
            self.source.noun(),
            100.0 * self.share,
            named.join("; "),
        );
        Err(Error::new(ErrorKind::UnreadableInputs, message))
    }

    /// A sample and why it cannot be read. Most reasons name the file themselves.
    fn named(&self, row: usize, reason: &str) -> String {
        let place = self.source.place(row).display().to_string();
        if reason.contains(&place) {
            reason.to_owned()
        } else {
            format!("{place}: {reason}")
        }
    }

    /// The samples that are not valid. The store does not keep the reasons, so they are found again.
    ///
    /// # Errors
    /// [`ErrorKind::UnreadableInputs`] if there are too many.
    pub(super) fn unreadable(&self, valid: &[bool]) -> Result<Vec<UnreadableSample>, Error> {
        let rows: Vec<usize> = (0..valid.len()).filter(|&row| !valid[row]).collect();
        let reason = |row: usize| {
            let fault = self.source.fault(row);
            fault.unwrap_or_else(|| "it could not be read in an earlier run".to_owned())
        };
        if rows.len() > self.limit {
            let first: Vec<(usize, String)> = rows.iter().take(SHOWN).map(|&row| (row, reason(row))).collect();
            self.check(rows.len(), &first)?;
        }
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
            let tolerance = Tolerance::new(&Source::new(&inputs).unwrap(), 0.05);
            let first = [(0, "a reason".to_owned())];
            assert!(tolerance.check(tolerated, &first).is_ok());
            let error = tolerance.check(tolerated + 1, &first).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnreadableInputs);
            assert!(
                error
                    .to_string()
                    .contains("5 % (--max-skipped): /nowhere/0.png: a reason"),
                "{error}"
            );
        }
    }

    #[test]
    fn another_share_is_tolerated_if_the_user_says_so_and_several_samples_are_named() {
        let inputs = Inputs::images((0..10).map(|at| format!("/nowhere/{at}.png").into()).collect());
        let source = Source::new(&inputs).unwrap();
        let mut valid = [true; 10];
        valid[..4].fill(false);
        assert_eq!(Tolerance::new(&source, 0.5).unreadable(&valid).unwrap().len(), 4);
        let error = Tolerance::new(&source, 0.3).unreadable(&valid).unwrap_err().to_string();
        for expected in [
            "4 of 10",
            "more than 30 %",
            "/nowhere/0.png",
            "/nowhere/1.png",
            "/nowhere/2.png",
            "…",
        ] {
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }

    #[test]
    fn samples_that_are_not_valid_are_listed_with_the_reason() {
        let inputs = Inputs::images(vec!["/nowhere/a.png".into(), "/nowhere/b.png".into()]);
        let tolerance = Tolerance::new(&Source::new(&inputs).unwrap(), 0.05);
        assert_eq!(tolerance.unreadable(&[true, true]).unwrap(), []);
        let found = tolerance.unreadable(&[true, false]).unwrap();
        assert_eq!(found[0].file, PathBuf::from("/nowhere/b.png"));
        assert!(!found[0].reason.is_empty());
        assert!(tolerance.unreadable(&[false, false]).is_err());
    }
}
