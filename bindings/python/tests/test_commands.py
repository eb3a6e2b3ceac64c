"""The functions of the command line: its documents, its errors, its messages, and an interrupt."""

from __future__ import annotations

import inspect
import json
import logging
import os
import signal
import subprocess
import sys
import time

import pytest
import ranktune
from conftest import command_line


@pytest.fixture
def hub(examples):
    return [examples / "hub" / "glove-50d-1k", examples / "hub" / "glove-50d-10k"]


def without_times(document):
    """The document without what differs from run to run."""
    if isinstance(document, dict):
        times = ("seconds", "samples_per_second", "images_per_second", "latency", "cost")
        return {key: without_times(value) for key, value in document.items() if key not in times}
    if isinstance(document, list):
        return [without_times(each) for each in document]
    return document


def test_a_ranking_is_that_of_the_command_line(hub, examples):
    data = examples / "data" / "topics"
    ranking = ranktune.rank(hub, data, no_cache=True, seed=3)
    printed = command_line("rank", "--hub", *hub, "--data", data, "--no-cache", "--seed", "3")
    assert without_times(ranking.to_dict()) == without_times(printed)
    assert ranking.best.name == "glove-50d-10k" == ranking.models[0]["name"]
    assert json.loads(ranking.to_json()) == ranking.to_dict()
    assert "glove-50d-10k" in str(ranking) and "logme" in str(ranking)
    assert repr(ranking) == "<Ranking of 2 models, best 'glove-50d-10k'>"


def test_a_ranking_is_shown_kept_and_compared(hub, examples, tmp_path):
    ranking = ranktune.rank(hub, examples / "data" / "topics", no_cache=True, out=tmp_path / "ranking")
    page = ranking._repr_html_()
    assert page.count("<tr>") == 3 and "P(best)" in page and "glove-50d-1k" in page
    ranking.report(tmp_path / "report.html")
    assert "glove-50d-10k" in (tmp_path / "report.html").read_text()
    read = ranktune.Ranking.load(tmp_path / "ranking" / "ranking.json")
    assert read.to_dict() == ranking.to_dict()
    (tmp_path / "truth.csv").write_text("model,accuracy\nglove-50d-1k,0.7\nglove-50d-10k,0.8\n")
    comparison = ranktune.compare(tmp_path / "ranking" / "ranking.json", tmp_path / "truth.csv")
    assert comparison.kendall_tau == pytest.approx(1)
    pandas = pytest.importorskip("pandas")
    frame = ranking.to_pandas()
    assert isinstance(frame, pandas.DataFrame) and list(frame.index) == ["glove-50d-10k", "glove-50d-1k"]
    assert frame.loc["glove-50d-10k", "logme"] == ranking.best.scores.logme.value


def test_a_hub_is_listed_and_inspected(hub):
    listing = ranktune.hub.list(hub)
    assert {model.name for model in listing.models} == {"glove-50d-1k", "glove-50d-10k"}
    assert ranktune.hub.inspect(hub[0]).models[0].name == "glove-50d-1k"


def test_a_tuned_model_evaluates_and_predicts(hub, examples, tmp_path, caplog):
    caplog.set_level(logging.INFO, "ranktune")
    data = examples / "data" / "topics"
    training = ranktune.tune(
        hub=hub, data=data, model="glove-50d-1k", method="fine-tune", epochs=1, learning_rate=0.01, out=tmp_path / "tuned"
    )
    assert training.method == "fine-tune" and training["epochs"] == 1
    evaluation = ranktune.evaluate(tmp_path / "tuned", data, split="test")
    assert 0 <= evaluation.metrics.accuracy <= 1
    predictions = ranktune.predict(tmp_path / "tuned", ["a game of football", "the stock market"])
    assert len(predictions.predictions) == 2
    assert any("tuned model is in" in record.message for record in caplog.records)
    rows = ranktune.record.list()
    assert [row["model"] for row in rows] == ["glove-50d-1k"]


def test_keywords_are_the_options_of_the_command_line():
    keywords = inspect.signature(ranktune.rank).parameters
    assert list(keywords)[:2] == ["hub", "data"] and "max_samples" in keywords and "refine" in keywords
    assert "lambda_" in inspect.signature(ranktune.tune).parameters
    with pytest.raises(TypeError, match="max_sample"):
        ranktune.rank("hub", "data", max_sample=3)
    assert "Parameters\n" in ranktune.rank.__doc__ and "standard" in ranktune.score.__doc__


def test_errors_have_their_kind_and_the_text_of_the_command_line(hub, tmp_path):
    with pytest.raises(ranktune.FileError) as raised:
        ranktune.rank(hub, tmp_path / "nowhere")
    ran = command_line("rank", "--hub", *hub, "--data", tmp_path / "nowhere", check=False)
    assert ran.returncode == 2 and ran.stderr.strip() == f"error: {raised.value}"
    with pytest.raises(ranktune.InputError, match="invalid value 'six'"):
        ranktune.rank(hub, tmp_path, max_samples="six")
    with pytest.raises(ranktune.InputError, match="got a object"):
        ranktune.rank([object()], tmp_path)
    with pytest.raises(ranktune.InputError, match="--no-record"):
        ranktune.rank(hub, tmp_path, record="x", no_record=True)


def test_progress_and_notes_are_handed_on(hub, examples, caplog):
    caplog.set_level(logging.INFO, "ranktune")
    steps = []
    ranktune.rank(hub, examples / "data" / "topics", no_cache=True, progress=steps.append)
    assert {step.name for step in steps} == {"glove-50d-1k", "glove-50d-10k"}
    assert {"started", "samples", "finished"} <= {step.kind for step in steps}
    assert any("features extracted" in record.message for record in caplog.records)


def test_an_error_of_the_callback_ends_the_work(hub, examples):
    def fail(step):
        raise ZeroDivisionError(step.kind)

    with pytest.raises(ZeroDivisionError):
        ranktune.rank(hub, examples / "data" / "topics", no_cache=True, progress=fail)
    # The next call is not interrupted.
    assert ranktune.rank(hub, examples / "data" / "topics", no_cache=True).best.rank == 1


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_ends_the_work_within_a_second(examples):
    code = f"""
import ranktune, sys, time
def step(step):
    if step.kind == "samples":
        print("running", flush=True)
try:
    ranktune.rank({str(examples / "hub")!r}, {str(examples / "data" / "digits")!r}, no_cache=True, progress=step)
except KeyboardInterrupt:
    print("stopped", flush=True)
    sys.exit(7)
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Commands in the background ignore Ctrl-C, and their children would too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert child.stdout.readline().strip() == "running"
    start = time.monotonic()
    child.send_signal(signal.SIGINT)
    lines = [child.stdout.readline().strip()]
    while lines[-1] == "running":
        lines.append(child.stdout.readline().strip())
    took = time.monotonic() - start
    assert lines[-1] == "stopped", child.stderr.read()
    assert child.wait(timeout=20) == 7
    assert took < 1.5, f"{took:.2f} s"


def test_the_program_is_the_module(tmp_path):
    ran = subprocess.run([sys.executable, "-m", "ranktune", "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == f"ranktune {ranktune.__version__}"
    ran = subprocess.run([sys.executable, "-m", "ranktune", "rank"], capture_output=True, text=True, check=False)
    assert ran.returncode == 2 and "--hub" in ran.stderr
