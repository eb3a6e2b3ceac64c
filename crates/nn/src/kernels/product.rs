//! Matrix products of slices.

use rayon::prelude::*;

use super::buffers::BufferPool;
use super::elementwise::CHUNK;

/// A matrix in a slice: element `(row, column)` is at `row · rows + column · columns`.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
}

impl<'a> Matrix<'a> {
    /// Row-major, with rows of `width` elements.
    pub(super) fn new(data: &'a [f32], width: usize) -> Self {
        Self {
            data,
            rows: width,
            columns: 1,
        }
    }

    /// The transpose of a row-major matrix with rows of `width` elements.
    pub(super) fn transposed(data: &'a [f32], width: usize) -> Self {
        Self {
            data,
            rows: 1,
            columns: width,
        }
    }

    /// With the given strides of rows and columns.
    pub(super) fn strided(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self { data, rows, columns }
    }

    /// The transpose.
    pub(super) fn transpose(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            ..self
        }
    }

    /// Without the first rows.
    fn after_rows(self, first: usize) -> Self {
        Self {
            data: &self.data[first * self.rows..],
            ..self
        }
    }

    fn holds(&self, rows: usize, columns: usize) -> bool {
        rows == 0 || columns == 0 || (rows - 1) * self.rows + (columns - 1) * self.columns < self.data.len()
    }
}

/// On which threads a product runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Threads {
    One,
    All,
}

impl Threads {
    /// The threads of each of `tasks` products that run in parallel.
    pub(super) fn for_tasks(tasks: usize) -> Self {
        if tasks < rayon::current_num_threads() {
            Self::All
        } else {
            Self::One
        }
    }
}

/// Rows of a parallel product that one thread computes at a time.
const BAND: usize = 768;

/// The fewest rows that make a product worth its overhead.
pub(super) const TALL: usize = 512;

/// The number of pieces of a sum over `rows`, which does not depend on the number of threads.
pub(super) fn pieces(rows: usize) -> usize {
    (rows / TALL).clamp(1, 8)
}

/// `out [m, n] (+)= a [m, k] · b [k, n]`, row-major; adds to `out` if `add`.
pub(super) fn product(out: &mut [f32], sizes: [usize; 3], a: Matrix, b: Matrix, add: bool, threads: Threads) {
    product_within(out, sizes[1], sizes, a, b, add, threads);
}

/// The same, where rows of `out` are `width` elements apart.
pub(super) fn product_within(
    out: &mut [f32],
    width: usize,
    [m, n, k]: [usize; 3],
    a: Matrix,
    b: Matrix,
    add: bool,
    threads: Threads,
) {
    let holds = m == 0 || (width >= n && (m - 1) * width + n <= out.len());
    assert!(
        holds && a.holds(m, k) && b.holds(k, n),
        "matrices are smaller than the product asks for"
    );
    if threads == Threads::All && m >= 2 * BAND && n * k > 0 {
        // gemm on all threads copies all of `a` first; for a band of rows the copy fits into the cache.
        out[..(m - 1) * width + n]
            .par_chunks_mut(BAND * width)
            .enumerate()
            .for_each(|(band, out)| {
                let rows = BAND.min(m - band * BAND);
                let a = a.after_rows(band * BAND);
                product_within(out, width, [rows, n, k], a, b, add, Threads::One);
            });
        return;
    }
    let parallelism = match threads {
        Threads::All if m * n * k > 1 << 18 => gemm::Parallelism::Rayon(0),
        _ => gemm::Parallelism::None,
    };
    let step = |size: usize| size as isize;
    #[expect(unsafe_code, reason = "the matrix products of the gemm crate take pointers")]
    // SAFETY: the assertion above keeps every element that the product reads or writes inside of its slice: the largest
    // offset of an operand is the one of its last element. `out` is borrowed mutably, so it overlaps neither operand.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            step(width),
            add,
            a.data.as_ptr(),
            step(a.columns),
            step(a.rows),
            b.data.as_ptr(),
            step(b.columns),
            step(b.rows),
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// `aᵀ · b` for tall row-major matrices `a [rows, m]` and `b [rows, n]`: in fixed pieces, so that the sum does not depend on
/// the number of threads.
pub(super) fn tall_product(a: &[f32], b: &[f32], [rows, m, n]: [usize; 3], buffers: &BufferPool) -> Vec<f32> {
    let pieces = pieces(rows);
    let threads = Threads::for_tasks(pieces);
    let each = rows.div_ceil(pieces);
    let parts: Vec<Vec<f32>> = (0..pieces)
        .into_par_iter()
        .map(|piece| {
            let (first, last) = ((piece * each).min(rows), ((piece + 1) * each).min(rows));
            let mut out = buffers.take(m * n);
            let left = Matrix::transposed(&a[first * m..last * m], m);
            let right = Matrix::new(&b[first * n..last * n], n);
            product(&mut out, [m, n, last - first], left, right, false, threads);
            out
        })
        .collect();
    sum(parts, buffers)
}

/// The sum of equally long vectors, in order.
pub(super) fn sum(parts: Vec<Vec<f32>>, buffers: &BufferPool) -> Vec<f32> {
    let mut parts = parts.into_iter();
    let mut total = parts.next().unwrap_or_default();
    let others: Vec<Vec<f32>> = parts.collect();
    total.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, total)| {
        for other in &others {
            let other = &other[chunk * CHUNK..][..total.len()];
            total.iter_mut().zip(other).for_each(|(total, other)| *total += other);
        }
    });
    others.into_iter().for_each(|buffer| buffers.put(buffer));
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_in_bands_is_the_product_of_the_definition() {
        // More rows than two bands and a remainder; `a` is read by columns, and `out` is part of a wider matrix.
        let ([m, n, k], width) = ([2 * BAND + 5, 3, 4], 7);
        let value = |index: usize| ((index * 37) % 23) as f32 - 11.0;
        let a: Vec<f32> = (0..m * k).map(value).collect();
        let b: Vec<f32> = (0..k * n).map(|index| value(index + 5)).collect();
        for add in [false, true] {
            let mut out: Vec<f32> = (0..m * width).map(value).collect();
            let before = out.clone();
            let (left, right) = (Matrix::strided(&a, 1, m), Matrix::new(&b, n));
            product_within(&mut out[2..], width, [m, n, k], left, right, add, Threads::All);
            for row in 0..m {
                for column in 0..width {
                    let place = row * width + column;
                    let inside = (2..2 + n).contains(&column);
                    let kept = if add || !inside { before[place] } else { 0.0 };
                    let sum: f32 = if inside {
                        (0..k).map(|at| a[at * m + row] * b[at * n + column - 2]).sum()
                    } else {
                        0.0
                    };
                    // Whole numbers: every sum is exact.
                    assert_eq!(out[place], kept + sum, "{row}, {column}, {add}");
                }
            }
        }
    }
}
