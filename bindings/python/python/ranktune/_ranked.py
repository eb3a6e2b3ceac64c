"""Rankings that are put together in Python: of modules of PyTorch, and of models on a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ._errors import InputError
from ._results import Ranking

__all__ = ["entry", "ranking"]


def entry(
    name: str, scores: Mapping[str, Any], *, layer: str, features: int, parameters: int, extract: float, score: float
) -> dict[str, Any]:
    """A model of a ranking, whose place is not known yet. Times are in seconds."""
    return {
        "rank": 0,
        "name": name,
        "digest": "",
        "parameters": parameters,
        "feature_tensor": layer,
        "feature_dim": features,
        # Without the evidence of each column, as in every ranking.
        "scores": {key: {part: it for part, it in value.items() if part != "columns"} for key, value in scores.items()},
        "score_uncertainty": None,
        "seconds": {"extract": extract, "score": score},
    }


def ranking(
    entries: Sequence[dict[str, Any]],
    skipped: Sequence[dict[str, str]],
    about: Mapping[str, Any],
    *,
    data: str,
    undecided: str,
    seed: int = 0,
) -> Ranking:
    """The entries in order of the first score of `about`, a document of scores.

    Raises
    ------
    InputError
        There are no entries; the text has the reasons.
    """
    if not entries:
        reasons = "; ".join(f"{model['name']}: {model['reason']}" for model in skipped)
        raise InputError(f"no model could be ranked: {reasons or 'there are none'}")
    first = next(iter(about["scores"]))

    def place(model: dict[str, Any]) -> float:
        value = model["scores"].get(first, {}).get("value")
        return float("-inf") if value is None else float(value)

    ordered = sorted(entries, key=place, reverse=True)
    for number, each in enumerate(ordered, start=1):
        each["rank"] = number
    return Ranking(
        {
            "schema": "ranktune.ranking/2",
            "task": about["task"],
            "data": {"path": data, "samples": about["samples"], "classes": [], "digest": ""},
            "options": {"scores": list(about["scores"]), "seed": seed, "top_k": 3},
            "models": ordered,
            "undecided": undecided,
            "skipped": list(skipped),
        },
        is_incomplete=bool(skipped),
    )
