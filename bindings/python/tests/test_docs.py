"""Examples in the documentation of functions are run."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "name", ["_scores", "_score", "_statistics", "_estimators", "_progress", "torch._extract", "torch._b_tuning"]
)
def test_examples_of_a_module_are_right(name):
    if name.startswith("torch"):
        pytest.importorskip("torch")
    module = importlib.import_module(f"ranktune.{name}")
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 0 and result.failed == 0
