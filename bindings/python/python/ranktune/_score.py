"""Scores of arrays and files, with the numbers of ``ranktune score`` to the last bit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Optional

from . import _ranktune
from ._arrays import given
from ._errors import InputError
from ._results import Scores
from ._run import logger

__all__ = ["Array", "score", "settings", "value"]

#: An array of NumPy or PyTorch, a data frame, a sequence of rows, or the path of a file.
Array = Any


def settings(
    scores: Sequence[str] = (),
    task: Optional[str] = None,
    compat: str = "exact",
    precision: str = "double",
    standard_errors: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """What the compiled part takes."""
    return {
        "scores": [scores] if isinstance(scores, str) else list(scores),
        "task": task,
        "compat": compat,
        "precision": precision,
        "standard_errors": standard_errors,
        "seed": seed,
    }


def value(name: str, features: Array, targets: Array, task: Optional[str]) -> float:
    """One score. Those of probabilities take them in place of features."""
    of_probabilities = any(known == name and needs for known, _, _, needs in _ranktune.scores())
    first = given("P" if of_probabilities else "F", features)
    inputs = ([first], [given("y", targets)], [first] if of_probabilities else [])
    document = _document(_ranktune.score(inputs, settings([name], task)))
    found = document["scores"][name]
    if found["value"] is None:
        raise InputError(f"{name}: {found.get('reason', 'there is no value')}")
    return float(found["value"])


def score(
    F: Array,
    y: Array,
    P: Optional[Array] = None,
    *,
    scores: Sequence[str] = (),
    task: Optional[str] = None,
    compat: str = "exact",
    precision: str = "double",
    standard_errors: bool = False,
    seed: int = 0,
) -> Scores:
    """Score features and targets, as ``ranktune score`` does.

    Parameters
    ----------
    F : array or path, shape (n, d)
        Features, a row a sample: NumPy or PyTorch, a data frame, or a file (``.npy``, ``.npz``, ``.safetensors``, Parquet;
        ``FILE:NAME`` takes one array of several). Half, single and double precision are read as they are.
    y : array or path, shape (n,) or (n, c)
        Whole numbers or texts are classes; other numbers, a regression; several columns of 0 and 1, labels.
    P : array or path, shape (n, z), optional
        A source classifier's probabilities, for leep and nce.
    scores : sequence of str, optional
        Names of scores. By default logme, for classes also loo-accuracy, and with `P` leep and nce.
    task : {"classification", "multilabel", "regression"}, optional
        What the targets are. By default inferred from them.
    compat : {"exact", "published"}
        The maximum of the evidence, or the value of the published code, which is off where n < d.
    precision : {"double", "fast"}
        Products in double precision, or in single precision with the error of logme bounded.
    standard_errors : bool
        Whether standard errors are computed, by leaving out groups of samples in turn.
    seed : int
        Seed of those groups.

    Returns
    -------
    Scores
        ``scores["scores"]["logme"]["value"]``, and ``scores.value("logme")``.

    Raises
    ------
    InputError
        Shapes that do not fit, numbers that are not finite, one class, or a score that these inputs do not allow.
    FileError
        A file cannot be found or read.

    Examples
    --------
    >>> import numpy as np, ranktune
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=90)
    >>> F = rng.normal(size=(90, 8)) + y[:, None]
    >>> scores = ranktune.score(F, y, scores=["logme", "h-score"], standard_errors=True)
    >>> scores.value("logme") == ranktune.logme(F, y)
    True
    >>> scores.scores["h-score"]["standard_error"] > 0
    True
    """
    inputs = ([given("F", F)], [given("y", y)], [] if P is None else [given("P", P)])
    chosen = settings(scores, task, compat, precision, standard_errors, seed)
    return Scores(_document(_ranktune.score(inputs, chosen)))


def _document(text: str) -> dict[str, Any]:
    """The document, whose notes a reader should see: that whole floats are numbers and no classes, for instance."""
    document: dict[str, Any] = json.loads(text)
    for note in document.get("notes", []):
        logger.warning("%s", note)
    return document
