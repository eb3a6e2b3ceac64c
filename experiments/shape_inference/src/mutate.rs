//! Models of which one attribute, constant or list of axes was changed to what no exporter writes: panics are counted.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use ranktune_onnx::{Attribute, DataType, Model, Tensor, shapes};

use crate::walk::{Miss, walk};

const CHANGES_PER_MODEL: usize = 500;
/// Larger constants would be sizes that the library allocates.
const VALUES: [i64; 8] = [0, -1, 1, 7, 65536, 1_000_003, i64::MIN, -(1 << 31)];

pub fn run(models: &[PathBuf]) {
    // A fixed linear congruential sequence: the same changes in every run.
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let (mut changed, mut refused, mut ours, mut theirs, mut accepted) = (0, 0, 0, 0, 0);
    let mut panics = BTreeMap::<String, usize>::new();
    for path in models {
        let Ok(model) = Model::load(path) else {
            continue;
        };
        for _ in 0..CHANGES_PER_MODEL {
            let mut model = model.clone();
            if !change(&mut model, &mut next) {
                continue;
            }
            changed += 1;
            let answer = catch_unwind(AssertUnwindSafe(|| shapes::infer(&model).is_err()));
            let walk = walk(&model, &BTreeMap::new());
            let missed = || walk.missed.iter();
            match answer {
                Ok(true) => {
                    refused += 1;
                    accepted += usize::from(missed().all(|(_, miss)| matches!(miss, Miss::NoRule)));
                }
                Ok(false) => {}
                Err(_) => ours += 1,
            }
            theirs += usize::from(missed().any(|(_, miss)| matches!(miss, Miss::Panic(_))));
            for (position, miss) in missed() {
                if let Miss::Panic(text) = miss {
                    let op_type = &model.graph.nodes[*position].op_type;
                    *panics.entry(format!("{op_type}: {text}")).or_default() += 1;
                }
            }
        }
    }
    println!("{changed} changed models: panics of ranktune {ours}, of the library {theirs};");
    println!("refused by ranktune {refused}, of which the library finds nothing wrong with {accepted}");
    for (panic, count) in panics {
        println!("{count:5} × {panic}");
    }
}

/// Changes one number; `false` where the chosen node has none.
fn change(model: &mut Model, next: &mut impl FnMut(usize) -> usize) -> bool {
    let graph = &mut model.graph;
    let value = VALUES[next(VALUES.len())];
    let position = next(graph.nodes.len());
    let node = &mut graph.nodes[position];
    let constants: Vec<String> = node
        .inputs
        .iter()
        .filter(|name| {
            graph
                .initializers
                .get(*name)
                .is_some_and(|tensor| tensor.data_type == DataType::I64 && !tensor.is_empty())
        })
        .cloned()
        .collect();
    let choices = node.attributes.len() + constants.len();
    if choices == 0 {
        return false;
    }
    let choice = next(choices);
    let changed = |tensor: &Tensor, at: usize| {
        let mut values = tensor.to_i64_vec()?;
        let length = values.len();
        *values.get_mut(at % length.max(1))? = value;
        Tensor::from_i64(&tensor.dims, &values).ok()
    };
    if let Some(name) = constants.get(choice) {
        let at = next(8);
        let Some(tensor) = changed(&graph.initializers[name], at) else {
            return false;
        };
        graph.initializers.insert(name.clone(), tensor);
        return true;
    }
    let at = next(8);
    match node.attributes.values_mut().nth(choice - constants.len()) {
        Some(Attribute::Int(number)) => *number = value,
        Some(Attribute::Ints(numbers)) if !numbers.is_empty() => {
            let length = numbers.len();
            numbers[at % length] = value;
        }
        Some(Attribute::Tensor(tensor)) if tensor.data_type == DataType::I64 => match changed(tensor, at) {
            Some(other) => *tensor = other,
            None => return false,
        },
        _ => return false,
    }
    true
}
