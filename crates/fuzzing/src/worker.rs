//! The process that runs inputs: it says which one it begins, so that its parent knows which one ended it.
//!
//! ```text
//! > INDEX            begins the input
//! ! INDEX TEXT       the input is a failure that the process survived
//! = READ PEAK AT NANOSECONDS AT      the end: inputs that were accepted; the largest memory and the longest time, with their inputs
//! ```

use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Instant;

use crate::meter::Meter;
use crate::scratch::Scratch;
use crate::targets::Target;

/// What would have been printed for panics since the last look, in any thread.
static PRINTED: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn printed() -> Vec<String> {
    let mut printed = PRINTED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    std::mem::take(&mut *printed)
}

/// Collects what a panic would print. Panics that [`ranktune_core::panics`] catches do not get here.
fn collect_panics() {
    panic::set_hook(Box::new(|info| {
        let mut printed = PRINTED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        printed.push(info.to_string().replace('\n', " "));
    }));
}

/// Runs inputs of a target, and reports on `out`.
///
/// # Errors
/// If the reports cannot be written.
pub fn work(
    target: &Target,
    seed: u64,
    inputs: std::ops::Range<u64>,
    meter: &Meter,
    out: &mut dyn Write,
) -> io::Result<()> {
    collect_panics();
    let (mutator, scratch) = (target.mutator(seed), Scratch::new());
    let (mut read, mut peak, mut slowest) = (0_u64, (0, 0), (0, 0));
    for index in inputs {
        let bytes = mutator.input(index);
        writeln!(out, "> {index}")?;
        out.flush()?;
        let (before, started) = (meter.restart(), Instant::now());
        let outcome = catch_unwind(AssertUnwindSafe(|| target.run(&bytes, &scratch)));
        let (nanoseconds, memory) = (started.elapsed().as_nanos(), meter.peak().saturating_sub(before));
        peak = peak.max((memory, index));
        slowest = slowest.max((nanoseconds, index));
        let printed = printed();
        let fault = match outcome {
            Err(_) => Some(format!("panic: {}", printed.join("; "))),
            Ok(_) if !printed.is_empty() => Some(format!("a panic that was caught is printed: {}", printed.join("; "))),
            Ok(outcome) => {
                read += u64::from(outcome.is_read);
                outcome.fault()
            }
        };
        if let Some(fault) = fault {
            writeln!(out, "! {index} {}", fault.replace(['\n', '\r'], " "))?;
        }
    }
    writeln!(out, "= {read} {} {} {} {}", peak.0, peak.1, slowest.0, slowest.1)
}
