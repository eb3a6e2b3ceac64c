"""What NumPy and SciPy compute, for the tests of this crate.

    pip install numpy scipy
    python make.py

Writes beside this script
- <case>/features.npy `[n, d]` (float32, or int8 for whole numbers), labels.npy `[n]` or `[n, c]` and, for classes,
  probabilities.npy `[n, z]`;
- expected.json: by case, LogME with each column's alpha, beta and status (null where infinite), what the published code
  computes for LogME, and the other scores; the rank correlations and the regret of some pairs of rankings.

The evidence is derived from singular values: a scan of ln t with bounded minimisation around every hill, then the root of
the derivative. Each maximum is checked here against the log density of a normal distribution with the n x n covariance of y.
"""

import itertools
import json
import pathlib

import numpy
import scipy
from scipy import optimize, special, stats

HERE = pathlib.Path(__file__).parent


# LogME


class Spectrum:
    """One column's evidence per sample as a function of x = ln t, t = alpha / beta."""

    def __init__(self, features, y):
        self.n = len(y)
        u, s, _ = numpy.linalg.svd(features, full_matrices=False)
        keep = s > s.max(initial=0) * max(features.shape) * numpy.finfo(float).eps
        u, self.eigenvalues = u[:, keep], s[keep] ** 2
        self.z2 = (u.T @ y) ** 2
        outside = y - u @ (u.T @ y)
        outside -= u @ (u.T @ outside)
        self.is_full = keep.sum() == self.n
        self.outside = 0.0 if self.is_full else outside @ outside
        self.square = y @ y

    def constant(self):
        return 0.5 * numpy.log(self.n) - 0.5 - 0.5 * numpy.log(2 * numpy.pi)

    def residual(self, t):
        return self.outside + numpy.sum(self.z2 * t / (self.eigenvalues + t))

    def value(self, x):
        t = numpy.exp(x)
        determinant = numpy.log1p(self.eigenvalues / t).sum()
        return self.constant() - 0.5 * numpy.log(self.residual(t)) - determinant / (2 * self.n)

    def slope(self, x):
        t, values = numpy.exp(x), self.eigenvalues
        m2 = numpy.sum(self.z2 * values / (values + t) ** 2)
        return 0.5 * (numpy.sum(values / (values + t)) / self.n - t * m2 / self.residual(t))

    def maximum(self):
        """Value, alpha, beta and status."""
        found = [(self.constant() - 0.5 * numpy.log(self.square), None, self.n / self.square, "no-information")]
        if self.is_full:
            product = numpy.sum(self.z2 / self.eigenvalues)
            value = self.constant() - 0.5 * numpy.log(product) - numpy.log(self.eigenvalues).sum() / (2 * self.n)
            found.append((value, self.n / product, None, "noise-free"))
        low, high = numpy.log(self.eigenvalues.min()) - 25, numpy.log(self.eigenvalues.max()) + 15
        x = numpy.linspace(low, high, 1 + 20 * int(high - low))
        values = numpy.array([self.value(x) for x in x])
        for i in range(1, len(x) - 1):
            if values[i] < max(values[i - 1], values[i + 1]):
                continue
            bounds = (x[i - 1], x[i + 1])
            best = optimize.minimize_scalar(lambda x: -self.value(x), bounds=bounds, method="bounded").x
            if self.slope(bounds[0]) > 0 > self.slope(bounds[1]):
                root = optimize.brentq(self.slope, *bounds, xtol=1e-15, rtol=1e-15)
                assert abs(root - best) < 1e-3, (root, best)
                t = numpy.exp(root)
                beta = self.n / self.residual(t)
                found.append((self.value(root), t * beta, beta, "interior"))
        # An interior hill that is no higher than a limit is the approach to it.
        first = max(range(len(found)), key=lambda i: found[i][0] - 1e-12 * (found[i][3] == "interior"))
        return found[first]


def density(features, y, alpha, beta):
    """ln N(y; 0, I / beta + F F' / alpha) / n."""
    covariance = numpy.zeros((len(y), len(y)))
    covariance += 0.0 if alpha is None else features @ features.T / alpha
    covariance += 0.0 if beta is None else numpy.eye(len(y)) / beta
    _, determinant = numpy.linalg.slogdet(covariance)
    return -0.5 * (y @ numpy.linalg.solve(covariance, y) + determinant) / len(y) - 0.5 * numpy.log(2 * numpy.pi)


def published(features, y):
    """The fixed-point iteration of the authors' code, with its additions to the denominators and its determinant."""
    n, d = features.shape
    u, s, _ = numpy.linalg.svd(features, full_matrices=False)
    eigenvalues, z2 = s**2, (u.T @ y) ** 2
    outside = y @ y - z2.sum()
    alpha = beta = 1.0
    for _ in range(11):
        t = alpha / beta
        gamma = numpy.sum(eigenvalues / (eigenvalues + t))
        m2 = numpy.sum(eigenvalues * z2 / (t + eigenvalues) ** 2)
        r2 = numpy.sum(z2 / (1 + eigenvalues / t) ** 2) + outside
        alpha, beta = gamma / (m2 + 1e-5), (n - gamma) / (r2 + 1e-5)
        if abs(alpha / beta - t) / t <= 1e-3:
            break
    determinant = numpy.log(alpha + beta * eigenvalues).sum()
    total = d * numpy.log(alpha) + n * numpy.log(beta) - determinant - beta * r2 - alpha * m2 - n * numpy.log(2 * numpy.pi)
    return total / (2 * n)


def logme(name, features, columns):
    maxima = []
    for y in columns:
        value, alpha, beta, status = Spectrum(features, y).maximum()
        again = density(features, y, alpha, beta)
        assert abs(again - value) < 1e-8 * max(1, abs(value)), (name, value, again)
        maxima.append((value, alpha, beta, status))
    values, alpha, beta, status = map(list, zip(*maxima))
    return {
        "logme": numpy.mean(values),
        "logme_official": numpy.mean([published(features, y) for y in columns]),
        "status": status,
        "alpha": alpha,
        "beta": beta,
    }


# The other scores


def between_classes(features, labels):
    """The covariance of every sample's class mean."""
    means = numpy.empty_like(features)
    for label in numpy.unique(labels):
        means[labels == label] = features[labels == label].mean(axis=0)
    return numpy.atleast_2d(numpy.cov(means, rowvar=False))


def h_score(features, labels):
    # Features of very different units would hide behind the cut of the pseudo-inverse; the score does not depend on units.
    deviation = features.std(axis=0)
    scaled = features / numpy.where(deviation > 1e-7 * numpy.abs(features).max(), deviation, numpy.inf)
    covariance = numpy.atleast_2d(numpy.cov(scaled, rowvar=False))
    return numpy.trace(numpy.linalg.pinv(covariance, rcond=1e-11, hermitian=True) @ between_classes(scaled, labels))


def shrinkage_h_score(features, labels):
    n, d = features.shape
    centred = features - features.mean(axis=0)
    covariance = centred.T @ centred / n
    mean = numpy.trace(covariance) / d
    # Ledoit and Wolf (2004), lemma 3.2 and section 3.3.
    distance = numpy.sum((covariance - mean * numpy.eye(d)) ** 2) / d
    error = sum(numpy.sum((numpy.outer(x, x) - covariance) ** 2) for x in centred) / (d * n**2)
    shrinkage = 0.0 if d == 1 else min(error, distance) / distance
    shrunk = (1 - shrinkage) * covariance + shrinkage * mean * numpy.eye(d)
    return (1 - shrinkage) * numpy.trace(numpy.linalg.solve(shrunk, between_classes(features, labels)))


def transrate(features, labels, epsilon=1e-4):
    def rate(rows):
        m, d = rows.shape
        return 0.5 * numpy.linalg.slogdet(numpy.eye(d) + rows.T @ rows / (m * epsilon))[1]

    centred = features - features.mean(axis=0)
    return rate(centred) - numpy.mean([rate(centred[labels == label]) for label in numpy.unique(labels)])


def leep(probabilities, labels):
    joint = numpy.array([probabilities[labels == label].sum(axis=0) for label in numpy.unique(labels)])
    given_source = joint / joint.sum(axis=0)
    _, index = numpy.unique(labels, return_inverse=True)
    return numpy.mean(numpy.log(numpy.sum(given_source[index] * probabilities, axis=1)))


def nce(probabilities, labels):
    source = probabilities.argmax(axis=1)
    counts = numpy.array([[(source[labels == y] == z).sum() for z in numpy.unique(source)] for y in numpy.unique(labels)])
    joint = counts / len(labels)
    return special.entr(joint.sum(axis=0)).sum() - special.entr(joint).sum()


# Cases


def softmax(random, labels, sources):
    logits = 1.5 * random.standard_normal((len(labels), sources))
    logits[numpy.arange(len(labels)), labels % sources] += 1.5
    return special.softmax(logits, axis=1).astype(numpy.float32)


def clusters(random, n, d, classes, spread):
    labels = numpy.arange(n) % classes
    centres = random.standard_normal((classes, d))
    return centres[labels] + spread * random.standard_normal((n, d)), labels


def tall(random):
    return clusters(random, 80, 6, 3, 1.0)


def tall_shifted(random):
    """Means that are large against the deviations, and features of different scale."""
    features, labels = clusters(random, 70, 8, 4, 1.2)
    return features * numpy.logspace(-2, 2, 8) + 30, labels


def wide(random):
    return clusters(random, 30, 45, 3, 3.0)


def square(random):
    return clusters(random, 25, 25, 2, 2.0)


def wide_clean(random):
    """Classes so far apart that the features interpolate some of them."""
    return clusters(random, 20, 40, 5, 0.02)


def no_signal(random):
    """Columns that are numbers about zero, without relation to the features but for the last."""
    features = random.standard_normal((90, 7))
    targets = random.standard_normal((90, 3))
    targets[:, 0] -= features @ numpy.linalg.lstsq(features, targets[:, 0], rcond=None)[0]
    targets[:, 2] += 2 * features[:, 0]
    return features, targets


def dependent(random):
    """Rank 4 of 10: sums, a repeated feature, zeros and a constant; whole numbers, so that the dependence is exact."""
    base = random.integers(-9, 10, (50, 3)).astype(float)
    labels = (base[:, 0] + random.integers(-6, 7, 50) > 0).astype(int) + (base[:, 1] > 4)
    sums = [base[:, 0] + base[:, 1], base[:, 1] - base[:, 2], 2 * base[:, 0], base[:, 2]]
    return numpy.column_stack([base, *sums, numpy.zeros(50), numpy.zeros(50), numpy.full(50, 3.0)]), labels


def several_labels(random):
    features, _ = clusters(random, 60, 9, 4, 1.0)
    return features, (features[:, :3] + random.standard_normal((60, 3)) > 0.3).astype(float)


def band_tall(random):
    """Large enough for the band form, in whole numbers of few bytes."""
    features, labels = clusters(random, 300, 260, 3, 4.0)
    return numpy.clip(numpy.round(8 * features), -127, 127).astype(numpy.int8), labels


def band_wide(random):
    features, labels = clusters(random, 258, 300, 3, 4.0)
    return numpy.clip(numpy.round(8 * features), -127, 127).astype(numpy.int8), labels


CASES = [tall, tall_shifted, wide, square, wide_clean, no_signal, dependent, several_labels, band_tall, band_wide]


def case(make, seed):
    random = numpy.random.default_rng(seed)
    features, targets = make(random)
    if features.dtype != numpy.int8:
        features = features.astype(numpy.float32)
    folder = HERE / make.__name__
    folder.mkdir(exist_ok=True)
    numpy.save(folder / "features.npy", features)
    numpy.save(folder / "labels.npy", targets)
    features = features.astype(float)
    if targets.ndim == 2:
        task = "multilabel" if numpy.isin(targets, (0, 1)).all() else "regression"
        return {"task": task} | logme(make.__name__, features, targets.T)
    probabilities = softmax(random, targets, 5)
    numpy.save(folder / "probabilities.npy", probabilities)
    probabilities = probabilities.astype(float)
    columns = [(targets == label).astype(float) for label in numpy.unique(targets)]
    return {
        "task": "classification",
        **logme(make.__name__, features, columns),
        "h_score": h_score(features, targets),
        "regularized_h_score": shrinkage_h_score(features, targets),
        "transrate": transrate(features, targets),
        "leep": leep(probabilities, targets),
        "nce": nce(probabilities, targets),
    }


# Rankings


def regret(scores, accuracy, k):
    """The worst that any choice of k models with the highest scores can do: where scores tie, any of them may be taken."""
    scores, accuracy = numpy.array(scores), numpy.array(accuracy)
    chosen = [list(those) for those in itertools.combinations(range(len(scores)), min(k, len(scores)))]
    highest = max(scores[those].sum() for those in chosen)
    best = min(accuracy[those].max() for those in chosen if scores[those].sum() == highest)
    return accuracy.max() - best


def correlations():
    random = numpy.random.default_rng(11)
    # Eighths add up without rounding, which `regret` relies on; few of them make ties.
    for n, levels in itertools.product([2, 3, 5, 8, 12], [4, 1000]):
        while True:
            x, y = random.integers(-levels, levels, (2, n)) / 8
            if x.std() > 0 and y.std() > 0:
                break
        yield {
            "x": x.tolist(),
            "y": y.tolist(),
            "weighted_tau": stats.weightedtau(x, y).statistic,
            "kendall_tau_b": stats.kendalltau(x, y).statistic,
            "pearson": stats.pearsonr(x, y).statistic,
            "spearman": stats.spearmanr(x, y).statistic,
            "top_k_regret": [regret(x, y, k) for k in range(1, min(n, 4) + 1)],
        }


def main():
    cases = {make.__name__: case(make, seed) for seed, make in enumerate(CASES)}
    seen = {status for case in cases.values() for status in case["status"]}
    assert seen == {"interior", "no-information", "noise-free"}, seen
    expected = {
        "made with": f"numpy {numpy.__version__}, scipy {scipy.__version__}",
        "cases": cases,
        "correlation": list(correlations()),
    }
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


main()
