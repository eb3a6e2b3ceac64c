"""The speed table of the README again: `python experiments/speed/run.py HUB DATA`.

    cargo build --release -p ranktune-cli
    cargo build --release -p ranktune-train --example step_speed
    pip install numpy                  # also torch and onnx for the row of a training step, onnxruntime for that of inference

Every row runs what is compared in turn, as whole processes, and prints the median of wall-clock and of processor time and the ratio of
both. Ratios of one run hold on any machine; seconds do not. A row whose packages are not installed is left out and named.
"""

import argparse
import importlib.util
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
STEP = re.compile(r"median ([\d.]+).*?fastest ([\d.]+).*?processor ([\d.]+)")


def timed(command):
    """Wall-clock and processor seconds of a process, and what it printed."""
    with tempfile.TemporaryFile("w+") as printed, tempfile.TemporaryFile("w+") as errors:
        begun = time.perf_counter()
        process = subprocess.Popen([str(part) for part in command], stdout=printed, stderr=errors, text=True)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        errors.seek(0)
        # 1: something was left out, such as an image that cannot be read.
        if process.returncode not in (0, 1):
            sys.exit(f"{command}: {errors.read()}")
        return wall, usage.ru_utime + usage.ru_stime, printed.read()


def in_turn(commands, rounds, seconds=lambda run: run[:2]):
    """Median wall-clock and processor time of each command."""
    runs = [[] for _ in commands]
    for _ in range(rounds):
        for own, command in zip(runs, commands):
            own.append(seconds(timed(command)))
    return [tuple(statistics.median(column) for column in zip(*own)) for own in runs]


def row(work, ours, theirs, name):
    (wall, cpu), (their_wall, their_cpu) = ours, theirs
    print(
        f"| {work} | {wall:.2f} s | {cpu:.2f} s | {name} | {their_wall:.2f} s | {their_cpu:.2f} s "
        f"| {wall / their_wall:.2f} | {cpu / their_cpu:.2f} |",
        flush=True,
    )


def has(*packages):
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        print(f"left out: a row that needs {', '.join(missing)}", file=sys.stderr)
    return not missing


def evidence(options, folder):
    """LogME of 10,000 × 2,048 features, 100 classes, against the published code."""
    if not has("numpy"):
        return
    import numpy as np

    n, d, c = options.shape
    rng = np.random.default_rng(0)
    labels = rng.integers(0, c, n)
    features = (rng.standard_normal((n, d)) + 0.2 * rng.standard_normal((c, d))[labels]).astype(np.float32)
    np.save(folder / "features.npy", features)
    np.save(folder / "labels.npy", labels)
    files = [folder / "features.npy", folder / "labels.npy"]
    ours = [options.ranktune, "score", "--features", files[0], "--targets", files[1], "--scores", "logme"]
    theirs = [sys.executable, HERE.parent / "logme_speed" / "published.py", "--features", files[0], "--targets", files[1]]
    row(f"LogME, {n:,} × {d:,}, {c} classes", *in_turn([ours, theirs], options.rounds), "published code in NumPy")


def ranking(options, *more):
    data = ["--data", options.data, "--max-samples", options.samples, "--no-cache", "--format", "json"]
    return [options.ranktune, "rank", "--hub", options.hub, *data, *more]


def race(options, _):
    ours, full = in_turn([ranking(options, "--race"), ranking(options)], options.rounds)
    row("race of the models of the hub", ours, full, "a full ranking")


def step(options, _):
    if not has("torch", "onnx"):
        return
    model = options.hub / options.model / "model.onnx"
    sizes = ["--size", "128", "--batch", "32", "--steps", "4", "--device", "cpu"]
    torch_step = HERE.parent / "step_speed" / "torch_step.py"
    commands = [[options.step, *sizes, model], [sys.executable, "-W", "ignore", torch_step, model, *sizes, "--threads", "2"]]

    def fastest(run):
        found = STEP.search(run[2])
        return (float(found[2]), float(found[3])) if found else sys.exit(f"no time in {run[2]!r}")

    row(f"training step, {options.model}", *in_turn(commands, options.rounds, fastest), "PyTorch")


def inference(options, _):
    if not has("onnxruntime"):
        return
    one = argparse.Namespace(**{**vars(options), "hub": options.hub / options.model})
    commands = [ranking(one, "--engine", "rten"), ranking(one, "--engine", "onnxruntime")]
    row(f"whole ranking, {options.model}", *in_turn(commands, options.rounds), "with ONNX Runtime")


ROWS = {"evidence": evidence, "race": race, "step": step, "inference": inference}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("hub", type=pathlib.Path, help="a folder of models of images")
    parser.add_argument("data", type=pathlib.Path, help="images in class folders")
    parser.add_argument("--rows", nargs="*", choices=ROWS, default=list(ROWS))
    parser.add_argument("--model", default="mobilenetv2-dogs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--shape", type=int, nargs=3, default=[10_000, 2048, 100], metavar=("N", "D", "C"))
    parser.add_argument("--ranktune", default="target/release/ranktune")
    parser.add_argument("--step", default="target/release/examples/step_speed")
    options = parser.parse_args()
    print("| work | ranktune | processor | compared with | time | processor | ratio | of processor time |")
    print("|---|---:|---:|---|---:|---:|---:|---:|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in options.rows:
            ROWS[name](options, pathlib.Path(folder))


if __name__ == "__main__":
    main()
