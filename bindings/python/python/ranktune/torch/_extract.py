"""Features of modules, as arrays or as statistics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Optional, Union

import numpy as np
import torch
from torch import nn

from .._run import Progress
from .._statistics import Statistics
from ._tap import _Tap


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


def _joined(targets: list[Any]) -> Any:
    if all(isinstance(each, torch.Tensor) for each in targets):
        return torch.cat([each.cpu() for each in targets])
    return np.concatenate([np.asarray(each) for each in targets])
