//! One linear head on the cached features of several models, which stay as they are. See the method's own file for the equations.
//!
//! ```text
//! f_k(x), k = 1…K ──► g_k f_k side by side ──► read-out of maximum evidence M [Σ d_k, c] ──► W_k = κ g_k M_kᵀ     concatenated
//!                └──► read-out of each, m_k, and π = softmax(LogME/τ)                  ──► W_k = κ π_k m_kᵀ        evidence-weighted
//! ```
//!
//! g_k brings the features of model k to a mean square of 1/d_k, so that the prior of the evidence treats models alike. κ makes logits of
//! the predictions of classes: by cross-validation (`calibration.rs`); numbers have κ = 1 and the mean of the targets as bias; labels have
//! `z = κ (ŷ − ½)`, κ the inverse of the squared error. The better of the two on the validation samples is written; without any,
//! the concatenated one.

use std::time::Instant;

use ranktune_core::{Event, Interrupt, Progress, one_line};
use ranktune_data::{Dataset, DatasetTargets};
use ranktune_features::extract::{ExtractOptions, FeatureChoice};
use ranktune_nn::head::{BIAS, WEIGHT};
use ranktune_onnx::{Model, Tensor};
use ranktune_report::Training;
use ranktune_report::training::{Measured, Member as MemberRow, SCHEMA};
use serde_json::{Map, json};

use super::calibration::{calibrated, left_out_predictions};
use super::folder::OutputFolder;
use super::judged::judge;
use super::members::{self, Member, joined};
use super::metrics;
use super::network::{self, SourceHead};
use super::options::TuneOptions;
use super::read_out::ReadOut;
use super::splits::{DataSplit, DataSplits};
use super::stages::{Labelled, Stage, Stages};
use super::teacher_inputs::{TeacherInputs, unusable};
use super::teachers::all_shares;
use crate::ensemble::{Combination, EnsembleFile, FILE, member_folder, member_path};
use crate::error::{Error, ErrorKind};
use crate::evaluate::ones;
use crate::rank::copies::without_copies;
use crate::sources::Sources;

/// Features of one model.
struct Rows {
    values: Vec<f32>,
    width: usize,
}

/// A joint head: for each member its part, and one bias.
struct JointHead {
    kind: &'static str,
    /// W_k `[c, d_k]`, row-major.
    parts: Vec<Vec<f32>>,
    bias: Vec<f32>,
    /// The share of each member.
    weights: Vec<f64>,
    calibration: f64,
}

/// Fits the head and writes the members.
///
/// # Errors
/// As [`tune`](super::tune()).
pub(super) fn run(
    sources: &Sources,
    dataset: &Dataset,
    options: &TuneOptions,
    (progress, interrupt): (&dyn Progress, &Interrupt),
) -> Result<Training, Error> {
    let begun = Instant::now();
    let folder = OutputFolder::open(&options.out, options.resume)?;
    for note in &dataset.notes {
        progress.event(Event::Note(note));
    }
    let splits = DataSplits::read(dataset, options, progress)?;
    let planned = [
        (Stage::Ranking, members::makes_ranking(options)),
        (Stage::JointHead, true),
        (Stage::Evaluation, true),
    ];
    let planned = planned.into_iter().filter(|(_, is_planned)| *is_planned);
    let stages = Stages::new(planned.map(|(stage, _)| stage).collect(), progress);
    let members = members::select(sources, dataset, options, &stages, (progress, interrupt))?;
    stages.start(Stage::JointHead);
    let extract = ExtractOptions {
        feature: FeatureChoice::Auto,
        ..options.extract.clone()
    };
    let labelled = Labelled {
        label: "read-out",
        progress,
    };
    let inputs = TeacherInputs {
        all: &splits.all,
        all_digests: &splits.all_digests,
        rows: &splits.train_rows,
        dataset: &splits.train.dataset,
        digests: &splits.train.digests,
        options: &extract,
        progress: &labelled,
        interrupt,
    };
    let (head, validated) = fit(&inputs, &members, &splits, options)?;
    let mut names = Vec::new();
    for (place, (member, part)) in members.iter().zip(&head.parts).enumerate() {
        let name = member_folder(member.name());
        let own = OutputFolder::within(member_path(&folder.path, &name))?;
        let bias = if place == 0 {
            head.bias.clone()
        } else {
            vec![0.0; head.bias.len()]
        };
        let model = headed(member, (part, &bias), &splits, options.train.seed, progress)?;
        own.write_model(&model, &member.candidate.model, member.entry.dir.as_deref(), dataset)?;
        names.push(name);
    }
    folder.write_ensemble(FILE, &EnsembleFile::new(Combination::Logits, names))?;
    stages.start(Stage::Evaluation);
    let metrics = metrics::of_splits(&folder, &splits, options, progress, interrupt)?;
    let seconds = begun.elapsed().as_secs_f64();
    let training = Training {
        schema: SCHEMA.to_owned(),
        model: joined(members.iter().map(Member::name)),
        model_digest: joined(members.iter().map(|member| member.candidate.model.digest())),
        source: None,
        method: options.method.clone(),
        teachers: Vec::new(),
        task: dataset.targets.task().name().to_owned(),
        data: splits.describe(dataset),
        settings: Map::from_iter([
            ("head".to_owned(), json!(head.kind)),
            ("calibration".to_owned(), json!(head.calibration)),
            ("temperature".to_owned(), json!(options.temperature)),
            ("heads".to_owned(), json!(validated)),
        ]),
        seed: options.train.seed,
        epochs: 0,
        chosen_epoch: 0,
        metrics,
        history: Vec::new(),
        rate_curve: Vec::new(),
        lambda_curve: Vec::new(),
        seconds,
        time: Some(stages.time_spent().of_run(seconds)),
        seconds_per_step: 0.0,
        steps: 0,
        stopped: None,
        members: members
            .iter()
            .zip(&head.weights)
            .map(|(member, &weight)| MemberRow {
                name: member.name().to_owned(),
                weight,
            })
            .collect(),
        contest: Vec::new(),
        unreadable: splits.unreadable.clone(),
    };
    folder.write_document(&training)?;
    Ok(training)
}

/// Both heads, of which the validation samples choose one. Returns it, and the validation of each by name.
fn fit(
    inputs: &TeacherInputs<'_>,
    members: &[Member],
    splits: &DataSplits,
    options: &TuneOptions,
) -> Result<(JointHead, Map<String, serde_json::Value>), Error> {
    // Copies of a sample make the evidence unbounded where there are fewer samples than features.
    let kept = without_copies(inputs.dataset, inputs.digests);
    let targets = inputs.dataset.targets.select(&kept);
    let places: Vec<usize> = kept.iter().map(|&place| inputs.rows[place]).collect();
    let rows = members
        .iter()
        .map(|member| features(inputs, member, (inputs.all, inputs.all_digests), Some(&places)))
        .collect::<Result<Vec<_>, Error>>()?;
    let heads = [
        concatenated(members, &rows, &targets)?,
        evidence_weighted(members, &rows, &targets, options)?,
    ];
    let Some(validation) = &splits.validation else {
        let [first, _] = heads;
        return Ok((first, Map::new()));
    };
    let part = (&validation.dataset, validation.digests.as_slice());
    let held = members
        .iter()
        .map(|member| features(inputs, member, part, None))
        .collect::<Result<Vec<_>, Error>>()?;
    let mut rows_by_kind = Map::new();
    let mut best: Option<(JointHead, Measured)> = None;
    for head in heads {
        let logits = head.logits(&held, validation);
        let found = judge(
            &logits,
            head.bias.len(),
            &validation.dataset.targets,
            options.train.seed,
        )?
        .measured;
        inputs.progress.event(Event::Done(&format!(
            "{} head: validation {} {:.4}, loss {:.4}",
            head.kind, found.metric, found.value, found.loss
        )));
        rows_by_kind.insert(
            head.kind.to_owned(),
            json!({"metric": found.metric, "value": found.value, "loss": found.loss}),
        );
        let is_better = best
            .as_ref()
            .is_none_or(|(_, best)| found.value > best.value || (found.value == best.value && found.loss < best.loss));
        if is_better {
            best = Some((head, found));
        }
    }
    let (head, _) = best.ok_or_else(|| Error::new(ErrorKind::Training, "there is no head to choose"))?;
    Ok((head, rows_by_kind))
}

/// The features of a member, of all samples of `part` or of those at `places`.
fn features(
    inputs: &TeacherInputs<'_>,
    member: &Member,
    (dataset, digests): (&Dataset, &[ranktune_data::Digest]),
    places: Option<&[usize]>,
) -> Result<Rows, Error> {
    let mut found = inputs.features(&member.candidate.model, dataset, digests)?;
    let (all, width) = (found.features()?, found.n_features());
    let values = match places {
        None => all,
        Some(places) => {
            let rows = places.iter().flat_map(|&row| &all[row * width..(row + 1) * width]);
            rows.copied().collect()
        }
    };
    Ok(Rows { values, width })
}

impl JointHead {
    /// `Σ_k W_k f_k + b` `[n, c]`.
    fn logits(&self, rows: &[Rows], part: &DataSplit) -> Vec<f32> {
        let (n, c) = (part.dataset.n_samples(), self.bias.len());
        let mut logits: Vec<f32> = Vec::with_capacity(n * c);
        for sample in 0..n {
            for (class, bias) in self.bias.iter().enumerate() {
                let each = rows.iter().zip(&self.parts).map(|(rows, part)| {
                    let own = &rows.values[sample * rows.width..(sample + 1) * rows.width];
                    let weights = &part[class * rows.width..(class + 1) * rows.width];
                    own.iter()
                        .zip(weights)
                        .map(|(f, w)| f64::from(*f) * f64::from(*w))
                        .sum::<f64>()
                });
                #[expect(clippy::cast_possible_truncation, reason = "logits are in f32")]
                logits.push((f64::from(*bias) + each.sum::<f64>()) as f32);
            }
        }
        logits
    }
}

/// κ and the bias of predictions: see the head of this file. `left_out` are those of classes by cross-validation, `fitted` those on the
/// samples themselves.
fn outputs(left_out: Option<&[f32]>, fitted: &[f32], mean: &[f32], targets: &DatasetTargets) -> (f64, Vec<f32>) {
    match targets {
        DatasetTargets::Classes { names, labels } => {
            // Without a class of two samples there is nothing to calibrate on.
            let kappa = left_out.map_or(10.0, |predicted| calibrated(predicted, labels, names.len()));
            (kappa, vec![0.0; names.len()])
        }
        DatasetTargets::MultiLabel { names, rows } => {
            let truth = ones(rows, names.len());
            let square: f64 = fitted
                .iter()
                .zip(&truth)
                .map(|(found, truth)| f64::from(found - truth).powi(2))
                .sum();
            let kappa = 1.0 / (square / fitted.len().max(1) as f64).max(0.02);
            #[expect(clippy::cast_possible_truncation, reason = "training is in f32")]
            let bias = (-0.5 * kappa) as f32;
            (kappa, vec![bias; names.len()])
        }
        _ => (1.0, mean.to_vec()),
    }
}

/// W `[c, d]` = `factor` · mᵀ, of m `[d, c]` at `rows` of the read-out.
fn transposed(weights: &[f32], rows: std::ops::Range<usize>, c: usize, factor: f64) -> Vec<f32> {
    let width = rows.len();
    let mut part = vec![0.0; c * width];
    for (at, row) in rows.enumerate() {
        for class in 0..c {
            #[expect(clippy::cast_possible_truncation, reason = "training is in f32")]
            let value = (factor * f64::from(weights[row * c + class])) as f32;
            part[class * width + at] = value;
        }
    }
    part
}

/// The read-out of all features side by side.
fn concatenated(members: &[Member], rows: &[Rows], targets: &DatasetTargets) -> Result<JointHead, Error> {
    let n = targets.n_samples();
    let width: usize = rows.iter().map(|rows| rows.width).sum();
    let factors: Vec<f64> = rows.iter().map(factor).collect();
    let mut joint = Vec::with_capacity(n * width);
    for sample in 0..n {
        for (rows, factor) in rows.iter().zip(&factors) {
            let own = &rows.values[sample * rows.width..(sample + 1) * rows.width];
            #[expect(clippy::cast_possible_truncation, reason = "features are in f32")]
            joint.extend(own.iter().map(|value| (f64::from(*value) * factor) as f32));
        }
    }
    let names = || joined(members.iter().map(Member::name));
    let failed =
        |error: &ranktune_scores::Error| Error::new(ErrorKind::Extraction, format!("{}: {}", names(), one_line(error)));
    let fitted = ReadOut::fit(&joint, width, targets).map_err(|error| failed(&error))?;
    let left_out = left_out_predictions(&joint, width, targets).map_err(|error| failed(&error))?;
    let c = fitted.mean.len();
    let mut own = vec![0.0; n * c];
    fitted.add_predictions(&joint, 1.0, &mut own);
    let (kappa, bias) = outputs(left_out.as_deref(), &own, &fitted.mean, targets);
    let mut start = 0;
    let parts = rows.iter().zip(&factors).map(|(rows, factor)| {
        let range = start..start + rows.width;
        start = range.end;
        transposed(&fitted.weights, range, c, kappa * factor)
    });
    Ok(JointHead {
        kind: "concatenated",
        parts: parts.collect(),
        bias,
        weights: vec![1.0 / rows.len() as f64; rows.len()],
        calibration: kappa,
    })
}

/// g, which brings the features to a mean square of 1/d.
fn factor(rows: &Rows) -> f64 {
    let square: f64 = rows.values.iter().map(|value| f64::from(*value).powi(2)).sum();
    let mean = square / rows.values.len().max(1) as f64;
    if mean > 0.0 {
        1.0 / (mean * rows.width as f64).sqrt()
    } else {
        1.0
    }
}

/// The teachers of B-Tuning: the read-outs of all members, weighed by their evidence.
fn evidence_weighted(
    members: &[Member],
    rows: &[Rows],
    targets: &DatasetTargets,
    options: &TuneOptions,
) -> Result<JointHead, Error> {
    let fitted = members
        .iter()
        .zip(rows)
        .map(|(member, rows)| {
            ReadOut::fit(&rows.values, rows.width, targets)
                .map_err(|error| unusable(&member.candidate.model, &one_line(&error)))
        })
        .collect::<Result<Vec<ReadOut>, Error>>()?;
    let candidates = members.iter().map(|member| &member.candidate);
    let weights = all_shares(candidates, &fitted, options.temperature);
    let c = fitted[0].mean.len();
    let n = targets.n_samples();
    let (mut own, mut left_out, mut mean) = (vec![0.0; n * c], Some(vec![0.0_f32; n * c]), vec![0.0_f32; c]);
    for (((member, rows), read_out), &weight) in members.iter().zip(rows).zip(&fitted).zip(&weights) {
        read_out.add_predictions(&rows.values, weight, &mut own);
        let found = left_out_predictions(&rows.values, rows.width, targets)
            .map_err(|error| unusable(&member.candidate.model, &one_line(&error)))?;
        #[expect(clippy::cast_possible_truncation, reason = "training is in f32")]
        let share = weight as f32;
        left_out = left_out.zip(found).map(|(mut sums, found)| {
            sums.iter_mut()
                .zip(found)
                .for_each(|(sum, value)| *sum += share * value);
            sums
        });
        mean.iter_mut()
            .zip(&read_out.mean)
            .for_each(|(sum, value)| *sum += share * value);
    }
    let (kappa, bias) = outputs(left_out.as_deref(), &own, &mean, targets);
    let parts = fitted.iter().zip(rows).zip(&weights);
    Ok(JointHead {
        kind: "evidence-weighted",
        parts: parts
            .map(|((read_out, rows), weight)| transposed(&read_out.weights, 0..rows.width, c, kappa * weight))
            .collect(),
        bias,
        weights,
        calibration: kappa,
    })
}

/// A member with its part of the head.
fn headed(
    member: &Member,
    (part, bias): (&[f32], &[f32]),
    splits: &DataSplits,
    seed: u64,
    progress: &dyn Progress,
) -> Result<Model, Error> {
    let target = &member.candidate.model;
    let samples = splits.training(target, progress)?;
    let c = bias.len();
    let mut model = network::network(target, (c, Vec::new()), (seed, SourceHead::Removed), samples.as_ref())?;
    let wrong = |reason: &str| Error::new(ErrorKind::Hub, format!("{}: {reason}", target.name()));
    let dims = model.graph.initializers.get(WEIGHT).map(|weight| weight.dims.clone());
    if dims.as_deref() != Some(&[c, part.len() / c.max(1)]) {
        return Err(wrong(
            "its features when it runs differ in number from the extracted ones",
        ));
    }
    for (name, dims, values) in [(WEIGHT, vec![c, part.len() / c.max(1)], part), (BIAS, vec![c], bias)] {
        let tensor = Tensor::from_f32(&dims, values).map_err(|error| wrong(&one_line(&error)))?;
        model.graph.initializers.insert(name.to_owned(), tensor);
    }
    Ok(model)
}
