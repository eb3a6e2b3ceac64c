"""LogME by the formula of transformer-ranker, in PyTorch: `python torch_logme.py --features F.npy --targets Y.npy` prints a line of JSON.

Written anew after its description (the published fixed-point iteration, on the thin singular value decomposition of FᵀF or F, in f64).
"""

import argparse
import json
import time

import numpy as np
import torch


def logme(f, labels):
    f = torch.from_numpy(f).double()
    labels = torch.from_numpy(labels)
    n, d = f.shape
    if n <= d:
        u, s, _ = torch.linalg.svd(f, full_matrices=False)
    else:
        _, s, vh = torch.linalg.svd(f.T @ f)
        s = s.sqrt()
        keep = s > 1e-10
        u = (f @ vh.T)[:, keep] / s[keep]
        s = s[keep]
    sigma = s**2
    evidences = []
    for label in range(int(labels.max()) + 1):
        y = (labels == label).double()
        x2 = (u.T @ y) ** 2
        outside = (y**2).sum() - x2.sum()
        alpha = beta = torch.tensor(1.0, dtype=torch.float64)
        for _ in range(11):
            t = alpha / beta
            gamma = (sigma / (sigma + t)).sum()
            m2 = (sigma * x2 / (t + sigma) ** 2).sum()
            r2 = (x2 / (1 + sigma / t) ** 2).sum() + outside
            alpha = gamma / (m2 + 1e-5)
            beta = (n - gamma) / (r2 + 1e-5)
            if abs(alpha / beta - t) / t <= 1e-3:
                break
        evidence = d * torch.log(alpha) + n * torch.log(beta) - torch.log(alpha + beta * sigma).sum()
        evidence = evidence - beta * r2 - alpha * m2 - n * np.log(2 * np.pi)
        evidences.append(float(evidence) / (2 * n))
    return float(np.mean(evidences))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--features", required=True)
    parser.add_argument("--targets", required=True)
    args = parser.parse_args()
    features, targets = np.load(args.features), np.load(args.targets)
    start = time.perf_counter()
    answer = logme(features, targets)
    print(json.dumps({"logme": answer, "seconds": time.perf_counter() - start}))
