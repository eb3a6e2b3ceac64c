//! Convolutions and pools over windows that slide along the spatial axes: by our kernels on the CPU where there is one, else
//! by Burn's own operations.
//!
//! # Shapes
//! `x [n, c, s₁, …]`, `weight [m, c/groups, k₁, …]` → `[n, m, t₁, …]` with
//! `tᵢ = (sᵢ + beforeᵢ + afterᵢ − dilationᵢ·(kᵢ − 1) − 1) / strideᵢ + 1`.

use burn::backend::Dispatch;
use burn::backend::ops::{ConvOptions, ConvTransposeOptions, ModuleOps};

use crate::kernels;
use crate::tensor::DeviceTensor;
use crate::windows::Windows;

fn options<const N: usize>(windows: &Windows, groups: usize) -> ConvOptions<N> {
    ConvOptions {
        stride: std::array::from_fn(|axis| windows.stride[axis]),
        padding: std::array::from_fn(|axis| windows.pads[axis]),
        dilation: std::array::from_fn(|axis| windows.dilation[axis]),
        groups,
    }
}

fn transposed<const N: usize>(windows: &Windows, extra: &[usize], groups: usize) -> ConvTransposeOptions<N> {
    ConvTransposeOptions {
        stride: std::array::from_fn(|axis| windows.stride[axis]),
        padding: [0; N],
        padding_out: std::array::from_fn(|axis| extra[axis]),
        dilation: std::array::from_fn(|axis| windows.dilation[axis]),
        groups,
    }
}

impl DeviceTensor {
    /// Convolution over one to three spatial axes. The caller has checked the shapes.
    pub(crate) fn convolve(&self, weight: &Self, bias: Option<&Self>, windows: &Windows, groups: usize) -> Self {
        if let Some(y) = kernels::convolve(self, weight, bias, windows, groups) {
            return y;
        }
        let (x, weight) = (self.inner().clone(), weight.inner().clone());
        let bias = bias.map(|bias| bias.inner().clone());
        self.derived(match windows.stride.len() {
            1 => Dispatch::conv1d(x, weight, bias, options(windows, groups)),
            2 => Dispatch::conv2d(x, weight, bias, options(windows, groups)),
            _ => Dispatch::conv3d(x, weight, bias, options(windows, groups)),
        })
    }

    /// Transposed convolution without padding, with `extra` elements at the end of each spatial axis. The caller has
    /// checked the shapes.
    pub(crate) fn convolve_transposed(&self, weight: &Self, windows: &Windows, extra: &[usize], groups: usize) -> Self {
        let (x, weight) = (self.inner().clone(), weight.inner().clone());
        self.derived(match windows.stride.len() {
            1 => Dispatch::conv_transpose1d(x, weight, None, transposed(windows, extra, groups)),
            2 => Dispatch::conv_transpose2d(x, weight, None, transposed(windows, extra, groups)),
            _ => Dispatch::conv_transpose3d(x, weight, None, transposed(windows, extra, groups)),
        })
    }

    /// The largest value of each window of a `[n, c, h, w]` tensor, without padding.
    pub(crate) fn max_pool(&self, kernel: [usize; 2], stride: [usize; 2], dilation: [usize; 2]) -> Self {
        self.derived(Dispatch::max_pool2d(
            self.inner().clone(),
            kernel,
            stride,
            [0, 0],
            dilation,
            false,
        ))
    }

    /// The mean of each window of a `[n, c, h, w]` tensor, without padding.
    pub(crate) fn average_pool(&self, kernel: [usize; 2], stride: [usize; 2]) -> Self {
        self.derived(Dispatch::avg_pool2d(
            self.inner().clone(),
            kernel,
            stride,
            [0, 0],
            true,
            false,
        ))
    }
}
