"""The commands of the command line as functions."""

# Written by `UPDATE_DOCS=1 cargo test --release -p ranktune-cli reference` from the definitions of the command line: do not edit.

from __future__ import annotations

from ._results import Comparison, Evaluation, Predictions, Ranking, Study, Training
from ._run import Many, Progress, Text, rows, run

__all__ = ["compare", "evaluate", "features", "predict", "rank", "report", "study", "tune"]


def rank(
    hub: Many,
    data: Text,
    *,
    scores: Many | None = None,
    layers: Text | float | None = None,
    out: Text | None = None,
    report: Text | None = None,
    thumbnails: bool = False,
    dry_run: bool = False,
    seed: int | None = None,
    task: Text | float | None = None,
    target: Many | None = None,
    input_column: Text | float | None = None,
    label_delimiter: Text | float | None = None,
    column: int | None = None,
    word_column: int | None = None,
    tag_scheme: Text | float | None = None,
    config: Text | float | None = None,
    split: Text | float | None = None,
    no_label: Many | None = None,
    decimal: Text | float | None = None,
    max_skipped: float | str | None = None,
    max_samples: int | None = None,
    race: bool = False,
    budget: Text | float | None = None,
    top_k: int | None = None,
    refine: bool | Text | float | None = None,
    tolerance: float | str | None = None,
    trials: Text | None = None,
    record: Text | None = None,
    no_record: bool = False,
    max_parameters: int | None = None,
    license: Many | None = None,
    max_latency: Text | float | None = None,
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
    precision: Text | float | None = None,
    offline: bool = False,
    progress: Progress = None,
) -> Ranking:
    """Rank the models of a hub by how well their features explain your labels.

    Parameters
    ----------
    hub : str or path, or a sequence of them
        Models: folders of models, model folders, .onnx files, manifests (.toml, .json),
        repositories (hf:ORG/NAME, with @REVISION or without), "search:WORDS" for what a search
        finds, or starter:vision and starter:text.
    data : str or path
        A folder with a subfolder per class (or train/ and test/ with such subfolders); a table
        (CSV, TSV, JSONL, Parquet, Arrow, Excel) with a column of files or texts; a file of
        words and tags (--task tokens); or a data set of the Hugging Face hub
        (hf:datasets/ORG/NAME, with @REVISION and /CONFIG behind it or without).
    scores : str or path, or a sequence of them, optional
        Scores, the one that orders the ranking first [default: logme, and those others that
        suit the task and cost little].
    layers : str or number, optional
        Which score of a model's layers is the model's, with --feature layers: "best", "mean"
        [default: best].
    out : str or path, optional
        Folder for ranking.json.
    report : str or path, optional
        Write the result as an HTML page: one file with tables and pictures.
    thumbnails : bool, optional
        Small pictures of the images that the page names: the hardest samples, and wrong
        predictions.
    dry_run : bool, optional
        Print what the ranking would cost in time, downloads and disk, and stop. Each model
        runs on a few samples, about half a second.
    seed : int, optional
        Seed of everything that is drawn [default: 0].
    task : str or number, optional
        The task [default: inferred from the targets]: "classification", "multilabel",
        "regression", "tokens".
    target : str or path, or a sequence of them, optional
        Target column of a table; for regression several, repeated or separated by commas
        [default: label].
    input_column : str or number, optional
        Column of a table with the files or texts [default: file, image, path, text, …].
    label_delimiter : str or number, optional
        Separator of the labels in a CSV cell, for multi-label targets.
    column : int, optional
        Column of the tags in a file of words and tags, counted from 1 [default: the last; in
        CoNLL-U the fourth].
    word_column : int, optional
        Column of the words in a file of words and tags, counted from 1 [default: the first, or
        the second if the first numbers the words].
    tag_scheme : str or number, optional
        Tagging scheme of the entities [default: detected from the tags].
    config : str or number, optional
        Configuration of a data set that has several, as those of the Hugging Face hub
        [default: the only or the default one].
    split : str or number, optional
        Split to use if the folder has train/, test/, … [default: train].
    no_label : str or path, or a sequence of them, optional
        Value of the target that says that a row has no label, such as -1; may be repeated.
    decimal : str or number, optional
        Decimal mark of numbers in a CSV table [default: inferred from the column].
    max_skipped : float or str, optional
        Largest share of rows without target, text or file, and of images that cannot be read;
        more is an error [default: 0.05].
    max_samples : int, optional
        Use at most N samples, drawn with --seed and stratified by class.
    race : bool, optional
        Rank on growing prefixes of the samples, and eliminate models that are unlikely to be
        among the first --top-k; uses at most half of the samples of a full ranking.
    budget : str or number, optional
        Race within a time budget for extraction, such as 90s, 5m or 1h.
    top_k : int, optional
        The k of P(top k); a race looks for the best k models. Implies --race [default: 3].
    refine : bool or str or float, optional
        Fine-tune the models that may be the best for a few epochs, until choosing one risks
        little or TIME is used, such as 90s, 10m or 1h [time: a twentieth of tuning every
        model].
    tolerance : float or str, optional
        End trials when choosing the first model is expected to lose at most this many points
        of the metric, of 100 [default: 1].
    trials : str or path, optional
        Folder in which trials are kept; the same command finds them again, and tune goes on
        from them [default: trials in --out, or else in the cache folder].
    record : str or path, optional
        The record, a file of JSON lines [default: RANKTUNE_RECORD, or record.jsonl in the
        user's data folder].
    no_record : bool, optional
        Neither read nor write a record, and use no results that ranktune ships with.
    max_parameters : int, optional
        Leave out models with more weights, such as 30M.
    license : str or path, or a sequence of them, optional
        Leave out models with another license, such as cc-by-nc-4.0, or an unknown one; from
        the model card, or from the key license of a manifest.
    max_latency : str or number, optional
        Leave out models that take longer for one sample, such as 20ms; measured on this
        machine on a few samples.
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
    precision : str or number, optional
        Precision of the ONNX file to download from a repository; a manifest can set it for
        each model: "float32", "float16", "int8" [default: float32].
    offline : bool, optional
        Use only the download cache [same as HF_HUB_OFFLINE=1].
    progress : callable, optional
        Called with a `ranktune.Step` as long work goes on. `ranktune.bars` shows bars of tqdm.

    Returns
    -------
    Ranking

    Raises
    ------
    ranktune.InputError
        The arguments or the input are unusable (a ValueError).
    ranktune.FileError
        A file cannot be found, read or written (an OSError).
    """
    return Ranking._of(run(
        ("rank",),
        {
            "--hub": hub,
            "--data": data,
            "--scores": scores,
            "--layers": layers,
            "--out": out,
            "--report": report,
            "--thumbnails": thumbnails,
            "--dry-run": dry_run,
            "--seed": seed,
            "--task": task,
            "--target": target,
            "--input-column": input_column,
            "--label-delimiter": label_delimiter,
            "--column": column,
            "--word-column": word_column,
            "--tag-scheme": tag_scheme,
            "--config": config,
            "--split": split,
            "--no-label": no_label,
            "--decimal": decimal,
            "--max-skipped": max_skipped,
            "--max-samples": max_samples,
            "--race": race,
            "--budget": budget,
            "--top-k": top_k,
            "--refine": refine,
            "--tolerance": tolerance,
            "--trials": trials,
            "--record": record,
            "--no-record": no_record,
            "--max-parameters": max_parameters,
            "--license": license,
            "--max-latency": max_latency,
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
            "--precision": precision,
            "--offline": offline,
            "--format": "json",
        },
        (),
        progress,
    ))


def tune(
    hub: Many,
    data: Text,
    *,
    task: Text | float | None = None,
    target: Many | None = None,
    input_column: Text | float | None = None,
    label_delimiter: Text | float | None = None,
    column: int | None = None,
    word_column: int | None = None,
    tag_scheme: Text | float | None = None,
    config: Text | float | None = None,
    split: Text | float | None = None,
    no_label: Many | None = None,
    decimal: Text | float | None = None,
    max_skipped: float | str | None = None,
    max_samples: int | None = None,
    model: Text | float | None = None,
    ranking: Text | None = None,
    method: Text | float | None = None,
    candidates: Many | None = None,
    teachers: Text | float | None = None,
    lambda_: Text | float | None = None,
    read_out: Text | float | None = None,
    temperature: float | str | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    memory: int | str | None = None,
    learning_rate: Text | float | None = None,
    head_multiplier: float | str | None = None,
    optimizer: Text | float | None = None,
    schedule: Text | float | None = None,
    warm_up: float | str | None = None,
    weight_decay: float | str | None = None,
    decay: Text | float | None = None,
    clip: Text | float | None = None,
    label_smoothing: float | str | None = None,
    freeze: Many | None = None,
    batch_norm: Text | float | None = None,
    image_size: int | None = None,
    augmentation: Text | float | None = None,
    views: int | None = None,
    keep: Text | float | None = None,
    patience: int | None = None,
    budget: Text | float | None = None,
    class_weights: Text | float | None = None,
    ema: float | str | None = None,
    validation: Text | float | None = None,
    test: Text | None = None,
    feature: Text | float | None = None,
    pooling: Text | float | None = None,
    engine: Text | float | None = None,
    onnxruntime: Text | None = None,
    device: Text | float | None = None,
    jobs: int | None = None,
    cache: Text | None = None,
    cache_limit: float | str | None = None,
    no_cache: bool = False,
    cache_precision: Text | float | None = None,
    record: Text | None = None,
    no_record: bool = False,
    precision: Text | float | None = None,
    offline: bool = False,
    seed: int | None = None,
    out: Text | None = None,
    report: Text | None = None,
    thumbnails: bool = False,
    resume: bool = False,
    list_parameters: bool = False,
    progress: Progress = None,
) -> Training:
    """Tune a model, taught by the best-ranked ones, into a folder that any ONNX runtime serves.

    Parameters
    ----------
    hub : str or path, or a sequence of them
        Models: folders of models, model folders, or .onnx files.
    data : str or path
        A folder with a subfolder per class (or train/ and test/ with such subfolders); a table
        (CSV, TSV, JSONL, Parquet, Arrow, Excel) with a column of files or texts; a file of
        words and tags (--task tokens); or a data set of the Hugging Face hub
        (hf:datasets/ORG/NAME, with @REVISION and /CONFIG behind it or without).
    task : str or number, optional
        The task [default: inferred from the targets]: "classification", "multilabel",
        "regression", "tokens".
    target : str or path, or a sequence of them, optional
        Target column of a table; for regression several, repeated or separated by commas
        [default: label].
    input_column : str or number, optional
        Column of a table with the files or texts [default: file, image, path, text, …].
    label_delimiter : str or number, optional
        Separator of the labels in a CSV cell, for multi-label targets.
    column : int, optional
        Column of the tags in a file of words and tags, counted from 1 [default: the last; in
        CoNLL-U the fourth].
    word_column : int, optional
        Column of the words in a file of words and tags, counted from 1 [default: the first, or
        the second if the first numbers the words].
    tag_scheme : str or number, optional
        Tagging scheme of the entities [default: detected from the tags].
    config : str or number, optional
        Configuration of a data set that has several, as those of the Hugging Face hub
        [default: the only or the default one].
    split : str or number, optional
        Split to use if the folder has train/, test/, … [default: train].
    no_label : str or path, or a sequence of them, optional
        Value of the target that says that a row has no label, such as -1; may be repeated.
    decimal : str or number, optional
        Decimal mark of numbers in a CSV table [default: inferred from the column].
    max_skipped : float or str, optional
        Largest share of rows without target, text or file, and of images that cannot be read;
        more is an error [default: 0.05].
    max_samples : int, optional
        Use at most N samples, drawn with --seed and stratified by class.
    model : str or number, optional
        The model to tune: a name in the hub, or best for the first of the ranking [default:
        best].
    ranking : str or path, optional
        A ranking that rank wrote [default: ranked here where needed, with cached features if
        there are any].
    method : str or number, optional
        The tuning method: fine-tune: train all weights on the targets linear-probe: train the
        new head only b-tuning: train all weights, with the features' Bayesian read-out taught
        by the best-ranked models (JMLR 2022) distillation: train the logits towards the
        teachers' predictions (Hinton 2015) l2-sp: pull all weights towards their initial
        values (Li 2018) bss: penalise the smallest singular values of the features (Chen 2019)
        delta: hold the feature map near its initial one, by the channels' importance (Li 2019)
        stoch-norm: normalize each channel by running or batch statistics at random (Kou 2020)
        co-tuning: also train the source classifier, towards the source classes of each class
        (You 2020) bi-tuning: add contrastive losses on the classifier and a projector, over
        queues of keys (Zhong 2020) wise-ft: fine-tune, then interpolate with the initial
        weights as the validation samples say (Wortsman 2022) lora: train low-rank changes of
        linear layers and 1×1 convolutions, merged at the end (Hu 2022) soup: average the
        weights of the runs of a search, all or greedily chosen (Wortsman 2022) source-soup:
        fine-tune the average of the best-ranked models, which have one architecture stacked:
        one linear head on the cached features of the best-ranked models; the result is all of
        them (Wolpert 1992) ensemble: fine-tune the best-ranked models and average their
        predictions; the result is all of them auto: try several of these (--candidates), and
        keep what the validation samples say [default: b-tuning].
    candidates : str or path, or a sequence of them, optional
        The methods that auto tries [default: linear-probe, stacked, fine-tune, b-tuning].
    teachers : str or number, optional
        Number of best-ranked models that teach, or the teachers by name; of stacked and
        ensemble, the models themselves [default: 3, or all of a hub that has fewer].
    lambda_ : str or number, optional
        Weight of the teachers' term, of methods that have one; of several values, or of a
        small grid with auto, the validation samples choose one [default: 10].
    read_out : str or number, optional
        Weight of the tuned model's own Bayesian read-out beside its head, of b-tuning for
        classes; 0 is the head alone, as published [default: calibrated by cross-validation on
        the training samples].
    temperature : float or str, optional
        Temperature of the teachers' shares, softmax(LogME / temperature) [default: 0.1].
    epochs : int, optional
        Epochs [default: 10, for texts 5].
    batch_size : int, optional
        Samples per step [default: 32].
    memory : int or str, optional
        Memory that a training step may take by estimate, such as 4G or 800M: a batch runs in
        parts that fit, and their gradients are added up [default: no limit].
    learning_rate : str or number, optional
        Learning rate of the backbone; of several values, or of 1, 3 and 10 times the default
        with auto (for texts 1, 10 and 100 times), the validation samples choose one [default:
        1e-3, for texts 1e-4].
    head_multiplier : float or str, optional
        Factor of the learning rate for the new head [default: 10].
    optimizer : str or number, optional
        Optimizer; sgd uses Nesterov's momentum of 0.9 [default: sgd, for texts adamw]: "sgd",
        "adamw".
    schedule : str or number, optional
        Learning rate schedule; step multiplies by 0.1 after two thirds of the run [default:
        step, for texts cosine]: "step", "cosine", "constant".
    warm_up : float or str, optional
        Share of the run for a linear warm-up of the learning rate [default: 0, for texts 0.1].
    weight_decay : float or str, optional
        Weight decay [default: 5e-4, for texts 0.01].
    decay : str or number, optional
        Parameters with weight decay: weights, or all including biases and norms [default: as
        published with the method]: "weights", "all".
    clip : str or number, optional
        Maximum gradient norm, or none; for images, backbone and head are clipped separately
        [default: 5, for texts 1].
    label_smoothing : float or str, optional
        Label smoothing [default: 0].
    freeze : str or path, or a sequence of them, optional
        Freeze the weights and running statistics whose names have this prefix; may be
        repeated.
    batch_norm : str or number, optional
        Statistics of BatchNormalization: of the batch (train), frozen, adapted (recomputed
        from the training samples, then frozen), or auto: frozen up to 2,000 samples, else
        train (with several learning rates, those other than the default are then tried both
        ways): "train", "frozen", "adapted", "auto" [default: auto].
    image_size : int, optional
        Shorter edge of the images in pixels [default: that of the model's preprocessing].
    augmentation : str or number, optional
        Augmentation of images: crop[:SCALE] (a crop of SCALE to 1 of the area, and flips),
        resize-crop (as published) or none [default: crop].
    views : int, optional
        Augmented views per image that teachers predict, at most one per epoch [default: 4;
        without teachers, a new view every epoch].
    keep : str or number, optional
        The weights to keep: those of the best epoch on the validation samples, or the last
        ones: "best", "last" [default: best].
    patience : int, optional
        End training after this many epochs without a better validation.
    budget : str or number, optional
        Time for training: no epoch, trial or candidate starts that would not fit.
    class_weights : str or number, optional
        Weights of the classes in the loss: balanced weighs rare classes up, and chooses epochs
        and settings by macro F1: "none", "balanced" [default: none].
    ema : float or str, optional
        Validate and write a moving average of the weights with this decay, such as 0.99
        [default: none].
    validation : str or number, optional
        Validation samples: a share of the data, a data set, or none [default: 0.1].
    test : str or path, optional
        A data set to evaluate the tuned model on, or none [default: the test split beside the
        training data, such as test/ beside train/, if there is one].
    feature : str or number, optional
        The tensor whose values are the features of the tuned model [default: found in the
        graph] [default: auto].
    pooling : str or number, optional
        Pooling of the tokens of a text, in the tuned model and in its teachers [default: as in
        the models' files, else mean, or last for decoders]: "mean", "first", "last".
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
    record : str or path, optional
        The record, a file of JSON lines [default: RANKTUNE_RECORD, or record.jsonl in the
        user's data folder].
    no_record : bool, optional
        Neither read nor write a record, and use no results that ranktune ships with.
    precision : str or number, optional
        Precision of the ONNX file to download from a repository; a manifest can set it for
        each model: "float32", "float16", "int8" [default: float32].
    offline : bool, optional
        Use only the download cache [same as HF_HUB_OFFLINE=1].
    seed : int, optional
        Seed of everything random [default: 0].
    out : str or path, optional
        Folder for the tuned model, its records and checkpoints.
    report : str or path, optional
        Write the result as an HTML page: one file with tables and pictures.
    thumbnails : bool, optional
        Small pictures of the images that the page names: the hardest samples, and wrong
        predictions.
    resume : bool, optional
        Continue the run in --out; without --hub and --data, with the arguments that it was
        begun with.
    list_parameters : bool, optional
        List the weights that would be trained, and why the others would not, and stop.
    progress : callable, optional
        Called with a `ranktune.Step` as long work goes on. `ranktune.bars` shows bars of tqdm.

    Returns
    -------
    Training

    Raises
    ------
    ranktune.InputError
        The arguments or the input are unusable (a ValueError).
    ranktune.FileError
        A file cannot be found, read or written (an OSError).
    """
    return Training._of(run(
        ("tune",),
        {
            "--hub": hub,
            "--data": data,
            "--task": task,
            "--target": target,
            "--input-column": input_column,
            "--label-delimiter": label_delimiter,
            "--column": column,
            "--word-column": word_column,
            "--tag-scheme": tag_scheme,
            "--config": config,
            "--split": split,
            "--no-label": no_label,
            "--decimal": decimal,
            "--max-skipped": max_skipped,
            "--max-samples": max_samples,
            "--model": model,
            "--ranking": ranking,
            "--method": method,
            "--candidates": candidates,
            "--teachers": teachers,
            "--lambda": lambda_,
            "--read-out": read_out,
            "--temperature": temperature,
            "--epochs": epochs,
            "--batch-size": batch_size,
            "--memory": memory,
            "--learning-rate": learning_rate,
            "--head-multiplier": head_multiplier,
            "--optimizer": optimizer,
            "--schedule": schedule,
            "--warm-up": warm_up,
            "--weight-decay": weight_decay,
            "--decay": decay,
            "--clip": clip,
            "--label-smoothing": label_smoothing,
            "--freeze": freeze,
            "--batch-norm": batch_norm,
            "--image-size": image_size,
            "--augmentation": augmentation,
            "--views": views,
            "--keep": keep,
            "--patience": patience,
            "--budget": budget,
            "--class-weights": class_weights,
            "--ema": ema,
            "--validation": validation,
            "--test": test,
            "--feature": feature,
            "--pooling": pooling,
            "--engine": engine,
            "--onnxruntime": onnxruntime,
            "--device": device,
            "--jobs": jobs,
            "--cache": cache,
            "--cache-limit": cache_limit,
            "--no-cache": no_cache,
            "--cache-precision": cache_precision,
            "--record": record,
            "--no-record": no_record,
            "--precision": precision,
            "--offline": offline,
            "--seed": seed,
            "--out": out,
            "--report": report,
            "--thumbnails": thumbnails,
            "--resume": resume,
            "--list-parameters": list_parameters,
            "--format": "json",
        },
        (),
        progress,
    ))


def study(
    hub: Many,
    data: Many,
    out: Text,
    *,
    methods: Many | None = None,
    seeds: int | None = None,
    seed: int | None = None,
    scores: Many | None = None,
    max_samples: int | None = None,
    max_test_samples: int | None = None,
    test_share: float | str | None = None,
    validation: float | str | None = None,
    epochs: int | None = None,
    learning_rate: Text | float | None = None,
    image_size: int | None = None,
    processes: int | None = None,
    resume: bool = False,
    retry_failed: bool = False,
    dry_run: bool = False,
    report: Text | None = None,
    task: Text | float | None = None,
    target: Many | None = None,
    input_column: Text | float | None = None,
    label_delimiter: Text | float | None = None,
    column: int | None = None,
    word_column: int | None = None,
    tag_scheme: Text | float | None = None,
    config: Text | float | None = None,
    split: Text | float | None = None,
    no_label: Many | None = None,
    decimal: Text | float | None = None,
    max_skipped: float | str | None = None,
    engine: Text | float | None = None,
    onnxruntime: Text | None = None,
    device: Text | float | None = None,
    jobs: int | None = None,
    cache: Text | None = None,
    cache_limit: float | str | None = None,
    no_cache: bool = False,
    cache_precision: Text | float | None = None,
    precision: Text | float | None = None,
    offline: bool = False,
    progress: Progress = None,
) -> Study:
    """Rank and tune every model on every data set, and see how well the scores said what tuning
    reaches.

    Parameters
    ----------
    hub : str or path, or a sequence of them
        Models: folders of models, model folders, .onnx files, manifests (.toml, .json), or
        repositories (hf:ORG/NAME).
    data : str or path, or a sequence of them
        Data sets: folders with a subfolder per class (or train/ and test/ with such
        subfolders), tables, files of words and tags, or repositories (hf:datasets/ORG/NAME). A
        data set is tested on its test split, or else on a fixed share of its samples.
    out : str or path
        Folder of the study: its finished parts, and the documents at the end.
    methods : str or path, or a sequence of them, optional
        Tuning methods, the one that others are compared with first [default: fine-tune].
    seeds : int, optional
        Number of tunings of every model on every data set by every method, with consecutive
        seeds [default: 1].
    seed : int, optional
        The first seed, which also draws the samples [default: 0].
    scores : str or path, or a sequence of them, optional
        Scores [default: all that the task has].
    max_samples : int, optional
        Use at most N training samples of a data set, stratified by class.
    max_test_samples : int, optional
        Use at most N test samples of a data set, stratified by class.
    test_share : float or str, optional
        Share of the samples that is held out for testing, where there is no test split
        [default: 0.2].
    validation : float or str, optional
        Share of the training samples that validates [default: 0.1].
    epochs : int, optional
        Epochs [default: 10, for texts 5].
    learning_rate : str or number, optional
        Learning rates: one, several of which the validation samples choose, or auto for the
        same search as tune --learning-rate auto [default: auto].
    image_size : int, optional
        The largest shorter edge of images that are tuned on, in pixels; models with smaller
        inputs keep theirs [default: no limit].
    processes : int, optional
        Number of processes that share the work on this machine; each has a part of the cores
        [default: 1].
    resume : bool, optional
        Go on with the study in --out, which is also done without this option.
    retry_failed : bool, optional
        Do those tunings and rankings again that failed before.
    dry_run : bool, optional
        Print what would be done and how long it may take, and stop.
    report : str or path, optional
        Write the study as an HTML page: one file with tables and pictures.
    task : str or number, optional
        The task [default: inferred from the targets]: "classification", "multilabel",
        "regression", "tokens".
    target : str or path, or a sequence of them, optional
        Target column of a table; for regression several, repeated or separated by commas
        [default: label].
    input_column : str or number, optional
        Column of a table with the files or texts [default: file, image, path, text, …].
    label_delimiter : str or number, optional
        Separator of the labels in a CSV cell, for multi-label targets.
    column : int, optional
        Column of the tags in a file of words and tags, counted from 1 [default: the last; in
        CoNLL-U the fourth].
    word_column : int, optional
        Column of the words in a file of words and tags, counted from 1 [default: the first, or
        the second if the first numbers the words].
    tag_scheme : str or number, optional
        Tagging scheme of the entities [default: detected from the tags].
    config : str or number, optional
        Configuration of a data set that has several, as those of the Hugging Face hub
        [default: the only or the default one].
    split : str or number, optional
        Split to use if the folder has train/, test/, … [default: train].
    no_label : str or path, or a sequence of them, optional
        Value of the target that says that a row has no label, such as -1; may be repeated.
    decimal : str or number, optional
        Decimal mark of numbers in a CSV table [default: inferred from the column].
    max_skipped : float or str, optional
        Largest share of rows without target, text or file, and of images that cannot be read;
        more is an error [default: 0.05].
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
    precision : str or number, optional
        Precision of the ONNX file to download from a repository; a manifest can set it for
        each model: "float32", "float16", "int8" [default: float32].
    offline : bool, optional
        Use only the download cache [same as HF_HUB_OFFLINE=1].
    progress : callable, optional
        Called with a `ranktune.Step` as long work goes on. `ranktune.bars` shows bars of tqdm.

    Returns
    -------
    Study

    Raises
    ------
    ranktune.InputError
        The arguments or the input are unusable (a ValueError).
    ranktune.FileError
        A file cannot be found, read or written (an OSError).
    """
    return Study._of(run(
        ("study",),
        {
            "--hub": hub,
            "--data": data,
            "--out": out,
            "--methods": methods,
            "--seeds": seeds,
            "--seed": seed,
            "--scores": scores,
            "--max-samples": max_samples,
            "--max-test-samples": max_test_samples,
            "--test-share": test_share,
            "--validation": validation,
            "--epochs": epochs,
            "--learning-rate": learning_rate,
            "--image-size": image_size,
            "--processes": processes,
            "--resume": resume,
            "--retry-failed": retry_failed,
            "--dry-run": dry_run,
            "--report": report,
            "--task": task,
            "--target": target,
            "--input-column": input_column,
            "--label-delimiter": label_delimiter,
            "--column": column,
            "--word-column": word_column,
            "--tag-scheme": tag_scheme,
            "--config": config,
            "--split": split,
            "--no-label": no_label,
            "--decimal": decimal,
            "--max-skipped": max_skipped,
            "--engine": engine,
            "--onnxruntime": onnxruntime,
            "--device": device,
            "--jobs": jobs,
            "--cache": cache,
            "--cache-limit": cache_limit,
            "--no-cache": no_cache,
            "--cache-precision": cache_precision,
            "--precision": precision,
            "--offline": offline,
            "--format": "json",
        },
        (),
        progress,
    ))


def evaluate(
    model: Text | float,
    data: Text,
    *,
    task: Text | float | None = None,
    target: Many | None = None,
    input_column: Text | float | None = None,
    label_delimiter: Text | float | None = None,
    column: int | None = None,
    word_column: int | None = None,
    tag_scheme: Text | float | None = None,
    config: Text | float | None = None,
    split: Text | float | None = None,
    no_label: Many | None = None,
    decimal: Text | float | None = None,
    max_skipped: float | str | None = None,
    max_samples: int | None = None,
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
    precision: Text | float | None = None,
    offline: bool = False,
    out: Text | None = None,
    seed: int | None = None,
    progress: Progress = None,
) -> Evaluation:
    """Evaluate a model on a data set.

    Parameters
    ----------
    model : str or number
        A model folder, such as the output of tune, or an .onnx file with its configuration
        beside it.
    data : str or path
        A folder with a subfolder per class (or train/ and test/ with such subfolders); a table
        (CSV, TSV, JSONL, Parquet, Arrow, Excel) with a column of files or texts; a file of
        words and tags (--task tokens); or a data set of the Hugging Face hub
        (hf:datasets/ORG/NAME, with @REVISION and /CONFIG behind it or without).
    task : str or number, optional
        The task [default: inferred from the targets]: "classification", "multilabel",
        "regression", "tokens".
    target : str or path, or a sequence of them, optional
        Target column of a table; for regression several, repeated or separated by commas
        [default: label].
    input_column : str or number, optional
        Column of a table with the files or texts [default: file, image, path, text, …].
    label_delimiter : str or number, optional
        Separator of the labels in a CSV cell, for multi-label targets.
    column : int, optional
        Column of the tags in a file of words and tags, counted from 1 [default: the last; in
        CoNLL-U the fourth].
    word_column : int, optional
        Column of the words in a file of words and tags, counted from 1 [default: the first, or
        the second if the first numbers the words].
    tag_scheme : str or number, optional
        Tagging scheme of the entities [default: detected from the tags].
    config : str or number, optional
        Configuration of a data set that has several, as those of the Hugging Face hub
        [default: the only or the default one].
    split : str or number, optional
        Split to use if the folder has train/, test/, … [default: train].
    no_label : str or path, or a sequence of them, optional
        Value of the target that says that a row has no label, such as -1; may be repeated.
    decimal : str or number, optional
        Decimal mark of numbers in a CSV table [default: inferred from the column].
    max_skipped : float or str, optional
        Largest share of rows without target, text or file, and of images that cannot be read;
        more is an error [default: 0.05].
    max_samples : int, optional
        Use at most N samples, drawn with --seed and stratified by class.
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
    precision : str or number, optional
        Precision of the ONNX file to download from a repository; a manifest can set it for
        each model: "float32", "float16", "int8" [default: float32].
    offline : bool, optional
        Use only the download cache [same as HF_HUB_OFFLINE=1].
    out : str or path, optional
        Write target and prediction of every sample to a CSV file.
    seed : int, optional
        Seed for --max-samples [default: 0].
    progress : callable, optional
        Called with a `ranktune.Step` as long work goes on. `ranktune.bars` shows bars of tqdm.

    Returns
    -------
    Evaluation

    Raises
    ------
    ranktune.InputError
        The arguments or the input are unusable (a ValueError).
    ranktune.FileError
        A file cannot be found, read or written (an OSError).
    """
    return Evaluation._of(run(
        ("eval",),
        {
            "--model": model,
            "--data": data,
            "--task": task,
            "--target": target,
            "--input-column": input_column,
            "--label-delimiter": label_delimiter,
            "--column": column,
            "--word-column": word_column,
            "--tag-scheme": tag_scheme,
            "--config": config,
            "--split": split,
            "--no-label": no_label,
            "--decimal": decimal,
            "--max-skipped": max_skipped,
            "--max-samples": max_samples,
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
            "--precision": precision,
            "--offline": offline,
            "--out": out,
            "--seed": seed,
            "--format": "json",
        },
        (),
        progress,
    ))


def predict(
    model: Text | float,
    inputs: Many,
    *,
    engine: Text | float | None = None,
    onnxruntime: Text | None = None,
    device: Text | float | None = None,
    jobs: int | None = None,
    cache: Text | None = None,
    cache_limit: float | str | None = None,
    no_cache: bool = False,
    cache_precision: Text | float | None = None,
    precision: Text | float | None = None,
    offline: bool = False,
    progress: Progress = None,
) -> Predictions:
    """Predict the class, labels or values of images or texts.

    Parameters
    ----------
    model : str or number
        A model folder, such as the output of tune, or an .onnx file with its configuration
        beside it.
    inputs : str or path, or a sequence of them
        Images or folders of images; for a model of texts, texts or files with one text per
        line. A tab separates the two texts of a pair.
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
    precision : str or number, optional
        Precision of the ONNX file to download from a repository; a manifest can set it for
        each model: "float32", "float16", "int8" [default: float32].
    offline : bool, optional
        Use only the download cache [same as HF_HUB_OFFLINE=1].
    progress : callable, optional
        Called with a `ranktune.Step` as long work goes on. `ranktune.bars` shows bars of tqdm.

    Returns
    -------
    Predictions

    Raises
    ------
    ranktune.InputError
        The arguments or the input are unusable (a ValueError).
    ranktune.FileError
        A file cannot be found, read or written (an OSError).
    """
    return Predictions._of(run(
        ("predict",),
        {
            "--model": model,
            "--engine": engine,
            "--onnxruntime": onnxruntime,
            "--device": device,
            "--jobs": jobs,
            "--cache": cache,
            "--cache-limit": cache_limit,
            "--no-cache": no_cache,
            "--cache-precision": cache_precision,
            "--precision": precision,
            "--offline": offline,
            "--format": "json",
        },
        (inputs,),
        progress,
    ))


def features(
    model: Text | float,
    data: Text,
    out: Text,
    *,
    task: Text | float | None = None,
    target: Many | None = None,
    input_column: Text | float | None = None,
    label_delimiter: Text | float | None = None,
    column: int | None = None,
    word_column: int | None = None,
    tag_scheme: Text | float | None = None,
    config: Text | float | None = None,
    split: Text | float | None = None,
    no_label: Many | None = None,
    decimal: Text | float | None = None,
    max_skipped: float | str | None = None,
    max_samples: int | None = None,
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
    precision: Text | float | None = None,
    offline: bool = False,
    seed: int | None = None,
    progress: Progress = None,
) -> None:
    """Write the features of a model on a data set to a file.

    Parameters
    ----------
    model : str or number
        A model folder, an .onnx file, or a repository of the Hugging Face hub.
    data : str or path
        A folder with a subfolder per class (or train/ and test/ with such subfolders); a table
        (CSV, TSV, JSONL, Parquet, Arrow, Excel) with a column of files or texts; a file of
        words and tags (--task tokens); or a data set of the Hugging Face hub
        (hf:datasets/ORG/NAME, with @REVISION and /CONFIG behind it or without).
    out : str or path
        Output file: .safetensors with features, targets, probabilities and the names of the
        inputs, or .npy with the features alone and a table of inputs and targets beside it.
    task : str or number, optional
        The task [default: inferred from the targets]: "classification", "multilabel",
        "regression", "tokens".
    target : str or path, or a sequence of them, optional
        Target column of a table; for regression several, repeated or separated by commas
        [default: label].
    input_column : str or number, optional
        Column of a table with the files or texts [default: file, image, path, text, …].
    label_delimiter : str or number, optional
        Separator of the labels in a CSV cell, for multi-label targets.
    column : int, optional
        Column of the tags in a file of words and tags, counted from 1 [default: the last; in
        CoNLL-U the fourth].
    word_column : int, optional
        Column of the words in a file of words and tags, counted from 1 [default: the first, or
        the second if the first numbers the words].
    tag_scheme : str or number, optional
        Tagging scheme of the entities [default: detected from the tags].
    config : str or number, optional
        Configuration of a data set that has several, as those of the Hugging Face hub
        [default: the only or the default one].
    split : str or number, optional
        Split to use if the folder has train/, test/, … [default: train].
    no_label : str or path, or a sequence of them, optional
        Value of the target that says that a row has no label, such as -1; may be repeated.
    decimal : str or number, optional
        Decimal mark of numbers in a CSV table [default: inferred from the column].
    max_skipped : float or str, optional
        Largest share of rows without target, text or file, and of images that cannot be read;
        more is an error [default: 0.05].
    max_samples : int, optional
        Use at most N samples, drawn with --seed and stratified by class.
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
    precision : str or number, optional
        Precision of the ONNX file to download from a repository; a manifest can set it for
        each model: "float32", "float16", "int8" [default: float32].
    offline : bool, optional
        Use only the download cache [same as HF_HUB_OFFLINE=1].
    seed : int, optional
        Seed for --max-samples [default: 0].
    progress : callable, optional
        Called with a `ranktune.Step` as long work goes on. `ranktune.bars` shows bars of tqdm.

    Raises
    ------
    ranktune.InputError
        The arguments or the input are unusable (a ValueError).
    ranktune.FileError
        A file cannot be found, read or written (an OSError).
    """
    run(
        ("features",),
        {
            "--model": model,
            "--data": data,
            "--out": out,
            "--task": task,
            "--target": target,
            "--input-column": input_column,
            "--label-delimiter": label_delimiter,
            "--column": column,
            "--word-column": word_column,
            "--tag-scheme": tag_scheme,
            "--config": config,
            "--split": split,
            "--no-label": no_label,
            "--decimal": decimal,
            "--max-skipped": max_skipped,
            "--max-samples": max_samples,
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
            "--precision": precision,
            "--offline": offline,
            "--seed": seed,
        },
        (),
        progress,
    )


def compare(
    ranking: Text,
    truth: Text,
    *,
    score: Text | float | None = None,
    progress: Progress = None,
) -> Comparison:
    """Compare a ranking with measured accuracies.

    Parameters
    ----------
    ranking : str or path
        A ranking.json, or a CSV file with the columns model,score.
    truth : str or path
        A CSV file with the columns model,accuracy.
    score : str or number, optional
        Score of a ranking.json to compare [default: the score that ordered it].
    progress : callable, optional
        Called with a `ranktune.Step` as long work goes on. `ranktune.bars` shows bars of tqdm.

    Returns
    -------
    Comparison

    Raises
    ------
    ranktune.InputError
        The arguments or the input are unusable (a ValueError).
    ranktune.FileError
        A file cannot be found, read or written (an OSError).
    """
    return Comparison._of(run(
        ("compare",),
        {
            "--score": score,
            "--format": "json",
        },
        (ranking, truth,),
        progress,
    ))


def report(
    documents: Many,
    *,
    out: Text | None = None,
    thumbnails: bool = False,
    progress: Progress = None,
) -> None:
    """Show rankings and tuned models as one HTML page.

    Parameters
    ----------
    documents : str or path, or a sequence of them
        What rank, tune, eval, compare and study wrote as JSON, or folders with their
        ranking.json, training.json and study.json.
    out : str or path, optional
        The HTML file [default: report.html].
    thumbnails : bool, optional
        Small pictures of the images that the documents name, where their files still are.
    progress : callable, optional
        Called with a `ranktune.Step` as long work goes on. `ranktune.bars` shows bars of tqdm.

    Raises
    ------
    ranktune.InputError
        The arguments or the input are unusable (a ValueError).
    ranktune.FileError
        A file cannot be found, read or written (an OSError).
    """
    run(
        ("report",),
        {
            "--out": out,
            "--thumbnails": thumbnails,
        },
        (documents,),
        progress,
    )
