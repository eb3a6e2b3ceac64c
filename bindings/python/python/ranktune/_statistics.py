"""Statistics of samples, which add up over batches, processes and machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Optional

from . import _ranktune
from ._arrays import given
from ._errors import InputError
from ._results import Scores
from ._score import Array, settings

__all__ = ["Statistics"]


class Statistics:
    """The statistics of features and targets: all that most scores need, whatever the number of samples.

    Memory is that of a matrix of d by d numbers. Statistics of several parts of the samples are added with ``+``, and what
    was added can be taken away with ``-``; they can be pickled, and `to_bytes` is the content of the files that ``ranktune
    score --save-statistics`` writes and ``--statistics`` reads. The order of the parts changes scores by rounding only.

    Parameters
    ----------
    F : array or path, shape (n, d), optional
        Features, a row a sample. Without them the statistics are empty.
    y : array or path, shape (n,) or (n, c), optional
        Classes, labels or numbers.
    task : {"classification", "multilabel", "regression"}, optional
        What the targets are. By default inferred from the first ones.

    Raises
    ------
    InputError
        Shapes that do not fit, or numbers that are not finite.

    Examples
    --------
    >>> import numpy as np, ranktune
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=90)
    >>> F = rng.normal(size=(90, 8)) + y[:, None]
    >>> parts = ranktune.Statistics(F[:40], y[:40]) + ranktune.Statistics(F[40:], y[40:])
    >>> parts
    Statistics(classification, 90 samples, 8 features, 3 columns)
    >>> bool(abs(parts.scores().value("logme") - ranktune.logme(F, y)) < 1e-9)
    True
    """

    __slots__ = ("_inner", "_task")

    def __init__(self, F: Optional[Array] = None, y: Optional[Array] = None, *, task: Optional[str] = None) -> None:
        if (F is None) != (y is None):
            raise InputError("expected both F and y, or neither")
        self._task = task
        self._inner: Optional[_ranktune.Statistics] = None
        if F is not None:
            self.partial_fit(F, y)

    def partial_fit(self, F: Array, y: Array) -> Statistics:
        """Add samples.

        Parameters
        ----------
        F : array or path, shape (n, d)
            Features, a row a sample.
        y : array or path, shape (n,) or (n, c)
            Their targets. A batch need not have every class.

        Returns
        -------
        Statistics
            These.
        """
        task = self._task if self._inner is None else self._inner.task
        more = _ranktune.Statistics(([given("F", F)], [given("y", y)], []), settings(task=task))
        self._inner = more if self._inner is None else self._inner.plus(more)
        return self

    def scores(self, scores: Sequence[str] = (), *, compat: str = "exact") -> Scores:
        """Score the samples so far.

        Parameters
        ----------
        scores : sequence of str, optional
            Names of scores; by default logme. Scores that need rows or probabilities are refused.
        compat : {"exact", "published"}
            As for `ranktune.score`.

        Returns
        -------
        Scores
        """
        return Scores(json.loads(self._filled().score(settings(scores, compat=compat))))

    def to_bytes(self) -> bytes:
        """The content of the file that ``ranktune score --save-statistics`` writes."""
        return self._filled().to_bytes()

    @classmethod
    def from_bytes(cls, content: bytes) -> Statistics:
        """Read the content of such a file.

        Raises
        ------
        InputError
            The bytes are of something else, damaged or cut short.
        """
        statistics = cls()
        statistics._inner = _ranktune.Statistics.from_bytes(content)
        return statistics

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return 0 if self._inner is None else self._inner.n_samples

    @property
    def n_features(self) -> Optional[int]:
        """Number of features; None without samples."""
        return None if self._inner is None else self._inner.n_features

    @property
    def names(self) -> list[str]:
        """Names of the classes, labels or target columns."""
        return [] if self._inner is None else self._inner.names

    @property
    def task(self) -> Optional[str]:
        """What the targets are."""
        return self._task if self._inner is None else self._inner.task

    def __add__(self, other: object) -> Statistics:
        if not isinstance(other, Statistics):
            return NotImplemented
        both = Statistics(task=self._task or other._task)
        if self._inner is None or other._inner is None:
            both._inner = self._inner or other._inner
        else:
            both._inner = self._inner.plus(other._inner)
        return both

    def __radd__(self, other: object) -> Statistics:
        # sum() begins with 0.
        return self if other == 0 else NotImplemented

    def __sub__(self, other: object) -> Statistics:
        if not isinstance(other, Statistics):
            return NotImplemented
        left = Statistics(task=self._task)
        left._inner = self._inner if other._inner is None else self._filled().minus(other._inner)
        return left

    def __getstate__(self) -> tuple[Optional[str], Optional[bytes]]:
        return self._task, None if self._inner is None else self._inner.to_bytes()

    def __setstate__(self, state: tuple[Optional[str], Optional[bytes]]) -> None:
        self._task, content = state
        self._inner = None if content is None else _ranktune.Statistics.from_bytes(content)

    def __repr__(self) -> str:
        if self._inner is None:
            return "Statistics()"
        return (
            f"Statistics({self.task}, {self.n_samples} samples, {self.n_features} features, {len(self.names)} columns)"
        )

    def _filled(self) -> _ranktune.Statistics:
        if self._inner is None:
            raise InputError("the statistics are empty; add samples with partial_fit")
        return self._inner
