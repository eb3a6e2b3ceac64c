//! What a tuning is about to run and what that costs, said before it runs.
//!
//! ```text
//! seconds of the views = Σ over teachers k: images · views / r_k
//! ```
//! r_k are the images per second of the model in the ranking, or the inverse of its latency where the ranking took its features from
//! the cache. The time of the steps is not predicted: it depends on the method, and the first epoch says it.

use std::time::Duration;

use ranktune_core::{Event, Progress, Silent, counted};
use ranktune_data::Dataset;
use ranktune_features::extract::{Extraction, PreparedModel, latencies};
use ranktune_report::format::duration;
use ranktune_train::MethodInfo;

use super::options::TuneOptions;
use super::teacher_inputs::TeacherInputs;
use super::teachers::{TeacherCandidate, kept_shares, ranked_evidence};
use crate::error::Error;

/// Says what will run: the predictions of `teachers`, if there are any, and the epochs.
///
/// # Errors
/// [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted).
pub(crate) fn announce(
    inputs: &TeacherInputs<'_>,
    (method, teachers): (&MethodInfo, &[TeacherCandidate]),
    options: &TuneOptions,
) -> Result<(), Error> {
    let (dataset, progress) = (inputs.dataset, inputs.progress);
    let samples = samples(dataset);
    let mut parts = Vec::new();
    let teaching = teaching(teachers, options.temperature);
    if !teaching.is_empty() {
        let names: Vec<&str> = teaching.iter().map(|teacher| teacher.model.name()).collect();
        let verb = if names.len() == 1 {
            "teacher {} predicts"
        } else {
            "teachers {} predict"
        };
        let who = verb.replace("{}", &names.join(", "));
        parts.push(if dataset.kind().is_text() {
            format!("{who} {samples}")
        } else {
            let views = options.n_views();
            let cost = seconds_of_views(inputs, &teaching, views)?.map_or_else(String::new, |seconds| {
                format!(" (about {}, less what the cache has)", duration(seconds.max(1.0)))
            });
            let views = counted(usize::try_from(views).unwrap_or(usize::MAX), "view");
            format!("{who} {views} of {samples}{cost}")
        });
    }
    let epochs = counted(options.train.epochs, "epoch");
    let is_searched = options.rates().is_some() || options.grid(method).is_some();
    let each = if is_searched { " in each trial" } else { "" };
    parts.push(format!("{epochs} of {samples}{each}"));
    progress.event(Event::Note(&format!("plan: {}", parts.join("; then "))));
    Ok(())
}

/// `450 images`.
fn samples(dataset: &Dataset) -> String {
    let noun = dataset.kind().noun();
    counted(dataset.n_samples(), noun.strip_suffix('s').unwrap_or(noun))
}

/// The candidates that will teach, as far as the ranking says it.
fn teaching(candidates: &[TeacherCandidate], temperature: f64) -> Vec<&TeacherCandidate> {
    let Some(ranked) = ranked_evidence(candidates.iter()) else {
        return candidates.iter().collect();
    };
    let shares = kept_shares(&ranked, temperature);
    let each = candidates.iter().zip(shares);
    each.filter_map(|(candidate, share)| share.map(|_| candidate)).collect()
}

/// Seconds in which the teachers predict all views; `None` where one of them does not run, which the work itself says best.
fn seconds_of_views(
    inputs: &TeacherInputs<'_>,
    teachers: &[&TeacherCandidate],
    views: u32,
) -> Result<Option<f64>, Error> {
    let unknown = teachers.iter().filter(|teacher| teacher.rate.is_none());
    let models: Vec<PreparedModel> = unknown.map(|teacher| teacher.model.clone()).collect();
    let mut measured: Vec<Option<Duration>> = vec![None; models.len()];
    if !models.is_empty() {
        let work = Extraction {
            models: &models,
            dataset: inputs.dataset,
            digests: inputs.digests,
            options: inputs.options,
            // Timed runs are no progress.
            progress: &Silent as &dyn Progress,
            interrupt: inputs.interrupt,
        };
        latencies(&work, |place, latency| measured[place] = latency.ok())?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of images")]
    let rows = inputs.dataset.n_samples() as f64 * f64::from(views);
    let mut measured = measured.into_iter();
    let seconds = teachers.iter().map(|teacher| match teacher.rate {
        Some(rate) => Some(rows / rate),
        None => Some(rows * measured.next()??.as_secs_f64()),
    });
    Ok(seconds.sum())
}
