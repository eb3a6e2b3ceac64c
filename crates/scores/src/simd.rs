//! Loops compiled once more for the widest vector instructions that this processor has.

/// Runs `work`, compiled for the instructions found at run time. What it calls is compiled so as well only where it is inlined.
#[inline(always)]
pub(crate) fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// Sums side by side, added up at the end: a single sum would wait for every addition.
pub(crate) const LANES: usize = 32;

/// `Σ f(a_i, b_i)`, in lanes; to be called inside of [`vectorised`].
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
