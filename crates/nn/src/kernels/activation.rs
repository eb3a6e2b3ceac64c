//! Activations on tensors of any shape and any memory order.

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;

use super::buffers::BufferPool;
use super::curve::{Activation, Curve, with_curve};
use super::elementwise::each;
use super::kernel::{Forward, Kernel, run};
use super::layout::Packed;
use crate::tensor::DeviceTensor;

/// The activation of every element; `None` where there is no kernel for it.
pub(crate) fn activate(x: &DeviceTensor, activation: Activation) -> Option<DeviceTensor> {
    let inner = with_curve!(activation, curve => along(x, curve))?;
    Some(x.same(inner.into_inner()))
}

#[derive(Debug)]
struct Along<C>(C);

fn along<C: Curve>(x: &DeviceTensor, curve: C) -> Option<DeviceTensor> {
    run([x], Along(curve), |[x], buffers| {
        let x = Packed::new(x, buffers);
        let mut y = buffers.take(x.values().len());
        each(
            &mut y,
            x.values(),
            #[inline(always)]
            |y, x| *y = curve.apply(x),
        );
        Forward {
            output: x.in_the_order_of_this(y),
            saved: vec![x.into_tensor()],
        }
    })
}

impl<C: Curve> Kernel<1> for Along<C> {
    fn backward(
        self,
        saved: Vec<FlexTensor>,
        gradient: FlexTensor,
        _: [bool; 1],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; 1] {
        let curve = self.0;
        [saved.into_iter().next().map(|x| {
            debug_assert_eq!(x.shape(), gradient.shape());
            let x = Packed::new(x, buffers);
            let mut dx = x.values_of(gradient);
            each(
                &mut dx,
                x.values(),
                #[inline(always)]
                |dx, x| *dx = curve.backward(x, *dx),
            );
            let dx = x.in_the_order_of_this(dx);
            x.recycle();
            dx
        })]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Device;

    /// `Σ w tanh(v)` for views `v` of a leaf whose elements lie in another order, with gaps, or are few.
    #[test]
    fn elements_in_any_order_get_their_own_values_and_gradients() {
        let device = Device::flex();
        let dims = [3, 4, 5, 2];
        let values: Vec<f32> = (0..120).map(|at| (at as f32 * 0.7).sin()).collect();
        let views: [fn(&DeviceTensor) -> DeviceTensor; 4] = [
            DeviceTensor::clone,
            |x| x.permute(&[0, 2, 3, 1]),
            |x| x.permute(&[3, 1, 0, 2]).narrow(1, 1, 3),
            |x| x.narrow(2, 4, 5),
        ];
        for view in views {
            let seen = || {
                let leaf = DeviceTensor::from_values(&dims, values.clone(), &device)
                    .unwrap()
                    .tracked();
                (view(&leaf), leaf)
            };
            let weigh = |y: &DeviceTensor, leaf: &DeviceTensor| {
                let count = y.dims().iter().product();
                let weights = (0..count).map(|at: usize| (at as f32 * 0.3).cos()).collect();
                let weights = DeviceTensor::from_values(&y.dims(), weights, &device).unwrap();
                let loss = y.mul(&weights).unwrap().sum(&[0, 1, 2, 3]);
                let gradient = loss.backward().unwrap().gradient(leaf).unwrap();
                [y.to_values().unwrap(), gradient.to_values().unwrap()]
            };
            let (x, leaf) = seen();
            let found = weigh(&activate(&x, Activation::Tanh).unwrap(), &leaf);
            let (x, leaf) = seen();
            let expected = weigh(&x.tanh(), &leaf);
            for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
                assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
            }
            assert_eq!(found[0].len(), expected[0].len());
        }
    }
}
