//! What can be wrong with a graph that is to be trained, with the node it was found at.

use std::fmt;

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An operator, an attribute of one, or a combination of them has no implementation here.
    Unsupported,
    /// The graph cannot be right: an attribute of the wrong type, a dangling name, an input that is not there.
    Invalid,
    /// Shapes or element types do not fit each other; found when the graph runs.
    Shape,
    /// What the caller fed does not fit the graph.
    Input,
    /// The asked-for tensor or parameter is not in the graph.
    NotFound,
    /// Training does not converge: the loss is not a number, or has exploded.
    Diverged,
    /// A checkpoint is damaged, or of another model, of other settings or other data.
    Checkpoint,
    /// A file cannot be read or written.
    File,
}

/// An error about a trainable graph: what was expected, what was found, and where.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    node: Option<String>,
    message: String,
    inputs: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of everything here that can fail.
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

    /// Shapes or element types that do not fit.
    pub fn shape(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Shape, message)
    }

    /// Something that has no implementation.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// A graph that cannot be right.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// Names the node the error is about, as `"Conv_12" (Conv)`, unless one is named already.
    #[must_use]
    pub fn at_node(mut self, name: &str, op_type: &str) -> Self {
        self.node.get_or_insert_with(|| format!("{name:?} ({op_type})"));
        self
    }

    /// Adds the types and shapes of the node's inputs, unless they are there already.
    #[must_use]
    pub fn with_inputs(mut self, inputs: impl FnOnce() -> String) -> Self {
        self.inputs.get_or_insert_with(inputs);
        self
    }

    /// Keeps the cause; it is shown by `source()` only.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The node, if the error is about one.
    pub fn node(&self) -> Option<&str> {
        self.node.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(node) = &self.node {
            write!(f, "node {node}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(inputs) = &self.inputs {
            write!(f, "; inputs were {inputs}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
