//! The errors of a trainable graph, with the node that each was found at.

use ranktune_core::BoxError;

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An operator, an attribute of one, or a combination of them has no implementation here.
    Unsupported,
    /// The graph is not valid: an attribute of the wrong type, a dangling name, a missing input.
    Invalid,
    /// Shapes or element types do not match; found when the graph runs.
    Shape,
    /// The values that the caller feeds do not match the inputs of the graph.
    Input,
    /// The graph has no tensor or parameter of this name.
    NotFound,
    /// Training does not converge: the loss is not a number, or has exploded.
    Diverged,
    /// A checkpoint is damaged, or of another model, of other settings or other data.
    Checkpoint,
    /// A file cannot be read or written.
    File,
}

/// An error about a trainable graph: what was expected, what was found, and at which node.
#[derive(Debug, thiserror::Error)]
#[error("{}{message}{}", at_node(.node.as_deref()), with_inputs(.inputs.as_deref()))]
pub struct Error {
    kind: ErrorKind,
    node: Option<String>,
    message: String,
    inputs: Option<String>,
    source: Option<BoxError>,
}

fn at_node(node: Option<&str>) -> String {
    node.map_or_else(String::new, |node| format!("node {node}: "))
}

fn with_inputs(inputs: Option<&str>) -> String {
    inputs.map_or_else(String::new, |inputs| format!("; inputs were {inputs}"))
}

/// The result of an operation that fails with an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `kind`; `message` names what was expected and what was found.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            node: None,
            message: message.into(),
            inputs: None,
            source: None,
        }
    }

    /// Shapes or element types that do not match.
    pub fn shape(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Shape, message)
    }

    /// An operator or attribute that has no implementation.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// A graph that is not valid.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// Names the node the error is about, as `"Conv_12" (Conv)`, unless one is named already.
    #[must_use]
    pub fn at_node(mut self, name: &str, op_type: &str) -> Self {
        self.node.get_or_insert_with(|| format!("{name:?} ({op_type})"));
        self
    }

    /// Adds the types and shapes of the node's inputs, unless they were added already.
    #[must_use]
    pub fn with_inputs(mut self, inputs: impl FnOnce() -> String) -> Self {
        self.inputs.get_or_insert_with(inputs);
        self
    }

    /// Keeps the cause, which only `source()` shows.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The node that the error was found at, if any.
    pub fn node(&self) -> Option<&str> {
        self.node.as_deref()
    }
}

impl From<ranktune_onnx::Error> for Error {
    fn from(error: ranktune_onnx::Error) -> Self {
        Self::invalid("the ONNX graph cannot be changed").caused_by(error)
    }
}
