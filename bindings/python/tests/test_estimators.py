"""LogME as an estimator: scikit-learn's own checks, the numbers of the command line, and a derivation of its own."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
import ranktune

sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator


@pytest.mark.parametrize("estimator", [ranktune.LogME(), ranktune.LogMERegressor()], ids=["LogME", "LogMERegressor"])
def test_the_checks_of_scikit_learn_pass(estimator):
    from sklearn.utils.estimator_checks import check_estimator

    results = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = [f"{each['check_name']}: {each['exception']!r}" for each in results if each["status"] == "failed"]
    assert not failed, "\n".join(failed)
    assert sum(each["status"] == "passed" for each in results) > 30


def test_the_score_is_that_of_the_command_line():
    from conftest import command_line

    import tempfile
    from pathlib import Path

    X, y = load_iris(return_X_y=True)
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "F.npy", X)
        np.save(Path(folder) / "y.npy", y)
        files = ("--features", Path(folder) / "F.npy", "--targets", Path(folder) / "y.npy")
        printed = command_line("score", *files, "--scores", "logme")["scores"]["logme"]
    model = ranktune.LogME().fit(X, y)
    assert model.score_ == printed["value"]
    assert model.evidences_.tolist() == [column["evidence"] for column in printed["columns"]]
    assert model.alpha_.tolist() == [column["alpha"] for column in printed["columns"]]
    assert model.beta_.tolist() == [column["beta"] for column in printed["columns"]]


def test_evidence_and_weights_agree_with_bayes_rule():
    """At the found α and β: L from the Gaussian marginal likelihood of y, and m as the ridge solution."""
    X, y = load_iris(return_X_y=True)
    X = X.astype(np.float32).astype(np.float64)
    model = ranktune.LogME().fit(X, y)
    n, d = X.shape
    for column, (alpha, beta) in enumerate(zip(model.alpha_, model.beta_)):
        target = (y == column).astype(float)
        covariance = np.eye(n) / beta + X @ X.T / alpha
        _, determinant = np.linalg.slogdet(covariance)
        evidence = -0.5 * (n * np.log(2 * np.pi) + determinant + target @ np.linalg.solve(covariance, target)) / n
        assert abs(evidence - model.evidences_[column]) < 1e-6
        weights = np.linalg.solve(alpha * np.eye(d) + beta * X.T @ X, beta * X.T @ target)
        np.testing.assert_allclose(model.coef_[column], weights, rtol=1e-5, atol=1e-8)


def test_it_works_in_scikit_learns_tools():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    pipeline = make_pipeline(StandardScaler(), ranktune.LogME())
    assert cross_val_score(pipeline, X, names, cv=5).mean() > 0.7
    model = clone(ranktune.LogME(compat="published"))
    assert model.compat == "published"
    assert is_classifier(ranktune.LogME()) and is_regressor(ranktune.LogMERegressor())
    fitted = pipeline.fit(X, names)
    assert set(fitted.predict(X)) <= set(names)
    shares = fitted.predict_proba(X)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (fitted.classes_[shares.argmax(axis=1)] == fitted.predict(X)).all()
    with pytest.raises(TypeError, match="sample_weight"):
        ranktune.LogME().fit(X, y, sample_weight=np.ones(len(y)))


def test_batches_are_fitted_when_a_result_is_asked_for():
    X, y = load_iris(return_X_y=True)
    whole = ranktune.LogME().fit(X, y)
    model = ranktune.LogME()
    for rows in np.array_split(np.arange(len(y)), 4):
        model.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    assert abs(model.score_ - whole.score_) < 1e-9
    np.testing.assert_allclose(model.coef_, whole.coef_, rtol=1e-6)
    assert (model.predict(X) == whole.predict(X)).all()
    kept = pickle.loads(pickle.dumps(model))
    kept.partial_fit(X[:10], y[:10])
    assert kept.score_ != model.score_
    # A class without a sample so far has no share.
    early = ranktune.LogME().partial_fit(X[:100], y[:100], classes=[0, 1, 2])
    assert early.predict_proba(X).shape == (150, 3) and (early.predict_proba(X)[:, 2] == 0).all()
    with pytest.raises(ranktune.InputError, match="not among the classes"):
        early.partial_fit(X, y + 5)


def test_fitted_models_are_pickled():
    X, y = load_iris(return_X_y=True)
    model = ranktune.LogME().fit(X, y)
    other = pickle.loads(pickle.dumps(model))
    assert other.score_ == model.score_
    np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))


def test_the_regressor_predicts_numbers():
    X, y = load_diabetes(return_X_y=True)
    centred = y - y.mean()
    model = ranktune.LogMERegressor().fit(X, centred)
    assert model.coef_.shape == (10,) and model.predict(X).shape == (442,)
    assert model.score(X, centred) > 0.45
    assert model.score_ == ranktune.logme(X, centred)
    two = ranktune.LogMERegressor().fit(X, np.column_stack([centred, -centred]))
    assert two.coef_.shape == (2, 10)
    np.testing.assert_allclose(two.coef_[0], -two.coef_[1])


def test_floats_that_are_no_classes_are_refused():
    X, y = load_diabetes(return_X_y=True)
    with pytest.raises(ValueError):
        ranktune.LogME().fit(X, y + 0.5)


def test_without_scikit_learn_the_numbers_are_the_same():
    X, y = load_iris(return_X_y=True)
    code = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "sklearn":
            raise ImportError(name)
sys.meta_path.insert(0, Blocker())
import pickle, ranktune
X, y = pickle.loads(sys.stdin.buffer.read())
model = ranktune.LogME(temperature=0.2).fit(X, y)
assert "sklearn" not in sys.modules
assert model.get_params() == {"compat": "exact", "precision": "double", "temperature": 0.2}, model.get_params()
pickle.loads(pickle.dumps(model)).predict_proba(X)
print(repr(model.score_), model.score(X, y))
"""
    ran = subprocess.run([sys.executable, "-c", code], input=pickle.dumps((X, y)), capture_output=True, check=True)
    value, share = ran.stdout.split()
    model = ranktune.LogME().fit(X, y)
    assert float(value) == model.score_ and float(share) == model.score(X, y)


def test_the_generator_of_checks_knows_the_estimators():
    assert len(list(estimator_checks_generator(ranktune.LogME()))) > 30
