//! ONNX Runtime, loaded at run time from a library on this machine (see [`library`](super::library)).
//!
//! Nothing is linked: a build with this engine needs no system library and also works on a machine without ONNX Runtime. A
//! process loads one library and keeps it; later calls return that one.
//!
//! Worker threads do not spin between operators: decoding shares the cores with inference, and a spinning thread would take a
//! core from a decoding one (measured in `experiments/engine_speed`).

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use half::{bf16, f16};
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{OutputSelector, RunOptions, Session as OrtSession, SessionInputValue};
use ort::value::{DynValue, Outlet, PrimitiveTensorElementType, Tensor, TensorElementType, TensorRef, ValueType};
use ranktune_onnx::Model;

use super::library::{LIBRARY_VARIABLE, Surroundings, candidates};
use super::{Elements, Engine, EngineOptions, Input, Output, Session, check_inputs, guarded, no_such_output};
use crate::{Error, ErrorKind};

const NAME: &str = "onnxruntime";

/// The one library of this process.
static LOADED: Mutex<Option<OnnxRuntime>> = Mutex::new(None);

#[derive(Clone, Debug)]
struct OnnxRuntime {
    environment: Environment,
    library: PathBuf,
}

/// Loads `library`, or else the first candidate that works.
pub(super) fn open(library: Option<&Path>) -> Result<Box<dyn Engine>, Error> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(engine) = loaded.as_ref() {
        if let Some(asked) = library
            && existing(asked)? != engine.library
        {
            return Err(Error::new(
                ErrorKind::LibraryUnusable,
                format!(
                    "cannot load {}: this process has loaded {} already, and can load only one",
                    asked.display(),
                    engine.library.display()
                ),
            ));
        }
        return Ok(Box::new(engine.clone()));
    }
    let files = library.map_or_else(
        || candidates(&Surroundings::of_this_process()),
        |file| vec![file.to_owned()],
    );
    let mut refused: Option<Error> = None;
    for file in &files {
        match load(file) {
            Ok(engine) => return Ok(Box::new(loaded.insert(engine).clone())),
            // The error of the likeliest place is the most useful one.
            Err(error) => {
                refused.get_or_insert(error);
            }
        }
    }
    Err(refused.unwrap_or_else(|| {
        Error::new(
            ErrorKind::LibraryNotFound,
            format!(
                "no ONNX Runtime library was found; install one (`pip install onnxruntime`) or name its file, \
                 with --onnxruntime or {LIBRARY_VARIABLE}"
            ),
        )
    }))
}

/// The full path of a library that must exist: the loader would search other folders for a bare or missing name.
fn existing(file: &Path) -> Result<PathBuf, Error> {
    fs::canonicalize(file).map_err(|error| {
        Error::new(
            ErrorKind::LibraryNotFound,
            format!("{}: no such library", file.display()),
        )
        .caused_by(error)
    })
}

fn load(file: &Path) -> Result<OnnxRuntime, Error> {
    let library = existing(file)?;
    let unusable = |reason: &dyn Display| {
        Error::new(
            ErrorKind::LibraryUnusable,
            format!("{} cannot be used as ONNX Runtime: {reason}", file.display()),
        )
    };
    guarded(NAME, "loading the library", || {
        let library = library.clone();
        let environment = ort::init_from(&library)
            .map_err(|error| unusable(&reason(error)))?
            .with_name("ranktune")
            .with_telemetry(false)
            // Errors are returned, never printed.
            .with_logger(Arc::new(|_, _, _, _, _| {}))
            .build()
            .map_err(|error| unusable(&error))?;
        environment.set_log_level(LogLevel::Fatal);
        Ok(OnnxRuntime { environment, library })
    })
}

fn reason(error: ort::LoadDynamicError) -> String {
    match error {
        ort::LoadDynamicError::Dlopen { error, .. } => error.to_string(),
        ort::LoadDynamicError::MissingApi { .. } => "it does not export OrtGetApiBase".to_owned(),
        ort::LoadDynamicError::InvalidVersionString => "its version is not text".to_owned(),
        ort::LoadDynamicError::BadVersion { version_str, .. } => {
            format!(
                "it is version {version_str}, expected 1.{} or later",
                ort::MINOR_VERSION
            )
        }
    }
}

impl Engine for OnnxRuntime {
    fn name(&self) -> &'static str {
        NAME
    }

    /// It runs every graph at least about as fast as the others.
    fn is_fastest_for(&self, _: &Model) -> bool {
        true
    }

    fn description(&self) -> String {
        format!("{NAME} ({})", self.library.display())
    }

    fn load(&self, model: &[u8], options: &EngineOptions) -> Result<Box<dyn Session>, Error> {
        guarded(NAME, "loading the model", || {
            let session = self.session(model, options).map_err(|error| {
                Error::new(
                    ErrorKind::UnsupportedModel,
                    format!("onnxruntime cannot load the model: {}", one_line(&error)),
                )
            })?;
            Ok(Box::new(OnnxRuntimeSession { session }) as _)
        })
    }
}

impl OnnxRuntime {
    fn session(&self, model: &[u8], options: &EngineOptions) -> Result<OrtSession, ort::Error> {
        OrtSession::builder(&self.environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(options.n_threads())?
            .with_intra_op_spinning(false)?
            .commit_from_memory(model)
    }
}

struct OnnxRuntimeSession {
    session: OrtSession,
}

impl Session for OnnxRuntimeSession {
    fn run(&mut self, inputs: &[Input<'_>], outputs: &[&str]) -> Result<Vec<Output>, Error> {
        check_inputs(inputs, &names(self.session.inputs()))?;
        let mut selector = OutputSelector::no_default();
        for &name in outputs {
            let known = names(self.session.outputs());
            if !known.contains(&name) {
                return Err(no_such_output(name, &known));
            }
            selector = selector.with(name);
        }
        let mut fed: Vec<(&str, SessionInputValue<'_>)> = Vec::with_capacity(inputs.len());
        for input in inputs {
            let value = match input.elements {
                Elements::F32(elements) => {
                    TensorRef::from_array_view((input.shape, elements)).map(SessionInputValue::from)
                }
                Elements::I64(elements) if takes_i32(self.session.inputs(), input.name) => {
                    Tensor::from_array((input.shape, narrowed(input.name, elements)?)).map(SessionInputValue::from)
                }
                Elements::I64(elements) => {
                    TensorRef::from_array_view((input.shape, elements)).map(SessionInputValue::from)
                }
            };
            fed.push((input.name, value.map_err(|error| run_error(&error))?));
        }
        guarded(NAME, "running the model", || {
            let options = RunOptions::new()
                .map_err(|error| run_error(&error))?
                .with_outputs(selector);
            let values = self
                .session
                .run_with_options(fed, &options)
                .map_err(|error| run_error(&error))?;
            outputs.iter().map(|name| output(name, values.get(name))).collect()
        })
    }
}

fn names(values: &[Outlet]) -> Vec<&str> {
    values.iter().map(Outlet::name).collect()
}

/// Whether the input holds 32-bit integers; ONNX Runtime does not convert to them.
fn takes_i32(inputs: &[Outlet], name: &str) -> bool {
    let input = inputs.iter().find(|input| input.name() == name);
    input.is_some_and(|input| {
        matches!(
            input.dtype(),
            ValueType::Tensor {
                ty: TensorElementType::Int32,
                ..
            }
        )
    })
}

fn narrowed(name: &str, elements: &[i64]) -> Result<Vec<i32>, Error> {
    let narrow = |&element: &i64| {
        let refused = || format!("input {name:?}: {element} does not fit into the 32-bit integers of the graph");
        i32::try_from(element).map_err(|_| Error::new(ErrorKind::InvalidInput, refused()))
    };
    elements.iter().map(narrow).collect()
}

/// ONNX Runtime's messages may span lines.
fn one_line(error: &dyn Display) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn run_error(error: &ort::Error) -> Error {
    let kind = match error.code() {
        ort::ErrorCode::InvalidArgument => ErrorKind::InvalidInput,
        _ => ErrorKind::Inference,
    };
    Error::new(kind, format!("onnxruntime cannot run the model: {}", one_line(error)))
}

fn output(name: &str, value: Option<&DynValue>) -> Result<Output, Error> {
    let value =
        value.ok_or_else(|| Error::new(ErrorKind::Inference, format!("onnxruntime returned no output {name:?}")))?;
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else {
        return Err(not_floating_point(name, value.dtype()));
    };
    let shape = shape
        .iter()
        .map(|&dim| usize::try_from(dim))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| Error::new(ErrorKind::Inference, format!("output {name:?} has the shape {shape:?}")))?;
    if shape.contains(&0) {
        // The address of an empty tensor may be null, that of a slice must not be.
        return Ok(Output {
            shape,
            data: Vec::new(),
        });
    }
    let data = match ty {
        TensorElementType::Float32 => widened(value, |x: f32| x),
        TensorElementType::Float16 => widened(value, f16::to_f32),
        TensorElementType::Bfloat16 => widened(value, bf16::to_f32),
        #[expect(clippy::cast_possible_truncation, reason = "features are f32 from here on")]
        TensorElementType::Float64 => widened(value, |x: f64| x as f32),
        _ => return Err(not_floating_point(name, ty)),
    };
    Ok(Output {
        shape,
        data: data.map_err(|error| run_error(&error))?,
    })
}

fn widened<T: PrimitiveTensorElementType + Copy>(
    value: &DynValue,
    widen: impl Fn(T) -> f32,
) -> Result<Vec<f32>, ort::Error> {
    let (_, data) = value.try_extract_tensor::<T>()?;
    Ok(data.iter().map(|&x| widen(x)).collect())
}

fn not_floating_point(name: &str, found: &dyn Display) -> Error {
    Error::new(
        ErrorKind::UnsupportedModel,
        format!("output {name:?} holds {found}, expected floating point"),
    )
}
