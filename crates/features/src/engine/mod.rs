//! What runs a graph. An engine is one file here and one line in [`ENGINES`](choice::ENGINES).
//!
//! ```text
//! serialised ONNX ──Engine::load──► Session ──run(inputs [N, …], names)──► outputs [N, …] as f32
//! ```
//!
//! An engine is fed plain slices and answers with plain vectors, so nothing of an engine's own types leaves its file, and
//! a caller can change engines by name. A session takes `&mut self`: ONNX Runtime's `Run` is not safe to call from
//! two threads on one session, and a caller who wants several at once loads several.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{Error, ErrorKind};

mod burn;
pub mod choice;
pub mod library;
#[cfg(feature = "onnxruntime")]
mod onnxruntime;
mod rten;

pub use choice::{EngineChoice, Selection, select};

/// An input's elements.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each name is the type")]
pub enum Elements<'a> {
    F32(&'a [f32]),
    I64(&'a [i64]),
}

impl Elements<'_> {
    fn len(&self) -> usize {
        match self {
            Self::F32(elements) => elements.len(),
            Self::I64(elements) => elements.len(),
        }
    }
}

/// One input of a run.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Name of the graph's input.
    pub name: &'a str,
    /// Shape, batch first.
    pub shape: &'a [usize],
    /// Row-major elements.
    pub elements: Elements<'a>,
}

impl Input<'_> {
    /// Refuses a shape that is not the shape of the elements, before an engine sees it.
    fn check(&self) -> Result<(), Error> {
        let count = self.shape.iter().try_fold(1usize, |n, &dim| n.checked_mul(dim));
        if count == Some(self.elements.len()) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidInput,
            format!(
                "input {:?} has shape {:?} but {} elements",
                self.name,
                self.shape,
                self.elements.len()
            ),
        ))
    }
}

/// One output of a run, widened to f32.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Shape, batch first.
    pub shape: Vec<usize>,
    /// Row-major elements.
    pub data: Vec<f32>,
}

/// How an engine runs a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineOptions {
    /// Threads of one run; `None` takes every core this process may use (see [`default_threads`]).
    pub threads: Option<usize>,
}

impl EngineOptions {
    /// Sets the number of threads of one run; at least one is used.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    fn n_threads(&self) -> usize {
        self.threads.unwrap_or_else(default_threads).max(1)
    }
}

/// The number of threads that an engine takes by default: physical cores (two hyper-threads of one core share its
/// arithmetic units), but no more than the process may use by its affinity and control group.
pub fn default_threads() -> usize {
    let allowed = std::thread::available_parallelism().map_or(1, usize::from);
    num_cpus::get_physical().clamp(1, allowed)
}

/// Loads graphs.
pub trait Engine: Send + Sync + std::fmt::Debug {
    /// The name, as `--engine` takes it and the ranking reports it.
    fn name(&self) -> &'static str;

    /// The name with its version, and the library it was loaded from if it is one: `onnxruntime 1.22.0 (/usr/lib/…)`.
    fn description(&self) -> String;

    /// Samples of `elements` numbers each that one run does best with: larger batches at 224 px push one layer's activations
    /// out of every cache, smaller ones of small images leave threads idle (`experiments/engine_speed`).
    fn preferred_batch(&self, elements: usize) -> usize {
        const NUMBERS: usize = 4 * 3 * 224 * 224;
        (NUMBERS / elements.max(1)).clamp(1, 16)
    }

    /// Makes a session of `model`, a serialised ONNX graph whose tensors are all inside.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedModel`] names the operator or node that the engine does not have, or says why the bytes
    /// are no model; [`ErrorKind::Panicked`] if the engine gave up on it.
    fn load(&self, model: &[u8], options: &EngineOptions) -> Result<Box<dyn Session>, Error>;
}

/// A graph that is ready to run.
pub trait Session: Send {
    /// Feeds `inputs` and returns the graph's outputs called `outputs`, in that order.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a name that the graph does not have, a missing input, a shape that does not fit, or a
    /// number that is out of the engine's range; [`ErrorKind::UnsupportedModel`] for an output that is not floating point;
    /// [`ErrorKind::Inference`] names the node that failed; [`ErrorKind::Panicked`] if the engine gave up.
    fn run(&mut self, inputs: &[Input<'_>], outputs: &[&str]) -> Result<Vec<Output>, Error>;
}

/// Runs `f`, and makes an error of a panic in it: a model file decides what an engine meets, and one bad model must not
/// end the ranking of the others.
fn guarded<T>(engine: &str, doing: &str, f: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        Err(Error::new(
            ErrorKind::Panicked,
            format!("{engine} panicked while {doing}: {}", panic_text(panic.as_ref())),
        ))
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// The error for an output that nothing computes.
fn no_such_output(name: &str, known: &[&str]) -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        format!("the graph has no output {name:?}; its outputs are {}", known.join(", ")),
    )
}

/// Refuses inputs that the graph does not take or whose elements do not fill their shape, and a graph's input that is not fed:
/// the engines say so late and each in its own words.
fn check_inputs(inputs: &[Input<'_>], known: &[&str]) -> Result<(), Error> {
    for input in inputs {
        input.check()?;
        if !known.contains(&input.name) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "the graph has no input {:?}; its inputs are {}",
                    input.name,
                    known.join(", ")
                ),
            ));
        }
    }
    match known
        .iter()
        .find(|&&name| inputs.iter().all(|input| input.name != name))
    {
        Some(missing) => Err(Error::new(
            ErrorKind::InvalidInput,
            format!("the graph's input {missing:?} was not fed"),
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_its_text() {
        let error = guarded::<()>("rten", "loading", || panic!("index {} of 3", 7)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Panicked);
        assert_eq!(error.to_string(), "rten panicked while loading: index 7 of 3");
    }

    #[test]
    fn a_shape_that_overflows_or_does_not_match_is_refused() {
        for shape in [&[2, 2][..], &[usize::MAX, 2], &[]] {
            let input = Input {
                name: "x",
                shape,
                elements: Elements::F32(&[0.0; 3]),
            };
            assert_eq!(input.check().unwrap_err().kind(), ErrorKind::InvalidInput, "{shape:?}");
        }
    }

    #[test]
    fn at_least_one_thread_is_used() {
        assert!(default_threads() >= 1);
        assert_eq!(EngineOptions::default().with_threads(0).n_threads(), 1);
    }
}
