"""PyTorch: features of modules, rankings of modules, B-Tuning as a loss, and export to a hub.

Requires PyTorch (``pip install ranktune[torch]``). Nothing here is imported by ``import ranktune``.
"""

from __future__ import annotations

from ._b_tuning import BTuningLoss
from ._export import to_onnx
from ._extract import Extracted, extract, statistics
from ._rank import rank

__all__ = ["BTuningLoss", "Extracted", "extract", "rank", "statistics", "to_onnx"]
