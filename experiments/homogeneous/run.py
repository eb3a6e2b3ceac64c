"""A homogeneous hub, made of one backbone, and the tuning methods on it.

    python experiments/homogeneous/run.py --binary ranktune --backbone HUB/MODEL --sources DATA… --targets DATA… --out DIR

1. The backbone is fine-tuned on each source set: a hub of models of one architecture and one ancestor.
2. The hub is ranked on each target set by LogME.
3. Every model of the hub is fine-tuned on each target set: the accuracies that the ranking is compared with.
4. The first of the ranking is tuned by the other methods.

Prints a table per target set: accuracy on the test split and seconds, and Kendall's weighted tau of the ranking.
"""

import argparse
import csv
import json
import subprocess
import tempfile
from pathlib import Path

METHODS = ["b-tuning", "distillation", "l2-sp", "bss", "delta", "wise-ft", "source-soup", "stacked", "ensemble"]
OF_SEVERAL = ["stacked", "ensemble"]


def run(binary, *arguments):
    done = subprocess.run([binary, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        return done.stderr.strip().splitlines()[-1]
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="ranktune")
    parser.add_argument("--backbone", type=Path, required=True)
    parser.add_argument("--sources", type=Path, nargs="+", required=True)
    parser.add_argument("--targets", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--source-samples", type=int, default=300)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--image-size", type=int, default=96)
    parser.add_argument("--learning-rate", default="1e-2")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    common = ["--epochs", args.epochs, "--learning-rate", args.learning_rate, "--image-size", args.image_size]
    common += ["--no-record", "--format", "json", "--seed", args.seed]
    hub = args.out / "hub"
    for source in args.sources:
        out = hub / source.name
        if not (out / "training.json").exists():
            data = ["--data", source, "--max-samples", args.source_samples, "--test", "none"]
            found = run(args.binary, "tune", "--hub", args.backbone, "--method", "fine-tune", *data, *common, "--out", out)
            print(source.name, found if isinstance(found, str) else found["metrics"]["validation"], flush=True)
    for target in args.targets:
        data = ["--data", target, "--max-samples", args.samples]
        ranking = args.out / f"{target.name}-ranking"
        ranked = run(args.binary, "rank", "--hub", hub, *data, "--no-record", "--format", "json", "--out", ranking)
        names = [model["name"] for model in ranked["models"]]
        rows, accuracies = [], {}

        def tuned(method, model):
            out = args.out / target.name / f"{method}-{model or 'several'}"
            named = [] if model is None else ["--model", model]
            arguments = ["--hub", hub, "--ranking", ranking / "ranking.json", "--method", method, *named, *data, *common]
            found = run(args.binary, "tune", *arguments, "--out", out)
            if isinstance(found, str):
                rows.append((method, model, found, ""))
                return None
            accuracy = found["metrics"]["test"]["accuracy"]
            rows.append((method, model, f"{accuracy:.3f}", f"{found['seconds']:.0f}"))
            return accuracy

        for name in names:
            accuracies[name] = tuned("fine-tune", name)
        for method in METHODS:
            tuned(method, None if method in OF_SEVERAL else names[0])
        print(f"\n{target.name}: ranking {', '.join(names)}")
        with tempfile.NamedTemporaryFile("w", suffix=".csv", newline="", delete=False) as truth:
            table = csv.writer(truth)
            table.writerow(["model", "accuracy"])
            table.writerows((name, value) for name, value in accuracies.items() if value is not None)
        compared = run(args.binary, "compare", ranking / "ranking.json", truth.name, "--format", "json")
        print("weighted tau", compared if isinstance(compared, str) else compared["weighted_tau"])
        for row in rows:
            print("| " + " | ".join(str(cell or "–") for cell in row) + " |", flush=True)


if __name__ == "__main__":
    main()
