//! The ONNX operators of the trainable graph: one file per family, one line of [`REGISTRY`] per operator.
//!
//! A line names the operator and its constructor. The constructor reads the node's attributes, refuses the ones that it does
//! not know, and returns a closure that computes the outputs from the inputs. Shapes are checked there, before Burn sees
//! them. Gradients come from Burn's tape: an operator is differentiable when it is written with [`DeviceTensor`]'s operations.

mod attributes;
mod body;
mod inputs;
mod steps;

mod activation;
mod arithmetic;
mod attention;
mod batch_norm;
mod bitwise;
mod cast;
mod clip;
mod col2im;
mod compare;
mod concat;
mod control;
mod conv;
mod conv_transpose;
mod cumulative;
mod depth_space;
mod einsum;
mod fill;
mod gather;
mod global_pool;
mod layer_norm;
mod local_response;
mod matmul;
mod pad;
mod pool;
mod reduce;
mod reshape;
mod resize;
mod rotary;
mod scatter;
mod sequence;
mod shape_of;
mod slice;
mod softmax;
mod top_k;
mod transpose;
mod unary;
mod where_;

use ranktune_onnx::Node;

use arithmetic::Arithmetic;
use compare::Ordering;
use reduce::Reduction;

pub(crate) use attributes::{Attributes, captures};
pub(crate) use batch_norm::COMPUTED;
pub(crate) use fill::from_onnx as constant;
pub(crate) use inputs::{Context, Inputs, RunningUpdate};
pub(crate) use steps::{Slot, Step, execute, missing};

use crate::kernels::{Activation, Range};
use crate::tensor::{DeviceTensor, Extremum};
use crate::value::Value;
use crate::{Error, Result};

/// A node, ready to run.
pub(crate) type Operator = Box<dyn Fn(&Inputs, &mut Context) -> Result<Vec<Value>> + Send + Sync>;

/// Reads a node's attributes.
type Build = fn(&mut Attributes) -> Result<Operator>;

/// Which inputs of an operator a gradient flows to. An initializer that only feeds other inputs is not trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gradient {
    /// To every input.
    All,
    /// To input 0; the others are settings (limits, sizes, indices).
    First,
    /// To all inputs except the ones at these positions, which are settings.
    Except(&'static [usize]),
    /// To all inputs except the ones at these positions, which are running statistics.
    Statistics(&'static [usize]),
    /// To none: the output is an integer, a boolean or a shape.
    None,
}

/// One operator.
pub(crate) struct Entry {
    pub name: &'static str,
    pub gradient: Gradient,
    build: Build,
}

const fn entry(name: &'static str, gradient: Gradient, build: Build) -> Entry {
    Entry { name, gradient, build }
}

/// The operators, sorted by name, each with its constructor.
#[rustfmt::skip]
pub(crate) static REGISTRY: &[Entry] = &[
    entry("Abs", Gradient::All, |_| unary::build(&unary::ABS)),
    entry("Acos", Gradient::All, |_| unary::build(&unary::ACOS)),
    entry("Acosh", Gradient::All, |_| unary::build(&unary::ACOSH)),
    entry("Add", Gradient::All, |node| arithmetic::pair(node, Arithmetic::Add)),
    entry("And", Gradient::None, |_| compare::logical(|x, y| x & y)),
    entry("ArgMax", Gradient::None, |node| top_k::arg_extremum(node, Extremum::Largest)),
    entry("ArgMin", Gradient::None, |node| top_k::arg_extremum(node, Extremum::Smallest)),
    entry("Asin", Gradient::All, |_| unary::build(&unary::ASIN)),
    entry("Asinh", Gradient::All, |_| unary::build(&unary::ASINH)),
    entry("Atan", Gradient::All, |_| unary::build(&unary::ATAN)),
    entry("Atanh", Gradient::All, |_| unary::build(&unary::ATANH)),
    entry("Attention", Gradient::All, attention::build),
    entry("AveragePool", Gradient::All, pool::average),
    entry("BatchNormalization", Gradient::Statistics(&[3, 4]), batch_norm::build),
    entry("BitShift", Gradient::None, bitwise::shift),
    entry("BitwiseAnd", Gradient::None, |_| bitwise::pair(|x, y| x & y)),
    entry("BitwiseNot", Gradient::None, bitwise::not),
    entry("BitwiseOr", Gradient::None, |_| bitwise::pair(|x, y| x | y)),
    entry("BitwiseXor", Gradient::None, |_| bitwise::pair(|x, y| x ^ y)),
    entry("Cast", Gradient::All, cast::build),
    entry("CastLike", Gradient::Except(&[1]), cast::build_like),
    entry("Ceil", Gradient::None, |_| unary::build(&unary::CEIL)),
    entry("Celu", Gradient::All, activation::celu),
    entry("Clip", Gradient::First, clip::build),
    entry("Col2Im", Gradient::First, col2im::build),
    entry("Compress", Gradient::First, gather::compress),
    entry("Concat", Gradient::All, concat::build),
    entry("ConcatFromSequence", Gradient::All, sequence::concat),
    entry("Constant", Gradient::None, fill::constant),
    entry("ConstantOfShape", Gradient::None, fill::constant_of_shape),
    entry("Conv", Gradient::All, conv::build),
    entry("ConvTranspose", Gradient::All, conv_transpose::build),
    entry("Cos", Gradient::All, |_| unary::build(&unary::COS)),
    entry("Cosh", Gradient::All, |_| unary::build(&unary::COSH)),
    entry("CumSum", Gradient::First, cumulative::build),
    entry("DepthToSpace", Gradient::All, depth_space::depth_to_space),
    entry("Div", Gradient::All, |node| arithmetic::pair(node, Arithmetic::Div)),
    entry("Dropout", Gradient::First, reshape::identity),
    entry("Einsum", Gradient::All, einsum::build),
    entry("Elu", Gradient::All, activation::elu),
    entry("Equal", Gradient::None, |_| compare::equal()),
    entry("Erf", Gradient::All, |_| unary::build(&unary::ERF)),
    entry("Exp", Gradient::All, |_| unary::build(&unary::EXP)),
    entry("Expand", Gradient::First, reshape::expand),
    entry("EyeLike", Gradient::None, fill::eye_like),
    entry("Flatten", Gradient::All, reshape::flatten),
    entry("Floor", Gradient::None, |_| unary::build(&unary::FLOOR)),
    entry("Gather", Gradient::First, gather::build),
    entry("GatherElements", Gradient::First, gather::elements_along),
    entry("GatherND", Gradient::First, gather::nd),
    entry("Gelu", Gradient::All, activation::gelu),
    entry("Gemm", Gradient::All, matmul::gemm),
    entry("GlobalAveragePool", Gradient::All, |_| global_pool::average()),
    entry("GlobalLpPool", Gradient::All, global_pool::power),
    entry("GlobalMaxPool", Gradient::All, |_| global_pool::max()),
    entry("Greater", Gradient::None, |_| compare::ordered(Ordering::Greater)),
    entry("GreaterOrEqual", Gradient::None, |_| compare::ordered(Ordering::GreaterOrEqual)),
    entry("GroupNormalization", Gradient::All, layer_norm::group),
    entry("HardSigmoid", Gradient::All, activation::hard_sigmoid),
    entry("HardSwish", Gradient::All, |_| activation::of(Activation::HardSwish)),
    entry("Identity", Gradient::All, reshape::identity),
    entry("If", Gradient::Except(&[0]), control::branch),
    entry("InstanceNormalization", Gradient::All, layer_norm::instance),
    entry("IsInf", Gradient::None, compare::is_infinite),
    entry("IsNaN", Gradient::None, |_| compare::is_nan()),
    entry("LRN", Gradient::All, local_response::build),
    entry("LayerNormalization", Gradient::All, layer_norm::layer),
    entry("LeakyRelu", Gradient::All, activation::leaky_relu),
    entry("Less", Gradient::None, |_| compare::ordered(Ordering::Less)),
    entry("LessOrEqual", Gradient::None, |_| compare::ordered(Ordering::LessOrEqual)),
    entry("Log", Gradient::All, |_| unary::build(&unary::LOG)),
    entry("LogSoftmax", Gradient::All, |node| softmax::build(node, DeviceTensor::log_softmax)),
    entry("Loop", Gradient::Except(&[0, 1]), control::repeat),
    entry("LpNormalization", Gradient::All, layer_norm::lp),
    entry("LpPool", Gradient::All, pool::power),
    entry("MatMul", Gradient::All, matmul::build),
    entry("Max", Gradient::All, |_| arithmetic::fold(Arithmetic::Max)),
    entry("MaxPool", Gradient::All, pool::max),
    entry("Mean", Gradient::All, |_| arithmetic::mean()),
    entry("MeanVarianceNormalization", Gradient::All, layer_norm::mean_variance),
    entry("Min", Gradient::All, |_| arithmetic::fold(Arithmetic::Min)),
    entry("Mish", Gradient::All, |_| activation::mish()),
    entry("Mod", Gradient::All, arithmetic::remainder),
    entry("Mul", Gradient::All, |node| arithmetic::pair(node, Arithmetic::Mul)),
    entry("Neg", Gradient::All, |_| unary::build(&unary::NEG)),
    entry("NonZero", Gradient::None, fill::non_zero),
    entry("Not", Gradient::None, |_| compare::not()),
    entry("OneHot", Gradient::None, fill::one_hot),
    entry("Or", Gradient::None, |_| compare::logical(|x, y| x | y)),
    entry("PRelu", Gradient::All, |_| activation::p_relu()),
    entry("Pad", Gradient::First, pad::build),
    entry("Pow", Gradient::All, |node| arithmetic::pair(node, Arithmetic::Pow)),
    entry("RMSNormalization", Gradient::All, layer_norm::rms),
    entry("Range", Gradient::None, fill::range),
    entry("Reciprocal", Gradient::All, |_| unary::build(&unary::RECIPROCAL)),
    entry("ReduceL1", Gradient::First, |node| reduce::build(node, Reduction::L1)),
    entry("ReduceL2", Gradient::First, |node| reduce::build(node, Reduction::L2)),
    entry("ReduceLogSum", Gradient::First, |node| reduce::build(node, Reduction::LogSum)),
    entry("ReduceLogSumExp", Gradient::First, |node| reduce::build(node, Reduction::LogSumExp)),
    entry("ReduceMax", Gradient::First, |node| reduce::build(node, Reduction::Max)),
    entry("ReduceMean", Gradient::First, |node| reduce::build(node, Reduction::Mean)),
    entry("ReduceMin", Gradient::First, |node| reduce::build(node, Reduction::Min)),
    entry("ReduceProd", Gradient::First, |node| reduce::build(node, Reduction::Prod)),
    entry("ReduceSum", Gradient::First, |node| reduce::build(node, Reduction::Sum)),
    entry("ReduceSumSquare", Gradient::First, |node| reduce::build(node, Reduction::SumSquare)),
    entry("Relu", Gradient::All, |_| activation::of(Activation::Limit(Range::RELU))),
    entry("Reshape", Gradient::First, reshape::build),
    entry("Resize", Gradient::First, resize::resize),
    entry("RotaryEmbedding", Gradient::All, rotary::build),
    entry("Round", Gradient::None, |_| unary::build(&unary::ROUND)),
    entry("Scatter", Gradient::Except(&[1]), scatter::elements_along),
    entry("ScatterElements", Gradient::Except(&[1]), scatter::elements_along),
    entry("ScatterND", Gradient::Except(&[1]), scatter::nd),
    entry("Selu", Gradient::All, activation::selu),
    entry("SequenceAt", Gradient::First, sequence::at),
    entry("SequenceConstruct", Gradient::All, sequence::construct),
    entry("SequenceEmpty", Gradient::None, sequence::empty),
    entry("SequenceErase", Gradient::First, sequence::erase),
    entry("SequenceInsert", Gradient::Except(&[2]), sequence::insert),
    entry("SequenceLength", Gradient::None, sequence::length),
    entry("Shape", Gradient::None, shape_of::shape),
    entry("Sigmoid", Gradient::All, |_| activation::of(Activation::Sigmoid)),
    entry("Sign", Gradient::None, |_| unary::build(&unary::SIGN)),
    entry("SimplifiedLayerNormalization", Gradient::All, layer_norm::rms),
    entry("Sin", Gradient::All, |_| unary::build(&unary::SIN)),
    entry("Sinh", Gradient::All, |_| unary::build(&unary::SINH)),
    entry("Size", Gradient::None, |_| shape_of::size()),
    entry("Slice", Gradient::First, slice::build),
    entry("Softmax", Gradient::All, |node| softmax::build(node, DeviceTensor::softmax)),
    entry("Softplus", Gradient::All, |_| activation::softplus()),
    entry("Softsign", Gradient::All, |_| activation::softsign()),
    entry("SpaceToDepth", Gradient::All, depth_space::space_to_depth),
    entry("Split", Gradient::First, concat::split),
    entry("SplitToSequence", Gradient::First, sequence::split),
    entry("Sqrt", Gradient::All, |_| unary::build(&unary::SQRT)),
    entry("Squeeze", Gradient::First, reshape::squeeze),
    entry("Sub", Gradient::All, |node| arithmetic::pair(node, Arithmetic::Sub)),
    entry("Sum", Gradient::All, |_| arithmetic::fold(Arithmetic::Add)),
    entry("Swish", Gradient::All, activation::swish),
    entry("Tan", Gradient::All, |_| unary::build(&unary::TAN)),
    entry("Tanh", Gradient::All, |_| unary::build(&unary::TANH)),
    entry("ThresholdedRelu", Gradient::All, activation::thresholded_relu),
    entry("Tile", Gradient::First, reshape::tile),
    entry("TopK", Gradient::First, top_k::build),
    entry("Transpose", Gradient::All, transpose::build),
    entry("Trilu", Gradient::First, cumulative::trilu),
    entry("Unsqueeze", Gradient::First, reshape::unsqueeze),
    entry("Upsample", Gradient::First, resize::upsample),
    entry("Where", Gradient::Except(&[0]), where_::build),
    entry("Xor", Gradient::None, |_| compare::logical(|x, y| x ^ y)),
];

/// The entry of the operator `name`.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    let position = REGISTRY.binary_search_by(|entry| entry.name.cmp(name)).ok()?;
    REGISTRY.get(position)
}

/// Builds the operator of `node`, which is written in version `opset` of the operator set.
///
/// # Errors
/// `Unsupported` or `Invalid`, naming the node.
pub(crate) fn build(node: &Node, opset: i64) -> Result<(&'static Entry, Operator)> {
    let named = |error: Error| error.at_node(&node.label(), &node.op_type);
    // Exporters write the standard operators under their old domain name too.
    if !matches!(node.domain.as_str(), "" | "ai.onnx") {
        let domain = &node.domain;
        return Err(named(Error::unsupported(format!(
            "operators of domain {domain:?} are not supported; export with standard operators"
        ))));
    }
    let entry =
        find(&node.op_type).ok_or_else(|| named(Error::unsupported("this operator is not supported in training")))?;
    let mut attributes = Attributes::new(node, opset);
    let operator = (entry.build)(&mut attributes).map_err(named)?;
    attributes.finish().map_err(named)?;
    Ok((entry, operator))
}

/// Builds a `BatchNormalization` and the activation that follows it as one operator.
///
/// # Errors
/// As [`build`].
pub(crate) fn build_activated(node: &Node, activation: Activation, opset: i64) -> Result<(&'static Entry, Operator)> {
    let (entry, _) = build(node, opset)?;
    let named = |error: Error| error.at_node(&node.label(), &node.op_type);
    let operator = batch_norm::with_activation(&mut Attributes::new(node, opset), activation).map_err(named)?;
    Ok((entry, operator))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ranktune_onnx::{Graph, Model, ValueInfo};

    use super::*;

    /// A model of one node `op_type` without inputs, whose output is the model's.
    fn file_of(op_type: &str) -> Model {
        Model {
            ir_version: 10,
            opsets: [(String::new(), 25)].into(),
            producer: String::new(),
            metadata: BTreeMap::new(),
            graph: Graph {
                name: "one".to_owned(),
                nodes: vec![Node {
                    name: "node".to_owned(),
                    op_type: op_type.to_owned(),
                    domain: String::new(),
                    inputs: Vec::new(),
                    outputs: vec!["y".to_owned()],
                    attributes: BTreeMap::new(),
                }],
                initializers: BTreeMap::new(),
                inputs: Vec::new(),
                outputs: vec![ValueInfo {
                    name: "y".to_owned(),
                    data_type: None,
                    shape: None,
                }],
                value_info: Vec::new(),
            },
            path: None,
        }
    }

    #[test]
    fn every_operator_of_the_registry_is_one_that_onnx_knows() {
        let is_unknown = |op_type: &str| {
            let error = ranktune_onnx::check(&file_of(op_type)).err();
            error.is_some_and(|error| error.to_string().contains("no such standard operator"))
        };
        assert!(is_unknown("Frobnicate"));
        for entry in REGISTRY {
            assert!(!is_unknown(entry.name), "{}", entry.name);
        }
    }

    #[test]
    fn an_operator_that_is_not_in_the_registry_is_refused_by_name() {
        let model = file_of("Frobnicate");
        let error = build(&model.graph.nodes[0], 25).err().unwrap();
        assert_eq!(error.kind(), crate::ErrorKind::Unsupported);
        assert!(error.to_string().contains("Frobnicate"), "{error}");
    }

    #[test]
    fn the_registry_is_sorted_so_that_it_can_be_searched() {
        assert!(REGISTRY.is_sorted_by(|a, b| a.name < b.name));
    }
}
