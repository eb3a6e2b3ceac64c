"""Statistics as values: they add up, are taken away, and are the files of the command line."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
import ranktune
from conftest import command_line


def relative(a, b):
    return abs(a - b) / max(abs(b), 1e-12)


def test_parts_add_up_to_the_whole(samples):
    F, y, _ = samples
    names = np.array(["ant", "bee", "cat"])[y]
    # The first part lacks a class.
    order = np.argsort(names, kind="stable")
    F, names = F[order], names[order]
    parts = [ranktune.Statistics(F[i : i + 30], names[i : i + 30]) for i in range(0, 90, 30)]
    whole = sum(parts)
    assert (whole.n_samples, whole.n_features, whole.names) == (90, 8, ["ant", "bee", "cat"])
    assert relative(whole.scores().value("logme"), ranktune.logme(F, names)) < 1e-9
    other = parts[2] + parts[0] + parts[1]
    assert relative(other.scores().value("logme"), whole.scores().value("logme")) < 1e-9
    streamed = ranktune.Statistics()
    for i in range(0, 90, 7):
        streamed.partial_fit(F[i : i + 7], names[i : i + 7])
    assert relative(streamed.scores().value("logme"), whole.scores().value("logme")) < 1e-9


def test_what_was_added_can_be_taken_away(samples):
    F, y, _ = samples
    whole = ranktune.Statistics(F, y)
    left = whole - ranktune.Statistics(F[:20], y[:20])
    assert left.n_samples == 70
    assert relative(left.scores().value("logme"), ranktune.logme(F[20:], y[20:])) < 1e-9
    with pytest.raises(ranktune.InputError, match="more samples than features"):
        whole - ranktune.Statistics(F[:85], y[:85])
    with pytest.raises(ranktune.InputError, match="class that the others do not have"):
        whole - ranktune.Statistics(F[:20], y[:20] + 7)


def test_bytes_are_the_files_of_the_command_line(samples, tmp_path):
    F, y, _ = samples
    np.save(tmp_path / "F.npy", F)
    np.save(tmp_path / "y.npy", y)
    files = ("--features", tmp_path / "F.npy", "--targets", tmp_path / "y.npy")
    command_line("score", *files, "--save-statistics", tmp_path / "saved.stats")
    statistics = ranktune.Statistics(F, y)
    content = (tmp_path / "saved.stats").read_bytes()
    assert statistics.to_bytes() == content
    assert ranktune.Statistics.from_bytes(content).to_bytes() == content
    (tmp_path / "own.stats").write_bytes(statistics.to_bytes())
    printed = command_line("score", "--statistics", tmp_path / "own.stats")
    assert statistics.scores().value("logme") == printed["scores"]["logme"]["value"]


def test_they_are_pickled_between_processes(samples, tmp_path):
    F, y, _ = samples
    np.savez(tmp_path / "part.npz", F=F[45:], y=y[45:])
    code = (
        "import numpy as np, pickle, ranktune, sys; part = np.load(sys.argv[1]);"
        "sys.stdout.buffer.write(pickle.dumps(ranktune.Statistics(part['F'], part['y'])))"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path / "part.npz")], capture_output=True, check=True)
    both = ranktune.Statistics(F[:45], y[:45]) + pickle.loads(ran.stdout)
    assert both.n_samples == 90
    assert relative(both.scores().value("logme"), ranktune.logme(F, y)) < 1e-9
    assert pickle.loads(pickle.dumps(ranktune.Statistics())).n_samples == 0


def test_misuse_is_refused(samples):
    F, y, _ = samples
    with pytest.raises(ranktune.InputError, match="empty"):
        ranktune.Statistics().scores()
    with pytest.raises(ranktune.InputError, match="features"):
        ranktune.Statistics(F, y) + ranktune.Statistics(F[:, :3], y)
    with pytest.raises(ranktune.InputError, match="rows"):
        ranktune.Statistics(F, y).scores(["knn"])
    with pytest.raises(ranktune.InputError, match="probabilities"):
        ranktune.Statistics(F, y).scores(["leep"])
    content = ranktune.Statistics(F, y).to_bytes()
    with pytest.raises(ranktune.InputError):
        ranktune.Statistics.from_bytes(content[:-1])
    with pytest.raises(ranktune.InputError):
        ranktune.Statistics.from_bytes(b"nothing of the kind")
    with pytest.raises(TypeError):
        ranktune.Statistics(F, y) + 1


def test_numbers_and_labels_are_targets_too(samples):
    F, y, _ = samples
    labels = np.eye(3)[y]
    values = F @ np.arange(8.0) + 0.1
    for targets in (labels, values):
        parts = ranktune.Statistics(F[:50], targets[:50]) + ranktune.Statistics(F[50:], targets[50:])
        assert relative(parts.scores().value("logme"), ranktune.logme(F, targets)) < 1e-8
