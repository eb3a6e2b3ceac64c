//! Metrics of the tuned model on every split, by the inference engine; and what lies behind those of the split that tells most.

use ranktune_core::{Event, Interrupt, Progress, one_line};
use ranktune_data::Task;
use ranktune_features::engine::EngineChoice;
use ranktune_features::extract::{CacheOptions, ExtractOptions, FeatureChoice};
use ranktune_report::training::Metrics;
use serde_json::{Map, Value};

use super::folder::OutputFolder;
use super::options::TuneOptions;
use super::splits::{DataSplit, DataSplits};
use super::stages::Labelled;
use crate::error::{Error, ErrorKind};
use crate::evaluate;
use crate::predictor::{Predictor, RunContext};
use crate::sources::Sources;
use crate::tagger::Tagger;

/// Evaluates the model in `folder` as any other model of a hub. Where the engine that was asked for does not run it, another does:
/// the training is done, and is not to be lost for that.
///
/// # Errors
/// As [`evaluate`](crate::evaluate()).
pub(crate) fn of_splits(
    folder: &OutputFolder,
    splits: &DataSplits,
    options: &TuneOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Metrics, Error> {
    let extract = ExtractOptions {
        feature: FeatureChoice::Auto,
        cache: CacheOptions::Off,
        ..options.extract.clone()
    };
    let failed = match evaluated(folder, splits, &extract, progress, interrupt) {
        Err(error) if error.kind() == ErrorKind::Extraction && extract.engine != EngineChoice::Auto => error,
        result => return result,
    };
    progress.event(Event::Note(&format!(
        "the tuned model is evaluated by another engine, because {}",
        one_line(&failed)
    )));
    let extract = ExtractOptions {
        engine: EngineChoice::Auto,
        ..extract
    };
    evaluated(folder, splits, &extract, progress, interrupt)
}

fn evaluated(
    folder: &OutputFolder,
    splits: &DataSplits,
    extract: &ExtractOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Metrics, Error> {
    let source = Sources::from(folder.path.as_path());
    let [train, validation, test] = ["train", "validation", "test"].map(|part| format!("evaluation on {part}"));
    let parts = [
        (
            Some(&splits.train),
            Labelled {
                label: &train,
                progress,
            },
        ),
        (
            splits.validation.as_ref(),
            Labelled {
                label: &validation,
                progress,
            },
        ),
        (splits.test.as_ref(), Labelled { label: &test, progress }),
    ];
    let mut last = None;
    let [train, validation, test] = if splits.all.targets.task() == Task::Tokens {
        let options = extract;
        let open = RunContext {
            options,
            progress,
            interrupt,
        };
        let tagger = Tagger::open(&source, open)?;
        parts.map(|(split, progress)| {
            let run = RunContext {
                options,
                progress: &progress,
                interrupt,
            };
            of_split(split, |split| tagger.measure(&split.dataset, run))
        })
    } else {
        let context = RunContext {
            options: extract,
            progress,
            interrupt,
        };
        let predictor = Predictor::open(&source, Some(splits.all.kind()), context)?;
        parts.map(|(split, progress)| {
            of_split(split, |split| {
                let context = RunContext {
                    options: extract,
                    progress: &progress,
                    interrupt,
                };
                let found = predictor.logits(&split.dataset, &split.digests, context)?;
                let logits = (&found.values[..], found.columns);
                let evaluation = evaluate::of_logits(folder.path.display().to_string(), &split.dataset, logits)?;
                let metrics = evaluation.metrics.clone();
                // Test samples come last, after the held-out ones.
                last = Some(evaluation);
                Ok(metrics)
            })
        })
    };
    if let Some(evaluation) = last.filter(|_| splits.validation.is_some() || splits.test.is_some()) {
        folder.write_json("evaluation.json", &evaluation)?;
    }
    Ok(Metrics {
        train: train?,
        validation: validation?,
        test: test?,
    })
}

fn of_split(
    split: Option<&DataSplit>,
    measure: impl FnOnce(&DataSplit) -> Result<Map<String, Value>, Error>,
) -> Result<Map<String, Value>, Error> {
    split.map_or_else(|| Ok(Map::new()), measure)
}
