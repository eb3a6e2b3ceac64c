//! Pairs of texts.
//!
//! A model that takes one sequence gets the two texts joined by its tokenizer's template. Otherwise each text is a sequence of
//! its own: the graph combines them, or the features of the pair are `[u, v, |u − v|, u ⊙ v]` of the features `u` and `v` of its
//! texts (Conneau et al., *Supervised Learning of Universal Sentence Representations*, 2017).

use std::any::Any;
use std::sync::Arc;

use ranktune_data::DataKind;
use ranktune_hub::text::{Pairs, Sequence};
use ranktune_onnx::locate::Located;
use ranktune_onnx::{Model, shapes};

use super::Modality;
use super::held::{Held, HeldSamples};
use super::texts::SingleTextSide;
use crate::Error;
use crate::extract::input::InputSide;
use crate::extract::preparation::Preparation;
use crate::extract::text_side::{PROBE_TEXTS, Sequences, TextSide};
use crate::extract::units::{Batch, Items, Plan, Unit};
use crate::extract::unusable::Unusable;

pub(super) const MODALITY: Modality = Modality {
    kind: DataKind::TextPairs,
    prepare: |candidate| {
        if !candidate.takes_tokens() {
            return Ok(None);
        }
        let side = TextSide::new(candidate)?;
        if candidate.data.is_none() && side.sequences() != Sequences::Interleaved {
            return Ok(None);
        }
        Ok(Some(Arc::new(PairSide(side))))
    },
    open: |inputs| {
        let texts = inputs.as_texts()?;
        let second = texts.second.as_deref()?;
        Some(Arc::new(Held::new(TextPairs {
            first: &texts.first,
            second,
        })))
    },
};

/// `side` for pairs of texts: itself if it takes pairs, or that of a model of single texts whose tokenizer joins two. `None` for
/// another side.
pub(in crate::extract) fn for_pairs(side: &Arc<dyn InputSide>) -> Option<Arc<dyn InputSide>> {
    let own = side.as_ref() as &dyn Any;
    if own.is::<PairSide>() {
        return Some(Arc::clone(side));
    }
    let SingleTextSide(texts) = own.downcast_ref::<SingleTextSide>()?;
    let joins = texts.sequences() == Sequences::One && texts.processor.pairs() == Pairs::Joined;
    joins.then(|| Arc::new(PairSide(texts.clone())) as Arc<dyn InputSide>)
}

/// The input side of a model that is used on pairs of texts.
#[derive(Debug)]
pub(super) struct PairSide(TextSide);

impl PairSide {
    /// Tokenizes the pairs at `rows`.
    fn unit(&self, first: &[impl AsRef<str>], second: &[impl AsRef<str>], rows: Vec<usize>, plan: Plan) -> Unit {
        let text = |row: usize| (first[row].as_ref(), Some(second[row].as_ref()));
        self.0.unit(rows, text, |sequences| match self.0.sequences() {
            Sequences::One => (self.0.batches(sequences, plan), Items::Rows),
            Sequences::Apart => (self.0.batches(sequences, plan), Items::Pairs),
            Sequences::Interleaved => (self.interleaved(sequences, plan), Items::Rows),
        })
    }

    /// Batches in which the two texts of a pair are consecutive rows.
    fn interleaved(&self, sequences: &[&Sequence], plan: Plan) -> Vec<Batch> {
        // A pair is as long as its longer text, and has two rows.
        let longest: Vec<&Sequence> = sequences
            .chunks_exact(2)
            .map(|pair| pair[usize::from(pair[1].ids.len() > pair[0].ids.len())])
            .collect();
        let plan = Plan {
            batch: plan.batch.div_ceil(2),
            tokens: plan.tokens / 2,
            ..plan
        };
        let batches = self.0.groups(&longest, plan).into_iter().map(|pairs| {
            let rows: Vec<usize> = pairs.iter().flat_map(|&pair| [2 * pair, 2 * pair + 1]).collect();
            Batch {
                items: pairs,
                // The graph pools.
                mask: None,
                ..self.0.batch(sequences, &rows).0
            }
        });
        batches.collect()
    }
}

impl InputSide for PairSide {
    fn preparation(&self) -> &dyn Preparation {
        &self.0
    }

    fn row_factor(&self) -> usize {
        match self.0.sequences() {
            Sequences::Apart => 4,
            Sequences::One | Sequences::Interleaved => 1,
        }
    }

    fn probe(&self) -> Result<Unit, Error> {
        Ok(self.unit(&PROBE_TEXTS, &PROBE_TEXTS, vec![0, 1], self.0.plan(None)))
    }

    /// Logits of one text of two are no prediction for the pair.
    fn refine(&self, _: &Model, _: &shapes::Shapes, found: Located) -> Result<Located, Unusable> {
        if self.0.sequences() != Sequences::Apart {
            return Ok(found);
        }
        Ok(Located { logits: None, ..found })
    }

    fn check_layers(
        &self,
        layers: &[Located],
        default: &dyn Fn() -> Result<String, ranktune_onnx::Error>,
    ) -> Result<(), Unusable> {
        if self.0.sequences() != Sequences::Interleaved {
            return Ok(());
        }
        let of_pairs = default()?;
        let Some(other) = layers.iter().find(|layer| layer.feature != of_pairs) else {
            return Ok(());
        };
        Err(Unusable::Failed(
            format!(
                "the graph takes pairs in two rows, and {:?} may have a row for each text; use {of_pairs:?}, with --feature auto",
                other.feature
            )
            .into(),
        ))
    }
}

/// The pairs of a data set.
#[derive(Clone, Copy)]
struct TextPairs<'a> {
    first: &'a [String],
    second: &'a [String],
}

impl HeldSamples for TextPairs<'_> {
    type Side = PairSide;

    fn n_samples(self) -> usize {
        self.first.len()
    }

    fn unit(self, side: &PairSide, rows: Vec<usize>, plan: Plan) -> Unit {
        side.unit(self.first, self.second, rows, plan)
    }
}
