//! Vectorized passes over the elements or the rows of a tensor, on all threads.

use rayon::prelude::*;

/// Elements per task.
pub(super) const CHUNK: usize = 1 << 14;

/// Calls `change` with every element of `y` and of `x`.
pub(super) fn each(y: &mut [f32], x: &[f32], change: impl Fn(&mut f32, f32) + Sync) {
    y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(y, x)| {
        vectorized(
            #[inline(always)]
            || y.iter_mut().zip(x).for_each(|(y, &x)| change(y, x)),
        );
    });
}

/// Calls `change` with every row of `y` and of `x`, rows of `c`.
pub(super) fn rows_of(y: &mut [f32], x: &[f32], c: usize, change: impl Fn(&mut [f32], &[f32]) + Sync) {
    let rows = (CHUNK / c).max(1) * c;
    y.par_chunks_mut(rows).zip(x.par_chunks(rows)).for_each(|(y, x)| {
        vectorized(
            #[inline(always)]
            || {
                for (y, x) in y.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
                    change(&mut y[..c], &x[..c]);
                }
            },
        );
    });
}

/// Runs `work` with the widest vector instructions of the machine; code that is inlined into it is compiled for each of them.
#[inline(always)]
pub(crate) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}
