//! The width of vector registers, chosen at run time.

use pulp::{Arch, Scalar, WithSimd};

/// The instructions that kernels run with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Width {
    /// The widest of the machine.
    Widest(Arch),
    /// AVX2 with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    #[cfg_attr(not(test), expect(dead_code, reason = "tests compare all widths"))]
    Avx2(pulp::x86::V3),
    /// One element at a time, for the compiler to vectorize.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests compare all widths"))]
    Portable,
}

/// Elements of a register.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

impl Width {
    pub(super) fn widest() -> Self {
        Self::Widest(Arch::new())
    }

    /// Every width of this machine.
    #[cfg(test)]
    pub(super) fn all() -> Vec<Self> {
        let mut all = vec![Self::widest(), Self::Portable];
        #[cfg(target_arch = "x86_64")]
        all.extend(pulp::x86::V3::try_new().map(Self::Avx2));
        all
    }

    #[inline(always)]
    pub(super) fn run<W: WithSimd>(self, work: W) -> W::Output {
        match self {
            Self::Widest(arch) => arch.dispatch(work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => pulp::Simd::vectorize(simd, work),
            Self::Portable => pulp::Simd::vectorize(Scalar::new(), work),
        }
    }

    pub(super) fn lanes(self) -> usize {
        self.run(Lanes)
    }
}
