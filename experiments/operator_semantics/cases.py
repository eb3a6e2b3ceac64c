"""Nodes whose result depends on what the ONNX specification says of ties, NaN, infinities, empty and broadcast inputs,
integer overflow and negative axes."""

import numpy as np

NAN, INF = float("nan"), float("inf")
F, I64, I32, B, U8, I8 = np.float32, np.int64, np.int32, np.bool_, np.uint8, np.int8
LAST, FIRST = np.iinfo(np.int64).max, np.iinfo(np.int64).min

CASES = []


class Constant:
    """An input that a file has as an initializer: sizes, axes, limits, weights."""

    def __init__(self, values, dtype):
        self.array = np.array(values, dtype)


def ints(*values):
    return Constant(list(values), I64)


def case(what, op, *inputs, opset=20, outputs=1, domain="", **attributes):
    """A case is one node; an input is an array that is fed, a `Constant`, or None where it is absent."""
    CASES.append(dict(what=what, op=op, inputs=inputs, opset=opset, outputs=outputs, domain=domain, attributes=attributes))


def f(*values):
    return np.array(values, F)


def grid(*dims, scale=0.37):
    """Numbers without a pattern that a wrong axis would keep."""
    return (np.sin(np.arange(np.prod(dims)) * 1.7 + 0.3) * scale * 5).astype(F).reshape(dims)


def elementwise():
    special = f(NAN, INF, -INF, 0.0, -0.0, 1e-40, 3e38, -3e38, 0.5, -0.5, 1.5, 2.5, -1.5, -2.5, 1e-8, 20, -20, 100, -100)
    moderate = special[np.isnan(special) | np.isinf(special) | (abs(special) < 1e10)]
    case("special values", "Asinh", moderate)  # its square overflows in every engine
    for op in ("Abs Atan Ceil Erf Exp Floor HardSigmoid HardSwish IsNaN LeakyRelu Log Neg Reciprocal Relu Round Sigmoid "
               "Sign Softplus Softsign Sqrt Tanh Elu Celu Selu ThresholdedRelu Mish Sinh Cosh").split():
        case("special values", op, special)
    for op in "Sin Cos Tan".split():
        case("special values", op, f(NAN, INF, -INF, 0, 0.5, -0.5, 3.1415927, 100, -100, 1000))
    for op in "Acos Asin Atanh Acosh".split():
        case("outside of the domain", op, f(NAN, INF, -INF, 0, 0.5, -0.5, 0.99, 1, -1, 1.5, -1.5, 20))
    for how in ("none", "tanh"):
        case(how, "Gelu", special[~(special < -1e30)], approximate=how)  # the limit is 0, the formula has no value
    case("special values", "Swish", special[~(special < -1e30)], opset=24)
    case("alpha 2", "Elu", special, alpha=2.0)
    case("alpha 2", "Celu", special, alpha=2.0)
    case("own slope", "HardSigmoid", special, alpha=0.5, beta=0.25)
    case("both", "IsInf", special)
    case("negative only", "IsInf", special, detect_positive=0)
    case("positive only", "IsInf", special, detect_negative=0)
    case("halves to even", "Round", f(0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 4.5, 8388609))
    for op in ("Abs", "Neg", "Sign"):
        case("integers", op, np.array([-3, 0, 5, -2147483648 if op == "Sign" else 7], I64))
    case("NaN and limits", "Clip", special, Constant(-1, F), Constant(1, F))
    case("only an upper limit", "Clip", special, None, Constant(1, F))
    case("no limits", "Clip", special)
    case("the lower above the upper limit", "Clip", f(-5, 1.5, 0, 5), Constant(2, F), Constant(-2, F))
    case("integers", "Clip", np.array([-5, 1, 9], I64), Constant(-2, I64), Constant(3, I64))
    case("integers, limits of 64 bits", "Clip", np.array([-5, 1, 9], I64), Constant(0, I64), Constant(LAST, I64))
    case("NaN and slopes by channel", "PRelu", np.array([[NAN, -1, -2], [3, -INF, INF]], F), Constant([0.5, 2, -1], F))
    case("attributes", "Clip", special, opset=6, min=-1.0, max=1.0)
    case("masked", "Dropout", special)
    case("empty", "Relu", np.zeros((2, 0), F))


def binary():
    a, b = f(NAN, 1, INF, -INF, INF, 0, 0, 1, -1, 5), f(1, NAN, INF, INF, 0, 0, -0.0, 0, 0, -2)
    for op in "Add Sub Mul Div Pow Max Min".split():
        case("special values", op, a, b)
        case("broadcast in both directions", op, grid(2, 1, 3), abs(grid(4, 1)))
        case("broadcast of more axes on the right", op, abs(grid(3)), grid(2, 3))
        case("a number", op, abs(grid(2, 3)), np.array(2, F))
        case("empty", op, np.zeros((0, 3), F), grid(1, 3))
        case("empty against one", op, np.zeros((2, 0), F), grid(2, 1))
    for dtype, name in ((I64, "i64"), (I32, "i32")):
        x, y = np.array([7, -7, 7, -7, 6, 0], dtype), np.array([2, 2, -2, -2, 3, 5], dtype)
        for op in "Add Sub Mul Div Max Min".split():
            case(f"integers {name}", op, x, y)
        case(f"the sign of the divisor {name}", "Mod", x, y)
        case(f"the sign of the dividend {name}", "Mod", x, y, fmod=1)
        case(f"integers {name}", "Pow", np.array([2, -3, 0, 5], dtype), np.array([3, 3, 0, 1], dtype))
    case("overflow of 32 bits wraps", "Add", np.array([2147483647, -2147483648], I32), np.array([1, -1], I32))
    case("overflow of 32 bits wraps", "Mul", np.array([65536, 46341], I32), np.array([65536, 46341], I32))
    case("floats", "Mod", f(5.5, -5.5, 5.5, INF, NAN, 3, 0), f(2, 2, -2, 2, 2, INF, 2), fmod=1)
    case("an integer exponent", "Pow", f(-2, 2, 0, 0.5), np.array([3, -2, 0, 2], I64))
    case("a constant exponent of 2", "Pow", f(-2, NAN, INF, 3), Constant(2, F))
    case("a constant exponent of a half", "Pow", f(4, NAN, INF, 0.25), Constant(0.5, F))
    case("a negative base and a fraction", "Pow", f(-8, 8), f(1 / 3, 1 / 3))
    for op in "Equal Less Greater LessOrEqual GreaterOrEqual".split():
        case("NaN is unequal to all", op, a, b)
        case("broadcast", op, grid(2, 1, 3), grid(4, 1))
        case("integers", op, np.array([[1, 2, 3]], I64), np.array([[1], [3]], I64))
    case("booleans", "Equal", np.array([True, False]), np.array([True, True]))
    for op in "And Or Xor".split():
        case("broadcast", op, np.array([[True], [False]]), np.array([True, False, True]))
    case("all", "Not", np.array([True, False]))
    case("three inputs, broadcast", "Sum", grid(2, 1), grid(1, 3), f(NAN, 1, 2))
    case("three inputs, broadcast", "Mean", grid(2, 1), grid(1, 3), f(INF, 1, 2))
    case("three inputs, NaN", "Max", f(NAN, 1, 2), f(0, NAN, 1), np.array([[1.5], [-INF]], F))
    case("three inputs, NaN", "Min", f(NAN, 1, 2), f(0, NAN, 1), np.array([[1.5], [INF]], F))
    case("one input", "Max", f(NAN, 1))
    condition = np.array([[True], [False]])
    case("what is not chosen may be NaN", "Where", condition, f(1, 2, 3), np.array(NAN, F))
    case("infinities", "Where", np.array([True, False, True]), Constant(-INF, F), f(1, 2, INF))
    case("integers", "Where", condition, np.array([1, 2], I64), np.array([[3], [4]], I64))
    case("empty", "Where", np.zeros((0, 1), B), f(1, 2), np.array(0, F))
    for op in "BitwiseAnd BitwiseOr BitwiseXor".split():
        case("negative", op, np.array([-1, 5, 12], I32), np.array([7, -2, 10], I32))


def reductions():
    names = "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare"
    for op in names.split():
        x = abs(grid(2, 3, 2)) + 0.1 if "Log" in op else grid(2, 3, 2)
        case("a negative axis", op, x, ints(-2))
        case("two axes, not kept", op, x, ints(0, -1), keepdims=0)
        case("no axes are all axes", op, x)
        case("no axes are all axes, not kept", op, x, ints(), keepdims=0)
        case("no axes are none", op, x, ints(), noop_with_empty_axes=1)
        case("no axes given are none", op, x, noop_with_empty_axes=1)
        case("NaN", op, np.array([[1, NAN, 3], [4, 5, 6]], F), ints(1))
        case("infinities", op, np.array([[1, INF, 3], [INF, INF, INF]], F), ints(1))
        case("an attribute", op, x, opset=11, axes=[-1], keepdims=0)
        case("an empty batch", op, np.zeros((0, 3), F), ints(1), keepdims=0)
    for op in "ReduceMax ReduceMin ReduceSum ReduceProd ReduceMean".split():
        case("integers", op, np.array([[7, -2], [3, 5]], I64), ints(1), keepdims=0)
    for op in "ReduceSum ReduceProd ReduceSumSquare ReduceL1 ReduceL2 ReduceMax ReduceMin".split():
        case("nothing to reduce", op, np.zeros((2, 0), F), ints(1), keepdims=0)
    case("all are minus infinity", "ReduceLogSumExp", np.array([[-INF, -INF], [-INF, 0]], F), ints(1))
    case("large numbers", "ReduceLogSumExp", np.array([[1000, 1000], [-1000, -1000]], F), ints(1))
    case("minus infinity", "ReduceMax", np.array([[-INF, -INF]], F), ints(1))
    case("booleans", "ReduceMax", np.array([[True, False], [False, False]]), ints(1), keepdims=0)
    tied = np.array([[1, 3, 3, 2], [5, 5, 5, 5], [4, 1, 1, 4]], F)
    for op in ("ArgMax", "ArgMin"):
        for last in (0, 1):
            which = "last" if last else "first"
            case(f"the {which} of ties", op, tied, axis=1, select_last_index=last)
            case(f"the {which} of ties, a negative axis, not kept", op, tied, axis=-1, keepdims=0, select_last_index=last)
            case(f"the {which} of ties, over rows", op, tied.T.copy(), axis=0, keepdims=0, select_last_index=last)
            case(f"the {which} of tied integers", op, tied.astype(I64), axis=-1, select_last_index=last)
        case("the first of tied infinities", op, np.array([[INF, -INF, INF, -INF]], F), axis=1)
        case("one element", op, np.array([[2], [3]], F), axis=1)
        case("the default axis", op, tied)
        case("an empty batch", op, np.zeros((0, 3), F), axis=1)
        case("an older version", op, tied, axis=1, opset=11)
        case("three axes", op, np.stack([tied, tied[::-1]]), axis=1, keepdims=0)
    for largest in (0, 1):
        case(f"the first of ties goes first, largest={largest}", "TopK", tied, ints(3), outputs=2, largest=largest)
        case(f"tied infinities, largest={largest}", "TopK", np.array([[INF, 1, INF, -INF, -INF]], F), ints(4), outputs=2, largest=largest)
        case(f"over rows, largest={largest}", "TopK", tied.T.copy(), ints(2), outputs=2, axis=0, largest=largest)
        case(f"integers, largest={largest}", "TopK", tied.astype(I64), ints(2), outputs=2, axis=-1, largest=largest)
    case("none", "TopK", tied, ints(0), outputs=2)
    for op in ("Softmax", "LogSoftmax"):
        case("infinities and NaN", op, np.array([[-INF, 0, 1], [INF, 0, 1], [NAN, 0, 1], [-INF, -INF, -INF]], F), axis=-1)
        case("large numbers", op, np.array([[1000, 999, -1000], [-1e38, -1e38, 3e38]], F))
        case("the default axis is the last", op, grid(2, 3, 2))
        case("over rows", op, grid(2, 3, 2), axis=0)
        case("a negative axis in the middle", op, grid(2, 3, 2), axis=-2)
        case("the default axis was all behind the first", op, grid(2, 3, 2), opset=11)
        case("all behind a negative axis", op, grid(2, 3, 2), opset=11, axis=-2)
        case("empty", op, np.zeros((0, 3), F))
    x = grid(2, 4)
    for exclusive in (0, 1):
        for reverse in (0, 1):
            case(f"exclusive={exclusive} reverse={reverse}", "CumSum", x, Constant(-1, I64), exclusive=exclusive, reverse=reverse)
    case("integers over rows", "CumSum", np.array([[1, 2], [3, 4]], I64), Constant(0, I32))
    case("NaN stays behind", "CumSum", f(1, NAN, 2), Constant(0, I64))


def moves():
    x = grid(3, 4)
    case("negative indices", "Gather", x, np.array([[-1, 0], [2, -3]], I64), axis=0)
    case("a negative axis", "Gather", x, np.array([3, -1], I64), axis=-1)
    case("a number as index", "Gather", x, np.array(-1, I64), axis=1)
    case("no indices", "Gather", x, np.zeros((0,), I64), axis=0)
    case("integers", "Gather", np.array([5, 7, 9], I64), np.array([-1, 0], I32))
    case("negative indices", "GatherElements", x, np.array([[-1, 0], [1, 1], [3, -4]], I64), axis=1)
    case("a negative axis", "GatherElements", x, np.array([[-1, 0, 2, 1]], I64), axis=-2)
    case("negative indices", "GatherND", x, np.array([[-1, 0], [2, -4]], I64))
    case("rows", "GatherND", x, np.array([[2], [0]], I64))
    case("batch axes", "GatherND", grid(2, 3, 2), np.array([[1], [-1]], I64), batch_dims=1)
    index = np.array([[0, -1, 0]], I64)
    for reduction in ("none", "add", "mul", "max", "min"):
        to = np.array([[0, -1, 1]], I64) if reduction == "none" else index
        updates = np.array([[1.5, -2, 3]], F)
        case(reduction, "ScatterElements", x, to, updates, axis=1, reduction=reduction)
        case(reduction, "ScatterND", x, np.array([[2], [-3]] if reduction == "none" else [[2], [2]], I64), grid(2, 4), reduction=reduction)
    case("NaN", "ScatterElements", f(1, 2, 3), np.array([0, 1, 1], I64), f(NAN, NAN, 7), axis=0, reduction="max")
    case("integers", "ScatterElements", np.array([1, 2, 3], I64), np.array([0, 2], I64), np.array([9, 8], I64))
    big = np.arange(24, dtype=F).reshape(2, 3, 4)
    case("backwards", "Slice", big, ints(-1), ints(FIRST), ints(-1), ints(-1))
    case("backwards by two", "Slice", big, ints(LAST), ints(-100), ints(2), ints(-2))
    case("beyond the end", "Slice", big, ints(1, -2), ints(LAST, 100), ints(0, 2))
    case("before the beginning", "Slice", big, ints(-100), ints(2), ints(1))
    case("nothing", "Slice", big, ints(2), ints(1), ints(1))
    case("backwards from before the beginning", "Slice", big, ints(0), ints(0), ints(1), ints(-1))
    case("by three", "Slice", big, ints(0), ints(4), ints(2), ints(3))
    case("without axes", "Slice", big, ints(0, 1), ints(1, 3))
    case("attributes", "Slice", big, opset=9, starts=[0, -1], ends=[1, 100], axes=[0, 2])
    case("integers of 32 bits", "Slice", big, Constant([1], I32), Constant([2147483647], I32), Constant([1], I32))
    case("uneven", "Split", grid(2, 7), ints(3, 0, 4), outputs=3, axis=-1)
    case("the last is shorter", "Split", grid(2, 7), outputs=3, axis=1, num_outputs=3)
    case("even", "Split", grid(4, 2), outputs=2, opset=13)
    case("an attribute", "Split", grid(2, 5), outputs=2, opset=11, axis=1, split=[2, 3])
    case("a negative axis", "Concat", grid(2, 3), grid(2, 1), axis=-1)
    case("with nothing", "Concat", grid(2, 3), np.zeros((2, 0), F), axis=1)
    case("integers", "Concat", np.array([1], I64), np.array([-2, 3], I64), axis=0)
    case("one and fewer axes", "Expand", grid(3, 1), ints(2, 1, 4))
    case("a smaller shape", "Expand", grid(2, 3), ints(1, 1))
    case("to nothing", "Expand", grid(1, 3), ints(0, 3))
    case("kept and inferred", "Reshape", grid(2, 3, 2), ints(0, -1))
    case("zero is zero", "Reshape", np.zeros((0, 3), F), ints(3, 0), allowzero=1)
    case("zero keeps the size", "Reshape", np.zeros((0, 3), F), ints(0, 3))
    case("to a number", "Reshape", f(5), ints())
    case("negative axes", "Squeeze", grid(1, 3, 1), ints(-1))
    case("all axes of one", "Squeeze", grid(1, 3, 1))
    case("negative axes", "Unsqueeze", grid(3), ints(-1, 0))
    case("an attribute", "Unsqueeze", grid(3), opset=11, axes=[-1])
    for axis in (0, 1, 3, -1):
        case(f"axis {axis}", "Flatten", grid(2, 3, 2), axis=axis)
    case("reversed by default", "Transpose", grid(2, 3, 4))
    case("empty", "Transpose", np.zeros((2, 0, 3), F), perm=[2, 0, 1])
    case("no times", "Tile", grid(2, 3), ints(0, 2))
    case("times", "Tile", grid(2, 3), ints(2, 3))
    case("from and to", "Shape", grid(2, 3, 4), start=-2, end=100)
    case("an empty range", "Shape", grid(2, 3, 4), start=2, end=1)
    case("all", "Size", np.zeros((2, 0, 3), F))
    case("nothing", "ConstantOfShape", ints(0, 2))
    case("a number", "ConstantOfShape", ints())
    case("backwards", "Range", Constant(5, F), Constant(-1, F), Constant(-2.5, F))
    case("not whole steps", "Range", Constant(0, I64), Constant(7, I64), Constant(3, I64))
    case("none", "Range", Constant(3, I64), Constant(3, I64), Constant(1, I64))
    case("NaN is not zero", "NonZero", np.array([[0, NAN], [-0.0, 2]], F))
    case("booleans", "NonZero", np.array([[True, False], [True, True]]))
    case("none", "NonZero", np.zeros((2, 2), F))
    case("above the diagonal", "EyeLike", np.zeros((2, 4), F), k=1)
    for upper in (0, 1):
        case(f"the diagonal, upper={upper}", "Trilu", grid(2, 3, 3), upper=upper)
        case(f"below, upper={upper}", "Trilu", grid(3, 4), Constant(-1, I64), upper=upper)
        case(f"beyond, upper={upper}", "Trilu", grid(3, 4), Constant(5, I64), upper=upper)
        case(f"NaN, upper={upper}", "Trilu", np.full((2, 2), NAN, F), upper=upper)
    hot = Constant([0.5, 2], F)
    case("negative indices", "OneHot", np.array([-1, 0, 2], I64), Constant(3, I64), hot)
    case("indices out of range", "OneHot", np.array([3, -4, 1], I64), Constant(3, I64), hot)
    case("the first axis", "OneHot", np.array([[0, 1]], I64), Constant(3, I64), hot, axis=0)
    case("constant", "Pad", grid(2, 3), ints(1, 0, 0, 2), Constant(-INF, F))
    case("negative", "Pad", grid(3, 4), ints(-1, 1, 0, -2), Constant(7, F))
    case("reflected", "Pad", grid(3, 4), ints(1, 2, 2, 3), mode="reflect")
    case("the edge", "Pad", grid(2, 3), ints(1, 2, 0, 1), mode="edge")
    case("wrapped", "Pad", grid(2, 3), ints(0, 1, 0, 2), mode="wrap")
    case("axes", "Pad", grid(2, 3), ints(1, 2), None, ints(-1))
    case("an attribute", "Pad", grid(2, 3), opset=2, pads=[0, 1, 0, 1], value=1.5)
    case("integers", "Pad", np.array([1, 2], I64), ints(1, 1), Constant(-3, I64))
    case("flat", "Compress", grid(2, 3), Constant([True, False, True, True], B))
    case("rows", "Compress", grid(3, 2), Constant([True, False, True], B), axis=0)
    for mode in ("DCR", "CRD"):
        case(mode, "DepthToSpace", grid(1, 8, 1, 2), blocksize=2, mode=mode)
    case("blocks", "SpaceToDepth", grid(1, 2, 2, 4), blocksize=2)
    case("by rows", "ReverseSequence", grid(3, 2), np.array([2, 3], I64), batch_axis=1, time_axis=0)


def casts():
    case("floats", "Cast", f(2.5, 0, -0.0, NAN, INF, -1, 1e-8, 1), to=9)
    case("integers", "Cast", np.array([2, 0, -1, 1], I64), to=9)
    case("towards zero", "Cast", f(1.9, -1.9, 0.5, -0.5, 1e9), to=7)
    case("booleans to floats", "Cast", np.array([True, False]), to=1)
    case("booleans to integers", "Cast", np.array([True, False]), to=7)
    case("integers to bytes wrap", "Cast", np.array([300, -1, 255, 5], I32), to=2)
    case("integers to signed bytes wrap", "Cast", np.array([300, -1, 128, 5], I32), to=3)
    case("integers to 16 bits wrap", "Cast", np.array([70000, -1, 32768, 5], I32), to=5)
    case("large integers", "Cast", np.array([16777217, -16777217], I32), to=1)
    # float16 is widened to float32 on purpose; these numbers are the same in both.
    case("floats to half precision", "Cast", f(0.25, 2048, NAN, -INF), to=10)
    case("to double", "Cast", f(0.1, NAN, -INF), to=11)
    case("to booleans", "CastLike", f(2.5, 0, -1), np.array([True]))
    case("to integers", "CastLike", f(2.5, 0, -1.5), np.array([1], I64))


def matrices():
    case("an infinite sum", "MatMul", np.array([[INF, 1], [0, 2]], F), np.array([[0, 1], [1, 1]], F))
    case("a vector on the left", "MatMul", grid(3), grid(2, 3, 4))
    case("a vector on the right", "MatMul", grid(2, 4, 3), grid(3))
    case("two vectors", "MatMul", grid(3), grid(3))
    case("broadcast batches", "MatMul", grid(2, 1, 2, 3), grid(4, 3, 2))
    case("nothing to sum", "MatMul", np.zeros((2, 0), F), np.zeros((0, 3), F))
    case("an empty batch", "MatMul", np.zeros((0, 2, 3), F), grid(3, 2))
    case("both transposed", "Gemm", grid(3, 2), Constant(grid(4, 3), F), Constant(grid(4), F), transA=1, transB=1, alpha=0.5, beta=2.0)
    case("a column is added", "Gemm", grid(2, 3), Constant(grid(3, 4), F), Constant(grid(2, 1), F))
    case("a number is added", "Gemm", grid(2, 3), Constant(grid(3, 4), F), Constant(2, F))
    case("beta 0", "Gemm", grid(2, 3), Constant(grid(3, 4), F), Constant(grid(1, 4), F), beta=0.0)
    case("nothing is added", "Gemm", grid(2, 3), Constant(grid(3, 4), F))
    for equation, *shapes in (("ij,jk", (2, 3), (3, 2)), ("ij,kj->ik", (2, 3), (4, 3)), ("bhwc,hkc->bhwk", (1, 2, 2, 3), (2, 4, 3)),
                              ("ii->i", (3, 3)), ("ij->", (2, 3)), ("...ij,...jk->...ik", (2, 2, 3), (3, 2)), ("i,j->ji", (2,), (3,)),
                              ("bij,bij->b", (2, 2, 3), (2, 2, 3))):
        case(equation, "Einsum", *(grid(*shape) for shape in shapes), equation=equation)
    case("zero points", "MatMulInteger", np.array([[1, 200], [3, 4]], U8), Constant([[5, 6], [7, 250]], U8), Constant(3, U8), Constant(1, U8))
    case("halves to even, saturated", "QuantizeLinear", f(0.5, 1.5, 2.5, -1, 300, 127), Constant(1, F), Constant(0, U8))
    case("a signed zero point", "QuantizeLinear", f(-200, -0.5, 0.5, 200), Constant(1, F), Constant(10, I8))
    case("by channel", "DequantizeLinear", np.array([[1, 2], [3, 4]], U8), Constant([2, 3], F), Constant([1, 2], U8), axis=1)
    case("a range", "DynamicQuantizeLinear", f(0, 2, -3, -2.6, 1.34, 0.4), outputs=3)
    case("all equal to zero", "DynamicQuantizeLinear", f(1, 2.5, 4), outputs=3)


def windows():
    x = grid(1, 2, 5, 6)
    w = Constant(grid(4, 2, 3, 2), F)
    case("uneven padding", "Conv", x, w, pads=[1, 0, 2, 1])
    case("dilated, with a stride", "Conv", x, w, Constant(grid(4), F), dilations=[2, 1], strides=[1, 2])
    case("groups", "Conv", x, Constant(grid(4, 1, 3, 3), F), group=2, pads=[1, 1, 1, 1])
    case("depthwise", "Conv", x, Constant(grid(2, 1, 3, 3), F), group=2, strides=[2, 2], pads=[0, 1, 1, 0])
    case("one dimension", "Conv", grid(2, 2, 7), Constant(grid(3, 2, 3), F), pads=[1, 1])
    case("three dimensions", "Conv", grid(1, 1, 3, 3, 3), Constant(grid(2, 1, 2, 2, 2), F))
    case("an infinite pixel", "Conv", np.where(np.arange(16) == 5, INF, 1).astype(F).reshape(1, 1, 4, 4), Constant(np.ones((1, 1, 2, 2)), F))
    for pad in ("SAME_UPPER", "SAME_LOWER", "VALID"):
        case(pad, "Conv", x, w, auto_pad=pad, strides=[2, 2])
        case(pad, "MaxPool", x, auto_pad=pad, strides=[2, 2], kernel_shape=[3, 2])
        case(pad, "AveragePool", x, auto_pad=pad, strides=[2, 2], kernel_shape=[3, 2])
    case("a depthwise one of another size", "Conv", x, Constant(grid(4, 1, 2, 2), F), group=2, auto_pad="SAME_LOWER")
    transposed = Constant(grid(2, 3, 3, 2), F)
    case("plain", "ConvTranspose", x, transposed)
    case("a stride and more output", "ConvTranspose", x, transposed, strides=[2, 2], pads=[1, 0, 1, 0], output_padding=[1, 1])
    case("groups", "ConvTranspose", x, Constant(grid(2, 2, 2, 2), F), group=2, strides=[2, 2])
    case("dilated", "ConvTranspose", x, transposed, dilations=[2, 1])
    case("a shape", "ConvTranspose", x, transposed, strides=[2, 2], output_shape=[10, 12])
    case("SAME_UPPER", "ConvTranspose", x, transposed, strides=[2, 2], auto_pad="SAME_UPPER")
    negative = -abs(x) - 1
    case("padding is never the largest", "MaxPool", negative, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    case("NaN", "MaxPool", np.where(np.arange(60) == 8, NAN, x.ravel()).astype(F).reshape(x.shape), kernel_shape=[2, 2])
    case("minus infinity", "MaxPool", np.full((1, 1, 3, 3), -INF, F), kernel_shape=[2, 2])
    case("rounded up", "MaxPool", x, kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1)
    case("rounded up with padding", "MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)
    case("a window that begins in the padding", "MaxPool", grid(1, 1, 4, 4), kernel_shape=[2, 2], strides=[3, 3], pads=[1, 1, 1, 1], ceil_mode=1)
    case("dilated", "MaxPool", x, kernel_shape=[2, 2], dilations=[2, 3])
    case("one dimension", "MaxPool", grid(1, 2, 5), kernel_shape=[2], strides=[2])
    for count in (0, 1):
        case(f"padding counts: {count}", "AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2], count_include_pad=count)
        case(f"rounded up, padding counts: {count}", "AveragePool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1, count_include_pad=count)
        case(f"rounded up with padding, padding counts: {count}", "AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1,
             count_include_pad=count)
    case("uneven padding", "AveragePool", x, kernel_shape=[2, 2], pads=[0, 1, 1, 0])
    case("dilated", "AveragePool", x, kernel_shape=[2, 2], dilations=[2, 2])
    case("plain", "LpPool", x, kernel_shape=[2, 2], p=2)
    case("with padding", "LpPool", x, kernel_shape=[2, 2], pads=[1, 1, 1, 1], p=1, opset=18)
    special = np.array([[[[NAN, 1], [2, 3]], [[-INF, -INF], [-INF, -INF]]]], F)
    for op in ("GlobalAveragePool", "GlobalMaxPool"):
        case("NaN and infinities", op, special)
        case("one dimension", op, grid(2, 3, 4))
    case("p 2", "GlobalLpPool", x)
    up = np.arange(6, dtype=F).reshape(1, 1, 2, 3)
    for transform in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric"):
        case(f"linear, {transform}", "Resize", up, None, Constant([1, 1, 2, 1.5], F), mode="linear", coordinate_transformation_mode=transform)
        case(f"smaller, linear, {transform}", "Resize", x, None, None, ints(1, 2, 3, 1), mode="linear", coordinate_transformation_mode=transform)
        case(f"cubic, {transform}", "Resize", x, None, None, ints(1, 2, 7, 9), mode="cubic", coordinate_transformation_mode=transform, cubic_coeff_a=-0.75)
        for nearest in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
            case(f"nearest, {transform}, {nearest}", "Resize", up, None, Constant([1, 1, 2.5, 1.5], F), mode="nearest",
                 coordinate_transformation_mode=transform, nearest_mode=nearest)
    case("cubic, the outside excluded", "Resize", x, None, None, ints(1, 2, 7, 9), mode="cubic", exclude_outside=1)
    case("smaller, smoothed", "Resize", x, None, None, ints(1, 2, 3, 3), mode="linear", antialias=1)
    case("axes", "Resize", up, None, None, ints(4, 6), mode="linear", axes=[2, 3])
    case("scales", "Upsample", up, Constant([1, 1, 2, 2], F), opset=9, mode="nearest")
    case("scales, linear", "Upsample", up, Constant([1, 1, 2, 2], F), opset=9, mode="linear")
    places = Constant(np.array([[[[-1.2, -1], [0, 0.3], [0.9, 1.4]], [[0.5, -0.5], [1, 1], [-2, 3]]]]), F)
    for mode in ("linear", "nearest", "cubic"):
        for padding in ("zeros", "border", "reflection"):
            for corners in (0, 1):
                case(f"{mode}, {padding}, {corners}", "GridSample", grid(1, 2, 4, 5), places, mode=mode, padding_mode=padding, align_corners=corners)
    columns = grid(1, 12, 4)
    case("overlapping", "Col2Im", columns, ints(3, 3), ints(2, 2))
    case("with padding and a stride", "Col2Im", grid(1, 8, 9), ints(4, 4), ints(2, 2), pads=[1, 1, 1, 1], strides=[2, 2])


def normalizations():
    x = grid(2, 4, 3)
    by_channel = [Constant(grid(4), F), Constant(grid(4, scale=0.2), F)]
    running = [Constant(grid(4, scale=0.1), F), Constant(abs(grid(4)) + 0.2, F)]
    case("a large epsilon", "BatchNormalization", x, *by_channel, *running, epsilon=0.1, opset=15)
    case("statistics of the batch", "BatchNormalization", x, *by_channel, *running, training_mode=1, opset=15)
    case("a constant channel", "InstanceNormalization", np.concatenate([x[:, :3], np.ones((2, 1, 3), F)], 1), *by_channel)
    case("a negative axis", "LayerNormalization", x, Constant(grid(3), F), Constant(grid(3), F), axis=-1)
    case("two axes", "LayerNormalization", x, Constant(grid(4, 3), F), axis=1)
    case("a constant row", "LayerNormalization", np.ones((2, 3), F), Constant(grid(3), F), Constant(grid(3), F))
    case("groups", "GroupNormalization", x, *by_channel, num_groups=2, opset=21)
    for p in (1, 2):
        case(f"a row of zeros, p={p}", "LpNormalization", np.array([[0, 0], [3, -4]], F), axis=-1, p=p, opset=22)
    case("a negative axis", "RMSNormalization", x, Constant(grid(3), F), opset=23)
    case("two axes", "RMSNormalization", x, Constant(grid(4, 3), F), axis=1, opset=23)
    case("across channels", "LRN", grid(1, 5, 2, 2), size=3)
    case("the mean of all", "MeanVarianceNormalization", grid(2, 3, 2, 2))
    case("over the last axis", "Hardmax", np.array([[1, 3, 3], [2, 2, 1]], F))
    q, k, v = grid(1, 2, 3, 4), grid(1, 2, 5, 4, scale=0.3), grid(1, 2, 5, 4)
    case("plain", "Attention", q, k, v, opset=23)
    case("causal", "Attention", q, k, v, opset=23, is_causal=1)
    case("a mask of booleans", "Attention", q, k, v, Constant([[1, 0, 1, 1, 0], [1, 1, 1, 1, 1], [0, 1, 0, 0, 0]], B), opset=23)
    case("a mask of numbers", "Attention", q, k, v, Constant(grid(3, 5), F), opset=23)
    case("fewer heads of keys", "Attention", grid(1, 4, 3, 4), k, v, opset=23)
    cache = Constant(np.cos(grid(6, 2)), F), Constant(np.sin(grid(6, 2)), F)
    positions = np.array([[0, 2, 5]], I64)
    for interleaved in (0, 1):
        case(f"interleaved={interleaved}", "RotaryEmbedding", grid(1, 2, 3, 4), *cache, positions, opset=23, interleaved=interleaved)


def recurrent():
    x = grid(3, 2, 2)
    lengths = np.array([3, 1], I32)
    for direction, count in (("forward", 1), ("reverse", 1), ("bidirectional", 2)):
        w, r, b = (Constant(grid(count, *dims, scale=0.2), F) for dims in ((12, 2), (12, 3), (24,)))
        case(direction, "LSTM", x, w, r, b, outputs=3, hidden_size=3, direction=direction)
        case(f"lengths, {direction}", "LSTM", x, w, r, b, lengths, outputs=3, hidden_size=3, direction=direction)
        w, r, b = (Constant(grid(count, *dims, scale=0.2), F) for dims in ((9, 2), (9, 3), (18,)))
        for before in (0, 1):
            case(f"{direction}, linear_before_reset={before}", "GRU", x, w, r, b, outputs=2, hidden_size=3, direction=direction, linear_before_reset=before)


for family in (elementwise, binary, reductions, moves, casts, matrices, windows, normalizations, recurrent):
    family()
