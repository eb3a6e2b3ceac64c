//! How a graph runs.

/// How a graph runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// Without a tape; BatchNormalization uses its running statistics.
    #[default]
    Evaluation,
    /// With a tape; BatchNormalization uses the statistics of the batch and updates the running ones.
    Training,
    /// With a tape; BatchNormalization uses its running statistics and does not update them.
    Frozen,
    /// With a tape; every channel of a BatchNormalization is normalized with its running statistics with this probability, else with
    /// those of the batch, drawn anew at each node. The running ones are updated first (StochNorm: Kou et al. 2020).
    Stochastic {
        /// Probability of the running statistics, in percent.
        percent: u8,
        /// Seed of the draws; the same seed draws the same channels.
        seed: u64,
    },
}
