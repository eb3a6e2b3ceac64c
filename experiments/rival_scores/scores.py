"""The rival transferability scores once more, in NumPy and SciPy, written from their papers: see README.md.

Symbols: `f` features [n, d], `y` classes [n] (0 ... c - 1, all of them present), `theta` source probabilities [n, z].
"""

import numpy as np
from scipy.special import digamma, gammaln, logsumexp, softmax
from scipy.stats import rankdata, spearmanr


def one_hot(y):
    return np.eye(y.max() + 1)[y]


def principal(f, most):
    """Coordinates on the leading components, their variances (over n), and all variance. Components without variance are left out."""
    centred = f - f.mean(axis=0)
    u, s, vt = np.linalg.svd(centred, full_matrices=False)
    # A component's largest weight is positive, as in scikit-learn: PARC is not the same for other signs.
    u = u * np.sign(vt[np.arange(len(vt)), abs(vt).argmax(axis=1)])
    variances = s**2 / len(f)
    keep = np.arange(len(s)) < most
    keep &= variances > 1e-12 * max(variances.max(), 1e-300)
    if variances.sum() <= 1e-13 * (f**2).sum() / len(f):
        keep[:] = False
    return u[:, keep] * s[keep], variances[keep], variances.sum()


# GBC

def gbc(f, y, components=64, floor=1e-4, factor_of_dimensions=True):
    x, _, _ = principal(f, components)
    means = [x[y == k].mean(axis=0) for k in range(y.max() + 1)]
    spreads = [np.maximum(x[y == k].var(axis=0), floor).mean() for k in range(y.max() + 1)]
    dimensions = x.shape[1] if factor_of_dimensions else 1
    total = 0.0
    for a in range(len(means)):
        for b in range(len(means)):
            if a != b:
                middle = (spreads[a] + spreads[b]) / 2
                distance = ((means[a] - means[b]) ** 2).sum() / middle / 8
                distance += 0.5 * dimensions * (np.log(middle) - 0.5 * np.log(spreads[a]) - 0.5 * np.log(spreads[b]))
                total += np.exp(-distance)
    return -total


# PARC

def parc(f, targets, components=32):
    x, variances, _ = principal(f, components)
    x = x / np.sqrt(variances)
    labels = one_hot(targets) if targets.ndim == 1 else targets
    upper = np.triu_indices(len(f), 1)
    distances = [1 - np.corrcoef(side)[upper] for side in (x, labels)]
    # Labels have few distances, which are equal but for rounding.
    ranks = rankdata(np.nan_to_num(distances[1], nan=1.0).round(9))
    return spearmanr(distances[0], ranks)[0]


# SFDA

def largest_eigenvalue(matrix, published):
    if not published:
        return np.linalg.eigvalsh(matrix).max()
    x = matrix.sum(axis=1)
    for _ in range(3):
        y = matrix @ x
        y /= np.linalg.norm(y)
        x = matrix @ y
        x /= np.linalg.norm(x)
    return x @ matrix @ y


def scatters(x, y):
    means = np.array([x[y == k].mean(axis=0) for k in range(y.max() + 1)])
    rest = x - means[y]
    return means, rest.T @ rest / len(x)


def discriminant(x, y, shrinkage, within=None):
    """Class probabilities of every sample."""
    means, scatter = scatters(x, y)
    within = scatter if within is None else within
    shrunk = (1 - shrinkage) * within + shrinkage * np.trace(within) / len(within) * np.eye(len(within))
    coefficients = np.linalg.solve(shrunk, means.T)
    priors = np.bincount(y) / len(y)
    return softmax(x @ coefficients - 0.5 * (means.T * coefficients).sum(axis=0) + np.log(priors), axis=1)


def shrinkage_of(x, y, published=False):
    return max(np.exp(-5 * largest_eigenvalue(scatters(x, y)[1], published)), 1e-10)


def sfda(f, y, published=False):
    x = f - f.mean(axis=0)
    s = shrinkage_of(x, y, published)
    confidence = softmax(discriminant(x, y, s), axis=1)[np.arange(len(y)), y][:, None]
    means, _ = scatters(x, y)
    others = (means.sum(axis=0) - means) / (len(means) - 1)
    mixed = confidence * x + (1 - confidence) * others[y]
    return discriminant(mixed, y, s)[np.arange(len(y)), y].mean()


# PACTran-Dirichlet

def pactran(theta, y, alpha=1.0, rounds=10):
    hot = one_hot(y)
    prior = alpha * hot.mean(axis=0)[:, None] + 1e-10
    log_theta = np.log(theta + 1e-10)
    q = theta
    for _ in range(rounds):
        shape = prior + hot.T @ q
        logits = log_theta + (digamma(shape) - digamma(shape.sum(axis=0)))[y]
        log_q = logits - logsumexp(logits, axis=1, keepdims=True)
        q = np.exp(log_q)
    first = gammaln(prior.sum()) - gammaln(prior).sum()
    last = gammaln(shape.sum(axis=0)) - gammaln(shape).sum(axis=0)
    return ((first - last).sum() - (q * (log_q - log_theta)).sum()) / hot.size


# k nearest neighbours

def neighbours(f, k=5):
    unit = f / np.linalg.norm(f, axis=1, keepdims=True)
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, -np.inf)
    near = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    return near, np.take_along_axis(similarity, near, axis=1)


def knn(f, targets):
    near, similarity = neighbours(f)
    if targets.ndim == 2:
        return quality(targets[near].mean(axis=1), targets)
    right = 0
    for own, votes, weights in zip(targets, targets[near], similarity):
        by_class = [((votes == k).sum(), weights[votes == k].sum(), -k) for k in np.unique(votes)]
        right += -max(by_class)[2] == own
    return right / len(targets)


def average_precision(predicted, truth):
    order = np.argsort(-predicted, kind="stable")
    total, before = 0.0, 0.0
    for value in np.unique(predicted[order])[::-1]:
        taken = predicted >= value
        recall = truth[taken].sum() / truth.sum()
        total += (recall - before) * truth[taken].mean()
        before = recall
    return total


def quality(predicted, targets):
    """Mean average precision of 0/1 columns, else the mean R2 of the columns."""
    if np.isin(targets, (0, 1)).all():
        return np.mean([average_precision(p, t) for p, t in zip(predicted.T, targets.T) if t.any()])
    left = ((predicted - targets) ** 2).sum(axis=0)
    return (1 - left / ((targets - targets.mean(axis=0)) ** 2).sum(axis=0)).mean()


# Leave-one-out predictions of LogME's model

def evidence(f, y):
    """The global maximum of the evidence of a column: alpha and beta, either of them infinite at an end."""
    n = len(f)
    u, s, _ = np.linalg.svd(f, full_matrices=False)
    keep = s > s.max() * max(f.shape) * np.finfo(float).eps
    u, eigenvalues = u[:, keep], s[keep] ** 2
    z = u.T @ y
    outside = max((y**2).sum() - (z**2).sum(), 0.0) if keep.sum() < n else 0.0

    def residual(t):
        return outside + (z**2 / (1 + eigenvalues / t)).sum()

    def value(log_t):
        t = np.exp(log_t)
        return 0.5 * np.log(n / residual(t)) - np.log1p(eigenvalues / t).sum() / (2 * n)

    grid = np.linspace(np.log(eigenvalues.min()) - 25, np.log(eigenvalues.max()) + 25, 2001)
    values = np.array([value(x) for x in grid])
    best = int(values.argmax())
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]

    def slope(log_t):
        t = np.exp(log_t)
        weights = (z**2 * eigenvalues / (eigenvalues + t) ** 2).sum()
        return (eigenvalues / (eigenvalues + t)).sum() - n * t * weights / residual(t)

    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    t = np.exp(0.5 * (low + high))
    none = 0.5 * np.log(n / (y**2).sum())
    if none >= value(np.log(t)) - 1e-13:
        return np.inf, n / (y**2).sum()
    if keep.sum() == n:
        whole = 0.5 * np.log(n / (z**2 / eigenvalues).sum()) - np.log(eigenvalues).sum() / (2 * n)
        if whole >= value(np.log(t)) - 1e-9:
            return n / (z**2 / eigenvalues).sum(), np.inf
    beta = n / residual(t)
    return t * beta, beta


def refitted(f, columns):
    """Predictions and log densities of every sample from a model that is fitted anew without it, at the alpha and beta of all samples."""
    predicted, density = np.zeros(columns.shape), np.zeros(columns.shape)
    for j, y in enumerate(columns.T):
        alpha, beta = evidence(f, y)
        for i in range(len(f)):
            rest, own = np.delete(f, i, axis=0), np.delete(y, i)
            if np.isinf(alpha):
                mean, variance = 0.0, 1 / beta
            elif np.isinf(beta):
                # The limit of interpolation, in sample space.
                kernel, cross = rest @ rest.T, rest @ f[i]
                solved = np.linalg.solve(kernel, np.stack([own, cross], axis=1))
                mean, variance = cross @ solved[:, 0], (f[i] @ f[i] - cross @ solved[:, 1]) / alpha
            else:
                precision = alpha * np.eye(f.shape[1]) + beta * rest.T @ rest
                mean = beta * f[i] @ np.linalg.solve(precision, rest.T @ own)
                variance = f[i] @ np.linalg.solve(precision, f[i]) + 1 / beta
            predicted[i, j] = mean
            density[i, j] = -0.5 * (np.log(2 * np.pi * variance) + (y[i] - mean) ** 2 / variance)
    return predicted, density


def left_out(f, targets):
    """`loo-accuracy` and `loo-log-likelihood`."""
    columns = one_hot(targets) if targets.ndim == 1 else targets.astype(float)
    predicted, density = refitted(f, columns)
    if targets.ndim == 1:
        return (predicted.argmax(axis=1) == targets).mean(), density.mean()
    return quality(predicted, targets), density.mean()


# N-LEEP

class Random:
    """splitmix64 (Steele et al. 2014)."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
        return z ^ (z >> 31)

    def below(self, bound):
        return self.next() * bound >> 64


def start(x, count):
    random = Random(0x6D697874)
    centres = [x[random.below(len(x))]]
    nearest = np.full(len(x), np.inf)
    while len(centres) < min(count, len(x)):
        nearest = np.minimum(nearest, ((x - centres[-1]) ** 2).sum(axis=1))
        if nearest.sum() <= 0:
            break
        left = (random.next() >> 11) / 2**53 * nearest.sum()
        centres.append(x[np.flatnonzero(left - np.cumsum(nearest) < 0)[0]])
    return np.array(centres)


def cluster(x, centres):
    assigned = None
    for _ in range(100):
        nearest = ((x[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
        if assigned is not None and (nearest == assigned).all():
            break
        assigned = np.unique(nearest, return_inverse=True)[1]
        centres = np.array([x[assigned == k].mean(axis=0) for k in range(assigned.max() + 1)])
    return assigned


def responsibilities(x, count, ridge=1e-3):
    shares = one_hot(cluster(x, start(x, count)))
    before = -np.inf
    for _ in range(100):
        logs = np.zeros(shares.shape)
        for k, share in enumerate(shares.T):
            total = share.sum()
            mean = share @ x / total
            covariance = (share[:, None] * (x - mean)).T @ (x - mean) / total + ridge * np.eye(x.shape[1])
            sign, determinant = np.linalg.slogdet(covariance)
            squared = ((x - mean) * np.linalg.solve(covariance, (x - mean).T).T).sum(axis=1)
            logs[:, k] = np.log(total / len(x)) - 0.5 * (x.shape[1] * np.log(2 * np.pi) + determinant + squared)
        likelihoods = logsumexp(logs, axis=1)
        shares = np.exp(logs - likelihoods[:, None])
        if abs(likelihoods.mean() - before) < 1e-3:
            break
        before = likelihoods.mean()
    return shares


def leep(theta, y):
    joint = one_hot(y).T @ theta
    given = joint / joint.sum(axis=0)
    return np.log((given[y] * theta).sum(axis=1)).mean()


def n_leep_inputs(f, y):
    order = np.lexsort((*f.T[::-1], y))
    f, y = f[order], y[order]
    x, variances, total = principal(f, 64)
    p = min(int((np.cumsum(variances) < 0.8 * total).sum()) + 1, x.shape[1])
    x = x[:, :p] / np.sqrt(variances[:p].mean())
    n, c = len(f), y.max() + 1
    count = max(min(5 * c if n >= 50 * c else c, n // 2), 1)
    return x, y, count


def n_leep(f, y):
    x, y, count = n_leep_inputs(f, y)
    return leep(responsibilities(x, count), y)


# Scores of a model among others

def ncti_terms(f, y):
    x, variances, _ = principal(f, 64)
    n = len(f)
    s = max(np.exp(-variances[:32].sum() * n / (n - 1)), 1e-10)
    probabilities = discriminant(x, y, s)
    _, within = scatters(x, y)
    total = np.diag(variances)
    shrink = lambda scatter: (1 - s) * scatter + s * np.trace(scatter) / len(scatter) * np.eye(len(scatter))
    from scipy.linalg import eigh
    _, vectors = eigh(shrink(total) - shrink(within), shrink(within))
    z = x @ vectors[:, ::-1][:, : min(y.max(), x.shape[1])]
    classes = range(y.max() + 1)
    within_classes = sum(np.linalg.norm(probabilities[y == k], "nuc") for k in classes)
    return [
        np.linalg.norm(z - z.mean(axis=0), "nuc"),
        probabilities[np.arange(n), y].mean(),
        np.log(within_classes),
    ]


def etran_terms(f, y):
    energies = np.sort(logsumexp(f, axis=1))[: max(len(f) // 200, 1)]
    x = f - f.mean(axis=0)
    return [energies.mean(), discriminant(x, y, shrinkage_of(x, y))[np.arange(len(y)), y].mean()]
