//! Loops compiled for the widest vector instructions that the processor has, chosen at run time.

/// Runs `work`, compiled for the vector instructions found at run time. So are the functions that are inlined into it.
#[inline(always)]
pub(crate) fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// Independent partial sums: each addition to a single sum would wait for the one before.
pub(crate) const LANES: usize = 32;

/// `Σ f(a_i, b_i)` in [`LANES`] partial sums; call it inside [`vectorised`].
#[inline(always)]
pub(crate) fn sum_of<A: Copy, B: Copy>(a: &[A], b: &[B], f: impl Fn(A, B) -> f64) -> f64 {
    let mut sums = [0.0_f64; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for i in 0..LANES {
            sums[i] += f(a[i], b[i]);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(&a, &b)| f(a, b)).sum();
    sums.iter().sum::<f64>() + rest
}
