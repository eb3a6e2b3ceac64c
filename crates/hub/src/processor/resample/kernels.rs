//! The two loops of resampling, compiled with AVX2 and without, and chosen at run time.
//!
//! Both are integer sums, so every build gives the same bytes; with AVX2 they take less than half the time.

use super::Taps;

/// Fractional bits of a weight: 32 for the sum, less 8 for the pixel, less 2 against overflow by negative lobes.
pub(super) const BITS: u32 = 32 - 8 - 2;

const HALF: i32 = 1 << (BITS - 1);

fn clip(sum: i32) -> u8 {
    // In range after the clamp.
    (sum >> BITS).clamp(0, 255) as u8
}

macro_rules! dispatch {
    ($(#[$doc:meta])* $name:ident $(<$(const $generic:ident: $kind:ty),*>)?, $plain:ident, $wide:ident, ($($arg:ident: $type:ty),*)) => {
        $(#[$doc])*
        pub(super) fn $name$(<$(const $generic: $kind),*>)?($($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn $wide$(<$(const $generic: $kind),*>)?($($arg: $type),*) {
                    $plain$(::<$($generic),*>)?($($arg),*);
                }
                if is_x86_feature_detected!("avx2") {
                    #[expect(unsafe_code, reason = "calling code compiled for AVX2; all of it is safe Rust")]
                    // SAFETY: the processor has AVX2, the function's only requirement.
                    unsafe {
                        $wide$(::<$($generic),*>)?($($arg),*);
                    }
                    return;
                }
            }
            $plain$(::<$($generic),*>)?($($arg),*);
        }
    };
}

dispatch! {
    /// `[n, width, C]`, of which column 0 is column `first` of the original → `[n, taps, C]`.
    columns<const C: usize>, columns_plain, columns_avx2,
    (source: &[u8], width: usize, first: usize, taps: &[Taps], out: &mut [u8])
}

dispatch! {
    /// `[n, stride]`, of which row 0 is row `first` of the original → `[taps, m]`, of the first `m` bytes of each row. The last
    /// row need not be whole.
    rows, rows_plain, rows_avx2, (source: &[u8], stride: usize, first: usize, taps: &[Taps], out: &mut [u8])
}

#[inline(always)]
fn columns_plain<const C: usize>(source: &[u8], width: usize, first: usize, taps: &[Taps], out: &mut [u8]) {
    // A row is widened to four bytes per pixel, so that a pixel is one vector whatever C is.
    let mut row4 = vec![[0_u8; 4]; width];
    for (row, out) in source.chunks_exact(width * C).zip(out.chunks_exact_mut(taps.len() * C)) {
        for (wide, pixel) in row4.iter_mut().zip(row.chunks_exact(C)) {
            wide[..C].copy_from_slice(pixel);
        }
        for (taps, out) in taps.iter().zip(out.chunks_exact_mut(C)) {
            let mut sum = [HALF; 4];
            for (pixel, &weight) in row4[taps.from - first..].iter().zip(&taps.weights) {
                for (sum, &value) in sum.iter_mut().zip(pixel) {
                    *sum += i32::from(value) * weight;
                }
            }
            for (out, sum) in out.iter_mut().zip(sum) {
                *out = clip(sum);
            }
        }
    }
}

#[inline(always)]
fn rows_plain(source: &[u8], stride: usize, first: usize, taps: &[Taps], out: &mut [u8]) {
    let length = out.len() / taps.len().max(1);
    let mut sums = vec![0; length];
    for (taps, out) in taps.iter().zip(out.chunks_exact_mut(length.max(1))) {
        sums.fill(HALF);
        let rows = source[(taps.from - first) * stride..].chunks(stride);
        for (row, &weight) in rows.zip(&taps.weights) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += i32::from(value) * weight;
            }
        }
        for (out, &sum) in out.iter_mut().zip(&sums) {
            *out = clip(sum);
        }
    }
}
