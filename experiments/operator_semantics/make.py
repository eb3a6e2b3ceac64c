"""Writes the table of operators' results, `crates/features/tests/operator_semantics.jsonl`, one case a line.

The values are those of ONNX's reference evaluator. ONNX Runtime runs every case too: where the two differ, the specification
decides, and `SETTLED` holds the decision. Needs onnx, numpy, onnxruntime.
"""

import json
import pathlib
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from cases import CASES, Constant
from settled import SETTLED

warnings.filterwarnings("ignore")
TYPES = {"float32": "f32", "int64": "i64", "int32": "i32", "bool": "bool", "uint8": "u8", "int8": "i8", "int16": "i16",
         "float16": "f16", "float64": "f64"}


def model_of(case):
    feeds, initializers, names, infos = {}, [], [], []
    for at, value in enumerate(case["inputs"]):
        if value is None:
            names.append("")
            continue
        names.append(f"x{at}")
        if isinstance(value, Constant):
            initializers.append(numpy_helper.from_array(value.array, f"x{at}"))
        else:
            feeds[f"x{at}"] = value
            infos.append(helper.make_tensor_value_info(f"x{at}", helper.np_dtype_to_tensor_dtype(value.dtype), value.shape))
    outputs = [f"y{at}" for at in range(case["outputs"])]
    node = helper.make_node(case["op"], names, outputs, domain=case["domain"], **case["attributes"])
    graph = helper.make_graph([node], "case", infos, [onnx.ValueInfoProto(name=name) for name in outputs], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", case["opset"])], ir_version=10)
    return model, feeds


def numbers(array):
    special = {"nan": "nan", "inf": "inf", "-inf": "-inf"}
    cells = array.ravel().tolist()
    if array.dtype.kind == "f":
        cells = [special.get(str(x), float(f"{x:.7g}")) if str(x) in special or np.isfinite(x) else str(x) for x in cells]
    return cells


def tensor(array, constant=False):
    entry = {"type": TYPES[str(array.dtype)], "dims": list(array.shape), "values": numbers(array)}
    return entry | ({"constant": True} if constant else {})


def same(a, b):
    if a.shape != b.shape:
        return False
    return np.allclose(a.astype(np.float64), b.astype(np.float64), rtol=1e-4, atol=1e-5, equal_nan=True)


def of_reference(model, feeds):
    return [np.asarray(y) for y in ReferenceEvaluator(model).run(None, feeds)]


def of_runtime(model, feeds):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, feeds)


def attempt(run, model, feeds):
    try:
        return run(model, feeds), None
    except Exception as error:  # the reason is printed
        return None, str(error).strip().splitlines()[-1][:120]


def main():
    lines, open_questions = [], 0
    for case in CASES:
        model, feeds = model_of(case)
        (reference, why), (runtime, why_not) = attempt(of_reference, model, feeds), attempt(of_runtime, model, feeds)
        name = f"{case['op']}: {case['what']}"
        agree = reference and runtime and all(map(same, reference, runtime))
        chosen = reference or runtime
        if not agree:
            settled = SETTLED.get(name)
            if settled is None:
                open_questions += 1
                print(f"{name}\n    reference {why or [y.ravel().tolist() for y in reference]}\n    runtime   {why_not or [y.ravel().tolist() for y in runtime]}")
                continue
            which = settled[0]
            if which == "neither":
                continue
            chosen = reference if which == "reference" else runtime
        inputs = [value and tensor(value.array, True) if isinstance(value, Constant) else (None if value is None else tensor(value)) for value in case["inputs"]]
        lines.append(json.dumps({"name": name, "op": case["op"], "opset": case["opset"], "attributes": case["attributes"],
                                 "inputs": inputs, "outputs": [tensor(np.asarray(y)) for y in chosen]}))
    path = pathlib.Path(__file__).parents[2] / "crates/features/tests/operator_semantics.jsonl"
    path.write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} cases in {path}; {open_questions} on which the two disagree and nothing is settled", file=sys.stderr)
    return open_questions > 0


if __name__ == "__main__":
    sys.exit(main())
