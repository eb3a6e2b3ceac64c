"""A ranking on a cluster has the bits of one process, whatever happens to the workers."""

from __future__ import annotations

import json
import os
import signal
import sys

import numpy as np
import pytest
import ranktune

ray = pytest.importorskip("ray")

import ranktune.ray as cluster

# Workers do not see the folder of the tests: its functions are sent whole.
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture(scope="module", autouse=True)
def two_workers():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    y = rng.integers(3, size=500)
    return [row for row in (rng.normal(size=(500, 12)) + np.eye(12)[y])], y.tolist()


def wide():
    return np.asarray


def narrow():
    return lambda samples: np.asarray(samples)[:, 3:]


def failing():
    def extract(samples):
        raise ValueError("these features cannot be had")

    return extract


def test_the_bits_are_those_of_one_process_and_of_any_order(data):
    samples, y = data
    models = {"wide": wide, "narrow": narrow, "failing": failing}
    here = cluster.rank(models, samples, y, group_size=64, cluster=False)
    there = cluster.rank(models, samples, y, group_size=64)
    assert [model.name for model in there.models] == ["wide", "narrow"]
    assert there.skipped[0].name == "failing" and "cannot be had" in there.skipped[0].reason
    order = np.random.default_rng(0).permutation(len(y))
    shuffled = cluster.rank(models, [samples[i] for i in order], [y[i] for i in order], group_size=64)
    for ranking in (there, shuffled):
        for model, other in zip(ranking.models, here.models):
            assert model.scores.logme.value == other.scores.logme.value
    whole = ranktune.logme(np.array(samples), y)
    assert abs(here.best.scores.logme.value - whole) < 1e-9


def test_a_worker_that_is_killed_is_replaced(data, tmp_path):
    samples, y = data
    marker = tmp_path / "killed"

    def fragile():
        def extract(samples):
            if not marker.exists():
                marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return np.asarray(samples)

        return extract

    there = cluster.rank({"wide": fragile}, samples, y, group_size=64)
    assert marker.exists()
    here = cluster.rank({"wide": wide}, samples, y, group_size=64, cluster=False)
    assert there.best.scores.logme.value == here.best.scores.logme.value


def test_models_of_a_hub_run_in_workers(examples):
    rows = [json.loads(line) for line in (examples / "data" / "topics" / "train.jsonl").read_text().splitlines()]
    texts, labels = [row["text"] for row in rows], [row["label"] for row in rows]
    hub = [examples / "hub" / "glove-50d-1k", examples / "hub" / "glove-50d-10k"]
    there = cluster.rank(hub, texts, labels, group_size=40)
    assert there.best.name == "glove-50d-10k"
    local = ranktune.rank(hub, examples / "data" / "topics", no_cache=True, no_record=True)
    for model in local.models:
        other = next(each for each in there.models if each.name == model.name)
        assert abs(other.scores.logme.value - model.scores.logme.value) < 1e-6


def test_misuse_is_refused(data):
    samples, y = data
    with pytest.raises(ranktune.InputError, match="500 samples and 3 targets"):
        cluster.rank({"wide": wide}, samples, y[:3])
    with pytest.raises(ranktune.InputError, match="cannot be had"):
        cluster.rank({"failing": failing}, samples, y)
