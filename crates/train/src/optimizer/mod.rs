//! Optimizers, one a file: how a gradient becomes a new value, and what is remembered between steps.

mod adam_w;
mod sgd;

use super::Optimizer;
use ranktune_nn::{DeviceTensor, Result};

/// What a parameter is changed by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    /// Learning rate, the parameter's own multiplier included.
    pub rate: f32,
    /// Weight decay.
    pub decay: f32,
    /// What the gradient is multiplied by, so that all together are no longer than they may be.
    pub shrink: f32,
}

/// Puts a moment in the place of the one before.
fn replace(moment: &mut Option<DeviceTensor>, new: Option<DeviceTensor>) {
    if let Some(old) = std::mem::replace(moment, new) {
        ranktune_nn::update::release(old);
    }
}

/// An optimizer, with its moments by parameter.
#[derive(Debug)]
pub(super) struct Stepper {
    optimizer: Optimizer,
    /// Steps begun.
    steps: u64,
    /// By moment, then by parameter; `None` until a parameter's first step.
    moments: [Vec<Option<DeviceTensor>>; 2],
}

impl Stepper {
    /// For parameters `0..count`.
    pub(super) fn new(optimizer: Optimizer, count: usize) -> Self {
        Self {
            optimizer,
            steps: 0,
            moments: [vec![None; count], vec![None; count]],
        }
    }

    /// Begins a step, in which each parameter is changed once.
    pub(super) fn begin(&mut self) {
        self.steps += 1;
    }

    /// The new value of a parameter.
    pub(super) fn update(
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
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// The moments there are: which of the two, of which parameter, and its value.
    pub(super) fn moments(&self) -> impl Iterator<Item = (usize, usize, &DeviceTensor)> {
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

    /// Takes back what a checkpoint holds.
    pub(super) fn restore(&mut self, steps: u64, moments: Vec<(usize, usize, DeviceTensor)>) {
        self.steps = steps;
        for (which, index, tensor) in moments {
            if let Some(slot) = self.moments.get_mut(which).and_then(|moments| moments.get_mut(index)) {
                *slot = Some(tensor);
            }
        }
    }
}
