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
}
