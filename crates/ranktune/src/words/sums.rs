//! The statistics of a model's words: of every group, and of every layer where there are several.
//!
//! ```text
//! features of words [n, Σ d_l] ──columns of layer l──► Statistics of layer l and group g, l = 1 … L, g = 1 … J
//!                              ──their mean over l───► those of the mean, where it is asked for and all d_l are one
//! ```
//! That is `J · Σ 4 d_l²` bytes, whatever the number of words: 24 MB for ten groups of 768 features, 0.3 GB for those of twelve blocks.
//! Beyond [`GROUP_BYTES`](super::GROUP_BYTES) there are fewer groups, down to two; beyond [`MOST_BYTES`] the model is refused.

use ranktune_core::one_line;
use ranktune_features::extract::{Layer, Prepared, WordBlock};
use ranktune_scores::uncertainty::Grouped;
use ranktune_scores::{FeatureView, Statistics, Targets};

use super::{FEWEST_GROUPS, Words};
use crate::layers::{common_width, gather};
use crate::rank::LayerChoice;
use crate::scorer::{Chosen, Scorer};

/// Memory that the statistics of one model may take.
const MOST_BYTES: usize = 8 << 30;

/// Words a feature up to which there are few.
const FEW: usize = 4;

/// The statistics of one model.
pub(super) struct WordSums<'a> {
    words: &'a Words<'a>,
    /// Nothing where features are of one tensor.
    layers: Vec<Layer>,
    /// Whether the layers' mean has statistics too, the last ones.
    with_mean: bool,
    /// Of every layer, from the first words on.
    parts: Vec<Grouped>,
    n_features: usize,
}

/// The layers whose statistics are kept apart, and whether those of their mean are.
fn plan(model: &Prepared, choice: LayerChoice) -> (Vec<Layer>, bool) {
    let layers = Some(model.layers())
        .filter(|layers| layers.len() > 1)
        .unwrap_or_default();
    let with_mean = choice == LayerChoice::Mean && common_width(&layers).is_some();
    (layers, with_mean)
}

/// Bytes of one group's statistics, as far as the graph tells.
pub(super) fn bytes(model: &Prepared, choice: LayerChoice) -> usize {
    let (layers, with_mean) = plan(model, choice);
    let square = |width: usize| width.saturating_mul(width).saturating_mul(4);
    let mut bytes: usize = layers.iter().map(|layer| square(layer.width())).sum();
    if with_mean {
        bytes += square(common_width(&layers).unwrap_or(0));
    }
    if layers.is_empty() {
        bytes = square(model.feature_dim().unwrap_or(0));
    }
    bytes
}

/// Whether statistics of so many bytes a group can be kept, of as few groups as there can be.
pub(super) fn fits(bytes: usize) -> bool {
    bytes.saturating_mul(FEWEST_GROUPS) <= MOST_BYTES
}

impl<'a> WordSums<'a> {
    /// Refuses a model whose statistics do not fit in memory.
    pub(super) fn new(words: &'a Words<'a>, model: &Prepared, choice: LayerChoice) -> Result<Self, String> {
        let (layers, with_mean) = plan(model, choice);
        let of_group = bytes(model, choice);
        if !fits(of_group) {
            #[expect(clippy::cast_precision_loss, reason = "gigabytes, for a person")]
            let gigabytes = |bytes: usize| bytes as f64 / f64::from(1 << 30);
            return Err(format!(
                "the sums of {} features would take {:.1} GiB, more than {:.0}; name one tensor with --feature",
                model.feature_dim().unwrap_or(0),
                gigabytes(of_group.saturating_mul(FEWEST_GROUPS)),
                gigabytes(MOST_BYTES)
            ));
        }
        Ok(Self {
            words,
            layers,
            with_mean,
            parts: Vec::new(),
            n_features: 0,
        })
    }

    /// Adds the words of the next sentences.
    pub(super) fn add(&mut self, block: &WordBlock<'_>) -> Result<(), String> {
        self.add_words(block).map_err(|error| one_line(&error))
    }

    fn add_words(&mut self, block: &WordBlock<'_>) -> Result<(), ranktune_scores::Error> {
        let d = block.n_features;
        let (mut labels, mut groups) = (Vec::new(), Vec::new());
        for sentence in block.sentences.clone() {
            let tags = &self.words.tags[sentence];
            labels.extend_from_slice(tags);
            groups.resize(labels.len(), self.words.groups[sentence]);
        }
        if labels.is_empty() {
            return Ok(());
        }
        if self.parts.is_empty() {
            self.n_features = d;
            let mean = self.layers.first().filter(|_| self.with_mean).map(Layer::width);
            let widths = self.layers.iter().map(Layer::width).chain(mean);
            let widths = if self.layers.is_empty() {
                vec![d]
            } else {
                widths.collect()
            };
            let empty = |width| Statistics::for_classes(width, self.words.n_tags);
            let parts = widths
                .into_iter()
                .map(|width| Ok(Grouped::new(&empty(width)?, self.words.n_groups)));
            self.parts = parts.collect::<Result<_, ranktune_scores::Error>>()?;
        }
        let targets = Targets::classes(&labels, self.words.n_tags)?;
        let mut own = Vec::new();
        for (place, part) in self.parts.iter_mut().enumerate() {
            let (rows, width) = match self.layers.get(place..=place) {
                _ if self.layers.is_empty() => (block.features, d),
                layer => {
                    let layers = layer.unwrap_or(&self.layers);
                    own.clear();
                    gather(block.features, d, layers, &mut own);
                    (own.as_slice(), layers[0].width())
                }
            };
            part.update(&FeatureView::new(rows, labels.len(), width)?, &targets, &groups)?;
        }
        Ok(())
    }

    /// Every score of the words so far.
    pub(super) fn scores(&mut self, scorer: &Scorer<'_>, model: &Prepared) -> Result<Chosen, String> {
        let text = |error: ranktune_scores::Error| one_line(&error);
        let mut each = Vec::with_capacity(self.parts.len());
        for part in &mut self.parts {
            let groups = part.groups().map_err(text)?;
            each.push(scorer.of_groups(groups).map_err(|reason| advised(groups, reason))?);
        }
        let none = || "there are no words to score".to_owned();
        if self.layers.is_empty() {
            let scores = each.pop().ok_or_else(none)?;
            return Ok(Chosen::of_all(model, scores, self.n_features));
        }
        let mean = if self.with_mean { each.pop() } else { None };
        scorer.of_layers(&self.layers, each, || mean.ok_or_else(none))
    }
}

/// Why words have no score, with what helps where there are few of them: their rows are not kept, as the reason may ask for.
fn advised(groups: &[Statistics], reason: String) -> String {
    let words: usize = groups.iter().map(Statistics::n_samples).sum();
    let features = groups.first().map_or(0, Statistics::n_features);
    if words > FEW * features {
        return reason;
    }
    let reason = reason.trim_end_matches("; score from the rows instead");
    format!("{words} words are too few for {features} features, take more sentences: {reason}")
}
