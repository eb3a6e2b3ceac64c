//! Engines run graphs. An engine is one file here and one line in [`ENGINES`].
//!
//! ```text
//! serialised ONNX ──Engine::load──► Session ──run(inputs [N, …], names)──► outputs [N, …] as f32
//! ```
//!
//! An engine takes slices and returns vectors: no type of an engine's own library leaves its file, so callers can switch
//! engines by name. [`Session::run`] takes `&mut self` because ONNX Runtime's `Run` must not be called from two threads on
//! one session; a caller that wants several runs at once loads several sessions.

use ranktune_onnx::Model;

use crate::{Error, ErrorKind};

mod burn;
mod choice;
pub mod library;
#[cfg(feature = "onnxruntime")]
mod onnxruntime;
mod rten;
mod select;

pub use choice::EngineChoice;
pub use select::{ENGINES, KnownEngine, Selection, select};

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
    /// Refuses a shape that does not match the number of elements, before an engine sees it.
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
    /// Threads of one run. Default: [`default_threads`].
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

/// The number of threads that an engine uses by default: physical cores, because two hyper-threads of one core share its
/// arithmetic units, but no more than the affinity and control group of the process allow. The standard library counts
/// hyper-threads, hence `num_cpus`.
pub fn default_threads() -> usize {
    let allowed = std::thread::available_parallelism().map_or(1, usize::from);
    num_cpus::get_physical().clamp(1, allowed)
}

/// Loads graphs.
pub trait Engine: Send + Sync + std::fmt::Debug {
    /// The name, as in `--engine` and in rankings.
    fn name(&self) -> &'static str;

    /// The displayed name, with the library or device it runs on: `onnxruntime (/usr/lib/…)`.
    fn description(&self) -> String;

    /// The fastest batch size for samples of `elements` numbers each. At 224 px, larger batches push the activations of one
    /// layer out of every cache; with small images, smaller batches leave threads idle (`experiments/engine_speed`).
    fn preferred_batch(&self, elements: usize) -> usize {
        const NUMBERS: usize = 4 * 3 * 224 * 224;
        (NUMBERS / elements.max(1)).clamp(1, 16)
    }

    /// Whether the engine is known to run a graph faster than the others of this program (`experiments/engine_speed`). The graph decides,
    /// not a measurement: the same command gives the same numbers every time.
    fn is_fastest_for(&self, _model: &Model) -> bool {
        false
    }

    /// Loads `model`, a serialised ONNX graph without external tensors.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedModel`] names the operator or node that the engine does not support, or says why the bytes
    /// are not a model; [`ErrorKind::Panicked`] if the engine panicked.
    fn load(&self, model: &[u8], options: &EngineOptions) -> Result<Box<dyn Session>, Error>;
}

/// A graph that is ready to run.
pub trait Session: Send {
    /// Runs the graph on `inputs` and returns its outputs named `outputs`, in that order.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an unknown name, a missing input, a shape that does not fit, or a number that is out of
    /// the engine's range; [`ErrorKind::UnsupportedModel`] for an output that is not floating point; [`ErrorKind::Inference`]
    /// names the node that failed; [`ErrorKind::Panicked`] if the engine panicked.
    fn run(&mut self, inputs: &[Input<'_>], outputs: &[&str]) -> Result<Vec<Output>, Error>;
}

/// Runs `f` and turns a panic in it into an error: a model file decides what an engine executes, and one bad model must not
/// end the ranking of the others.
fn guarded<T>(engine: &str, doing: &str, f: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    // The text of the panic is about the engine's own source, and of no use to the owner of the model.
    ranktune_core::panics::caught(f).unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::Panicked,
            format!("{engine} cannot use this model: it failed while {doing}; try another with --engine"),
        ))
    })
}

/// The error for an output that the graph does not have.
fn no_such_output(name: &str, known: &[&str]) -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        format!("the graph has no output {name:?}; its outputs are {}", known.join(", ")),
    )
}

/// Refuses an unknown input, elements that do not fill their shape, an empty input, and a missing input. Engines report these
/// late, and each in its own words.
fn check_inputs(inputs: &[Input<'_>], known: &[&str]) -> Result<(), Error> {
    for input in inputs {
        input.check()?;
        if input.shape.contains(&0) {
            let message = format!("the input {:?} is empty: its shape is {:?}", input.name, input.shape);
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        if !known.contains(&input.name) {
            let names = known.join(", ");
            let message = format!("the graph has no input {:?}; its inputs are {names}", input.name);
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
    }
    let is_missing = |name: &&&str| inputs.iter().all(|input| input.name != **name);
    if let Some(missing) = known.iter().find(is_missing) {
        let message = format!("the graph's input {missing:?} was not fed");
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_that_names_the_engine_and_not_its_source() {
        let error = guarded::<()>("rten", "loading", || panic!("index {} of 3", 7)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Panicked);
        let text = error.to_string();
        assert!(
            text.starts_with("rten cannot use this model") && !text.contains("index"),
            "{text}"
        );
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
