//! Optimizers, one file each: the update of a value by its gradient, and the moments kept between steps.

mod adam_w;
mod change;
mod sgd;

use ranktune_nn::DeviceTensor;

pub(crate) use change::Change;

use crate::error::Result;
use crate::options::Optimizer;

/// An optimizer, with its moments by parameter.
#[derive(Debug)]
pub(crate) struct Stepper {
    optimizer: Optimizer,
    /// Steps started.
    steps: u64,
    /// By moment, then by parameter; `None` until a parameter's first step.
    moments: [Vec<Option<DeviceTensor>>; 2],
}

impl Stepper {
    /// An optimizer of parameters `0..count`.
    pub(crate) fn new(optimizer: Optimizer, count: usize) -> Self {
        Self {
            optimizer,
            steps: 0,
            moments: [vec![None; count], vec![None; count]],
        }
    }

    /// Starts a step, in which each parameter is updated once.
    pub(crate) fn begin(&mut self) {
        self.steps += 1;
    }

    /// The new value of a parameter.
    pub(crate) fn update(
        &mut self,
        index: usize,
        value: &DeviceTensor,
        gradient: &DeviceTensor,
        change: Change,
    ) -> Result<DeviceTensor> {
        let [first, second] = &mut self.moments;
        match self.optimizer {
            Optimizer::Sgd { momentum, nesterov } => {
                sgd::update(value, gradient, &mut first[index], change, momentum, nesterov)
            }
            Optimizer::AdamW {
                beta_1,
                beta_2,
                epsilon,
            } => {
                let settings = adam_w::Settings {
                    beta_1,
                    beta_2,
                    epsilon,
                    steps: self.steps,
                };
                adam_w::update(
                    value,
                    gradient,
                    (&mut first[index], &mut second[index]),
                    change,
                    settings,
                )
            }
        }
    }

    /// Steps done, for a checkpoint.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    /// The moments: which of the two, of which parameter, and its value.
    pub(crate) fn moments(&self) -> impl Iterator<Item = (usize, usize, &DeviceTensor)> {
        let each = |which: usize| {
            self.moments[which]
                .iter()
                .enumerate()
                .map(move |(index, tensor)| (which, index, tensor))
        };
        each(0)
            .chain(each(1))
            .filter_map(|(which, index, tensor)| Some((which, index, tensor.as_ref()?)))
    }

    /// Restores the state of a checkpoint.
    pub(crate) fn restore(&mut self, steps: u64, moments: Vec<(usize, usize, DeviceTensor)>) {
        self.steps = steps;
        for (which, index, tensor) in moments {
            if let Some(slot) = self.moments.get_mut(which).and_then(|moments| moments.get_mut(index)) {
                *slot = Some(tensor);
            }
        }
    }
}
