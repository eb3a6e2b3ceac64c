//! Nodes as ranktune reads them, given to the rules of rten-shape-inference.
//!
//! The library has rules, but no reader of attributes: each operator's attributes, their defaults, and what older
//! operator sets write as attributes instead of inputs, have to be brought into its form here. The assignment of
//! operators to rules is the one of the rten engine itself; operators that the engine lacks, and that keep the shape of
//! their input, are given the same rule.

use ranktune_onnx::{Attribute, DataType, Node, Tensor};
use rten_shape_inference::ops::{self, Padding};
use rten_shape_inference::{
    BinaryOp, Constant, InferShapes, InferShapesContext, InferShapesError, ReductionOp, SymExpr, SymTensor, SymbolGen,
    UnaryOp, VariadicOp,
};

type Outputs = Result<Vec<SymTensor>, InferShapesError>;

/// A node with what is known of its inputs.
pub struct Call<'a> {
    pub node: &'a Node,
    pub inputs: Vec<Option<SymTensor>>,
}

/// A constant, as the rten engine gives it to the rules: vectors and numbers of integers (and of floats that are
/// whole) have values, everything else only has a shape.
pub fn constant(tensor: &Tensor) -> SymTensor {
    let whole = |value: f32| (value.fract() == 0.0 && value.abs() < 2e9).then_some(value as i32);
    // Longer ones are weights.
    let values: Option<Vec<i32>> = if tensor.dims.len() > 1 || tensor.len() > 4096 {
        None
    } else if tensor.data_type.is_float() {
        tensor
            .to_f32_vec()
            .and_then(|values| values.into_iter().map(whole).collect())
    } else {
        let saturated = |value: i64| value.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
        tensor
            .to_i64_vec()
            .map(|values| values.into_iter().map(saturated).collect())
    };
    match values {
        Some(values) if tensor.dims.is_empty() => SymTensor::from_scalar(SymExpr::Value(values[0])),
        Some(values) => SymTensor::from_vec(values.into_iter().map(SymExpr::Value).collect()),
        None => SymTensor::from_fixed_shape(&tensor.dims),
    }
}

/// The outputs of a node; `None` where the library has no rule for its operator.
pub fn infer(mut call: Call, symbols: &mut SymbolGen) -> Option<Outputs> {
    let node = call.node;
    if node.domain == "com.microsoft" {
        return contrib(&call, symbols);
    }
    if !node.domain.is_empty() {
        return None;
    }
    // What older operator sets write as attributes.
    match node.op_type.as_str() {
        "Squeeze" | "Unsqueeze" => call.attribute_as_input("axes", 1),
        "Slice" => ["starts", "ends", "axes"]
            .into_iter()
            .zip(1..)
            .for_each(|(name, position)| call.attribute_as_input(name, position)),
        "Pad" => call.attribute_as_input("pads", 1),
        "Split" => call.split_sizes(),
        "TopK" => call.attribute_as_input("k", 1),
        "Resize" if call.inputs.len() == 2 => call.inputs.insert(1, None),
        _ => {}
    }
    let axis = |default: i64| call.int32("axis", default);
    let rule: Box<dyn InferShapes + '_> = match node.op_type.as_str() {
        "Abs"
        | "Acos"
        | "Acosh"
        | "Asin"
        | "Asinh"
        | "Atan"
        | "Atanh"
        | "BatchNormalization"
        | "Ceil"
        | "Clip"
        | "Cos"
        | "Cosh"
        | "CumSum"
        | "DequantizeLinear"
        | "Elu"
        | "Erf"
        | "Exp"
        | "EyeLike"
        | "Floor"
        | "Gelu"
        | "HardSigmoid"
        | "HardSwish"
        | "InstanceNormalization"
        | "IsInf"
        | "IsNaN"
        | "LayerNormalization"
        | "LeakyRelu"
        | "Log"
        | "LogSoftmax"
        | "Not"
        | "PRelu"
        | "QuantizeLinear"
        | "RandomNormalLike"
        | "RandomUniformLike"
        | "Reciprocal"
        | "Relu"
        | "RMSNormalization"
        | "RotaryEmbedding"
        | "Round"
        | "ScatterElements"
        | "ScatterND"
        | "Sigmoid"
        | "Sign"
        | "Sin"
        | "Sinh"
        | "Softmax"
        | "Softplus"
        | "Softsign"
        | "Sqrt"
        | "Swish"
        | "Tan"
        | "Tanh"
        | "Trilu"
        | "CastLike"
        | "Bernoulli"
        | "BitwiseNot"
        | "Celu"
        | "GroupNormalization"
        | "Hardmax"
        | "LRN"
        | "LpNormalization"
        | "MeanVarianceNormalization"
        | "Mish"
        | "ReverseSequence"
        | "Selu"
        | "Shrink"
        | "TensorScatter"
        | "ThresholdedRelu" => Box::new(UnaryOp),
        "Cast"
            if node
                .int("to")
                .and_then(DataType::from_code)
                .is_some_and(DataType::is_integer) =>
        {
            Box::new(ops::Identity)
        }
        "Cast" => Box::new(UnaryOp),
        "Identity" => Box::new(ops::Identity),
        "Neg" => Box::new(ops::Neg),
        "Add" => Box::new(ops::Add),
        "Sub" => Box::new(ops::Sub),
        "Mul" => Box::new(ops::Mul),
        "Div" => Box::new(ops::Div),
        "Equal" => Box::new(ops::Equal),
        "Where" => Box::new(ops::Where),
        "And" | "Or" | "Xor" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "Mod" | "Pow" | "BitShift"
        | "BitwiseAnd" | "BitwiseOr" | "BitwiseXor" => Box::new(BinaryOp),
        "Max" | "Min" | "Mean" | "Sum" => Box::new(VariadicOp),
        "Dropout" => Box::new(ops::Dropout),
        "DynamicQuantizeLinear" => Box::new(ops::DynamicQuantizeLinear),
        "GlobalAveragePool" | "GlobalLpPool" | "GlobalMaxPool" => Box::new(ops::GlobalPool),
        "Conv" | "ConvInteger" | "ConvTranspose" | "MaxPool" | "AveragePool" | "LpPool" => {
            return Some(call.window(symbols));
        }
        "MatMul" | "MatMulInteger" => Box::new(ops::MatMul),
        "Gemm" => Box::new(ops::Gemm {
            transpose_a: node.int("transA") == Some(1),
            transpose_b: node.int("transB") == Some(1),
        }),
        "Einsum" => Box::new(ops::Einsum {
            equation: node.string("equation")?,
        }),
        "Attention" => Box::new(ops::Attention {
            q_num_heads: call.heads("q_num_heads"),
            kv_num_heads: call.heads("kv_num_heads"),
        }),
        "Concat" => Box::new(ops::Concat { axis: axis(1) }),
        "Tile" => Box::new(ops::Tile),
        "Expand" => Box::new(ops::Expand),
        "Flatten" => Box::new(ops::Flatten { axis: axis(1) }),
        "Reshape" => Box::new(ops::Reshape {
            allow_zero: node.int("allowzero") == Some(1),
        }),
        "Shape" => Box::new(ops::Shape {
            start: node.int("start").map(|_| call.int32("start", 0)),
            end: node.int("end").map(|_| call.int32("end", 0)),
        }),
        "Size" => Box::new(ops::Size),
        "DepthToSpace" => Box::new(ops::DepthToSpace {
            block_size: u32::try_from(node.int("blocksize")?).ok()?,
        }),
        "Squeeze" => Box::new(ops::Squeeze),
        "Unsqueeze" => Box::new(ops::Unsqueeze),
        "Transpose" => {
            let perm = call.sizes("perm");
            let rule = ops::Transpose { perm: perm.as_deref() };
            return Some(call.apply(&rule, symbols));
        }
        "Slice" => Box::new(ops::Slice),
        "Split" => Box::new(ops::Split {
            axis: axis(0),
            num_outputs: u32::try_from(node.outputs.len()).ok(),
        }),
        "Pad" => Box::new(ops::Pad),
        "Gather" => Box::new(ops::Gather { axis: axis(0) }),
        "GatherElements" => Box::new(ops::GatherElements),
        "GatherND" => Box::new(ops::GatherND {
            batch_dims: usize::try_from(node.int("batch_dims").unwrap_or(0)).ok()?,
        }),
        "OneHot" => Box::new(ops::OneHot { axis: axis(-1) }),
        "NonZero" => Box::new(ops::NonZero),
        "TopK" => Box::new(ops::TopK { axis: Some(axis(-1)) }),
        "Range" => Box::new(ops::Range),
        "ConstantOfShape" => Box::new(ops::ConstantOfShape {
            value: match node.tensor("value") {
                Some(value) if value.data_type.is_integer() => value
                    .to_i64_vec()
                    .and_then(|values| i32::try_from(*values.first()?).ok()),
                _ => None,
            },
        }),
        "Resize" => Box::new(ops::Resize),
        "Upsample" => Box::new(ops::Upsample),
        "GridSample" => Box::new(ops::GridSample),
        "NonMaxSuppression" => Box::new(ops::NonMaxSuppression),
        "GRU" => Box::new(ops::GRU {
            direction: call.direction(),
        }),
        "LSTM" => Box::new(ops::LSTM {
            direction: call.direction(),
        }),
        "DFT" => Box::new(ops::DFT {
            inverse: node.int("inverse") == Some(1),
            onesided: node.int("onesided") == Some(1),
        }),
        "STFT" => Box::new(ops::STFT {
            onesided: node.int("onesided").unwrap_or(1) == 1,
        }),
        "Multinomial" => Box::new(ops::Multinomial {
            sample_size: usize::try_from(node.int("sample_size").unwrap_or(1)).ok()?,
        }),
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceProd" | "ReduceL1" | "ReduceL2"
        | "ReduceLogSum" | "ReduceLogSumExp" | "ReduceSumSquare" => return Some(call.reduce(symbols)),
        "ArgMax" | "ArgMin" => {
            let axes = [axis(0)];
            let rule = ReductionOp {
                axes: Some(&axes),
                keep_dims: node.int("keepdims") != Some(0),
            };
            return Some(call.apply(&rule, symbols));
        }
        _ => return None,
    };
    Some(call.apply(&*rule, symbols))
}

fn contrib(call: &Call, symbols: &mut SymbolGen) -> Option<Outputs> {
    let heads = call.heads("num_heads");
    let rule: Box<dyn InferShapes> = match call.node.op_type.as_str() {
        "Gelu" | "FastGelu" | "QuickGelu" | "BiasGelu" | "RotaryEmbedding" | "SimplifiedLayerNormalization" => {
            Box::new(UnaryOp)
        }
        "SkipLayerNormalization" | "SkipSimplifiedLayerNormalization" => Box::new(ops::SkipLayerNormalization),
        "MatMulNBits" => Box::new(ops::MatMulNBits),
        "MultiHeadAttention" => Box::new(ops::MultiHeadAttention { num_heads: heads? }),
        "GroupQueryAttention" => Box::new(ops::GroupQueryAttention {
            num_heads: heads?,
            kv_num_heads: call.heads("kv_num_heads")?,
        }),
        _ => return None,
    };
    Some(call.apply(&*rule, symbols))
}

impl Call<'_> {
    fn apply(&self, rule: &dyn InferShapes, symbols: &mut SymbolGen) -> Outputs {
        rule.infer_shapes(InferShapesContext::new(&self.inputs), symbols)
    }

    fn int32(&self, name: &str, default: i64) -> i32 {
        let value = self.node.int(name).unwrap_or(default);
        value.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
    }

    fn sizes(&self, name: &str) -> Option<Vec<usize>> {
        let values = self.node.ints(name)?.iter();
        values.map(|&value| usize::try_from(value).ok()).collect()
    }

    fn heads(&self, name: &str) -> Option<u32> {
        self.node.int(name).and_then(|heads| u32::try_from(heads).ok())
    }

    fn direction(&self) -> ops::Direction {
        match self.node.string("direction") {
            Some("bidirectional") => ops::Direction::Bidirectional,
            _ => ops::Direction::Unidirectional,
        }
    }

    fn attribute_as_input(&mut self, name: &str, position: usize) {
        let values = match self.node.attributes.get(name) {
            Some(Attribute::Ints(values)) => values.clone(),
            Some(Attribute::Int(value)) => vec![*value],
            _ => return,
        };
        self.inputs.resize(self.inputs.len().max(position + 1), None);
        let saturated = |&value: &i64| SymExpr::Value(value.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32);
        self.inputs[position] = Some(SymTensor::from_vec(values.iter().map(saturated).collect()));
    }

    /// The library wants the sizes of the parts; where the file leaves them out they are computed here.
    fn split_sizes(&mut self) {
        self.attribute_as_input("split", 1);
        let (axis, parts) = (self.node.int("axis").unwrap_or(0), self.node.outputs.len());
        let [Some(data)] = self.inputs.as_slice() else {
            return;
        };
        let (Some(rank), true) = (data.ndim(), parts > 0) else {
            return;
        };
        let axis = if axis < 0 { axis + rank as i64 } else { axis };
        if let Ok(axis) = usize::try_from(axis)
            && let Some(SymExpr::Value(size)) = data.size(axis)
        {
            let part = (size as usize).div_ceil(parts);
            let sizes = (0..parts).map(|position| (size as usize).saturating_sub(position * part).min(part) as i32);
            self.inputs
                .push(Some(SymTensor::from_vec(sizes.map(SymExpr::Value).collect())));
        }
    }

    fn reduce(&self, symbols: &mut SymbolGen) -> Outputs {
        let axes: Option<Vec<i32>> = self.node.ints("axes").map(|axes| {
            axes.iter()
                .map(|&axis| i32::try_from(axis).unwrap_or(i32::MAX))
                .collect()
        });
        let keep_dims = self.node.int("keepdims") != Some(0);
        // The library reduces over no axis where the list is given and empty, the standard over all.
        let given = self
            .inputs
            .get(1)
            .and_then(Option::as_ref)
            .and_then(SymTensor::to_constant);
        if self.node.int("noop_with_empty_axes") == Some(1)
            && given.is_none_or(|axes: Constant| axes.values().is_empty())
        {
            return self.apply(&UnaryOp, symbols);
        }
        self.apply(
            &ReductionOp {
                axes: axes.as_deref(),
                keep_dims,
            },
            symbols,
        )
    }

    fn window(&self, symbols: &mut SymbolGen) -> Outputs {
        let is_pool = self.node.op_type.ends_with("Pool");
        let rank = match self.inputs.first() {
            Some(Some(data)) => data.ndim().unwrap_or(2).saturating_sub(2),
            _ => return Err(InferShapesError::IncorrectInputCount),
        };
        let list =
            |name: &str, length: usize, default: usize| self.sizes(name).unwrap_or_else(|| vec![default; length]);
        let (dilations, strides) = (list("dilations", rank, 1), list("strides", rank, 1));
        let (pads, kernel_size) = (list("pads", 2 * rank, 0), list("kernel_shape", 0, 0));
        let padding = match self.node.string("auto_pad") {
            Some("SAME_UPPER" | "SAME_LOWER") => Padding::Same,
            _ => Padding::Fixed(&pads),
        };
        let (dilations, strides) = (dilations.as_slice(), strides.as_slice());
        if is_pool {
            let ceil_mode = self.node.int("ceil_mode") == Some(1);
            let kernel_size = kernel_size.as_slice();
            self.apply(
                &ops::Pool {
                    dilations,
                    kernel_size,
                    padding,
                    strides,
                    ceil_mode,
                },
                symbols,
            )
        } else if self.node.is("ConvTranspose") {
            let (groups, output_padding) = (
                self.node.int("group").unwrap_or(1) as usize,
                self.sizes("output_padding"),
            );
            let output_padding = output_padding.as_deref();
            self.apply(
                &ops::ConvTranspose {
                    groups,
                    padding,
                    strides,
                    dilations,
                    output_padding,
                },
                symbols,
            )
        } else {
            self.apply(
                &ops::Conv {
                    dilations,
                    padding,
                    strides,
                },
                symbols,
            )
        }
    }
}
