"""Results: the JSON documents of the command line, with names for what is asked most."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Optional, TypeVar, Union

from . import _ranktune
from ._run import Outcome, run

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Comparison",
    "Document",
    "Entry",
    "Evaluation",
    "Models",
    "Predictions",
    "Pull",
    "Ranking",
    "Rows",
    "Scores",
    "Search",
    "Study",
    "Training",
    "Verification",
]

#: Rows of a record.
Rows = list[dict[str, Any]]

_D = TypeVar("_D", bound="Document")


class Entry(Mapping[str, Any]):
    """A part of a document: its keys are attributes too (``model.name``, ``model["name"]``)."""

    __slots__ = ("_content",)

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = content

    def __getitem__(self, key: str) -> Any:
        return _wrapped(self._content[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            known = ", ".join(self._content)
            raise AttributeError(f"{name!r} is not in this part of the document, which has {known}") from None

    def __reduce__(self) -> tuple[type, tuple[dict[str, Any]]]:
        return type(self), (self.to_dict(),)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._content]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self._content)!r})"

    def to_dict(self) -> dict[str, Any]:
        """The content as Python's own types."""
        return dict(self._content)


def _wrapped(value: Any) -> Any:
    if isinstance(value, dict):
        return Entry(value)
    if isinstance(value, list):
        return [_wrapped(each) for each in value]
    return value


class Document(Entry):
    """A document: what ``--format json`` prints. The keys are those of the reference of JSON documents.

    Attributes
    ----------
    is_incomplete : bool
        Whether something was left out, as exit code 1 of the command line says.
    """

    __slots__ = ("is_incomplete",)
    is_incomplete: bool

    def __init__(self, content: Mapping[str, Any], is_incomplete: bool = False) -> None:
        super().__init__(content)
        self.is_incomplete = is_incomplete

    @classmethod
    def _of(cls: type[_D], outcome: Outcome) -> _D:
        return cls(json.loads(outcome.output), outcome.is_incomplete)

    @classmethod
    def load(cls: type[_D], path: Union[str, os.PathLike[str]]) -> _D:
        """Read a document that was written before, such as ``ranking.json``."""
        return cls(json.loads(Path(path).read_text(encoding="utf-8")))

    def to_json(self, path: Union[str, os.PathLike[str], None] = None) -> str:
        """The document as text, which is also written to `path` if there is one."""
        text = json.dumps(self._content, indent=2, ensure_ascii=False) + "\n"
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def report(self, path: Union[str, os.PathLike[str]]) -> None:
        """Write the document as an HTML page with tables and pictures."""
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            document = Path(folder) / "document.json"
            self.to_json(document)
            run(("report",), {"--out": path}, (document,))

    def __str__(self) -> str:
        return _ranktune.table(self.to_json()) or self.to_json()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {', '.join(self)}>"


class Scores(Document):
    """Scores of features: ``ranktune.scores/1``."""

    __slots__ = ()

    def value(self, name: str) -> float:
        """The value of a score; NaN if there is none."""
        found = self._content["scores"][name]["value"]
        return float("nan") if found is None else float(found)

    def __repr__(self) -> str:
        values = ", ".join(f"{name} {score['value']}" for name, score in self._content["scores"].items())
        return f"<Scores of {self.samples} samples: {values}>"


class Ranking(Document):
    """A ranking of models: ``ranktune.ranking/2``. A notebook shows it as a table.

    Attributes
    ----------
    models : list of Entry
        The models, best first: ``name``, ``rank``, ``scores``, ``predicted`` …
    skipped : list of Entry
        Those that could not be used, with the ``reason``.
    """

    __slots__ = ()

    @property
    def best(self) -> Entry:
        """The first model.

        Raises
        ------
        LookupError
            No model could be ranked; `skipped` says why.
        """
        models: list[Entry] = self.models
        if not models:
            raise LookupError("no model could be ranked; see .skipped")
        return models[0]

    def to_pandas(self) -> pd.DataFrame:
        """One row a model, best first, indexed by its name.

        Columns are ``rank``, ``predicted`` and ``predicted_error`` where there is a prediction, ``p_best``, a column for each
        score, a column ``SCORE_error`` where it has a standard error, ``parameters``, ``feature_dim`` and ``seconds``.
        """
        import pandas as pd

        return pd.DataFrame(self._rows()).set_index("name")

    def _rows(self) -> list[dict[str, Any]]:
        rows = []
        for model in self._content["models"]:
            row: dict[str, Any] = {"name": model["name"], "rank": model["rank"]}
            predicted = model.get("predicted")
            if predicted:
                row["predicted"] = predicted.get("value")
                row["predicted_error"] = predicted.get("standard_error")
            uncertainty = model.get("score_uncertainty") or {}
            chance = (predicted or {}).get("p_best", uncertainty.get("p_best"))
            if chance is not None:
                row["p_best"] = chance
            for name, score in model.get("scores", {}).items():
                row[name] = score.get("value")
                if score.get("standard_error") is not None:
                    row[f"{name}_error"] = score["standard_error"]
            row["parameters"] = model.get("parameters")
            row["feature_dim"] = model.get("feature_dim")
            seconds = model.get("seconds") or {}
            row["seconds"] = sum(value for value in seconds.values() if value is not None)
            rows.append(row)
        return rows

    def __repr__(self) -> str:
        models = self._content["models"]
        best = f", best {models[0]['name']!r}" if models else ""
        return f"<Ranking of {len(models)} models{best}>"

    _COLUMNS: ClassVar[tuple[str, ...]] = ("rank", "name", "predicted", "p_best")

    def _repr_html_(self) -> str:
        """A table with bars, for notebooks."""
        import html

        rows = self._rows()
        first = next(iter(self._content["options"].get("scores", [])), None)
        columns = [name for name in (*self._COLUMNS, first) if name and any(name in row for row in rows)]
        ranges = {name: _range([row.get(name) for row in rows]) for name in columns[2:]}
        head = "".join(f"<th>{html.escape(_TITLES.get(name, name))}</th>" for name in columns)
        body = "".join(
            "<tr>" + "".join(_cell(row.get(name), ranges.get(name)) for name in columns) + "</tr>" for row in rows
        )
        skipped = "".join(
            f"<li>{html.escape(str(model['name']))}: {html.escape(str(model['reason']))}</li>"
            for model in self._content.get("skipped", [])
        )
        left_out = f"<p>left out:</p><ul>{skipped}</ul>" if skipped else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{left_out}"


_TITLES = {"p_best": "P(best)", "name": "model"}


def _range(values: list[Any]) -> Optional[tuple[float, float]]:
    numbers = [float(value) for value in values if isinstance(value, (int, float))]
    return (min(numbers), max(numbers)) if numbers else None


def _cell(value: Any, limits: Optional[tuple[float, float]]) -> str:
    import html

    if not isinstance(value, float) or limits is None:
        return f"<td style='text-align:left'>{'' if value is None else html.escape(str(value))}</td>"
    low, high = limits
    share = 1.0 if high <= low else 0.08 + 0.92 * (value - low) / (high - low)
    bar = (
        f"<div style='background:#4c78a8;opacity:.35;height:.4em;width:{100 * share:.0f}%;min-width:1px'></div>"
    )
    return f"<td style='text-align:right'>{value:.4g}{bar}</td>"


class Training(Document):
    """A finished tuning: ``ranktune.training/1``."""

    __slots__ = ()


class Evaluation(Document):
    """Metrics of a model: ``ranktune.evaluation/1``."""

    __slots__ = ()


class Predictions(Document):
    """Predictions of a model: ``ranktune.predictions/1``."""

    __slots__ = ()


class Comparison(Document):
    """A ranking beside measured accuracies: ``ranktune.comparison/1``."""

    __slots__ = ()


class Study(Document):
    """Rankings and tunings of a hub on data sets: ``ranktune.study/1``."""

    __slots__ = ()


class Models(Document):
    """The models of a hub: ``ranktune.hub/1``."""

    __slots__ = ()


class Verification(Document):
    """Engines compared on each model: ``ranktune.verification/1``."""

    __slots__ = ()


class Search(Document):
    """Repositories that a search found: ``ranktune.search/1``."""

    __slots__ = ()


class Pull(Document):
    """Downloaded models: ``ranktune.pull/1``."""

    __slots__ = ()
