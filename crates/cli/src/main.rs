//! The program `ranktune`.

use std::process::ExitCode;

/// The system allocator maps and faults in large tensors at every operation; this one keeps its pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ranktune_cli::run(std::env::args_os()).into()
}
