"""See what a hub of models holds and which engines run it, and search and download models."""

# Written by `UPDATE_DOCS=1 cargo test --release -p ranktune-cli reference` from the definitions of the command line: do not edit.

from __future__ import annotations

from ._results import Models, Pull, Search, Verification
from ._run import Many, Progress, Text, rows, run

__all__ = ["inspect", "list", "pull", "search", "verify"]


def list(
    hub: Many,
    *,
    precision: Text | float | None = None,
    offline: bool = False,
    progress: Progress = None,
) -> Models:
    """List models with modality, feature dimension and number of parameters, one line for each.

    Parameters
    ----------
    hub : str or path, or a sequence of them
        Folders of models, model folders, .onnx files, manifests (.toml, .json), repositories,
        search:WORDS, starter:vision or starter:text.
    precision : str or number, optional
        Precision of the ONNX file to download from a repository; a manifest can set it for
        each model: "float32", "float16", "int8" [default: float32].
    offline : bool, optional
        Use only the download cache [same as HF_HUB_OFFLINE=1].
    progress : callable, optional
        Called with a `ranktune.Step` as long work goes on. `ranktune.bars` shows bars of tqdm.

    Returns
    -------
    Models

    Raises
    ------
    ranktune.InputError
        The arguments or the input are unusable (a ValueError).
    ranktune.FileError
        A file cannot be found, read or written (an OSError).
    """
    return Models._of(run(
        ("hub", "list",),
        {
            "--precision": precision,
            "--offline": offline,
            "--format": "json",
        },
        (hub,),
        progress,
    ))


def inspect(
    hub: Many,
    *,
    precision: Text | float | None = None,
    offline: bool = False,
    progress: Progress = None,
) -> Models:
    """Describe models in full: preprocessing, operators, notes.

    Parameters
    ----------
    hub : str or path, or a sequence of them
        Folders of models, model folders, .onnx files, manifests (.toml, .json), repositories,
        search:WORDS, starter:vision or starter:text.
    precision : str or number, optional
        Precision of the ONNX file to download from a repository; a manifest can set it for
        each model: "float32", "float16", "int8" [default: float32].
    offline : bool, optional
        Use only the download cache [same as HF_HUB_OFFLINE=1].
    progress : callable, optional
        Called with a `ranktune.Step` as long work goes on. `ranktune.bars` shows bars of tqdm.

    Returns
    -------
    Models

    Raises
    ------
    ranktune.InputError
        The arguments or the input are unusable (a ValueError).
    ranktune.FileError
        A file cannot be found, read or written (an OSError).
    """
    return Models._of(run(
        ("hub", "inspect",),
        {
            "--precision": precision,
            "--offline": offline,
            "--format": "json",
        },
        (hub,),
        progress,
    ))


def verify(
    hub: Many,
    *,
    precision: Text | float | None = None,
    offline: bool = False,
    feature: Text | float | None = None,
    pooling: Text | float | None = None,
    word_pooling: Text | float | None = None,
    batch_size: int | None = None,
    engine: Text | float | None = None,
    onnxruntime: Text | None = None,
    device: Text | float | None = None,
    jobs: int | None = None,
    cache: Text | None = None,
    cache_limit: float | str | None = None,
    no_cache: bool = False,
    cache_precision: Text | float | None = None,
    progress: Progress = None,
) -> Verification:
    """Run every model on every engine and compare the features.

    Parameters
    ----------
    hub : str or path, or a sequence of them
        Folders of models, model folders, .onnx files, manifests (.toml, .json), repositories,
        search:WORDS, starter:vision or starter:text.
    precision : str or number, optional
        Precision of the ONNX file to download from a repository; a manifest can set it for
        each model: "float32", "float16", "int8" [default: float32].
    offline : bool, optional
        Use only the download cache [same as HF_HUB_OFFLINE=1].
    feature : str or number, optional
        The feature tensor: a name in the graph, auto for the input of the last linear layer,
        or layers for the output of every block [default: auto].
    pooling : str or number, optional
        Pooling of the tokens of a text [default: from the model's files, or else mean, or last
        for decoders]: "mean", "first", "last".
    word_pooling : str or number, optional
        Pooling of the tokens of a word, for --task tokens: "first", "mean" [default: first].
    batch_size : int, optional
        Samples per run of the model [default: the fastest for the engine].
    engine : str or number, optional
        The engine that runs the models: rten (built in), onnxruntime (a library on this
        machine), burn (also trains models, and runs on GPUs), or auto for the fastest one
        available [default: auto].
    onnxruntime : str or path, optional
        Library of ONNX Runtime [default: searched for, first in the active Python
        environment].
    device : str or number, optional
        The device on which models run and are trained: cpu, cuda (an NVIDIA GPU; cuda:1 is the
        second one) or wgpu (any GPU with Vulkan, Metal or DirectX 12). A GPU needs a build
        with that feature [default: cpu].
    jobs : int, optional
        Number of threads [default: all cores].
    cache : str or path, optional
        Folder of the feature cache [default: RANKTUNE_CACHE, or the user's cache folder].
    cache_limit : float or str, optional
        Maximum size of the feature cache in GB; the least recently used features are deleted
        first [default: 20].
    no_cache : bool, optional
        Do not cache features.
    cache_precision : str or number, optional
        Precision of cached features: half precision takes half the space, and scores change in
        the fourth digit: "f32", "f16" [default: f32].
    progress : callable, optional
        Called with a `ranktune.Step` as long work goes on. `ranktune.bars` shows bars of tqdm.

    Returns
    -------
    Verification

    Raises
    ------
    ranktune.InputError
        The arguments or the input are unusable (a ValueError).
    ranktune.FileError
        A file cannot be found, read or written (an OSError).
    """
    return Verification._of(run(
        ("hub", "verify",),
        {
            "--precision": precision,
            "--offline": offline,
            "--feature": feature,
            "--pooling": pooling,
            "--word-pooling": word_pooling,
            "--batch-size": batch_size,
            "--engine": engine,
            "--onnxruntime": onnxruntime,
            "--device": device,
            "--jobs": jobs,
            "--cache": cache,
            "--cache-limit": cache_limit,
            "--no-cache": no_cache,
            "--cache-precision": cache_precision,
            "--format": "json",
        },
        (hub,),
        progress,
    ))


def search(
    words: Many | None = None,
    *,
    task: Text | float | None = None,
    max_parameters: int | None = None,
    license: Many | None = None,
    sort: Text | float | None = None,
    limit: int | None = None,
    out: Text | None = None,
    precision: Text | float | None = None,
    offline: bool = False,
    progress: Progress = None,
) -> Search:
    """Search the Hugging Face hub for repositories with ONNX files, and print a list or a
    manifest; downloads nothing.

    Parameters
    ----------
    words : str or path, or a sequence of them, optional
        Words in the names of repositories; where no name has all of them, each is searched for
        on its own.
    task : str or number, optional
        The task as the hub names it, such as image-classification, feature-extraction or
        token-classification.
    max_parameters : int, optional
        Leave out repositories with more weights, such as 30M.
    license : str or path, or a sequence of them, optional
        Leave out repositories with another license, or an unknown one.
    sort : str or number, optional
        What comes first: "downloads", "likes", "updated", "trending" [default: downloads].
    limit : int, optional
        Number of repositories [default: 20].
    out : str or path, optional
        Write a manifest for --hub.
    precision : str or number, optional
        Precision of the ONNX file to download from a repository; a manifest can set it for
        each model: "float32", "float16", "int8" [default: float32].
    offline : bool, optional
        Use only the download cache [same as HF_HUB_OFFLINE=1].
    progress : callable, optional
        Called with a `ranktune.Step` as long work goes on. `ranktune.bars` shows bars of tqdm.

    Returns
    -------
    Search

    Raises
    ------
    ranktune.InputError
        The arguments or the input are unusable (a ValueError).
    ranktune.FileError
        A file cannot be found, read or written (an OSError).
    """
    return Search._of(run(
        ("hub", "search",),
        {
            "--task": task,
            "--max-parameters": max_parameters,
            "--license": license,
            "--sort": sort,
            "--limit": limit,
            "--out": out,
            "--precision": precision,
            "--offline": offline,
            "--format": "json",
        },
        (words,),
        progress,
    ))


def pull(
    hub: Many,
    *,
    precision: Text | float | None = None,
    offline: bool = False,
    progress: Progress = None,
) -> Pull:
    """Download models for use without a network.

    Parameters
    ----------
    hub : str or path, or a sequence of them
        Folders of models, model folders, .onnx files, manifests (.toml, .json), repositories,
        search:WORDS, starter:vision or starter:text.
    precision : str or number, optional
        Precision of the ONNX file to download from a repository; a manifest can set it for
        each model: "float32", "float16", "int8" [default: float32].
    offline : bool, optional
        Use only the download cache [same as HF_HUB_OFFLINE=1].
    progress : callable, optional
        Called with a `ranktune.Step` as long work goes on. `ranktune.bars` shows bars of tqdm.

    Returns
    -------
    Pull

    Raises
    ------
    ranktune.InputError
        The arguments or the input are unusable (a ValueError).
    ranktune.FileError
        A file cannot be found, read or written (an OSError).
    """
    return Pull._of(run(
        ("hub", "pull",),
        {
            "--precision": precision,
            "--offline": offline,
            "--format": "json",
        },
        (hub,),
        progress,
    ))
