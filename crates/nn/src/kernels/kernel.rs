//! A kernel: an operation of our own on the CPU backend, and its place on Burn's tape.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};

use super::buffers::BufferPool;
use super::{gradient_sum, layout};
use crate::tensor::DeviceTensor;

/// The backward function of an operation with `N` inputs.
pub(crate) trait Kernel<const N: usize>: std::fmt::Debug + Send + 'static {
    /// The gradients of the `wanted` inputs, from the gradient of the output and the tensors that the forward function saved.
    fn backward(
        self,
        saved: Vec<FlexTensor>,
        gradient: FlexTensor,
        wanted: [bool; N],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; N];
}

/// The result of the forward function of an operation.
pub(crate) struct Forward {
    pub output: FlexTensor,
    /// The tensors that the backward function needs.
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
                // Only the gradient of an inner tensor may be consumed; that of a leaf, which has no parents, is kept.
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

/// Runs an operation on the CPU backend, and records it if an input is tracked; `None` on other devices.
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

/// Returns the buffer of a tensor of the CPU backend to its pool, if it has no other owner.
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
