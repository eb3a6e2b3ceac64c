//! How well a model tags words: by entity as conlleval counts, and by word.

use ranktune_data::{Dataset, Targets};
use ranktune_features::extract::{
    DataKind, ExtractOptions, Extraction, FeatureChoice, Prepared, Unusable, WordBlock, WordOutcome, WordSink,
    extract_words,
};
use ranktune_features::progress::{Interrupt, Progress};
use ranktune_hub::Entry;
use ranktune_onnx::Model;
use ranktune_onnx::locate::{Hints, locate};
use ranktune_scores::metrics::entities::entities;
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind};
use crate::rank::extraction_error;

/// The model, and how and by whom it is run.
pub(crate) struct Run<'a> {
    pub(crate) entry: &'a Entry,
    pub(crate) options: &'a ExtractOptions,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) interrupt: &'a Interrupt,
}

/// Metrics of the tags that the model gives the words of `dataset`, whose tags are the model's outputs in order.
pub(crate) fn measure(run: &Run<'_>, dataset: &Dataset) -> Result<Map<String, Value>, Error> {
    let Targets::Tags { names, sentences, .. } = &dataset.targets else {
        return Err(Error::new(ErrorKind::Data, "the data are no tagged words"));
    };
    let model = [open(run)?];
    let digests = dataset.input_digests();
    let work = Extraction {
        models: &model,
        dataset,
        digests: &digests,
        options: run.options,
        progress: run.progress,
        interrupt: run.interrupt,
    };
    let mut tags = Tags {
        count: names.len(),
        found: Vec::new(),
        result: Ok(()),
    };
    extract_words(&work, &mut tags).map_err(extraction_error)?;
    tags.result.map_err(extraction_error)?;
    let mut rest = tags.found.as_slice();
    let (mut truth, mut found) = (Vec::new(), Vec::new());
    for sentence in sentences {
        let (own, left) = rest.split_at(sentence.len().min(rest.len()));
        rest = left;
        let named = |tags: &mut dyn Iterator<Item = usize>| tags.map(|tag| names[tag].as_str()).collect::<Vec<_>>();
        truth.push(named(&mut sentence.iter().map(|&tag| tag as usize)));
        found.push(named(&mut own.iter().copied()));
    }
    let metrics = entities(&truth, &found).map_err(|error| Error::new(ErrorKind::Scores, error))?;
    let values = [
        ("f1", metrics.all.f1()),
        ("precision", metrics.all.precision()),
        ("recall", metrics.all.recall()),
        ("accuracy", metrics.accuracy),
    ];
    Ok(values
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .into_iter()
        .collect())
}

/// The model with its logits of every token in the place of features.
fn open(run: &Run<'_>) -> Result<Prepared, Error> {
    let entry = run.entry;
    let wrong = |reason: String| Error::new(ErrorKind::Hub, format!("model {}: {reason}", entry.name));
    let model = Model::load(&entry.model_path).map_err(|error| Error::new(ErrorKind::Hub, error))?;
    let hints = Hints {
        feature: None,
        num_labels: entry.config.num_labels,
        hidden_dim: entry.config.hidden_dim,
    };
    let located = locate(&model, &hints).map_err(|error| Error::new(ErrorKind::Hub, error))?;
    let Some(logits) = located.logits else {
        return Err(wrong(
            "it has no classifier, so it tags nothing; tune it first (ranktune tune)".to_owned(),
        ));
    };
    let options = ExtractOptions {
        feature: FeatureChoice::Named(logits),
        ..run.options.clone()
    };
    Prepared::new(entry, Some(DataKind::Sentences), &options).map_err(|unusable| match unusable {
        Unusable::NotApplicable(reason) | Unusable::Failed(reason) => wrong(reason),
    })
}

/// The largest logit of every word.
struct Tags {
    count: usize,
    found: Vec<usize>,
    result: Result<(), ranktune_features::Error>,
}

impl WordSink for Tags {
    fn block(&mut self, _: usize, block: &WordBlock<'_>) -> Result<(), ranktune_features::Error> {
        if block.n_features != self.count {
            let message = format!("expected {} logits a word, found {}", self.count, block.n_features);
            return Err(ranktune_features::Error::new(
                ranktune_features::ErrorKind::Inference,
                message,
            ));
        }
        let largest = |row: &[f32]| {
            let places = row.iter().enumerate();
            places.max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(place, _)| place)
        };
        self.found
            .extend(block.features.chunks_exact(self.count.max(1)).map(largest));
        Ok(())
    }

    fn finished(&mut self, _: usize, outcome: WordOutcome) {
        self.result = outcome.result;
    }
}
