//! From an engine's output to one row a sample.
//!
//! | the output | the row |
//! |---|---|
//! | `[N, d]`, `[N, d, 1, 1]` | as it is |
//! | `[N, C, H, W]`, `[N, H, W, C]` | the average over the map |
//! | `[N, tokens, d]` | the first token, or the average of all |

use ranktune_onnx::locate::Pooling;

use crate::engine::Output;
use crate::{Error, ErrorKind};

/// How a sequence of tokens without padding becomes one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenPooling {
    /// The first token's.
    First,
    /// The average.
    Mean,
}

/// The first `rows` rows of `output`, pooled, row-major.
pub(crate) fn rows(output: &Output, rows: usize, pooling: Pooling, tokens: TokenPooling) -> Result<Vec<f32>, Error> {
    let shape = output.shape.as_slice();
    let samples = shape.first().copied().unwrap_or(0);
    if samples < rows || output.data.len() != shape.iter().product::<usize>() || output.data.is_empty() {
        return Err(Error::new(
            ErrorKind::Inference,
            format!(
                "expected a value for each of {rows} samples, found shape {shape:?}; its first axis must be the batch"
            ),
        ));
    }
    let sample = output.data.len() / samples;
    let data = &output.data[..rows * sample];
    let axis = match pooling {
        Pooling::None => return Ok(data.to_vec()),
        Pooling::GlobalAverage { channels_axis } => channels_axis,
        Pooling::Tokens => shape.len().saturating_sub(1),
        _ => {
            return Err(Error::new(
                ErrorKind::UnsupportedModel,
                format!("a feature tensor of shape {shape:?} cannot be pooled"),
            ));
        }
    };
    if axis == 0 || axis >= shape.len() {
        return Err(Error::new(
            ErrorKind::Inference,
            format!("expected the channels on axis {axis}, found shape {shape:?}"),
        ));
    }
    let channels = shape[axis];
    let (outer, inner) = (
        shape[1..axis].iter().product::<usize>(),
        shape[axis + 1..].iter().product::<usize>(),
    );
    if pooling == Pooling::Tokens && tokens == TokenPooling::First {
        return Ok(data
            .chunks_exact(sample)
            .flat_map(|sample| &sample[..channels])
            .copied()
            .collect());
    }
    let mut pooled = Vec::with_capacity(rows * channels);
    let mut sums = vec![0.0_f64; channels];
    #[expect(clippy::cast_precision_loss, reason = "the size of a map is far below 2^53")]
    let scale = 1.0 / (outer * inner) as f64;
    for sample in data.chunks_exact(sample) {
        sums.fill(0.0);
        for plane in sample.chunks_exact(channels * inner) {
            for (sum, values) in sums.iter_mut().zip(plane.chunks_exact(inner)) {
                *sum += values.iter().map(|&value| f64::from(value)).sum::<f64>();
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "features are f32")]
        pooled.extend(sums.iter().map(|sum| (sum * scale) as f32));
    }
    Ok(pooled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(shape: &[usize]) -> Output {
        let count = shape.iter().product::<usize>();
        Output {
            shape: shape.to_vec(),
            data: (0..count).map(|value| value as f32).collect(),
        }
    }

    #[test]
    fn a_map_is_averaged_whichever_axis_the_channels_are_on() {
        let first = rows(
            &output(&[2, 3, 2, 2]),
            2,
            Pooling::GlobalAverage { channels_axis: 1 },
            TokenPooling::Mean,
        )
        .unwrap();
        assert_eq!(first, [1.5, 5.5, 9.5, 13.5, 17.5, 21.5]);
        let last = rows(
            &output(&[2, 2, 2, 3]),
            2,
            Pooling::GlobalAverage { channels_axis: 3 },
            TokenPooling::Mean,
        )
        .unwrap();
        assert_eq!(last, [4.5, 5.5, 6.5, 16.5, 17.5, 18.5]);
    }

    #[test]
    fn tokens_give_the_first_or_their_average() {
        let tokens = output(&[2, 3, 2]);
        assert_eq!(
            rows(&tokens, 2, Pooling::Tokens, TokenPooling::First).unwrap(),
            [0.0, 1.0, 6.0, 7.0]
        );
        assert_eq!(
            rows(&tokens, 2, Pooling::Tokens, TokenPooling::Mean).unwrap(),
            [2.0, 3.0, 8.0, 9.0]
        );
    }

    #[test]
    fn rows_that_only_fill_a_fixed_batch_are_dropped() {
        assert_eq!(
            rows(&output(&[4, 2]), 1, Pooling::None, TokenPooling::Mean).unwrap(),
            [0.0, 1.0]
        );
    }

    #[test]
    fn an_output_without_a_row_for_every_sample_is_an_error() {
        assert!(rows(&output(&[1, 4]), 2, Pooling::None, TokenPooling::Mean).is_err());
        assert!(rows(&output(&[]), 1, Pooling::None, TokenPooling::Mean).is_err());
        assert!(rows(&output(&[2, 0]), 2, Pooling::None, TokenPooling::Mean).is_err());
    }
}
