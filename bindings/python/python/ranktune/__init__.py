"""Rank pre-trained models for your data without fine-tuning any of them, and tune the best.

The functions are those of the command line, and their keywords are its options: `rank`, `tune`, `study`, `evaluate`, `predict`,
`features`, `compare`, `report`, and the modules `hub` and `record`. Scores take arrays: `score`, and each by its name (`logme`,
`leep`, …). `LogME` and `LogMERegressor` are estimators of scikit-learn, `Statistics` add up over batches and machines.
`ranktune.torch` ranks modules of PyTorch.

Messages are records of the logger ``ranktune``; what a reader should know is a warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import hub, record
from ._commands import *
from ._commands import __all__ as _commands
from ._errors import Error, FileError, InputError, InternalError
from ._progress import bars
from ._ranktune import __version__
from ._results import Document, Ranking, Scores
from ._run import Step
from ._score import score
from ._scores import *
from ._scores import __all__ as _scores
from ._statistics import Statistics

if TYPE_CHECKING:
    from ._estimators import LogME, LogMERegressor

__all__ = [
    *_commands,
    *_scores,
    "Document",
    "Error",
    "FileError",
    "InputError",
    "InternalError",
    "LogME",
    "LogMERegressor",
    "Ranking",
    "Scores",
    "Statistics",
    "Step",
    "__version__",
    "bars",
    "hub",
    "record",
    "score",
]


def __getattr__(name: str) -> Any:
    # The estimators import scikit-learn where it is installed, which takes longer than everything else.
    if name in ("LogME", "LogMERegressor"):
        from . import _estimators

        return getattr(_estimators, name)
    raise AttributeError(f"module 'ranktune' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
