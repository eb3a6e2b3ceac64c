//! Several processes for one study: this program again, with the same arguments and `--worker`.
//!
//! A worker takes parts like any other process on the same folder. It ends early when its standard input ends, which is when the process
//! that started it asks it to, or is no more.

use std::io;
use std::num::NonZeroUsize;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use ranktune::{Event, Interrupt, Progress, Sources, StudyInput, StudyOptions, StudyRun};

use crate::exit::Exit;
use crate::output::say;
use crate::{interrupt, session};

/// How often the workers are looked after.
const PAUSE: Duration = Duration::from_millis(200);

/// Works as a part of another process.
pub(super) fn serve(sources: &Sources, data: &[StudyInput], options: &StudyOptions) -> anyhow::Result<Exit> {
    let flag = interrupt::flag();
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        flag.raise();
    });
    let study = StudyRun::open(sources, data, options, &Lines, flag)?;
    study.work(&Lines, flag)?;
    Ok(Exit::Done)
}

/// Runs `count` workers until they end. What a worker leaves, others do, and the caller at last.
///
/// `threads` is the number of threads that every worker was given; without it the cores are divided among them.
pub(super) fn share(count: usize, threads: Option<usize>, flag: &Interrupt) -> anyhow::Result<()> {
    let line = session::command_line().context("the path of this program is not known")?;
    let (program, arguments) = line.split_first().context("the path of this program is not known")?;
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let each = threads.unwrap_or((cores / count).max(1)).to_string();
    let mut workers: Vec<(Child, Option<ChildStdin>)> = Vec::new();
    for _ in 0..count {
        let mut command = Command::new(program);
        command.args(arguments).arg("--worker");
        if threads.is_none() {
            command.args(["--jobs", &each]);
        }
        command.env("RAYON_NUM_THREADS", &each);
        let started = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        let mut worker = started.context("a worker cannot be started; leave --processes out")?;
        let input = worker.stdin.take();
        workers.push((worker, input));
    }
    while !workers.is_empty() {
        if flag.is_raised() {
            // The end of their input asks them to stop; they write their checkpoints first.
            workers.iter_mut().for_each(|(_, input)| *input = None);
        }
        let mut running = Vec::new();
        for (mut worker, input) in workers {
            match worker.try_wait() {
                Ok(None) => running.push((worker, input)),
                Ok(Some(status)) if status.success() || flag.is_raised() => {}
                Ok(Some(status)) => say(&format!(
                    "note: a worker ended with {status}; others do what it has left"
                )),
                Err(error) => say(&format!("note: a worker is lost: {error}; others do what it has left")),
            }
        }
        workers = running;
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// Prints finished parts.
struct Lines;

impl Progress for Lines {
    fn event(&self, event: Event<'_>) {
        if let Event::Done(text) = event {
            say(text);
        }
    }
}
