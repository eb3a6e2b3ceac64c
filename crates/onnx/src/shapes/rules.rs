//! The rule of each operator. A new operator is a function in its family's file, and its name here.

use super::{Op, Outputs, conv, elementwise, generate, index, join, layout, matrix, normalize, reduce, resize};

/// The shapes of an operator's outputs; none where there is no rule.
pub(super) fn rule(op: &Op) -> Outputs {
    if op.node.domain == "com.microsoft" {
        return match op.node.op_type.as_str() {
            "Gelu" | "FastGelu" | "QuickGelu" | "BiasGelu" | "BiasSoftmax" => elementwise::same_as_first(op),
            _ => Ok(Vec::new()),
        };
    }
    if !op.node.domain.is_empty() {
        return Ok(Vec::new());
    }
    match op.node.op_type.as_str() {
        "Abs"
        | "Acos"
        | "Acosh"
        | "Asin"
        | "Asinh"
        | "Atan"
        | "Atanh"
        | "Bernoulli"
        | "BitwiseNot"
        | "Ceil"
        | "Celu"
        | "Clip"
        | "Cos"
        | "Cosh"
        | "CumSum"
        | "Elu"
        | "Erf"
        | "Exp"
        | "Floor"
        | "Gelu"
        | "HardSigmoid"
        | "HardSwish"
        | "Hardmax"
        | "Identity"
        | "LRN"
        | "LeakyRelu"
        | "Log"
        | "LpNormalization"
        | "MeanVarianceNormalization"
        | "Mish"
        | "Neg"
        | "Not"
        | "Reciprocal"
        | "Relu"
        | "ReverseSequence"
        | "RotaryEmbedding"
        | "Round"
        | "ScatterElements"
        | "ScatterND"
        | "Selu"
        | "Shrink"
        | "Sigmoid"
        | "Sign"
        | "Sin"
        | "Sinh"
        | "Softplus"
        | "Softsign"
        | "Sqrt"
        | "Swish"
        | "Tan"
        | "Tanh"
        | "TensorScatter"
        | "ThresholdedRelu"
        | "Trilu" => elementwise::same_as_first(op),
        "Softmax" | "LogSoftmax" => normalize::softmax(op),
        "Dropout" => elementwise::dropout(op),
        "Add" | "Sub" | "Mul" | "Div" | "Mod" | "Pow" | "Min" | "Max" | "Sum" | "Mean" | "BitShift" | "BitwiseAnd"
        | "BitwiseOr" | "BitwiseXor" => elementwise::broadcast_all(op),
        "PRelu" => elementwise::prelu(op),
        "And" | "Or" | "Xor" | "Equal" | "Greater" | "Less" | "GreaterOrEqual" | "LessOrEqual" | "IsNaN" | "IsInf" => {
            elementwise::compare(op)
        }
        "Where" => elementwise::select(op),
        "Cast" | "CastLike" => elementwise::cast(op),
        "QuantizeLinear" | "DequantizeLinear" => elementwise::quantize(op),
        "DynamicQuantizeLinear" => elementwise::quantize_dynamically(op),
        "BatchNormalization" => normalize::batch(op),
        "InstanceNormalization" | "GroupNormalization" => normalize::channels(op),
        "LayerNormalization" | "RMSNormalization" => normalize::layer(op),
        "Conv" | "ConvInteger" => conv::conv(op),
        "ConvTranspose" => conv::conv_transpose(op),
        "MaxPool" | "AveragePool" | "LpPool" => conv::pool(op),
        "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" => conv::global_pool(op),
        "MatMul" | "MatMulInteger" => matrix::matmul(op),
        "Gemm" => matrix::gemm(op),
        "Attention" => matrix::attention(op),
        "Einsum" => matrix::einsum(op),
        "Reshape" => layout::reshape(op),
        "Flatten" => layout::flatten(op),
        "Transpose" => layout::transpose(op),
        "Squeeze" => layout::squeeze(op),
        "Unsqueeze" => layout::unsqueeze(op),
        "Expand" => layout::expand(op),
        "DepthToSpace" => layout::depth_to_space(op),
        "SpaceToDepth" => layout::space_to_depth(op),
        "Concat" => join::concat(op),
        "Split" => join::split(op),
        "Slice" => join::slice(op),
        "Pad" => join::pad(op),
        "Tile" => join::tile(op),
        "Gather" => index::gather(op),
        "GatherElements" => index::gather_elements(op),
        "GatherND" => index::gather_nd(op),
        "TopK" => index::top_k(op),
        "OneHot" => index::one_hot(op),
        "NonZero" => index::non_zero(op),
        "Resize" | "Upsample" => resize::resize(op),
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceProd" | "ReduceL1" | "ReduceL2"
        | "ReduceLogSum" | "ReduceLogSumExp" | "ReduceSumSquare" => reduce::reduce(op),
        "ArgMax" | "ArgMin" => reduce::arg(op),
        "ConstantOfShape" => generate::constant_of_shape(op),
        "Range" => generate::range(op),
        "Shape" => generate::shape(op),
        "Size" => generate::size(op),
        "EyeLike" | "RandomNormalLike" | "RandomUniformLike" => generate::like(op),
        _ => Ok(Vec::new()),
    }
}
