"""Every score as a function of arrays."""

# Written by `UPDATE_DOCS=1 cargo test --release -p ranktune-cli reference` from the definitions of the command line: do not edit.

from __future__ import annotations

from ._score import Array, value

__all__ = [
    "logme",
    "leep",
    "nce",
    "h_score",
    "shrinkage_h_score",
    "transrate",
    "loo_accuracy",
    "loo_log_likelihood",
    "knn",
    "n_leep",
    "pactran",
    "gbc",
    "parc",
    "sfda",
]


def logme(F: Array, y: Array, *, task: str | None = None) -> float:
    """Maximum evidence of a linear model on the features (You et al. 2021).

    Parameters
    ----------
    F : array or path, shape (n, d)
        Features, a row a sample.
    y : array or path, shape (n,)
        The target of each sample: a class (a number or a text), or numbers or labels 0 and 1,
        shape (n, c).
    task : {"classification", "multilabel", "regression"}, optional
        What the targets are. By default inferred from them.

    Returns
    -------
    float
        The score; higher is better.

    Raises
    ------
    ranktune.InputError
        Shapes that do not fit, numbers that are not finite, one class, or targets that the score is not for.

    References
    ----------
    You, Liu, Wang, Long: LogME: Practical Assessment of Pre-trained Models for Transfer
    Learning, ICML 2021.

    Examples
    --------
    >>> import numpy as np, ranktune
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=90)
    >>> F = rng.normal(size=(90, 8)) + y[:, None]
    >>> ranktune.logme(F, y) > ranktune.logme(F, rng.permutation(y))
    True
    """
    return value("logme", F, y, task)


def leep(P: Array, y: Array, *, task: str | None = None) -> float:
    """Log likelihood of labels through the source head's classes (Nguyen et al. 2020).

    Parameters
    ----------
    P : array or path, shape (n, z)
        The source classifier's probabilities of each sample.
    y : array or path, shape (n,)
        The class of each sample: a number or a text.
    task : {"classification", "multilabel", "regression"}, optional
        What the targets are. By default inferred from them.

    Returns
    -------
    float
        The score; higher is better.

    Raises
    ------
    ranktune.InputError
        Shapes that do not fit, numbers that are not finite, one class, or targets that the score is not for.

    References
    ----------
    Nguyen, Hassner, Seeger, Archambeau: LEEP: A New Measure to Evaluate Transferability of
    Learned Representations, ICML 2020.

    Examples
    --------
    >>> import numpy as np, ranktune
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=90)
    >>> P = 0.1 + 0.7 * np.eye(3)[y]
    >>> ranktune.leep(P, y) > ranktune.leep(P, rng.permutation(y))
    True
    """
    return value("leep", P, y, task)


def nce(P: Array, y: Array, *, task: str | None = None) -> float:
    """Minus the entropy of labels given the source head's class (Tran et al. 2019).

    Parameters
    ----------
    P : array or path, shape (n, z)
        The source classifier's probabilities of each sample.
    y : array or path, shape (n,)
        The class of each sample: a number or a text.
    task : {"classification", "multilabel", "regression"}, optional
        What the targets are. By default inferred from them.

    Returns
    -------
    float
        The score; higher is better.

    Raises
    ------
    ranktune.InputError
        Shapes that do not fit, numbers that are not finite, one class, or targets that the score is not for.

    References
    ----------
    Tran, Nguyen, Hassner: Transferability and Hardness of Supervised Classification Tasks,
    ICCV 2019.

    Examples
    --------
    >>> import numpy as np, ranktune
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=90)
    >>> P = 0.1 + 0.7 * np.eye(3)[y]
    >>> ranktune.nce(P, y) > ranktune.nce(P, rng.permutation(y))
    True
    """
    return value("nce", P, y, task)


def h_score(F: Array, y: Array, *, task: str | None = None) -> float:
    """Covariance between classes against all covariance (Bao et al. 2019).

    Parameters
    ----------
    F : array or path, shape (n, d)
        Features, a row a sample.
    y : array or path, shape (n,)
        The class of each sample: a number or a text.
    task : {"classification", "multilabel", "regression"}, optional
        What the targets are. By default inferred from them.

    Returns
    -------
    float
        The score; higher is better.

    Raises
    ------
    ranktune.InputError
        Shapes that do not fit, numbers that are not finite, one class, or targets that the score is not for.

    References
    ----------
    Bao, Li, Huang, Zhang, Zheng, Zamir, Guibas: An Information-Theoretic Approach to
    Transferability in Task Transfer Learning, ICIP 2019.

    Examples
    --------
    >>> import numpy as np, ranktune
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=90)
    >>> F = rng.normal(size=(90, 8)) + y[:, None]
    >>> ranktune.h_score(F, y) > ranktune.h_score(F, rng.permutation(y))
    True
    """
    return value("h-score", F, y, task)


def shrinkage_h_score(F: Array, y: Array, *, task: str | None = None) -> float:
    """H-score with Ledoit–Wolf shrinkage (Ibrahim et al. 2021).

    Parameters
    ----------
    F : array or path, shape (n, d)
        Features, a row a sample.
    y : array or path, shape (n,)
        The class of each sample: a number or a text.
    task : {"classification", "multilabel", "regression"}, optional
        What the targets are. By default inferred from them.

    Returns
    -------
    float
        The score; higher is better.

    Raises
    ------
    ranktune.InputError
        Shapes that do not fit, numbers that are not finite, one class, or targets that the score is not for.

    References
    ----------
    Ibrahim, Ponomareva, Mazumder: Newer is not always better: Rethinking transferability
    metrics, their peculiarities, stability and performance, 2021.

    Examples
    --------
    >>> import numpy as np, ranktune
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=90)
    >>> F = rng.normal(size=(90, 8)) + y[:, None]
    >>> ranktune.shrinkage_h_score(F, y) > ranktune.shrinkage_h_score(F, rng.permutation(y))
    True
    """
    return value("shrinkage-h-score", F, y, task)


def transrate(F: Array, y: Array, *, task: str | None = None) -> float:
    """Coding rate of all features against that within classes (Huang et al. 2022).

    Parameters
    ----------
    F : array or path, shape (n, d)
        Features, a row a sample.
    y : array or path, shape (n,)
        The class of each sample: a number or a text.
    task : {"classification", "multilabel", "regression"}, optional
        What the targets are. By default inferred from them.

    Returns
    -------
    float
        The score; higher is better.

    Raises
    ------
    ranktune.InputError
        Shapes that do not fit, numbers that are not finite, one class, or targets that the score is not for.

    References
    ----------
    Huang, Huang, Rong, Yang, Wei: Frustratingly Easy Transferability Estimation, ICML 2022.

    Examples
    --------
    >>> import numpy as np, ranktune
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=90)
    >>> F = rng.normal(size=(90, 8)) + y[:, None]
    >>> ranktune.transrate(F, y) > ranktune.transrate(F, rng.permutation(y))
    True
    """
    return value("transrate", F, y, task)


def loo_accuracy(F: Array, y: Array, *, task: str | None = None) -> float:
    """Leave-one-out accuracy of LogME's linear model; mean average precision of labels, R² of
    numbers.

    Parameters
    ----------
    F : array or path, shape (n, d)
        Features, a row a sample.
    y : array or path, shape (n,)
        The target of each sample: a class (a number or a text), or numbers or labels 0 and 1,
        shape (n, c).
    task : {"classification", "multilabel", "regression"}, optional
        What the targets are. By default inferred from them.

    Returns
    -------
    float
        The score; higher is better.

    Raises
    ------
    ranktune.InputError
        Shapes that do not fit, numbers that are not finite, one class, or targets that the score is not for.

    References
    ----------
    Rasmussen, Williams: Gaussian Processes for Machine Learning, 2006, section 5.4.2; You et
    al. 2021 for the model.

    Examples
    --------
    >>> import numpy as np, ranktune
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=90)
    >>> F = rng.normal(size=(90, 8)) + y[:, None]
    >>> ranktune.loo_accuracy(F, y) > ranktune.loo_accuracy(F, rng.permutation(y))
    True
    """
    return value("loo-accuracy", F, y, task)


def loo_log_likelihood(F: Array, y: Array, *, task: str | None = None) -> float:
    """Leave-one-out log density of LogME's linear model.

    Parameters
    ----------
    F : array or path, shape (n, d)
        Features, a row a sample.
    y : array or path, shape (n,)
        The target of each sample: a class (a number or a text), or numbers or labels 0 and 1,
        shape (n, c).
    task : {"classification", "multilabel", "regression"}, optional
        What the targets are. By default inferred from them.

    Returns
    -------
    float
        The score; higher is better.

    Raises
    ------
    ranktune.InputError
        Shapes that do not fit, numbers that are not finite, one class, or targets that the score is not for.

    References
    ----------
    Rasmussen, Williams: Gaussian Processes for Machine Learning, 2006, section 5.4.2; You et
    al. 2021 for the model.

    Examples
    --------
    >>> import numpy as np, ranktune
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=90)
    >>> F = rng.normal(size=(90, 8)) + y[:, None]
    >>> ranktune.loo_log_likelihood(F, y) > ranktune.loo_log_likelihood(F, rng.permutation(y))
    True
    """
    return value("loo-log-likelihood", F, y, task)


def knn(F: Array, y: Array, *, task: str | None = None) -> float:
    """Leave-one-out accuracy of 5 nearest neighbours by cosine; mean average precision of labels,
    R² of numbers.

    Parameters
    ----------
    F : array or path, shape (n, d)
        Features, a row a sample.
    y : array or path, shape (n,)
        The target of each sample: a class (a number or a text), or numbers or labels 0 and 1,
        shape (n, c).
    task : {"classification", "multilabel", "regression"}, optional
        What the targets are. By default inferred from them.

    Returns
    -------
    float
        The score; higher is better.

    Raises
    ------
    ranktune.InputError
        Shapes that do not fit, numbers that are not finite, one class, or targets that the score is not for.

    References
    ----------
    Renggli, Pinto, Rimanic, Puigcerver, Riquelme, Zhang, Lučić: Which Model to Transfer?
    Finding the Needle in the Growing Haystack, CVPR 2022.

    Examples
    --------
    >>> import numpy as np, ranktune
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=90)
    >>> F = rng.normal(size=(90, 8)) + y[:, None]
    >>> ranktune.knn(F, y) > ranktune.knn(F, rng.permutation(y))
    True
    """
    return value("knn", F, y, task)


def n_leep(F: Array, y: Array, *, task: str | None = None) -> float:
    """LEEP with a mixture of Gaussians on the features in place of the source head (Li et al.
    2021).

    Parameters
    ----------
    F : array or path, shape (n, d)
        Features, a row a sample.
    y : array or path, shape (n,)
        The class of each sample: a number or a text.
    task : {"classification", "multilabel", "regression"}, optional
        What the targets are. By default inferred from them.

    Returns
    -------
    float
        The score; higher is better.

    Raises
    ------
    ranktune.InputError
        Shapes that do not fit, numbers that are not finite, one class, or targets that the score is not for.

    References
    ----------
    Li, Jia, Sang, Zhu, Green, Wang, Gong: Ranking Neural Checkpoints, CVPR 2021.

    Examples
    --------
    >>> import numpy as np, ranktune
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=90)
    >>> F = rng.normal(size=(90, 8)) + y[:, None]
    >>> ranktune.n_leep(F, y) > ranktune.n_leep(F, rng.permutation(y))
    True
    """
    return value("n-leep", F, y, task)


def pactran(P: Array, y: Array, *, task: str | None = None) -> float:
    """PAC-Bayes bound of a head over the source classes, Dirichlet prior (Ding et al. 2022).

    Parameters
    ----------
    P : array or path, shape (n, z)
        The source classifier's probabilities of each sample.
    y : array or path, shape (n,)
        The class of each sample: a number or a text.
    task : {"classification", "multilabel", "regression"}, optional
        What the targets are. By default inferred from them.

    Returns
    -------
    float
        The score; higher is better.

    Raises
    ------
    ranktune.InputError
        Shapes that do not fit, numbers that are not finite, one class, or targets that the score is not for.

    References
    ----------
    Ding, Chen, Levinboim, Changpinyo, Soricut: PACTran: PAC-Bayesian Metrics for Estimating
    the Transferability of Pretrained Models to Classification Tasks, ECCV 2022.

    Examples
    --------
    >>> import numpy as np, ranktune
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=90)
    >>> P = 0.1 + 0.7 * np.eye(3)[y]
    >>> ranktune.pactran(P, y) > ranktune.pactran(P, rng.permutation(y))
    True
    """
    return value("pactran", P, y, task)


def gbc(F: Array, y: Array, *, task: str | None = None) -> float:
    """Minus the overlap of classes as spherical Gaussians (Pándy et al. 2022).

    Parameters
    ----------
    F : array or path, shape (n, d)
        Features, a row a sample.
    y : array or path, shape (n,)
        The class of each sample: a number or a text.
    task : {"classification", "multilabel", "regression"}, optional
        What the targets are. By default inferred from them.

    Returns
    -------
    float
        The score; higher is better.

    Raises
    ------
    ranktune.InputError
        Shapes that do not fit, numbers that are not finite, one class, or targets that the score is not for.

    References
    ----------
    Pándy, Agostinelli, Uijlings, Ferrari, Mensink: Transferability Estimation using
    Bhattacharyya Class Separability, CVPR 2022.

    Examples
    --------
    >>> import numpy as np, ranktune
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=90)
    >>> F = rng.normal(size=(90, 8)) + y[:, None]
    >>> ranktune.gbc(F, y) > ranktune.gbc(F, rng.permutation(y))
    True
    """
    return value("gbc", F, y, task)


def parc(F: Array, y: Array, *, task: str | None = None) -> float:
    """Rank correlation of the distances of features and of labels (Bolya et al. 2021).

    Parameters
    ----------
    F : array or path, shape (n, d)
        Features, a row a sample.
    y : array or path, shape (n,)
        The target of each sample: a class (a number or a text), or labels 0 and 1, shape (n,
        c).
    task : {"classification", "multilabel", "regression"}, optional
        What the targets are. By default inferred from them.

    Returns
    -------
    float
        The score; higher is better.

    Raises
    ------
    ranktune.InputError
        Shapes that do not fit, numbers that are not finite, one class, or targets that the score is not for.

    References
    ----------
    Bolya, Mittapalli, Hoffman: Scalable Diverse Model Selection for Accessible Transfer
    Learning, NeurIPS 2021.

    Examples
    --------
    >>> import numpy as np, ranktune
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=90)
    >>> F = rng.normal(size=(90, 8)) + y[:, None]
    >>> ranktune.parc(F, y) > ranktune.parc(F, rng.permutation(y))
    True
    """
    return value("parc", F, y, task)


def sfda(F: Array, y: Array, *, task: str | None = None) -> float:
    """Self-challenging Fisher discriminant: mean probability of the right class (Shao et al.
    2022).

    Parameters
    ----------
    F : array or path, shape (n, d)
        Features, a row a sample.
    y : array or path, shape (n,)
        The class of each sample: a number or a text.
    task : {"classification", "multilabel", "regression"}, optional
        What the targets are. By default inferred from them.

    Returns
    -------
    float
        The score; higher is better.

    Raises
    ------
    ranktune.InputError
        Shapes that do not fit, numbers that are not finite, one class, or targets that the score is not for.

    References
    ----------
    Shao, Zhao, Ge, Zhang, Yang, Wang, Shan, Luo: Not All Models Are Equal: Predicting Model
    Transferability in a Self-challenging Fisher Space, ECCV 2022.

    Examples
    --------
    >>> import numpy as np, ranktune
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=90)
    >>> F = rng.normal(size=(90, 8)) + y[:, None]
    >>> ranktune.sfda(F, y) > ranktune.sfda(F, rng.permutation(y))
    True
    """
    return value("sfda", F, y, task)
