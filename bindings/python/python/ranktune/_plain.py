"""What the estimators need of scikit-learn, for where it is not installed: parameters, and plain checks."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from ._arrays import as_numpy
from ._errors import InputError

__all__ = [
    "BaseEstimator",
    "ClassifierMixin",
    "RegressorMixin",
    "check_classification_targets",
    "check_is_fitted",
    "validate_data",
]


class BaseEstimator:
    """Parameters are the keywords of the constructor."""

    n_features_in_: int

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name."""
        names = list(inspect.signature(type(self)).parameters)
        return {name: getattr(self, name) for name in names}

    def set_params(self, **parameters: Any) -> BaseEstimator:
        """Change parameters."""
        known = self.get_params()
        for name, value in parameters.items():
            if name not in known:
                raise InputError(f"{type(self).__name__} has no parameter {name!r}, only {', '.join(known)}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        parameters = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({parameters})"


class ClassifierMixin:
    """A classifier's score."""

    def score(self, X: Any, y: Any) -> float:
        """The share of rows whose class is predicted."""
        return float(np.mean(self.predict(X) == as_numpy(y)))  # type: ignore[attr-defined]


class RegressorMixin:
    """A regressor's score."""

    def score(self, X: Any, y: Any) -> float:
        """R²."""
        y = np.asarray(as_numpy(y), dtype=np.float64)
        left = ((y - self.predict(X)) ** 2).sum(axis=0)  # type: ignore[attr-defined]
        return float(np.mean(1 - left / ((y - y.mean(axis=0)) ** 2).sum(axis=0)))


def check_is_fitted(estimator: Any) -> None:
    """Refuse an estimator that has not been fitted."""
    if not estimator.__sklearn_is_fitted__():
        raise InputError(f"this {type(estimator).__name__} is not fitted yet; call fit first")


def check_classification_targets(y: Any) -> None:
    """Refuse numbers that are no classes."""
    if y.dtype.kind == "f" and not np.all(y == np.floor(y)):
        raise InputError("y has numbers that are not whole; use LogMERegressor for them")


def validate_data(estimator: Any, X: Any, y: Any = None, *, reset: bool = True, **_: Any) -> Any:
    """Arrays with as many features as before. Numbers are checked where they are used."""
    if hasattr(X, "toarray"):
        raise InputError("X: sparse matrices are not supported; pass X.toarray() if it fits in memory")
    X = as_numpy(X)
    if X.ndim != 2:
        raise InputError(f"X: expected rows and columns, found shape {list(X.shape)}")
    if X.dtype.kind != "f":
        X = X.astype(np.float64)
    if reset:
        estimator.n_features_in_ = X.shape[1]
    elif X.shape[1] != estimator.n_features_in_:
        raise InputError(
            f"X has {X.shape[1]} features, but {type(estimator).__name__} is expecting {estimator.n_features_in_} "
            "features as input"
        )
    if y is None:
        return X
    return X, as_numpy(y)
