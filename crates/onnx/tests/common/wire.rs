//! Protobuf's wire format, written by hand.

/// A number.
pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 & 0x7f | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// Field `number` holding a number.
pub fn int(number: u64, value: i64) -> Vec<u8> {
    [varint(number << 3), varint(value as u64)].concat()
}

/// Field `number` holding bytes, a string or a message.
pub fn bytes(number: u64, body: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(body.len() as u64), body.to_vec()].concat()
}

/// Field `number` holding packed numbers.
pub fn packed(number: u64, values: &[i64]) -> Vec<u8> {
    let body: Vec<u8> = values.iter().flat_map(|&value| varint(value as u64)).collect();
    bytes(number, &body)
}

/// A `TensorProto` of these sizes with further fields.
pub fn tensor(name: &str, data_type: i64, dims: &[i64], rest: &[Vec<u8>]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|&dim| int(1, dim)).collect();
    [dims, int(2, data_type), bytes(8, name.as_bytes()), rest.concat()].concat()
}

/// An entry of `external_data`.
pub fn external(key: &str, value: &str) -> Vec<u8> {
    bytes(13, &[bytes(1, key.as_bytes()), bytes(2, value.as_bytes())].concat())
}

/// A `ValueInfoProto` without a type.
pub fn value(name: &str) -> Vec<u8> {
    bytes(1, name.as_bytes())
}

/// A `NodeProto`.
pub fn node(op_type: &str, inputs: &[&str], outputs: &[&str], rest: &[Vec<u8>]) -> Vec<u8> {
    let inputs: Vec<u8> = inputs.iter().flat_map(|name| bytes(1, name.as_bytes())).collect();
    let outputs: Vec<u8> = outputs.iter().flat_map(|name| bytes(2, name.as_bytes())).collect();
    [inputs, outputs, bytes(4, op_type.as_bytes()), rest.concat()].concat()
}

/// A `ModelProto` around the fields of a graph.
pub fn model(graph: &[Vec<u8>]) -> Vec<u8> {
    let opset = int(2, 17);
    [
        int(1, 8),
        bytes(8, &opset),
        bytes(7, &[bytes(2, b"g"), graph.concat()].concat()),
    ]
    .concat()
}

/// A model that adds the constant `tensor`, named `w`, to its input.
pub fn model_with(tensor: &[u8]) -> Vec<u8> {
    let add = node("Add", &["x", "w"], &["y"], &[]);
    model(&[
        bytes(1, &add),
        bytes(5, tensor),
        bytes(11, &value("x")),
        bytes(12, &value("y")),
    ])
}
