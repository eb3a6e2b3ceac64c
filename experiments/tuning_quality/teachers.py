"""What teachers know: the read-out of each one's frozen features on test data, and of their mixture, by NumPy alone.

    ranktune features --model HUB/TEACHER --data DATA --split train --out TEACHER-train.safetensors      # and test; for every teacher
    python3 teachers.py TEACHER-train.safetensors:TEACHER-test.safetensors ... [--every 2]

The read-out is the posterior mean at the alpha and beta of maximum evidence (a grid of their ratio here), the mixture that of
B-Tuning: shares softmax(LogME / 0.1). Written apart from ranktune, so that it also checks it. `--every N` takes every N-th training sample.
"""

import argparse
import json
import struct

import numpy as np


def load(path):
    """Tensors of a safetensors file."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    kinds = {"F32": np.float32, "F64": np.float64, "I64": np.int64, "U32": np.uint32, "I32": np.int32}
    return {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], kinds[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in header.items() if name != "__metadata__" and entry["dtype"] in kinds
    }


def read_out(features, targets):
    """Posterior means [d, c], and the mean evidence a sample."""
    n, d = features.shape
    u, s, vt = np.linalg.svd(features, full_matrices=False)
    projected = u.T @ targets
    rest = (targets**2).sum(0) - (projected**2).sum(0)
    best = np.full(targets.shape[1], -np.inf)
    weights = np.zeros((d, targets.shape[1]))
    for ratio in np.exp(np.linspace(-12, 14, 521)):  # alpha / beta
        shrunk = projected * s[:, None] / (s[:, None] ** 2 + ratio)
        residual = rest + ((projected * ratio / (s[:, None] ** 2 + ratio)) ** 2).sum(0)
        beta = n / (residual + ratio * (shrunk**2).sum(0))
        log_det = np.log(s**2 + ratio).sum() + (d - len(s)) * np.log(ratio)
        evidence = (n * np.log(beta) + d * np.log(ratio) - log_det - n - n * np.log(2 * np.pi)) / (2 * n)
        better = evidence > best
        best[better] = evidence[better]
        weights[:, better] = (vt.T @ shrunk)[:, better]
    return weights, best.mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="+", metavar="TRAIN:TEST")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--temperature", type=float, default=0.1)
    arguments = parser.parse_args()
    logme, tests, trains = [], [], []
    for pair in arguments.pairs:
        train, test = (load(path) for path in pair.split(":"))
        x, y = train["features"][:: arguments.every].astype(float), train["labels"][:: arguments.every]
        truth = test["labels"]
        one_hot = np.eye(int(y.max()) + 1)[y]
        weights, evidence = read_out(x, one_hot)
        logme.append(evidence)
        trains.append(x @ weights)
        tests.append(test["features"].astype(float) @ weights)
        print(f"{pair}: LogME {evidence:.4f}, test accuracy of its read-out {(tests[-1].argmax(1) == truth).mean():.3f}")
    shares = np.exp((np.array(logme) - max(logme)) / arguments.temperature)
    shares /= shares.sum()
    train_mix = sum(share * part for share, part in zip(shares, trains))
    test_mix = sum(share * part for share, part in zip(shares, tests))
    print(f"mixture ({', '.join(f'{share:.2f}' for share in shares)}): test accuracy {(test_mix.argmax(1) == truth).mean():.3f}; "
          f"mean square from the labels {((train_mix - one_hot) ** 2).mean():.4f} on the {len(x)} training samples, "
          f"{((test_mix - np.eye(one_hot.shape[1])[truth]) ** 2).mean():.4f} on the test ones")


if __name__ == "__main__":
    main()
