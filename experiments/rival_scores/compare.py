"""Compares `scores.py` with the code that the papers' authors published, run as it is: `python compare.py --clones FOLDER`.

FOLDER holds clones named SFDA, parc, pactran_metrics, NCTI and ETran (see README.md). Each is loaded from its source with stand-ins for
PyTorch and TensorFlow, which these functions need for nothing but a logarithm of a sum.
"""

import argparse
import contextlib
import io
import pathlib
import sys
import types
import warnings

import numpy as np
import scipy.special
import scipy.stats
import sklearn.datasets
import sklearn.decomposition
import sklearn.preprocessing

import scores
import vectors

warnings.filterwarnings("ignore")


class Array:
    def __init__(self, values):
        self.values = np.asarray(values)

    def numpy(self):
        return self.values


def stand_ins():
    torch, utils = types.ModuleType("torch"), types.ModuleType("utils")
    torch.nn = types.ModuleType("torch.nn")
    torch.Tensor = type("Tensor", (), {})
    torch.from_numpy = Array
    torch.logsumexp = lambda values, dim: Array(scipy.special.logsumexp(values.values, axis=dim))
    # The power iterations of the published `utils.py`, which imports more of PyTorch than a stand-in can be.
    utils.iterative_A = lambda matrix, max_iterations=3: scores.largest_eigenvalue(matrix, published=True)
    sys.modules.update({"torch": torch, "torch.nn": torch.nn, "utils": utils})


def load(path, change=lambda text: text):
    names = {"__name__": path.stem}
    exec(compile(change(path.read_text()), str(path), "exec"), names)
    return names


def part_of(text, first, last):
    return text[text.index(f"def {first}") : text.index(f"def {last}")]


def published(clones):
    sfda = load(clones / "SFDA" / "metrics.py")
    ncti = load(
        clones / "NCTI" / "metrics.py",
        lambda text: "from sklearn.discriminant_analysis import LinearDiscriminantAnalysis\n" + text,
    )
    etran = load(clones / "ETran" / "metrics.py")
    parc = {"constants": types.SimpleNamespace(num_classes={}), "np": np, "sklearn": sklearn, "scipy": scipy}
    text = (clones / "parc" / "methods.py").read_text()
    exec(text[text.index("class TransferabilityMethod") : text.index("class LEEP")], parc)
    exec(text[text.index("class PARC") : text.index("class DDS")], parc)
    pactran = {"np": np, "scipy": scipy, "time": __import__("time")}
    text = (clones / "pactran_metrics" / "compute_metrics.py").read_text()
    exec(part_of(text, "one_hot", "write_file") + part_of(text, "calculate_pac_dir", "calculate_pac_gamma"), pactran)
    return sfda, parc, pactran, ncti, etran


def attempt(work):
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return work()
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:60]}"


def parc_with(parc, f, y, exact=False):
    parc["constants"].num_classes["y"] = y.max() + 1
    names = dict(parc)
    if exact:
        parc["feature_reduce"] = lambda f, n: sklearn.decomposition.PCA(n, svd_solver="full").fit_transform(f)
    method = parc["PARC"](n_dims=32)
    method.target_dataset, method.features, method.y = "y", f, y
    if exact:
        method.get_lowertri = lambda matrix: matrix[np.triu_indices(len(matrix), 1)].round(9)
    value = method.forward() / 100
    parc.update(names)
    return value


def nearest_mean(f, y):
    means = np.array([f[y == k].mean(axis=0) for k in range(y.max() + 1)])
    logits = f @ means.T - 0.5 * (means**2).sum(axis=1) + np.log(np.bincount(y) / len(y))
    return scipy.special.softmax(logits, axis=1)[np.arange(len(y)), y].mean()


def data():
    for name, f, y, theta in vectors.cases():
        if y.ndim == 1:
            yield name, f.astype(float), y, theta.astype(float)
    digits = sklearn.datasets.load_digits()
    yield "digits", digits.data, digits.target, None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clones", type=pathlib.Path, required=True)
    clones = parser.parse_args().clones
    stand_ins()
    sfda, parc, pactran, ncti, etran = published(clones)
    for name, f, y, theta in data():
        print(f"\n{name}: n = {len(f)}, d = {f.shape[1]}, c = {y.max() + 1}")
        own = f.copy()
        line("sfda", attempt(lambda: sfda["SFDA_Score"](own, y)), scores.sfda(f, y))
        print(f"{'':8} the same with its power iterations {scores.sfda(f, y, published=True)}; its input has changed by {abs(own - f).max():.2g}")
        line("parc", attempt(lambda: parc_with(parc, f, y)), scores.parc(f, y))
        print(f"{'':8} the same with an exact decomposition, ties kept {attempt(lambda: parc_with(parc, f, y, exact=True))}")
        print(f"{'':8} in the SFDA repository {attempt(lambda: sfda['PARC_Score'](f, y))}")
        values = []
        for seed in range(5):
            np.random.seed(seed)
            values.append(attempt(lambda: sfda["NLEEP"](f, y)))
        line("n-leep", ", ".join(f"{value:.4f}" for value in values) + " (five seeds, no logarithm)", scores.n_leep(f, y))
        x, labels, count = scores.n_leep_inputs(f, y)
        theta_of_mixture = scores.responsibilities(x, count)
        joint = scores.one_hot(labels).T @ theta_of_mixture
        print(f"{'':8} ours without the logarithm {((joint / joint.sum(axis=0))[labels] * theta_of_mixture).sum(axis=1).mean():.4f}")
        line("gbc", f"{scores.gbc(f, y, factor_of_dimensions=False)} (our reading: one logarithm)", scores.gbc(f, y))
        if theta is not None:
            line("pactran", -attempt(lambda: pactran["calculate_pac_dir"](theta, y, 1.0))[0][1], scores.pactran(theta, y))
        line("ncti", attempt(lambda: [float(term) for term in ncti["NCTI_Score"](f.copy(), y)]), [float(term) for term in scores.ncti_terms(f, y)])
        line("etran", attempt(lambda: etran["LDA_Score"](f.copy(), y)), float(scores.etran_terms(f, y)[1]))
        print(f"{'':8} nearest class mean {nearest_mean(f, y)}")


def line(name, theirs, ours):
    print(f"{name:8} published {theirs}\n{'':8} ours {ours}")


if __name__ == "__main__":
    main()
