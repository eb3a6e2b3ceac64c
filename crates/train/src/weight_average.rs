//! An exponential moving average of the weights, which is validated and written in place of them.
//!
//! `a ← d a + (1 − d) w` after step t, from the first weights on, with `d = min(decay, (1 + t)/(10 + t))` (TensorFlow's
//! `ExponentialMovingAverage` with `num_updates`; Polyak and Juditsky 1992 for the idea). Running statistics are averaged too.

use ranktune_nn::{DeviceTensor, ParameterRole, TrainableGraph};

use crate::error::Result;

/// The average, by parameter; empty before the first step, and where the options ask for none.
#[derive(Debug)]
pub(crate) struct WeightAverage {
    decay: Option<f32>,
    values: Vec<(usize, DeviceTensor)>,
}

impl WeightAverage {
    pub(crate) fn new(decay: Option<f32>) -> Self {
        Self {
            decay,
            values: Vec::new(),
        }
    }

    /// Takes the weights after `step` (from 0) into the average.
    pub(crate) fn update(&mut self, graph: &TrainableGraph, step: u64) -> Result<()> {
        let Some(decay) = self.decay else { return Ok(()) };
        if self.values.is_empty() {
            let changes = |role| matches!(role, ParameterRole::Trainable | ParameterRole::Statistics);
            let parameters = graph.parameters().iter().enumerate();
            let changing = parameters.filter(|(_, parameter)| changes(parameter.role));
            self.values = changing
                .map(|(index, _)| (index, graph.value(index).detached()))
                .collect();
            return Ok(());
        }
        let step = step as f32;
        let kept = decay.min((1.0 + step) / (10.0 + step));
        for (index, value) in &mut self.values {
            let next = value.mul_scalar(kept);
            *value = next.add(&graph.value(*index).mul_scalar(1.0 - kept))?.detached();
        }
        Ok(())
    }

    /// The average of a parameter, if there is one.
    pub(crate) fn value(&self, index: usize) -> Option<&DeviceTensor> {
        let found = self.values.iter().find(|(one, _)| *one == index);
        found.map(|(_, value)| value)
    }

    /// All averages by parameter.
    pub(crate) fn values(&self) -> &[(usize, DeviceTensor)] {
        &self.values
    }

    /// Sets the averages of a checkpoint.
    pub(crate) fn restore(&mut self, values: Vec<(usize, DeviceTensor)>) {
        self.values = values;
    }

    /// Puts the averages into `graph`. Returns the weights that were there.
    pub(crate) fn enter(&self, graph: &mut TrainableGraph) -> Result<Vec<(usize, DeviceTensor)>> {
        let mut trained = Vec::with_capacity(self.values.len());
        for (index, value) in &self.values {
            trained.push((*index, graph.value(*index).clone()));
            graph.set_value(*index, value.clone())?;
        }
        Ok(trained)
    }
}

/// Puts weights back into `graph`.
pub(crate) fn leave(graph: &mut TrainableGraph, trained: Vec<(usize, DeviceTensor)>) -> Result<()> {
    for (index, value) in trained {
        graph.set_value(index, value)?;
    }
    Ok(())
}
