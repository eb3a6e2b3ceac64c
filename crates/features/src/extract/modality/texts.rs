//! Single texts.

use std::sync::Arc;

use ranktune_data::DataKind;

use super::Modality;
use super::held::{Held, HeldSamples};
use crate::Error;
use crate::extract::input::InputSide;
use crate::extract::preparation::Preparation;
use crate::extract::text_side::{PROBE_TEXTS, Sequences, TextSide};
use crate::extract::units::{Items, Plan, Unit};

pub(super) const MODALITY: Modality = Modality {
    kind: DataKind::Texts,
    prepare: |candidate| {
        if !candidate.takes_tokens() {
            return Ok(None);
        }
        let side = TextSide::new(candidate)?;
        if candidate.data.is_none() && side.sequences() == Sequences::Interleaved {
            return Ok(None);
        }
        side.refuse_pairs_only(DataKind::Texts)?;
        Ok(Some(Arc::new(SingleTextSide(side))))
    },
    open: |inputs| {
        let texts = inputs.as_texts().filter(|texts| texts.second.is_none())?;
        Some(Arc::new(Held::new(Texts(&texts.first))))
    },
};

/// The input side of a model of single texts.
#[derive(Debug)]
pub(super) struct SingleTextSide(pub(super) TextSide);

impl SingleTextSide {
    /// Tokenizes the texts at `rows`.
    fn unit(&self, texts: &[impl AsRef<str>], rows: Vec<usize>, plan: Plan) -> Unit {
        let text = |row: usize| (texts[row].as_ref(), None);
        self.0
            .unit(rows, text, |sequences| (self.0.batches(sequences, plan), Items::Rows))
    }
}

impl InputSide for SingleTextSide {
    fn preparation(&self) -> &dyn Preparation {
        &self.0
    }

    fn probe(&self) -> Result<Unit, Error> {
        Ok(self.unit(&PROBE_TEXTS, vec![0, 1], self.0.plan(None)))
    }
}

/// The texts of a data set.
#[derive(Clone, Copy)]
struct Texts<'a>(&'a [String]);

impl HeldSamples for Texts<'_> {
    type Side = SingleTextSide;

    fn n_samples(self) -> usize {
        self.0.len()
    }

    fn unit(self, side: &SingleTextSide, rows: Vec<usize>, plan: Plan) -> Unit {
        side.unit(self.0, rows, plan)
    }
}
