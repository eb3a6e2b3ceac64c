//! Pools the output of an engine to one row per sample.
//!
//! | the output | the row |
//! |---|---|
//! | `[N, d]`, `[N, d, 1, 1]` | as it is |
//! | `[N, C, H, W]`, `[N, H, W, C]` | the mean over the map |
//! | `[N, tokens, d]` | the first token, the last token, or the mean over all tokens |
//!
//! Padding is ignored: the first token is the first one of the attention mask, and the mean is over the mask. A sequence of padding
//! alone gives zeros.

use std::ops::Range;

use ranktune_onnx::locate::Pooling;

use super::options::WordPooling;
use super::units::Mask;
use crate::engine::Output;
use crate::{Error, ErrorKind};

/// How a sequence of tokens becomes one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenPooling {
    /// That of the first token.
    First,
    /// That of the last token.
    Last,
    /// The mean.
    Mean,
}

/// The first `rows` rows of `output`, pooled, row-major. Tokens are pooled by `tokens`, over the mask if there is one.
pub(crate) fn rows(
    output: &Output,
    rows: usize,
    pooling: Pooling,
    (tokens, mask): (TokenPooling, Option<&Mask>),
) -> Result<Vec<f32>, Error> {
    let shape = output.shape.as_slice();
    let samples = shape.first().copied().unwrap_or(0);
    if samples < rows || output.data.len() != shape.iter().product::<usize>() || output.data.is_empty() {
        return Err(Error::new(
            ErrorKind::Inference,
            format!("expected values for {rows} samples on the first axis, found shape {shape:?}"),
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
    if pooling == Pooling::Tokens {
        return token_rows(data, (outer, channels), tokens, mask);
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

/// Pools `data` `[rows, length, channels]`.
fn token_rows(
    data: &[f32],
    (length, channels): (usize, usize),
    tokens: TokenPooling,
    mask: Option<&Mask>,
) -> Result<Vec<f32>, Error> {
    if let Some(mask) = mask
        && mask.length != length
    {
        let message = format!("expected features of {} tokens, found {length}", mask.length);
        return Err(Error::new(ErrorKind::Inference, message));
    }
    let mut pooled = Vec::with_capacity(data.len() / length.max(1));
    let mut sums = vec![0.0_f64; channels];
    for (row, sample) in data.chunks_exact(length * channels).enumerate() {
        let counts = |at: &usize| mask.is_none_or(|mask| mask.values[row * length + at] != 0);
        let mut kept = (0..length).filter(counts);
        let chosen = match tokens {
            TokenPooling::First => kept.next(),
            TokenPooling::Last => kept.next_back(),
            TokenPooling::Mean => {
                sums.fill(0.0);
                let mut count = 0.0;
                for at in kept {
                    count += 1.0;
                    for (sum, &value) in sums.iter_mut().zip(&sample[at * channels..]) {
                        *sum += f64::from(value);
                    }
                }
                let scale = if count > 0.0 { 1.0 / count } else { 0.0 };
                #[expect(clippy::cast_possible_truncation, reason = "features are f32")]
                pooled.extend(sums.iter().map(|sum| (sum * scale) as f32));
                continue;
            }
        };
        match chosen {
            Some(at) => pooled.extend_from_slice(&sample[at * channels..(at + 1) * channels]),
            None => pooled.resize(pooled.len() + channels, 0.0),
        }
    }
    Ok(pooled)
}

/// Features of words, each pooled over its range of the tokens `[rows · length]`. A word without tokens gives zeros.
pub(crate) fn words(
    output: &Output,
    mask: Option<&Mask>,
    words: &[Range<usize>],
    pooling: WordPooling,
) -> Result<Vec<f32>, Error> {
    let &[rows, length, channels] = output.shape.as_slice() else {
        let message = format!(
            "expected features of every token, [N, tokens, d], found shape {:?}",
            output.shape
        );
        return Err(Error::new(ErrorKind::Inference, message));
    };
    if mask.is_some_and(|mask| mask.length != length) || output.data.len() != rows * length * channels {
        let message = format!("expected features of every token, found shape {:?}", output.shape);
        return Err(Error::new(ErrorKind::Inference, message));
    }
    let token = |at: usize| output.data.get(at * channels..(at + 1) * channels).unwrap_or_default();
    let mut pooled = Vec::with_capacity(words.len() * channels);
    for word in words {
        let end = pooled.len() + channels;
        match pooling {
            _ if word.is_empty() => {}
            WordPooling::First => pooled.extend_from_slice(token(word.start)),
            WordPooling::Mean => {
                let mut sums = vec![0.0_f64; channels];
                for at in word.clone() {
                    for (sum, &value) in sums.iter_mut().zip(token(at)) {
                        *sum += f64::from(value);
                    }
                }
                #[expect(clippy::cast_precision_loss, reason = "a word has few tokens")]
                let scale = 1.0 / word.len() as f64;
                #[expect(clippy::cast_possible_truncation, reason = "features are f32")]
                pooled.extend(sums.iter().map(|sum| (sum * scale) as f32));
            }
        }
        pooled.resize(end, 0.0);
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
            (TokenPooling::Mean, None),
        )
        .unwrap();
        assert_eq!(first, [1.5, 5.5, 9.5, 13.5, 17.5, 21.5]);
        let last = rows(
            &output(&[2, 2, 2, 3]),
            2,
            Pooling::GlobalAverage { channels_axis: 3 },
            (TokenPooling::Mean, None),
        )
        .unwrap();
        assert_eq!(last, [4.5, 5.5, 6.5, 16.5, 17.5, 18.5]);
    }

    #[test]
    fn tokens_are_pooled_to_the_first_or_their_mean() {
        let tokens = output(&[2, 3, 2]);
        assert_eq!(
            rows(&tokens, 2, Pooling::Tokens, (TokenPooling::First, None)).unwrap(),
            [0.0, 1.0, 6.0, 7.0]
        );
        assert_eq!(
            rows(&tokens, 2, Pooling::Tokens, (TokenPooling::Mean, None)).unwrap(),
            [2.0, 3.0, 8.0, 9.0]
        );
    }

    #[test]
    fn padding_is_ignored_on_either_side() {
        let tokens = output(&[3, 3, 2]);
        let mask = Mask {
            length: 3,
            values: vec![1, 1, 0, 0, 1, 1, 0, 0, 0],
        };
        let pooled = |how| rows(&tokens, 3, Pooling::Tokens, (how, Some(&mask))).unwrap();
        assert_eq!(pooled(TokenPooling::First), [0.0, 1.0, 8.0, 9.0, 0.0, 0.0]);
        assert_eq!(pooled(TokenPooling::Last), [2.0, 3.0, 10.0, 11.0, 0.0, 0.0]);
        assert_eq!(pooled(TokenPooling::Mean), [1.0, 2.0, 9.0, 10.0, 0.0, 0.0]);
    }

    #[test]
    fn words_are_pooled_to_their_first_token_or_their_mean() {
        let tokens = output(&[2, 3, 2]);
        let places = [0..2, 4..5, 5..5];
        let of = |pooling| words(&tokens, None, &places, pooling).unwrap();
        assert_eq!(of(WordPooling::First), [0.0, 1.0, 8.0, 9.0, 0.0, 0.0]);
        assert_eq!(of(WordPooling::Mean), [1.0, 2.0, 8.0, 9.0, 0.0, 0.0]);
    }

    #[test]
    fn features_of_another_number_of_tokens_are_refused() {
        let mask = Mask {
            length: 2,
            values: vec![1, 1],
        };
        assert!(
            rows(
                &output(&[1, 3, 2]),
                1,
                Pooling::Tokens,
                (TokenPooling::Mean, Some(&mask))
            )
            .is_err()
        );
    }

    #[test]
    fn rows_that_only_fill_a_fixed_batch_are_dropped() {
        assert_eq!(
            rows(&output(&[4, 2]), 1, Pooling::None, (TokenPooling::Mean, None)).unwrap(),
            [0.0, 1.0]
        );
    }

    #[test]
    fn an_output_without_a_row_for_every_sample_is_an_error() {
        assert!(rows(&output(&[1, 4]), 2, Pooling::None, (TokenPooling::Mean, None)).is_err());
        assert!(rows(&output(&[]), 1, Pooling::None, (TokenPooling::Mean, None)).is_err());
        assert!(rows(&output(&[2, 0]), 2, Pooling::None, (TokenPooling::Mean, None)).is_err());
    }
}
