"""Export of a module to a hub."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional, Union

import torch
from torch import nn

from .._errors import InputError
from ._tap import _evaluated


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
