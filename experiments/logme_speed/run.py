"""LogME of `ranktune score` against the published algorithm in NumPy: whole processes, and kernels.

    python experiments/logme_speed/run.py [--ranktune target/release/ranktune] [--shapes all|small|N,D,C …] [--runs 5]

For every shape it makes a data set in a temporary folder, runs the programs in turn (so that all see the same machine) and prints every
time, the medians and their ratios. Programs: `ranktune score`, the same with `--precision fast`, `published.py`, the bare symmetric product
of the same data in f64 (NumPy), and, where PyTorch can be imported, the formula of transformer-ranker (`torch_logme.py`).
"""

import argparse
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

try:
    import numpy as np
except ImportError:
    sys.exit("this experiment needs NumPy: pip install numpy")

HERE = pathlib.Path(__file__).resolve().parent
# n, d, c, and what the ratio of whole processes should be at least, in f64 and fast.
SHAPES = {
    (1_000, 2_048, 10): (5.0, None),
    (10_000, 2_048, 100): (5.0, 8.0),
    (50_000, 2_048, 1_000): (20.0, None),
}
# Variables that make NumPy choose another kernel than its own best.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}


def make(folder, n, d, c):
    """As features of a network: not negative, correlated, of unequal scale, the classes overlapping."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, c, n)
    labels[:c] = np.arange(c)
    centres = rng.standard_normal((c, d), dtype=np.float32)
    mixing = (rng.standard_normal((d, d), dtype=np.float32) * (np.arange(1, d + 1, dtype=np.float32) ** -0.5)) / np.float32(np.sqrt(d))
    f = np.empty((n, d), dtype=np.float32)
    for start in range(0, n, 5_000):
        rows = slice(start, min(n, start + 5_000))
        noise = rng.standard_normal((len(f[rows]), d), dtype=np.float32) @ mixing.T
        f[rows] = np.maximum(np.float32(0.15) * centres[labels[rows]] + 3 * noise + np.float32(0.2), 0)
    np.save(folder / "features.npy", f)
    np.save(folder / "labels.npy", labels)


def timed(command):
    start = time.perf_counter()
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=ENVIRONMENT)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return seconds, json.loads(done.stdout)


def compare(args, n, d, c):
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        folder = pathlib.Path(folder)
        make(folder, n, d, c)
        data = ["--features", folder / "features.npy", "--targets", folder / "labels.npy"]
        score = [args.ranktune, "score", *data, "--format", "json"]
        commands = {
            "ranktune": score,
            "ranktune fast": [*score, "--precision", "fast"],
            "published": [sys.executable, HERE / "published.py", *data],
            "bare product": [sys.executable, HERE / "published.py", *data, "--product"],
        }
        if importlib.util.find_spec("torch"):
            commands["torch"] = [sys.executable, HERE / "torch_logme.py", *data]
        seconds = {name: [] for name in commands}
        kernels = {name: [] for name in commands}
        answers = {}
        timed(score)  # the files are in memory from here on, for everybody
        for run in range(args.runs):
            for name, command in commands.items():
                if name in ("published", "torch") and run >= args.slow_runs:
                    continue
                took, answers[name] = timed(command)
                seconds[name].append(took)
                if "seconds" in answers[name]:
                    kernels[name].append(answers[name]["seconds"])
    print(f"\nn = {n}, d = {d}, c = {c}; medians of runs in turn")
    for name, times in seconds.items():
        kernel = f", kernel alone {statistics.median(kernels[name]):.2f} s" if kernels[name] else ""
        print(f"{name:>14}: {statistics.median(times):.2f} s{kernel}   ({', '.join(f'{t:.2f}' for t in times)})")
    whole = {name: statistics.median(times) for name, times in seconds.items()}
    goals = SHAPES.get((n, d, c), (None, None))
    for name, goal in zip(("ranktune", "ranktune fast"), goals):
        wanted = f" (wanted: {goal:.0f})" if goal else ""
        print(f"{name} is {whole['published'] / whole[name]:.1f} times as fast as the published algorithm{wanted}")
        if "torch" in whole:
            print(f"{name} is {whole['torch'] / whole[name]:.1f} times as fast as transformer-ranker's formula in PyTorch")
    if n > d:
        product = statistics.median(kernels["bare product"])
        print(f"whole score / bare f64 symmetric product: {whole['ranktune'] / product:.2f}")
    print("LogME: " + ", ".join(f"{name} {value(answer):.9f}" for name, answer in answers.items() if name != "bare product"))
    fast = answers["ranktune fast"]["scores"]["logme"]
    if "error_bound" in fast:
        print(f"fast: said to be off by at most {fast['error_bound']:.1e}, is off by {abs(value(answers['ranktune']) - fast['value']):.1e}")


def value(answer):
    return answer["scores"]["logme"]["value"] if "scores" in answer else answer["logme"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranktune", default="target/release/ranktune")
    parser.add_argument("--shapes", nargs="*", default=["all"])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--slow-runs", type=int, default=3, help="runs of the published algorithm, which takes minutes on the largest shape")
    parser.add_argument("--folder", help="where the data are made; default: the system's temporary folder")
    args = parser.parse_args()
    shapes = list(SHAPES) if args.shapes == ["all"] else list(SHAPES)[:2] if args.shapes == ["small"] else None
    for shape in shapes or [tuple(map(int, shape.split(","))) for shape in args.shapes]:
        compare(args, *shape)


if __name__ == "__main__":
    main()
