"""Writes examples/data/digits from scikit-learn's copy of the UCI handwritten digits: python make_digits.py OUT

Sixteen grey levels become 0..255; the images keep their 8 x 8 pixels. The first 40 images of a class go to train/, the next 20
to test/, in the order of the data set (whose writers differ between its parts)."""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

out = Path(sys.argv[1])
digits = load_digits()
seen = Counter()
for index, (pixels, label) in enumerate(zip(digits.images, digits.target)):
    split = "train" if seen[label] < 40 else "test"
    if seen[label] < 60:
        folder = out / split / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        grey = np.round(pixels * 255 / 16).astype(np.uint8)
        Image.fromarray(grey, "L").save(folder / f"{index:04}.png", optimize=True)
    seen[label] += 1
