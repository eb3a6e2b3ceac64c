//! What the teachers say of every view of every training sample, computed once by the inference engine and kept.
//!
//! ```text
//! plain features of each teacher ──► posterior m_k, evidence ──► π = softmax(LogME / τ)
//! features of its views          ──► ȳ = Σ_k π_k (m_k φ_k(view) + μ)      [sample, view, c]
//! ```
//!
//! Both passes go through the feature store, named by content: another λ, another split of classes or a second run needs no
//! inference. A teacher takes each view at its own input size, texts (which have one view) with its own tokenizer; for words see
//! `word_lessons.rs`.

use std::borrow::Cow;

use ranktune_core::one_line;
use ranktune_core::{Event, Interrupt, Progress};
use ranktune_data::{Dataset, Digest, Targets, Task, Views};
use ranktune_features::extract::{ExtractOptions, Extraction, Features, Prepared, extract};
use ranktune_report::training::Teacher;
use ranktune_train::Lessons;

use super::calibration;
use super::posterior::{Posterior, shares};
use crate::copies::without_copies;
use crate::error::{Error, ErrorKind};

/// A share below which a teacher is not asked: what it says moves predictions of classes by less than a thousandth.
const NEGLIGIBLE: f64 = 1e-3;

/// The training samples, as teachers and the target's own posterior see them.
#[derive(Clone, Copy)]
pub(crate) struct Classroom<'a> {
    /// The samples that plain features are taken of: all readable ones of the data set, so that those of its ranking serve.
    pub(crate) all: &'a Dataset,
    /// Their content.
    pub(crate) all_digests: &'a [Digest],
    /// The places of the training samples among them.
    pub(crate) rows: &'a [usize],
    /// The training samples.
    pub(crate) dataset: &'a Dataset,
    /// Their content.
    pub(crate) digests: &'a [Digest],
    pub(crate) options: &'a ExtractOptions,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) interrupt: &'a Interrupt,
}

/// A teacher before it is asked.
pub(crate) struct Candidate {
    pub(crate) model: Prepared,
    /// LogME by the ranking.
    pub(crate) logme: Option<f64>,
}

impl Classroom<'_> {
    /// The read-out of a model's plain features.
    ///
    /// # Errors
    /// [`ErrorKind::Extraction`], naming the model.
    pub(crate) fn posterior(&self, model: &Prepared) -> Result<Posterior, Error> {
        if self.dataset.targets.task() == Task::Tokens {
            return self.word_posterior(model);
        }
        let (rows, n_features, targets) = self.plain(model)?;
        Posterior::fit(&rows, n_features, &targets).map_err(|reason| unfit(model, &reason))
    }

    /// The read-out of the model that is tuned, and the weight that it bears beside the head: `weight` where that is said; else what is
    /// found, which is 0 where samples have not one class each, or are too few to find it.
    ///
    /// # Errors
    /// As [`posterior`](Self::posterior).
    pub(crate) fn own(&self, model: &Prepared, weight: Option<f64>) -> Result<(Posterior, f64), Error> {
        if weight.is_some() || self.dataset.targets.task() != Task::Classification {
            return Ok((self.posterior(model)?, weight.unwrap_or(0.0)));
        }
        let (rows, n_features, targets) = self.plain(model)?;
        let posterior = Posterior::fit(&rows, n_features, &targets).map_err(|reason| unfit(model, &reason))?;
        let weight = calibration::weight(&rows, n_features, &targets).unwrap_or_else(|reason| {
            let note = format!("the read-out of {} stays out of its head: {reason}", model.name());
            self.progress.event(Event::Note(&note));
            0.0
        });
        Ok((posterior, weight))
    }

    /// A model's plain features of the training samples `[n, d]`, d, and their targets.
    fn plain(&self, model: &Prepared) -> Result<(Vec<f32>, usize, Cow<'_, Targets>), Error> {
        let mut features = self.features(model, self.all, self.all_digests)?;
        let all = features.features()?;
        let d = features.n_features();
        let pick = |rows: &mut dyn Iterator<Item = usize>| -> Vec<f32> {
            rows.flat_map(|row| &all[row * d..(row + 1) * d]).copied().collect()
        };
        // Where there are no more samples than features, copies would make the evidence unbounded.
        if self.dataset.n_samples() <= d {
            let kept = without_copies(self.dataset, self.digests);
            let rows = pick(&mut kept.iter().map(|&place| self.rows[place]));
            return Ok((rows, d, Cow::Owned(self.dataset.targets.select(&kept))));
        }
        Ok((
            pick(&mut self.rows.iter().copied()),
            d,
            Cow::Borrowed(&self.dataset.targets),
        ))
    }

    /// The teachers with their shares, and what they say of the first `count` views together.
    ///
    /// # Errors
    /// As [`posterior`](Self::posterior); [`ErrorKind::Interrupted`].
    pub(crate) fn lessons(
        &self,
        candidates: &[Candidate],
        views: &Views,
        count: u32,
        temperature: f64,
    ) -> Result<(Vec<Teacher>, Lessons), Error> {
        let posteriors = candidates
            .iter()
            .map(|candidate| self.posterior(&candidate.model))
            .collect::<Result<Vec<_>, Error>>()?;
        // The ranking's values, unless one of them is not there: shares compare numbers of one kind only.
        let ranked: Option<Vec<f64>> = candidates.iter().map(|candidate| candidate.logme).collect();
        let evidence = ranked.unwrap_or_else(|| posteriors.iter().map(|posterior| posterior.evidence).collect());
        let weights = shares(&evidence, temperature);
        let (dataset, digests) = match self.dataset.inputs.files() {
            Some(_) => self
                .dataset
                .expand(self.digests, views, count)
                .map_err(|error| Error::new(ErrorKind::Data, error))?,
            None => (self.dataset.clone(), self.digests.to_vec()),
        };
        let c = self.dataset.targets.names().len();
        let of_words = self.dataset.targets.task() == Task::Tokens;
        let mut values = vec![0.0_f32; dataset.targets.n_predicted() * c];
        for ((candidate, posterior), &weight) in candidates.iter().zip(&posteriors).zip(&weights) {
            if weight < NEGLIGIBLE {
                let name = candidate.model.name();
                let note = format!("teacher {name} is not asked: its share is {weight:.1e}");
                self.progress.event(Event::Note(&note));
                continue;
            }
            if of_words {
                self.add_word_predictions(&candidate.model, posterior, weight, &mut values)?;
                continue;
            }
            let mut features = self.features(&candidate.model, &dataset, &digests)?;
            let rows = features.features()?;
            posterior.add_predictions(&rows, weight, &mut values);
        }
        let n_views = u32::try_from(dataset.n_samples() / self.dataset.n_samples().max(1)).unwrap_or(1);
        let teachers = candidates
            .iter()
            .zip(weights)
            .zip(evidence)
            .map(|((candidate, weight), logme)| Teacher {
                name: candidate.model.name().to_owned(),
                weight,
                logme: Some(logme),
            })
            .collect();
        let lessons =
            Lessons::new(values, n_views, c).map_err(|error| Error::new(ErrorKind::Extraction, one_line(&error)))?;
        Ok((teachers, lessons))
    }

    fn features(&self, model: &Prepared, dataset: &Dataset, digests: &[Digest]) -> Result<Features, Error> {
        let work = Extraction {
            models: std::slice::from_ref(model),
            dataset,
            digests,
            options: self.options,
            progress: self.progress,
            interrupt: self.interrupt,
        };
        let mut found = None;
        extract(&work, |_, outcome| found = Some(outcome.features))?;
        let about = |error: ranktune_features::Error| {
            Error::new(ErrorKind::Extraction, format!("{}: {}", model.name(), one_line(&error)))
        };
        let features = match found {
            Some(features) => features.map_err(about)?,
            None => return Err(Error::new(ErrorKind::Extraction, "the model gave no features")),
        };
        if features.valid().contains(&false) {
            let message = "a file changed while it was used and can no longer be read; run the command again";
            self.progress.event(Event::Note(message));
            return Err(Error::new(ErrorKind::Data, message));
        }
        Ok(features)
    }
}

fn unfit(model: &Prepared, reason: &str) -> Error {
    Error::new(ErrorKind::Extraction, format!("{}: {reason}", model.name()))
}
