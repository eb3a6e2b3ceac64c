//! `GraphProto` → [`Graph`]: names, types, attributes, nested graphs.

use std::collections::{BTreeMap, HashSet};

use super::external::ExternalFiles;
use super::tensor::{element_type_name, tensor};
use crate::proto::{
    AttributeProto, DimensionValue, GraphProto, NodeProto, TensorShapeProto, ValueInfoProto, attribute_type,
};
use crate::{Attribute, DataType, Dim, Error, ErrorKind, Graph, Node, ValueInfo};

/// The longest name of a symbolic size that is kept; shape inference copies it from value to value.
const MAX_SYMBOL: usize = 128;

/// Whether a graph is a model's own, whose inputs and outputs a caller sees, or the body of a node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Model,
    Body,
}

/// Converts a graph; its nodes keep the order of the file.
pub fn graph(proto: GraphProto, files: &mut ExternalFiles, level: Level) -> Result<Graph, Error> {
    if let Some(sparse) = proto.sparse_initializer.into_iter().next() {
        let name = sparse.values.and_then(|values| values.name).unwrap_or_default();
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("initializer {name:?} is sparse, which is not supported"),
        ));
    }
    let mut initializers = BTreeMap::new();
    for mut proto in proto.initializer {
        let name = proto.name.take().unwrap_or_default();
        if name.is_empty() {
            return Err(Error::new(ErrorKind::Malformed, "an initializer has no name"));
        }
        let value = tensor(proto, files, &format!("initializer {name:?}"))?;
        if initializers.insert(name.clone(), value).is_some() {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("initializer {name:?} is defined twice"),
            ));
        }
    }
    let nodes = proto
        .node
        .into_iter()
        .enumerate()
        .map(|(position, proto)| node(proto, files, position));
    let nodes: Vec<Node> = nodes.collect::<Result<_, _>>()?;
    let mut inputs = Vec::new();
    let mut seen = HashSet::new();
    for proto in proto.input {
        let name = proto.name.clone().unwrap_or_default();
        if !seen.insert(name.clone()) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("input {name:?} is listed twice"),
            ));
        }
        if !initializers.contains_key(&name) {
            inputs.push(value_info(proto, "input", level)?);
        }
    }
    let outputs = proto.output.into_iter().map(|proto| value_info(proto, "output", level));
    let outputs = outputs.collect::<Result<_, _>>()?;
    // What a file says of intermediate values is a hint only: what we cannot express is left out.
    let value_infos = proto
        .value_info
        .into_iter()
        .map(|proto| value_info(proto, "value", Level::Body));
    let value_info = value_infos.filter(|info| info.as_ref().is_ok_and(|info| info.shape.is_some()));
    Ok(Graph {
        name: proto.name.unwrap_or_default(),
        nodes,
        initializers,
        inputs,
        outputs,
        value_info: value_info.collect::<Result<_, _>>()?,
    })
}

fn value_info(proto: ValueInfoProto, what: &str, level: Level) -> Result<ValueInfo, Error> {
    let name = proto.name.unwrap_or_default();
    if name.is_empty() {
        return Err(Error::new(
            ErrorKind::Malformed,
            format!("an {what} of the graph has no name"),
        ));
    }
    let unsupported = |found: String| {
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("{what} {name:?} is {found}; only plain tensors are supported"),
        ))
    };
    let Some(type_proto) = proto.r#type else {
        return Ok(ValueInfo {
            name,
            data_type: None,
            shape: None,
        });
    };
    let Some(tensor_type) = type_proto.tensor_type else {
        let kind = if type_proto.sequence_type.is_some() {
            Some("a sequence")
        } else if type_proto.map_type.is_some() {
            Some("a map")
        } else if type_proto.sparse_tensor_type.is_some() {
            Some("a sparse tensor")
        } else if type_proto.optional_type.is_some() {
            Some("an optional value")
        } else {
            type_proto.opaque_type.is_some().then_some("opaque")
        };
        return match kind {
            Some(kind) if level == Level::Model => unsupported(kind.to_owned()),
            _ => Ok(ValueInfo {
                name,
                data_type: None,
                shape: None,
            }),
        };
    };
    let code = tensor_type.elem_type.unwrap_or(0);
    let data_type = DataType::from_code(code.into());
    if data_type.is_none() && code != 0 && level == Level::Model {
        return unsupported(format!("of element type {code}{}", element_type_name(code)));
    }
    Ok(ValueInfo {
        name,
        data_type,
        shape: tensor_type.shape.map(shape),
    })
}

/// A declared size of zero or less stands for "not known" in files of several exporters (-1 in PaddlePaddle's).
fn shape(proto: TensorShapeProto) -> Vec<Dim> {
    let dims = proto.dim.into_iter().map(|dim| match dim.value {
        Some(DimensionValue::Value(size)) if size > 0 => usize::try_from(size).map_or(Dim::Unknown, Dim::Fixed),
        Some(DimensionValue::Param(name)) if !name.is_empty() && name.len() <= MAX_SYMBOL => Dim::Named(name),
        _ => Dim::Unknown,
    });
    dims.collect()
}

fn node(proto: NodeProto, files: &mut ExternalFiles, position: usize) -> Result<Node, Error> {
    let op_type = proto.op_type.unwrap_or_default();
    let name = proto.name.unwrap_or_default();
    if op_type.is_empty() {
        return Err(Error::new(
            ErrorKind::Malformed,
            format!("node {position} ({name:?}) names no operator"),
        ));
    }
    let mut node = Node {
        name,
        op_type,
        domain: super::domain(proto.domain),
        inputs: proto.input,
        outputs: proto.output,
        attributes: BTreeMap::new(),
    };
    for proto in proto.attribute {
        let name = proto.name.clone().unwrap_or_default();
        let value = attribute(proto, files, &name).map_err(|error| error.at_node(&node.label(), &node.op_type))?;
        if node.attributes.insert(name.clone(), value).is_some() {
            let error = Error::new(ErrorKind::Invalid, format!("attribute {name:?} is given twice"));
            return Err(error.at_node(&node.label(), &node.op_type));
        }
    }
    Ok(node)
}

fn attribute(proto: AttributeProto, files: &mut ExternalFiles, name: &str) -> Result<Attribute, Error> {
    // Files older than the field `type` leave it out; then the field that is filled tells.
    let code = proto
        .r#type
        .filter(|&code| code != 0)
        .unwrap_or_else(|| implied_type(&proto));
    let missing = || Error::new(ErrorKind::Malformed, format!("attribute {name:?} has no value"));
    Ok(match code {
        attribute_type::FLOAT => Attribute::Float(proto.f.unwrap_or(0.0)),
        attribute_type::INT => Attribute::Int(proto.i.unwrap_or(0)),
        attribute_type::STRING => Attribute::String(proto.s.unwrap_or_default().to_vec()),
        attribute_type::FLOATS => Attribute::Floats(proto.floats),
        attribute_type::INTS => Attribute::Ints(proto.ints),
        attribute_type::STRINGS => Attribute::Strings(proto.strings.iter().map(|string| string.to_vec()).collect()),
        attribute_type::TENSOR => {
            let value = *proto.t.ok_or_else(missing)?;
            Attribute::Tensor(tensor(value, files, &format!("attribute {name:?}"))?)
        }
        attribute_type::TENSORS => {
            let what = format!("attribute {name:?}");
            let tensors = proto.tensors.into_iter().map(|value| tensor(value, files, &what));
            Attribute::Tensors(tensors.collect::<Result<_, _>>()?)
        }
        attribute_type::GRAPH => {
            let body = *proto.g.ok_or_else(missing)?;
            Attribute::Graph(Box::new(graph(body, files, Level::Body)?))
        }
        _ if proto.ref_attr_name.is_some() => {
            let message = format!("attribute {name:?} refers to an attribute of a function outside of one");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        _ => {
            let message = format!("attribute {name:?} is of type {code}, which is not supported");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
    })
}

fn implied_type(proto: &AttributeProto) -> i32 {
    let filled = [
        (proto.f.is_some(), attribute_type::FLOAT),
        (proto.i.is_some(), attribute_type::INT),
        (proto.s.is_some(), attribute_type::STRING),
        (proto.t.is_some(), attribute_type::TENSOR),
        (proto.g.is_some(), attribute_type::GRAPH),
        (!proto.floats.is_empty(), attribute_type::FLOATS),
        (!proto.ints.is_empty(), attribute_type::INTS),
        (!proto.strings.is_empty(), attribute_type::STRINGS),
        (!proto.tensors.is_empty(), attribute_type::TENSORS),
    ];
    filled
        .into_iter()
        .find_map(|(is_filled, code)| is_filled.then_some(code))
        .unwrap_or(0)
}
