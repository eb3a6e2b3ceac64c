"""Rankings of modules."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional, Union

import torch
from torch import nn

from .._ranked import entry, ranking
from .._results import Ranking
from .._run import Progress
from .._score import score
from ._extract import Extracted, extract

logger = logging.getLogger("ranktune")


def rank(
    models: Union[Mapping[str, nn.Module], Sequence[nn.Module]],
    loader: Iterable[Any],
    *,
    scores: Sequence[str] = (),
    task: Optional[str] = None,
    pooling: str = "mean",
    device: Union[str, torch.device, None] = None,
    seed: int = 0,
    progress: Progress = None,
) -> Ranking:
    """Rank modules by how well their features explain the targets of a loader, without an export.

    Parameters
    ----------
    models : mapping of names to Modules, or sequence of Modules
        A sequence is named by classes, numbered where they repeat.
    loader : iterable of batches
        As for `extract`; it is iterated once for each module, in the same order.
    scores : sequence of str, optional
        Names of scores, the one that orders the ranking first. By default those of `ranktune.score`.
    task : {"classification", "multilabel", "regression"}, optional
        What the targets are. By default inferred from them.
    pooling, device, progress
        As for `extract`.
    seed : int
        Seed of the groups of the standard errors.

    Returns
    -------
    Ranking
        Best first. A module that fails is in ``skipped`` with its reason, and the others are ranked. Nothing is predicted of the
        accuracy after tuning, since modules have no identity that earlier results could be of.

    Raises
    ------
    InputError
        No module can be ranked.
    """
    ranked: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    about: dict[str, Any] = {}
    for name, model in _named(models):
        start = time.perf_counter()
        try:
            found = extract(model, loader, pooling=pooling, device=device, progress=progress, name=name)
            middle = time.perf_counter()
            scored = score(
                found.features,
                found.targets,
                found.probabilities,
                scores=_possible(scores, found),
                task=task,
                standard_errors=True,
                seed=seed,
            )
        except (ValueError, RuntimeError, TypeError, KeyError) as error:
            logger.warning("%s: skipped: %s", name, error)
            skipped.append({"name": name, "reason": str(error)})
            continue
        about = scored.to_dict()
        ranked.append(
            entry(
                name,
                about["scores"],
                layer=found.layer,
                features=int(found.features.shape[1]),
                parameters=sum(weight.numel() for weight in model.parameters()),
                extract=middle - start,
                score=time.perf_counter() - middle,
            )
        )
    return ranking(
        ranked,
        skipped,
        about,
        data="a loader of PyTorch",
        undecided="modules of PyTorch have no earlier results",
        seed=seed,
    )


def _named(models: Union[Mapping[str, nn.Module], Sequence[nn.Module]]) -> list[tuple[str, nn.Module]]:
    if isinstance(models, Mapping):
        return list(models.items())
    names = [type(model).__name__ for model in models]
    seen: dict[str, int] = {}
    named = []
    for name, model in zip(names, models):
        seen[name] = seen.get(name, 0) + 1
        named.append((f"{name}-{seen[name]}" if names.count(name) > 1 else name, model))
    return named


def _possible(scores: Sequence[str], found: Extracted) -> list[str]:
    """The scores that were asked for; those of probabilities only for modules that have them."""
    from .. import _ranktune

    of_probabilities = {name for name, _, _, needs in _ranktune.scores() if needs}
    chosen = [scores] if isinstance(scores, str) else list(scores)
    return [name for name in chosen if found.probabilities is not None or name not in of_probabilities]
