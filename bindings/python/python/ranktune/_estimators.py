"""LogME as estimators of scikit-learn.

They work without scikit-learn too: then they have the same methods, and plainer checks of their input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from . import _ranktune
from ._arrays import as_numpy, given
from ._errors import InputError
from ._score import settings

if TYPE_CHECKING:
    import numpy.typing as npt

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError:
    from ._plain import (
        BaseEstimator,
        ClassifierMixin,
        RegressorMixin,
        check_classification_targets,
        check_is_fitted,
        validate_data,
    )

__all__ = ["LogME", "LogMERegressor"]

_KINDS = [np.float64, np.float32, np.float16]


class _Evidence(BaseEstimator):  # type: ignore[misc, unused-ignore]
    """What both estimators share: the fit of columns of targets."""

    score_: float
    evidences_: npt.NDArray[np.float64]
    alpha_: npt.NDArray[np.float64]
    beta_: npt.NDArray[np.float64]
    status_: list[str]

    def __init__(self, *, compat: str = "exact", precision: str = "double") -> None:
        self.compat = compat
        self.precision = precision

    def _settings(self, task: str) -> dict[str, Any]:
        return settings(["logme"], task, self.compat, self.precision)

    def _solve(self, F: Any, targets: Any, task: str) -> None:
        """Fit all samples at once, as the command line does."""
        self._drop()
        self._keep(_ranktune.fit(([given("X", F)], [given("y", targets)], []), self._settings(task)))

    def _add(self, F: Any, targets: Any, task: str) -> None:
        """Add samples to those before. They are fitted when a result is asked for."""
        more = _ranktune.Statistics(([given("X", F)], [given("y", targets)], []), self._settings(task))
        before = self.__dict__.get("_statistics")
        self._drop()
        self._statistics = more if before is None else before.plus(more)

    def _drop(self) -> None:
        for name in ("_fit", "_lazy", "_statistics", *_RESULTS):
            self.__dict__.pop(name, None)

    def _keep(self, fit: _ranktune.Fit) -> None:
        self._fit = fit
        # What is found on first use is kept apart, because predictions must not change the attributes.
        self._lazy: dict[str, npt.NDArray[np.float64]] = {}
        self.score_ = fit.value
        self.evidences_ = np.array(fit.evidences)
        self.alpha_ = np.array(fit.alpha)
        self.beta_ = np.array(fit.beta)
        self.status_ = fit.status

    def __getattr__(self, name: str) -> Any:
        if name in _RESULTS and "_statistics" in self.__dict__:
            statistics = self.__dict__["_statistics"]
            self._keep(statistics.fit(self._settings(statistics.task)))
            return self.__dict__[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __sklearn_is_fitted__(self) -> bool:
        return "_lazy" in self.__dict__ or "_statistics" in self.__dict__

    @property
    def _weights(self) -> npt.NDArray[np.float64]:
        """`[c, d]`; found on first use, since the score does not need them."""
        if not self.__sklearn_is_fitted__():
            raise AttributeError(f"{type(self).__name__!r} object has no attribute 'coef_'; call fit first")
        _ = self.score_
        if "weights" not in self._lazy:
            self._lazy["weights"] = np.frombuffer(self._fit.weights()).reshape(-1, self._fit.n_features).copy()
        return self._lazy["weights"]

    def _means(self, X: Any) -> npt.NDArray[np.float64]:
        """The means of the targets, `[n, c]`."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=_KINDS)
        means: npt.NDArray[np.float64] = np.asarray(X, dtype=np.float64) @ self._weights.T
        return means

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any]
        if self.__sklearn_is_fitted__() and "_statistics" not in self.__dict__:
            _ = self._weights
        inherited = getattr(super(), "__getstate__", None)
        state = dict(inherited() if inherited is not None else self.__dict__)
        state.pop("_fit", None)
        if "_statistics" in state:
            state["_statistics"] = state["_statistics"].to_bytes()
            for name in ("_lazy", *_RESULTS):
                state.pop(name, None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        if isinstance(state.get("_statistics"), bytes):
            state["_statistics"] = _ranktune.Statistics.from_bytes(state["_statistics"])
        inherited = getattr(super(), "__setstate__", None)
        if inherited is not None:
            inherited(state)
        else:
            self.__dict__.update(state)


_RESULTS = ("score_", "evidences_", "alpha_", "beta_", "status_")


class LogME(ClassifierMixin, _Evidence):  # type: ignore[misc, unused-ignore]
    """LogME of features and classes: the maximum evidence of a Bayesian linear model, and that model as a classifier.

    Parameters
    ----------
    compat : {"exact", "published"}
        The maximum of the evidence, or the value of the published code, which is off where n < d.
    precision : {"double", "fast"}
        Products in double precision, or in single precision with the error of the score bounded.
    temperature : float
        Of `predict_proba`: the softmax of the model's means by this, 0.1 as in B-Tuning. The evidence does not depend on it.

    Attributes
    ----------
    score_ : float
        LogME: the mean over classes of the maximum log evidence per sample, in nats. The same number as that of ``ranktune
        score --scores logme``, to the last bit.
    evidences_ : ndarray of shape (c,)
        The evidence of each class.
    alpha_ : ndarray of shape (c,)
        The prior precision of the weights at the maximum; infinite where the features say nothing about a class.
    beta_ : ndarray of shape (c,)
        The noise precision at the maximum; infinite where the features reproduce a class.
    coef_ : ndarray of shape (c, d)
        The posterior means of the weights. There is no intercept.
    classes_ : ndarray of shape (c,)
        The classes, sorted.
    n_features_in_ : int
        Number of features, d.

    See Also
    --------
    LogMERegressor : For numbers.
    ranktune.logme : The score alone.

    References
    ----------
    You, Liu, Wang, Long: LogME: Practical Assessment of Pre-trained Models for Transfer Learning, ICML 2021.

    Examples
    --------
    >>> import numpy as np, ranktune
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=90)
    >>> F = rng.normal(size=(90, 8)) + 3 * np.eye(8)[y]
    >>> model = ranktune.LogME().fit(F, y)
    >>> model.score_ == ranktune.logme(F, y)
    True
    >>> model.predict(F).shape, model.coef_.shape
    ((90,), (3, 8))
    """

    classes_: npt.NDArray[Any]

    def __init__(self, *, compat: str = "exact", precision: str = "double", temperature: float = 0.1) -> None:
        super().__init__(compat=compat, precision=precision)
        self.temperature = temperature

    def fit(self, X: Any, y: Any) -> LogME:
        """Fit all samples.

        Parameters
        ----------
        X : array of shape (n, d)
            Features, a row a sample; read as they are, in half, single or double precision.
        y : array of shape (n,)
            The class of each sample.

        Returns
        -------
        LogME
            This estimator.
        """
        X, y = validate_data(self, X, y, dtype=_KINDS)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(f"LogME compares classes, but all samples are of one class, {self.classes_[0]!r}")
        self._solve(X, labels, "classification")
        return self

    def partial_fit(self, X: Any, y: Any, classes: Optional[Sequence[Any]] = None) -> LogME:
        """Add samples to those of earlier calls.

        Parameters
        ----------
        X : array of shape (n, d)
            Features.
        y : array of shape (n,)
            The class of each sample.
        classes : sequence, optional
            All classes that occur; required in the first call, as everywhere in scikit-learn.

        Returns
        -------
        LogME
            This estimator. The samples so far are fitted when a result is asked for. The first call after `fit`, which keeps
            no statistics, starts anew with its classes.
        """
        is_first = "_statistics" not in self.__dict__
        X, y = validate_data(self, X, y, dtype=_KINDS, reset=is_first)
        check_classification_targets(y)
        if is_first and (classes is not None or not hasattr(self, "classes_")):
            if classes is None:
                raise InputError("classes is required in the first call of partial_fit")
            self.classes_ = np.unique(as_numpy(classes))
        elif classes is not None and not np.array_equal(np.unique(as_numpy(classes)), self.classes_):
            raise InputError(f"classes are {classes!r}, expected {self.classes_!r} as in the first call of partial_fit")
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise InputError(f"class {unknown[0]!r} is not among the classes of the first call of partial_fit")
        # Numbers of the classes, which sort as the classes do.
        self._add(X, np.searchsorted(self.classes_, y), "classification")
        return self

    @property
    def coef_(self) -> npt.NDArray[np.float64]:
        """The posterior means of the weights, `[c, d]`."""
        return self._weights

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The class of each row: that with the largest mean."""
        means = self._means(X)
        found: npt.NDArray[Any] = self._occurring()[means.argmax(axis=1)]
        return found

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """The softmax of the means by the temperature, `[n, c]` in the order of `classes_`."""
        means = self._means(X) / self.temperature
        means -= means.max(axis=1, keepdims=True)
        shares = np.exp(means)
        shares /= shares.sum(axis=1, keepdims=True)
        occurring = self._occurring()
        if len(occurring) == len(self.classes_):
            return shares
        all_shares = np.zeros((len(shares), len(self.classes_)))
        all_shares[:, np.searchsorted(self.classes_, occurring)] = shares
        return all_shares

    def _occurring(self) -> npt.NDArray[Any]:
        """Classes that have a sample so far."""
        if "_statistics" not in self.__dict__:
            return self.classes_
        return self.classes_[[int(name) for name in self._statistics.names]]


class LogMERegressor(RegressorMixin, _Evidence):  # type: ignore[misc, unused-ignore]
    """LogME of features and numbers: the maximum evidence of a Bayesian linear model, and that model as a regressor.

    Parameters and attributes are those of `LogME`, without classes; ``coef_`` is of shape (d,) for one target column.

    Examples
    --------
    >>> import numpy as np, ranktune
    >>> rng = np.random.default_rng(0)
    >>> F = rng.normal(size=(90, 8))
    >>> y = F @ np.arange(8.0) + rng.normal(size=90)
    >>> bool(ranktune.LogMERegressor().fit(F, y).score(F, y) > 0.9)
    True
    """

    def fit(self, X: Any, y: Any) -> LogMERegressor:
        """Fit all samples.

        Parameters
        ----------
        X : array of shape (n, d)
            Features, a row a sample.
        y : array of shape (n,) or (n, c)
            The numbers to predict.

        Returns
        -------
        LogMERegressor
            This estimator.
        """
        X, y = self._checked(X, y, reset=True)
        self._solve(X, y, "regression")
        return self

    def partial_fit(self, X: Any, y: Any) -> LogMERegressor:
        """Add samples to those of earlier calls.

        Parameters
        ----------
        X : array of shape (n, d)
            Features.
        y : array of shape (n,) or (n, c)
            The numbers to predict.

        Returns
        -------
        LogMERegressor
            This estimator. The samples so far are fitted when a result is asked for.
        """
        X, y = self._checked(X, y, reset="_statistics" not in self.__dict__)
        self._add(X, y, "regression")
        return self

    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        X, y = validate_data(self, X, y, dtype=_KINDS, reset=reset, multi_output=True, y_numeric=True)
        if reset:
            self._is_flat = y.ndim == 1
        return X, np.asarray(y, dtype=np.float64)

    @property
    def coef_(self) -> npt.NDArray[np.float64]:
        """The posterior means of the weights, `[d]` or `[c, d]`."""
        return self._weights[0] if self._is_flat else self._weights

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """The mean of each target of each row, `[n]` or `[n, c]`."""
        means = self._means(X)
        return means[:, 0] if self._is_flat else means

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags

