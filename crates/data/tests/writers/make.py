"""Files as their writers write them, for tests/writers.rs.

pip install pandas==2.* pyarrow polars datasets openpyxl pillow; python make.py
The same six rows everywhere: texts "a" to "f", labels neg, pos, neg, pos, neg, pos.
"""

import io
import os
import shutil

import datasets
import pandas as pd
import polars as pl
from PIL import Image

here = os.path.dirname(os.path.abspath(__file__))
os.chdir(here)
TEXTS = list("abcdef")
LABELS = [0, 1, 0, 1, 0, 1]
NAMES = ["neg", "pos"]
words = [NAMES[label] for label in LABELS]

frame = pd.DataFrame({"text": TEXTS, "label": pd.Categorical(words), "price": [1.5, None, 3.0, 4.25, 5.0, 6.0]})
frame.to_feather("pandas.feather")
frame.to_feather("pandas_zstd.feather", compression="zstd")
with pd.ExcelWriter("pandas.xlsx") as book:
    pd.DataFrame({"note": ["only a title"]}).iloc[:0].to_excel(book, sheet_name="About", index=False)
    frame.to_excel(book, sheet_name="Data", index=True)
pl.DataFrame({"text": TEXTS, "label": words}).write_ipc("polars.arrow")
pl.DataFrame({"text": TEXTS, "label": words}).write_ipc("polars_lz4.arrow", compression="lz4")

features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=NAMES)})
train = datasets.Dataset.from_dict({"text": TEXTS, "label": LABELS}, features=features)
test = datasets.Dataset.from_dict({"text": ["x", "y"], "label": [1, 0]}, features=features)
shutil.rmtree("saved", ignore_errors=True)
datasets.DatasetDict({"train": train, "test": test}).save_to_disk("saved", num_shards={"train": 2, "test": 1})


def png(grey):
    stream = io.BytesIO()
    Image.new("L", (1, 1), grey).save(stream, "PNG")
    return {"bytes": stream.getvalue(), "path": f"{grey}.png"}


images = datasets.Dataset.from_dict(
    {"image": [png(0), png(7), png(255)], "label": [0, 1, 0]},
    features=datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}),
)
shutil.rmtree("saved_images", ignore_errors=True)
images.save_to_disk("saved_images")

tags = datasets.Features(
    {
        "tokens": datasets.Sequence(datasets.Value("string")),
        "ner_tags": datasets.Sequence(datasets.ClassLabel(names=["O", "B-X", "I-X"])),
    }
)
tagged = datasets.Dataset.from_dict(
    {"tokens": [["EU", "rejects"], ["Peter", "Blackburn"]], "ner_tags": [[1, 0], [1, 2]]}, features=tags
)
shutil.rmtree("saved_tags", ignore_errors=True)
tagged.save_to_disk("saved_tags")
