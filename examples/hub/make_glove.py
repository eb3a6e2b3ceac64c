"""Cuts a folder with GloVe vectors (model.onnx, tokenizer.json) down to its most frequent words.

    python make_glove.py SOURCE_FOLDER WORDS TARGET_FOLDER

Needs the packages onnx and numpy. The embedding's rows are in order of frequency, after [PAD] and [UNK]."""

import json
import pathlib
import shutil
import sys

import numpy
import onnx
from onnx import numpy_helper


def main(source, words, target):
    source, target, rows = pathlib.Path(source), pathlib.Path(target), int(words) + 2
    shutil.copytree(source, target, copy_function=shutil.copyfile, dirs_exist_ok=True)
    model = onnx.load(source / "model.onnx")
    for tensor in model.graph.initializer:
        table = numpy_helper.to_array(tensor)
        if table.ndim == 2 and table.shape[0] > rows:
            tensor.CopyFrom(numpy_helper.from_array(numpy.ascontiguousarray(table[:rows]), tensor.name))
    onnx.checker.check_model(model)
    onnx.save(model, target / "model.onnx")
    tokenizer = json.loads((source / "tokenizer.json").read_text())
    vocab = tokenizer["model"]["vocab"]
    tokenizer["model"]["vocab"] = {word: at for word, at in vocab.items() if at < rows}
    (target / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False))
    config = json.loads((source / "config.json").read_text())
    config["vocab_size"] = rows
    (target / "config.json").write_text(json.dumps(config, indent=1) + "\n")


main(*sys.argv[1:])
