//! A model with its weights in other precisions, as repositories publish them.

use bytes::Bytes;
use ranktune_onnx::{Attribute, DataType, Model, Node, Tensor};

/// The model with its weights in half precision, behind a cast where they are used.
pub fn half(mut model: Model) -> Model {
    let mut casts = Vec::new();
    let weights = std::mem::take(&mut model.graph.initializers);
    for (name, weight) in weights {
        let values = weight.to_f32_vec().unwrap();
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|&x| half::f16::from_f32(x).to_le_bytes())
            .collect();
        let stored = format!("{name}.half");
        let tensor = Tensor::new(DataType::F16, &weight.dims, Bytes::from(bytes)).unwrap();
        model.graph.initializers.insert(stored.clone(), tensor);
        let to = Attribute::Int(i64::from(DataType::F32.code()));
        casts.push(node("Cast", &[&stored], &[&name], vec![("to", to)]));
    }
    casts.append(&mut model.graph.nodes);
    model.graph.nodes = casts;
    model
}

/// The model with a linear layer of whole numbers before its head, as dynamic quantization makes it.
pub fn quantized(mut model: Model) -> Model {
    let head = model.graph.nodes.pop().unwrap();
    let weight = model.graph.initializers["head.weight"].clone();
    let (classes, features) = (weight.dims[0], weight.dims[1]);
    let values = weight.to_f32_vec().unwrap();
    let mut whole = vec![0u8; classes * features];
    for class in 0..classes {
        for feature in 0..features {
            whole[feature * classes + class] = (values[class * features + feature] * 127.0) as i8 as u8;
        }
    }
    let to = Attribute::Int(i64::from(DataType::F32.code()));
    model.graph.initializers.remove("head.weight");
    for (name, tensor) in [
        (
            "whole",
            Tensor::new(DataType::I8, &[features, classes], Bytes::from(whole)).unwrap(),
        ),
        ("zero", Tensor::new(DataType::I8, &[], Bytes::from(vec![0])).unwrap()),
        ("step", Tensor::from_f32(&[], &[1.0 / 127.0]).unwrap()),
    ] {
        model.graph.initializers.insert(name.to_owned(), tensor);
    }
    model.graph.nodes.extend([
        node(
            "DynamicQuantizeLinear",
            &["pooled"],
            &["q", "q.scale", "q.zero"],
            vec![],
        ),
        node("MatMulInteger", &["q", "whole", "q.zero", "zero"], &["sum"], vec![]),
        node("Cast", &["sum"], &["sum.float"], vec![("to", to)]),
        node("Mul", &["q.scale", "step"], &["scale"], vec![]),
        node("Mul", &["sum.float", "scale"], &["scaled"], vec![]),
        node("Add", &["scaled", "head.bias"], &["logits"], vec![]),
    ]);
    assert_eq!(head.op_type, "Gemm");
    model
}

fn node(op_type: &str, inputs: &[&str], outputs: &[&str], attributes: Vec<(&str, Attribute)>) -> Node {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Node {
        name: format!("{op_type}_{}", outputs[0]),
        op_type: op_type.to_owned(),
        domain: String::new(),
        inputs: owned(inputs),
        outputs: owned(outputs),
        attributes: attributes
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    }
}
