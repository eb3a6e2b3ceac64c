"""Commands in this process: keywords become options, what is printed becomes values, messages become log records."""

from __future__ import annotations

import datetime
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Optional, Union

from . import _ranktune
from ._errors import InputError

__all__ = ["Many", "Outcome", "Progress", "Step", "Text", "rows", "run"]

#: A text, or a path.
Text = Union[str, "os.PathLike[str]"]
#: One or several of them.
Many = Union[Text, float, Sequence[Union[Text, float]]]

logger = logging.getLogger("ranktune")


class Step(NamedTuple):
    """A step of long work.

    Attributes
    ----------
    kind : {"started", "samples", "finished", "stage"}
        A model's features are begun, are done for some samples, or are complete; or a stage of a tuning starts.
    name : str
        The model, or the stage.
    number : int
        Samples in all, samples done, 0, or the number of the stage.
    """

    kind: str
    name: str
    number: int


Progress = Optional[Callable[[Step], object]]


class Outcome(NamedTuple):
    """What a command printed on stdout, and whether it left something out (exit code 1)."""

    output: str
    is_incomplete: bool


def run(
    command: Sequence[str],
    options: Mapping[str, object],
    positional: Iterable[object] = (),
    progress: Progress = None,
) -> Outcome:
    """Run a command with its options by name, and with what it takes without a name."""
    arguments = list(command)
    for flag, value in options.items():
        if value is True:
            arguments.append(flag)
        elif value is not None and value is not False:
            # With an equals sign a value may begin with a hyphen.
            arguments.extend(f"{flag}={text}" for text in _texts(value))
    values = [text for value in positional if value is not None for text in _texts(value)]
    if values:
        arguments += ["--", *values]

    def receive(kind: str, text: str, number: int) -> None:
        if kind == "line":
            _log(text)
        elif progress is not None:
            progress(Step(kind, text, number))

    return Outcome(*_ranktune.run(arguments, [sys.executable, "-m", "ranktune"], receive))


def rows(outcome: Outcome) -> list[dict[str, Any]]:
    """JSON lines as dictionaries."""
    return [json.loads(line) for line in outcome.output.splitlines() if line.strip()]


def _texts(value: object) -> list[str]:
    if isinstance(value, (str, bytes, os.PathLike)):
        return [os.fsdecode(value)]
    if hasattr(value, "forward") and hasattr(value, "parameters"):
        raise InputError(f"a {type(value).__name__} of PyTorch is no file; ranktune.torch.rank ranks modules")
    if isinstance(value, datetime.timedelta):
        return [f"{value.total_seconds()}s"]
    if isinstance(value, Iterable):
        return [text for each in value for text in _texts(each)]
    # repr() keeps every digit of a float; NumPy's numbers are Python's first.
    item = getattr(value, "item", None)
    number = item() if callable(item) else value
    if isinstance(number, (bool, int, float)):
        return [repr(number)]
    raise InputError(f"expected a text, a path, a number or a sequence of them, got a {type(value).__name__}")


def _log(line: str) -> None:
    """What a reader should know is a warning; the rest is what happens."""
    if line.startswith("note: "):
        logger.warning("%s", line[len("note: ") :])
    elif ": skipped: " in line or ": stopped: " in line or line.startswith("left out: "):
        logger.warning("%s", line)
    elif not line.startswith("next: "):
        logger.info("%s", line)
