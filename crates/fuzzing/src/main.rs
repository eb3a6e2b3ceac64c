//! Runs a fuzz target on many inputs: `ranktune-fuzz --target onnx --inputs 1000000 --seed 7`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ranktune_fuzzing::meter::Meter;
use ranktune_fuzzing::{Campaign, TARGETS, Target, work};

#[global_allocator]
static METER: Meter = Meter::new();

/// The most memory that an input may take.
const MOST_BYTES: usize = 2 << 30;

/// Runs fuzz targets on stable Rust, with random damage to valid files.
#[derive(Debug, Parser)]
#[command(name = "ranktune-fuzz")]
struct Arguments {
    /// Target, or `all`
    #[arg(long, default_value = "all")]
    target: String,
    /// Number of inputs for each target
    #[arg(long, default_value_t = 10_000)]
    inputs: u64,
    /// Seed of the inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for inputs that fail
    #[arg(long, default_value = "target/fuzz")]
    out: PathBuf,
    /// List the targets
    #[arg(long)]
    list: bool,
    #[arg(long, hide = true)]
    worker: bool,
    #[arg(long, hide = true, default_value_t = 0)]
    from: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut out = io::stdout().lock();
    let result = if arguments.list {
        TARGETS
            .iter()
            .try_for_each(|target| writeln!(out, "{:14} {}", target.name, target.about))
            .map(|()| true)
    } else {
        run(&arguments, &mut out)
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether no input failed.
fn run(arguments: &Arguments, out: &mut dyn Write) -> io::Result<bool> {
    let one = Target::named(&arguments.target);
    if arguments.worker
        && let Some(target) = one
    {
        METER.set_limit(MOST_BYTES);
        work(target, arguments.seed, arguments.from..arguments.inputs, &METER, out)?;
        return Ok(true);
    }
    let targets: Vec<&'static Target> = match one {
        Some(target) => vec![target],
        None if arguments.target == "all" => TARGETS.iter().collect(),
        None => return Err(io::Error::other("no such target; --list shows them")),
    };
    let program = std::env::current_exe()?;
    let mut is_fine = true;
    writeln!(
        out,
        "{:14} {:>9} {:>9} {:>10} {:>10} {:>8}",
        "target", "inputs", "accepted", "memory", "slowest", "failures"
    )?;
    for target in targets {
        let campaign = Campaign {
            program: &program,
            target,
            seed: arguments.seed,
            inputs: arguments.inputs,
            out: &arguments.out,
            most_failures: 20,
        };
        let found = campaign.run()?;
        let memory = format!("{:.1} MB", found.peak.0 as f64 / 1e6);
        let slowest = format!("{:.0} ms", found.slowest.0.as_secs_f64() * 1e3);
        let (name, failures) = (target.name, found.failures.len());
        writeln!(
            out,
            "{name:14} {:>9} {:>9} {memory:>10} {slowest:>10} {failures:>8}",
            found.inputs, found.read
        )?;
        for failure in &found.failures {
            writeln!(out, "  {:?} at {}: {}", failure.kind, failure.index, failure.text)?;
            writeln!(out, "    {}", failure.file.display())?;
        }
        out.flush()?;
        is_fine &= found.failures.is_empty();
    }
    Ok(is_fine)
}
