"""LogME as an observation of the accuracies, densely, with NumPy and SciPy: leave one data set out on published accuracies.

    python3 experiments/decision/observed.py TRUTH

The model of `crates/scores/src/decision/correlated.rs` once more: z = rho (t - mean t)/sqrt(V) + sqrt(1 - rho^2) e, five nodes over rho,
20,000 draws. "Strangers" are models without any row in the record, which then gives the variances alone. What is drawn and covered are
differences from the mean of the data set's models. TRUTH is the folder of tables; see README.md.
"""

import runpy
import sys
from pathlib import Path

import numpy as np
from scipy.stats import weightedtau

DRAWS = 20_000
# Correlation of LogME before any data set: mean, standard deviation, and the data sets that it counts as.
PRIOR_MEAN, PRIOR_SD, PRIOR_WEIGHT = 0.5, 0.3, 1.0

reference = runpy.run_path(str(Path(__file__).with_name("reference.py")), run_name="reference")
Rows, fit, covariance, read = (reference[name] for name in ("Rows", "fit", "covariance", "read"))
LEVEL_MEAN = reference["LEVEL_MEAN"]


def columns(rows, data):
    here = [row for row in rows if row[0] == data]
    return np.array([row[3] for row in here]), np.array([row[4]["logme"] for row in here])


def correlation(rows, data_sets):
    found = [np.corrcoef(*columns(rows, data))[0, 1] for data in data_sets]
    total = PRIOR_WEIGHT + len(found)
    mean = (PRIOR_WEIGHT * PRIOR_MEAN + sum(found)) / total
    square = PRIOR_WEIGHT * (PRIOR_SD**2 + (PRIOR_MEAN - mean) ** 2) + sum((np.array(found) - mean) ** 2)
    return mean, np.sqrt(square / total)


def draw(rows, data, are_strangers, random):
    """Draws of the accuracies less their mean, [DRAWS, models]."""
    bare = lambda rows: [(*row[:4], {}) for row in rows]
    known = Rows(bare([row for row in rows if row[0] != data]), [])
    log_scale, log_scale_sd = known.scales()
    v = fit(known)
    models = Rows(bare([row for row in rows if row[0] == data]), [])
    k, total = len(models.y), v[0] + v[1] + v[2] + v[4]
    mean, cov = np.zeros(k), total * np.eye(k)
    if not are_strangers:
        across = np.equal.outer(models.model, known.model) * (v[0] + v[1]) * known.s
        solve = lambda right: np.linalg.solve(covariance(known, known, v), right)
        mean, cov = across @ solve(known.y - LEVEL_MEAN), cov - across @ solve(across.T)
    _, score = columns(rows, data)
    z = (score - score.mean()) / score.std()
    rho_mean, rho_sd = correlation(rows, sorted({row[0] for row in rows} - {data}))
    nodes = []
    for step in range(-2, 3):
        rho = np.clip(rho_mean + step * rho_sd, -0.95, 0.95)
        a = rho / np.sqrt(total) * (np.eye(k) - 1 / k)
        s = a @ cov @ a.T + (1 - rho**2) * np.eye(k)
        gain = np.linalg.solve(s, a @ cov).T
        residual = z - a @ mean
        density = -0.5 * (residual @ np.linalg.solve(s, residual) + np.linalg.slogdet(s)[1] + step**2)
        nodes.append((density, mean + gain @ residual, cov - gain @ a @ cov))
    weights = np.exp([node[0] for node in nodes] - max(node[0] for node in nodes))
    counts = random.multinomial(DRAWS, weights / weights.sum())
    t = np.concatenate([random.multivariate_normal(m, (c + c.T) / 2, n) for n, (_, m, c) in zip(counts, nodes)])
    scale = np.exp(log_scale + log_scale_sd * random.standard_normal(DRAWS))
    return scale[:, None] * (t - t.mean(1, keepdims=True))


def report(label, rows, are_strangers, random):
    sums, covered = [], []
    for data in sorted({row[0] for row in rows}):
        y, _ = columns(rows, data)
        drawn = draw(rows, data, are_strangers, random)
        mean = drawn.mean(0)
        first = mean.argmax()
        p_first = (drawn.argmax(1) == first).mean()
        expected = (drawn.max(1) - drawn[:, first]).mean()
        sums.append((weightedtau(mean, y)[0], 100 * (y.max() - y[first]), 100 * expected, p_first, y[first] == y.max()))
        for level in (0.5, 0.8, 0.9):
            low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
            covered.append((level, np.mean((y - y.mean() >= low) & (y - y.mean() <= high))))
    tau, regret, expected, p_first, right = np.mean(np.array(sums, float), 0)
    shares = [round(100 * np.mean([share for at, share in covered if at == level])) for level in (0.5, 0.8, 0.9)]
    print(f"{label:<44} {tau:.3f}  {regret:.2f}  {expected:.2f}  {shares}  {p_first:.2f}, {right:.2f}", flush=True)


def main():
    folder, random = sys.argv[1], np.random.default_rng(0)
    tllib, sfda = read(f"{folder}/tllib_cnn.csv", "tllib"), read(f"{folder}/sfda_cnn.csv", "sfda")
    scores = {(row[0], row[2]): row[4] for row in tllib}
    rescored = [(*row[:4], scores[row[0], row[2]]) for row in sfda if (row[0], row[2]) in scores]
    for label, rows in (("tllib", tllib), ("tllib scores, SFDA accuracies", rescored)):
        data_sets = sorted({row[0] for row in rows})
        found = [np.corrcoef(*columns(rows, data))[0, 1] for data in data_sets]
        print(f"{label}: correlation of LogME {np.mean(found):.2f}, sd {np.std(found, ddof=1):.2f}, {np.round(found, 2)}")
        report(f"{label}: strangers", rows, True, random)
        report(f"{label}: record and LogME", rows, False, random)


if __name__ == "__main__":
    main()
