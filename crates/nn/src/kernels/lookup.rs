//! Rows of a matrix by index, as from an embedding table.
//!
//! The gradient of the table has a row for every token of the vocabulary, nearly all zero; its buffer comes from the pool.

use burn::backend::flex::FlexTensor;

use super::buffers::BufferPool;
use super::kernel::{Forward, Kernel, run};
use super::layout::{dense, values};
use crate::tensor::DeviceTensor;

#[derive(Debug)]
struct Lookup {
    rows: usize,
    width: usize,
    indices: Vec<usize>,
}

/// The rows at `indices`, which must exist, of `table` `[rows, width]`; `None` where there is no kernel for it.
pub(crate) fn lookup(table: &DeviceTensor, indices: &[usize]) -> Option<DeviceTensor> {
    let [rows, width] = *table.dims().as_slice() else {
        return None;
    };
    if indices.is_empty() || width == 0 {
        return None;
    }
    let kernel = Lookup {
        rows,
        width,
        indices: indices.to_vec(),
    };
    run([table], kernel, |[table], buffers| {
        let table = table.to_contiguous();
        let mut found = buffers.take(indices.len() * width);
        for (found, &row) in found.chunks_exact_mut(width).zip(indices) {
            found.copy_from_slice(&values(&table)[row * width..(row + 1) * width]);
        }
        Forward {
            output: dense(&[indices.len(), width], found),
            saved: Vec::new(),
        }
    })
}

impl Kernel<1> for Lookup {
    /// A row that was selected several times gets the sum.
    fn backward(
        self,
        _: Vec<FlexTensor>,
        gradient: FlexTensor,
        _: [bool; 1],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; 1] {
        let gradient = gradient.to_contiguous();
        let mut table = buffers.zeros(self.rows * self.width);
        for (&row, gradient) in self.indices.iter().zip(values(&gradient).chunks_exact(self.width)) {
            let sums = &mut table[row * self.width..(row + 1) * self.width];
            sums.iter_mut().zip(gradient).for_each(|(sum, value)| *sum += value);
        }
        buffers.recycle(gradient);
        [Some(dense(&[self.rows, self.width], table))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Device;

    #[test]
    fn rows_are_those_of_the_table_and_gradients_add_up() {
        let values: Vec<f32> = (0..12).map(|value| value as f32).collect();
        let table = DeviceTensor::from_values(&[4, 3], values, &Device::flex())
            .unwrap()
            .tracked();
        let found = lookup(&table, &[2, 0, 2]).unwrap();
        assert_eq!(
            found.detached().to_values().unwrap(),
            [6.0, 7.0, 8.0, 0.0, 1.0, 2.0, 6.0, 7.0, 8.0]
        );
        let weights: Vec<f32> = (1..10).map(|value| value as f32).collect();
        let weights = DeviceTensor::from_values(&[3, 3], weights, &Device::flex()).unwrap();
        let loss = found.mul(&weights).unwrap().sum(&[0, 1]);
        let gradient = loss.backward().unwrap().gradient(&table).unwrap();
        let expected = [4.0, 5.0, 6.0, 0.0, 0.0, 0.0, 8.0, 10.0, 12.0, 0.0, 0.0, 0.0];
        assert_eq!(gradient.to_values().unwrap(), expected);
    }
}
