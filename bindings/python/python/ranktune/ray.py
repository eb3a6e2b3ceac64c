"""Ray: models ranked on many machines, with the bits of one process.

Requires Ray (``pip install ranktune[ray]``).

Samples are sorted by a digest of their content and cut into groups of fixed size. A task extracts the features of a group by one
model and returns their statistics; statistics are added in a tree that is fixed by the groups. So the result does not depend on
the number of workers, on their order, or on tasks that had to be run again, and no features are sent.
"""

from __future__ import annotations

import csv
import hashlib
import logging
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np

from ._errors import InputError
from ._ranked import entry, ranking
from ._results import Ranking
from ._run import Progress, Step
from ._statistics import Statistics

__all__ = ["rank"]

logger = logging.getLogger("ranktune")

#: From samples to their features, `[n, d]`.
Extractor = Callable[[Sequence[Any]], Any]
#: A model of a hub, or a function without arguments that loads a model in a worker and returns its extractor.
Model = Union[str, "os.PathLike[str]", Callable[[], Extractor]]

#: Models that this worker has loaded, by ranking and name.
_LOADED: dict[tuple[str, str], Extractor] = {}


def rank(
    models: Union[Mapping[str, Model], Sequence[Union[str, os.PathLike[str]]]],
    samples: Sequence[Any],
    targets: Sequence[Any],
    *,
    task: Optional[str] = None,
    scores: Sequence[str] = (),
    group_size: int = 256,
    num_cpus: float = 1,
    num_gpus: float = 0,
    max_retries: int = 5,
    cluster: bool = True,
    progress: Progress = None,
) -> Ranking:
    """Rank models by how well their features explain the targets, on a cluster of Ray.

    Ray is started on this machine unless the process is connected to a cluster already. A worker that dies is replaced and its
    group is done again.

    Parameters
    ----------
    models : mapping of names to models, or sequence of paths
        A model is a path of a hub (a folder with ``model.onnx``, which every worker can read), or a function without arguments
        that returns a function from samples to features ``[n, d]``. It is loaded once in each worker.
    samples : sequence
        Texts or paths of images for models of a hub, anything for a function.
    targets : sequence
        The target of each sample.
    task : {"classification", "multilabel", "regression"}, optional
        What the targets are. By default inferred from all of them.
    scores : sequence of str, optional
        Names of scores of statistics, the one that orders the ranking first; by default logme.
    group_size : int
        Samples of a group. Another size changes the last digits.
    num_cpus, num_gpus : float
        What a task takes of a worker.
    max_retries : int
        How often a group is done again after its worker died.
    cluster : bool
        Whether Ray is used; without, the same groups are done in this process, with the same bits.
    progress : callable, optional
        Called with a `ranktune.Step` as groups are done.

    Returns
    -------
    Ranking
        Best first; models that fail are in ``skipped`` with their reasons.

    Raises
    ------
    InputError
        Numbers of samples and targets that differ, or no model that can be ranked.
    """
    if len(samples) != len(targets) or len(samples) == 0:
        raise InputError(f"expected a target for each sample, got {len(samples)} samples and {len(targets)} targets")
    if group_size < 1:
        raise InputError(f"expected a group_size of at least 1, got {group_size}")
    named = dict(models) if isinstance(models, Mapping) else {Path(path).name: path for path in models}
    task = task or _task(targets)
    groups = _groups(samples, targets, group_size)
    run = _Cluster(num_cpus, num_gpus, max_retries) if cluster else _Here()
    shared = [run.put(([samples[i] for i in group], [targets[i] for i in group])) for group in groups]
    # All tasks of all models are handed out before any result is waited for.
    ranking_id = uuid.uuid4().hex
    started = {
        name: [run.start(_of_group, ranking_id, name, model, part, task) for part in shared]
        for name, model in named.items()
    }
    ranked: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    about: dict[str, Any] = {}
    for name, parts in started.items():
        start = time.perf_counter()
        if progress is not None:
            progress(Step("started", name, len(samples)))
        try:
            sums = Statistics.from_bytes(run.result(_tree(parts, lambda a, b: run.start(_sum, a, b))))
            middle = time.perf_counter()
            about = sums.scores(scores).to_dict()
        except Exception as error:
            # Whatever a model of someone else raises in a worker; the others are ranked.
            reason = str(run.cause(error))
            logger.warning("%s: skipped: %s", name, reason)
            skipped.append({"name": name, "reason": reason})
            continue
        finally:
            if progress is not None:
                progress(Step("finished", name, 0))
        ranked.append(
            entry(
                name,
                about["scores"],
                layer="",
                features=about["features"],
                parameters=0,
                extract=middle - start,
                score=time.perf_counter() - middle,
            )
        )
    return ranking(
        ranked, skipped, about, data=f"{len(samples)} samples", undecided="nothing is predicted of rankings on a cluster"
    )


class _Here:
    """Tasks in this process, when they are handed out."""

    def put(self, value: Any) -> Any:
        return value

    def start(self, task: Callable[..., bytes], *arguments: Any) -> Any:
        # An argument may be the failure of an earlier task.
        for argument in arguments:
            if isinstance(argument, Exception):
                return argument
        try:
            return task(*arguments)
        except Exception as error:
            return error

    def result(self, value: Any) -> bytes:
        if isinstance(value, Exception):
            raise value
        found: bytes = value
        return found

    def cause(self, error: Exception) -> BaseException:
        return error


class _Cluster(_Here):
    """Tasks of Ray."""

    def __init__(self, num_cpus: float, num_gpus: float, max_retries: int) -> None:
        import ray

        self._ray: Any = ray
        if not ray.is_initialized():
            ray.init(include_dashboard=False, log_to_driver=False)
        remote: Any = ray.remote
        retries = {"max_retries": max_retries, "retry_exceptions": False}
        self._extract = remote(num_cpus=num_cpus, num_gpus=num_gpus, **retries)(_of_group)
        self._add = remote(num_cpus=min(num_cpus, 1), **retries)(_sum)

    def put(self, value: Any) -> Any:
        return self._ray.put(value)

    def start(self, task: Callable[..., bytes], *arguments: Any) -> Any:
        return (self._extract if task is _of_group else self._add).remote(*arguments)

    def result(self, value: Any) -> bytes:
        found: bytes = self._ray.get(value)
        return found

    def cause(self, error: Exception) -> BaseException:
        return getattr(error, "cause", None) or error


def _task(targets: Sequence[Any]) -> str:
    """What the targets are, of all of them: a group alone may look otherwise."""
    array = np.asarray(targets)
    if array.ndim == 2 and array.shape[1] > 1:
        return "multilabel" if np.isin(array, (0, 1)).all() else "regression"
    return "regression" if array.dtype.kind == "f" else "classification"


def _groups(samples: Sequence[Any], targets: Sequence[Any], size: int) -> list[list[int]]:
    """Indices of the samples of each group, in the order of their digests."""

    def digest(index: int) -> bytes:
        target = np.asarray(targets[index]).tolist()
        return hashlib.blake2b(_content(samples[index]) + b"\0" + repr(target).encode(), digest_size=16).digest()

    order = sorted(range(len(samples)), key=digest)
    return [order[start : start + size] for start in range(0, len(order), size)]


def _content(sample: Any) -> bytes:
    if isinstance(sample, bytes):
        return sample
    if isinstance(sample, (str, os.PathLike)):
        return os.fsencode(sample)
    if isinstance(sample, Mapping):
        return b"".join(str(key).encode() + b"=" + _content(sample[key]) for key in sorted(sample))
    array = np.ascontiguousarray(sample)
    return f"{array.dtype}{array.shape}".encode() + array.tobytes()


def _tree(parts: list[Any], add: Callable[[Any, Any], Any]) -> Any:
    """The sum of all parts, in pairs of neighbours: the order follows from their number alone."""
    while len(parts) > 1:
        pairs = [add(*parts[i : i + 2]) for i in range(0, len(parts) - 1, 2)]
        parts = pairs + parts[len(pairs) * 2 :]
    return parts[0]


def _of_group(ranking_id: str, name: str, model: Model, group: tuple[list[Any], list[Any]], task: str) -> bytes:
    """The statistics of a group."""
    samples, targets = group
    # A worker may go on with the tasks of another ranking, whose models may have the same names.
    for other in [key for key in _LOADED if key[0] != ranking_id]:
        del _LOADED[other]
    key = ranking_id, name
    if key not in _LOADED:
        _LOADED[key] = _OfHub(model) if isinstance(model, (str, os.PathLike)) else model()
    features = _LOADED[key](samples)
    return Statistics(features, np.asarray(targets), task=task).to_bytes()


def _sum(one: bytes, other: bytes) -> bytes:
    return (Statistics.from_bytes(one) + Statistics.from_bytes(other)).to_bytes()


class _OfHub:
    """A model of a hub: texts or paths of images to features."""

    def __init__(self, model: Union[str, os.PathLike[str]]) -> None:
        self._model = model

    def __call__(self, samples: Sequence[Any]) -> Any:
        from ._commands import features

        is_file = all(isinstance(each, os.PathLike) or os.path.isfile(each) for each in samples)
        with tempfile.TemporaryDirectory() as folder:
            table, out = Path(folder) / "samples.csv", Path(folder) / "features.npy"
            with table.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(["file" if is_file else "text", "label"])
                # A number as the target: a group may have one class.
                writer.writerows(
                    [os.path.abspath(each) if is_file else each, number + 0.5] for number, each in enumerate(samples)
                )
            features(self._model, table, out, task="regression", max_skipped=0.0, no_cache=True)
            return np.load(out)

