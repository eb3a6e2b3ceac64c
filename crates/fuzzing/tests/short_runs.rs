//! A short run of every target. The long ones are those of the binary; see `docs/security.md`.

#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

use std::fs;
use std::path::Path;

use ranktune_fuzzing::{Campaign, Scratch, TARGETS, Target};

/// Inputs of each target. Most targets take a minute for a million of them.
const INPUTS: u64 = 1500;
/// Another seed than that of the long runs.
const SEED: u64 = 18;

fn short_run(target: &'static Target) -> Result<(), String> {
    let campaign = Campaign {
        program: Path::new(env!("CARGO_BIN_EXE_ranktune-fuzz")),
        target,
        seed: SEED,
        inputs: INPUTS,
        out: &Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz"),
        most_failures: 3,
    };
    let found = campaign.run().unwrap();
    let failures: Vec<String> = found
        .failures
        .iter()
        .map(|failure| format!("{}: {} ({})", target.name, failure.text, failure.file.display()))
        .collect();
    if !failures.is_empty() {
        return Err(failures.join("\n"));
    }
    // A run in which nothing is accepted tests nothing but the first line of the reader.
    if found.inputs < INPUTS || found.read == 0 {
        return Err(format!(
            "{}: {} inputs, {} accepted",
            target.name, found.inputs, found.read
        ));
    }
    Ok(())
}

#[test]
fn no_input_makes_a_reader_panic_abort_hang_print_or_take_too_much_memory() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = std::sync::atomic::AtomicUsize::new(0);
    let failures = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(target) = TARGETS.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    if let Err(failure) = short_run(target) {
                        failures.lock().unwrap().push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_input_that_once_failed_is_survived() {
    for target in TARGETS {
        let scratch = Scratch::new();
        for seed in target.seeds() {
            assert_eq!(target.run(&seed, &scratch).fault(), None, "{}", target.name);
        }
    }
}

#[test]
fn every_kept_input_belongs_to_a_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for folder in fs::read_dir(corpus).into_iter().flatten() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(Target::named(&name).is_some(), "corpus/{name} belongs to no target");
    }
}

/// The folder `fuzz` is a workspace of its own, which nothing here compiles.
#[test]
fn every_target_is_one_of_libfuzzer() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for target in TARGETS {
        let name = target.name;
        assert!(
            manifest.contains(&format!("name = \"{name}\"\n")),
            "{name} is missing in fuzz/Cargo.toml"
        );
        let source = fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(source.contains(&format!("fuzz_target!({name:?})")), "{name}: {source}");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
}
