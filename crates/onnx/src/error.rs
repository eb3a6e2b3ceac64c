//! What can be wrong with a model file, with the file and the node it was found in.

use std::path::{Path, PathBuf};

use ranktune_core::BoxError;
use ranktune_core::error::bounded;

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file could not be opened, read or written.
    Io,
    /// The bytes are not an ONNX model (truncated, random, another format).
    Malformed,
    /// The graph is read but cannot be right: cycles, dangling names, impossible shapes, sizes that overflow.
    Invalid,
    /// The graph is right, but holds something this crate does not handle.
    Unsupported,
    /// The asked-for tensor (or any tensor of the asked-for kind) is not in the graph.
    NotFound,
}

/// An error about a model: what was expected, what was found, and where.
#[derive(Debug, thiserror::Error)]
#[error("{}{message}", prefix(path.as_deref(), node.as_deref()))]
pub struct Error {
    kind: ErrorKind,
    path: Option<PathBuf>,
    node: Option<String>,
    message: String,
    source: Option<BoxError>,
}

impl Error {
    /// An error of `kind`; `message` names what was expected and what was found.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            path: None,
            node: None,
            message: bounded(message),
            source: None,
        }
    }

    /// Names the file the error is about, unless one is named already.
    #[must_use]
    pub fn in_file(mut self, path: &Path) -> Self {
        self.path.get_or_insert_with(|| path.to_owned());
        self
    }

    /// Names the node the error is about, as `"Conv_12" (Conv)`, unless one is named already.
    #[must_use]
    pub fn at_node(mut self, name: &str, op_type: &str) -> Self {
        self.node.get_or_insert_with(|| format!("{name:?} ({op_type})"));
        self
    }

    /// Puts what the error is about, such as `initializer "w"`, before the message.
    #[must_use]
    pub fn about(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// Keeps the cause; it is shown by `source()` only.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The file, if the error is about one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The node, if the error is about one.
    pub fn node(&self) -> Option<&str> {
        self.node.as_deref()
    }
}

/// What the message is about: `model.onnx: node "Conv_12" (Conv): `.
fn prefix(path: Option<&Path>, node: Option<&str>) -> String {
    let path = path.map(|path| format!("{}: ", path.display()));
    let node = node.map(|node| format!("node {node}: "));
    path.into_iter().chain(node).collect()
}
