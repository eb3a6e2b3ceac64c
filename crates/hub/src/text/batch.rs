//! Sequences padded into one batch for the graph.

use super::{Sequence, TextProcessor};

/// Sequences of one batch, padded to one length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenBatch {
    /// Sequences.
    pub rows: usize,
    /// Tokens of each, including padding.
    pub length: usize,
    /// The name and the values `[rows, length]` of each of the graph's inputs.
    pub feeds: Vec<(String, Vec<i64>)>,
    /// 1 for tokens, 0 for padding, `[rows, length]`, whether or not the graph has it as an input.
    pub mask: Vec<i64>,
    /// Index of each sequence's first token, after padding on the left, `[rows]`.
    pub starts: Vec<usize>,
}

impl TokenBatch {
    /// Index of token `token` of sequence `row` among the `rows · length` positions.
    pub fn position(&self, row: usize, token: usize) -> usize {
        row * self.length + self.starts[row] + token
    }
}

impl TextProcessor {
    /// Pads `sequences` to the length of the longest. A sequence without tokens is all padding.
    pub fn batch(&self, sequences: &[&Sequence]) -> TokenBatch {
        let longest = sequences.iter().map(|sequence| sequence.ids.len()).max().unwrap_or(0);
        let length = self.inputs.sequence.unwrap_or(longest.max(1));
        let rows = sequences.len();
        let filled = |value: i64| vec![value; rows * length];
        let (mut ids, mut mask) = (filled(self.settings.pad_id), filled(0));
        let (mut types, mut positions) = (filled(self.settings.pad_type_id), filled(0));
        let mut starts = Vec::with_capacity(rows);
        for (row, sequence) in sequences.iter().enumerate() {
            // Never longer than the graph's fixed length: the tokenizer truncates to it.
            let tokens = sequence.ids.len().min(length);
            let start = if self.settings.pads_left { length - tokens } else { 0 };
            let place = row * length + start..row * length + start + tokens;
            ids[place.clone()].copy_from_slice(&sequence.ids[..tokens]);
            types[place.clone()].copy_from_slice(&sequence.types[..tokens]);
            mask[place.clone()].fill(1);
            for (position, at) in (0..).zip(&mut positions[place]) {
                *at = position;
            }
            starts.push(start);
        }
        let inputs = &self.inputs;
        let optional = [
            (&inputs.token_type_ids, types),
            (&inputs.position_ids, positions),
            (&inputs.attention_mask, mask.clone()),
        ];
        let mut feeds = vec![(inputs.input_ids.clone(), ids)];
        feeds.extend(
            optional
                .into_iter()
                .filter_map(|(name, values)| Some((name.clone()?, values))),
        );
        TokenBatch {
            rows,
            length,
            feeds,
            mask,
            starts,
        }
    }
}
