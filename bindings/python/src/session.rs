//! The command line in process: as the program itself, and as functions that return documents.
//!
//! A function's command runs on a thread of its own, while Python's thread hands on messages and looks for Ctrl-C.

use std::ffi::OsString;
use std::process;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use ranktune_cli::{Event, Failure, Host, Outcome, Session};

use crate::errors::of_command;

/// How often Python may run its signal handlers.
const LOOK: Duration = Duration::from_millis(50);
/// How long a command may take to stop after Ctrl-C before Python goes on without it.
const GRACE: Duration = Duration::from_millis(800);
/// That of the main thread of a program.
const STACK: usize = 8 << 20;

/// Refuses a process that was forked from one in which ranktune has worked: its threads do not exist in the copy, which would wait
/// for them forever.
pub(crate) fn check_process(_: Python<'_>) -> PyResult<()> {
    static PROCESS: OnceLock<u32> = OnceLock::new();
    if *PROCESS.get_or_init(process::id) == process::id() {
        return Ok(());
    }
    Err(PyRuntimeError::new_err(
        "this process was forked from one that had used ranktune, whose threads it does not have; start processes by \
         multiprocessing.get_context(\"spawn\") or \"forkserver\"",
    ))
}

/// What a command sends while it runs.
enum Sent {
    Line(String),
    Event(&'static str, String, usize),
    Ended(Result<Outcome, Failure>),
}

struct Channel(Sender<Sent>);

impl Host for Channel {
    fn message(&self, line: &str) {
        // After Ctrl-C nobody listens.
        let _ = self.0.send(Sent::Line(line.to_owned()));
    }

    fn event(&self, event: Event<'_>) {
        let (kind, name, number) = match event {
            Event::ModelStarted { model, samples } => ("started", model, samples),
            Event::Samples { model, done } => ("samples", model, done),
            Event::ModelFinished { model, .. } | Event::TrainingFinished { model, .. } => ("finished", model, 0),
            Event::ModelStopped { model, .. } | Event::ModelSkipped { model, .. } => ("finished", model, 0),
            Event::Stage { number, name, .. } => ("stage", name, number),
            _ => return,
        };
        let _ = self.0.send(Sent::Event(kind, name.to_owned(), number));
    }
}

/// Runs a command and returns what it would print on stdout, and whether something was left out.
///
/// `receive` is called with `("line", text, 0)` for what it would print on stderr, and with steps of long work.
#[pyfunction]
pub(crate) fn run(
    py: Python<'_>,
    arguments: Vec<OsString>,
    program: Vec<OsString>,
    receive: &Bound<'_, PyAny>,
) -> PyResult<(String, bool)> {
    check_process(py)?;
    let (sender, receiver) = channel();
    let receiver = Mutex::new(receiver);
    let session = Session::new(Box::new(Channel(sender.clone())), program);
    let interrupt = session.interrupt();
    thread::Builder::new()
        .name("ranktune".to_owned())
        .stack_size(STACK)
        .spawn(move || {
            let ended = session.run(arguments);
            // The last message: nobody listens after Ctrl-C.
            let _ = sender.send(Sent::Ended(ended));
        })?;
    let ended = listen(py, &receiver, receive).inspect_err(|_| {
        interrupt.raise();
        py.detach(|| wait(&receiver, GRACE));
    })?;
    let outcome = ended.map_err(|failure| of_command(py, &failure))?;
    Ok((outcome.output, outcome.is_incomplete))
}

/// Hands on what the command sends until it ends. An error is Ctrl-C, or one of `receive`.
fn listen(
    py: Python<'_>,
    receiver: &Mutex<Receiver<Sent>>,
    receive: &Bound<'_, PyAny>,
) -> PyResult<Result<Outcome, Failure>> {
    loop {
        let sent = py.detach(|| next(receiver, LOOK));
        match sent {
            Ok(Sent::Line(line)) => {
                receive.call1(("line", line, 0))?;
            }
            Ok(Sent::Event(kind, name, number)) => {
                receive.call1((kind, name, number))?;
            }
            Ok(Sent::Ended(ended)) => return Ok(ended),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Ok(Err(Failure::Internal("the command ended without a result".to_owned())));
            }
        }
        py.check_signals()?;
    }
}

/// A receiver belongs to one thread; what Python's lock is released around has to be allowed on any.
fn next(receiver: &Mutex<Receiver<Sent>>, limit: Duration) -> Result<Sent, RecvTimeoutError> {
    receiver
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .recv_timeout(limit)
}

/// Waits until the command has ended, for a limited time.
fn wait(receiver: &Mutex<Receiver<Sent>>, limit: Duration) {
    let end = Instant::now() + limit;
    loop {
        match next(receiver, end.saturating_duration_since(Instant::now())) {
            Ok(Sent::Ended(_)) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// The program `ranktune`: runs a command line, prints, and gives the exit code. For `python -m ranktune`.
#[pyfunction]
pub(crate) fn main(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| ranktune_cli::run(arguments))
}
