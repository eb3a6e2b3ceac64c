//! The targets of `crates/fuzzing` with libFuzzer's inputs: `cargo +nightly fuzz run onnx`.
//!
//! Written by `make.sh`. A panic that the program catches is no failure here either.

pub use libfuzzer_sys;
use ranktune_fuzzing::{Scratch, Target};

thread_local! {
    static SCRATCH: Scratch = Scratch::new();
}

/// Runs an input of the target `name`.
///
/// # Panics
/// Where there is no such target, and where an error's message is at fault.
pub fn run(name: &str, bytes: &[u8]) {
    let target = Target::named(name).expect("a target of crates/fuzzing");
    let outcome = SCRATCH.with(|scratch| target.run(bytes, scratch));
    assert_eq!(outcome.fault(), None);
}

/// The entry point of a target.
#[macro_export]
macro_rules! fuzz_target {
    ($name:literal) => {
        $crate::libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $crate::run($name, bytes));
    };
}
