//! Teachers' predictions for every view of every training sample, computed once by the inference engine.
//!
//! ```text
//! plain features of each teacher ──► read-out m_k, evidence ──► π = softmax(LogME / τ)
//! features of its views          ──► ȳ = Σ_k π_k (m_k φ_k(view) + μ)      [sample, view, c]
//! ```
//!
//! Both passes use the feature store, keyed by content: another λ, another split or a second run needs no inference. A teacher
//! takes each view at its own input size, and texts, which have one view, with its own tokenizer. For words see
//! `word_teachers.rs`.

use ranktune_core::{Event, one_line};
use ranktune_data::{Task, Views};
use ranktune_features::extract::PreparedModel;
use ranktune_report::training::Teacher;
use ranktune_train::TeacherPredictions;

use super::calibration;
use super::method::OwnReadOut;
use super::read_out::{ReadOut, shares};
use super::teacher_inputs::{TeacherInputs, unusable};
use super::word_teachers::{add_word_predictions, word_read_out};
use crate::error::{Error, ErrorKind};

/// Teachers with a smaller share are left out: they change predictions of classes by less than a thousandth.
const NEGLIGIBLE: f64 = 1e-3;

/// A model that may teach.
pub(crate) struct TeacherCandidate {
    pub(crate) model: PreparedModel,
    /// Its LogME in the ranking.
    pub(crate) logme: Option<f64>,
}

/// The read-out of a model's plain features.
///
/// # Errors
/// [`ErrorKind::Extraction`], naming the model.
pub(crate) fn read_out(inputs: &TeacherInputs<'_>, model: &PreparedModel) -> Result<ReadOut, Error> {
    if inputs.dataset.targets.task() == Task::Tokens {
        return word_read_out(inputs, model);
    }
    let plain = inputs.plain_features(model)?;
    ReadOut::fit(&plain.rows, plain.n_features, &plain.targets).map_err(|error| unusable(model, &one_line(&error)))
}

/// The read-out of the target model, and its weight beside the head: `head_weight` if given; else the calibrated one, or 0 where
/// samples do not have one class each or are too few to calibrate it.
///
/// # Errors
/// As [`read_out`].
pub(crate) fn own_read_out(
    inputs: &TeacherInputs<'_>,
    model: &PreparedModel,
    head_weight: Option<f64>,
) -> Result<OwnReadOut, Error> {
    if head_weight.is_some() || inputs.dataset.targets.task() != Task::Classification {
        return Ok(OwnReadOut {
            weights: read_out(inputs, model)?.weights,
            head_weight: head_weight.unwrap_or(0.0),
        });
    }
    let plain = inputs.plain_features(model)?;
    let fitted = ReadOut::fit(&plain.rows, plain.n_features, &plain.targets)
        .map_err(|error| unusable(model, &one_line(&error)))?;
    let reason = match calibration::weight(&plain.rows, plain.n_features, &plain.targets) {
        Ok(Some(head_weight)) => {
            return Ok(OwnReadOut {
                weights: fitted.weights,
                head_weight,
            });
        }
        Ok(None) => "no class has two samples, one to fit and one to leave out".to_owned(),
        Err(error) => one_line(&error),
    };
    inputs.progress.event(Event::Note(&format!(
        "the read-out of {} is not combined with its head: {reason}",
        model.name()
    )));
    Ok(OwnReadOut {
        weights: fitted.weights,
        head_weight: 0.0,
    })
}

/// The candidates with their shares π: softmax(LogME / `temperature`), with the LogME of the ranking, or that of the read-outs where
/// the ranking lacks one of them, since shares compare values of one kind.
pub(crate) fn teachers<'a>(
    candidates: impl Iterator<Item = &'a TeacherCandidate> + Clone,
    read_outs: &[ReadOut],
    temperature: f64,
) -> Vec<Teacher> {
    let ranked: Option<Vec<f64>> = candidates.clone().map(|candidate| candidate.logme).collect();
    let evidence = ranked.unwrap_or_else(|| read_outs.iter().map(|read_out| read_out.evidence).collect());
    let weights = shares(&evidence, temperature);
    let each = candidates.zip(weights).zip(evidence);
    each.map(|((candidate, weight), logme)| Teacher {
        name: candidate.model.name().to_owned(),
        weight,
        logme: Some(logme),
    })
    .collect()
}

/// The combined predictions of the teachers for the first `count` views.
///
/// # Errors
/// As [`read_out`]; [`ErrorKind::Interrupted`].
pub(crate) fn predictions(
    inputs: &TeacherInputs<'_>,
    candidates: &[TeacherCandidate],
    read_outs: &[ReadOut],
    teachers: &[Teacher],
    (views, count): (&Views, u32),
) -> Result<TeacherPredictions, Error> {
    let (dataset, digests) = match inputs.dataset.inputs.files() {
        Some(_) => inputs.dataset.expand(inputs.digests, views, count)?,
        None => (inputs.dataset.clone(), inputs.digests.to_vec()),
    };
    let c = inputs.dataset.targets.names().len();
    let is_by_word = inputs.dataset.targets.task() == Task::Tokens;
    let mut values = vec![0.0_f32; dataset.targets.n_predicted() * c];
    for ((candidate, read_out), teacher) in candidates.iter().zip(read_outs).zip(teachers) {
        let share = teacher.weight;
        if share < NEGLIGIBLE {
            let note = format!("teacher {} is left out: its share is {share:.1e}", teacher.name);
            inputs.progress.event(Event::Note(&note));
            continue;
        }
        if is_by_word {
            add_word_predictions(inputs, &candidate.model, read_out, share, &mut values)?;
            continue;
        }
        let mut features = inputs.features(&candidate.model, &dataset, &digests)?;
        let rows = features.features()?;
        read_out.add_predictions(&rows, share, &mut values);
    }
    let n_views = u32::try_from(dataset.n_samples() / inputs.dataset.n_samples().max(1)).unwrap_or(1);
    TeacherPredictions::new(values, n_views, c).map_err(|error| Error::new(ErrorKind::Extraction, one_line(&error)))
}
