"""Fine-tunes and B-Tunes targets of a hub on image sets with several seeds, and prints a table.

    python3 run.py --ranktune target/release/ranktune --hub HUB --data flowers5=PATH cifar10=PATH --out RUNS

Only the standard library is needed. Each run is one `ranktune tune`, kept in RUNS/<data>/<target>/<variant>/seed-<s>; one that is
finished is not run again, one that was interrupted goes on. Teachers' predictions are cached by content in RUNS/cache.
"""

import argparse
import json
import os
import statistics
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# The protocol of the reference figures: 128 px, batch 32, SGD with Nesterov momentum 0.9, weight decay 5e-4, head x10, 8 epochs.
PROTOCOL = ["--image-size", "128", "--batch-size", "32", "--epochs", "8", "--weight-decay", "5e-4", "--head-multiplier", "10",
            "--keep", "last", "--validation", "none"]
TEACHED = ["--method", "b-tuning", "--teachers", "3"]

# A variant by name; what it is compared with is the same without teachers.
VARIANTS = {
    "fine-tune frozen 1e-3": ["--method", "fine-tune", "--batch-norm", "frozen", "--learning-rate", "1e-3"],
    "b-tuning 1 frozen 1e-3": [*TEACHED, "--lambda", "1", "--batch-norm", "frozen", "--learning-rate", "1e-3"],
    "b-tuning 10 frozen 1e-3": [*TEACHED, "--lambda", "10", "--batch-norm", "frozen", "--learning-rate", "1e-3"],
    "b-tuning 100 frozen 1e-3": [*TEACHED, "--lambda", "100", "--batch-norm", "frozen", "--learning-rate", "1e-3"],
    "fine-tune train 1e-3": ["--method", "fine-tune", "--batch-norm", "train", "--learning-rate", "1e-3"],
    "b-tuning 10 train 1e-3": [*TEACHED, "--lambda", "10", "--batch-norm", "train", "--learning-rate", "1e-3"],
    "fine-tune adapted 1e-3": ["--method", "fine-tune", "--batch-norm", "adapted", "--learning-rate", "1e-3"],
    "b-tuning 10 adapted 1e-3": [*TEACHED, "--lambda", "10", "--batch-norm", "adapted", "--learning-rate", "1e-3"],
    "fine-tune adapted 1e-2": ["--method", "fine-tune", "--batch-norm", "adapted", "--learning-rate", "1e-2"],
    "fine-tune frozen 1e-2": ["--method", "fine-tune", "--batch-norm", "frozen", "--learning-rate", "1e-2"],
    "fine-tune train 1e-2": ["--method", "fine-tune", "--batch-norm", "train", "--learning-rate", "1e-2"],
    # The later two flags win over those of the protocol: the grid chooses on validation samples.
    "b-tuning auto frozen 1e-3": [*TEACHED, "--lambda", "auto", "--batch-norm", "frozen", "--learning-rate", "1e-3",
                                  "--validation", "0.2"],
}


def baseline(variant):
    """The fine-tuning that a B-Tuning variant is compared with."""
    kind, *rest = variant.split()
    return " ".join(["fine-tune", *rest[1:]]) if kind == "b-tuning" else None


def run(arguments, data, path, target, variant, seed):
    """Test accuracy of one run, made if it is not there; None where it failed."""
    out = arguments.out / data / target / variant.replace(" ", "_") / f"seed-{seed}"
    result = out / "training.json"
    if not result.exists():
        command = [arguments.ranktune, "tune", "--hub", arguments.hub, "--data", path, "--split", "train", "--test", path,
                   "--model", target, "--seed", str(seed), "--out", str(out), "--cache", str(arguments.out / "cache"),
                   "--jobs", str(arguments.threads), *merged(PROTOCOL, VARIANTS[variant])]
        if data in arguments.max_samples:
            command += ["--max-samples", str(arguments.max_samples[data])]
        if out.exists():
            command.append("--resume")
        print("$", " ".join(map(str, command)), flush=True)
        environment = dict(os.environ, RAYON_NUM_THREADS=str(arguments.threads))
        quiet = None if arguments.runs == 1 else subprocess.DEVNULL
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=quiet, env=environment)
        if done.returncode not in (0, 1):
            return None
    return json.loads(result.read_text())["metrics"]["test"]["accuracy"]


def merged(protocol, variant):
    """Flags of the protocol that the variant does not set, and the variant's."""
    kept = [(flag, value) for flag, value in zip(protocol[::2], protocol[1::2]) if flag not in variant]
    return [text for pair in kept for text in pair] + variant


def spread(values):
    deviation = statistics.stdev(values) if len(values) > 1 else float("nan")
    return f"{statistics.mean(values):.3f} ± {deviation:.3f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranktune", default="target/release/ranktune")
    parser.add_argument("--hub", required=True)
    parser.add_argument("--data", nargs="+", required=True, metavar="NAME=PATH")
    parser.add_argument("--targets", nargs="+", default=["mobilenetv2-dogs", "efficientnet-lite0"])
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=1, help="runs beside each other")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of a run")
    parser.add_argument("--max-samples", nargs="*", default=[], metavar="NAME=N")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.max_samples = dict(pair.split("=") for pair in arguments.max_samples)
    sets = dict(pair.split("=", 1) for pair in arguments.data)
    gains = {}
    keys = [(data, target, variant, seed) for seed in range(arguments.seeds) for data in sets for target in arguments.targets
            for variant in arguments.variants]
    with ThreadPoolExecutor(arguments.runs) as pool:
        found = pool.map(lambda key: run(arguments, key[0], sets[key[0]], *key[1:]), keys)
        rows = [(*key, accuracy) for key, accuracy in zip(keys, found)]
    print(f"\n{'data':<10} {'target':<28} {'variant':<28} {'test accuracy':>16} {'gain':>16}")
    for data in sets:
        for target in arguments.targets:
            for variant in arguments.variants:
                pick = {row[3]: row[4] for row in rows if row[:3] == (data, target, variant) and row[4] is not None}
                plain = baseline(variant)
                base = {row[3]: row[4] for row in rows if row[:3] == (data, target, plain) and row[4] is not None}
                paired = [pick[seed] - base[seed] for seed in pick if seed in base]
                gains.setdefault(variant, []).extend(paired)
                if pick:
                    gain = spread(paired) if paired else "-"
                    print(f"{data:<10} {target:<28} {variant:<28} {spread(list(pick.values())):>16} {gain:>16}")
    for variant, values in gains.items():
        if values:
            print(f"gain of {variant} over fine-tuning, all data, targets and seeds: {spread(values)} (n = {len(values)})")


if __name__ == "__main__":
    main()
