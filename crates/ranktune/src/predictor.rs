//! The one model that a command evaluates or predicts with: its logits and the names of its outputs.

use std::path::Path;

use ranktune_core::{Interrupt, Progress};
use ranktune_data::{DataKind, Dataset, Digest, Task};
use ranktune_features::extract::{ExtractOptions, Extraction, PreparedModel, extract};
use ranktune_hub::{Hub, HubEntry};
use ranktune_report::ranking::Unreadable;

use crate::ensemble::{Combination, EnsembleFile, combined, member_path};
use crate::error::{Error, ErrorKind};
use crate::models::{nothing_ranked, prepare};
use crate::sources::Sources;

/// How a model is run.
#[derive(Clone, Copy)]
pub(crate) struct RunContext<'a> {
    pub(crate) options: &'a ExtractOptions,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) interrupt: &'a Interrupt,
}

/// The sources as the user named them.
pub(crate) fn shown(sources: &Sources) -> String {
    let names: Vec<String> = sources.list.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// A model with a classifier, or several that predict as one.
pub(crate) struct Predictor {
    /// The model; of several, the first.
    pub(crate) model: PreparedModel,
    /// The others, and how the outputs are combined.
    others: Vec<PreparedModel>,
    combination: Combination,
    /// Names of the outputs, in order.
    pub(crate) names: Vec<String>,
    /// The task of the model, if its files name one.
    pub(crate) task: Option<Task>,
}

impl Predictor {
    /// Opens the one model of `sources` for data of a kind, or for the kind that the model takes.
    ///
    /// # Errors
    /// [`ErrorKind::Hub`] if there is no model, or it has no logits or labels; [`ErrorKind::Arguments`] if there are several.
    pub(crate) fn open(sources: &Sources, data: Option<DataKind>, context: RunContext<'_>) -> Result<Self, Error> {
        if let Some((folder, file)) = EnsembleFile::of(sources)? {
            return Self::of_several(&folder, &file, data, context);
        }
        let hub = sources.open(context.progress, context.interrupt)?;
        Self::of(&hub, sources, data, context)
    }

    /// The members of the ensemble in `folder`.
    fn of_several(
        folder: &Path,
        file: &EnsembleFile,
        data: Option<DataKind>,
        context: RunContext<'_>,
    ) -> Result<Self, Error> {
        let open = |member: &String| {
            let source = Sources::from(member_path(folder, member).as_path());
            Self::open(&source, data, context)
        };
        let mut members = file
            .members
            .iter()
            .map(open)
            .collect::<Result<Vec<_>, _>>()?
            .into_iter();
        let none = || {
            Error::new(
                ErrorKind::Hub,
                format!("{}: the ensemble has no members", folder.display()),
            )
        };
        let first = members.next().ok_or_else(none)?;
        let mut others = Vec::new();
        for (member, name) in members.zip(file.members.iter().skip(1)) {
            if member.names != first.names {
                let message = format!(
                    "{}: member {name} has other labels than {}",
                    folder.display(),
                    file.members[0]
                );
                return Err(Error::new(ErrorKind::Hub, message));
            }
            others.push(member.model);
        }
        Ok(Self {
            others,
            combination: file.combination,
            ..first
        })
    }

    /// The same for pairs of texts.
    ///
    /// # Errors
    /// A model that does not take pairs.
    pub(crate) fn into_pairs(self) -> Result<Self, Error> {
        let others = self.others.into_iter().map(PreparedModel::into_pairs);
        Ok(Self {
            model: self.model.into_pairs()?,
            others: others.collect::<Result<_, _>>()?,
            ..self
        })
    }

    /// The logits of a data set.
    ///
    /// # Errors
    /// As [`extract`].
    pub(crate) fn logits(
        &self,
        dataset: &Dataset,
        digests: &[Digest],
        context: RunContext<'_>,
    ) -> Result<Logits, Error> {
        let mut first = logits(&self.model, dataset, digests, context)?;
        if self.others.is_empty() {
            return Ok(first);
        }
        let mut members = vec![std::mem::take(&mut first.values)];
        for model in &self.others {
            let found = logits(model, dataset, digests, context)?;
            if found.columns != first.columns || found.valid != first.valid {
                let message = format!(
                    "{}: its outputs do not fit those of {}",
                    model.name(),
                    self.model.name()
                );
                return Err(Error::new(ErrorKind::Extraction, message));
            }
            members.push(found.values);
        }
        let task = self.task.unwrap_or(Task::Classification);
        first.values = combined(&members, first.columns, task, self.combination);
        Ok(first)
    }

    /// The one model of `hub`, which was opened from `sources`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn of(
        hub: &Hub,
        sources: &Sources,
        data: Option<DataKind>,
        context: RunContext<'_>,
    ) -> Result<Self, Error> {
        let source = shown(sources);
        let entry = only(hub, sources)?;
        let (mut models, skipped) = prepare(hub, data, context.options, context.progress);
        let Some(model) = models.pop() else {
            return Err(nothing_ranked(&skipped));
        };
        let wrong = |text: String| Error::new(ErrorKind::Hub, format!("{source}: {text}"));
        if model.logits().is_none() {
            return Err(wrong(
                "the model has no classifier; tune it first (ranktune tune)".to_owned(),
            ));
        }
        let names = names(entry).ok_or_else(|| {
            wrong(
                "config.json does not name every output of the model in \"id2label\", \"label2id\" or \"label_names\""
                    .to_owned(),
            )
        })?;
        Ok(Self {
            task: task(entry),
            model,
            others: Vec::new(),
            combination: Combination::Logits,
            names,
        })
    }
}

/// The one entry of `hub`, which was opened from `sources`.
///
/// # Errors
/// [`ErrorKind::Arguments`] if there are several.
pub(crate) fn only<'a>(hub: &'a Hub, sources: &Sources) -> Result<&'a HubEntry, Error> {
    if let [entry] = hub.entries.as_slice() {
        return Ok(entry);
    }
    let names: Vec<&str> = hub.entries.iter().map(|entry| entry.name.as_str()).collect();
    let message = format!(
        "{}: expected one model, found {}: {}; name one of their folders",
        shown(sources),
        names.len(),
        names.join(", ")
    );
    Err(Error::new(ErrorKind::Arguments, message))
}

/// The names of a model's outputs, if its files name all of them.
pub(crate) fn names(entry: &HubEntry) -> Option<Vec<String>> {
    let names = entry.config.labels()?;
    Some(names.into_iter().map(str::to_owned).collect())
}

fn task(entry: &HubEntry) -> Option<Task> {
    match entry.config.problem_type.as_deref()? {
        "single_label_classification" => Some(Task::Classification),
        "multi_label_classification" => Some(Task::MultiLabel),
        "regression" => Some(Task::Regression),
        _ => None,
    }
}

/// The logits of a data set.
pub(crate) struct Logits {
    /// Logits of the valid samples, `[valid, c]`.
    pub(crate) values: Vec<f32>,
    /// Number of outputs, `c`.
    pub(crate) columns: usize,
    /// Which samples could be read, `[n]`.
    pub(crate) valid: Vec<bool>,
    /// The samples that could not.
    pub(crate) unreadable: Vec<Unreadable>,
}

/// Runs a model with a classifier over a data set.
fn logits(
    model: &PreparedModel,
    dataset: &Dataset,
    digests: &[Digest],
    context: RunContext<'_>,
) -> Result<Logits, Error> {
    let work = Extraction {
        models: std::slice::from_ref(model),
        dataset,
        digests,
        options: context.options,
        progress: context.progress,
        interrupt: context.interrupt,
    };
    let mut found = None;
    let unreadable = extract(&work, |_, outcome| found = Some(outcome.features))?;
    let missing = || {
        let message = format!("{}: the model returned no logits", model.name());
        Error::new(ErrorKind::Extraction, message)
    };
    let mut features = found.ok_or_else(missing)??;
    let (values, columns) = features.logits()?.ok_or_else(missing)?;
    Ok(Logits {
        values,
        columns,
        valid: features.valid().to_vec(),
        unreadable: unreadable
            .into_iter()
            .map(|sample| Unreadable {
                file: sample.file.display().to_string(),
                reason: sample.reason,
            })
            .collect(),
    })
}
