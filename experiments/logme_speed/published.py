"""The published LogME in NumPy: `python published.py --features F.npy --targets Y.npy` prints a line of JSON.

`seconds` is the time of the kernel alone, without starting Python and reading the files. `--product` times the bare symmetric product
`FᵀF` in f64 (NumPy's dot of a matrix with its own transpose is BLAS's dsyrk) instead.

Written anew after the algorithm of You et al., JMLR 2022 (fixed-point version): for n > d a full SVD of FᵀF and
U = F V / σ, for n ≤ d a thin SVD of F; then per class at most 11 fixed-point steps.
"""

import argparse
import json
import time

import numpy as np


def decompose(f):
    n, d = f.shape
    if n <= d:
        u, s, _ = np.linalg.svd(f, full_matrices=False)
        return u, s
    _, s, vh = np.linalg.svd(f.T @ f)
    s = np.sqrt(s)
    u_sigma = f @ vh.T
    k = int((s > 1e-10).sum())
    return u_sigma[:, :k] / s[:k], s[:k]


def evidence(u, s, y, d):
    n = len(y)
    sigma = s**2
    x2 = (u.T @ y) ** 2
    outside = (y**2).sum() - x2.sum()
    alpha = beta = 1.0
    for _ in range(11):
        t = alpha / beta
        gamma = (sigma / (sigma + t)).sum()
        m2 = (sigma * x2 / (t + sigma) ** 2).sum()
        r2 = (x2 / (1 + sigma / t) ** 2).sum() + outside
        alpha = gamma / (m2 + 1e-5)
        beta = (n - gamma) / (r2 + 1e-5)
        if abs(alpha / beta - t) / t <= 1e-3:
            break
    return (
        d * np.log(alpha)
        + n * np.log(beta)
        - np.log(alpha + beta * sigma).sum()
        - beta * r2
        - alpha * m2
        - n * np.log(2 * np.pi)
    ) / (2 * n)


def logme(f, y):
    f = f.astype(np.float64)
    u, s = decompose(f)
    if y.ndim == 1 and np.issubdtype(y.dtype, np.integer):
        columns = [(y == label).astype(np.float64) for label in range(y.max() + 1)]
    else:
        columns = list(y.reshape(len(y), -1).T.astype(np.float64))
    return float(np.mean([evidence(u, s, column, f.shape[1]) for column in columns]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--features", required=True)
    parser.add_argument("--targets", required=True)
    parser.add_argument("--product", action="store_true")
    args = parser.parse_args()
    features, targets = np.load(args.features), np.load(args.targets)
    start = time.perf_counter()
    if args.product:
        features = features.astype(np.float64)
        start = time.perf_counter()
        answer = float(np.trace(features.T @ features))
    else:
        answer = logme(features, targets)
    print(json.dumps({"logme": answer, "seconds": time.perf_counter() - start}))
