//! What a new head is made from: the layout of the features, how tokens are pooled, and the sizes.

/// How the feature tensor becomes `[n, n_features]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeatureLayout {
    /// It is so already, or `[n, n_features, 1, 1]`.
    Flat,
    /// `[n, n_features, h, w]`: the mean over the map.
    Map,
    /// `[n, tokens, n_features]`: one vector of the tokens, those for which the named input `[n, tokens]` is 1 if it is named.
    Tokens {
        /// Which vector.
        pooling: SequencePooling,
        /// Name of the mask, an input of integers; all tokens count without.
        mask: Option<String>,
    },
    /// `[n, tokens, n_features]`, which stays so: logits are `[n, tokens, n_outputs]`, and the weight `[n_features, n_outputs]`.
    EveryToken,
}

/// The vector that stands for a sequence of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequencePooling {
    /// The mean.
    Mean,
    /// The first token's.
    First,
    /// The last token's.
    Last,
}

/// What a row of logits is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeadRows {
    /// One row of features.
    #[default]
    Single,
    /// Two rows that follow each other, u and v: the head takes `[u, v, |u − v|, u ⊙ v]` (Conneau et al. 2017), so the graph is
    /// fed twice as many rows as it gives logits.
    Pairs,
}

/// A new head.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Name of the feature tensor.
    pub feature: String,
    /// What the feature tensor looks like; [`FeatureLayout::Flat`] by default.
    pub layout: FeatureLayout,
    /// What a row of logits is of; [`HeadRows::Single`] by default.
    pub rows: HeadRows,
    /// Number of features of one row of the feature tensor; the head takes four times as many of pairs.
    pub n_features: usize,
    /// Number of outputs.
    pub n_outputs: usize,
    /// Name of the new output; `logits` by default.
    pub output: String,
    /// Biases, a value an output; zeros by default, as published, which an empty list stands for too.
    pub bias: Vec<f32>,
    /// Standard deviation of the weights; 0.01 by default, as published.
    pub deviation: f32,
    /// Seed of the weights.
    pub seed: u64,
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
        }
    }
}
