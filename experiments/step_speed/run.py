"""Training steps of ranktune and of PyTorch, in turn: seconds, ratios, peak memory.

    cargo build --release -p ranktune-train --example step_speed
    python experiments/step_speed/run.py HUB [MODEL…|timm:NAME…] [--rounds 3] [--steps 4] [--size 128] [--batch 32] [--threads 2]

Every round runs three processes one after the other: PyTorch as it is, PyTorch with channels last, ranktune. What counts is the fastest
step of all rounds; processor time is beside it, because it says more where the machine does other work as well.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
MODELS = ["resnet50-thin-moderation", "mobilenetv2-dogs", "efficientnet-lite0", "efficientnet-b0-photo-vs-drawing"]
LINE = re.compile(r"median ([\d.]+).*?fastest ([\d.]+).*?processor ([\d.]+).*?MiB ([\d.]+)")


def one(command, threads):
    # glibc gives large blocks back to the system after every use; PyTorch is a tenth to a half slower with that.
    environment = dict(
        os.environ, OMP_NUM_THREADS=str(threads), RAYON_NUM_THREADS=str(threads), MALLOC_TOP_PAD_="1073741824",
        MALLOC_MMAP_THRESHOLD_="4294967296", MALLOC_TRIM_THRESHOLD_="4294967296",
    )
    printed = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True)
    found = LINE.search(printed.stdout)
    if not found:
        sys.exit(f"{command}: {printed.stdout}{printed.stderr}")
    return [float(number) for number in found.groups()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("hub", type=pathlib.Path)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--binary", default="target/release/examples/step_speed")
    for name, default in [("rounds", 3), ("steps", 4), ("size", 128), ("batch", 32), ("threads", 2)]:
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--device", default="cpu", help="cpu, or cuda with a build that has that feature")
    parser.add_argument("--evaluate", action="store_true", help="the forward pass alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(options, folder)


def compare(options, folder):
    sizes = ["--size", options.size, "--batch", options.batch, "--steps", options.steps, "--device", options.device]
    if options.evaluate:
        sizes.append("--evaluate")
    print(f"{options.device}, {'forward' if options.evaluate else 'training'}, {options.size} px, batch {options.batch}, {options.threads} threads, {options.rounds} rounds of {options.steps} steps")
    for name in options.models:
        step = [sys.executable, "-W", "ignore", HERE / "torch_step.py"]
        path = model = options.hub / name / "model.onnx"
        if name.startswith("timm:"):
            path, model = pathlib.Path(folder) / f"{name[5:]}.onnx", name
            subprocess.run([*step, name, "--size", str(options.size), "--export", path], check=True, capture_output=True)
        python = [*step, model, *sizes, "--threads", options.threads]
        sides = {
            "plain": python,
            "channels last": [*python, "--channels-last"],
            "ranktune": [options.binary, *sizes, path],
        }
        runs = {side: [] for side in sides}
        for _ in range(options.rounds):
            for side, command in sides.items():
                runs[side].append(one(command, options.threads))
        best = {side: [min(run[column] for run in found) for column in (1, 2, 3)] for side, found in runs.items()}
        print(name)
        for side, (fastest, used, peak) in best.items():
            ratios = ", ".join(f"{best['ranktune'][i] / [fastest, used, peak][i]:.2f}" for i in range(3))
            against = "" if side == "ranktune" else f"   ranktune takes: time, processor time, memory × {ratios}"
            print(f"  {side:>13}: {fastest:.3f} s a step, {used:.3f} s of processor time, {peak:.0f} MiB{against}")


if __name__ == "__main__":
    main()
