//! The training samples, as teachers and the target's own read-out see them, and features of them.

use std::borrow::Cow;

use ranktune_core::{Event, Interrupt, Progress, one_line};
use ranktune_data::{Dataset, DatasetTargets, Digest};
use ranktune_features::extract::{ExtractOptions, ExtractedFeatures, Extraction, PreparedModel, extract};

use crate::error::{Error, ErrorKind};
use crate::rank::copies::without_copies;

/// The training samples and how features of them are extracted.
#[derive(Clone, Copy)]
pub(crate) struct TeacherInputs<'a> {
    /// All readable samples of the data set. Plain features are extracted of all of them, so that those of a ranking are reused.
    pub(crate) all: &'a Dataset,
    /// Digests of their contents.
    pub(crate) all_digests: &'a [Digest],
    /// The places of the training samples among them.
    pub(crate) rows: &'a [usize],
    /// The training samples.
    pub(crate) dataset: &'a Dataset,
    /// Digests of their contents.
    pub(crate) digests: &'a [Digest],
    pub(crate) options: &'a ExtractOptions,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) interrupt: &'a Interrupt,
}

/// Features without augmentation, and the targets of their samples.
pub(crate) struct PlainFeatures<'a> {
    /// `[n, d]`, row-major.
    pub(crate) rows: Vec<f32>,
    /// d.
    pub(crate) n_features: usize,
    pub(crate) targets: Cow<'a, DatasetTargets>,
}

impl<'a> TeacherInputs<'a> {
    /// The same inputs with another progress.
    pub(crate) fn with_progress<'b>(&self, progress: &'b dyn Progress) -> TeacherInputs<'b>
    where
        'a: 'b,
    {
        TeacherInputs { progress, ..*self }
    }

    /// A model's features of the training samples, without augmentation.
    ///
    /// # Errors
    /// [`ErrorKind::Extraction`], naming the model.
    pub(crate) fn plain_features(&self, model: &PreparedModel) -> Result<PlainFeatures<'a>, Error> {
        let mut features = self.features(model, self.all, self.all_digests)?;
        let all = features.features()?;
        let d = features.n_features();
        let pick = |rows: &mut dyn Iterator<Item = usize>| -> Vec<f32> {
            rows.flat_map(|row| &all[row * d..(row + 1) * d]).copied().collect()
        };
        // With no more samples than features, copies of a sample make the evidence unbounded.
        if self.dataset.n_samples() <= d {
            let kept = without_copies(self.dataset, self.digests);
            return Ok(PlainFeatures {
                rows: pick(&mut kept.iter().map(|&place| self.rows[place])),
                n_features: d,
                targets: Cow::Owned(self.dataset.targets.select(&kept)),
            });
        }
        Ok(PlainFeatures {
            rows: pick(&mut self.rows.iter().copied()),
            n_features: d,
            targets: Cow::Borrowed(&self.dataset.targets),
        })
    }

    /// A model's features of `dataset`, whose contents have these digests.
    ///
    /// # Errors
    /// As [`features_of`](Self::features_of).
    pub(crate) fn features(
        &self,
        model: &PreparedModel,
        dataset: &Dataset,
        digests: &[Digest],
    ) -> Result<ExtractedFeatures, Error> {
        let mut found = None;
        self.features_of(std::slice::from_ref(model), dataset, digests, |_, features| {
            found = Some(features);
            Ok(())
        })?;
        found.ok_or_else(|| unusable(model, "extraction returned no features"))
    }

    /// Calls `take` with the features of each of `models`, by its place, as soon as it is complete. An input is read once for all of them.
    ///
    /// # Errors
    /// [`ErrorKind::Extraction`], naming the model; [`ErrorKind::Data`] when a file can no longer be read; those of `take`.
    pub(crate) fn features_of(
        &self,
        models: &[PreparedModel],
        dataset: &Dataset,
        digests: &[Digest],
        mut take: impl FnMut(usize, ExtractedFeatures) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let work = Extraction {
            models,
            dataset,
            digests,
            options: self.options,
            progress: self.progress,
            interrupt: self.interrupt,
        };
        let mut first_error = None;
        extract(&work, |place, outcome| {
            let taken = self
                .checked(&models[place], outcome.features)
                .and_then(|features| take(place, features));
            first_error = first_error.take().or(taken.err());
        })?;
        first_error.map_or(Ok(()), Err)
    }

    /// The features of a model, if it has them of all samples.
    fn checked(
        &self,
        model: &PreparedModel,
        features: Result<ExtractedFeatures, ranktune_features::Error>,
    ) -> Result<ExtractedFeatures, Error> {
        let features = features.map_err(|error| unusable(model, &one_line(&error)))?;
        if features.valid().contains(&false) {
            let message = "a file changed during the run and can no longer be read; run the command again";
            self.progress.event(Event::Note(message));
            return Err(Error::new(ErrorKind::Data, message));
        }
        Ok(features)
    }
}

/// The error of a model that cannot be a teacher or have a read-out.
pub(crate) fn unusable(model: &PreparedModel, reason: &str) -> Error {
    Error::new(ErrorKind::Extraction, format!("{}: {reason}", model.name()))
}
