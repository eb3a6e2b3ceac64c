"""PyTorch: features of modules, rankings of modules, B-Tuning as a loss, and export to a hub.

Requires PyTorch (``pip install ranktune[torch]``). Nothing here is imported by ``import ranktune``.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np
import torch
from torch import nn

from ._errors import InputError
from ._estimators import LogME, LogMERegressor
from ._ranked import entry, ranking
from ._results import Ranking
from ._run import Progress, Step
from ._score import score
from ._statistics import Statistics

__all__ = ["BTuningLoss", "Extracted", "extract", "rank", "statistics", "to_onnx"]

logger = logging.getLogger("ranktune")

#: Names of the targets in a batch that is a dictionary.
_TARGETS = ("labels", "label", "targets", "target", "y")


@dataclass
class Extracted:
    """Features of a module for the samples of a loader, in the loader's order.

    Attributes
    ----------
    features : Tensor of shape (n, d)
        On the CPU, of the module's type.
    targets : Tensor of shape (n,) or (n, c), or list of str
        As the loader gave them.
    probabilities : Tensor of shape (n, z), or None
        The softmax of the outputs, where the features are the input of a classifier's last layer.
    layer : str
        The layer whose input or output the features are.
    """

    features: torch.Tensor
    targets: Any
    probabilities: Optional[torch.Tensor]
    layer: str


def extract(
    model: nn.Module,
    loader: Iterable[Any],
    *,
    layer: Optional[str] = None,
    pooling: str = "mean",
    device: Union[str, torch.device, None] = None,
    progress: Progress = None,
    name: Optional[str] = None,
) -> Extracted:
    """Run a module over a loader and keep the features of each sample.

    The features are the input of the last linear layer that runs, where its output is the module's; for a module without such
    a layer its ``sentence_embedding``, its ``last_hidden_state`` averaged over the tokens that are not padding, or its output,
    averaged over positions. What was taken is said as a message. The module is evaluated in evaluation mode, without gradients,
    and has its own mode again afterwards.

    Parameters
    ----------
    model : Module
        A model.
    loader : iterable of batches
        Pairs ``(inputs, targets)``, or dictionaries with the targets as ``labels``, ``label``, ``targets``, ``target`` or ``y``;
        the rest of a dictionary are the module's arguments.
    layer : str, optional
        The name of a module (as in ``named_modules``) whose output are the features instead.
    pooling : {"mean", "first"}
        How the features of tokens become those of a sample.
    device : str or device, optional
        Where the module runs. By default where its weights are.
    progress : callable, optional
        Called with a `ranktune.Step` after each batch.
    name : str, optional
        What messages call the module. By default its class.

    Returns
    -------
    Extracted

    Raises
    ------
    InputError
        An empty loader, batches of another form, a layer that does not exist or does not run, or features with more dimensions
        than can be pooled.

    Examples
    --------
    >>> import torch, ranktune.torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> batch = (torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1]))
    >>> found = ranktune.torch.extract(model, [batch])
    >>> found.features.shape, found.layer
    (torch.Size([5, 8]), '2')
    """
    features: list[torch.Tensor] = []
    targets: list[Any] = []
    probabilities: list[torch.Tensor] = []
    with _Tap(model, layer, pooling, device, name) as tap:
        for rows, of_rows, shares in tap.batches(loader, progress):
            features.append(rows.cpu())
            targets.append(of_rows)
            if shares is not None:
                probabilities.append(shares.cpu())
    whole = len(probabilities) == len(features)
    return Extracted(
        torch.cat(features),
        _joined(targets),
        torch.cat(probabilities) if whole and probabilities else None,
        tap.layer,
    )


def statistics(
    model: nn.Module,
    loader: Iterable[Any],
    *,
    task: Optional[str] = None,
    layer: Optional[str] = None,
    pooling: str = "mean",
    device: Union[str, torch.device, None] = None,
    progress: Progress = None,
    name: Optional[str] = None,
) -> Statistics:
    """As `extract`, but only the statistics of the features are kept, whatever the number of samples.

    Returns
    -------
    Statistics
        Of all samples: ``.scores()`` has LogME.
    """
    found = Statistics(task=task)
    with _Tap(model, layer, pooling, device, name) as tap:
        for rows, of_rows, _ in tap.batches(loader, progress):
            found.partial_fit(rows, of_rows)
    return found


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


class BTuningLoss(nn.Module):
    """The second term of B-Tuning: the tuned features, read out as before the tuning, agree with the teachers' predictions.

    ``λ · mean_{rows, c} (m_tᵀ f_t(x) − Σ_k π_k m_kᵀ f_k(x))²`` with ``π = softmax(LogME_k / τ)``, to be added to the loss of
    the task. Every m is the posterior mean of a `LogME` that was fitted on features before the tuning, and stays fixed.

    Parameters
    ----------
    target : LogME or LogMERegressor
        Fitted on the features of the model that is tuned, before the tuning.
    teachers : sequence of LogME or LogMERegressor
        Fitted on the features of each teacher, on the same samples.
    lambda_ : float
        λ, as published 100.
    temperature : float
        τ, as published 0.1.

    References
    ----------
    You, Liu, Zhang, Wang, Jordan, Long: Ranking and Tuning Pre-trained Models, JMLR 2022, section 5.

    Examples
    --------
    >>> import numpy as np, torch, ranktune, ranktune.torch
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=90)
    >>> target, teacher = (rng.normal(size=(90, d)) + np.eye(3, d)[y] for d in (8, 5))
    >>> loss = ranktune.torch.BTuningLoss(ranktune.LogME().fit(target, y), [ranktune.LogME().fit(teacher, y)])
    >>> features = torch.tensor(target, requires_grad=True)
    >>> value = loss(features, [torch.tensor(teacher)])
    >>> value.backward()
    >>> features.grad.shape
    torch.Size([90, 8])
    """

    read_out: torch.Tensor
    weights: torch.Tensor

    def __init__(
        self,
        target: Union[LogME, LogMERegressor],
        teachers: Sequence[Union[LogME, LogMERegressor]],
        *,
        lambda_: float = 100.0,
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        if not teachers:
            raise InputError("expected at least one teacher")
        if not lambda_ >= 0 or not temperature > 0:
            raise InputError(f"expected lambda_ >= 0 and temperature > 0, got {lambda_} and {temperature}")
        columns = target._weights.shape[0]
        for number, teacher in enumerate(teachers):
            if teacher._weights.shape[0] != columns:
                raise InputError(
                    f"teacher {number} has {teacher._weights.shape[0]} target columns, expected {columns} as the target"
                )
        logits = torch.tensor([teacher.score_ for teacher in teachers], dtype=torch.float64) / temperature
        self.lambda_ = lambda_
        self.register_buffer("read_out", torch.as_tensor(target._weights))
        self.register_buffer("weights", torch.softmax(logits, dim=0))
        for number, teacher in enumerate(teachers):
            self.register_buffer(f"teacher_{number}", torch.as_tensor(teacher._weights))

    def taught(self, teacher_features: Sequence[torch.Tensor]) -> torch.Tensor:
        """The teachers' combined predictions, `[n, c]`, for features `[n, d_k]` of each of them."""
        if len(teacher_features) != len(self.weights):
            raise InputError(f"expected the features of {len(self.weights)} teachers, got {len(teacher_features)}")
        total: Optional[torch.Tensor] = None
        with torch.no_grad():
            for number, features in enumerate(teacher_features):
                read_out: torch.Tensor = getattr(self, f"teacher_{number}")
                part = self.weights[number] * (features.to(read_out) @ read_out.T)
                total = part if total is None else total + part
        assert total is not None
        return total

    def forward(
        self, features: torch.Tensor, teacher_features: Union[torch.Tensor, Sequence[torch.Tensor]]
    ) -> torch.Tensor:
        """λ times the mean squared distance.

        Parameters
        ----------
        features : Tensor of shape (n, d)
            Features of the model that is tuned, of which gradients are taken.
        teacher_features : sequence of Tensors of shape (n, d_k), or Tensor of shape (n, c)
            Features of each teacher for the same view of the samples; or what `taught` gave for them, which can be kept.

        Returns
        -------
        Tensor of shape ()
        """
        taught = teacher_features if isinstance(teacher_features, torch.Tensor) else self.taught(teacher_features)
        read = features @ self.read_out.to(features).T
        return self.lambda_ * torch.mean((read - taught.to(read)) ** 2)


def to_onnx(
    model: nn.Module,
    folder: Union[str, os.PathLike[str]],
    example: Union[torch.Tensor, Mapping[str, torch.Tensor]],
    *,
    labels: Optional[Sequence[str]] = None,
    mean: Optional[Sequence[float]] = None,
    std: Optional[Sequence[float]] = None,
) -> Path:
    """Write a module of images as a folder that is an entry of a hub, so that the whole command line works on it.

    Parameters
    ----------
    model : Module
        Takes `example`, and returns logits or features.
    folder : path
        Is made; gets ``model.onnx``, ``config.json`` and ``preprocessor_config.json``.
    example : Tensor of shape (n, 3, height, width), or dictionary of Tensors
        An input. The first dimension of the graph is free.
    labels : sequence of str, optional
        Names of the classes of the output.
    mean, std : three numbers, optional
        What pixels between 0 and 1 are shifted and divided by. By default those of ImageNet.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        PyTorch's exporter is not installed, or cannot export this module; the cause says why.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    named = isinstance(example, Mapping)
    names = list(example) if isinstance(example, Mapping) else ["pixel_values"]
    args: tuple[Any, ...] = () if named else (example,)
    with _evaluated(model, type(model).__name__):
        try:
            torch.onnx.export(
                model,
                args,
                str(folder / "model.onnx"),
                kwargs=dict(example) if isinstance(example, Mapping) else None,
                input_names=names,
                output_names=["logits"],
                dynamic_axes={name: {0: "batch"} for name in (*names, "logits")},
                dynamo=False,
            )
        except Exception as error:
            raise InputError(f"{type(model).__name__}: cannot be exported to ONNX: {error}") from error
    config: dict[str, Any] = {"architectures": [type(model).__name__]}
    if labels is not None:
        config["id2label"] = {str(number): label for number, label in enumerate(labels)}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    if not isinstance(example, Mapping) and example.ndim == 4:
        height, width = (int(size) for size in example.shape[2:])
        preprocessor = {
            "do_resize": True,
            "size": {"height": height, "width": width},
            "resample": 2,
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": list(mean or (0.485, 0.456, 0.406)),
            "image_std": list(std or (0.229, 0.224, 0.225)),
        }
        text = json.dumps(preprocessor, indent=2) + "\n"
        (folder / "preprocessor_config.json").write_text(text, encoding="utf-8")
    return folder


class _Tap:
    """Hooks on a module that see its features pass."""

    def __init__(
        self,
        model: nn.Module,
        layer: Optional[str],
        pooling: str,
        device: Union[str, torch.device, None],
        name: Optional[str],
    ) -> None:
        if pooling not in ("mean", "first"):
            raise InputError(f"pooling is {pooling!r}, expected one of mean, first")
        self.model = model
        self.asked = layer
        self.pooling = pooling
        self.name = name or type(model).__name__
        self.device = device if device is not None else _device(model)
        self.layer = layer or ""
        self._seen: Optional[torch.Tensor] = None
        # Every linear layer that ran: its name, its input and its output; the last one is kept.
        self._last: Optional[tuple[str, torch.Tensor, torch.Tensor]] = None
        self._handles: list[Any] = []
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> _Tap:
        self._stack.enter_context(_evaluated(self.model, self.name))
        self._stack.enter_context(torch.inference_mode())
        if self.asked is not None:
            modules = dict(self.model.named_modules())
            if self.asked not in modules:
                known = ", ".join(list(modules)[-5:])
                raise InputError(f"{self.name}: has no module {self.asked!r}; the last ones are {known}")
            self._handles.append(modules[self.asked].register_forward_hook(self._see))
        else:
            for name, module in self.model.named_modules():
                if isinstance(module, nn.Linear):
                    self._handles.append(module.register_forward_hook(self._keep(name)))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._stack.close()

    def _see(self, _: nn.Module, __: Any, output: Any) -> None:
        self._seen = _tensor(output)

    def _keep(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def keep(_: nn.Module, inputs: Any, output: Any) -> None:
            if inputs and isinstance(inputs[0], torch.Tensor) and isinstance(output, torch.Tensor):
                self._last = (name, inputs[0], output)

        return keep

    def batches(
        self, loader: Iterable[Any], progress: Progress
    ) -> Iterator[tuple[torch.Tensor, Any, Optional[torch.Tensor]]]:
        """Features, targets and probabilities of each batch."""
        done = 0
        if progress is not None:
            progress(Step("started", self.name, _length(loader)))
        for batch in loader:
            inputs, targets = _split(batch, self.name)
            self._seen = self._last = None
            moved = _moved(inputs, self.device)
            output = self._run(moved)
            rows, shares = self._features(output, moved)
            if done == 0:
                where = f"the output of {self.layer!r}" if self.asked else self.layer_text
                logger.info("%s: features are %s, %d numbers a sample", self.name, where, rows.shape[1])
            count = len(targets)
            if rows.shape[0] != count:
                raise InputError(f"{self.name}: {rows.shape[0]} rows of features for {count} targets in a batch")
            done += count
            yield rows, targets, shares
            if progress is not None:
                progress(Step("samples", self.name, done))
        if done == 0:
            raise InputError(f"{self.name}: the loader has no batches; an iterator can be read only once")
        if progress is not None:
            progress(Step("finished", self.name, 0))

    layer_text = ""

    def _run(self, inputs: Any) -> Any:
        """Call the module: a dictionary by keywords, unless the module takes it whole, as those of sentence-transformers do."""
        if not isinstance(inputs, Mapping):
            output = self.model(inputs)
        else:
            parameters = list(inspect.signature(self.model.forward).parameters.values())
            named = {each.name for each in parameters}
            takes_one = bool(parameters) and parameters[0].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
            if takes_one and parameters[0].default is inspect.Parameter.empty and not named & set(inputs):
                output = self.model(dict(inputs))
            else:
                output = self.model(**inputs)
        # Without named outputs the first one is the logits, or the last hidden state.
        if isinstance(output, (tuple, list)) and output and isinstance(output[0], torch.Tensor):
            return output[0]
        return output

    def _features(self, output: Any, inputs: Any) -> tuple[torch.Tensor, Optional[torch.Tensor]]:
        mask = inputs.get("attention_mask") if isinstance(inputs, Mapping) else None
        if self.asked is not None:
            if self._seen is None:
                raise InputError(f"{self.name}: the module {self.asked!r} does not run, or its output is no tensor")
            return self._pooled(self._seen, mask), None
        logits = _named_output(output, "logits")
        if logits is None and isinstance(output, torch.Tensor):
            logits = output
        if logits is not None and self._last is not None:
            name, features, last = self._last
            if last.shape == logits.shape and (last is logits or torch.equal(last, logits)):
                self.layer, self.layer_text = name, f"the input of {name!r}"
                shares = torch.softmax(logits.float(), dim=-1) if logits.ndim == 2 and logits.shape[1] > 1 else None
                return self._pooled(features, mask), shares
        for key in ("sentence_embedding", "image_embeds", "text_embeds"):
            found = _named_output(output, key)
            if found is not None:
                self.layer, self.layer_text = key, f"its {key}"
                return self._pooled(found, mask), None
        hidden = _named_output(output, "last_hidden_state")
        if hidden is not None:
            self.layer, self.layer_text = "last_hidden_state", f"its last_hidden_state, pooled by {self.pooling}"
            return self._pooled(hidden, mask), None
        if logits is not None:
            self.layer, self.layer_text = "output", "its output"
            return self._pooled(logits, mask), None
        raise InputError(f"{self.name}: its output is {type(output).__name__}; name a layer whose output is a tensor")

    def _pooled(self, features: torch.Tensor, mask: Optional[torch.Tensor]) -> torch.Tensor:
        if features.ndim == 2:
            return features
        if features.ndim == 4:
            return features.mean(dim=(2, 3))
        if features.ndim != 3:
            raise InputError(f"{self.name}: features of shape {tuple(features.shape)} cannot be pooled; name a layer")
        if self.pooling == "first":
            return features[:, 0]
        if mask is None or mask.shape != features.shape[:2]:
            return features.mean(dim=1)
        shares = mask.to(features.dtype).unsqueeze(-1)
        return (features * shares).sum(dim=1) / shares.sum(dim=1).clamp(min=1)


@contextlib.contextmanager
def _evaluated(model: nn.Module, name: str) -> Iterator[None]:
    """Evaluation mode, and then each module's own again."""
    training = [module for module in model.modules() if module.training]
    if training:
        logger.info("%s: was in training mode; it is evaluated in evaluation mode", name)
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def _device(model: nn.Module) -> torch.device:
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return torch.device("cpu")


def _tensor(output: Any) -> Optional[torch.Tensor]:
    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, (tuple, list)) and output:
        return _tensor(output[0])
    for key in ("last_hidden_state", "logits"):
        found = _named_output(output, key)
        if found is not None:
            return found
    return None


def _named_output(output: Any, key: str) -> Optional[torch.Tensor]:
    found = output.get(key) if isinstance(output, Mapping) else getattr(output, key, None)
    return found if isinstance(found, torch.Tensor) else None


def _split(batch: Any, name: str) -> tuple[Any, Any]:
    """The inputs and the targets of a batch."""
    if isinstance(batch, Mapping):
        for key in _TARGETS:
            if key in batch:
                return {other: value for other, value in batch.items() if other != key}, batch[key]
        known = ", ".join(map(str, batch))
        raise InputError(f"{name}: a batch has no targets; expected one of {', '.join(_TARGETS)}, found {known}")
    if isinstance(batch, (tuple, list)) and len(batch) == 2:
        return batch[0], batch[1]
    kind = f"{type(batch).__name__} of {len(batch)}" if isinstance(batch, (tuple, list)) else type(batch).__name__
    raise InputError(f"{name}: expected batches of inputs and targets, or dictionaries, found {kind}")


def _moved(inputs: Any, device: Union[str, torch.device]) -> Any:
    if isinstance(inputs, torch.Tensor):
        return inputs.to(device)
    if isinstance(inputs, Mapping):
        return {key: _moved(value, device) for key, value in inputs.items()}
    if isinstance(inputs, np.ndarray):
        return torch.from_numpy(inputs).to(device)
    return inputs


def _joined(targets: list[Any]) -> Any:
    if all(isinstance(each, torch.Tensor) for each in targets):
        return torch.cat([each.cpu() for each in targets])
    return np.concatenate([np.asarray(each) for each in targets])


def _length(loader: Any) -> int:
    """Samples of a loader where it knows them, else 0."""
    try:
        return len(loader.dataset)
    except (AttributeError, TypeError):
        return 0


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
    from . import _ranktune

    of_probabilities = {name for name, _, _, needs in _ranktune.scores() if needs}
    chosen = [scores] if isinstance(scores, str) else list(scores)
    return [name for name in chosen if found.probabilities is not None or name not in of_probabilities]

