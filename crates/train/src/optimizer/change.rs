//! The factors of an update, and moments that are replaced.

use ranktune_nn::DeviceTensor;
use ranktune_nn::update::release;

/// The factors of a parameter's update.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    /// Learning rate, the parameter's own multiplier included.
    pub rate: f32,
    /// Weight decay.
    pub decay: f32,
    /// Factor of the gradient from clipping.
    pub shrink: f32,
}

/// Replaces a moment.
pub(super) fn replace(moment: &mut Option<DeviceTensor>, new: Option<DeviceTensor>) {
    if let Some(old) = std::mem::replace(moment, new) {
        release(old);
    }
}
