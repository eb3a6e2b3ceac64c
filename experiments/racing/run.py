"""Races against full rankings: are the first three the same, and what part of the inference time does a race take?

    python3 experiments/racing/run.py HUB DATA [--seeds 3] [--top-k 3] [-- further flags of ranktune rank]

Needs Python alone, and `cargo build --release` before. Nothing is cached. For every seed there is one full ranking and one race on the same
order of the samples, in turn. Two shares of time are printed: as measured, and at the pace of the full ranking (samples that each model
saw in the race, times its seconds a sample in the full ranking), which other work on the machine cannot blur.
"""

import argparse
import json
import os
import subprocess
import sys

BINARY = os.environ.get("RANKTUNE", "target/release/ranktune")


def rank(hub, data, more):
    command = [BINARY, "rank", "--hub", hub, "--data", data, "--format", "json", "--no-cache", *more]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode > 1:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout)


def main():
    own, _, more = " ".join(sys.argv[1:]).partition(" -- ")
    parser = argparse.ArgumentParser()
    parser.add_argument("hub")
    parser.add_argument("data")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--top-k", type=int, default=3)
    arguments = parser.parse_args(own.split())
    k = arguments.top_k
    print(f"{'seed':>4}  {'same first ' + str(k):>12}  {'same order':>10}  {'measured':>8}  {'at pace':>7}  ended     models on samples")
    for seed in range(arguments.seeds):
        flags = ["--seed", str(seed), "--scores", "logme", *more.split()]
        full = rank(arguments.hub, arguments.data, flags)
        race = rank(arguments.hub, arguments.data, [*flags, "--race", "--top-k", str(k)])
        samples = full["data"]["samples"]
        pace = {model["name"]: model["seconds"]["extract"] / samples for model in full["models"]}
        whole = sum(pace.values()) * samples
        at_pace = sum(pace[model["name"]] * model["race"]["samples"] for model in race["models"]) / whole
        measured = sum(model["seconds"]["extract"] for model in race["models"]) / whole
        first = [[model["name"] for model in ranking["models"][:k]] for ranking in (full, race)]
        rounds = ", ".join(f"{r['models']} on {r['samples']}" for r in race["race"]["rounds"])
        same, ordered = sorted(first[0]) == sorted(first[1]), first[0] == first[1]
        print(
            f"{seed:>4}  {'yes' if same else 'NO':>12}  {'yes' if ordered else 'no':>10}  {measured:>8.2f}  {at_pace:>7.2f}"
            f"  {race['race']['ended']:<8}  {rounds}",
            flush=True,
        )


main()
