"""Importing ranktune is cheap, and imports nothing that may be missing."""

from __future__ import annotations

import subprocess
import sys


def test_the_import_takes_less_than_a_tenth_of_a_second_of_the_processor_and_no_optional_package():
    code = (
        "import sys, time; start = time.process_time(); import ranktune; took = time.process_time() - start;"
        "print(took, *[name for name in ('torch', 'sklearn', 'pandas', 'ray', 'tqdm') if name in sys.modules])"
    )
    best = 1.0
    for _ in range(5):
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        took, *modules = ran.stdout.split()
        assert modules == []
        best = min(best, float(took))
    assert best < 0.1, f"{best:.3f} s"
