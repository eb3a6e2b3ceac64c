//! A kernel: an operation of our own on the CPU backend, and how it is put on Burn's tape.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};

use super::buffers::BufferPool;
use super::{gradient_sum, layout};
use crate::tensor::DeviceTensor;

/// The backward half of an operation with `N` inputs.
pub(crate) trait Kernel<const N: usize>: std::fmt::Debug + Send + 'static {
    /// The gradients of the inputs that want one, from the gradient of the output and what the forward half saved.
    fn backward(
        self,
        saved: Vec<FlexTensor>,
        gradient: FlexTensor,
        wanted: [bool; N],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; N];
}

/// What the forward half of an operation gives.
pub(crate) struct Forward {
    pub output: FlexTensor,
    /// What backward needs.
    pub saved: Vec<FlexTensor>,
}

/// A kernel on the tape, and the pool of the tensors that it was run on.
#[derive(Debug)]
struct Step<K> {
    kernel: K,
    buffers: BufferPool,
}

impl<K: Kernel<N>, const N: usize> Backward<Flex, N> for Step<K> {
    type State = Vec<FlexTensor>;

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let results = self.kernel.backward(ops.state, gradient, wanted, &self.buffers);
        for (parent, result) in ops.parents.into_iter().zip(results) {
            if let (Some(parent), Some(result)) = (parent, result) {
                // Only an inner tensor gives its gradient away; that of a leaf, which has no parents, stays where it is.
                let is_second = !parent.parents.is_empty() && gradient_sum::has_begun(parent.id);
                let result = if is_second {
                    gradient_sum::sum(result, gradients.consume::<Flex>(&parent), &self.buffers)
                } else {
                    result
                };
                gradients.register::<Flex>(parent.id, result);
            }
        }
    }
}

/// Runs an operation on the CPU backend, on the tape where an input is; `None` on other devices.
pub(crate) fn run<K: Kernel<N>, const N: usize>(
    inputs: [&DeviceTensor; N],
    kernel: K,
    forward: impl FnOnce([FlexTensor; N], &BufferPool) -> Forward,
) -> Option<DeviceTensor> {
    let pools = inputs.iter().map(|tensor| tensor.buffers());
    let buffers = pools.fold(BufferPool::none(), |found, pool| found.or(pool));
    let lift = |tensor: &DeviceTensor| burn::Tensor::<1>::from_dispatch(tensor.inner().clone());
    if inputs.iter().all(|tensor| !tensor.is_tracked()) {
        let plain = inputs.map(|tensor| lift(tensor).without_autodiff().try_into_primitive::<Flex>().ok());
        let output = forward(all(plain)?, &buffers).output;
        return Some(wrap(burn::Tensor::<1>::from_primitive::<Flex>(output), &buffers));
    }
    let lifted = all(inputs.map(|tensor| lift(tensor).autodiff().try_into_primitive::<Autodiff<Flex>>().ok()))?;
    let nodes = lifted.each_ref().map(|tensor| tensor.node());
    let primitives = lifted.map(|tensor| tensor.into_primitive());
    let Forward { output, saved } = forward(primitives, &buffers);
    let step = Step {
        kernel,
        buffers: buffers.clone(),
    };
    let output = match step.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(saved, output),
        OpsKind::UnTracked(prepared) => prepared.finish(output),
    };
    let output = burn::Tensor::<1>::from_primitive::<Autodiff<Flex>>(output);
    Some(wrap(output, &buffers))
}

pub(super) fn wrap(tensor: burn::Tensor<1>, buffers: &BufferPool) -> DeviceTensor {
    DeviceTensor::from_inner(tensor.into_dispatch(), buffers)
}

/// Gives back the buffer of a tensor of the CPU backend, if nobody else holds it.
pub fn release(tensor: DeviceTensor) {
    let buffers = tensor.buffers().clone();
    let lifted = burn::Tensor::<1>::from_dispatch(tensor.into_inner());
    if let Ok(plain) = lifted.without_autodiff().try_into_primitive::<Flex>() {
        layout::release(plain, &buffers);
    }
}

/// All of them, or none.
fn all<T, const N: usize>(options: [Option<T>; N]) -> Option<[T; N]> {
    let found: Vec<T> = options.into_iter().flatten().collect();
    found.try_into().ok()
}
