//! Writes a model: [`Model`] → messages → bytes that any ONNX runtime reads.
//!
//! All tensors are written as raw data inside the file; initializers are not repeated as inputs, which the format
//! allows from version 4 on, so an older model is written as version 4.

use std::path::Path;

use bytes::Bytes;
use prost::Message;
use ranktune_core::files::write_atomically;

use crate::proto::{
    AttributeProto, DimensionProto, DimensionValue, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto, attribute_type,
};
use crate::{Attribute, DataType, Dim, Error, ErrorKind, Graph, Model, Node, Tensor, ValueInfo};

/// Protobuf's own limit for one message.
const MAX_BYTES: usize = i32::MAX as usize;

impl Model {
    /// The model as the bytes of an ONNX file.
    ///
    /// # Errors
    /// `Unsupported` when they would be 2 GiB or more, which the format cannot hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let opset_import = self.opsets.iter().map(|(domain, &version)| OperatorSetIdProto {
            domain: Some(domain.clone()),
            version: Some(version),
        });
        let metadata_props = self.metadata.iter().map(|(key, value)| StringStringEntryProto {
            key: Some(key.clone()),
            value: Some(value.clone()),
        });
        let proto = ModelProto {
            ir_version: Some(self.ir_version.max(4)),
            opset_import: opset_import.collect(),
            producer_name: Some(self.producer.clone()),
            graph: Some(graph(&self.graph)),
            metadata_props: metadata_props.collect(),
            functions: Vec::new(),
        };
        let size = proto.encoded_len();
        if size > MAX_BYTES {
            let message = format!("the model takes {size} bytes, but an ONNX file holds less than 2 GiB");
            return Err(self.in_file(Error::new(ErrorKind::Unsupported, message)));
        }
        Ok(proto.encode_to_vec())
    }

    /// Writes the model to `path`, whole or not at all: nobody ever sees half a file, and a model that was read from
    /// `path` stays as it is.
    ///
    /// # Errors
    /// As [`Model::to_bytes`]; `Io` when the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        write_atomically(path, &self.to_bytes()?).map_err(|error| {
            Error::new(ErrorKind::Io, "the file cannot be written")
                .in_file(path)
                .caused_by(error)
        })
    }

    /// Names the model's file in `error`, where there is one.
    pub(crate) fn in_file(&self, error: Error) -> Error {
        match &self.path {
            Some(path) => error.in_file(path),
            None => error,
        }
    }
}

fn graph(graph: &Graph) -> GraphProto {
    // A graph's name may not be empty.
    let name = if graph.name.is_empty() {
        "graph"
    } else {
        graph.name.as_str()
    };
    GraphProto {
        node: graph.nodes.iter().map(node).collect(),
        name: Some(name.to_owned()),
        initializer: graph
            .initializers
            .iter()
            .map(|(name, value)| tensor(Some(name), value))
            .collect(),
        sparse_initializer: Vec::new(),
        input: graph.inputs.iter().map(value_info).collect(),
        output: graph.outputs.iter().map(value_info).collect(),
        value_info: graph.value_info.iter().map(value_info).collect(),
    }
}

fn node(node: &Node) -> NodeProto {
    NodeProto {
        input: node.inputs.clone(),
        output: node.outputs.clone(),
        name: Some(node.name.clone()),
        op_type: Some(node.op_type.clone()),
        domain: (!node.domain.is_empty()).then(|| node.domain.clone()),
        overload: None,
        attribute: node
            .attributes
            .iter()
            .map(|(name, value)| attribute(name, value))
            .collect(),
    }
}

fn attribute(name: &str, value: &Attribute) -> AttributeProto {
    let mut proto = AttributeProto {
        name: Some(name.to_owned()),
        ..AttributeProto::default()
    };
    let code = match value {
        Attribute::Float(value) => {
            proto.f = Some(*value);
            attribute_type::FLOAT
        }
        Attribute::Int(value) => {
            proto.i = Some(*value);
            attribute_type::INT
        }
        Attribute::String(value) => {
            proto.s = Some(Bytes::copy_from_slice(value));
            attribute_type::STRING
        }
        Attribute::Tensor(value) => {
            proto.t = Some(Box::new(tensor(None, value)));
            attribute_type::TENSOR
        }
        Attribute::Graph(value) => {
            proto.g = Some(Box::new(graph(value)));
            attribute_type::GRAPH
        }
        Attribute::Floats(values) => {
            proto.floats.clone_from(values);
            attribute_type::FLOATS
        }
        Attribute::Ints(values) => {
            proto.ints.clone_from(values);
            attribute_type::INTS
        }
        Attribute::Strings(values) => {
            proto.strings = values.iter().map(|value| Bytes::copy_from_slice(value)).collect();
            attribute_type::STRINGS
        }
        Attribute::Tensors(values) => {
            proto.tensors = values.iter().map(|value| tensor(None, value)).collect();
            attribute_type::TENSORS
        }
    };
    proto.r#type = Some(code);
    proto
}

fn tensor(name: Option<&str>, value: &Tensor) -> TensorProto {
    let is_string = value.data_type == DataType::String;
    TensorProto {
        // Sizes have passed `checked_elements`, or are of an empty tensor.
        dims: value
            .dims
            .iter()
            .map(|&dim| i64::try_from(dim).unwrap_or(i64::MAX))
            .collect(),
        data_type: Some(value.data_type.code()),
        name: name.map(str::to_owned),
        string_data: value.to_strings().unwrap_or_default(),
        raw_data: (!is_string).then(|| value.data.clone()),
        ..TensorProto::default()
    }
}

fn value_info(info: &ValueInfo) -> ValueInfoProto {
    let dimension = |dim: &Dim| DimensionProto {
        value: match dim {
            Dim::Fixed(size) => i64::try_from(*size).ok().map(DimensionValue::Value),
            Dim::Named(name) => Some(DimensionValue::Param(name.clone())),
            Dim::Unknown => None,
        },
    };
    let shape = |shape: &Vec<Dim>| TensorShapeProto {
        dim: shape.iter().map(dimension).collect(),
    };
    // Without an element type there is no type to write; runtimes infer it.
    let tensor_type = info.data_type.map(|data_type| TensorTypeProto {
        elem_type: Some(data_type.code()),
        shape: info.shape.as_ref().map(shape),
    });
    ValueInfoProto {
        name: Some(info.name.clone()),
        r#type: tensor_type.map(|tensor_type| TypeProto {
            tensor_type: Some(tensor_type),
            ..TypeProto::default()
        }),
    }
}
