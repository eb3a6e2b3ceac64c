"""What the tests share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def examples() -> Path:
    """The small hub and the data sets of the repository."""
    return ROOT / "examples"


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """Neither the user's record nor the user's cache."""
    monkeypatch.setenv("RANKTUNE_RECORD", str(tmp_path / "record.jsonl"))
    monkeypatch.setenv("RANKTUNE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def samples():
    """Features `[90, 8]`, classes and source probabilities of three classes that the features tell apart in part."""
    rng = np.random.default_rng(7)
    y = rng.integers(3, size=90)
    F = (rng.normal(size=(90, 8)) + np.eye(8)[y]).astype(np.float32)
    P = rng.dirichlet(np.ones(4), size=90)
    return F, y, P


def command_line(*arguments, check=True):
    """The JSON document that the program prints in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-m", "ranktune", *map(os.fspath, arguments), "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    if check:
        assert ran.returncode in (0, 1), ran.stderr
        return json.loads(ran.stdout)
    return ran
