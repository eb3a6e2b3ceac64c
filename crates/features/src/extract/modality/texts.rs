//! Single texts.

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

use ranktune_core::Digest;
use ranktune_data::DataKind;
use ranktune_hub::text::Sequence;

use super::Modality;
use crate::Error;
use crate::engine::Engine;
use crate::extract::input::{DatasetPart, InputSide, SampleSource};
use crate::extract::pool::TokenPooling;
use crate::extract::text_side::{PROBE_TEXTS, Sequences, TextSide};
use crate::extract::units::{Plan, Unit};

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
        Some(Arc::new(TextSource(&texts.first)))
    },
};

/// The input side of a model of single texts.
#[derive(Debug)]
struct SingleTextSide(TextSide);

impl SingleTextSide {
    /// Tokenizes the texts at `rows`.
    fn unit(&self, texts: &[impl AsRef<str>], rows: Range<usize>, plan: Plan) -> Unit {
        let text = |row: usize| (texts[row].as_ref(), None);
        let (sequences, cut) = match self.0.encode_rows(rows.clone(), text) {
            Ok(encoded) => encoded,
            Err(error) => return Unit::failed(rows, error),
        };
        let sequences: Vec<&Sequence> = sequences.iter().collect();
        Unit {
            batches: self.0.batches(&sequences, plan),
            rows,
            cut,
            ..Unit::default()
        }
    }
}

impl InputSide for SingleTextSide {
    fn preprocessing(&self) -> String {
        self.0.processor.to_string()
    }

    fn digest(&self) -> Digest {
        self.0.processor.digest().into()
    }

    fn data_input(&self) -> &str {
        self.0.data_input()
    }

    fn token_pooling(&self) -> TokenPooling {
        self.0.token_pooling
    }

    fn plan(&self, batch: Option<usize>, _: &dyn Engine) -> Plan {
        self.0.plan(batch)
    }

    fn probe(&self) -> Result<Unit, Error> {
        Ok(self.unit(&PROBE_TEXTS, 0..2, self.0.plan(None)))
    }

    fn texts(&self) -> Option<&TextSide> {
        Some(&self.0)
    }
}

/// The texts of a data set, which are in memory: one part.
struct TextSource<'a>(&'a [String]);

impl<'a> SampleSource<'a> for TextSource<'a> {
    fn parts(&self) -> Vec<Range<usize>> {
        std::iter::once(0..self.0.len()).collect()
    }

    fn part(&self, range: Range<usize>) -> Box<dyn DatasetPart + 'a> {
        Box::new(Texts { range, texts: self.0 })
    }
}

/// A part of the texts.
struct Texts<'a> {
    range: Range<usize>,
    /// All texts of the data set.
    texts: &'a [String],
}

impl DatasetPart for Texts<'_> {
    fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    fn unit(&self, side: &dyn InputSide, rows: Range<usize>, plan: Plan, _: Vec<f32>) -> Option<Unit> {
        let side = (side as &dyn Any).downcast_ref::<SingleTextSide>()?;
        Some(side.unit(self.texts, rows, plan))
    }
}
