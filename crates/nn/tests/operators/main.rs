//! Every operator family: forward against rten (or a formula, where rten has none), gradients against central differences.

#![expect(clippy::unwrap_used, reason = "a test fails where this panics")]

mod attention;
mod control;
mod harness;
mod normalization;
mod shapes;
mod windows;

use harness::{Case, Input, list, number, within, x};

#[test]
fn arithmetic_broadcasts_and_has_right_gradients() {
    for op in ["Add", "Sub", "Mul"] {
        Case::new(op, vec![x(&[2, 3, 4]), x(&[3, 1])]).check();
        Case::new(op, vec![x(&[4]), x(&[2, 3, 4])]).check();
        Case::new(op, vec![x(&[3, 41, 37]), x(&[37])]).check();
        Case::new(op, vec![x(&[3, 5, 7]), x(&[3, 5, 7])]).check();
        Case::new(op, vec![x(&[2, 3]), number(1.5)]).check();
        Case::new(op, vec![number(1.5), x(&[2, 3])]).check();
    }
    // Maps and the weights of their channels per sample.
    Case::new("Mul", vec![x(&[2, 3, 5, 4]), x(&[2, 3, 1, 1])]).check();
    Case::new("Mul", vec![x(&[2, 3, 1, 1]), x(&[2, 3, 9, 8])]).check();
    Case::new("Div", vec![x(&[2, 3]), within(&[2, 1], 0.5, 2.0)]).check();
    Case::new("Div", vec![number(2.0), within(&[2, 3], 0.5, 2.0)]).check();
    Case::new("Div", vec![x(&[2, 3]), number(4.0)]).check();
    Case::new("Pow", vec![within(&[2, 3], 0.5, 2.0), within(&[3], 0.5, 2.0)]).check();
    for power in [0.5, 1.0, 2.0, 3.0, 2.5] {
        Case::new("Pow", vec![within(&[5], 0.5, 2.0), number(power)]).check();
    }
    Case::new("Pow", vec![x(&[7]), number(3.0)]).check();
}

#[test]
fn operators_of_many_inputs_agree() {
    for op in ["Sum", "Mean", "Max", "Min"] {
        Case::new(op, vec![x(&[3, 4]), x(&[4]), x(&[3, 1])]).check();
        Case::new(op, vec![x(&[3, 4])]).check();
    }
}

#[test]
fn functions_of_one_number_agree() {
    for op in ["Abs", "Cos", "Erf", "Exp", "Neg", "Sin", "Tan", "Tanh", "Atan"] {
        Case::new(op, vec![x(&[3, 5])]).check();
    }
    for op in ["Log", "Sqrt", "Reciprocal"] {
        Case::new(op, vec![within(&[3, 5], 0.5, 2.0)]).check();
    }
    for op in ["Asin", "Acos"] {
        Case::new(op, vec![within(&[7], -0.8, 0.8)]).check();
    }
    for op in ["Floor", "Ceil", "Round", "Sign"] {
        Case::new(op, vec![within(&[9], 0.1, 0.4)]).check();
    }
    type Function = fn(f32) -> f32;
    let hyperbolic: [(&'static str, Function, f32, f32); 5] = [
        ("Sinh", f32::sinh, -1.0, 1.0),
        ("Cosh", f32::cosh, -1.0, 1.0),
        ("Asinh", f32::asinh, -1.0, 1.0),
        ("Acosh", f32::acosh, 1.5, 3.0),
        ("Atanh", f32::atanh, -0.8, 0.8),
    ];
    for (op, function, low, high) in hyperbolic {
        Case::new(op, vec![within(&[6], low, high)])
            .check_against(&[6], |inputs| inputs[0].iter().map(|&x| function(x)).collect());
    }
}

#[test]
fn activations_agree() {
    let wide = || within(&[4, 9], -4.0, 4.0);
    for op in [
        "Relu",
        "Sigmoid",
        "HardSwish",
        "HardSigmoid",
        "Softplus",
        "LeakyRelu",
        "Elu",
        "Gelu",
        "Selu",
        "Mish",
    ] {
        match op {
            "Selu" => Case::new(op, vec![wide()]).check_against(&[4, 9], |inputs| {
                let selu = |x: f32| 1.050_701 * if x > 0.0 { x } else { 1.673_263_2 * (x.exp() - 1.0) };
                inputs[0].iter().map(|&x| selu(x)).collect()
            }),
            "Mish" => Case::new(op, vec![wide()]).check_against(&[4, 9], |inputs| {
                inputs[0].iter().map(|&x| x * x.exp().ln_1p().tanh()).collect()
            }),
            _ => Case::new(op, vec![wide()]).check(),
        }
    }
    Case::new("HardSigmoid", vec![wide()])
        .float("alpha", 1.0 / 6.0)
        .float("beta", 0.4)
        .check();
    Case::new("LeakyRelu", vec![wide()]).float("alpha", 0.3).check();
    Case::new("Gelu", vec![wide()]).string("approximate", "tanh").check();
    Case::new("PRelu", vec![within(&[2, 3, 4], -2.0, 2.0), x(&[3, 1])]).check_against(&[2, 3, 4], |inputs| {
        let slope = |index: usize| inputs[1][index / 4 % 3];
        inputs[0]
            .iter()
            .enumerate()
            .map(|(index, &x)| if x > 0.0 { x } else { slope(index) * x })
            .collect()
    });
    Case::new("Celu", vec![wide()])
        .float("alpha", 2.0)
        .check_against(&[4, 9], |inputs| {
            inputs[0]
                .iter()
                .map(|&x| x.max(0.0) + (2.0 * ((x / 2.0).exp() - 1.0)).min(0.0))
                .collect()
        });
    Case::new("Softsign", vec![wide()]).check_against(&[4, 9], |inputs| {
        inputs[0].iter().map(|&x| x / (1.0 + x.abs())).collect()
    });
    Case::new("ThresholdedRelu", vec![wide()])
        .float("alpha", 0.7)
        .check_against(&[4, 9], |inputs| {
            inputs[0].iter().map(|&x| if x > 0.7 { x } else { 0.0 }).collect()
        });
    Case::new("Swish", vec![wide()])
        .float("alpha", 1.3)
        .opset(24)
        .check_against(&[4, 9], |inputs| {
            inputs[0].iter().map(|&x| x / (1.0 + (-1.3 * x).exp())).collect()
        });
}

#[test]
fn clip_takes_limits_as_inputs_and_as_attributes() {
    Case::new("Clip", vec![within(&[30], -3.0, 9.0), number(0.0), number(6.0)]).check();
    Case::new("Clip", vec![within(&[30], -3.0, 9.0), Input::Absent, number(6.0)]).check();
    Case::new("Clip", vec![within(&[30], -3.0, 9.0)])
        .float("min", 0.0)
        .float("max", 6.0)
        .opset(10)
        .check_against(&[30], |inputs| inputs[0].iter().map(|x| x.clamp(0.0, 6.0)).collect());
}

#[test]
fn matrix_products_agree() {
    Case::new("MatMul", vec![x(&[3, 4]), x(&[4, 5])]).check();
    Case::new("MatMul", vec![x(&[2, 3, 4]), x(&[4, 5])]).check();
    Case::new("MatMul", vec![x(&[2, 1, 3, 4]), x(&[5, 4, 2])]).check();
    Case::new("MatMul", vec![x(&[4]), x(&[2, 4, 3])]).check();
    Case::new("MatMul", vec![x(&[2, 3, 4]), x(&[4])]).check_against(&[2, 3], |inputs| {
        inputs[0]
            .chunks(4)
            .map(|row| row.iter().zip(&inputs[1]).map(|(a, b)| a * b).sum())
            .collect()
    });
    for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let left: [usize; 2] = if a == 1 { [4, 3] } else { [3, 4] };
        let right: [usize; 2] = if b == 1 { [5, 4] } else { [4, 5] };
        Case::new("Gemm", vec![x(&left), x(&right), x(&[5])])
            .int("transA", a)
            .int("transB", b)
            .check();
    }
    Case::new("Gemm", vec![x(&[3, 4]), x(&[4, 5]), x(&[3, 1])])
        .float("alpha", 0.5)
        .float("beta", 2.0)
        .check();
    Case::new("Gemm", vec![x(&[3, 4]), x(&[4, 5])]).check();
}

#[test]
fn einsum_agrees() {
    let equations: [(&str, Vec<Input>); 8] = [
        ("ij,jk->ik", vec![x(&[2, 3]), x(&[3, 4])]),
        ("bij,bjk->bik", vec![x(&[2, 2, 3]), x(&[2, 3, 4])]),
        ("bhqd,bhkd->bhqk", vec![x(&[2, 2, 3, 4]), x(&[2, 2, 5, 4])]),
        ("bhwc,hkc->bhwk", vec![x(&[2, 3, 4, 5]), x(&[3, 6, 5])]),
        ("ij->ji", vec![x(&[2, 3])]),
        ("ij->i", vec![x(&[2, 3])]),
        ("i,j->ij", vec![x(&[2]), x(&[3])]),
        ("ij,jk", vec![x(&[2, 3]), x(&[3, 4])]),
    ];
    for (equation, inputs) in equations {
        Case::new("Einsum", inputs).string("equation", equation).check();
    }
    Case::new("Einsum", vec![x(&[2, 3]), x(&[3, 4]), x(&[4])])
        .string("equation", "ij,jk,k->i")
        .check_against(&[2], |inputs| {
            (0..2)
                .map(|i| {
                    (0..3)
                        .flat_map(|j| (0..4).map(move |k| (j, k)))
                        .map(|(j, k)| inputs[0][i * 3 + j] * inputs[1][j * 4 + k] * inputs[2][k])
                        .sum()
                })
                .collect()
        });
    Case::new("Einsum", vec![x(&[2, 2, 3]), x(&[3, 4])])
        .string("equation", "...ij,jk->...ik")
        .check_against(&[2, 2, 4], |inputs| {
            (0..4)
                .flat_map(|row| (0..4).map(move |k| (row, k)))
                .map(|(row, k)| (0..3).map(|j| inputs[0][row * 3 + j] * inputs[1][j * 4 + k]).sum())
                .collect()
        });
}

#[test]
fn reductions_agree() {
    for op in [
        "ReduceMean",
        "ReduceSum",
        "ReduceMax",
        "ReduceMin",
        "ReduceL2",
        "ReduceSumSquare",
    ] {
        Case::new(op, vec![x(&[2, 3, 4]), list(&[1])]).check();
        Case::new(op, vec![x(&[2, 3, 4]), list(&[-1, 0])])
            .int("keepdims", 0)
            .check();
        Case::new(op, vec![x(&[2, 3, 4])]).int("keepdims", 0).check();
    }
    Case::new("ReduceMean", vec![x(&[2, 3, 4, 5])])
        .ints("axes", &[2, 3])
        .opset(13)
        .check();
    Case::new("ReduceL1", vec![x(&[2, 3]), list(&[1])])
        .int("keepdims", 0)
        .check_against(&[2], |inputs| {
            inputs[0]
                .chunks(3)
                .map(|row| row.iter().map(|x| x.abs()).sum())
                .collect()
        });
    Case::new("ReduceLogSumExp", vec![x(&[2, 3]), list(&[1])])
        .int("keepdims", 0)
        .check_against(&[2], |inputs| {
            inputs[0]
                .chunks(3)
                .map(|row| row.iter().map(|x| x.exp()).sum::<f32>().ln())
                .collect()
        });
    Case::new("ReduceLogSum", vec![within(&[2, 3], 0.5, 2.0), list(&[1])])
        .int("keepdims", 0)
        .check_against(&[2], |inputs| {
            inputs[0].chunks(3).map(|row| row.iter().sum::<f32>().ln()).collect()
        });
}

#[test]
fn softmax_agrees_in_both_versions() {
    for op in ["Softmax", "LogSoftmax"] {
        Case::new(op, vec![x(&[2, 3, 4])]).int("axis", -1).check();
        Case::new(op, vec![within(&[3, 41, 37], -4.0, 4.0)])
            .int("axis", -1)
            .check();
        Case::new(op, vec![x(&[2, 3, 4])]).int("axis", 1).check();
    }
    Case::new("Softmax", vec![x(&[2, 3, 4])])
        .opset(11)
        .check_against(&[2, 3, 4], |inputs| {
            inputs[0]
                .chunks(12)
                .flat_map(|row| {
                    let sum: f32 = row.iter().map(|x| x.exp()).sum();
                    row.iter().map(move |x| x.exp() / sum).collect::<Vec<_>>()
                })
                .collect()
        });
}

#[test]
fn top_k_and_cumulative_sums_agree() {
    Case::new("TopK", vec![x(&[3, 6]), list(&[2])])
        .outputs(2)
        .check_gradients();
    Case::new("CumSum", vec![x(&[3, 4]), Input::Ints(vec![], vec![1])]).check_against(&[3, 4], |inputs| {
        inputs[0]
            .chunks(4)
            .flat_map(|row| {
                row.iter()
                    .scan(0.0, |sum, x| {
                        *sum += x;
                        Some(*sum)
                    })
                    .collect::<Vec<_>>()
            })
            .collect()
    });
    Case::new("CumSum", vec![x(&[3, 4]), Input::Ints(vec![], vec![1])])
        .int("exclusive", 1)
        .int("reverse", 1)
        .check_against(&[3, 4], |inputs| {
            inputs[0]
                .chunks(4)
                .flat_map(|row| (0..4).map(|index| row[index + 1..].iter().sum()).collect::<Vec<f32>>())
                .collect()
        });
}
