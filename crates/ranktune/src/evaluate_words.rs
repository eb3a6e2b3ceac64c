//! How well a model tags words: by entity as conlleval counts, and by word.

use ranktune_core::{Interrupt, Progress};
use ranktune_data::{Dataset, Targets};
use ranktune_features::extract::{
    DataKind, ExtractOptions, Extraction, FeatureChoice, Prepared, Unusable, extract_words,
};
use ranktune_hub::HubEntry;
use ranktune_onnx::locate::{Hints, locate};
use ranktune_onnx::{Model, shapes};
use ranktune_scores::metrics::entities::entities;
use ranktune_scores::metrics::largest;
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind};
use crate::evaluate::{names, only, shown};
use crate::sources::Sources;

/// How and by whom a model is run.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) options: &'a ExtractOptions,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) interrupt: &'a Interrupt,
}

/// A model that tags words.
pub(crate) struct Tagger {
    /// With its logits of every token in the place of features.
    model: Prepared,
    /// Its tags, in the order of its outputs.
    pub(crate) names: Vec<String>,
}

impl Tagger {
    /// Opens the one model of `sources`.
    ///
    /// # Errors
    /// [`ErrorKind::Hub`] where it has no logits of every token or no labels; [`ErrorKind::Arguments`] where there are several.
    pub(crate) fn open(sources: &Sources, run: Run<'_>) -> Result<Self, Error> {
        let hub = sources.open(run.progress, run.interrupt)?;
        Self::of(only(&hub, sources)?, sources, run)
    }

    /// The model of `entry`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn of(entry: &HubEntry, sources: &Sources, run: Run<'_>) -> Result<Self, Error> {
        let source = shown(sources);
        let names = names(entry).ok_or_else(|| {
            let message = format!(
                "{source}: config.json does not name every output in \"id2label\", so tags cannot be told apart"
            );
            Error::new(ErrorKind::Hub, message)
        })?;
        let wrong = |reason: String| Error::new(ErrorKind::Hub, format!("model {}: {reason}", entry.name));
        let Some(logits) = logits(entry)? else {
            return Err(wrong(
                "it has no classifier, so it tags nothing; tune it first (ranktune tune)".to_owned(),
            ));
        };
        if !logits.by_token {
            return Err(wrong(
                "its logits are of whole texts, so it tags no words; tune it with --task tokens first".to_owned(),
            ));
        }
        let options = ExtractOptions {
            feature: FeatureChoice::Named(logits.name),
            ..run.options.clone()
        };
        let model = Prepared::new(entry, Some(DataKind::Sentences), &options).map_err(|unusable| match unusable {
            Unusable::NotApplicable(reason) | Unusable::Failed(reason) => wrong(reason),
        })?;
        Ok(Self { model, names })
    }

    /// The tag of every word of `dataset`, sentence after sentence, by its place among [`names`](Self::names).
    pub(crate) fn tags(&self, dataset: &Dataset, run: Run<'_>) -> Result<Vec<usize>, Error> {
        let digests = dataset.input_digests();
        let work = Extraction {
            models: std::slice::from_ref(&self.model),
            dataset,
            digests: &digests,
            options: run.options,
            progress: run.progress,
            interrupt: run.interrupt,
        };
        let count = self.names.len();
        let mut found = Vec::new();
        extract_words(&work, &mut |block| {
            if block.n_features != count {
                let message = format!("expected {count} logits a word, found {}", block.n_features);
                return Err(ranktune_features::Error::new(
                    ranktune_features::ErrorKind::Inference,
                    message,
                ));
            }
            found.extend(block.features.chunks_exact(count.max(1)).map(largest));
            Ok(())
        })?;
        Ok(found)
    }

    /// Metrics of the tags that the model gives the words of `dataset`, whose tags are the model's outputs in order.
    pub(crate) fn measure(&self, dataset: &Dataset, run: Run<'_>) -> Result<Map<String, Value>, Error> {
        let Targets::Tags { names, sentences, .. } = &dataset.targets else {
            return Err(Error::new(ErrorKind::Data, "the data are no tagged words"));
        };
        let tags = self.tags(dataset, run)?;
        let mut rest = tags.as_slice();
        let (mut truth, mut found) = (Vec::new(), Vec::new());
        for sentence in sentences {
            let (own, left) = rest.split_at(sentence.len().min(rest.len()));
            rest = left;
            let named = |tags: &mut dyn Iterator<Item = usize>| tags.map(|tag| names[tag].as_str()).collect::<Vec<_>>();
            truth.push(named(&mut sentence.iter().map(|&tag| tag as usize)));
            found.push(named(&mut own.iter().copied()));
        }
        let metrics = entities(&truth, &found)?;
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
}

/// The logits of a model.
struct Logits {
    name: String,
    by_token: bool,
}

fn logits(entry: &HubEntry) -> Result<Option<Logits>, Error> {
    let model = Model::load(&entry.model_path).map_err(|error| Error::new(ErrorKind::Hub, error))?;
    let hints = Hints {
        feature: None,
        num_labels: entry.config.num_labels,
        hidden_dim: entry.config.hidden_dim,
    };
    let located = locate(&model, &hints).map_err(|error| Error::new(ErrorKind::Hub, error))?;
    let Some(name) = located.logits else { return Ok(None) };
    let shapes = shapes::infer(&model).map_err(|error| Error::new(ErrorKind::Hub, error))?;
    let by_token = shapes.rank(&name) == Some(3);
    Ok(Some(Logits { name, by_token }))
}

/// Whether a model gives logits for every token of a text.
pub(crate) fn is_tagger(entry: &HubEntry) -> bool {
    entry.has_tokenizer() && matches!(logits(entry), Ok(Some(Logits { by_token: true, .. })))
}
