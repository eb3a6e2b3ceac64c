//! A model that tags words, and its metrics: by entity as conlleval counts them, and by word.

use ranktune_core::one_line;
use ranktune_data::{Dataset, DatasetTargets};
use ranktune_features::extract::{DataKind, ExtractOptions, Extraction, FeatureChoice, PreparedModel, extract_words};
use ranktune_hub::HubEntry;
use ranktune_onnx::locate::{Hints, locate};
use ranktune_onnx::{Model, shapes};
use ranktune_scores::metrics::entities::{EntityMetrics, entities};
use ranktune_scores::metrics::largest;
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind};
use crate::predictor::{RunContext, names, only, shown};
use crate::sources::Sources;

/// A model that tags words.
pub(crate) struct Tagger {
    /// The features are the logits of every token.
    model: PreparedModel,
    /// Its tags, in the order of its outputs.
    pub(crate) names: Vec<String>,
}

impl Tagger {
    /// Opens the one model of `sources`.
    ///
    /// # Errors
    /// [`ErrorKind::Hub`] if it has no logits of every token or no labels; [`ErrorKind::Arguments`] if there are several.
    pub(crate) fn open(sources: &Sources, context: RunContext<'_>) -> Result<Self, Error> {
        let hub = sources.open(context.progress, context.interrupt)?;
        Self::of(only(&hub, sources)?, sources, context)
    }

    /// The model of `entry`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn of(entry: &HubEntry, sources: &Sources, context: RunContext<'_>) -> Result<Self, Error> {
        let source = shown(sources);
        let names = names(entry).ok_or_else(|| {
            let message = format!("{source}: config.json does not name every output of the model in \"id2label\", \"label2id\" or \"label_names\"");
            Error::new(ErrorKind::Hub, message)
        })?;
        let wrong = |reason: String| Error::new(ErrorKind::Hub, format!("model {}: {reason}", entry.name));
        let Some(logits) = logits(entry)? else {
            return Err(wrong("it has no classifier; tune it first (ranktune tune)".to_owned()));
        };
        if !logits.by_token {
            return Err(wrong(
                "its logits are for whole texts, not for words; tune it with --task tokens first".to_owned(),
            ));
        }
        let options = ExtractOptions {
            feature: FeatureChoice::Named(logits.name),
            ..context.options.clone()
        };
        let model = PreparedModel::new(entry, Some(DataKind::Sentences), &options)
            .map_err(|unusable| wrong(one_line(&unusable)))?;
        Ok(Self { model, names })
    }

    /// The tag of every word of `dataset`, sentence after sentence, as a position in [`names`](Self::names).
    pub(crate) fn tags(&self, dataset: &Dataset, context: RunContext<'_>) -> Result<Vec<usize>, Error> {
        let digests = dataset.input_digests();
        let work = Extraction {
            models: std::slice::from_ref(&self.model),
            dataset,
            digests: &digests,
            options: context.options,
            progress: context.progress,
            interrupt: context.interrupt,
        };
        let count = self.names.len();
        let mut found = Vec::new();
        extract_words(&work, &mut |block| {
            if block.n_features != count {
                let message = format!("expected {count} logits per word, found {}", block.n_features);
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

    /// The metrics of the predicted tags of `dataset`, whose tags are in the order of the model's outputs.
    pub(crate) fn measure(&self, dataset: &Dataset, context: RunContext<'_>) -> Result<Map<String, Value>, Error> {
        Ok(named_metrics(&self.judge(dataset, context)?.metrics))
    }

    /// The predicted tags of `dataset`, whose tags are in the order of the model's outputs, with their metrics.
    pub(crate) fn judge(&self, dataset: &Dataset, context: RunContext<'_>) -> Result<JudgedTags, Error> {
        let DatasetTargets::Tags { names, sentences, .. } = &dataset.targets else {
            return Err(Error::new(
                ErrorKind::Data,
                format!(
                    "expected a token-classification data set, found {}",
                    dataset.kind().name()
                ),
            ));
        };
        let tags = self.tags(dataset, context)?;
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
        Ok(JudgedTags { tags, metrics })
    }
}

/// Predicted tags and their metrics.
pub(crate) struct JudgedTags {
    /// Of every word, sentence after sentence, as a position in the names of the tags.
    pub(crate) tags: Vec<usize>,
    pub(crate) metrics: EntityMetrics,
}

/// The metrics by name, that by which a checkpoint is chosen first.
pub(crate) fn named_metrics(metrics: &EntityMetrics) -> Map<String, Value> {
    let values = [
        ("f1", metrics.all.f1()),
        ("precision", metrics.all.precision()),
        ("recall", metrics.all.recall()),
        ("accuracy", metrics.accuracy),
    ];
    values
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .into_iter()
        .collect()
}

/// The logits of a model.
struct Logits {
    name: String,
    /// Whether there are logits for every token.
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

/// Whether a model has logits for every token of a text.
pub(crate) fn is_tagger(entry: &HubEntry) -> bool {
    entry.has_tokenizer() && matches!(logits(entry), Ok(Some(Logits { by_token: true, .. })))
}
