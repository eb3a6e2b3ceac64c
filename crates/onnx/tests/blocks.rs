//! The blocks of networks, in small graphs made for it and in all models that are there.

#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

mod common;

use common::{model, node, typed_value, value, weights};
use ranktune_onnx::locate::{Hints, Located, Pooling, blocks, locate};
use ranktune_onnx::{Attribute, DataType, Model, Node, Tensor};

fn found(model: &Model) -> Vec<Located> {
    let feature = locate(model, &Hints::default()).unwrap().feature;
    let input = model.graph.inputs[0].name.clone();
    blocks(model, &input, &feature).unwrap()
}

fn names(model: &Model) -> Vec<String> {
    found(model).into_iter().map(|located| located.feature).collect()
}

fn conv(input: &str, output: &str) -> Node {
    node(
        "Conv",
        &[input, "w"],
        &[output],
        &[("pads", Attribute::Ints(vec![1; 4]))],
    )
}

/// A network of 4-channel maps with these nodes behind a stem `x → s`, and a classifier behind the map `last`.
fn network(mut nodes: Vec<Node>, last: &str) -> Model {
    let mut all = vec![
        node("Conv", &["x", "w0"], &["c0"], &[("pads", Attribute::Ints(vec![1; 4]))]),
        node("Relu", &["c0"], &["s"], &[]),
    ];
    all.append(&mut nodes);
    all.extend([
        node("GlobalAveragePool", &[last], &["p"], &[]),
        node("Flatten", &["p"], &["f"], &[]),
        node("Gemm", &["f", "wf"], &["logits"], &[("transB", Attribute::Int(1))]),
    ]);
    let constants: [(&str, Tensor); 3] = [
        ("w0", weights(&[4, 3, 3, 3])),
        ("w", weights(&[4, 4, 3, 3])),
        ("wf", weights(&[5, 4])),
    ];
    model(vec![value("x", &[0, 3, 8, 8])], all, &constants, &["logits"])
}

#[test]
fn a_sum_and_the_activation_behind_it_end_a_block() {
    let block = |from: &str, to: &str| {
        vec![
            conv(from, &format!("{to}.c1")),
            node("Relu", &[&format!("{to}.c1")], &[&format!("{to}.r1")], &[]),
            conv(&format!("{to}.r1"), &format!("{to}.c2")),
            node("Add", &[from, &format!("{to}.c2")], &[&format!("{to}.sum")], &[]),
            node("Relu", &[&format!("{to}.sum")], &[to], &[]),
        ]
    };
    let model = network([block("s", "a"), block("a", "b"), block("b", "c")].concat(), "c");
    // The last block's average is the feature tensor, which stands for it.
    assert_eq!(names(&model), ["a", "b", "f"]);
    let pooling: Vec<Pooling> = found(&model).into_iter().map(|located| located.pooling).collect();
    let map = Pooling::GlobalAverage { channels_axis: 1 };
    assert_eq!(pooling, [map, map, Pooling::None]);
}

#[test]
fn a_gate_and_a_single_convolution_end_none_and_a_branch_without_a_connection_does() {
    let model = network(
        vec![
            // x · σ(x), which is no block
            node("Sigmoid", &["s"], &["g"], &[]),
            node("Mul", &["s", "g"], &["m"], &[]),
            // a block, and one layer behind it
            conv("m", "c1"),
            node("Add", &["m", "c1"], &["a"], &[]),
            conv("a", "d"),
            // a block that begins with it, and two layers behind
            conv("d", "c2"),
            node("Add", &["d", "c2"], &["b"], &[]),
            conv("b", "e1"),
            conv("e1", "e"),
            // a block that begins with them
            conv("e", "c3"),
            node("Add", &["e", "c3"], &["z"], &[]),
            conv("z", "out"),
        ],
        "out",
    );
    assert_eq!(names(&model), ["a", "b", "e", "z", "f"]);
}

#[test]
fn attention_and_what_follows_it_are_one_block_and_its_normalization_belongs_to_it() {
    let mut nodes = vec![node("Gather", &["words", "input_ids"], &["h0"], &[])];
    // The mask comes from whole numbers and is no part of the way.
    nodes.push(node(
        "Cast",
        &["attention_mask"],
        &["mask"],
        &[("to", Attribute::Int(1))],
    ));
    nodes.push(node("Unsqueeze", &["mask", "one"], &["bias"], &[]));
    for layer in 0..2 {
        let name = |part: &str| format!("{part}{layer}");
        let from = if layer == 0 { "h0".to_owned() } else { "out0".to_owned() };
        let own = |op: &str, inputs: &[String], output: &str| {
            let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
            node(op, &inputs, &[&name(output)], &[])
        };
        let weight = || "w".to_owned();
        nodes.extend([
            own("MatMul", &[from.clone(), weight()], "q"),
            own("MatMul", &[from.clone(), weight()], "k"),
            node(
                "Transpose",
                &[&name("k")],
                &[&name("kt")],
                &[("perm", Attribute::Ints(vec![0, 2, 1]))],
            ),
            own("MatMul", &[name("q"), name("kt")], "scores"),
            own("Add", &[name("scores"), "bias".to_owned()], "masked"),
            own("Softmax", &[name("masked")], "p"),
            own("MatMul", &[name("p"), from.clone()], "mixed"),
            own("Add", &[from, name("mixed")], "half"),
            own("LayerNormalization", &[name("half"), "gamma".to_owned()], "normal"),
            own("MatMul", &[name("normal"), weight()], "m1"),
            own("Relu", &[name("m1")], "m2"),
            own("Add", &[name("normal"), name("m2")], "sum"),
            own("LayerNormalization", &[name("sum"), "gamma".to_owned()], "out"),
        ]);
    }
    let constants = [
        ("words", weights(&[7, 6])),
        ("w", weights(&[6, 6])),
        ("gamma", weights(&[6])),
        ("one", common::ints(&[1])),
    ];
    let inputs = vec![
        typed_value("input_ids", DataType::I64, &[0, 5]),
        typed_value("attention_mask", DataType::I64, &[0, 5]),
    ];
    let model = model(inputs, nodes, &constants, &["out1"]);
    let found = found(&model);
    let layers: Vec<(&str, Option<usize>, Pooling)> = found
        .iter()
        .map(|located| (located.feature.as_str(), located.feature_dim, located.pooling))
        .collect();
    assert_eq!(
        layers,
        [("out0", Some(6), Pooling::Tokens), ("out1", Some(6), Pooling::Tokens)]
    );
}

#[test]
fn a_chain_has_its_feature_tensor_alone_and_unknown_names_are_errors() {
    let model = network(vec![conv("s", "a"), conv("a", "b")], "b");
    assert_eq!(names(&model), ["f"]);
    assert!(blocks(&model, "x", "ff").unwrap_err().to_string().contains("ff"));
}

#[test]
fn the_blocks_of_shared_models_are_those_that_their_makers_have_written() {
    // Blocks before the feature tensor, without the last block of a network where that is what the features are an average of, and
    // how the first and the last of them are called.
    for (folder, count, first, last) in [
        ("hub/efficientnet-lite0", 14, "/_blocks.1/_bn2", "/_blocks.14/Add"),
        (
            "hub/efficientnet-b0-photo-vs-drawing",
            14,
            "/features/features.2/features.2.0",
            "/features/features.6/features.6.3/Add",
        ),
        ("hub/mobilenetv2-dogs", 15, "/block_1_project_BN", "/Add_9"),
        ("hub/mobilenetv2-140-moderation", 15, "/mods.5/mods.5.0", "/Add_9"),
        (
            "hub/resnet50-thin-moderation",
            15,
            "/relu_stage0_block0",
            "/relu_stage3_block1",
        ),
        (
            "hub/paraphrase-MiniLM-L3-v2",
            2,
            "/ln2/LayerNormalization",
            "/ln2_1/LayerNormalization",
        ),
        ("hub/glove-6b-50d-30k", 0, "", ""),
        ("hub/mtcnn-onet-face", 0, "", ""),
        ("arch/vit", 6, "/blocks/blocks.0/Add_1", "/blocks/blocks.5/Add_1"),
        ("arch/vit_dynamo", 6, "add_2", "add_12"),
        ("arch/gpt2", 2, "/m/h.0/Add_1", "/m/h.1/Add_1"),
        (
            "arch/bert",
            1,
            "/m/encoder/layer.0/output/LayerNorm",
            "/m/encoder/layer.0/output/LayerNorm",
        ),
        (
            "arch/distilbert",
            1,
            "/m/transformer/layer.0/output_layer_norm",
            "/m/transformer/layer.0/output_layer_norm",
        ),
        ("arch/shufflenet", 16, "/stage2/stage2.0", "/stage4/stage4.3"),
        ("arch/resnet", 3, "/layer1/layer1.0/act2", "/layer3/layer3.0/act3"),
        (
            "arch/convnext",
            9,
            "/stages/stages.0/blocks/blocks.0/Add",
            "/stages/stages.3/blocks/blocks.1/Add",
        ),
    ] {
        let Some(folder) = ranktune_testing::shared(folder) else {
            continue;
        };
        let model = Model::load(&folder.join("model.onnx")).unwrap();
        let mut names = names(&model);
        names.pop();
        assert_eq!(names.len(), count, "{}: {names:#?}", folder.display());
        if let (Some(begin), Some(end)) = (names.first(), names.last()) {
            assert!(
                begin.starts_with(first) && end.starts_with(last),
                "{}: {names:#?}",
                folder.display()
            );
        }
    }
}
