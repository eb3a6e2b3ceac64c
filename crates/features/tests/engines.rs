//! The conformance suite of engines: every engine of the build passes every test, on graphs built here.
#![expect(clippy::unwrap_used, reason = "this is a test; what fails should fail loudly")]

mod support;

use ranktune_core::one_line;
use ranktune_features::ErrorKind;
use ranktune_features::engine::{Elements, EngineOptions, Input, Output};
use ranktune_onnx::{Attribute, DataType, Tensor};
use support::{engines, model, model_of_opset, node, relative_distance, value, with};

/// `y [n, 2] = x [n, 3] · w [3, 2] + b [2]`, and `z = relu(y)`.
fn linear() -> Vec<u8> {
    model(
        vec![value("x", DataType::F32, &[-1, 3])],
        vec![value("y", DataType::F32, &[-1, 2]), value("z", DataType::F32, &[-1, 2])],
        vec![
            node("MatMul", &["x", "w"], "product"),
            node("Add", &["product", "b"], "y"),
            node("Relu", &["y"], "z"),
        ],
        vec![
            (
                "w",
                Tensor::from_f32(&[3, 2], &[1.0, -1.0, 2.0, 0.5, 0.0, 3.0]).unwrap(),
            ),
            ("b", Tensor::from_f32(&[2], &[0.25, -4.0]).unwrap()),
        ],
    )
}

fn floats<'a>(name: &'a str, shape: &'a [usize], elements: &'a [f32]) -> Input<'a> {
    Input {
        name,
        shape,
        elements: Elements::F32(elements),
    }
}

#[test]
fn outputs_follow_the_graph_in_the_requested_order() {
    for engine in engines() {
        let mut session = engine.load(&linear(), &EngineOptions::default()).unwrap();
        for _ in 0..2 {
            let outputs = session
                .run(&[floats("x", &[2, 3], &[1.0, 2.0, 3.0, 0.0, 0.0, 1.0])], &["z", "y"])
                .unwrap();
            // By hand: [1+4+0+0.25, −1+1+9−4] and [0.25, 3−4].
            let y = Output {
                shape: vec![2, 2],
                data: vec![5.25, 5.0, 0.25, -1.0],
            };
            let z = Output {
                shape: vec![2, 2],
                data: vec![5.25, 5.0, 0.25, 0.0],
            };
            assert_eq!(outputs, [z, y], "{}", engine.name());
        }
    }
}

#[test]
fn a_row_does_not_depend_on_its_batch() {
    let rows: Vec<f32> = (0..33).map(|i| (i as f32 * 0.7).sin()).collect();
    for engine in engines() {
        for threads in [1, 3] {
            let mut session = engine
                .load(&linear(), &EngineOptions::default().with_threads(threads))
                .unwrap();
            let together = session.run(&[floats("x", &[11, 3], &rows)], &["y"]).unwrap().remove(0);
            for (i, row) in rows.chunks(3).enumerate() {
                let alone = session.run(&[floats("x", &[1, 3], row)], &["y"]).unwrap().remove(0);
                assert!(
                    relative_distance(&alone.data, &together.data[2 * i..2 * i + 2]) < 1e-6,
                    "{}",
                    engine.name()
                );
            }
        }
    }
}

#[test]
fn an_empty_batch_is_refused() {
    for engine in engines() {
        let mut session = engine.load(&linear(), &EngineOptions::default()).unwrap();
        let error = session.run(&[floats("x", &[0, 3], &[])], &["y"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{}: {error}", engine.name());
        assert!(
            error.to_string().contains("\"x\" is empty"),
            "{}: {error}",
            engine.name()
        );
    }
}

#[test]
fn nan_stays_in_its_own_row() {
    for engine in engines() {
        let mut session = engine.load(&linear(), &EngineOptions::default()).unwrap();
        let outputs = session
            .run(&[floats("x", &[2, 3], &[f32::NAN, 0.0, 0.0, 1.0, 1.0, 1.0])], &["y"])
            .unwrap();
        let finite: Vec<_> = outputs[0].data.iter().map(|x| x.is_finite()).collect();
        assert_eq!(finite, [false, false, true, true], "{}", engine.name());
    }
}

#[test]
fn names_and_shapes_that_do_not_fit_are_refused_and_named() {
    for engine in engines() {
        let mut session = engine.load(&linear(), &EngineOptions::default()).unwrap();
        let row = [1.0; 3];
        let good = floats("x", &[1, 3], &row);
        for (case, inputs, outputs, named) in [
            (
                "unknown input",
                vec![floats("input", &[1, 3], &row)],
                vec!["y"],
                "\"input\"",
            ),
            ("unknown output", vec![good], vec!["y", "logits"], "\"logits\""),
            ("elements", vec![floats("x", &[2, 3], &row)], vec!["y"], "\"x\""),
            ("shape", vec![floats("x", &[3, 1], &row)], vec!["y"], "x"),
            ("rank", vec![floats("x", &[3], &row)], vec!["y"], "x"),
            ("nothing fed", vec![], vec!["y"], "x"),
        ] {
            let error = session.run(&inputs, &outputs).unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::InvalidInput,
                "{}, {case}: {error}",
                engine.name()
            );
            assert!(error.to_string().contains(named), "{}, {case}: {error}", engine.name());
        }
        assert!(
            session.run(&[good], &["y"]).is_ok(),
            "a refusal must leave the session usable"
        );
    }
}

#[test]
fn token_ids_are_64_bit_integers_whatever_the_graph_takes() {
    for data_type in [DataType::I64, DataType::I32] {
        // `y [n, s, 2]`: rows of a table, by id; and a mask of the same type, as exports have it.
        let embedding = model(
            vec![value("ids", data_type, &[-1, -1]), value("mask", data_type, &[-1, -1])],
            vec![value("y", DataType::F32, &[-1, -1, 2])],
            vec![
                node("Gather", &["table", "ids"], "rows"),
                with(node("Cast", &["mask"], "float"), "to", Attribute::Int(1)),
                node("Unsqueeze", &["float", "last"], "column"),
                node("Mul", &["rows", "column"], "y"),
            ],
            vec![
                (
                    "table",
                    Tensor::from_f32(&[3, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]).unwrap(),
                ),
                ("last", Tensor::from_i64(&[1], &[2]).unwrap()),
            ],
        );
        for engine in engines() {
            let mut session = engine.load(&embedding, &EngineOptions::default()).unwrap();
            let mut run = |ids: &[i64]| {
                let input = |name, elements| Input {
                    name,
                    shape: &[1, 3],
                    elements: Elements::I64(elements),
                };
                session.run(&[input("ids", ids), input("mask", &[1, 1, 0])], &["y"])
            };
            let found = run(&[2, 0, 1]).unwrap();
            assert_eq!(found[0].data, [4.0, 5.0, 0.0, 1.0, 0.0, 0.0], "{}", engine.name());
            // Out of the table, and out of 32 bits: never a wrong row (2³² would narrow to 0).
            for ids in [[3, 0, 0], [1 << 32, 0, 0]] {
                let error = run(&ids).unwrap_err();
                assert!(
                    matches!(error.kind(), ErrorKind::Inference | ErrorKind::InvalidInput),
                    "{}: {error}",
                    engine.name()
                );
            }
        }
    }
}

#[test]
fn half_and_double_precision_outputs_are_widened_or_narrowed() {
    for (name, data_type) in [("half", DataType::F16), ("double", DataType::F64)] {
        let cast = model(
            vec![value("x", DataType::F32, &[-1])],
            vec![value("y", data_type, &[-1])],
            vec![with(
                node("Cast", &["x"], "y"),
                "to",
                Attribute::Int(i64::from(data_type.code())),
            )],
            vec![],
        );
        for engine in engines() {
            let mut session = engine.load(&cast, &EngineOptions::default()).unwrap();
            let outputs = session.run(&[floats("x", &[2], &[0.5, -3.0])], &["y"]).unwrap();
            assert_eq!(outputs[0].data, [0.5, -3.0], "{}, {name}", engine.name());
        }
    }
}

#[test]
fn an_output_of_integers_is_an_error() {
    let shape_of = model(
        vec![value("x", DataType::F32, &[-1])],
        vec![value("y", DataType::I64, &[1])],
        vec![node("Shape", &["x"], "y")],
        vec![],
    );
    for engine in engines() {
        let mut session = engine.load(&shape_of, &EngineOptions::default()).unwrap();
        let error = session.run(&[floats("x", &[2], &[0.5, -3.0])], &["y"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedModel, "{}", engine.name());
        assert!(error.to_string().contains("\"y\""), "{error}");
    }
}

#[test]
fn an_operator_that_does_not_exist_is_named() {
    let unknown = model(
        vec![value("x", DataType::F32, &[-1])],
        vec![value("y", DataType::F32, &[-1])],
        vec![node("Frobnicate", &["x"], "y")],
        vec![],
    );
    for engine in engines() {
        let error = engine.load(&unknown, &EngineOptions::default()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::UnsupportedModel, "{}", engine.name());
        assert!(one_line(&error).contains("Frobnicate"), "{}: {error}", engine.name());
    }
}

#[test]
fn bytes_that_are_not_a_model_are_refused() {
    let good = linear();
    let noise: Vec<u8> = (0..4096u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    for engine in engines() {
        for (case, bytes) in [
            ("empty", &[][..]),
            ("noise", &noise),
            ("text", b"<html>not found</html>"),
        ] {
            let error = engine.load(bytes, &EngineOptions::default()).err().unwrap();
            assert_eq!(
                error.kind(),
                ErrorKind::UnsupportedModel,
                "{}, {case}: {error}",
                engine.name()
            );
        }
        // A prefix is refused or is a smaller model; it never ends the process.
        for length in 0..good.len() {
            if let Ok(mut session) = engine.load(&good[..length], &EngineOptions::default()) {
                let _ = session.run(&[floats("x", &[1, 3], &[1.0; 3])], &["y"]);
            }
        }
    }
}

/// One operator on `x [1, 1, 2, 2] = [[1, 2], [3, 5]]`.
fn one_operator(opset: i64, operator: ranktune_onnx::Node, initializers: Vec<(&str, Tensor)>) -> Vec<u8> {
    let shape = [-1, 1, 2, 2];
    let output = ranktune_onnx::ValueInfo {
        shape: None,
        ..value("y", DataType::F32, &[])
    };
    model_of_opset(
        opset,
        vec![value("x", DataType::F32, &shape)],
        vec![output],
        vec![operator],
        initializers,
    )
}

#[test]
fn an_operator_follows_its_version_of_the_specification_or_is_refused() {
    let text = |text: &str| Attribute::String(text.as_bytes().to_vec());
    let pool = |kind| {
        with(
            with(node("MaxPool", &["x"], "y"), "auto_pad", text(kind)),
            "kernel_shape",
            Attribute::Ints(vec![2, 2]),
        )
    };
    let odd = |kind| {
        with(
            with(node("MaxPool", &["x"], "y"), "auto_pad", text(kind)),
            "kernel_shape",
            Attribute::Ints(vec![3, 3]),
        )
    };
    let sum = 1f32.exp() + 2f32.exp() + 3f32.exp() + 5f32.exp();
    let all = [1f32, 2.0, 3.0, 5.0].map(|x| x.exp() / sum);
    let lower = |high: f32| 1.0 / (1.0 + high.exp());
    let columns = [lower(2.0), lower(3.0), 1.0 - lower(2.0), 1.0 - lower(3.0)];
    let kernel = Tensor::from_f32(&[1, 1, 2, 2], &[1.0, 10.0, 100.0, 1000.0]).unwrap();
    // The engines that may refuse a case instead: rten has no padding before the image.
    let rten: &[&str] = &["rten"];
    type Case<'a> = (&'a str, Vec<u8>, [f32; 4], &'a [&'a str]);
    let cases: Vec<Case<'_>> = vec![
        (
            "softmax of all",
            one_operator(11, node("Softmax", &["x"], "y"), vec![]),
            all,
            &[],
        ),
        (
            "softmax of one axis",
            one_operator(
                13,
                with(node("Softmax", &["x"], "y"), "axis", Attribute::Int(2)),
                vec![],
            ),
            columns,
            &[],
        ),
        (
            "padding after",
            one_operator(17, pool("SAME_UPPER"), vec![]),
            [5.0; 4],
            &[],
        ),
        (
            "padding before",
            one_operator(17, pool("SAME_LOWER"), vec![]),
            [1.0, 2.0, 3.0, 5.0],
            rten,
        ),
        (
            "padding on both sides",
            one_operator(17, odd("SAME_LOWER"), vec![]),
            [5.0; 4],
            &[],
        ),
        (
            "convolution without attributes but padding",
            one_operator(
                17,
                with(
                    node("Conv", &["x", "w"], "y"),
                    "pads",
                    Attribute::Ints(vec![1, 1, 0, 0]),
                ),
                vec![("w", kernel)],
            ),
            [1000.0, 2100.0, 3010.0, 5321.0],
            &[],
        ),
    ];
    for engine in engines() {
        for (case, model, expected, may_refuse) in &cases {
            let found = engine
                .load(model, &EngineOptions::default())
                .and_then(|mut session| session.run(&[floats("x", &[1, 1, 2, 2], &[1.0, 2.0, 3.0, 5.0])], &["y"]));
            match found {
                Ok(found) => {
                    assert!(
                        relative_distance(&found[0].data, expected) < 1e-6,
                        "{}, {case}: {found:?}",
                        engine.name()
                    );
                }
                Err(error) => {
                    assert!(
                        may_refuse.contains(&engine.name()),
                        "{}, {case}: {error}",
                        engine.name()
                    );
                    assert_eq!(error.kind(), ErrorKind::UnsupportedModel, "{}, {case}", engine.name());
                    assert!(
                        one_line(&error).contains("SAME_LOWER"),
                        "{}, {case}: {error}",
                        engine.name()
                    );
                }
            }
        }
    }
}

#[test]
fn two_sessions_give_equal_outputs_bit_for_bit() {
    let rows: Vec<f32> = (0..33).map(|i| (i as f32 * 0.7).sin()).collect();
    for engine in engines() {
        let run = || {
            let mut session = engine.load(&linear(), &EngineOptions::default()).unwrap();
            session.run(&[floats("x", &[11, 3], &rows)], &["y", "z"]).unwrap()
        };
        assert_eq!(run(), run(), "{}", engine.name());
    }
}

#[test]
fn rows_that_change_places_change_places_in_the_output() {
    let rows: Vec<f32> = (0..12).map(|i| (i as f32 * 1.3).cos()).collect();
    let reversed: Vec<f32> = rows.chunks(3).rev().flatten().copied().collect();
    for engine in engines() {
        let mut session = engine.load(&linear(), &EngineOptions::default()).unwrap();
        let mut run = |rows: &[f32]| {
            session
                .run(&[floats("x", &[4, 3], rows)], &["y"])
                .unwrap()
                .remove(0)
                .data
        };
        let expected: Vec<f32> = run(&rows).chunks(2).rev().flatten().copied().collect();
        assert!(
            relative_distance(&run(&reversed), &expected) < 1e-6,
            "{}",
            engine.name()
        );
    }
}
