//! If, Loop and lists of tensors.

use ranktune_onnx::{Attribute, Node};

use crate::harness::{Case, Input, inner, x};

fn truth(value: bool) -> Input {
    Input::Bools(vec![], vec![value])
}

fn count(value: i64) -> Input {
    Input::Ints(vec![], vec![value])
}

fn axis(mut node: Node, value: i64) -> Node {
    node.attributes.insert("axis".to_owned(), Attribute::Int(value));
    node
}

#[test]
fn a_branch_takes_what_is_around_it_and_has_right_gradients() {
    for (condition, sign) in [(true, 1.0), (false, -1.0)] {
        Case::new("If", vec![truth(condition), x(&[2, 3]), x(&[3])])
            .captured(2)
            .body("then_branch", &[], vec![inner("Add", &["p1.x", "p2.x"], "t")], &["t"])
            .body("else_branch", &[], vec![inner("Sub", &["p1.x", "p2.x"], "e")], &["e"])
            .check_against(&[2, 3], |inputs| {
                let pairs = inputs[1].iter().zip(inputs[2].iter().cycle());
                pairs.map(|(a, b)| a + sign * b).collect()
            });
    }
}

#[test]
fn the_branch_that_is_not_taken_need_not_fit() {
    Case::new("If", vec![truth(true), x(&[2, 3]), x(&[7])])
        .captured(2)
        .body("then_branch", &[], vec![inner("Exp", &["p1.x"], "t")], &["t"])
        .body(
            "else_branch",
            &[],
            vec![inner("MatMul", &["p1.x", "p2.x"], "e")],
            &["e"],
        )
        .check_against(&[2, 3], |inputs| inputs[1].iter().map(|x| x.exp()).collect());
}

#[test]
fn a_loop_carries_values_on_and_stacks_what_it_gives() {
    // state ← state · w, three times; the stacked states are the second output.
    let body = || {
        vec![
            inner("Mul", &["state", "p3.x"], "next"),
            inner("Identity", &["next"], "row"),
            inner("Identity", &["going"], "still"),
        ]
    };
    let case = |trips: Input, condition: Input| {
        Case::new("Loop", vec![trips, condition, x(&[2, 3]), x(&[3])])
            .captured(1)
            .body("body", &["turn", "going", "state"], body(), &["still", "next", "row"])
    };
    case(count(3), truth(true)).check_against(&[2, 3], |inputs| {
        let pairs = inputs[2].iter().zip(inputs[3].iter().cycle());
        pairs.map(|(a, w)| a * w * w * w).collect()
    });
    case(count(3), truth(false)).check_against(&[2, 3], |inputs| inputs[2].clone());
    case(count(2), Input::Absent).outputs(2).check_gradients();
}

#[test]
fn lists_of_tensors_are_built_and_joined() {
    let nodes = vec![
        inner("SequenceConstruct", &["p1.x", "p2.x"], "list"),
        inner("SequenceInsert", &["list", "p3.x", "c4"], "longer"),
        axis(inner("ConcatFromSequence", &["longer"], "t"), 1),
    ];
    let expected = |inputs: &[Vec<f32>]| {
        (0..2)
            .flat_map(|row| {
                [3, 1, 2]
                    .into_iter()
                    .flat_map(move |one| inputs[one][2 * row..2 * row + 2].to_vec())
            })
            .collect()
    };
    let other = || vec![inner("Identity", &["p1.x"], "e")];
    Case::new("If", vec![truth(true), x(&[2, 2]), x(&[2, 2]), x(&[2, 2]), count(0)])
        .captured(4)
        .body("then_branch", &[], nodes, &["t"])
        .body("else_branch", &[], other(), &["e"])
        .check_against(&[2, 6], expected);
    let mut stack = axis(inner("ConcatFromSequence", &["shorter"], "t"), 0);
    stack.attributes.insert("new_axis".to_owned(), Attribute::Int(1));
    let nodes = vec![
        axis(inner("SplitToSequence", &["p1.x", "c2"], "list"), 0),
        inner("SequenceErase", &["list", "c3"], "shorter"),
        stack,
    ];
    Case::new("If", vec![truth(true), x(&[4, 3]), count(1), count(-2)])
        .captured(3)
        .body("then_branch", &[], nodes, &["t"])
        .body("else_branch", &[], other(), &["e"])
        .check_against(&[3, 1, 3], |inputs| [&inputs[1][..6], &inputs[1][9..]].concat());
    let nodes = vec![
        axis(inner("SplitToSequence", &["p1.x", "c2"], "list"), 0),
        inner("SequenceAt", &["list", "c3"], "part"),
        inner("SequenceLength", &["list"], "length"),
        inner("CastLike", &["length", "p1.x"], "number"),
        inner("Mul", &["part", "number"], "t"),
    ];
    Case::new("If", vec![truth(true), x(&[5, 2]), count(2), count(-1)])
        .captured(3)
        .body("then_branch", &[], nodes, &["t"])
        .body("else_branch", &[], other(), &["e"])
        .check_against(&[1, 2], |inputs| inputs[1][8..].iter().map(|x| x * 3.0).collect());
}

#[test]
fn lists_grow_inside_of_loops() {
    let body = vec![
        inner("Mul", &["p2.x", "p2.x"], "square"),
        inner("SequenceInsert", &["list", "square"], "longer"),
        inner("Identity", &["going"], "still"),
    ];
    let graph = ranktune_onnx::Graph {
        name: "body".to_owned(),
        nodes: body,
        inputs: ["turn", "going", "list"].map(info).into(),
        outputs: ["still", "longer"].map(info).into(),
        ..ranktune_onnx::Graph::default()
    };
    let mut repeat = inner("Loop", &["c1", "", "nothing"], "grown");
    repeat
        .attributes
        .insert("body".to_owned(), Attribute::Graph(Box::new(graph)));
    let nodes = vec![
        inner("SequenceEmpty", &[], "nothing"),
        repeat,
        axis(inner("ConcatFromSequence", &["grown"], "t"), 0),
    ];
    Case::new("If", vec![truth(true), count(2), x(&[3])])
        .captured(2)
        .body("then_branch", &[], nodes, &["t"])
        .body("else_branch", &[], vec![inner("Identity", &["p2.x"], "e")], &["e"])
        .check_against(&[6], |inputs| {
            let squares: Vec<f32> = inputs[2].iter().map(|x| x * x).collect();
            [squares.clone(), squares].concat()
        });
}

fn info(name: &str) -> ranktune_onnx::ValueInfo {
    ranktune_onnx::ValueInfo {
        name: name.to_owned(),
        data_type: None,
        shape: None,
    }
}
