//! Teachers' predictions for every view of every training sample, computed once by the inference engine.
//!
//! ```text
//! plain features of each teacher ──► read-out m_k, evidence ──► π = softmax(LogME / τ), without those under 2 %
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

/// Teachers with a smaller share are left out: their views cost as much as those of any other, and hardly change the predictions.
const NEGLIGIBLE: f64 = 0.02;

/// A model that may teach.
pub(crate) struct TeacherCandidate {
    pub(crate) model: PreparedModel,
    /// Its LogME in the ranking.
    pub(crate) logme: Option<f64>,
    /// Samples per second in the ranking, where that ran it.
    pub(crate) rate: Option<f64>,
}

/// A candidate that teaches.
pub(crate) struct SelectedTeacher<'a> {
    pub(crate) model: &'a PreparedModel,
    pub(crate) read_out: ReadOut,
    /// Its share π of the predictions; the shares add up to 1.
    pub(crate) share: f64,
    /// The evidence that its share follows from.
    pub(crate) logme: f64,
}

impl SelectedTeacher<'_> {
    /// What the document of a run says of it.
    pub(crate) fn describe(&self) -> Teacher {
        Teacher {
            name: self.model.name().to_owned(),
            weight: self.share,
            logme: Some(self.logme),
        }
    }
}

/// The candidates whose share is not negligible. Where the ranking has the LogME of all, the others run on no sample.
///
/// # Errors
/// As [`read_out`]; [`ErrorKind::Extraction`] where the evidence gives no shares.
pub(crate) fn select<'a>(
    inputs: &TeacherInputs<'_>,
    candidates: &'a [TeacherCandidate],
    temperature: f64,
) -> Result<Vec<SelectedTeacher<'a>>, Error> {
    let mut read_outs: Vec<Option<ReadOut>> = Vec::new();
    let evidence = match ranked_evidence(candidates.iter()) {
        Some(ranked) => ranked,
        None => {
            let fitted = candidates.iter().map(|candidate| read_out(inputs, &candidate.model));
            let fitted = fitted.collect::<Result<Vec<_>, Error>>()?;
            let evidence = fitted.iter().map(|read_out| read_out.evidence).collect();
            read_outs = fitted.into_iter().map(Some).collect();
            evidence
        }
    };
    let mut selected = Vec::new();
    for (place, (candidate, share)) in candidates.iter().zip(kept_shares(&evidence, temperature)).enumerate() {
        let model = &candidate.model;
        let Some(share) = share else {
            let percent = 100.0 * least_share(candidates.len());
            let note = format!(
                "teacher {} is left out: its share is under {percent:.1} %",
                model.name()
            );
            inputs.progress.event(Event::Note(&note));
            continue;
        };
        let fitted = read_outs.get_mut(place).and_then(Option::take);
        selected.push(SelectedTeacher {
            model,
            read_out: fitted.map_or_else(|| read_out(inputs, model), Ok)?,
            share,
            logme: evidence[place],
        });
    }
    if selected.is_empty() {
        let message = "the teachers have no shares, since the LogME of one is not finite; name others with --teachers";
        return Err(Error::new(ErrorKind::Extraction, message));
    }
    Ok(selected)
}

/// The shares π of the candidates that are not negligible, which add up to 1; `None` for the others.
pub(crate) fn kept_shares(evidence: &[f64], temperature: f64) -> Vec<Option<f64>> {
    let all = shares(evidence, temperature);
    let is_kept = |share: &f64| *share >= least_share(all.len());
    let total: f64 = all.iter().copied().filter(is_kept).sum();
    all.iter()
        .map(|share| is_kept(share).then_some(share / total))
        .collect()
}

/// The least share of one of `count` teachers. More than 25 may have small shares only, so it is never above half of an equal one.
fn least_share(count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of models")]
    let half = 0.5 / count.max(1) as f64;
    NEGLIGIBLE.min(half)
}

/// The LogME of the ranking, if it has that of every candidate: shares compare values of one kind.
pub(crate) fn ranked_evidence<'a>(candidates: impl Iterator<Item = &'a TeacherCandidate>) -> Option<Vec<f64>> {
    candidates.map(|candidate| candidate.logme).collect()
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

/// The shares π of all candidates: softmax(LogME / `temperature`), with the LogME of the ranking, or that of the read-outs where the
/// ranking lacks one of them.
pub(crate) fn all_shares<'a>(
    candidates: impl Iterator<Item = &'a TeacherCandidate>,
    read_outs: &[ReadOut],
    temperature: f64,
) -> Vec<f64> {
    let of_read_outs = || read_outs.iter().map(|read_out| read_out.evidence).collect();
    let evidence = ranked_evidence(candidates).unwrap_or_else(of_read_outs);
    shares(&evidence, temperature)
}

/// The combined predictions of the teachers for the first `count` views. An image is decoded once, for all teachers and views.
///
/// # Errors
/// As [`read_out`]; [`ErrorKind::Interrupted`].
pub(crate) fn predictions(
    inputs: &TeacherInputs<'_>,
    teachers: &[SelectedTeacher<'_>],
    (views, count): (&Views, u32),
) -> Result<TeacherPredictions, Error> {
    let c = inputs.dataset.targets.names().len();
    if inputs.dataset.targets.task() == Task::Tokens {
        let mut values = vec![0.0_f32; inputs.dataset.targets.n_predicted() * c];
        for teacher in teachers {
            add_word_predictions(inputs, teacher.model, &teacher.read_out, teacher.share, &mut values)?;
        }
        return of_views(values, 1, c);
    }
    let (dataset, digests) = match inputs.dataset.inputs.files() {
        Some(_) => inputs.dataset.expand(inputs.digests, views, count)?,
        None => (inputs.dataset.clone(), inputs.digests.to_vec()),
    };
    let models: Vec<PreparedModel> = teachers.iter().map(|teacher| teacher.model.clone()).collect();
    let mut parts: Vec<Option<Vec<f32>>> = vec![None; models.len()];
    inputs.features_of(&models, &dataset, &digests, |place, mut features| {
        let mut part = vec![0.0_f32; dataset.targets.n_predicted() * c];
        let teacher = &teachers[place];
        teacher
            .read_out
            .add_predictions(&features.features()?, teacher.share, &mut part);
        parts[place] = Some(part);
        Ok(())
    })?;
    // Models finish in any order: sums of floats are taken in that of the teachers.
    let mut values = vec![0.0_f32; dataset.targets.n_predicted() * c];
    for (part, model) in parts.into_iter().zip(&models) {
        let part = part.ok_or_else(|| unusable(model, "extraction returned no features"))?;
        values.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
    }
    let n_views = dataset.n_samples() / inputs.dataset.n_samples().max(1);
    of_views(values, n_views, c)
}

fn of_views(values: Vec<f32>, n_views: usize, c: usize) -> Result<TeacherPredictions, Error> {
    let n_views = u32::try_from(n_views).unwrap_or(1);
    TeacherPredictions::new(values, n_views, c).map_err(|error| Error::new(ErrorKind::Extraction, one_line(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_under_two_percent_are_left_out_and_the_others_add_up_to_one() {
        // e⁻⁴ of 1 + e⁻¹ + e⁻⁴ is 1.3 %.
        let kept = kept_shares(&[0.5, 0.4, 0.1], 0.1);
        let (first, second) = (kept[0].unwrap(), kept[1].unwrap());
        assert!(kept[2].is_none() && (first + second - 1.0).abs() < 1e-12);
        assert!((first / second - 1.0_f64.exp()).abs() < 1e-9);
        // e⁻³·⁵ is 2.2 %.
        assert!(kept_shares(&[0.5, 0.4, 0.15], 0.1)[2].is_some());
    }

    #[test]
    fn of_many_equal_teachers_none_is_left_out() {
        let kept = kept_shares(&[0.3; 80], 0.1);
        assert!(kept.iter().all(|share| (share.unwrap() - 1.0 / 80.0).abs() < 1e-12));
    }
}
