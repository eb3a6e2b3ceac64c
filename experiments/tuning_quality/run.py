"""Fine-tunes and B-Tunes targets of a hub on image sets with several seeds, and prints a table.

    python3 run.py --ranktune target/release/ranktune --hub HUB --data flowers5=PATH cifar10=PATH --out RUNS

Only the standard library is needed. Each run is one `ranktune tune`, kept in RUNS/<data>/<target>/<variant>/seed-<s>; one that is
finished is not run again, one that was interrupted goes on: other settings want another RUNS. Teachers' predictions are cached by content in RUNS/cache.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# The protocol of the reference figures: batch 32, SGD with Nesterov momentum 0.9, weight decay 5e-4, head x10.
PROTOCOL = ["--batch-size", "32", "--weight-decay", "5e-4", "--head-multiplier", "10", "--keep", "last"]
# At 128 px, except two whose inputs have a shape of their own; one is tapped at its pooled features, as in the reference figures.
SIZE = ["--image-size", "128"]
TARGETS = {
    "mobilenetv2-moderation": [*SIZE, "--feature", "/flatten_1/Flatten_output_0"],
    "mtcnn-onet-face": [],
    "ppocr-text-orientation": [],
}


def settings(variant):
    """A variant is `fine-tune BATCH_NORM RATE`, `b-tuning LAMBDA BATCH_NORM RATE` or the same with `published`, whose head answers alone; several
    lambdas with commas between are a grid, of which the tool keeps one by the validation samples, as `--lambda auto` does; so is a RATE of
    auto (with a BATCH_NORM of auto)."""
    kind, *taught, batch_norm, rate = variant.split()
    shared = ["--batch-norm", batch_norm, "--learning-rate", rate]
    if not taught:
        return ["--method", kind, *shared]
    alone = ["--read-out", "0"] if kind == "published" else []
    return ["--method", "b-tuning", *shared, "--teachers", "3", "--lambda", taught[0], *alone]


def baseline(variant):
    """The fine-tuning that a B-Tuning variant is compared with."""
    kind, *rest = variant.split()
    return " ".join(["fine-tune", *rest[1:]]) if kind in ("b-tuning", "published") else None


def folder(arguments, data, target, variant, seed):
    return arguments.out / data / target / variant.replace(" ", "_") / f"seed-{seed}"


def is_grid(variant):
    """Whether the tool chooses by the validation samples."""
    return "," in variant or variant.endswith("auto")


def parts(variant):
    """The single runs that a grid tries, by the folder that it keeps them in."""
    kind, *taught, batch_norm, rate = variant.split()
    if rate == "auto":
        taught = " ".join([kind, *taught])
        unusual = [(rate, way) for rate in ("3e-3", "1e-2") for way in ("frozen", "train")]
        folders = {f"{taught} {way} {rate}": f"rate-{float(rate)}-{way.replace('train', 'batch')}" for rate, way in unusual}
        return {f"{taught} frozen 1e-3": "rate-0.001", **folders}
    singles = {value: f"{kind} {value} {batch_norm} {rate}" if float(value) else baseline(variant) for value in taught[0].split(",")}
    return {single: f"lambda-{value}" for value, single in singles.items()}


def reuse(arguments, data, target, variant, seed):
    """Puts single runs where a grid has its own: the tool goes on from their last checkpoints, that is, at their ends."""
    for single, name in parts(variant).items() if is_grid(variant) else ():
        source = folder(arguments, data, target, single, seed)
        place = folder(arguments, data, target, variant, seed) / "grid" / name
        if (source / "training.json").exists() and not place.exists():
            shutil.copytree(source / "checkpoints", place / "checkpoints")
            shutil.copy(source / "log.jsonl", place)


def run(arguments, data, path, target, variant, seed):
    """What one run wrote, which is made if it is not there; None where it failed."""
    out = folder(arguments, data, target, variant, seed)
    result = out / "training.json"
    if not result.exists():
        reuse(arguments, data, target, variant, seed)
        command = [arguments.ranktune, "tune", "--hub", arguments.hub, "--data", path, "--split", "train", "--test", path,
                   "--model", target, "--seed", str(seed), "--out", str(out), "--cache", str(arguments.out / "cache"),
                   "--jobs", str(arguments.threads), "--validation", arguments.validation, *PROTOCOL, *TARGETS.get(target, SIZE),
                   "--epochs", str(arguments.epochs), *settings(variant)]
        if arguments.views:
            command += ["--views", str(arguments.views)]
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
    parser.add_argument("--variants", nargs="+", default=["fine-tune frozen 1e-3", "b-tuning 10 frozen 1e-3"],
                        help=settings.__doc__)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--views", type=int, help="views of every image, for fine-tuning too [a new one every epoch; with teachers 4]")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=1, help="runs beside each other")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of a run")
    parser.add_argument("--validation", default="none", metavar="SHARE",
                        help="share of the training samples to choose on; a variant that is a grid needs one")
    parser.add_argument("--max-samples", nargs="*", default=[], metavar="NAME=N")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.max_samples = dict(pair.split("=") for pair in arguments.max_samples)
    sets = dict(pair.split("=", 1) for pair in arguments.data)
    keys = [(data, target, variant, seed) for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds) for data in sets for target in arguments.targets
            for variant in arguments.variants]
    # Grids go on from the single runs.
    runs = {}
    for grids in (False, True):
        part = [key for key in keys if is_grid(key[2]) is grids]
        with ThreadPoolExecutor(arguments.runs) as pool:
            found = pool.map(lambda key: run(arguments, key[0], sets[key[0]], *key[1:]), part)
            runs.update({key: one for key, one in zip(part, found) if one})
    accuracies = {key: accuracy(one) for key, one in runs.items()}
    report(accuracies, sets, arguments.targets, arguments.variants)


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
