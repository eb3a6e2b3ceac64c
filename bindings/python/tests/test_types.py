"""Type checkers understand the module: mypy, strictly, on the module itself and on a sample."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import ranktune

SAMPLE = """
from pathlib import Path
import numpy as np
import ranktune

ranking = ranktune.rank(["models", Path("more")], "photos", scores=["logme"], max_samples=100, race=True)
name: str = ranking.best.name
text: str = ranking.to_json()
value: float = ranktune.logme(np.zeros((4, 2)), [0, 1, 0, 1])
statistics = ranktune.Statistics(np.zeros((4, 2)), [0, 1, 0, 1]) + ranktune.Statistics()
count: int = statistics.n_samples
model = ranktune.LogME().fit(np.zeros((4, 2)), [0, 1, 0, 1])
score: float = model.score_
listing = ranktune.hub.list("models")
"""
WRONG = """
import ranktune
ranktune.rank("models", "photos", max_samples="many")
ranktune.rank("models", "photos", no_such_option=True)
ranktune.logme([1.0])
"""


def mypy(path: Path) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("mypy")
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(path.parent / ".mypy"), str(path)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_sample_is_accepted_and_mistakes_are_found(tmp_path):
    (tmp_path / "sample.py").write_text(SAMPLE)
    ran = mypy(tmp_path / "sample.py")
    assert ran.returncode == 0, ran.stdout
    (tmp_path / "wrong.py").write_text(WRONG)
    ran = mypy(tmp_path / "wrong.py")
    assert ran.stdout.count("error:") == 3, ran.stdout


def test_every_name_of_the_compiled_part_is_in_its_stub():
    stub = (Path(ranktune.__file__).parent / "_ranktune.pyi").read_text()
    from ranktune import _ranktune

    for name in dir(_ranktune):
        if not name.startswith("__") or name == "__version__":
            assert name in stub, name
    for kind in (_ranktune.Fit, _ranktune.Statistics):
        for name in dir(kind):
            if not name.startswith("_"):
                assert f"def {name}(" in stub, f"{kind.__name__}.{name}"
