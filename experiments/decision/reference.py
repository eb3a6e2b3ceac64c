"""The decision model once more, densely, with NumPy and SciPy alone: leave one data set out on published accuracies.

    python3 experiments/decision/reference.py TRUTH

Where the program keeps latent variables and a sparse system, this builds the covariance of all rows from the formula of the model and
conditions on it; where the program has BFGS with an exact gradient, this has SciPy's L-BFGS with differences. Only what the tables
have is modelled: full tunings, no family, no trials, no loo-accuracy. TRUTH is the folder of tables; see README.md.
"""

import csv
import sys

import numpy as np
from scipy.optimize import minimize
from scipy.stats import weightedtau

# Priors of the variances: median and spread of the logarithm. Model, protocol, interaction, slope, residual, level.
CENTRE = np.log([0.5, 0.15, 0.08, 0.1, 0.3, 0.15**2])
SPREAD = np.array([1.5, 1.0, 1.0, 1.5, 1.5, 0.7])
LEVEL_MEAN, LEVEL_SD = 0.8, 0.15
SCALE_MEAN, SCALE_SD = np.log(0.03), 0.5
ROUNDING = 5e-4**2


def name(text):
    text = "".join(letter for letter in text.lower() if letter.isalnum())
    return {"mnasnet10": "mnasnet", "stanfordcars": "cars", "oxfordiiitpets": "pets"}.get(text, text)


def read(path, protocol):
    rows = []
    with open(path) as file:
        for row in csv.DictReader(file):
            scores = {key: float(row[key]) for key in row if key not in ("dataset", "model", "accuracy")}
            rows.append((name(row["dataset"]), protocol, name(row["model"]), float(row["accuracy"]) / 100, scores))
    return rows


class Rows:
    def __init__(self, rows, columns):
        self.data = np.array([row[0] for row in rows])
        self.protocol = np.array([row[1] for row in rows])
        self.model = np.array([row[2] for row in rows])
        self.y = np.array([row[3] for row in rows])
        self.group = np.array([f"{row[0]} {row[1]}" for row in rows])
        self.z = np.zeros((len(rows), len(columns)))
        self.missing = np.zeros(len(rows))
        for j, column in enumerate(columns):
            values = np.array([row[4].get(column, np.nan) for row in rows])
            for group in set(self.group):
                here = self.group == group
                if np.isnan(values[here]).any():
                    self.missing[here] += 1
                else:
                    self.z[here, j] = (values[here] - values[here].mean()) / values[here].std()

    def scales(self):
        groups = sorted(set(self.group))
        deviations = [np.log(self.y[self.group == g].std()) for g in groups]
        mean = (SCALE_MEAN + sum(deviations)) / (1 + len(groups))
        self.s = np.zeros(len(self.y))
        squares = 0.0
        for g in groups:
            y = self.y[self.group == g]
            s = np.sqrt((np.exp(2 * mean) + len(y) * y.var()) / (1 + len(y)))
            self.s[self.group == g] = s
            squares += (np.log(s) - mean) ** 2
        variance = (3 * SCALE_SD**2 + squares) / (3 + len(groups))
        return mean, np.sqrt(variance * (1 + 1 / (1 + len(groups))))


def covariance(a, b, v):
    model, protocol, interaction, slope, residual, level = v
    same = np.equal.outer
    m, g = same(a.model, b.model), same(a.group, b.group)
    effects = m * model + (m & same(a.protocol, b.protocol)) * protocol + (m & same(a.data, b.data)) * interaction
    effects = effects + slope * a.z @ b.z.T + (m & g) * (residual + slope * a.missing[:, None])
    return np.outer(a.s, b.s) * effects + (m & g) * ROUNDING + g * level + LEVEL_SD**2


def fit(rows):
    def objective(logarithms):
        c = covariance(rows, rows, np.exp(logarithms))
        factor = np.linalg.cholesky(c)
        white = np.linalg.solve(factor, rows.y - LEVEL_MEAN)
        prior = (((logarithms - CENTRE) / SPREAD) ** 2).sum()
        return 0.5 * white @ white + np.log(np.diag(factor)).sum() + 0.5 * prior

    return np.exp(minimize(objective, CENTRE, method="L-BFGS-B", options={"ftol": 1e-13, "gtol": 1e-7}).x)


def leave_one_out(label, rows, protocol, columns, same_elsewhere=True):
    taus, regrets, fits = [], [], []
    for data in sorted({row[0] for row in rows if row[1] == protocol}):
        target = [row for row in rows if row[0] == data and row[1] == protocol]
        past = [row for row in rows if row[0] != data or (same_elsewhere and row[1] != protocol)]
        known, wanted = Rows(past, columns), Rows(target, columns)
        wanted.s = np.full(len(target), np.exp(known.scales()[0]))
        v = fit(known)
        c, across = covariance(known, known, v), covariance(wanted, known, v)
        mean = LEVEL_MEAN + across @ np.linalg.solve(c, known.y - LEVEL_MEAN)
        taus.append(weightedtau(mean, wanted.y)[0])
        regrets.append(wanted.y.max() - wanted.y[mean.argmax()])
        fits.append(np.log(v))
    typical = " ".join(f"{x:.3f}" for x in np.exp(np.mean(fits, 0)))
    print(f"{label:<52} {np.mean(taus):.3f}  {100 * np.mean(regrets):.2f}   {typical}", flush=True)


def main():
    folder = sys.argv[1]
    tllib, sfda = read(f"{folder}/tllib_cnn.csv", "tllib"), read(f"{folder}/sfda_cnn.csv", "sfda")
    scores = ["h_score", "leep", "logme", "nce"]
    by_cell = {(row[0], row[2]): row[4] for row in tllib}
    rescored = [(*row[:4], by_cell[row[0], row[2]]) for row in sfda if (row[0], row[2]) in by_cell]
    bare = lambda rows: [(*row[:4], {}) for row in rows]
    print(f"{'':<52} tau_w  regret  v: model protocol interaction slope residual level")
    for label, rows in (("tllib", tllib), ("tllib scores, SFDA accuracies", rescored)):
        protocol = rows[0][1]
        for column in scores:
            groups = [[row for row in rows if row[0] == data] for data in sorted({row[0] for row in rows})]
            taus = [weightedtau([row[4][column] for row in g], [row[3] for row in g])[0] for g in groups]
            regrets = [max(row[3] for row in g) - max(g, key=lambda row: row[4][column])[3] for g in groups]
            print(f"{label + ': ' + column + ' alone':<52} {np.mean(taus):.3f}  {100 * np.mean(regrets):.2f}")
        leave_one_out(f"{label}: record", bare(rows), protocol, [])
        for column in scores:
            leave_one_out(f"{label}: record and {column}", rows, protocol, [column])
        leave_one_out(f"{label}: record and all scores", rows, protocol, scores)
    leave_one_out("sfda_cnn: record", bare(sfda), "sfda", [])
    leave_one_out("sfda_ssl: record", bare(read(f"{folder}/sfda_ssl.csv", "ssl")), "ssl", [])
    leave_one_out("tllib: record of both, other data sets", bare(tllib + sfda), "tllib", [], False)
    leave_one_out("tllib: record of both", bare(tllib + sfda), "tllib", [])
    leave_one_out("tllib: record of both, and h_score", tllib + bare(sfda), "tllib", ["h_score"])
    leave_one_out("sfda_cnn: record of both", bare(sfda + tllib), "sfda", [])


if __name__ == "__main__":
    main()
