//! Evaluates one model on a data set: its predictions against the targets.
//!
//! | file | what it holds |
//! |---|---|
//! | `details` | classes, confusions, calibration and residuals |
//! | `samples` | target and prediction, sample by sample |

mod details;
mod errors;
mod samples;

use ranktune_core::{Interrupt, Progress};
use ranktune_data::{Dataset, DatasetTargets, Task};
use ranktune_features::extract::ExtractOptions;
use ranktune_report::Evaluation;
use ranktune_report::evaluation::{EvaluatedSamples, SCHEMA};
use ranktune_scores::metrics::{Truth, evaluate as metrics};
use serde_json::{Map, Value, json};

use crate::ensemble::EnsembleFile;
use crate::error::{Error, ErrorKind};
use crate::labels::aligned;
use crate::predictor::{Predictor, RunContext, only, shown};
use crate::sources::Sources;
use crate::tagger::{self, Tagger};

/// The metrics, by name, of logits `[n, c]` for targets in the order of the model's outputs.
pub(crate) fn measure(logits: &[f32], columns: usize, targets: &DatasetTargets) -> Result<Map<String, Value>, Error> {
    let cells;
    let truth = match targets {
        DatasetTargets::Classes { labels, .. } => Truth::Classes(labels),
        DatasetTargets::MultiLabel { names, rows } => {
            cells = ones(rows, names.len());
            Truth::Labels(&cells)
        }
        DatasetTargets::Regression { values, .. } => Truth::Numbers(values),
        DatasetTargets::Tags { .. } => {
            let message = "expected one target per sample, found a tag per word";
            return Err(Error::new(ErrorKind::Data, message));
        }
    };
    let found = metrics(logits, truth, columns)?;
    Ok(found
        .into_iter()
        .map(|metric| (metric.name.to_owned(), json!(metric.value)))
        .collect())
}

/// Lists of labels as a matrix of 0 and 1, `[n, c]`.
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

/// Evaluates the one model of `sources` on `dataset`. Classes are matched with the model's labels by name.
///
/// # Errors
/// [`ErrorKind::Hub`]: there is no model, or it has no logits or labels. [`ErrorKind::Data`]: classes that are not labels of the
/// model; too many unreadable samples. [`ErrorKind::Arguments`]: several models, or a model for another task.
/// [`ErrorKind::Extraction`], [`ErrorKind::Interrupted`] as in [`rank`](crate::rank()).
///
/// # Examples
/// A linear classifier on word vectors, trained on sentences about four topics and evaluated on others:
/// ```
/// use ranktune::{CacheOptions, Interrupt, LoadOptions, Silent, Sources, TuneOptions};
///
/// let folder = tempfile::tempdir()?;
/// let topics = "../../examples/data/topics".as_ref();
/// let data = ranktune::load(topics, &LoadOptions::default())?;
/// let mut options = TuneOptions::new(folder.path().join("tuned"));
/// options.method = "linear-probe".to_owned();
/// options.train = ranktune::training_defaults(&data);
/// options.train.learning_rate = 0.1;
/// options.extract.cache = CacheOptions::Off;
/// let model = Sources::from("../../examples/hub/glove-50d-10k");
/// ranktune::tune(&model, &data, &options, &Silent, &Interrupt::default())?;
///
/// let test = ranktune::load_test_split(topics, &LoadOptions::default())?.expect("topics have a test split");
/// let tuned = Sources::from(options.out.as_path());
/// let evaluation = ranktune::evaluate(&tuned, &test, &options.extract, &Silent, &Interrupt::default())?;
/// assert_eq!(evaluation.samples, 24);
/// assert!(evaluation.metrics["accuracy"].as_f64() > Some(0.5), "chance is 0.25");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn evaluate(
    sources: &Sources,
    dataset: &Dataset,
    options: &ExtractOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Evaluation, Error> {
    let (evaluation, _) = evaluate_samples(sources, dataset, options, progress, interrupt)?;
    Ok(evaluation)
}

/// As [`evaluate`], with target and prediction of every sample. Samples that cannot be read have no row.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_samples(
    sources: &Sources,
    dataset: &Dataset,
    options: &ExtractOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<(Evaluation, EvaluatedSamples), Error> {
    let context = RunContext {
        options,
        progress,
        interrupt,
    };
    let task = dataset.targets.task();
    if task == Task::Tokens {
        return of_words(sources, dataset, context);
    }
    let source = shown(sources);
    let predictor = if EnsembleFile::of(sources)?.is_some() {
        Predictor::open(sources, Some(dataset.kind()), context)?
    } else {
        let hub = sources.open(progress, interrupt)?;
        if tagger::is_tagger(only(&hub, sources)?) {
            let message = format!(
                "{source} tags words, but the task of the data is {task} ({}); expected a file of words and tags in columns (--task tokens)",
                dataset.inferred.reason
            );
            return Err(Error::new(ErrorKind::Arguments, message));
        }
        Predictor::of(&hub, sources, Some(dataset.kind()), context)?
    };
    if let Some(own) = predictor.task.filter(|own| *own != task) {
        let message = format!(
            "{source} is a model for {own}, but the task of the data is {task} ({}); if the targets are for {own}, use --task {own}",
            dataset.inferred.reason
        );
        return Err(Error::new(ErrorKind::Arguments, message));
    }
    let dataset = aligned(dataset, &predictor.names, &source)?;
    let found = predictor.logits(&dataset, &dataset.input_digests(), context)?;
    let rows: Vec<usize> = (0..dataset.n_samples()).filter(|&row| found.valid[row]).collect();
    let read = dataset.select(&rows)?;
    let evaluation = Evaluation {
        unreadable: found.unreadable,
        ..of_logits(source, &read, (&found.values, found.columns))?
    };
    Ok((evaluation, samples::of_samples(&read, &found.values, found.columns)))
}

/// The evaluation of a model with these logits `[n, c]` on samples that can all be read, whose targets are in the order of its outputs.
///
/// # Errors
/// As [`measure`].
pub(crate) fn of_logits(
    model: String,
    dataset: &Dataset,
    (logits, columns): (&[f32], usize),
) -> Result<Evaluation, Error> {
    let mut evaluation = Evaluation {
        schema: SCHEMA.to_owned(),
        model,
        data: dataset.path.display().to_string(),
        task: dataset.targets.task().name().to_owned(),
        samples: dataset.n_samples(),
        metrics: measure(logits, columns, &dataset.targets)?,
        ..Evaluation::default()
    };
    details::add(&mut evaluation, logits, columns, &dataset.targets);
    if let DatasetTargets::Classes { names, labels } = &dataset.targets {
        evaluation.errors = errors::worst(dataset, (logits, columns), (names, labels));
    }
    Ok(evaluation)
}

/// Whether the one model of `sources` tags words, which is whether it has logits for every token of a text.
///
/// # Errors
/// [`ErrorKind::Hub`] if there is no model, [`ErrorKind::Arguments`] if there are several.
///
/// # Examples
/// ```
/// use ranktune::{Interrupt, Silent, Sources};
///
/// let word_vectors = Sources::from("../../examples/hub/glove-50d-1k");
/// assert!(!ranktune::is_tagger(&word_vectors, &Silent, &Interrupt::default())?);
/// # Ok::<(), ranktune::Error>(())
/// ```
pub fn is_tagger(sources: &Sources, progress: &dyn Progress, interrupt: &Interrupt) -> Result<bool, Error> {
    if EnsembleFile::of(sources)?.is_some() {
        return Ok(false);
    }
    let hub = sources.open(progress, interrupt)?;
    Ok(tagger::is_tagger(only(&hub, sources)?))
}

fn of_words(
    sources: &Sources,
    dataset: &Dataset,
    context: RunContext<'_>,
) -> Result<(Evaluation, EvaluatedSamples), Error> {
    let source = shown(sources);
    let tagger = Tagger::open(sources, context)?;
    let dataset = aligned(dataset, &tagger.names, &source)?;
    let judged = tagger.judge(&dataset, context)?;
    let evaluation = Evaluation {
        schema: SCHEMA.to_owned(),
        model: source,
        data: dataset.path.display().to_string(),
        task: Task::Tokens.name().to_owned(),
        samples: dataset.targets.n_predicted(),
        metrics: tagger::named_metrics(&judged.metrics),
        classes: details::of_entities(&judged.metrics),
        ..Evaluation::default()
    };
    Ok((evaluation, samples::of_words(&dataset, &judged.tags)))
}
