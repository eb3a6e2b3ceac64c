//! Functions that a file defines: after reading, their nodes stand in place of the calls.

#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

mod common;

use common::wire::{bytes, int, model, node, value};
use ranktune_onnx::{Attribute, ErrorKind, Model, Node};

const DOMAIN: &str = "own";

/// A function of domain `own`.
fn function(name: &str, inputs: &[&str], outputs: &[&str], nodes: &[Vec<u8>], rest: &[Vec<u8>]) -> Vec<u8> {
    let names = |field: u64, names: &[&str]| -> Vec<u8> {
        names.iter().flat_map(|name| bytes(field, name.as_bytes())).collect()
    };
    let nodes: Vec<u8> = nodes.iter().flat_map(|node| bytes(7, node)).collect();
    let body = [
        bytes(1, name.as_bytes()),
        names(4, inputs),
        names(5, outputs),
        nodes,
        bytes(10, DOMAIN.as_bytes()),
        rest.concat(),
    ];
    bytes(25, &body.concat())
}

fn call(name: &str, inputs: &[&str], outputs: &[&str], rest: &[Vec<u8>]) -> Vec<u8> {
    let own = [rest.concat(), bytes(7, DOMAIN.as_bytes())].concat();
    node(name, inputs, outputs, &[own])
}

/// A graph from `x` to `y` with these nodes, and functions.
fn file(nodes: &[Vec<u8>], functions: &[Vec<u8>]) -> Vec<u8> {
    let mut fields: Vec<Vec<u8>> = nodes.iter().map(|node| bytes(1, node)).collect();
    fields.extend([bytes(11, &value("x")), bytes(12, &value("y"))]);
    [model(&fields), functions.concat()].concat()
}

fn read(bytes: Vec<u8>) -> Result<Model, ranktune_onnx::Error> {
    Model::from_bytes(bytes.into(), None)
}

fn shown(node: &Node) -> String {
    format!("{} {:?} {:?}", node.op_type, node.inputs, node.outputs)
}

#[test]
fn calls_become_the_nodes_of_the_function_with_names_of_their_own() {
    let body = [node("Exp", &["a"], &["t"], &[]), node("Add", &["t", "b"], &["r"], &[])];
    let functions = [function("Both", &["a", "b"], &["r"], &body, &[])];
    let calls = [
        call("Both", &["x", "x"], &["m"], &[]),
        call("Both", &["m", "x"], &["y"], &[]),
    ];
    let graph = read(file(&calls, &functions)).unwrap().graph;
    let nodes: Vec<String> = graph.nodes.iter().map(shown).collect();
    assert_eq!(nodes.len(), 4);
    assert!(nodes[0].starts_with("Exp [\"x\"]"), "{}", nodes[0]);
    assert!(nodes[1].ends_with("\"x\"] [\"m\"]"), "{}", nodes[1]);
    assert!(nodes[3].ends_with("\"x\"] [\"y\"]"), "{}", nodes[3]);
    assert_ne!(graph.nodes[0].outputs, graph.nodes[2].outputs);
    assert_ne!(graph.nodes[0].name, graph.nodes[2].name);
}

#[test]
fn attributes_come_from_the_call_or_from_the_defaults() {
    // The body's `alpha` refers to the function's `slope` (type 1: a number, field 2), whose default is 0.25.
    let number = |name: &str, value: f32| {
        let float = [vec![2 << 3 | 5], value.to_le_bytes().to_vec()].concat();
        [bytes(1, name.as_bytes()), int(20, 1), float].concat()
    };
    let reference = [bytes(1, b"alpha"), bytes(21, b"slope"), int(20, 1)].concat();
    let body = [node("Elu", &["a"], &["r"], &[bytes(5, &reference)])];
    let functions = [function(
        "Bent",
        &["a"],
        &["r"],
        &body,
        &[bytes(11, &number("slope", 0.25))],
    )];
    let calls = [
        call("Bent", &["x"], &["m"], &[]),
        call("Bent", &["m"], &["y"], &[bytes(5, &number("slope", 0.5))]),
    ];
    let graph = read(file(&calls, &functions)).unwrap().graph;
    let alpha = |node: usize| graph.nodes[node].attributes.get("alpha").cloned();
    assert_eq!(alpha(0), Some(Attribute::Float(0.25)));
    assert_eq!(alpha(1), Some(Attribute::Float(0.5)));
}

#[test]
fn functions_call_functions_and_reach_into_branches() {
    // Outer(a) = if a { Inner(a) } else { a }, where the branches use `a` from around them.
    let branch = |nodes: &[Vec<u8>], output: &str| {
        let nodes: Vec<u8> = nodes.iter().flat_map(|node| bytes(1, node)).collect();
        [nodes, bytes(12, &value(output))].concat()
    };
    let graph = |name: &str, body: &[u8]| bytes(5, &[bytes(1, name.as_bytes()), int(20, 5), bytes(6, body)].concat());
    let then = branch(&[call("Inner", &["a"], &["t"], &[])], "t");
    let other = branch(&[node("Identity", &["a"], &["e"], &[])], "e");
    let choice = node(
        "If",
        &["a"],
        &["r"],
        &[graph("then_branch", &then), graph("else_branch", &other)],
    );
    let functions = [
        function("Outer", &["a"], &["r"], &[choice], &[]),
        function("Inner", &["a"], &["r"], &[node("Neg", &["a"], &["r"], &[])], &[]),
    ];
    let graph = read(file(&[call("Outer", &["x"], &["y"], &[])], &functions))
        .unwrap()
        .graph;
    let inner = graph.nodes[0].subgraphs().next().unwrap();
    assert!(
        shown(&inner.nodes[0]).starts_with("Neg [\"x\"]") || shown(&inner.nodes[0]).starts_with("Identity [\"x\"]")
    );
    assert_eq!(graph.nodes[0].uses(), ["x", "x", "x"]);
}

#[test]
fn an_input_given_back_is_copied() {
    let functions = [function("Same", &["a"], &["a"], &[], &[])];
    let graph = read(file(&[call("Same", &["x"], &["y"], &[])], &functions))
        .unwrap()
        .graph;
    assert_eq!(shown(&graph.nodes[0]), "Identity [\"x\"] [\"y\"]");
}

#[test]
fn functions_without_end_and_of_another_version_are_refused() {
    let calls = [call("Again", &["x"], &["y"], &[])];
    let again = function("Again", &["a"], &["r"], &[call("Again", &["a"], &["r"], &[])], &[]);
    let error = read(file(&calls, &[again])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("without end"), "{error}");

    // Each of twenty functions calls the next one eight times.
    let doubling: Vec<Vec<u8>> = (0..20)
        .map(|level: usize| {
            let next = format!("F{}", level + 1);
            let nodes: Vec<Vec<u8>> = (0..8)
                .map(|one: usize| call(&next, &["a"], &[&format!("r{one}")], &[]))
                .collect();
            function(&format!("F{level}"), &["a"], &["r0"], &nodes, &[])
        })
        .collect();
    let error = read(file(&[call("F0", &["x"], &["y"], &[])], &doubling)).unwrap_err();
    assert!(error.to_string().contains("outgrows"), "{error}");

    let newer = bytes(9, &int(2, 21));
    let functions = [function(
        "Newer",
        &["a"],
        &["r"],
        &[node("Neg", &["a"], &["r"], &[])],
        &[newer],
    )];
    let error = read(file(&[call("Newer", &["x"], &["y"], &[])], &functions)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("version 21"), "{error}");
}
