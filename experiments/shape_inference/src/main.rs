//! Holds the shapes that rten-shape-inference gives against those of ranktune; see README.md.

mod cases;
mod compare;
mod map;
mod mutate;
mod walk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use compare::{Constants, Verdict};
use ranktune_onnx::graph::display_shape;
use ranktune_onnx::{Dim, Model, shapes};
use walk::{Miss, show};

#[derive(Default)]
struct Counts {
    verdicts: BTreeMap<Verdict, usize>,
    constants: BTreeMap<Constants, usize>,
    typed: usize,
    no_rule: usize,
    errors: usize,
    panics: usize,
    times: [Duration; 2],
}

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let mut arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let command = arguments.drain(..arguments.len().min(1)).next().unwrap_or_default();
    let mut models: Vec<PathBuf> = arguments.iter().flat_map(|folder| models(folder)).collect();
    models.sort();
    match command.to_str() {
        Some("shapes") => compare_all(&models),
        Some("cases") => cases::run(),
        Some("mutate") => mutate::run(&models),
        _ => println!("usage: shape-inference-trial shapes FOLDER… | cases | mutate FOLDER…"),
    }
}

fn compare_all(models: &[PathBuf]) {
    println!(
        "sizes    | model                            | values equal expr more less mixed contra | no rule error panic | constants = ours theirs differ"
    );
    let mut totals = [Counts::default(), Counts::default()];
    let mut notes = BTreeMap::<String, usize>::new();
    for path in models {
        let model = match Model::load(path) {
            Ok(model) => model,
            Err(error) => {
                println!("{error}");
                continue;
            }
        };
        for (fixed, total) in totals.iter_mut().enumerate() {
            let sizes = if fixed == 1 { sizes(&model) } else { BTreeMap::new() };
            let kind = ["symbolic", "fixed"][fixed];
            let name: Vec<&str> = path
                .iter()
                .rev()
                .skip(1)
                .take(2)
                .filter_map(|part| part.to_str())
                .collect();
            let label = format!("{kind:<8} | {:<32}", name.join(" of "));
            compare_model(&model, &sizes, &label, total, &mut notes);
        }
    }
    for (kind, total) in ["symbolic", "fixed"].iter().zip(&totals) {
        print_row(&format!("{kind:<8} | {:<32}", "all"), total);
        println!(
            "         values with an element type from ranktune: {}; time of ranktune {:.1?}, of the library's rules {:.1?}",
            total.typed, total.times[0], total.times[1]
        );
    }
    println!("\nDifferences (times found):");
    for (note, count) in notes {
        println!("{count:5} × {note}");
    }
}

fn models(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path().join("model.onnx"))
        .filter(|path| path.is_file())
        .collect()
}

/// Two rows, sixteen words, 64 pixels: whatever the model leaves open.
fn sizes(model: &Model) -> BTreeMap<String, Vec<usize>> {
    let size = |rank: usize| {
        move |(axis, dim): (usize, &Dim)| match (dim, axis, rank) {
            (Dim::Fixed(size), ..) => *size,
            (_, 0, _) => 2,
            (_, _, 4) => 64,
            _ => 16,
        }
    };
    let inputs = model
        .graph
        .inputs
        .iter()
        .filter_map(|input| Some((input, input.shape.as_ref()?)));
    inputs
        .map(|(input, shape)| {
            (
                input.name.clone(),
                shape.iter().enumerate().map(size(shape.len())).collect(),
            )
        })
        .collect()
}

fn compare_model(
    model: &Model,
    sizes: &BTreeMap<String, Vec<usize>>,
    label: &str,
    total: &mut Counts,
    notes: &mut BTreeMap<String, usize>,
) {
    let started = Instant::now();
    let ours = match shapes::infer_with(model, sizes) {
        Ok(ours) => ours,
        Err(error) => {
            println!("{label} | ranktune: {error}");
            return;
        }
    };
    let between = Instant::now();
    let theirs = walk::walk(model, sizes);
    let mut counts = Counts {
        times: [between - started, between.elapsed()],
        ..Counts::default()
    };
    for (position, node) in model.graph.nodes.iter().enumerate() {
        let missed = theirs.missed.get(&position);
        match missed {
            Some(Miss::NoRule) => counts.no_rule += 1,
            Some(Miss::Error(_)) => counts.errors += 1,
            Some(Miss::Panic(_)) => counts.panics += 1,
            None => {}
        }
        for name in node.outputs.iter().filter(|name| !name.is_empty()) {
            let (our, their) = (ours.get(name), theirs.values.get(name));
            let verdict = compare::shapes(ours.shape(name), their);
            *counts.verdicts.entry(verdict).or_default() += 1;
            counts.typed += usize::from(ours.data_type(name).is_some());
            let constant = compare::constants(our, their);
            if let Some(constant) = constant {
                *counts.constants.entry(constant).or_default() += 1;
            }
            if verdict != Verdict::Equal {
                let shape = ours.shape(name).map_or_else(|| "unknown".to_owned(), display_shape);
                let miss = missed.map_or_else(String::new, |miss| format!(" ({miss:?})"));
                let example = format!("{}: {shape} here, {} there{miss}", node.op_type, show(their));
                let short: String = example.chars().take(150).collect();
                *notes.entry(format!("{verdict:?} {short}")).or_default() += 1;
            }
            if let Some(constant @ (Constants::Different | Constants::OnlyTheirs)) = constant {
                *notes
                    .entry(format!("constant {constant:?} {}: {}", node.op_type, show(their)))
                    .or_default() += 1;
            }
        }
    }
    print_row(label, &counts);
    for (verdict, count) in counts.verdicts {
        *total.verdicts.entry(verdict).or_default() += count;
    }
    for (constant, count) in counts.constants {
        *total.constants.entry(constant).or_default() += count;
    }
    total.typed += counts.typed;
    total.no_rule += counts.no_rule;
    total.errors += counts.errors;
    total.panics += counts.panics;
    total.times[0] += counts.times[0];
    total.times[1] += counts.times[1];
}

fn print_row(label: &str, counts: &Counts) {
    let verdict = |verdict: Verdict| counts.verdicts.get(&verdict).copied().unwrap_or(0);
    let constant = |constant: Constants| counts.constants.get(&constant).copied().unwrap_or(0);
    println!(
        "{label} | {:6} {:5} {:4} {:4} {:4} {:5} {:6} | {:7} {:5} {:5} | {:11} {:4} {:6} {:6}",
        counts.verdicts.values().sum::<usize>(),
        verdict(Verdict::Equal),
        verdict(Verdict::Expression),
        verdict(Verdict::MoreKnown),
        verdict(Verdict::LessKnown),
        verdict(Verdict::Mixed),
        verdict(Verdict::Contradiction),
        counts.no_rule,
        counts.errors,
        counts.panics,
        constant(Constants::Equal),
        constant(Constants::OnlyOurs),
        constant(Constants::OnlyTheirs),
        constant(Constants::Different),
    );
}
