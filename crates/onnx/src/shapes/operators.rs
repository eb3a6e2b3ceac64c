//! The standard operators, up to version 25: since when each exists, how many inputs and outputs it takes, and the rule for
//! the shapes of its outputs. A new operator is a row here, and its rule a function in the file of its family.
//!
//! The numbers are the widest of all versions from the first on, read off the schemas of the `onnx` package.

use std::ops::RangeInclusive;

use ranktune_core::names::did_you_mean;

use super::op::{Op, Outputs};
use super::{conv, elementwise, generate, index, join, layout, matrix, normalize, reduce, resize};

/// No limit.
const MANY: usize = usize::MAX;

/// The types and shapes of a node's outputs, from those of its inputs.
type Rule = fn(&Op) -> Outputs;

/// What is known of one operator.
pub struct Operator {
    name: &'static str,
    /// The first version of the operator set that has it.
    pub since: i64,
    /// How many inputs it takes.
    pub inputs: RangeInclusive<usize>,
    /// How many outputs it gives at most.
    pub max_outputs: usize,
    rule: Rule,
}

/// The standard operator `name`.
pub fn operator(name: &str) -> Option<&'static Operator> {
    let position = OPERATORS.binary_search_by_key(&name, |operator| operator.name).ok()?;
    Some(&OPERATORS[position])
}

/// `; did you mean "Conv"?` for a name that is no standard operator, or nothing where none is near.
pub fn suggestion(name: &str) -> String {
    did_you_mean(name, OPERATORS.iter().map(|operator| operator.name))
}

/// The types and shapes of a node's outputs; none where there is no rule.
///
/// # Errors
/// What the rule finds wrong with the inputs.
pub fn infer_outputs(op: &Op) -> Outputs {
    let name = op.node.op_type.as_str();
    let rule = match op.node.domain.as_str() {
        "" => operator(name).map(|operator| operator.rule),
        "com.microsoft" if AS_FIRST_INPUT_OF_MICROSOFT.contains(&name) => Some(elementwise::same_as_first as Rule),
        _ => None,
    };
    rule.map_or_else(|| Ok(Vec::new()), |rule| rule(op))
}

/// Nothing is inferred: sequences, strings, control flow, and operators that no feature extractor has.
fn unknown(_: &Op) -> Outputs {
    Ok(Vec::new())
}

/// Operators of ONNX Runtime's own domain whose output is like the first input.
const AS_FIRST_INPUT_OF_MICROSOFT: [&str; 5] = ["BiasGelu", "BiasSoftmax", "FastGelu", "Gelu", "QuickGelu"];

const fn row(
    name: &'static str,
    since: i64,
    inputs: RangeInclusive<usize>,
    max_outputs: usize,
    rule: Rule,
) -> Operator {
    Operator {
        name,
        since,
        inputs,
        max_outputs,
        rule,
    }
}

#[rustfmt::skip]
static OPERATORS: &[Operator] = &[
    row("Abs", 1, 1..=1, 1, elementwise::same_as_first),
    row("Acos", 7, 1..=1, 1, elementwise::same_as_first),
    row("Acosh", 9, 1..=1, 1, elementwise::same_as_first),
    row("Add", 1, 2..=2, 1, elementwise::broadcast_all),
    row("AffineGrid", 20, 2..=2, 1, unknown),
    row("And", 1, 2..=2, 1, elementwise::compare),
    row("ArgMax", 1, 1..=1, 1, reduce::arg),
    row("ArgMin", 1, 1..=1, 1, reduce::arg),
    row("Asin", 7, 1..=1, 1, elementwise::same_as_first),
    row("Asinh", 9, 1..=1, 1, elementwise::same_as_first),
    row("Atan", 7, 1..=1, 1, elementwise::same_as_first),
    row("Atanh", 9, 1..=1, 1, elementwise::same_as_first),
    row("Attention", 23, 3..=7, 4, matrix::attention),
    row("AveragePool", 1, 1..=1, 1, conv::pool),
    row("BatchNormalization", 1, 5..=5, 5, normalize::batch),
    row("Bernoulli", 15, 1..=1, 1, elementwise::same_as_first),
    row("BitShift", 11, 2..=2, 1, elementwise::broadcast_all),
    row("BitwiseAnd", 18, 2..=2, 1, elementwise::broadcast_all),
    row("BitwiseNot", 18, 1..=1, 1, elementwise::same_as_first),
    row("BitwiseOr", 18, 2..=2, 1, elementwise::broadcast_all),
    row("BitwiseXor", 18, 2..=2, 1, elementwise::broadcast_all),
    row("BlackmanWindow", 17, 1..=1, 1, unknown),
    row("Cast", 1, 1..=1, 1, elementwise::cast),
    row("CastLike", 15, 2..=2, 1, elementwise::cast),
    row("Ceil", 1, 1..=1, 1, elementwise::same_as_first),
    row("Celu", 12, 1..=1, 1, elementwise::same_as_first),
    row("CenterCropPad", 18, 2..=2, 1, unknown),
    row("Clip", 1, 1..=3, 1, elementwise::same_as_first),
    row("Col2Im", 18, 3..=3, 1, unknown),
    row("Compress", 9, 2..=2, 1, index::compress),
    row("Concat", 1, 1..=MANY, 1, join::concat),
    row("ConcatFromSequence", 11, 1..=1, 1, unknown),
    row("Constant", 1, 0..=0, 1, unknown),
    row("ConstantOfShape", 9, 1..=1, 1, generate::constant_of_shape),
    row("Conv", 1, 2..=3, 1, conv::conv),
    row("ConvInteger", 10, 2..=4, 1, conv::conv),
    row("ConvTranspose", 1, 2..=3, 1, conv::conv_transpose),
    row("Cos", 7, 1..=1, 1, elementwise::same_as_first),
    row("Cosh", 9, 1..=1, 1, elementwise::same_as_first),
    row("CumSum", 11, 2..=2, 1, elementwise::same_as_first),
    row("DFT", 17, 1..=3, 1, unknown),
    row("DeformConv", 19, 3..=5, 1, unknown),
    row("DepthToSpace", 1, 1..=1, 1, layout::depth_to_space),
    row("DequantizeLinear", 10, 2..=3, 1, elementwise::quantize),
    row("Det", 11, 1..=1, 1, unknown),
    row("Div", 1, 2..=2, 1, elementwise::broadcast_all),
    row("Dropout", 1, 1..=3, 2, elementwise::dropout),
    row("DynamicQuantizeLinear", 11, 1..=1, 3, elementwise::quantize_dynamically),
    row("Einsum", 12, 1..=MANY, 1, matrix::einsum),
    row("Elu", 1, 1..=1, 1, elementwise::same_as_first),
    row("Equal", 1, 2..=2, 1, elementwise::compare),
    row("Erf", 9, 1..=1, 1, elementwise::same_as_first),
    row("Exp", 1, 1..=1, 1, elementwise::same_as_first),
    row("Expand", 8, 2..=2, 1, layout::expand),
    row("EyeLike", 9, 1..=1, 1, generate::like),
    row("Flatten", 1, 1..=1, 1, layout::flatten),
    row("Floor", 1, 1..=1, 1, elementwise::same_as_first),
    row("GRU", 1, 3..=6, 2, unknown),
    row("Gather", 1, 2..=2, 1, index::gather),
    row("GatherElements", 11, 2..=2, 1, index::gather_elements),
    row("GatherND", 11, 2..=2, 1, index::gather_nd),
    row("Gelu", 20, 1..=1, 1, elementwise::same_as_first),
    row("Gemm", 1, 2..=3, 1, matrix::gemm),
    row("GlobalAveragePool", 1, 1..=1, 1, conv::global_pool),
    row("GlobalLpPool", 1, 1..=1, 1, conv::global_pool),
    row("GlobalMaxPool", 1, 1..=1, 1, conv::global_pool),
    row("Greater", 1, 2..=2, 1, elementwise::compare),
    row("GreaterOrEqual", 12, 2..=2, 1, elementwise::compare),
    row("GridSample", 16, 2..=2, 1, unknown),
    row("GroupNormalization", 18, 3..=3, 1, normalize::channels),
    row("HammingWindow", 17, 1..=1, 1, unknown),
    row("HannWindow", 17, 1..=1, 1, unknown),
    row("HardSigmoid", 1, 1..=1, 1, elementwise::same_as_first),
    row("HardSwish", 14, 1..=1, 1, elementwise::same_as_first),
    row("Hardmax", 1, 1..=1, 1, elementwise::same_as_first),
    row("Identity", 1, 1..=1, 1, elementwise::same_as_first),
    row("If", 1, 1..=1, MANY, unknown),
    row("ImageDecoder", 20, 1..=1, 1, unknown),
    row("InstanceNormalization", 1, 3..=3, 1, normalize::channels),
    row("IsInf", 10, 1..=1, 1, elementwise::compare),
    row("IsNaN", 9, 1..=1, 1, elementwise::compare),
    row("LRN", 1, 1..=1, 1, elementwise::same_as_first),
    row("LSTM", 1, 3..=8, 3, unknown),
    row("LayerNormalization", 17, 2..=3, 3, normalize::layer),
    row("LeakyRelu", 1, 1..=1, 1, elementwise::same_as_first),
    row("Less", 1, 2..=2, 1, elementwise::compare),
    row("LessOrEqual", 12, 2..=2, 1, elementwise::compare),
    row("Log", 1, 1..=1, 1, elementwise::same_as_first),
    row("LogSoftmax", 1, 1..=1, 1, normalize::softmax),
    row("Loop", 1, 2..=MANY, MANY, unknown),
    row("LpNormalization", 1, 1..=1, 1, elementwise::same_as_first),
    row("LpPool", 1, 1..=1, 1, conv::pool),
    row("MatMul", 1, 2..=2, 1, matrix::matmul),
    row("MatMulInteger", 10, 2..=4, 1, matrix::matmul),
    row("Max", 1, 1..=MANY, 1, elementwise::broadcast_all),
    row("MaxPool", 1, 1..=1, 2, conv::pool),
    row("MaxRoiPool", 1, 2..=2, 1, unknown),
    row("MaxUnpool", 9, 2..=3, 1, unknown),
    row("Mean", 1, 1..=MANY, 1, elementwise::broadcast_all),
    row("MeanVarianceNormalization", 9, 1..=1, 1, elementwise::same_as_first),
    row("MelWeightMatrix", 17, 5..=5, 1, unknown),
    row("Min", 1, 1..=MANY, 1, elementwise::broadcast_all),
    row("Mish", 18, 1..=1, 1, elementwise::same_as_first),
    row("Mod", 10, 2..=2, 1, elementwise::broadcast_all),
    row("Mul", 1, 2..=2, 1, elementwise::broadcast_all),
    row("Multinomial", 7, 1..=1, 1, unknown),
    row("Neg", 1, 1..=1, 1, elementwise::same_as_first),
    row("NegativeLogLikelihoodLoss", 12, 2..=3, 1, unknown),
    row("NonMaxSuppression", 10, 2..=5, 1, unknown),
    row("NonZero", 9, 1..=1, 1, index::non_zero),
    row("Not", 1, 1..=1, 1, elementwise::same_as_first),
    row("OneHot", 9, 3..=3, 1, index::one_hot),
    row("Optional", 15, 0..=1, 1, unknown),
    row("OptionalGetElement", 15, 1..=1, 1, unknown),
    row("OptionalHasElement", 15, 0..=1, 1, unknown),
    row("Or", 1, 2..=2, 1, elementwise::compare),
    row("PRelu", 1, 2..=2, 1, elementwise::prelu),
    row("Pad", 1, 1..=4, 1, join::pad),
    row("Pow", 1, 2..=2, 1, elementwise::broadcast_all),
    row("QLinearConv", 10, 8..=9, 1, unknown),
    row("QLinearMatMul", 10, 8..=8, 1, unknown),
    row("QuantizeLinear", 10, 2..=3, 1, elementwise::quantize),
    row("RMSNormalization", 23, 2..=2, 1, normalize::layer),
    row("RNN", 1, 3..=6, 2, unknown),
    row("RandomNormal", 1, 0..=0, 1, unknown),
    row("RandomNormalLike", 1, 1..=1, 1, generate::like),
    row("RandomUniform", 1, 0..=0, 1, unknown),
    row("RandomUniformLike", 1, 1..=1, 1, generate::like),
    row("Range", 11, 3..=3, 1, generate::range),
    row("Reciprocal", 1, 1..=1, 1, elementwise::same_as_first),
    row("ReduceL1", 1, 1..=2, 1, reduce::reduce),
    row("ReduceL2", 1, 1..=2, 1, reduce::reduce),
    row("ReduceLogSum", 1, 1..=2, 1, reduce::reduce),
    row("ReduceLogSumExp", 1, 1..=2, 1, reduce::reduce),
    row("ReduceMax", 1, 1..=2, 1, reduce::reduce),
    row("ReduceMean", 1, 1..=2, 1, reduce::reduce),
    row("ReduceMin", 1, 1..=2, 1, reduce::reduce),
    row("ReduceProd", 1, 1..=2, 1, reduce::reduce),
    row("ReduceSum", 1, 1..=2, 1, reduce::reduce),
    row("ReduceSumSquare", 1, 1..=2, 1, reduce::reduce),
    row("RegexFullMatch", 20, 1..=1, 1, unknown),
    row("Relu", 1, 1..=1, 1, elementwise::same_as_first),
    row("Reshape", 1, 1..=2, 1, layout::reshape),
    row("Resize", 10, 1..=4, 1, resize::resize),
    row("ReverseSequence", 10, 2..=2, 1, elementwise::same_as_first),
    row("RoiAlign", 10, 3..=3, 1, unknown),
    row("RotaryEmbedding", 23, 3..=4, 1, elementwise::same_as_first),
    row("Round", 11, 1..=1, 1, elementwise::same_as_first),
    row("STFT", 17, 2..=4, 1, unknown),
    row("Scan", 8, 1..=MANY, MANY, unknown),
    row("Scatter", 9, 3..=3, 1, elementwise::same_as_first),
    row("ScatterElements", 11, 3..=3, 1, elementwise::same_as_first),
    row("ScatterND", 11, 3..=3, 1, elementwise::same_as_first),
    row("Selu", 1, 1..=1, 1, elementwise::same_as_first),
    row("SequenceAt", 11, 2..=2, 1, unknown),
    row("SequenceConstruct", 11, 1..=MANY, 1, unknown),
    row("SequenceEmpty", 11, 0..=0, 1, unknown),
    row("SequenceErase", 11, 1..=2, 1, unknown),
    row("SequenceInsert", 11, 2..=3, 1, unknown),
    row("SequenceLength", 11, 1..=1, 1, unknown),
    row("SequenceMap", 17, 1..=MANY, MANY, unknown),
    row("Shape", 1, 1..=1, 1, generate::shape),
    row("Shrink", 9, 1..=1, 1, elementwise::same_as_first),
    row("Sigmoid", 1, 1..=1, 1, elementwise::same_as_first),
    row("Sign", 9, 1..=1, 1, elementwise::same_as_first),
    row("SimplifiedLayerNormalization", 1, 2..=2, 2, normalize::layer),
    row("Sin", 7, 1..=1, 1, elementwise::same_as_first),
    row("Sinh", 9, 1..=1, 1, elementwise::same_as_first),
    row("Size", 1, 1..=1, 1, generate::size),
    row("Slice", 1, 1..=5, 1, join::slice),
    row("Softmax", 1, 1..=1, 1, normalize::softmax),
    row("SoftmaxCrossEntropyLoss", 12, 2..=3, 2, unknown),
    row("Softplus", 1, 1..=1, 1, elementwise::same_as_first),
    row("Softsign", 1, 1..=1, 1, elementwise::same_as_first),
    row("SpaceToDepth", 1, 1..=1, 1, layout::space_to_depth),
    row("Split", 1, 1..=2, MANY, join::split),
    row("SplitToSequence", 11, 1..=2, 1, unknown),
    row("Sqrt", 1, 1..=1, 1, elementwise::same_as_first),
    row("Squeeze", 1, 1..=2, 1, layout::squeeze),
    row("StringConcat", 20, 2..=2, 1, unknown),
    row("StringNormalizer", 10, 1..=1, 1, unknown),
    row("StringSplit", 20, 1..=1, 2, unknown),
    row("Sub", 1, 2..=2, 1, elementwise::broadcast_all),
    row("Sum", 1, 1..=MANY, 1, elementwise::broadcast_all),
    row("Swish", 24, 1..=1, 1, elementwise::same_as_first),
    row("Tan", 7, 1..=1, 1, elementwise::same_as_first),
    row("Tanh", 1, 1..=1, 1, elementwise::same_as_first),
    row("TensorScatter", 24, 2..=3, 1, elementwise::same_as_first),
    row("TfIdfVectorizer", 9, 1..=1, 1, unknown),
    row("ThresholdedRelu", 10, 1..=1, 1, elementwise::same_as_first),
    row("Tile", 1, 2..=3, 1, join::tile),
    row("TopK", 1, 1..=2, 2, index::top_k),
    row("Transpose", 1, 1..=1, 1, layout::transpose),
    row("Trilu", 14, 1..=2, 1, elementwise::same_as_first),
    row("Unique", 11, 1..=1, 4, unknown),
    row("Unsqueeze", 1, 1..=2, 1, layout::unsqueeze),
    row("Upsample", 1, 1..=2, 1, resize::resize),
    row("Where", 9, 3..=3, 1, elementwise::select),
    row("Xor", 1, 2..=2, 1, elementwise::compare),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_sorted_so_that_each_is_found() {
        assert!(OPERATORS.is_sorted_by(|a, b| a.name < b.name));
        let conv = operator("Conv").unwrap();
        assert_eq!((conv.since, &conv.inputs, conv.max_outputs), (1, &(2..=3), 1));
        assert!(operator("Convolution").is_none());
        let suggestion = suggestion("LayerNormalisation");
        assert!(
            suggestion.starts_with("; did you mean \"LayerNormalization\""),
            "{suggestion}"
        );
    }
}
