"""LogME of this project beside transformer-ranker's and the published algorithm, on features of models of a hub, in one process.

    pip install ./bindings/python torch torchmetrics && pip install --no-deps transformer-ranker==0.2.0
    python experiments/peers/run.py --hub ../shared/hub --data ../shared/data
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import statistics
import sys
import tempfile
import time
import types
from pathlib import Path

import numpy as np
import ranktune
import torch

MODELS = ["paraphrase-MiniLM-L3-v2", "wordllama-l2-supercat-64", "glove-6b-50d-30k"]


def estimators():
    """Only the estimators of transformer-ranker: the rest imports packages that read data sets."""
    folder = Path(importlib.util.find_spec("transformer_ranker").submodule_search_locations[0])
    package = types.ModuleType("transformer_ranker")
    package.__path__ = [str(folder)]
    sys.modules["transformer_ranker"] = package
    from transformer_ranker.estimators.hscore import HScore
    from transformer_ranker.estimators.logme import LogME

    return LogME, HScore


def timed(call, repeats=5):
    """The value, and the median time in milliseconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        value = call()
        times.append(1e3 * (time.perf_counter() - start))
    return value, statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hub", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    logging.getLogger("ranktune").setLevel(logging.ERROR)
    peer, shrinkage = estimators()
    print("| data, model | n, d | LogME | published value | transformer-ranker | ms | its ms | ratio | shrinkage H-score | its |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    cases = [("trec", "classification", None), ("stsb", "regression", None), ("trec", "classification", 300)]
    for data, task, limit in cases:
        for model in MODELS:
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "features.safetensors"
                ranktune.features(arguments.hub / model, arguments.data / data, out, no_cache=True, max_samples=limit)
                F, y = read(out)
            F = np.array(F[:limit])
            y = y[:limit]
            value, ours = timed(lambda: ranktune.logme(F, y, task=task))
            reference = ranktune.score(F, y, scores=["logme"], task=task, compat="published").value("logme")
            tensors = torch.from_numpy(F), torch.from_numpy(y)
            other, theirs = timed(lambda: peer(regression=task == "regression").fit(*tensors))
            line = f"| {data}, {model} | {F.shape[0]}, {F.shape[1]} | {value:.5f} | {reference:.5f} | {other:.5f} "
            line += f"| {ours:.1f} | {theirs:.1f} | {theirs / ours:.1f} "
            if task == "classification":
                line += f"| {ranktune.shrinkage_h_score(F, y):.4f} | {shrinkage().fit(*tensors):.4f} |"
            else:
                line += "| – | – |"
            print(line, flush=True)


def read(path):
    """The features and labels of a file of safetensors."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    kinds = {"F32": np.float32, "F64": np.float64, "I64": np.int64, "U32": np.uint32, "I32": np.int32}

    def array(name):
        about = header[name]
        start, end = (8 + length + offset for offset in about["data_offsets"])
        return np.frombuffer(content[start:end], kinds[about["dtype"]]).reshape(about["shape"])

    targets = array("labels") if "labels" in header else array("targets")
    return array("features"), targets.astype(np.int64 if targets.dtype.kind in "iu" else np.float64).squeeze()


if __name__ == "__main__":
    main()
