//! What is recorded of a step.

/// The record of a step.
#[derive(Debug)]
pub(crate) struct StepRecord<'a> {
    pub step: u64,
    pub epoch: usize,
    pub loss: f32,
    pub parts: &'a [(&'static str, f32)],
    pub learning_rate: f32,
    pub seconds: f64,
}
