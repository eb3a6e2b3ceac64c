//! The head as it answers, where its method makes another one of that which is trained.

use super::session::Session;
use ranktune_nn::head::{BIAS, WEIGHT};
use ranktune_nn::{DeviceTensor, Result, TrainableGraph};

/// Places and values of parameters.
type Values = Vec<(usize, DeviceTensor)>;

impl Session<'_> {
    /// Asks the graph with the head that answers, and puts back the one that is trained.
    pub(super) fn answering<T>(&mut self, ask: impl FnOnce(&TrainableGraph) -> Result<T>) -> Result<T> {
        let trained = self.answer()?;
        let answer = ask(&self.graph);
        for (index, value) in trained {
            self.graph.set_value(index, value)?;
        }
        answer
    }

    /// Puts the head that answers in the place of the one that is trained, whose parameters it gives where they differ.
    pub(super) fn answer(&mut self) -> Result<Values> {
        let (Some(weight), Some(bias)) = (self.graph.find(WEIGHT), self.graph.find(BIAS)) else {
            return Ok(Vec::new());
        };
        let trained = [weight, bias].map(|index| (index, self.graph.value(index).detached()));
        let [w, b] = &trained;
        let Some((w, b)) = self.job.method.answer(&w.1.to_values()?, &b.1.to_values()?) else {
            return Ok(Vec::new());
        };
        let device = self.graph.device().clone();
        for ((index, before), values) in trained.iter().zip([w, b]) {
            let value = DeviceTensor::from_values(&before.dims(), values, &device)?;
            self.graph.set_value(*index, value)?;
        }
        Ok(trained.into())
    }
}
