//! How well a model does on a data set: its logits by the inference engine, held against the targets.

use ranktune_core::{Interrupt, Progress};
use ranktune_data::{Dataset, Digest, Targets, Task};
use ranktune_features::extract::{ExtractOptions, Extraction, Features, Prepared, extract};
use ranktune_hub::{Hub, HubEntry};
use ranktune_report::Evaluation;
use ranktune_report::evaluation::SCHEMA;
use ranktune_report::ranking::Unreadable;
use ranktune_scores::metrics::{Truth, evaluate as metrics};
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind};
use crate::evaluate_words;
use crate::labels::aligned;
use crate::models::{nothing_ranked, prepare};
use crate::sources::Sources;

/// A model that predicts: its logits and what they stand for.
pub(crate) struct Predictor {
    pub(crate) model: Prepared,
    /// Names of the outputs, in order.
    pub(crate) names: Vec<String>,
    /// What the model was made for, if its files say so.
    pub(crate) task: Option<Task>,
}

impl Predictor {
    /// Opens the one model of `sources`.
    ///
    /// # Errors
    /// [`ErrorKind::Hub`] where there is none, it has no logits or no labels; [`ErrorKind::Arguments`] where there are several.
    pub(crate) fn open(
        sources: &Sources,
        options: &ExtractOptions,
        progress: &dyn Progress,
        interrupt: &Interrupt,
    ) -> Result<Self, Error> {
        Self::of(&sources.open(progress, interrupt)?, sources, options, progress)
    }

    /// The one model of `hub`, which `sources` stand for.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn of(
        hub: &Hub,
        sources: &Sources,
        options: &ExtractOptions,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let source = shown(sources);
        let entry = only(hub, sources)?;
        let (mut models, skipped) = prepare(hub, None, options, progress);
        let Some(model) = models.pop() else {
            return Err(nothing_ranked(&skipped));
        };
        let wrong = |text: String| Error::new(ErrorKind::Hub, format!("{source}: {text}"));
        if model.logits().is_none() {
            return Err(wrong(
                "the model has no classifier, so it predicts nothing; tune it first (ranktune tune)".to_owned(),
            ));
        }
        let names = names(entry).ok_or_else(|| {
            wrong(
                "config.json does not name every output in \"id2label\", so predictions cannot be told apart"
                    .to_owned(),
            )
        })?;
        Ok(Self {
            task: task(entry),
            model,
            names,
        })
    }
}

/// The one model of `hub`, which `sources` stand for.
///
/// # Errors
/// [`ErrorKind::Arguments`] where there are several.
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

/// What a model's outputs are called, if its files say so of all.
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

/// Logits of the samples that can be read, `[valid, c]`, which those are, and the others with their reasons.
pub(crate) struct Logits {
    pub(crate) values: Vec<f32>,
    pub(crate) columns: usize,
    pub(crate) valid: Vec<bool>,
    pub(crate) unreadable: Vec<Unreadable>,
}

/// Runs a model with a classifier over a data set.
pub(crate) fn logits(
    model: &Prepared,
    dataset: &Dataset,
    digests: &[Digest],
    options: &ExtractOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Logits, Error> {
    let work = Extraction {
        models: std::slice::from_ref(model),
        dataset,
        digests,
        options,
        progress,
        interrupt,
    };
    let mut found: Option<Result<Features, _>> = None;
    let unreadable = extract(&work, |_, outcome| found = Some(outcome.features))?;
    let missing = || {
        Error::new(
            ErrorKind::Extraction,
            format!("{}: the model gave no logits", model.name()),
        )
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

/// Metrics by name of logits `[n, c]` for targets whose names are the model's outputs.
pub(crate) fn measure(logits: &[f32], columns: usize, targets: &Targets) -> Result<Map<String, Value>, Error> {
    let cells;
    let truth = match targets {
        Targets::Classes { labels, .. } => Truth::Classes(labels),
        Targets::MultiLabel { names, rows } => {
            cells = ones(rows, names.len());
            Truth::Labels(&cells)
        }
        Targets::Regression { values, .. } => Truth::Numbers(values),
        Targets::Tags { .. } => {
            let message = "this version evaluates no models of words";
            return Err(Error::new(ErrorKind::Data, message));
        }
    };
    let found = metrics(logits, truth, columns)?;
    Ok(found
        .into_iter()
        .map(|metric| (metric.name.to_owned(), json!(metric.value)))
        .collect())
}

/// Lists of labels as 0 and 1, `[n, c]`.
pub(crate) fn ones(rows: &[Vec<u32>], c: usize) -> Vec<f32> {
    let mut cells = vec![0.0; rows.len() * c];
    for (row, into) in rows.iter().zip(cells.chunks_exact_mut(c.max(1))) {
        for &label in row {
            if let Some(cell) = into.get_mut(label as usize) {
                *cell = 1.0;
            }
        }
    }
    cells
}

/// The sources as the user named them.
pub(crate) fn shown(sources: &Sources) -> String {
    let names: Vec<String> = sources.list.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// Measures the one model of `sources` on `dataset`, whose classes are matched with the model's labels by name.
///
/// # Errors
/// [`ErrorKind::Hub`]: no such model, or one without logits or labels. [`ErrorKind::Data`]: classes that the model does not
/// know; too many unreadable samples. [`ErrorKind::Arguments`]: several models, or another task than the model was made for.
/// [`ErrorKind::Extraction`], [`ErrorKind::Interrupted`] as [`rank`](crate::rank()) has them.
pub fn evaluate(
    sources: &Sources,
    dataset: &Dataset,
    options: &ExtractOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Evaluation, Error> {
    let source = shown(sources);
    let task = dataset.targets.task();
    if task == Task::Tokens {
        return of_words(sources, dataset, options, (progress, interrupt));
    }
    let hub = sources.open(progress, interrupt)?;
    if evaluate_words::is_tagger(only(&hub, sources)?) {
        let message = format!(
            "{source} tags words, but the data are for {task} ({}); give it a file of words and tags in columns (--task tokens)",
            dataset.inferred.reason
        );
        return Err(Error::new(ErrorKind::Arguments, message));
    }
    let predictor = Predictor::of(&hub, sources, options, progress)?;
    if let Some(own) = predictor.task.filter(|own| *own != task) {
        let message = format!(
            "{source} was made for {own}, but the data are for {task} ({}); say --task {own} if they can be read so",
            dataset.inferred.reason
        );
        return Err(Error::new(ErrorKind::Arguments, message));
    }
    let dataset = aligned(dataset, &predictor.names, &source)?;
    let digests = dataset.input_digests();
    let found = logits(&predictor.model, &dataset, &digests, options, progress, interrupt)?;
    let rows: Vec<usize> = (0..dataset.n_samples()).filter(|&row| found.valid[row]).collect();
    let read = dataset.select(&rows)?;
    Ok(Evaluation {
        schema: SCHEMA.to_owned(),
        model: source,
        data: dataset.path.display().to_string(),
        task: task.name().to_owned(),
        samples: rows.len(),
        metrics: measure(&found.values, found.columns, &read.targets)?,
        unreadable: found.unreadable,
    })
}

/// Whether the one model of `sources` tags words: it gives logits for every token of a text.
///
/// # Errors
/// [`ErrorKind::Hub`] where there is no model, [`ErrorKind::Arguments`] where there are several.
pub fn is_tagger(sources: &Sources, progress: &dyn Progress, interrupt: &Interrupt) -> Result<bool, Error> {
    let hub = sources.open(progress, interrupt)?;
    Ok(evaluate_words::is_tagger(only(&hub, sources)?))
}

fn of_words(
    sources: &Sources,
    dataset: &Dataset,
    options: &ExtractOptions,
    (progress, interrupt): (&dyn Progress, &Interrupt),
) -> Result<Evaluation, Error> {
    let source = shown(sources);
    let run = evaluate_words::Run {
        options,
        progress,
        interrupt,
    };
    let tagger = evaluate_words::Tagger::open(sources, run)?;
    let dataset = aligned(dataset, &tagger.names, &source)?;
    Ok(Evaluation {
        schema: SCHEMA.to_owned(),
        model: source,
        data: dataset.path.display().to_string(),
        task: Task::Tokens.name().to_owned(),
        samples: dataset.targets.n_predicted(),
        metrics: tagger.measure(&dataset, run)?,
        unreadable: Vec::new(),
    })
}
