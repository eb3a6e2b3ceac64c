"""LogME of `ranktune score` against the published algorithm in NumPy, whole process against whole process.

    python experiments/logme_speed/run.py [--ranktune target/release/ranktune] [-n 10000] [-d 2048] [-c 100] [--runs 5]

Makes one data set in a temporary folder, runs the two programs in turn (so that both see the same machine), and prints
every time, the medians, their ratio, and both values.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent


def make(folder, n, d, c):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, c, n)
    labels[:c] = np.arange(c)
    centres = rng.normal(size=(c, d))
    # As features of a network: not negative, correlated, of unequal scale, the classes overlapping.
    mixing = rng.normal(size=(d, d)) * (np.arange(1, d + 1) ** -0.5) / np.sqrt(d)
    f = np.maximum(0.15 * centres[labels] + rng.normal(size=(n, d)) @ mixing.T * 3 + 0.2, 0).astype(np.float32)
    np.save(folder / "features.npy", f)
    np.save(folder / "labels.npy", labels)


def timed(command):
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return seconds, json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranktune", default="target/release/ranktune")
    parser.add_argument("-n", type=int, default=10_000)
    parser.add_argument("-d", type=int, default=2_048)
    parser.add_argument("-c", type=int, default=100)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        make(folder, args.n, args.d, args.c)
        data = ["--features", folder / "features.npy", "--targets", folder / "labels.npy"]
        commands = {
            "ranktune": [args.ranktune, "score", *data, "--format", "json"],
            "published": [sys.executable, HERE / "published.py", *data],
        }
        seconds = {name: [] for name in commands}
        answers = {}
        for _ in range(args.runs):
            for name, command in commands.items():
                took, answers[name] = timed(command)
                seconds[name].append(took)
    print(f"n = {args.n}, d = {args.d}, c = {args.c}, {args.runs} runs in turn")
    for name, times in seconds.items():
        print(f"{name:>10}: median {statistics.median(times):.2f} s   ({', '.join(f'{t:.2f}' for t in times)})")
    ratio = statistics.median(seconds["published"]) / statistics.median(seconds["ranktune"])
    print(f"ranktune is {ratio:.1f} times as fast")
    print(f"LogME: ranktune {answers['ranktune']['scores']['logme']['value']:.6f}, "
          f"published {answers['published']['logme']:.6f}")


if __name__ == "__main__":
    main()
