"""Fine-tunes and B-Tunes targets of a hub on image sets with several seeds, and prints a table.

    python3 run.py --ranktune target/release/ranktune --hub HUB --data flowers5=PATH cifar10=PATH --out RUNS

Only the standard library is needed. Each run is one `ranktune tune`, kept in RUNS/<data>/<target>/<variant>/seed-<s>; one that is
finished is not run again, one that was interrupted goes on: other settings want another RUNS. Teachers' predictions are cached by content in RUNS/cache.
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
            "--keep", "last"]
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
}


def baseline(variant):
    """The fine-tuning that a B-Tuning variant is compared with."""
    kind, *rest = variant.split()
    return " ".join(["fine-tune", *rest[1:]]) if kind == "b-tuning" else None


def run(arguments, data, path, target, variant, seed):
    """What one run wrote, which is made if it is not there; None where it failed."""
    out = arguments.out / data / target / variant.replace(" ", "_") / f"seed-{seed}"
    result = out / "training.json"
    if not result.exists():
        command = [arguments.ranktune, "tune", "--hub", arguments.hub, "--data", path, "--split", "train", "--test", path,
                   "--model", target, "--seed", str(seed), "--out", str(out), "--cache", str(arguments.out / "cache"),
                   "--jobs", str(arguments.threads), "--validation", arguments.validation, *PROTOCOL, *VARIANTS[variant]]
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
    return json.loads(result.read_text())


def chosen(runs):
    """The run that `--lambda auto` keeps of those that train on the same samples: the best validation accuracy, then the lower loss.
    It trains each of them in the same way, so nothing has to be run twice to know."""
    def validation(run):
        last = run["history"][run["chosen_epoch"] - 1]["validation"]
        return last["accuracy"], -last["loss"]
    return max(runs, key=validation)


def accuracy(run):
    return run["metrics"]["test"]["accuracy"]


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
    parser.add_argument("--validation", default="none", metavar="SHARE",
                        help="share of the training samples to choose lambda on: adds what --lambda auto keeps of the lambdas")
    parser.add_argument("--max-samples", nargs="*", default=[], metavar="NAME=N")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.max_samples = dict(pair.split("=") for pair in arguments.max_samples)
    sets = dict(pair.split("=", 1) for pair in arguments.data)
    keys = [(data, target, variant, seed) for seed in range(arguments.seeds) for data in sets for target in arguments.targets
            for variant in arguments.variants]
    with ThreadPoolExecutor(arguments.runs) as pool:
        found = pool.map(lambda key: run(arguments, key[0], sets[key[0]], *key[1:]), keys)
        runs = {key: one for key, one in zip(keys, found) if one}
    accuracies = {key: accuracy(one) for key, one in runs.items()}
    variants = list(arguments.variants)
    if arguments.validation != "none":
        for plain in [variant for variant in variants if variant.startswith("fine-tune")]:
            name = plain.replace("fine-tune", "b-tuning auto")
            grid = [variant for variant in arguments.variants if variant == plain or baseline(variant) == plain]
            if len(grid) == 1:
                continue
            variants.append(name)
            for data, target, seed in dict.fromkeys((key[0], key[1], key[3]) for key in keys):
                tried = [(data, target, variant, seed) for variant in grid]
                if all(key in runs for key in tried):
                    accuracies[data, target, name, seed] = accuracy(chosen([runs[key] for key in tried]))
    report(accuracies, sets, arguments.targets, variants)


def report(accuracies, sets, targets, variants):
    """The table: test accuracy over the seeds, and the gain over the fine-tuning of the same seed."""
    gains = {}
    print(f"\n{'data':<10} {'target':<28} {'variant':<28} {'test accuracy':>16} {'gain':>16}")
    for data in sets:
        for target in targets:
            of = {variant: {key[3]: value for key, value in accuracies.items() if key[:3] == (data, target, variant)}
                  for variant in variants}
            for variant, found in of.items():
                plain = of.get(baseline(variant), {})
                paired = [found[seed] - plain[seed] for seed in found if seed in plain]
                gains.setdefault(variant, []).extend(paired)
                if found:
                    gain = spread(paired) if paired else "-"
                    print(f"{data:<10} {target:<28} {variant:<28} {spread(list(found.values())):>16} {gain:>16}")
    for variant, values in gains.items():
        if values:
            print(f"gain of {variant} over fine-tuning, all data, targets and seeds: {spread(values)} (n = {len(values)})")


if __name__ == "__main__":
    main()
