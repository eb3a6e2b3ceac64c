//! Finding features and logits: one small graph for each kind of model, and all models that are there.

#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

mod common;

use common::{ints, model, node, typed_value, untyped, value, weights};
use ranktune_onnx::locate::{Activation, Hints, Located, Pooling, locate};
use ranktune_onnx::{Attribute, DataType, ErrorKind, Model, Node, Tensor};

fn find(model: &Model) -> Located {
    locate(model, &Hints::default()).unwrap()
}

/// A model on images with a 4-channel map `r`, then `tail`.
fn image_model(tail: Vec<Node>, constants: &[(&str, Tensor)], outputs: &[&str]) -> Model {
    let mut nodes = vec![
        node("Conv", &["x", "w1"], &["c"], &[]),
        node("Relu", &["c"], &["r"], &[]),
    ];
    nodes.extend(tail);
    let constants = [&[("w1", weights(&[4, 3, 3, 3]))], constants].concat();
    model(vec![value("x", &[0, 3, 8, 8])], nodes, &constants, outputs)
}

fn pooled(output: &str) -> Vec<Node> {
    vec![
        node("GlobalAveragePool", &["r"], &["p"], &[]),
        node("Flatten", &["p"], &[output], &[]),
    ]
}

#[test]
fn a_classifier_takes_its_features_from_the_last_matrix() {
    let located = find(&common::classifier());
    assert_eq!(
        (located.feature.as_str(), located.feature_dim, located.pooling),
        ("f", Some(4), Pooling::None)
    );
    assert_eq!(
        (located.logits.as_deref(), located.n_classes),
        (Some("logits"), Some(5))
    );
    assert_eq!(located.activation, Activation::None);
}

#[test]
fn a_dynamically_quantized_classifier_takes_its_features_from_before_the_quantization() {
    let mut tail = pooled("f");
    tail.extend([
        node("DynamicQuantizeLinear", &["f"], &["q", "s", "z"], &[]),
        node("MatMulInteger", &["q", "w2", "z", "wz"], &["sum"], &[]),
        node("Cast", &["sum"], &["sum.float"], &[("to", Attribute::Int(1))]),
        node("Mul", &["s", "ws"], &["scale"], &[]),
        node("Mul", &["sum.float", "scale"], &["m"], &[]),
        node("Add", &["m", "b"], &["y"], &[]),
    ]);
    let whole = |dims: &[usize]| Tensor::new(DataType::I8, dims, vec![1_u8; dims.iter().product()].into()).unwrap();
    let constants = [
        ("w2", whole(&[4, 5])),
        ("wz", whole(&[])),
        ("ws", Tensor::from_f32(&[], &[0.1]).unwrap()),
        ("b", weights(&[5])),
    ];
    let located = find(&image_model(tail, &constants, &["y"]));
    assert_eq!((located.feature.as_str(), located.feature_dim), ("f", Some(4)));
    assert_eq!((located.logits.as_deref(), located.n_classes), (Some("y"), Some(5)));
}

#[test]
fn logits_are_what_goes_into_the_softmax() {
    let mut tail = pooled("f");
    tail.extend([
        node("MatMul", &["f", "w2"], &["m"], &[]),
        node("Add", &["m", "b"], &["z"], &[]),
        node("Softmax", &["z"], &["s"], &[]),
        node("Identity", &["s"], &["y"], &[]),
    ]);
    let located = find(&image_model(
        tail,
        &[("w2", weights(&[4, 5])), ("b", weights(&[5]))],
        &["y"],
    ));
    assert_eq!((located.feature.as_str(), located.logits.as_deref()), ("f", Some("z")));
    assert_eq!((located.activation, located.n_classes), (Activation::Softmax, Some(5)));
}

#[test]
fn a_pointwise_convolution_on_one_place_is_a_matrix() {
    let tail = vec![
        node("GlobalAveragePool", &["r"], &["p"], &[]),
        node("Conv", &["p", "w2"], &["z"], &[]),
        node("Flatten", &["z"], &["y"], &[]),
    ];
    let located = find(&image_model(tail, &[("w2", weights(&[5, 4, 1, 1]))], &["y"]));
    assert_eq!((located.feature.as_str(), located.feature_dim), ("p", Some(4)));
    assert_eq!(located.pooling, Pooling::GlobalAverage { channels_axis: 1 });
    assert_eq!((located.logits.as_deref(), located.n_classes), (Some("y"), Some(5)));
}

#[test]
fn a_fully_convolutional_classifier_averages_its_map() {
    let tail = vec![
        node("Conv", &["r", "w2"], &["z"], &[]),
        node("Relu", &["z"], &["zr"], &[]),
        node("GlobalAveragePool", &["zr"], &["p"], &[]),
        node("Softmax", &["p"], &["q"], &[("axis", Attribute::Int(1))]),
        node("Flatten", &["q"], &["y"], &[]),
    ];
    let located = find(&image_model(tail, &[("w2", weights(&[5, 4, 1, 1]))], &["y"]));
    assert_eq!((located.feature.as_str(), located.feature_dim), ("r", Some(4)));
    assert_eq!(located.pooling, Pooling::GlobalAverage { channels_axis: 1 });
}

#[test]
fn a_network_that_ends_in_its_average_has_no_classifier() {
    // The last block of MobileNetV2 is a pointwise convolution, too.
    let tail = vec![
        node("Conv", &["r", "w2"], &["z"], &[]),
        node("Relu", &["z"], &["zr"], &[]),
        node("GlobalAveragePool", &["zr"], &["p"], &[]),
        node("Flatten", &["p"], &["y"], &[]),
    ];
    let located = find(&image_model(tail, &[("w2", weights(&[9, 4, 1, 1]))], &["y"]));
    assert_eq!(
        (located.feature.as_str(), located.feature_dim, located.logits),
        ("y", Some(9), None)
    );
}

#[test]
fn a_map_is_averaged() {
    let located = find(&image_model(Vec::new(), &[], &["r"]));
    assert_eq!((located.feature.as_str(), located.feature_dim), ("r", Some(4)));
    assert_eq!(located.pooling, Pooling::GlobalAverage { channels_axis: 1 });
}

#[test]
fn a_map_with_channels_last_is_averaged_over_the_others() {
    let tail = vec![node(
        "Transpose",
        &["r"],
        &["t"],
        &[("perm", Attribute::Ints(vec![0, 2, 3, 1]))],
    )];
    let located = find(&image_model(tail, &[], &["t"]));
    assert_eq!(located.pooling, Pooling::GlobalAverage { channels_axis: 3 });
    assert_eq!(located.feature_dim, Some(4));
}

/// `output` = a projection of the pooled map to 5 values.
fn projection(output: &str) -> Model {
    let mut tail = pooled("f");
    tail.push(node("Gemm", &["f", "w2"], &[output], &[]));
    image_model(tail, &[("w2", weights(&[4, 5]))], &[output])
}

#[test]
fn an_embedding_is_the_output_itself() {
    assert_eq!(find(&projection("image_embeds")).feature, "image_embeds");
    assert_eq!(find(&projection("output")).feature, "f");
    let of_dim = |hidden_dim| Hints {
        hidden_dim: Some(hidden_dim),
        ..Hints::default()
    };
    // CLIP's towers: 768 features, projected to 512.
    assert_eq!(
        locate(&projection("image_embeds"), &of_dim(4)).unwrap().feature,
        "image_embeds"
    );
    let hints = |num_labels, hidden_dim| Hints {
        num_labels,
        hidden_dim,
        feature: None,
    };
    for (hints, expected) in [
        (hints(Some(0), None), "output"),
        (hints(Some(7), None), "output"),
        (hints(Some(5), None), "f"),
        (hints(None, Some(5)), "output"),
        (hints(None, Some(4)), "f"),
        (hints(Some(7), Some(4)), "f"),
    ] {
        assert_eq!(
            locate(&projection("output"), &hints).unwrap().feature,
            expected,
            "{hints:?}"
        );
    }
}

#[test]
fn a_normalised_embedding_is_the_output_itself() {
    let mut tail = pooled("f");
    tail.extend([
        node("Gemm", &["f", "w2"], &["e"], &[]),
        node("ReduceL2", &["e"], &["n"], &[("axes", Attribute::Ints(vec![1]))]),
        node("Div", &["e", "n"], &["y"], &[]),
    ]);
    let located = find(&image_model(tail, &[("w2", weights(&[4, 5]))], &["y"]));
    assert_eq!((located.feature.as_str(), located.logits), ("y", None));
}

#[test]
fn two_heads_that_are_added_are_a_classifier() {
    let mut tail = pooled("f");
    tail.extend([
        node("Gemm", &["f", "wa"], &["a"], &[]),
        node("Gemm", &["f", "wb"], &["b"], &[]),
        node("Add", &["a", "b"], &["s"], &[]),
        node("Div", &["s", "two"], &["y"], &[]),
    ]);
    let two = Tensor::from_f32(&[], &[2.0]).unwrap();
    let constants = [("wa", weights(&[4, 5])), ("wb", weights(&[4, 5])), ("two", two)];
    let located = find(&image_model(tail, &constants, &["y"]));
    assert_eq!((located.feature.as_str(), located.logits.as_deref()), ("f", Some("y")));
}

#[test]
fn a_head_for_the_class_token_and_one_for_the_patches_are_a_classifier() {
    // `logits = head(class) + max over patches of head(patches) / 2`, of tokens `[n, 64, 4]`.
    let tail = vec![
        node("Reshape", &["r", "flat"], &["f"], &[]),
        node("Transpose", &["f"], &["t"], &[("perm", Attribute::Ints(vec![0, 2, 1]))]),
        node("Gather", &["t", "first"], &["c"], &[("axis", Attribute::Int(1))]),
        node("Gemm", &["c", "wa", "ba"], &["a"], &[]),
        node("MatMul", &["t", "wb"], &["b"], &[]),
        node("Add", &["b", "ba"], &["bb"], &[]),
        node(
            "ReduceMax",
            &["bb"],
            &["m"],
            &[("axes", Attribute::Ints(vec![1])), ("keepdims", Attribute::Int(0))],
        ),
        node("Mul", &["m", "half"], &["h"], &[]),
        node("Add", &["a", "h"], &["y"], &[]),
    ];
    let constants = [
        ("flat", ints(&[0, 4, -1])),
        ("first", Tensor::from_i64(&[], &[0]).unwrap()),
        ("wa", weights(&[4, 5])),
        ("ba", weights(&[5])),
        ("wb", weights(&[4, 5])),
        ("half", Tensor::from_f32(&[], &[0.5]).unwrap()),
    ];
    let located = find(&image_model(tail, &constants, &["y"]));
    assert_eq!((located.feature.as_str(), located.pooling), ("c", Pooling::None));
    assert_eq!((located.logits.as_deref(), located.n_classes), (Some("y"), Some(5)));
}

#[test]
fn of_heads_for_several_stages_the_widest_counts() {
    let mut tail = pooled("f");
    tail.extend([
        node("Gemm", &["f", "wide"], &["g"], &[]),
        node("Relu", &["g"], &["g2"], &[]),
        node("Gemm", &["f", "wa"], &["a"], &[]),
        node("Gemm", &["g2", "wb"], &["b"], &[]),
        node("Gemm", &["f", "wa"], &["c"], &[]),
        node("Mul", &["a", "half"], &["a2"], &[]),
        node("Mul", &["b", "half"], &["b2"], &[]),
        node("Add", &["a2", "b2"], &["ab"], &[]),
        node("Add", &["ab", "c"], &["y"], &[]),
    ]);
    let half = Tensor::from_f32(&[], &[0.5]).unwrap();
    let constants = [
        ("wide", weights(&[4, 8])),
        ("wa", weights(&[4, 5])),
        ("wb", weights(&[8, 5])),
        ("half", half),
    ];
    let located = find(&image_model(tail, &constants, &["y"]));
    assert_eq!((located.feature.as_str(), located.feature_dim), ("g2", Some(8)));
    assert_eq!((located.logits.as_deref(), located.n_classes), (Some("y"), Some(5)));
}

/// An encoder: tokens → table → `last_hidden_state`, then `tail`.
fn encoder(tail: Vec<Node>, constants: &[(&str, Tensor)], outputs: &[&str]) -> Model {
    let mut nodes = vec![
        node("Gather", &["table", "input_ids"], &["e"], &[]),
        node("LayerNormalization", &["e", "g", "h"], &["last_hidden_state"], &[]),
    ];
    nodes.extend(tail);
    let own = [
        ("table", weights(&[9, 4])),
        ("g", weights(&[4])),
        ("h", weights(&[4])),
        ("first", ints(&[0])),
    ];
    let mut ids = typed_value("input_ids", DataType::I64, &[0, 0]);
    ids.shape.as_mut().unwrap()[1] = ranktune_onnx::Dim::Named("sequence".to_owned());
    model(vec![ids], nodes, &[&own, constants].concat(), outputs)
}

fn first_token(output: &str) -> Vec<Node> {
    vec![
        node(
            "Gather",
            &["last_hidden_state", "first"],
            &["t"],
            &[("axis", Attribute::Int(1))],
        ),
        node("Squeeze", &["t", "one"], &[output], &[]),
    ]
}

#[test]
fn an_encoder_gives_tokens() {
    let located = find(&encoder(Vec::new(), &[], &["last_hidden_state"]));
    assert_eq!(
        (located.feature.as_str(), located.feature_dim),
        ("last_hidden_state", Some(4))
    );
    assert_eq!((located.pooling, located.logits), (Pooling::Tokens, None));
}

#[test]
fn an_untrained_pooler_goes_behind_the_tokens() {
    let mut tail = first_token("cls");
    tail.extend([
        node("Gemm", &["cls", "wp"], &["d"], &[]),
        node("Tanh", &["d"], &["pooler_output"], &[]),
    ]);
    let constants = [("wp", weights(&[4, 4])), ("one", ints(&[1]))];
    for outputs in [
        ["last_hidden_state", "pooler_output"],
        ["pooler_output", "last_hidden_state"],
    ] {
        let located = find(&encoder(tail.clone(), &constants, &outputs));
        assert_eq!(
            (located.feature.as_str(), located.pooling),
            ("last_hidden_state", Pooling::Tokens)
        );
    }
}

#[test]
fn a_sentence_embedding_goes_before_the_tokens() {
    let model = encoder(
        first_token("sentence_embedding"),
        &[("one", ints(&[1]))],
        &["last_hidden_state", "sentence_embedding"],
    );
    let located = find(&model);
    assert_eq!(
        (located.feature.as_str(), located.pooling),
        ("sentence_embedding", Pooling::None)
    );
}

#[test]
fn a_token_classifier_gives_tokens_and_their_logits() {
    let tail = vec![node("MatMul", &["last_hidden_state", "w"], &["logits"], &[])];
    let located = find(&encoder(tail, &[("w", weights(&[4, 5]))], &["logits"]));
    assert_eq!(
        (located.feature.as_str(), located.pooling),
        ("last_hidden_state", Pooling::Tokens)
    );
    assert_eq!(
        (located.logits.as_deref(), located.n_classes),
        (Some("logits"), Some(5))
    );
}

#[test]
fn a_sequence_classifier_takes_its_features_from_the_first_token() {
    let mut tail = first_token("cls");
    tail.push(node("Gemm", &["cls", "w"], &["logits"], &[]));
    let located = find(&encoder(
        tail,
        &[("w", weights(&[4, 5])), ("one", ints(&[1]))],
        &["logits"],
    ));
    assert_eq!((located.feature.as_str(), located.pooling), ("cls", Pooling::None));
}

#[test]
fn logits_go_before_features() {
    let mut model = common::classifier();
    model.graph.outputs.insert(0, untyped("r"));
    let located = find(&model);
    assert_eq!(
        (located.feature.as_str(), located.logits.as_deref()),
        ("f", Some("logits"))
    );
}

#[test]
fn the_features_can_be_named() {
    let named = |name: &str| {
        let hints = Hints {
            feature: Some(name.to_owned()),
            ..Hints::default()
        };
        locate(&common::classifier(), &hints)
    };
    for name in ["r", "node_r"] {
        let located = named(name).unwrap();
        assert_eq!(
            (located.feature.as_str(), located.logits.as_deref()),
            ("r", Some("logits"))
        );
        assert_eq!(located.pooling, Pooling::GlobalAverage { channels_axis: 1 });
    }
    let error = named("node_rr").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("did you mean \"node_r\""), "{error}");
}

#[test]
fn a_tensor_of_integers_is_no_feature() {
    let shape = node("Shape", &["x"], &["y"], &[]);
    let error = locate(
        &model(vec![value("x", &[0, 3])], vec![shape], &[], &["y"]),
        &Hints::default(),
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        error.to_string().contains("expected floating-point numbers, found i64"),
        "{error}"
    );
}

/// The reference features of each model say in their metadata which tensor they are.
#[test]
fn shared_models_are_located_where_their_references_say() {
    let (Some(hub), Some(vectors)) = (
        ranktune_testing::shared("hub"),
        ranktune_testing::shared("vectors/models"),
    ) else {
        return;
    };
    let mut compared = 0;
    // The hub may hold models that have no reference.
    for file in std::fs::read_dir(vectors).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_stem().unwrap().to_str().unwrap();
        let located = find(&Model::load(&hub.join(name).join("model.onnx")).unwrap());
        let bytes = std::fs::read(&file).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let dim = tensors.tensor("features").unwrap().shape()[1];
        assert_eq!(located.feature_dim, Some(dim), "{name}");
        let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        if let Some(tensor) = metadata
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get("feature_tensor"))
        {
            assert_eq!(&located.feature, tensor, "{name}");
            compared += 1;
        }
        if let Ok(logits) = tensors.tensor("logits") {
            assert_eq!(located.n_classes, Some(logits.shape()[1]), "{name}");
        }
    }
    assert!(compared >= 8, "{compared} compared");
}
