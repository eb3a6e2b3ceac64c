"""Scores of arrays: the numbers of the command line, whatever holds the array, and clear refusals."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import threading
import time

import numpy as np
import pytest
import ranktune
from conftest import command_line
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from ranktune import _ranktune

NAMES = [name for name, _, _, _ in _ranktune.scores()]
OF_PROBABILITIES = {name for name, _, _, needs in _ranktune.scores() if needs}


@pytest.mark.parametrize("name", NAMES)
def test_every_score_is_a_function_with_the_number_of_the_command_line(name, samples, tmp_path):
    F, y, P = samples
    for array, file in ((F, "F"), (y, "y"), (P, "P")):
        np.save(tmp_path / f"{file}.npy", array)
    printed = command_line(
        "score",
        *("--features", tmp_path / "F.npy", "--targets", tmp_path / "y.npy"),
        *(("--probabilities", tmp_path / "P.npy") if name in OF_PROBABILITIES else ()),
        *("--scores", name),
    )
    function = getattr(ranktune, name.replace("-", "_"))
    assert function(P if name in OF_PROBABILITIES else F, y) == printed["scores"][name]["value"]


@pytest.mark.parametrize("shape", [(90, 8), (30, 64), (2200, 600)])
def test_documents_are_those_of_the_command_line_bit_by_bit(shape, tmp_path):
    n, d = shape
    rng = np.random.default_rng(n)
    y = rng.integers(5, size=n)
    F = (rng.normal(size=shape) + np.eye(d)[y]).astype(np.float32)
    np.save(tmp_path / "F.npy", F)
    np.save(tmp_path / "y.npy", y)
    for scores in ([], ["logme"], ["logme", "h-score", "transrate"]):
        chosen = ("--scores", ",".join(scores)) if scores else ()
        printed = command_line("score", "--features", tmp_path / "F.npy", "--targets", tmp_path / "y.npy", *chosen)
        assert ranktune.score(F, y, scores=scores).to_dict() == printed
        # Files are read by the same functions.
        assert ranktune.score(tmp_path / "F.npy", str(tmp_path / "y.npy"), scores=scores).to_dict() == printed


@pytest.mark.parametrize("kind", ["<f2", "<f4", "<f8", ">f4", ">f8", "<i4", "|u1", "|b1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_types_and_orders_are_read_as_from_files(kind, order, samples, tmp_path):
    F = np.asarray(samples[0] * 20, order=order).astype(kind, order=order)
    y = samples[1]
    np.save(tmp_path / "F.npy", F)
    assert ranktune.h_score(F, y) == ranktune.h_score(tmp_path / "F.npy", y)


def test_views_read_only_arrays_and_memory_maps_are_read(samples, tmp_path):
    F, y, _ = samples
    expected = ranktune.logme(F, y)
    wide = np.zeros((180, 16), np.float32)
    wide[::2, ::2] = F
    assert ranktune.logme(wide[::2, ::2], y) == expected
    assert ranktune.logme(wide[::-2, ::2][::-1], y) != expected  # the other rows
    frozen = F.copy()
    frozen.setflags(write=False)
    assert ranktune.logme(frozen, y) == expected
    np.save(tmp_path / "F.npy", F)
    assert ranktune.logme(np.load(tmp_path / "F.npy", mmap_mode="r"), y) == expected
    assert ranktune.logme(F.tolist(), y.tolist()) == ranktune.logme(np.array(F.tolist()), y)


def test_data_frames_are_read(samples):
    pandas = pytest.importorskip("pandas")
    F, y, _ = samples
    frame = pandas.DataFrame(F, columns=[f"x{i}" for i in range(8)])
    names = pandas.Series(y).map({0: "ant", 1: "bee", 2: "cat"})
    assert ranktune.logme(frame, names) == ranktune.logme(F, y)
    assert ranktune.logme(frame, names.astype("category")) == ranktune.logme(F, y)


def test_texts_are_classes(samples):
    F, y, _ = samples
    expected = ranktune.logme(F, y)
    names = np.array(["ant", "bee", "cat"])
    assert ranktune.logme(F, names[y]) == expected
    assert ranktune.logme(F, names[y].astype(object)) == expected
    assert ranktune.logme(F, list(names[y])) == expected


def test_whole_floats_are_numbers_and_a_warning_says_so(samples, caplog):
    F, y, _ = samples
    value = ranktune.logme(F, y.astype(float))
    assert "if they are classes" in caplog.text
    assert value == ranktune.logme(F, y.astype(float), task="regression") != ranktune.logme(F, y)
    assert ranktune.logme(F, y.astype(float), task="classification") == ranktune.logme(F, y)


def test_frames_of_polars_are_read(samples):
    polars = pytest.importorskip("polars")
    F, y, _ = samples
    frame = polars.DataFrame(F, schema=[f"x{i}" for i in range(8)])
    names = polars.Series("name", ["ant", "bee", "cat"])[y.tolist()]
    assert ranktune.logme(frame, names) == ranktune.logme(F, y)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda F, y: (F[:, 0], y), "expected features of shape"),
        (lambda F, y: (F[:5], y), "features have 5 rows but targets have 90"),
        (lambda F, y: (F[:0], y[:0]), "shape"),
        (lambda F, y: (F, np.zeros_like(y)), "one class"),
        (lambda F, y: (np.where(F > 1, np.nan, F), y), "features must be finite, got NaN at row"),
        (lambda F, y: (F * np.inf, y), "features must be finite"),
        (lambda F, y: (F.astype(complex), y), "complex"),
        (lambda F, y: (np.array([[1, "a"]] * 90, object), y), "objects of type"),
        (lambda F, y: (F, np.array([1, "a", None] * 30, object)), "has no value at index 2"),
        (lambda F, y: (F, np.array([1, "a"] * 45, object)), "int, str"),
        (lambda F, y: (F, np.full(90, np.nan)), "finite"),
        (lambda F, y: (np.ma.masked_greater(F, 1), y), "masked"),
    ],
)
def test_bad_input_is_refused_with_its_reason(change, text, samples):
    F, y, _ = samples
    F, y = change(F, y)
    with pytest.raises(ranktune.InputError, match="(?s)" + text) as raised:
        ranktune.logme(F, y)
    assert isinstance(raised.value, ValueError) and isinstance(raised.value, ranktune.Error)


def test_sparse_matrices_are_refused(samples):
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(ranktune.InputError, match="sparse"):
        ranktune.logme(sparse.csr_matrix(samples[0]), samples[1])


def test_a_missing_file_is_an_oserror(samples):
    with pytest.raises(ranktune.FileError, match="no such file") as raised:
        ranktune.logme("nowhere.npy", samples[1])
    assert isinstance(raised.value, OSError)


def test_probabilities_that_are_logits_are_refused(samples):
    with pytest.raises(ranktune.InputError, match="softmax"):
        ranktune.leep(samples[0], samples[1])


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.float16, np.float32, np.float64]),
        st.tuples(st.integers(0, 12), st.integers(0, 5)),
        elements=st.floats(-100, 100, width=16),
    ),
    st.lists(st.integers(-3, 3), max_size=12),
)
def test_any_array_gives_a_number_or_an_error_of_ranktune(F, y):
    try:
        value = ranktune.logme(F, np.array(y, dtype=np.int64))
    except ranktune.InputError as error:
        assert str(error)
    else:
        assert np.isfinite(value)


def test_other_threads_run_meanwhile():
    rng = np.random.default_rng(0)
    F = rng.normal(size=(6000, 512)).astype(np.float32)
    y = rng.integers(10, size=6000)
    ticks = []
    done = threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.perf_counter()
    ranktune.logme(F, y)
    end = time.perf_counter()
    done.set()
    thread.join()
    within = [at for at in ticks if start < at < end]
    assert len(within) >= 3, f"{len(within)} turns of another thread in {end - start:.3f} s"


def test_threads_get_the_same_numbers(samples):
    F, y, _ = samples
    values = []
    threads = [threading.Thread(target=lambda: values.append(ranktune.logme(F, y))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(values)) == 1 and len(values) == 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_is_refused_and_a_spawned_one_is_not(samples):
    F, y, _ = samples
    expected = ranktune.logme(F, y)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            ranktune.logme(F, y)
            text = "no error"
        except RuntimeError as error:
            text = str(error)
        os.write(write, text.encode())
        os._exit(0)
    os.close(write)
    assert "forked" in os.read(read, 1000).decode()
    os.waitpid(child, 0)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(ranktune.logme, (F, y)) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_single_precision_rows_are_not_copied(tmp_path):
    """Peak memory of a process that scores an array of 128 MiB."""
    code = """
import numpy as np, ranktune, resource, sys
F = np.random.default_rng(0).standard_normal((65536, 512), dtype=np.float32)
y = np.arange(65536) % 4
ranktune.logme(F[:2000], y[:2000])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
ranktune.logme(F, y)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    import subprocess

    grown = float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert grown < 100, f"{grown:.0f} MiB more for an array of 128 MiB"


def test_scores_are_documented_with_their_source():
    for name in NAMES:
        function = getattr(ranktune, name.replace("-", "_"))
        assert "References" in function.__doc__ and "Examples" in function.__doc__
    assert json.loads(ranktune.score(np.eye(4), [0, 1, 0, 1], scores=["h-score"]).to_json())["samples"] == 4
