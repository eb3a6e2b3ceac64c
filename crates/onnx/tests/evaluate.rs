//! Constants are computed as the operators' definitions say: each case is small enough to do by hand.

#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

mod common;

use bytes::Bytes;
use common::{ints, model, node, value};
use ranktune_onnx::{Attribute, DataType, Tensor, shapes};

/// The value of one node on constants, as carried along by shape inference.
fn compute(op_type: &str, constants: &[Tensor], attributes: &[(&str, Attribute)]) -> Option<Tensor> {
    let names: Vec<String> = (0..constants.len()).map(|position| format!("c{position}")).collect();
    let inputs: Vec<&str> = names.iter().map(String::as_str).collect();
    let constants: Vec<(&str, Tensor)> = inputs.iter().copied().zip(constants.iter().cloned()).collect();
    let nodes = vec![node(op_type, &inputs, &["k"], attributes)];
    let model = model(vec![value("x", &[1])], nodes, &constants, &["k"]);
    shapes::infer(&model).unwrap().constant("k").cloned()
}

/// As [`compute`], for integers: sizes and values.
fn compute_ints(op_type: &str, constants: &[Tensor], attributes: &[(&str, Attribute)]) -> (Vec<usize>, Vec<i64>) {
    let result = compute(op_type, constants, attributes).unwrap();
    (result.dims.clone(), result.to_i64_vec().unwrap())
}

fn matrix(rows: usize, columns: usize, values: &[i64]) -> Tensor {
    Tensor::from_i64(&[rows, columns], values).unwrap()
}

fn number(value: i64) -> Tensor {
    Tensor::from_i64(&[], &[value]).unwrap()
}

fn axis(axis: i64) -> [(&'static str, Attribute); 1] {
    [("axis", Attribute::Int(axis))]
}

#[test]
fn elements_are_moved() {
    let m = || matrix(2, 3, &[1, 2, 3, 4, 5, 6]);
    assert_eq!(
        compute_ints("Transpose", &[m()], &[]),
        (vec![3, 2], vec![1, 4, 2, 5, 3, 6])
    );
    let reversed = [m(), ints(&[-1]), ints(&[i64::MIN]), ints(&[1]), ints(&[-2])];
    assert_eq!(compute_ints("Slice", &reversed, &[]), (vec![2, 2], vec![3, 1, 6, 4]));
    assert_eq!(
        compute_ints("Gather", &[m(), ints(&[-1, 0])], &axis(1)),
        (vec![2, 2], vec![3, 1, 6, 4])
    );
    assert_eq!(
        compute_ints("Gather", &[m(), number(1)], &axis(0)),
        (vec![3], vec![4, 5, 6])
    );
    let joined = compute_ints("Concat", &[m(), matrix(2, 1, &[7, 8])], &axis(-1));
    assert_eq!(joined, (vec![2, 4], vec![1, 2, 3, 7, 4, 5, 6, 8]));
    assert_eq!(
        compute_ints("Tile", &[ints(&[1, 2]), ints(&[2])], &[]),
        (vec![4], vec![1, 2, 1, 2])
    );
    assert_eq!(
        compute_ints("Expand", &[ints(&[1, 2]), ints(&[2, 1])], &[]),
        (vec![2, 2], vec![1, 2, 1, 2])
    );
    assert_eq!(
        compute_ints("Reshape", &[m(), ints(&[0, -1, 1])], &[]),
        (vec![2, 3, 1], vec![1, 2, 3, 4, 5, 6])
    );
    assert_eq!(
        compute_ints("Unsqueeze", &[number(7), ints(&[0])], &[]),
        (vec![1], vec![7])
    );
    assert_eq!(
        compute_ints("Squeeze", &[matrix(1, 2, &[7, 8])], &[]),
        (vec![2], vec![7, 8])
    );
    assert_eq!(
        compute_ints("NonZero", &[matrix(2, 2, &[0, 5, 6, 0])], &[]),
        (vec![2, 2], vec![0, 1, 1, 0])
    );
}

#[test]
fn integers_are_computed_exactly() {
    let [a, b] = [ints(&[7, -7]), ints(&[2, 2])];
    let binary = |op_type: &str| compute_ints(op_type, &[a.clone(), b.clone()], &[]).1;
    assert_eq!(binary("Div"), [3, -3]);
    assert_eq!(binary("Mod"), [1, 1]);
    assert_eq!(
        compute_ints("Mod", &[a.clone(), b.clone()], &[("fmod", Attribute::Int(1))]).1,
        [1, -1]
    );
    assert_eq!(binary("Max"), [7, 2]);
    assert_eq!(binary("Less"), [0, 1]);
    assert_eq!(
        compute_ints("ReduceProd", &[ints(&[2, 3, 4])], &[("keepdims", Attribute::Int(0))]),
        (vec![], vec![24])
    );
    assert_eq!(
        compute_ints("Range", &[number(5), number(-2), number(-3)], &[]).1,
        [5, 2, -1]
    );
    assert_eq!(compute_ints("Range", &[number(0), number(-2), number(1)], &[]).0, [0]);
    let chosen = compute_ints(
        "Where",
        &[
            Tensor::new(DataType::Bool, &[2], Bytes::from_static(&[0, 1])).unwrap(),
            a,
            b,
        ],
        &[],
    );
    assert_eq!(chosen.1, [2, -7]);
}

#[test]
fn floats_are_rounded_as_their_type_is() {
    let float = |values: &[f32]| Tensor::from_f32(&[values.len()], values).unwrap();
    let divided = compute("Div", &[float(&[1.0]), float(&[3.0])], &[]).unwrap();
    assert_eq!(divided.to_f32_vec().unwrap(), [1.0f32 / 3.0]);
    let root = compute("Sqrt", &[float(&[2.0])], &[]).unwrap();
    assert_eq!(root.to_f32_vec().unwrap(), [2.0f32.sqrt()]);
    let even = compute("Round", &[float(&[0.5, 1.5, -2.5])], &[]).unwrap();
    assert_eq!(even.to_f32_vec().unwrap(), [0.0, 2.0, -2.0]);
    let attribute = [("value", Attribute::Tensor(float(&[2.5])))];
    assert_eq!(
        compute("ConstantOfShape", &[ints(&[2])], &attribute)
            .unwrap()
            .to_f32_vec()
            .unwrap(),
        [2.5, 2.5]
    );
}

#[test]
fn what_cannot_be_computed_is_left_alone() {
    assert!(compute("Div", &[ints(&[1]), ints(&[0])], &[]).is_none());
    assert!(compute("Add", &[ints(&[i64::MAX]), ints(&[1])], &[]).is_none());
    assert!(compute("Abs", &[ints(&[i64::MIN])], &[]).is_none());
    assert!(compute("Range", &[number(0), number(5), number(0)], &[]).is_none());
    assert!(compute("Range", &[number(i64::MIN), number(i64::MAX), number(1)], &[]).is_none());
    assert!(compute("ConstantOfShape", &[ints(&[1 << 30])], &[]).is_none());
    assert!(compute("Tile", &[ints(&[1]), ints(&[1 << 30])], &[]).is_none());
}

#[test]
fn a_table_of_positions_is_resized() {
    let values: Vec<f32> = (1u8..=16).map(f32::from).collect();
    let table = Tensor::from_f32(&[1, 1, 4, 4], &values).unwrap();
    let floats = |values: &[f32]| Tensor::from_f32(&[values.len()], values).unwrap();
    let text = |name, text: &str| (name, Attribute::String(text.as_bytes().to_vec()));
    let resized = |scales: &[f32], sizes: &[i64], attributes: &[(&str, Attribute)]| {
        let inputs = [table.clone(), floats(&[]), floats(scales), ints(sizes)];
        compute("Resize", &inputs, attributes).map(|result| (result.dims.clone(), result.to_f32_vec().unwrap()))
    };
    let close = |found: &[f32], expected: &[f32]| {
        assert!(
            found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5),
            "{found:?}"
        );
    };
    // The example of the operator's documentation.
    let (dims, cubic) = resized(&[1.0, 1.0, 2.0, 2.0], &[], &[text("mode", "cubic")]).unwrap();
    assert_eq!(dims, [1, 1, 8, 8]);
    let row = [
        0.472_656, 0.769_531, 1.246_094, 1.875, 2.281_25, 2.910_156, 3.386_719, 3.683_594,
    ];
    close(&cubic[..8], &row);
    // What ONNX's reference evaluator and ONNX Runtime compute.
    let smooth = [text("mode", "cubic"), ("antialias", Attribute::Int(1))];
    let (dims, smooth) = resized(&[], &[1, 1, 3, 2], &smooth).unwrap();
    assert_eq!(dims, [1, 1, 3, 2]);
    close(
        &smooth,
        &[2.110_242, 4.129_773, 7.490_235, 9.509_767, 12.870_227, 14.889_758],
    );
    // By hand: columns 0 and 2 of rows 0 and 2, then the middle between neighbours.
    let coordinates = text("coordinate_transformation_mode", "asymmetric");
    let (_, nearest) = resized(
        &[],
        &[1, 1, 2, 2],
        &[coordinates.clone(), text("nearest_mode", "floor")],
    )
    .unwrap();
    close(&nearest, &[1.0, 3.0, 9.0, 11.0]);
    let (_, linear) = resized(&[1.0, 1.0, 1.0, 2.0], &[], &[coordinates, text("mode", "linear")]).unwrap();
    close(&linear[..8], &[1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.0]);
    let policy = text("keep_aspect_ratio_policy", "not_larger");
    assert!(resized(&[], &[1, 1, 2, 2], &[policy]).is_none());
    assert!(resized(&[], &[1, 1, 0, 2], &[]).is_none());
}
