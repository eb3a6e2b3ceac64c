"""How the features of a module are taken while batches run through it."""

from __future__ import annotations

import contextlib
import inspect
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Optional, Union

import numpy as np
import torch
from torch import nn

from .._errors import InputError
from .._run import Progress, Step

logger = logging.getLogger("ranktune")

#: Names of the targets in a batch that is a dictionary.
_TARGETS = ("labels", "label", "targets", "target", "y")


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


def _length(loader: Any) -> int:
    """Samples of a loader where it knows them, else 0."""
    try:
        return len(loader.dataset)
    except (AttributeError, TypeError):
        return 0
