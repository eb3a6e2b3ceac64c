//! Every operator of ONNX that the trainable graph knows: one family a file, one line of [`REGISTRY`] an operator.
//!
//! A file has a `build` function per family. It reads the node's attributes, refuses what it does not know, and gives a
//! closure that computes the outputs from the inputs. Shapes are checked there, before Burn sees them. Gradients come
//! from Burn's tape, so an operator is differentiable when it is written with [`DeviceTensor`]'s operations.

mod attributes;
mod inputs;

mod activation;
mod arithmetic;
mod attention;
mod batch_norm;
mod bitwise;
mod cast;
mod clip;
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

pub(crate) use attributes::Attributes;
pub(crate) use batch_norm::COMPUTED;
pub(crate) use fill::from_onnx as constant;
pub(crate) use inputs::{Context, Inputs, RunningUpdate};

use crate::kernels::Activation;
use crate::value::Value;
use crate::{Error, Result};

/// A node, ready to run.
pub(crate) type Operator = Box<dyn Fn(&Inputs, &mut Context) -> Result<Vec<Value>> + Send + Sync>;

/// Reads a node's attributes.
type Build = fn(&mut Attributes) -> Result<Operator>;

/// Which inputs of an operator no gradient flows through, so that what only feeds them is no parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Constants {
    /// None: a gradient flows to every input.
    None,
    /// Input 0 is differentiable, the others are settings (limits, sizes, indices).
    Settings,
    /// The inputs at these positions are running statistics.
    Statistics(&'static [usize]),
    /// The inputs at these positions are settings.
    At(&'static [usize]),
    /// All: the output is an integer, a boolean or a shape.
    All,
}

/// One operator.
pub(crate) struct Entry {
    pub name: &'static str,
    pub constants: Constants,
    build: Build,
}

const fn entry(name: &'static str, constants: Constants, build: Build) -> Entry {
    Entry { name, constants, build }
}

/// The operators, by name.
#[rustfmt::skip]
pub(crate) static REGISTRY: &[Entry] = &[
    entry("Abs", Constants::None, unary::build),
    entry("Acos", Constants::None, unary::build),
    entry("Acosh", Constants::None, unary::build),
    entry("Add", Constants::None, arithmetic::build),
    entry("And", Constants::All, compare::build),
    entry("ArgMax", Constants::All, top_k::arg_extremum),
    entry("ArgMin", Constants::All, top_k::arg_extremum),
    entry("Asin", Constants::None, unary::build),
    entry("Asinh", Constants::None, unary::build),
    entry("Atan", Constants::None, unary::build),
    entry("Atanh", Constants::None, unary::build),
    entry("Attention", Constants::None, attention::build),
    entry("AveragePool", Constants::None, pool::average),
    entry("BatchNormalization", Constants::Statistics(&[3, 4]), batch_norm::build),
    entry("BitShift", Constants::All, bitwise::build),
    entry("BitwiseAnd", Constants::All, bitwise::build),
    entry("BitwiseNot", Constants::All, bitwise::not),
    entry("BitwiseOr", Constants::All, bitwise::build),
    entry("BitwiseXor", Constants::All, bitwise::build),
    entry("Cast", Constants::None, cast::build),
    entry("CastLike", Constants::At(&[1]), cast::build_like),
    entry("Ceil", Constants::All, unary::build),
    entry("Celu", Constants::None, activation::build),
    entry("Clip", Constants::Settings, clip::build),
    entry("Compress", Constants::Settings, gather::compress),
    entry("Concat", Constants::None, concat::build),
    entry("ConcatFromSequence", Constants::None, sequence::concat),
    entry("Constant", Constants::All, fill::constant),
    entry("ConstantOfShape", Constants::All, fill::constant_of_shape),
    entry("Conv", Constants::None, conv::build),
    entry("ConvTranspose", Constants::None, conv_transpose::build),
    entry("Cos", Constants::None, unary::build),
    entry("Cosh", Constants::None, unary::build),
    entry("CumSum", Constants::Settings, cumulative::build),
    entry("DepthToSpace", Constants::None, depth_space::build),
    entry("Div", Constants::None, arithmetic::build),
    entry("Dropout", Constants::Settings, reshape::identity),
    entry("Einsum", Constants::None, einsum::build),
    entry("Elu", Constants::None, activation::build),
    entry("Equal", Constants::All, compare::build),
    entry("Erf", Constants::None, unary::build),
    entry("Exp", Constants::None, unary::build),
    entry("Expand", Constants::Settings, reshape::expand),
    entry("EyeLike", Constants::All, fill::eye_like),
    entry("Flatten", Constants::None, reshape::flatten),
    entry("Floor", Constants::All, unary::build),
    entry("Gather", Constants::Settings, gather::build),
    entry("GatherElements", Constants::Settings, gather::elements_along),
    entry("GatherND", Constants::Settings, gather::nd),
    entry("Gelu", Constants::None, activation::build),
    entry("Gemm", Constants::None, matmul::gemm),
    entry("GlobalAveragePool", Constants::None, global_pool::build),
    entry("GlobalLpPool", Constants::None, global_pool::build),
    entry("GlobalMaxPool", Constants::None, global_pool::build),
    entry("Greater", Constants::All, compare::build),
    entry("GreaterOrEqual", Constants::All, compare::build),
    entry("GroupNormalization", Constants::None, layer_norm::group),
    entry("HardSigmoid", Constants::None, activation::build),
    entry("HardSwish", Constants::None, activation::build),
    entry("Identity", Constants::None, reshape::identity),
    entry("If", Constants::At(&[0]), control::branch),
    entry("InstanceNormalization", Constants::None, layer_norm::instance),
    entry("IsInf", Constants::All, compare::classify),
    entry("IsNaN", Constants::All, compare::classify),
    entry("LRN", Constants::None, local_response::build),
    entry("LayerNormalization", Constants::None, layer_norm::layer),
    entry("LeakyRelu", Constants::None, activation::build),
    entry("Less", Constants::All, compare::build),
    entry("LessOrEqual", Constants::All, compare::build),
    entry("Log", Constants::None, unary::build),
    entry("LogSoftmax", Constants::None, softmax::build),
    entry("Loop", Constants::At(&[0, 1]), control::repeat),
    entry("LpNormalization", Constants::None, layer_norm::lp),
    entry("LpPool", Constants::None, pool::power),
    entry("MatMul", Constants::None, matmul::build),
    entry("Max", Constants::None, arithmetic::build_many),
    entry("MaxPool", Constants::None, pool::max),
    entry("Mean", Constants::None, arithmetic::build_many),
    entry("MeanVarianceNormalization", Constants::None, layer_norm::mean_variance),
    entry("Min", Constants::None, arithmetic::build_many),
    entry("Mish", Constants::None, activation::build),
    entry("Mod", Constants::None, arithmetic::build),
    entry("Mul", Constants::None, arithmetic::build),
    entry("Neg", Constants::None, unary::build),
    entry("NonZero", Constants::All, fill::non_zero),
    entry("Not", Constants::All, compare::not),
    entry("OneHot", Constants::All, fill::one_hot),
    entry("Or", Constants::All, compare::build),
    entry("PRelu", Constants::None, activation::build),
    entry("Pad", Constants::Settings, pad::build),
    entry("Pow", Constants::None, arithmetic::build),
    entry("RMSNormalization", Constants::None, layer_norm::rms),
    entry("Range", Constants::All, fill::range),
    entry("Reciprocal", Constants::None, unary::build),
    entry("ReduceL1", Constants::Settings, reduce::build),
    entry("ReduceL2", Constants::Settings, reduce::build),
    entry("ReduceLogSum", Constants::Settings, reduce::build),
    entry("ReduceLogSumExp", Constants::Settings, reduce::build),
    entry("ReduceMax", Constants::Settings, reduce::build),
    entry("ReduceMean", Constants::Settings, reduce::build),
    entry("ReduceMin", Constants::Settings, reduce::build),
    entry("ReduceProd", Constants::Settings, reduce::build),
    entry("ReduceSum", Constants::Settings, reduce::build),
    entry("ReduceSumSquare", Constants::Settings, reduce::build),
    entry("Relu", Constants::None, activation::build),
    entry("Reshape", Constants::Settings, reshape::build),
    entry("Resize", Constants::Settings, resize::build),
    entry("RotaryEmbedding", Constants::None, rotary::build),
    entry("Round", Constants::All, unary::build),
    entry("Scatter", Constants::At(&[1]), scatter::elements_along),
    entry("ScatterElements", Constants::At(&[1]), scatter::elements_along),
    entry("ScatterND", Constants::At(&[1]), scatter::nd),
    entry("Selu", Constants::None, activation::build),
    entry("SequenceAt", Constants::Settings, sequence::at),
    entry("SequenceConstruct", Constants::None, sequence::construct),
    entry("SequenceEmpty", Constants::All, sequence::empty),
    entry("SequenceErase", Constants::Settings, sequence::erase),
    entry("SequenceInsert", Constants::At(&[2]), sequence::insert),
    entry("SequenceLength", Constants::All, sequence::length),
    entry("Shape", Constants::All, shape_of::build),
    entry("Sigmoid", Constants::None, activation::build),
    entry("Sign", Constants::All, unary::build),
    entry("SimplifiedLayerNormalization", Constants::None, layer_norm::rms),
    entry("Sin", Constants::None, unary::build),
    entry("Sinh", Constants::None, unary::build),
    entry("Size", Constants::All, shape_of::build),
    entry("Slice", Constants::Settings, slice::build),
    entry("Softmax", Constants::None, softmax::build),
    entry("Softplus", Constants::None, activation::build),
    entry("Softsign", Constants::None, activation::build),
    entry("SpaceToDepth", Constants::None, depth_space::build),
    entry("Split", Constants::Settings, concat::split),
    entry("SplitToSequence", Constants::Settings, sequence::split),
    entry("Sqrt", Constants::None, unary::build),
    entry("Squeeze", Constants::Settings, reshape::squeeze),
    entry("Sub", Constants::None, arithmetic::build),
    entry("Sum", Constants::None, arithmetic::build_many),
    entry("Swish", Constants::None, activation::build),
    entry("Tan", Constants::None, unary::build),
    entry("Tanh", Constants::None, unary::build),
    entry("ThresholdedRelu", Constants::None, activation::build),
    entry("Tile", Constants::Settings, reshape::tile),
    entry("TopK", Constants::Settings, top_k::build),
    entry("Transpose", Constants::None, transpose::build),
    entry("Trilu", Constants::Settings, cumulative::trilu),
    entry("Unsqueeze", Constants::Settings, reshape::unsqueeze),
    entry("Upsample", Constants::Settings, resize::build),
    entry("Where", Constants::At(&[0]), where_::build),
    entry("Xor", Constants::All, compare::build),
];

/// The entry of an operator.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    let position = REGISTRY.binary_search_by(|entry| entry.name.cmp(name)).ok()?;
    REGISTRY.get(position)
}

/// Reads `node`, which is written in version `opset` of the operator set.
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
    let entry = find(&node.op_type).ok_or_else(|| {
        named(Error::unsupported(
            "this operator is not supported in training; export the model with other operators",
        ))
    })?;
    let mut attributes = Attributes::new(node, opset);
    let operator = (entry.build)(&mut attributes).map_err(named)?;
    attributes.finish().map_err(named)?;
    Ok((entry, operator))
}

/// Reads a `BatchNormalization` and the activation that alone follows it as one operator.
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
    use super::*;

    #[test]
    fn the_registry_is_sorted_so_that_it_can_be_searched() {
        assert!(REGISTRY.is_sorted_by(|a, b| a.name < b.name));
    }
}
