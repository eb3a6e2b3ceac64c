//! Operators that move elements.

use crate::harness::{Case, Input, list, number, x};

#[test]
fn reshaping_agrees() {
    Case::new("Reshape", vec![x(&[2, 3, 4]), list(&[0, -1])]).check();
    Case::new("Flatten", vec![x(&[2, 3, 4])]).int("axis", 2).check();
    Case::new("Flatten", vec![x(&[2, 3, 4])]).int("axis", 0).check();
    Case::new("Squeeze", vec![x(&[2, 1, 4, 1]), list(&[1, -1])]).check();
    Case::new("Squeeze", vec![x(&[2, 1, 4])]).check();
    Case::new("Unsqueeze", vec![x(&[2, 3]), list(&[0, -1])]).check();
    Case::new("Identity", vec![x(&[2, 3])]).check();
    Case::new("Dropout", vec![x(&[2, 3])]).check_against(&[2, 3], |inputs| inputs[0].clone());
    Case::new("Expand", vec![x(&[3, 1]), list(&[2, 1, 4])]).check();
    Case::new("Tile", vec![x(&[2, 3]), list(&[2, 3])]).check();
    Case::new("Transpose", vec![x(&[2, 3, 4])]).check();
    Case::new("Transpose", vec![x(&[2, 3, 4])])
        .ints("perm", &[1, 2, 0])
        .check();
}

#[test]
fn slicing_and_joining_agree() {
    Case::new("Slice", vec![x(&[4, 5]), list(&[1, 0]), list(&[3, 4])]).check();
    Case::new(
        "Slice",
        vec![x(&[4, 5]), list(&[-1]), list(&[i64::MIN]), list(&[1]), list(&[-2])],
    )
    .check();
    Case::new(
        "Slice",
        vec![x(&[4, 7]), list(&[1]), list(&[i64::MAX]), list(&[1]), list(&[3])],
    )
    .check();
    Case::new("Concat", vec![x(&[2, 3]), x(&[2, 1]), x(&[2, 2])])
        .int("axis", -1)
        .check();
    Case::new("Concat", vec![x(&[2, 3]), x(&[1, 3])]).int("axis", 0).check();
    let many = (1..8).map(|channels| x(&[2, channels, 3, 2])).collect();
    Case::new("Concat", many).int("axis", 1).check();
    Case::new("Split", vec![x(&[2, 7]), list(&[3, 4])])
        .int("axis", 1)
        .outputs(2)
        .check();
    Case::new("Split", vec![x(&[2, 7])])
        .int("axis", 1)
        .int("num_outputs", 3)
        .outputs(3)
        .check();
    Case::new("Split", vec![x(&[4, 3])]).outputs(2).opset(13).check();
}

#[test]
fn padding_agrees() {
    for mode in ["constant", "reflect", "edge", "wrap"] {
        Case::new("Pad", vec![x(&[2, 4, 5]), list(&[0, 1, 2, 0, 2, 1])])
            .string("mode", mode)
            .check();
    }
    Case::new("Pad", vec![x(&[2, 4]), list(&[0, 1, 1, 0]), number(0.5)]).check();
    Case::new("Pad", vec![x(&[2, 5]), list(&[0, -1, 0, 2])]).check_against(&[2, 6], |inputs| {
        inputs[0]
            .chunks(5)
            .flat_map(|row| [&row[1..], &[0.0, 0.0]].concat())
            .collect()
    });
}

#[test]
fn gathering_agrees() {
    Case::new("Gather", vec![x(&[5, 3]), Input::Ints(vec![2, 2], vec![0, 4, -1, 0])]).check();
    Case::new("Gather", vec![x(&[2, 5, 3]), Input::Ints(vec![], vec![1])])
        .int("axis", 1)
        .check();
    Case::new(
        "GatherElements",
        vec![x(&[2, 5]), Input::Ints(vec![2, 3], vec![0, 1, 1, 4, -5, 2])],
    )
    .int("axis", 1)
    .check();
    Case::new(
        "GatherND",
        vec![x(&[2, 3, 4]), Input::Ints(vec![2, 2], vec![0, 2, 1, -1])],
    )
    .check();
    Case::new("GatherND", vec![x(&[2, 3, 4]), Input::Ints(vec![2, 1], vec![2, 0])])
        .int("batch_dims", 1)
        .check();
}

#[test]
fn scattering_agrees() {
    Case::new(
        "ScatterND",
        vec![x(&[4, 3]), Input::Ints(vec![2, 1], vec![3, 1]), x(&[2, 3])],
    )
    .check();
    Case::new(
        "ScatterND",
        vec![x(&[4, 3]), Input::Ints(vec![3, 1], vec![3, 1, 3]), x(&[3, 3])],
    )
    .string("reduction", "add")
    .check();
    Case::new(
        "ScatterElements",
        vec![x(&[3, 4]), Input::Ints(vec![1, 4], vec![2, 0, 1, -1]), x(&[1, 4])],
    )
    .int("axis", 0)
    .check();
    Case::new(
        "ScatterElements",
        vec![x(&[3, 4]), Input::Ints(vec![2, 1], vec![1, 1]), x(&[2, 1])],
    )
    .int("axis", 1)
    .string("reduction", "add")
    .check();
}

#[test]
fn compressing_keeps_what_holds() {
    let condition = |values: &[bool]| Input::Bools(vec![values.len()], values.to_vec());
    Case::new("Compress", vec![x(&[3, 2]), condition(&[true, false, true])])
        .int("axis", 0)
        .check_against(&[2, 2], |inputs| [&inputs[0][..2], &inputs[0][4..]].concat());
    Case::new("Compress", vec![x(&[3, 2]), condition(&[false, true, false, true])])
        .check_against(&[2], |inputs| vec![inputs[0][1], inputs[0][3]]);
}

#[test]
fn bits_of_integers_choose_rows() {
    // x[6 & 3], x[(4 >> 1) | 1], x[1 ^ 3], x[−1 − 1 = ~1]: the integers index the rows of a parameter.
    for (op, a, b, row) in [("BitwiseAnd", 6, 3, 2), ("BitwiseOr", 2, 1, 3), ("BitwiseXor", 1, 3, 2)] {
        let nodes = vec![
            crate::harness::inner(op, &["c1", "c2"], "row"),
            crate::harness::inner("Gather", &["p3.x", "row"], "t"),
        ];
        let ints = |value| Input::Ints(vec![], vec![value]);
        let condition = Input::Bools(vec![], vec![true]);
        Case::new("If", vec![condition, ints(a), ints(b), x(&[4, 2])])
            .captured(3)
            .body("then_branch", &[], nodes, &["t"])
            .body(
                "else_branch",
                &[],
                vec![crate::harness::inner("Identity", &["p3.x"], "e")],
                &["e"],
            )
            .check_against(&[2], |inputs| inputs[3][2 * row..2 * row + 2].to_vec());
    }
}

#[test]
fn choosing_agrees() {
    let condition = Input::Bools(vec![2, 1], vec![true, false]);
    Case::new("Where", vec![condition.clone(), x(&[2, 3]), x(&[3])]).check();
    Case::new("Where", vec![condition, x(&[2, 3]), number(-10.0)]).check();
    for upper in [0, 1] {
        Case::new("Trilu", vec![x(&[2, 3, 4]), Input::Ints(vec![], vec![1])])
            .int("upper", upper)
            .check();
        Case::new("Trilu", vec![x(&[3, 3])]).int("upper", upper).check();
    }
}
