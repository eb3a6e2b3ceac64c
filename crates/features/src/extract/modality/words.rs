//! Sentences of words: every word has a row of features, pooled over its tokens.

use std::sync::Arc;

use ranktune_core::one_line;
use ranktune_data::DataKind;
use ranktune_hub::text::Sequence;
use ranktune_onnx::locate::{Located, Pooling};
use ranktune_onnx::{Model, Node, shapes};

use super::Modality;
use super::held::{Held, HeldSamples};
use crate::engine::Engine;
use crate::extract::input::InputSide;
use crate::extract::preparation::Preparation;
use crate::extract::text_side::{PROBE_TEXTS, TextSide};
use crate::extract::units::{Items, Plan, Unit};
use crate::extract::unusable::Unusable;
use crate::{Error, ErrorKind};

pub(super) const MODALITY: Modality = Modality {
    kind: DataKind::Sentences,
    prepare: |candidate| {
        // Without data, a model of texts is one of whole texts.
        if candidate.data.is_none() || !candidate.takes_tokens() {
            return Ok(None);
        }
        let side = TextSide::new(candidate)?;
        side.refuse_pairs_only(DataKind::Sentences)?;
        Ok(Some(Arc::new(WordSide(side))))
    },
    open: |inputs| Some(Arc::new(Held::new(Sentences(&inputs.as_sentences()?.words)))),
};

/// Operators whose outputs may be the features of tokens. Masks that are broadcast to the same shape have others.
const COMPUTES_FEATURES: &[&str] = &["LayerNormalization", "Add", "Mul", "Gather", "MatMul", "Gemm"];

/// The input side of a model that is used on words.
#[derive(Debug)]
pub(super) struct WordSide(TextSide);

impl WordSide {
    /// Tokenizes the words of the sentences at `rows`.
    fn unit(&self, sentences: &[Vec<String>], rows: Vec<usize>, plan: Plan) -> Unit {
        let mut windows = Vec::with_capacity(rows.len());
        let (mut words, mut cut) = (0, 0);
        for &row in &rows {
            let of_sentence = match self.0.processor.windows(&sentences[row]) {
                Ok(of_sentence) => of_sentence,
                Err(error) => {
                    let message = format!("sentence {}: {}", row + 1, one_line(&error));
                    return Unit::failed(rows, Error::new(ErrorKind::UnsupportedModel, message));
                }
            };
            cut += of_sentence.iter().filter(|window| window.sequence.dropped > 0).count();
            windows.extend(of_sentence.into_iter().map(|window| (words, window)));
            words += sentences[row].len();
        }
        let sequences: Vec<&Sequence> = windows.iter().map(|(_, window)| &window.sequence).collect();
        let batches = self.0.groups(&sequences, plan).into_iter().map(|taken| {
            let (mut batch, starts) = self.0.batch(&sequences, &taken);
            let length = batch.mask.as_ref().map_or(0, |mask| mask.length);
            let mut places = Vec::new();
            batch.items.clear();
            for (row, &taken) in taken.iter().enumerate() {
                let (first, window) = &windows[taken];
                let start = row * length + starts[row];
                for (word, tokens) in &window.words {
                    batch.items.push(first + word);
                    places.push(start + tokens.start..start + tokens.end);
                }
            }
            batch.words = Some(places);
            batch
        });
        Unit {
            batches: batches.collect(),
            items: Items::Words(words),
            rows,
            cut,
            ..Unit::default()
        }
    }
}

impl InputSide for WordSide {
    fn preparation(&self) -> &dyn Preparation {
        &self.0
    }

    fn is_by_word(&self) -> bool {
        true
    }

    fn plan(&self, batch: Option<usize>, _: &dyn Engine) -> Plan {
        self.0.plan_of_words(batch)
    }

    fn probe(&self) -> Result<Unit, Error> {
        let words = PROBE_TEXTS.map(|text| text.split(' ').map(str::to_owned).collect());
        Ok(self.unit(&words, vec![0, 1], self.0.plan_of_words(None)))
    }

    /// The features of every token: those found, or the tensor from which the model computes the features of whole texts.
    fn refine(&self, model: &Model, shapes: &shapes::Shapes, found: Located) -> Result<Located, Unusable> {
        if found.pooling == Pooling::Tokens {
            return Ok(Located { logits: None, ..found });
        }
        let width = |name: &str| match shapes.shape(name) {
            Some([_, _, last]) => last.fixed(),
            _ => None,
        };
        let is_float = |name: &str| shapes.data_type(name).is_none_or(|data_type| data_type.is_float());
        let fits = |name: &&str| {
            is_float(name) && width(name).is_some_and(|width| found.feature_dim.is_none_or(|dim| dim == width))
        };
        let outputs = model.graph.outputs.iter().map(|output| output.name.as_str());
        let computes = |node: &&Node| COMPUTES_FEATURES.contains(&node.op_type.as_str());
        let inner = model.graph.nodes.iter().rev().filter(computes);
        let Some(feature) = outputs.chain(inner.filter_map(|node| node.output(0))).find(fits) else {
            return Err(Unusable::Failed(
                format!(
                    "words need features of every token, [N, tokens, d], but tensor {:?} has shape {}; name another with --feature",
                    found.feature,
                    ranktune_onnx::graph::display_shape(&found.feature_shape)
                )
                .into(),
            ));
        };
        Ok(Located {
            feature: feature.to_owned(),
            feature_shape: shapes.shape(feature).unwrap_or_default().to_vec(),
            feature_dim: width(feature),
            pooling: Pooling::Tokens,
            logits: None,
            n_classes: None,
            ..found
        })
    }
}

/// The sentences of a data set.
#[derive(Clone, Copy)]
struct Sentences<'a>(&'a [Vec<String>]);

impl HeldSamples for Sentences<'_> {
    type Side = WordSide;

    fn n_samples(self) -> usize {
        self.0.len()
    }

    fn unit(self, side: &WordSide, rows: Vec<usize>, plan: Plan) -> Unit {
        side.unit(self.0, rows, plan)
    }
}
