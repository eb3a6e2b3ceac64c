//! The statistics of a model's words: of every group, and of every layer where there are several.
//!
//! ```text
//! features of words [n, Σ d_l] ──columns of layer l──► statistics of layer l and group g, l = 1 … L, g = 1 … J
//!                              ──mean over l─────────► those of the mean, where it is asked for and all d_l are equal
//! ```
//!
//! They take `J · Σ 4 d_l²` bytes, whatever the number of words: 24 MB for ten groups of 768 features, 0.3 GB for those of
//! twelve blocks. A model of which even [`FEWEST_GROUPS`] groups take more than [`MOST_BYTES`] is refused.

use std::sync::OnceLock;

use ranktune_features::extract::{Layer, PreparedModel, WordBlock};
use ranktune_scores::baseline::{PERMUTATIONS, PermutedSums, order};
use ranktune_scores::uncertainty::{Accumulator, GroupedScores};
use ranktune_scores::{FeatureView, Statistics, Targets};

use super::baseline;
use super::layers::{append_mean, combine, common_width};
use super::options::LayerChoice;
use super::row_sums::keeps_draw;
use super::scores::{Detail, ModelScores, ScoreList, Scoring};
use crate::error::{Error, ErrorKind};

/// Memory that the statistics of one model may take.
const MOST_BYTES: usize = 8 << 30;

/// Groups that a standard error takes at least.
pub(super) const FEWEST_GROUPS: usize = 2;

/// Words per feature up to which there are few.
const FEW: usize = 4;

/// The tags of every sentence, and its group.
pub(super) struct Sentences<'a> {
    tags: &'a [Vec<u32>],
    n_tags: usize,
    groups: Vec<usize>,
    n_groups: usize,
    /// The number of words before each sentence.
    before: Vec<usize>,
    /// The tags of all words in permuted orders, one list for each.
    permuted: OnceLock<Vec<Vec<u32>>>,
}

impl<'a> Sentences<'a> {
    pub(super) fn new(tags: &'a [Vec<u32>], n_tags: usize, groups: Vec<usize>, n_groups: usize) -> Self {
        let mut words = 0;
        let before = tags.iter().map(|tags| {
            words += tags.len();
            words - tags.len()
        });
        Self {
            tags,
            n_tags,
            groups,
            n_groups,
            before: before.collect(),
            permuted: OnceLock::new(),
        }
    }

    /// The tags of all words in permuted orders.
    fn permuted(&self, seed: u64) -> &[Vec<u32>] {
        self.permuted.get_or_init(|| {
            let tags: Vec<u32> = self.tags.iter().flatten().copied().collect();
            let of = |permutation| {
                order(tags.len(), seed, permutation)
                    .iter()
                    .map(|&word| tags[word])
                    .collect()
            };
            (0..PERMUTATIONS).map(of).collect()
        })
    }

    /// Length of the shortest prefix with `words` words, or of all sentences.
    pub(super) fn with_words(&self, words: usize) -> usize {
        let mut count = 0;
        let reached = self.tags.iter().position(|tags| {
            count += tags.len();
            count >= words
        });
        reached.map_or(self.tags.len(), |last| last + 1)
    }
}

/// The statistics of one model.
pub(super) struct WordSums<'a> {
    sentences: &'a Sentences<'a>,
    /// Empty where features are of one tensor.
    layers: Vec<Layer>,
    /// Whether the layers' mean has statistics too, the last of `parts`.
    with_mean: bool,
    bytes_of_group: usize,
    /// Whether some words are kept.
    keeps_draw: bool,
    /// One for every layer, from the first words on.
    parts: Vec<Accumulator>,
    /// Their sums over permuted tags, where they are kept.
    permuted: Vec<PermutedSums>,
    keeps_permuted: bool,
    seed: u64,
    n_features: usize,
}

/// The layers whose statistics are kept apart, and whether those of their mean are.
fn plan(model: &PreparedModel, choice: LayerChoice) -> (Vec<Layer>, bool) {
    let layers = Some(model.layers())
        .filter(|layers| layers.len() > 1)
        .unwrap_or_default();
    let with_mean = choice == LayerChoice::Mean && common_width(&layers).is_some();
    (layers, with_mean)
}

/// Bytes of one group's statistics, as far as the graph tells.
pub(super) fn bytes_of_group(model: &PreparedModel, choice: LayerChoice) -> usize {
    let (layers, with_mean) = plan(model, choice);
    let square = |width: usize| width.saturating_mul(width).saturating_mul(4);
    if layers.is_empty() {
        return square(model.feature_dim().unwrap_or(0));
    }
    let of_layers: usize = layers.iter().map(|layer| square(layer.width())).sum();
    let of_mean = common_width(&layers).filter(|_| with_mean).map_or(0, square);
    of_layers + of_mean
}

/// Whether statistics of so many bytes per group fit in memory, with as few groups as possible.
pub(super) fn fits(bytes_of_group: usize) -> bool {
    bytes_of_group.saturating_mul(FEWEST_GROUPS) <= MOST_BYTES
}

impl<'a> WordSums<'a> {
    pub(super) fn new(sentences: &'a Sentences<'a>, model: &PreparedModel, scoring: &Scoring<'_>) -> Self {
        let (layers, with_mean) = plan(model, scoring.layers);
        Self {
            sentences,
            layers,
            with_mean,
            bytes_of_group: bytes_of_group(model, scoring.layers),
            keeps_draw: keeps_draw(scoring.names),
            parts: Vec::new(),
            permuted: Vec::new(),
            keeps_permuted: baseline::keeps_sums(scoring.names),
            seed: scoring.seed,
            n_features: 0,
        }
    }

    /// Refuses a model whose statistics do not fit in memory.
    ///
    /// # Errors
    /// [`ErrorKind::Extraction`], with the size.
    pub(super) fn check_memory(&self, model: &PreparedModel) -> Result<(), Error> {
        if fits(self.bytes_of_group) {
            return Ok(());
        }
        #[expect(clippy::cast_precision_loss, reason = "gigabytes, for a person")]
        let gigabytes = |bytes: usize| bytes as f64 / f64::from(1 << 30);
        let message = format!(
            "the sums of {} features would take {:.1} GiB, more than {:.0}; name one tensor with --feature",
            model.feature_dim().unwrap_or(0),
            gigabytes(self.bytes_of_group.saturating_mul(FEWEST_GROUPS)),
            gigabytes(MOST_BYTES)
        );
        Err(Error::new(ErrorKind::Extraction, message))
    }

    /// Adds the words of the next sentences.
    pub(super) fn add(&mut self, block: &WordBlock<'_>) -> Result<(), ranktune_scores::Error> {
        let d = block.n_features;
        let (mut labels, mut groups) = (Vec::new(), Vec::new());
        for sentence in block.sentences.clone() {
            labels.extend_from_slice(&self.sentences.tags[sentence]);
            groups.resize(labels.len(), self.sentences.groups[sentence]);
        }
        if labels.is_empty() {
            return Ok(());
        }
        if self.parts.is_empty() {
            self.n_features = d;
            self.parts = self.empty_parts()?;
            self.permuted = vec![PermutedSums::default(); self.parts.len()];
        }
        let first = self.sentences.before[block.sentences.start];
        let words = first..first + labels.len();
        let permuted = self.keeps_permuted.then(|| self.sentences.permuted(self.seed));
        let n_tags = self.sentences.n_tags;
        let permute = |sums: &mut PermutedSums, view: &FeatureView<'_>| match permuted {
            Some(permuted) => sums.update(view, |order| Targets::classes(&permuted[order][words.clone()], n_tags)),
            None => Ok(()),
        };
        let targets = Targets::classes(&labels, self.sentences.n_tags)?;
        if let ([part], true) = (self.parts.as_mut_slice(), self.layers.is_empty()) {
            let view = FeatureView::new(block.features, labels.len(), d)?;
            part.update(&view, &targets, &groups)?;
            return permute(&mut self.permuted[0], &view);
        }
        let mut rows = Vec::new();
        for (place, part) in self.parts.iter_mut().enumerate() {
            // The part behind those of the layers is their mean's.
            let layers = self.layers.get(place..=place).unwrap_or(&self.layers);
            rows.clear();
            append_mean(block.features, d, layers, &mut rows);
            let view = FeatureView::new(&rows, labels.len(), layers[0].width())?;
            part.update(&view, &targets, &groups)?;
            permute(&mut self.permuted[place], &view)?;
        }
        Ok(())
    }

    fn empty_parts(&self) -> Result<Vec<Accumulator>, ranktune_scores::Error> {
        let empty = |width: usize| {
            let empty = Statistics::for_classes(width, self.sentences.n_tags)?;
            let sums = Accumulator::new(&empty, self.sentences.n_groups);
            Ok(if self.keeps_draw { sums.with_draw() } else { sums })
        };
        if self.layers.is_empty() {
            return Ok(vec![empty(self.n_features)?]);
        }
        let of_mean = self.layers.first().filter(|_| self.with_mean);
        let layers = self.layers.iter().chain(of_mean);
        layers.map(|layer| empty(layer.width())).collect()
    }

    /// The scores of the words so far.
    pub(super) fn scores(
        &mut self,
        scoring: &Scoring<'_>,
        model: &PreparedModel,
        detail: Detail,
    ) -> Result<ModelScores, Error> {
        let mut each = Vec::with_capacity(self.parts.len());
        for (part, permuted) in self.parts.iter_mut().zip(&self.permuted) {
            let scores = part.scores(None)?;
            let list = scoring.of_groups(&scores, permuted, detail);
            each.push(list.map_err(|error| advised(&scores, error))?);
        }
        let none = || Error::new(ErrorKind::Data, "there are no words to score");
        if self.layers.is_empty() {
            let list: ScoreList = each.pop().ok_or_else(none)?;
            return Ok(ModelScores::of_all(model, list, self.n_features));
        }
        let mean = if self.with_mean { each.pop() } else { None };
        combine(scoring.layers, &self.layers, each, || mean.ok_or_else(none))
    }
}

/// Why words have no score, with what helps where there are few of them. Their rows are not kept, as the reason may suggest.
fn advised(scores: &GroupedScores<'_>, error: Error) -> Error {
    let Ok(total) = scores.total() else { return error };
    let (words, features) = (total.n_samples(), total.n_features());
    if words > FEW * features {
        return error;
    }
    let reason = error.to_string();
    let reason = reason.trim_end_matches("; score from the rows instead");
    let message = format!("{words} words are too few for {features} features, take more sentences: {reason}");
    Error::new(error.kind(), message)
}
