//! Attention, RotaryEmbedding and LRN, against formulas in this file.

use crate::harness::{Case, Input, within, x};

/// Rows of softmax(scale · q kᵀ + added) · v for one head.
fn head(q: &[f32], k: &[f32], v: &[f32], width: usize, scale: f32, added: impl Fn(usize, usize) -> f32) -> Vec<f32> {
    let mut out = Vec::new();
    for (row, query) in q.chunks(width).enumerate() {
        let scores: Vec<f32> = k
            .chunks(width)
            .enumerate()
            .map(|(column, key)| {
                let product: f32 = query.iter().zip(key).map(|(a, b)| a * b).sum();
                product * scale + added(row, column)
            })
            .collect();
        let largest = scores.iter().fold(f32::MIN, |a, &b| a.max(b));
        let weights: Vec<f32> = scores.iter().map(|score| (score - largest).exp()).collect();
        let total: f32 = weights.iter().sum();
        for feature in 0..width {
            let sum: f32 = weights
                .iter()
                .zip(v.chunks(width))
                .map(|(weight, value)| weight * value[feature])
                .sum();
            out.push(sum / total);
        }
    }
    out
}

#[test]
fn attention_over_heads_agrees() {
    let case = |mask: Input| {
        Case::new(
            "Attention",
            vec![x(&[2, 2, 3, 4]), x(&[2, 2, 5, 4]), x(&[2, 2, 5, 4]), mask],
        )
        .opset(23)
    };
    let each = |inputs: &[Vec<f32>], added: &dyn Fn(usize, usize) -> f32| -> Vec<f32> {
        (0..4)
            .flat_map(|one| {
                let (q, k) = (one * 12..one * 12 + 12, one * 20..one * 20 + 20);
                head(&inputs[0][q], &inputs[1][k.clone()], &inputs[2][k], 4, 0.5, added)
            })
            .collect()
    };
    case(Input::Absent).check_against(&[2, 2, 3, 4], |inputs| each(inputs, &|_, _| 0.0));
    let added = Input::Floats(vec![3, 5], (0..15).map(|index| index as f32 / 10.0).collect());
    case(added).check_against(&[2, 2, 3, 4], |inputs| {
        each(inputs, &|row, column| (row * 5 + column) as f32 / 10.0)
    });
    let seen = Input::Bools(vec![3, 5], (0..15).map(|index| index % 5 < 3).collect());
    case(seen).check_against(&[2, 2, 3, 4], |inputs| {
        each(inputs, &|_, column| if column < 3 { 0.0 } else { -1e30 })
    });
    case(Input::Absent)
        .int("is_causal", 1)
        .check_against(&[2, 2, 3, 4], |inputs| {
            each(inputs, &|row, column| {
                if column <= row { 0.0 } else { -1e30 }
            })
        });
    case(Input::Absent).float("softcap", 2.0).check_gradients();
}

#[test]
fn attention_shares_keys_between_heads_side_by_side() {
    // [n, rows, heads · width]: four heads of queries, two of keys and values.
    Case::new("Attention", vec![x(&[1, 3, 8]), x(&[1, 3, 4]), x(&[1, 3, 4])])
        .int("q_num_heads", 4)
        .int("kv_num_heads", 2)
        .float("scale", 0.7)
        .opset(23)
        .check_against(&[1, 3, 8], |inputs| {
            let of = |values: &[f32], at: usize, all: usize| -> Vec<f32> {
                values.chunks(all).flat_map(|row| row[at..at + 2].to_vec()).collect()
            };
            let heads: Vec<Vec<f32>> = (0..4)
                .map(|one| {
                    let shared = one / 2 * 2;
                    let (k, v) = (of(&inputs[1], shared, 4), of(&inputs[2], shared, 4));
                    head(&of(&inputs[0], one * 2, 8), &k, &v, 2, 0.7, |_, _| 0.0)
                })
                .collect();
            (0..3)
                .flat_map(|row| heads.iter().flat_map(move |head| head[row * 2..row * 2 + 2].to_vec()))
                .collect()
        });
}

#[test]
fn rotary_embedding_turns_pairs() {
    // One head of four features, at positions 1 and 0 of a table of two.
    let table = |values: [f32; 4]| Input::Floats(vec![2, 2], values.to_vec());
    let (cos, sin) = ([1.0, 1.0, 0.6, 0.8], [0.0, 0.0, 0.8, 0.6]);
    let case = || {
        let positions = Input::Ints(vec![1, 2], vec![1, 0]);
        Case::new(
            "RotaryEmbedding",
            vec![x(&[1, 1, 2, 4]), table(cos), table(sin), positions],
        )
        .opset(23)
    };
    let turned = |inputs: &[Vec<f32>], pairs: [[usize; 2]; 2]| -> Vec<f32> {
        let mut out = inputs[0].clone();
        for (angle, [a, b]) in pairs.into_iter().enumerate() {
            let (c, s) = (cos[2 + angle], sin[2 + angle]);
            out[a] = inputs[0][a] * c - inputs[0][b] * s;
            out[b] = inputs[0][a] * s + inputs[0][b] * c;
        }
        out
    };
    case().check_against(&[1, 1, 2, 4], |inputs| turned(inputs, [[0, 2], [1, 3]]));
    case()
        .int("interleaved", 1)
        .check_against(&[1, 1, 2, 4], |inputs| turned(inputs, [[0, 1], [2, 3]]));
    Case::new(
        "RotaryEmbedding",
        vec![
            x(&[1, 2, 6]),
            Input::Floats(vec![1, 2, 1], vec![0.6, 0.8]),
            Input::Floats(vec![1, 2, 1], vec![0.8, 0.6]),
        ],
    )
    .int("num_heads", 2)
    .int("rotary_embedding_dim", 2)
    .opset(23)
    .check_gradients();
}

#[test]
fn local_response_normalization_agrees() {
    let (alpha, beta, bias) = (0.3, 0.75, 1.5);
    Case::new("LRN", vec![x(&[2, 5, 3])])
        .int("size", 4)
        .float("alpha", alpha)
        .float("beta", beta)
        .float("bias", bias)
        .check_against(&[2, 5, 3], |inputs| {
            let at = |n: usize, c: usize, s: usize| inputs[0][(n * 5 + c) * 3 + s];
            let mut out = Vec::new();
            for (n, c, s) in (0..2usize).flat_map(|n| (0..5usize).flat_map(move |c| (0..3).map(move |s| (n, c, s)))) {
                let near = c.saturating_sub(1)..(c + 3).min(5);
                let sum: f32 = near.map(|other| at(n, other, s).powi(2)).sum();
                out.push(at(n, c, s) / (bias + alpha / 4.0 * sum).powf(beta));
            }
            out
        });
}

#[test]
fn pools_in_a_power_agree() {
    Case::new("LpPool", vec![within(&[1, 2, 4, 4], 0.2, 1.0)])
        .ints("kernel_shape", &[2, 2])
        .ints("strides", &[2, 2])
        .check_against(&[1, 2, 2, 2], |inputs| {
            let at = |c: usize, h: usize, w: usize| inputs[0][c * 16 + h * 4 + w].powi(2);
            let places = (0..2).flat_map(|c| (0..2).flat_map(move |h| (0..2).map(move |w| (c, 2 * h, 2 * w))));
            places
                .map(|(c, h, w)| (at(c, h, w) + at(c, h + 1, w) + at(c, h, w + 1) + at(c, h + 1, w + 1)).sqrt())
                .collect()
        });
    Case::new("GlobalLpPool", vec![within(&[1, 2, 3, 2], 0.2, 1.0)])
        .int("p", 3)
        .check_against(&[1, 2, 1, 1], |inputs| {
            let channels = inputs[0].chunks(6);
            channels
                .map(|channel| channel.iter().map(|x| x.powi(3)).sum::<f32>().cbrt())
                .collect()
        });
}
