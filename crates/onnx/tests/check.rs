//! Checking: one test for each way a graph can be wrong.

mod common;

use common::{classifier, ints, model, node, value, weights};
use ranktune_onnx::{Attribute, Error, ErrorKind, Model, Tensor, check};

fn refused(model: &Model, kind: ErrorKind, parts: &[&str]) {
    let error: Error = check(model).expect_err("the model is wrong");
    assert_eq!(error.kind(), kind, "{error}");
    for part in parts {
        assert!(error.to_string().contains(part), "expected {part:?} in: {error}");
    }
}

#[test]
fn a_right_model_passes() {
    check(&classifier()).expect("it is right");
}

#[test]
fn errors_name_the_file_the_node_and_both_sizes() {
    let mut model = classifier();
    model.path = Some("hub/net/model.onnx".into());
    model.graph.initializers.insert("w1".to_owned(), weights(&[4, 5, 3, 3]));
    let error = check(&model).expect_err("three channels go into five").to_string();
    let expected = "hub/net/model.onnx: node \"node_c\" (Conv): the weight takes 5 channels in each of 1 groups, but the \
                    input has 3 channels; inputs were f32[batch, 3, 8, 8], f32[4, 5, 3, 3]";
    assert_eq!(error, expected);
}

#[test]
fn a_matrix_that_does_not_fit_is_refused() {
    let mut model = classifier();
    model.graph.initializers.insert("w2".to_owned(), weights(&[5, 7]));
    refused(
        &model,
        ErrorKind::Invalid,
        &["node_logits", "takes 7 features, but the left one has 4"],
    );
}

#[test]
fn a_normalisation_of_other_channels_is_refused() {
    let mut model = classifier();
    model.graph.initializers.insert("v".to_owned(), weights(&[3]));
    refused(
        &model,
        ErrorKind::Invalid,
        &["node_n", "expected 4 elements in input 4", "found 3"],
    );
}

#[test]
fn a_reshape_to_another_number_of_elements_is_refused() {
    let reshape = node("Reshape", &["x", "to"], &["y"], &[]);
    let model = model(
        vec![value("x", &[2, 3])],
        vec![reshape],
        &[("to", ints(&[4, -1]))],
        &["y"],
    );
    refused(
        &model,
        ErrorKind::Invalid,
        &["node_y", "[2, 3] cannot be reshaped to [4, -1]"],
    );
}

#[test]
fn shapes_that_do_not_broadcast_are_refused() {
    let add = node("Add", &["x", "w"], &["y"], &[]);
    let model = model(vec![value("x", &[0, 3])], vec![add], &[("w", weights(&[4]))], &["y"]);
    refused(
        &model,
        ErrorKind::Invalid,
        &["cannot be broadcast", "f32[batch, 3], f32[4]"],
    );
}

#[test]
fn a_window_larger_than_its_input_is_refused() {
    let pool = node(
        "MaxPool",
        &["x"],
        &["y"],
        &[("kernel_shape", Attribute::Ints(vec![9, 9]))],
    );
    let model = model(vec![value("x", &[0, 3, 8, 8])], vec![pool], &[], &["y"]);
    refused(&model, ErrorKind::Invalid, &["spans 9 elements", "has 8"]);
}

#[test]
fn a_stride_of_zero_is_refused() {
    let attributes = [
        ("kernel_shape", Attribute::Ints(vec![2, 2])),
        ("strides", Attribute::Ints(vec![0, 1])),
    ];
    let model = model(
        vec![value("x", &[0, 3, 8, 8])],
        vec![node("MaxPool", &["x"], &["y"], &attributes)],
        &[],
        &["y"],
    );
    refused(&model, ErrorKind::Invalid, &["expected strides of at least 1, found 0"]);
}

#[test]
fn an_index_outside_its_axis_is_refused() {
    let gather = node("Gather", &["x", "i"], &["y"], &[("axis", Attribute::Int(1))]);
    let model = model(vec![value("x", &[0, 3])], vec![gather], &[("i", ints(&[3]))], &["y"]);
    refused(
        &model,
        ErrorKind::Invalid,
        &["index 3 is outside axis 1, which has 3 elements"],
    );
}

#[test]
fn a_cycle_is_refused() {
    let mut model = classifier();
    model.graph.nodes[0].inputs[0] = "r".to_owned();
    refused(&model, ErrorKind::Invalid, &["cycle", "node_c", "node_n", "node_r"]);
}

#[test]
fn a_dangling_name_is_refused() {
    let mut model = classifier();
    model.graph.initializers.remove("b2");
    refused(&model, ErrorKind::Invalid, &["node_logits", "input \"b2\""]);
}

#[test]
fn an_output_that_nobody_computes_is_refused() {
    let mut model = classifier();
    model.graph.outputs[0].name = "logit".to_owned();
    refused(&model, ErrorKind::Invalid, &["output \"logit\" of the graph"]);
}

#[test]
fn a_graph_without_outputs_is_refused() {
    let mut model = classifier();
    model.graph.outputs.clear();
    refused(&model, ErrorKind::Invalid, &["no outputs"]);
}

#[test]
fn a_name_defined_twice_is_refused() {
    let mut model = classifier();
    model.graph.nodes[2].outputs[0] = "c".to_owned();
    refused(&model, ErrorKind::Invalid, &["output \"c\" is defined a second time"]);
}

#[test]
fn an_operator_set_out_of_range_is_refused() {
    for version in [1, 6, 26, i64::MAX] {
        let mut model = classifier();
        model.opsets.insert(String::new(), version);
        refused(
            &model,
            ErrorKind::Unsupported,
            &["expected version 7 to 25", &version.to_string()],
        );
    }
}

#[test]
fn an_unknown_domain_is_refused() {
    let mut model = classifier();
    model.graph.nodes[2].domain = "acme".to_owned();
    refused(&model, ErrorKind::Unsupported, &["\"acme\"", "node_r"]);
    model.graph.nodes[2].domain = "com.microsoft".to_owned();
    refused(&model, ErrorKind::Invalid, &["does not import", "com.microsoft"]);
}

#[test]
fn an_unknown_operator_is_refused_with_the_nearest() {
    let mut model = classifier();
    model.graph.nodes[2].op_type = "ReLU6".to_owned();
    refused(&model, ErrorKind::Invalid, &["no such standard operator", "\"Relu\""]);
}

#[test]
fn an_operator_newer_than_its_operator_set_is_refused() {
    let mut model = classifier();
    model.graph.nodes[2].op_type = "Gelu".to_owned();
    refused(&model, ErrorKind::Invalid, &["exists from version 20 on", "uses 17"]);
}

#[test]
fn missing_inputs_are_refused() {
    let mut model = classifier();
    model.graph.nodes[0].inputs.truncate(1);
    refused(&model, ErrorKind::Invalid, &["expected at least 2 inputs, found 1"]);
    let mut model = classifier();
    model.graph.nodes[5].inputs[0] = String::new();
    refused(&model, ErrorKind::Invalid, &["input 0 is required"]);
}

#[test]
fn a_tensor_shorter_than_its_shape_is_refused() {
    let mut model = classifier();
    let short = Tensor {
        dims: vec![4, 3, 3, 3],
        ..weights(&[4])
    };
    model.graph.initializers.insert("w1".to_owned(), short);
    refused(
        &model,
        ErrorKind::Invalid,
        &["initializer \"w1\"", "takes 432 bytes, found 16"],
    );
}

#[test]
fn a_size_that_overflows_is_refused() {
    let shape = node("ConstantOfShape", &["to"], &["k"], &[]);
    let add = node("Add", &["x", "k"], &["y"], &[]);
    let large = ints(&[1 << 40, 1 << 40]);
    let model = model(vec![value("x", &[1])], vec![shape, add], &[("to", large)], &["y"]);
    refused(&model, ErrorKind::Invalid, &["node_k", "overflows"]);
}

#[test]
fn more_axes_than_any_tensor_has_are_refused() {
    let reshape = node("Reshape", &["w", "to"], &["y"], &[]);
    let constants = [("w", weights(&[1])), ("to", ints(&[1; 40]))];
    let unsqueezed = model(vec![value("x", &[1])], vec![reshape], &constants, &["y"]);
    refused(&unsqueezed, ErrorKind::Unsupported, &["40 axes"]);
}
