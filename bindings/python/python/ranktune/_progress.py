"""Progress as bars of tqdm."""

from __future__ import annotations

from typing import Any

from ._run import Step

__all__ = ["bars"]


class Bars:
    """Bars of tqdm, one a model; in a notebook those of the notebook. For ``progress=`` of any function.

    Requires tqdm.

    Examples
    --------
    >>> import ranktune
    >>> ranking = ranktune.rank("models", "photos", progress=ranktune.bars())  # doctest: +SKIP
    """

    def __init__(self) -> None:
        from tqdm.auto import tqdm

        self._tqdm: Any = tqdm
        self._running: dict[str, Any] = {}

    def __call__(self, step: Step) -> None:
        """Draw a step."""
        if step.kind == "started" and step.name not in self._running:
            self._running[step.name] = self._tqdm(total=step.number, desc=step.name, leave=False)
        elif step.kind == "samples" and step.name in self._running:
            bar = self._running[step.name]
            bar.update(step.number - bar.n)
        elif step.kind == "finished" and step.name in self._running:
            self._running.pop(step.name).close()


#: Made anew for each call: ``progress=ranktune.bars()``.
bars = Bars
