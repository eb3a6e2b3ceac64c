//! Reads a model: file → messages → [`Model`], nodes in topological order.
//!
//! A model file is foreign input. Its messages are counted before they are decoded ([`prescan`]), tensors must be as
//! long as their shapes say, external data must lie inside the model's folder, and names must lead somewhere, so that
//! a bad file ends in an error and never in a panic or an allocation that its size does not explain.

mod external;
mod file;
mod graph;
mod inline;
mod prescan;
mod sniff;
mod tensor;

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use prost::Message;

use crate::order::{check_names, order};
use crate::proto::ModelProto;
use crate::{Error, ErrorKind, Model};

impl Model {
    /// Reads the model at `path`, with its external data. Large files are mapped, not copied: they must not be changed
    /// in place while the model is in use (replacing them by renaming is safe).
    ///
    /// # Errors
    /// - `Io`: the file, or one it refers to, cannot be read.
    /// - `Malformed`: the bytes are not an ONNX model; the text says what they are, where that can be told.
    /// - `Invalid`: names that lead nowhere or are defined twice, cycles, tensors that are not as long as their shape.
    /// - `Unsupported`: sparse tensors, sequences, functions of another operator set, or element types that this crate does not handle.
    pub fn load(path: &Path) -> Result<Self, Error> {
        Self::from_bytes(file::open(path)?, Some(path))
    }

    /// Reads a model from `bytes`; `path` is the file they come from: it names the model in errors, and external data
    /// is looked for beside it.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn from_bytes(bytes: Bytes, path: Option<&Path>) -> Result<Self, Error> {
        let read = decode(bytes).and_then(|proto| model(proto, path));
        read.map_err(|error| match path {
            Some(path) => error.in_file(path),
            None => error,
        })
    }
}

fn decode(bytes: Bytes) -> Result<ModelProto, Error> {
    if bytes.is_empty() {
        return Err(Error::new(
            ErrorKind::Malformed,
            "expected an ONNX model, found an empty file",
        ));
    }
    let explain = |error: Option<Error>| {
        let message = match (sniff::sniff(&bytes), &error) {
            (Some(found), _) => format!("expected an ONNX model, found {found}"),
            (None, Some(error)) => format!("expected an ONNX model, but {error}; export or download it again"),
            (None, None) => "expected an ONNX model, but the bytes hold no graph".to_owned(),
        };
        Error::new(ErrorKind::Malformed, message)
    };
    prescan::prescan(&bytes).map_err(|error| explain(Some(error)))?;
    let proto = ModelProto::decode(bytes.clone()).map_err(|cause| {
        let error = Error::new(ErrorKind::Malformed, "the bytes cannot be decoded");
        explain(Some(error)).caused_by(cause)
    })?;
    if proto.graph.is_none() {
        return Err(explain(None));
    }
    Ok(proto)
}

fn model(proto: ModelProto, path: Option<&Path>) -> Result<Model, Error> {
    let mut files = external::ExternalFiles::beside(path);
    let mut body = proto.graph.unwrap_or_default();
    let mut imports = proto.opset_import;
    inline::inline(&mut body, proto.functions, &mut imports)?;
    let mut graph = graph::graph(body, &mut files, graph::Level::Model)?;
    check_names(&graph)?;
    order(&mut graph)?;
    let mut opsets = BTreeMap::new();
    for opset in imports {
        opsets.insert(domain(opset.domain), opset.version.unwrap_or(0));
    }
    let entries = proto.metadata_props.into_iter();
    let metadata = entries.map(|entry| (entry.key.unwrap_or_default(), entry.value.unwrap_or_default()));
    Ok(Model {
        ir_version: proto.ir_version.unwrap_or(0),
        opsets,
        producer: proto.producer_name.unwrap_or_default(),
        metadata: metadata.collect(),
        graph,
        path: path.map(Path::to_owned),
    })
}

/// A domain's name; the standard one has two, of which the empty one is kept.
fn domain(name: Option<String>) -> String {
    name.filter(|name| name != "ai.onnx").unwrap_or_default()
}
