"""Writes small made-up data sets and the values of all scores on them: `python vectors.py FOLDER`."""

import json
import pathlib
import sys

import numpy as np

import scores


def classes(seed, n, d, c, spread, offset=0.0):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(c), np.arange(c), rng.integers(0, c, n - 2 * c)])
    f = rng.standard_normal((c, d))[y] + spread * rng.standard_normal((n, d)) + offset
    theta = rng.dirichlet(np.ones(6) * 0.3, n)
    theta[np.arange(n), y % 6] += 0.5
    theta /= theta.sum(axis=1, keepdims=True)
    return f.astype(np.float32), y, theta.astype(np.float32)


def cases():
    yield "tall", *classes(1, 120, 10, 4, 1.5)
    yield "wide", *classes(2, 45, 70, 3, 2.0)
    yield "components", *classes(3, 260, 80, 5, 3.0, offset=2.0)
    f, y, theta = classes(4, 90, 6, 3, 1.0)
    yield "dependent", np.concatenate([f, f[:, :3], np.ones((90, 1), np.float32)], axis=1), y, theta
    yield "small_scale", *[part * np.float32(0.05) if at == 0 else part for at, part in enumerate(classes(5, 80, 7, 3, 1.0))]
    f, _, _ = classes(6, 90, 8, 3, 1.0)
    rng = np.random.default_rng(6)
    yield "labels", f, (f @ rng.standard_normal((8, 3)) + rng.standard_normal((90, 3)) > 0.7).astype(float), None
    f, _, _ = classes(7, 80, 6, 3, 1.0)
    yield "numbers", f, (f @ rng.standard_normal((6, 2)) + 0.5 * rng.standard_normal((80, 2))), None


def values(f, targets, theta):
    accuracy, density = scores.left_out(f, targets)
    found = {"loo-accuracy": accuracy, "loo-log-likelihood": density, "knn": scores.knn(f, targets)}
    is_numbers = targets.ndim == 2 and not np.isin(targets, (0, 1)).all()
    if not is_numbers:
        found["parc"] = scores.parc(f, targets)
    if targets.ndim == 1:
        found |= {
            "n-leep": scores.n_leep(f, targets),
            "gbc": scores.gbc(f, targets),
            "sfda": scores.sfda(f, targets),
            "pactran": scores.pactran(theta, targets),
        }
    return found


def main(folder):
    folder = pathlib.Path(folder)
    expected = {}
    for name, f, targets, theta in cases():
        wide = f.astype(np.float64)
        found = values(wide, targets, None if theta is None else theta.astype(np.float64))
        case = {"scores": {key: float(value) for key, value in found.items()}}
        if targets.ndim == 1:
            case["terms"] = {"ncti": scores.ncti_terms(wide, targets), "etran": scores.etran_terms(wide, targets)}
        expected[name] = case
        (folder / name).mkdir(parents=True, exist_ok=True)
        np.save(folder / name / "features.npy", f)
        np.save(folder / name / "labels.npy", targets)
        if theta is not None:
            np.save(folder / name / "probabilities.npy", theta)
    (folder / "expected.json").write_text(json.dumps(expected, indent=1, default=float) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
