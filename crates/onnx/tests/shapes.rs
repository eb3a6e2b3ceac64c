//! Shape inference, operator by operator. The expected shapes are what the ONNX documentation's formulas give.

#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

mod common;

use std::collections::BTreeMap;

use common::{ints, model, node, typed_value, value, weights};
use ranktune_onnx::{Attribute, DataType, ErrorKind, Model, Tensor, shapes};

fn shape_of(model: &Model, name: &str) -> String {
    let shapes = shapes::infer(model).unwrap();
    let Some(shape) = shapes.shape(name) else {
        return "unknown".to_owned();
    };
    shape.iter().map(|dim| dim.to_string()).collect::<Vec<_>>().join(",")
}

/// The shape of the first output of one node on `x` (sizes of 0 are `batch`) and constants `c0`, `c1`, …
fn shape(op_type: &str, x: &[usize], constants: &[Tensor], attributes: &[(&str, Attribute)]) -> String {
    let names: Vec<String> = (0..constants.len()).map(|position| format!("c{position}")).collect();
    let inputs: Vec<&str> = std::iter::once("x").chain(names.iter().map(String::as_str)).collect();
    let constants: Vec<(&str, Tensor)> = inputs[1..].iter().copied().zip(constants.iter().cloned()).collect();
    let node = node(op_type, &inputs, &["y"], attributes);
    shape_of(&model(vec![value("x", x)], vec![node], &constants, &["y"]), "y")
}

fn list(values: &[i64]) -> Attribute {
    Attribute::Ints(values.to_vec())
}

#[test]
fn windows_slide_over_maps() {
    let conv = |attributes: &[(&str, Attribute)]| shape("Conv", &[0, 4, 9, 10], &[weights(&[6, 4, 3, 3])], attributes);
    assert_eq!(conv(&[]), "batch,6,7,8");
    assert_eq!(
        conv(&[("pads", list(&[1, 1, 1, 1])), ("strides", list(&[2, 2]))]),
        "batch,6,5,5"
    );
    assert_eq!(conv(&[("dilations", list(&[2, 3]))]), "batch,6,5,4");
    let same = Attribute::String(b"SAME_UPPER".to_vec());
    assert_eq!(conv(&[("auto_pad", same), ("strides", list(&[2, 2]))]), "batch,6,5,5");
    let depthwise = shape(
        "Conv",
        &[0, 4, 9, 9],
        &[weights(&[8, 1, 3, 3])],
        &[("group", Attribute::Int(4))],
    );
    assert_eq!(depthwise, "batch,8,7,7");
    let pool = |ceil: i64| {
        let attributes = [
            ("kernel_shape", list(&[3, 3])),
            ("strides", list(&[2, 2])),
            ("ceil_mode", Attribute::Int(ceil)),
        ];
        shape("MaxPool", &[0, 4, 8, 8], &[], &attributes)
    };
    assert_eq!((pool(0), pool(1)), ("batch,4,3,3".to_owned(), "batch,4,4,4".to_owned()));
    let transposed = [
        ("strides", list(&[2, 2])),
        ("output_padding", list(&[1, 0])),
        ("group", Attribute::Int(2)),
    ];
    assert_eq!(
        shape("ConvTranspose", &[0, 4, 5, 5], &[weights(&[4, 3, 3, 3])], &transposed),
        "batch,6,12,11"
    );
    assert_eq!(shape("GlobalAveragePool", &[0, 4, 5, 5], &[], &[]), "batch,4,1,1");
}

#[test]
fn open_sizes_survive_what_keeps_them() {
    let input = || value("x", &[0, 4, 0, 0]);
    let conv = node("Conv", &["x", "w"], &["y"], &[("pads", list(&[1, 1, 1, 1]))]);
    let same = model(vec![input()], vec![conv], &[("w", weights(&[2, 4, 3, 3]))], &["y"]);
    assert_eq!(shape_of(&same, "y"), "batch,2,batch,batch");
    let conv = node("Conv", &["x", "w"], &["y"], &[("strides", list(&[2, 2]))]);
    let smaller = model(vec![input()], vec![conv], &[("w", weights(&[2, 4, 3, 3]))], &["y"]);
    assert_eq!(shape_of(&smaller, "y"), "batch,2,?,?");
}

#[test]
fn matrices_multiply() {
    assert_eq!(shape("MatMul", &[0, 7, 3], &[weights(&[3, 5])], &[]), "batch,7,5");
    assert_eq!(
        shape("MatMul", &[0, 1, 7, 3], &[weights(&[6, 3, 5])], &[]),
        "batch,6,7,5"
    );
    assert_eq!(shape("MatMul", &[0, 3], &[weights(&[3])], &[]), "batch");
    let transposed = [("transB", Attribute::Int(1))];
    assert_eq!(
        shape("Gemm", &[0, 3], &[weights(&[5, 3]), weights(&[5])], &transposed),
        "batch,5"
    );
    let equation = [("equation", Attribute::String(b"bik, kj -> bij".to_vec()))];
    assert_eq!(shape("Einsum", &[0, 7, 3], &[weights(&[3, 5])], &equation), "batch,7,5");
}

#[test]
fn heads_attend() {
    let apart = [weights(&[2, 8, 9, 16]), weights(&[2, 8, 9, 24])];
    assert_eq!(shape("Attention", &[0, 8, 7, 16], &apart, &[]), "batch,8,7,24");
    let beside = [weights(&[2, 9, 64]), weights(&[2, 9, 96])];
    let heads = [("q_num_heads", Attribute::Int(8)), ("kv_num_heads", Attribute::Int(4))];
    assert_eq!(shape("Attention", &[0, 7, 128], &beside, &heads), "batch,7,192");
}

#[test]
fn axes_move() {
    assert_eq!(
        shape("Transpose", &[0, 3, 4], &[], &[("perm", list(&[2, 0, 1]))]),
        "4,batch,3"
    );
    assert_eq!(shape("Flatten", &[0, 3, 4], &[], &[]), "batch,12");
    assert_eq!(shape("Squeeze", &[0, 1, 4, 1], &[ints(&[1, -1])], &[]), "batch,4");
    assert_eq!(shape("Unsqueeze", &[0, 4], &[ints(&[-1, 1])], &[]), "batch,1,4,1");
    assert_eq!(shape("Reshape", &[0, 3, 4], &[ints(&[0, -1])], &[]), "batch,12");
    assert_eq!(shape("Reshape", &[0, 3, 4], &[ints(&[-1, 2, 6])], &[]), "batch,2,6");
    assert_eq!(shape("Expand", &[0, 1, 4], &[ints(&[5, 1, 3, 1])], &[]), "5,batch,3,4");
    assert_eq!(
        shape("DepthToSpace", &[0, 8, 3, 3], &[], &[("blocksize", Attribute::Int(2))]),
        "batch,2,6,6"
    );
    assert_eq!(
        shape("SpaceToDepth", &[0, 2, 6, 6], &[], &[("blocksize", Attribute::Int(2))]),
        "batch,8,3,3"
    );
}

#[test]
fn tensors_are_joined_and_cut() {
    let concat = node("Concat", &["x", "x"], &["y"], &[("axis", Attribute::Int(1))]);
    assert_eq!(
        shape_of(&model(vec![value("x", &[0, 3])], vec![concat], &[], &["y"]), "y"),
        "batch,6"
    );
    // A constant of one row leaves no other batch than one.
    assert_eq!(
        shape("Concat", &[0, 3], &[weights(&[1, 4])], &[("axis", Attribute::Int(1))]),
        "1,7"
    );
    assert_eq!(
        shape(
            "Slice",
            &[0, 9],
            &[ints(&[1]), ints(&[-1]), ints(&[1]), ints(&[3])],
            &[]
        ),
        "batch,3"
    );
    assert_eq!(
        shape(
            "Slice",
            &[0, 9],
            &[ints(&[-1]), ints(&[i64::MIN]), ints(&[1]), ints(&[-2])],
            &[]
        ),
        "batch,5"
    );
    assert_eq!(shape("Pad", &[0, 3], &[ints(&[0, 1, 0, 2])], &[]), "batch,6");
    assert_eq!(shape("Tile", &[0, 3], &[ints(&[1, 2])], &[]), "batch,6");
    let split = node("Split", &["x"], &["a", "b"], &[("axis", Attribute::Int(1))]);
    let split = model(vec![value("x", &[0, 7])], vec![split], &[], &["a", "b"]);
    assert_eq!(
        (shape_of(&split, "a"), shape_of(&split, "b")),
        ("batch,4".to_owned(), "batch,3".to_owned())
    );
}

#[test]
fn elements_are_picked() {
    let axis = [("axis", Attribute::Int(1))];
    assert_eq!(shape("Gather", &[0, 9, 5], &[ints(&[0, 2, 4])], &axis), "batch,3,5");
    let scalar = Tensor::from_i64(&[], &[0]).unwrap();
    assert_eq!(shape("Gather", &[0, 9, 5], &[scalar], &axis), "batch,5");
    assert_eq!(
        shape(
            "GatherND",
            &[6, 9, 5],
            &[Tensor::from_i64(&[4, 2], &[0; 8]).unwrap()],
            &[]
        ),
        "4,5"
    );
    assert_eq!(shape("TopK", &[0, 9], &[ints(&[3])], &[]), "batch,3");
    assert_eq!(
        shape(
            "ArgMax",
            &[0, 9],
            &[],
            &[("axis", Attribute::Int(1)), ("keepdims", Attribute::Int(0))]
        ),
        "batch"
    );
}

#[test]
fn axes_are_reduced() {
    let axes = [("axes", list(&[2, 3]))];
    assert_eq!(shape("ReduceMean", &[0, 3, 4, 5], &[], &axes), "batch,3,1,1");
    let dropped = [("axes", list(&[-1, -2])), ("keepdims", Attribute::Int(0))];
    assert_eq!(shape("ReduceMean", &[0, 3, 4, 5], &[], &dropped), "batch,3");
    assert_eq!(shape("ReduceSum", &[0, 3], &[ints(&[1])], &[]), "batch,1");
    assert_eq!(shape("ReduceSum", &[0, 3], &[], &[]), "1,1");
}

#[test]
fn images_are_resized_by_scales_or_to_sizes() {
    let scales = Tensor::from_f32(&[4], &[1.0, 1.0, 2.0, 1.5]).unwrap();
    let absent = Tensor::from_f32(&[0], &[]).unwrap();
    assert_eq!(
        shape("Resize", &[0, 3, 5, 5], &[absent.clone(), scales], &[]),
        "batch,3,10,7"
    );
    assert_eq!(
        shape(
            "Resize",
            &[0, 3, 5, 5],
            &[absent.clone(), absent, ints(&[1, 3, 8, 9])],
            &[]
        ),
        "1,3,8,9"
    );
}

#[test]
fn normalisations_keep_the_shape() {
    assert_eq!(
        shape("LayerNormalization", &[0, 7, 4], &[weights(&[4]), weights(&[4])], &[]),
        "batch,7,4"
    );
    assert_eq!(
        shape(
            "InstanceNormalization",
            &[0, 4, 5],
            &[weights(&[4]), weights(&[4])],
            &[]
        ),
        "batch,4,5"
    );
    assert_eq!(shape("Softmax", &[0, 4], &[], &[]), "batch,4");
    assert_eq!(shape("Clip", &[0, 4], &[], &[]), "batch,4");
}

/// `Reshape(x, [Shape(x)[0], -1])`, as exporters write it.
#[test]
fn the_batch_survives_shape_arithmetic() {
    let scalar = Tensor::from_i64(&[], &[0]).unwrap();
    let nodes = vec![
        node("Shape", &["x"], &["s"], &[]),
        node("Gather", &["s", "zero"], &["n"], &[]),
        node("Mul", &["n", "one"], &["n1"], &[]),
        node("Unsqueeze", &["n1", "axes"], &["n2"], &[]),
        node("Concat", &["n2", "rest"], &["to"], &[("axis", Attribute::Int(0))]),
        node("Reshape", &["x", "to"], &["y"], &[]),
    ];
    let constants = [
        ("zero", scalar),
        ("one", Tensor::from_i64(&[], &[1]).unwrap()),
        ("axes", ints(&[0])),
        ("rest", ints(&[-1])),
    ];
    let model = model(vec![value("x", &[0, 3, 4])], nodes, &constants, &["y"]);
    assert_eq!(shape_of(&model, "y"), "batch,12");
    let sizes = BTreeMap::from([("x".to_owned(), vec![5, 3, 4])]);
    let fixed = shapes::infer_with(&model, &sizes).unwrap();
    assert_eq!(fixed.constant("to").unwrap().to_i64_vec().unwrap(), [5, -1]);
    assert_eq!(
        fixed
            .shape("y")
            .unwrap()
            .iter()
            .map(|dim| dim.fixed().unwrap())
            .collect::<Vec<_>>(),
        [5, 12]
    );
}

#[test]
fn types_follow_the_operators() {
    let nodes = vec![
        node("Equal", &["x", "x"], &["e"], &[]),
        node("Cast", &["e"], &["c"], &[("to", Attribute::Int(10))]),
        node("Shape", &["c"], &["s"], &[]),
        node("Where", &["e", "c", "c"], &["w"], &[]),
    ];
    let model = model(vec![typed_value("x", DataType::I32, &[0])], nodes, &[], &["w"]);
    let shapes = shapes::infer(&model).unwrap();
    let types = ["e", "c", "s", "w"].map(|name| shapes.data_type(name).unwrap());
    assert_eq!(types, [DataType::Bool, DataType::F16, DataType::I64, DataType::F16]);
}

#[test]
fn an_operator_without_a_rule_gives_an_unknown_shape() {
    assert_eq!(shape("Det", &[0, 3, 3], &[], &[]), "unknown");
}

#[test]
fn sizes_that_the_model_does_not_take_are_refused() {
    let model = common::classifier();
    let infer = |name: &str, sizes: &[usize]| {
        shapes::infer_with(&model, &BTreeMap::from([(name.to_owned(), sizes.to_vec())])).map(|_| ())
    };
    infer("x", &[7, 3, 8, 8]).unwrap();
    assert_eq!(infer("x", &[7, 3, 9, 8]).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(infer("pixels", &[7, 3, 8, 8]).unwrap_err().kind(), ErrorKind::NotFound);
}

/// Every model that is there is given a known output shape, and no contradiction is found.
#[test]
fn shared_models_are_inferred_to_their_outputs() {
    for part in ["hub", "arch"] {
        let Some(folder) = ranktune_testing::shared(part) else {
            return;
        };
        let folders = common::model_folders(&folder);
        assert!(folders.len() >= 12, "{} models in {part}", folders.len());
        for folder in folders {
            let model = Model::load(&folder.join("model.onnx")).unwrap();
            ranktune_onnx::check(&model).unwrap();
            let shapes = shapes::infer(&model).unwrap();
            for output in &model.graph.outputs {
                let rank = output.shape.as_ref().map(Vec::len);
                assert_eq!(shapes.rank(&output.name), rank, "{}", folder.display());
            }
        }
    }
}
