//! The settings of a new head: the layout of the features, how tokens are pooled, and the sizes.

/// How the feature tensor becomes `[n, n_features]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeatureLayout {
    /// `[n, n_features]` or `[n, n_features, 1, 1]`: flattened.
    Flat,
    /// `[n, n_features, h, w]`: averaged over the map.
    Map,
    /// `[n, tokens, n_features]`: pooled over the tokens.
    Tokens {
        /// How the tokens are pooled.
        pooling: SequencePooling,
        /// Name of the attention mask `[n, tokens]`, an input of integers; without it, all tokens count.
        mask: Option<String>,
    },
    /// `[n, tokens, n_features]`, not pooled: the logits are `[n, tokens, n_outputs]`, and the weight is `[n_features, n_outputs]`.
    EveryToken,
}

/// How the features of a sequence of tokens are pooled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequencePooling {
    /// The mean over the tokens.
    Mean,
    /// The features of the first token.
    First,
    /// The features of the last token.
    Last,
}

/// How many rows of features make a row of logits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeadRows {
    /// One row of features.
    #[default]
    Single,
    /// Two consecutive rows, u and v: the head takes `[u, v, |u − v|, u ⊙ v]` (Conneau et al. 2017), so the graph takes two input
    /// rows for each row of logits.
    Pairs,
}

/// A new head.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Name of the feature tensor.
    pub feature: String,
    /// The layout of the feature tensor; [`FeatureLayout::Flat`] by default.
    pub layout: FeatureLayout,
    /// How many rows of features make a row of logits; [`HeadRows::Single`] by default.
    pub rows: HeadRows,
    /// Number of features in one row of the feature tensor; the head of pairs takes four times as many.
    pub n_features: usize,
    /// Number of outputs.
    pub n_outputs: usize,
    /// Name of the new output; `logits` by default.
    pub output: String,
    /// Biases, one per output; empty for zeros, which is the default, as published.
    pub bias: Vec<f32>,
    /// Standard deviation of the weights; 0.01 by default, as published.
    pub deviation: f32,
    /// Seed of the weights.
    pub seed: u64,
    /// Name of the logits of the model's own classifier, which stays in the graph as
    /// [`SOURCE_LOGITS`](crate::head::SOURCE_LOGITS); none by default.
    pub source_logits: Option<String>,
}

impl Head {
    /// A head of `n_outputs` outputs on a flat feature tensor.
    pub fn new(feature: &str, n_features: usize, n_outputs: usize) -> Self {
        Self {
            feature: feature.to_owned(),
            layout: FeatureLayout::Flat,
            rows: HeadRows::Single,
            n_features,
            n_outputs,
            output: "logits".to_owned(),
            bias: Vec::new(),
            deviation: 0.01,
            seed: 0,
            source_logits: None,
        }
    }
}
