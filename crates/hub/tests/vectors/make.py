"""What Pillow, transformers and tokenizers compute, for the tests of this crate.

    pip install pillow numpy safetensors tokenizers transformers torch torchvision
    python make.py

Writes beside this script
- image.png, a small picture; resized.safetensors: by `<filter>.<height>x<width>`, what Pillow's resize makes of it;
- processors.json: by case, a `preprocessor_config.json`; processors.safetensors: the pixel values `[channels, height, width]` that
  transformers gives for it, with its processors that resize with Pillow. The files leave out fields on purpose: the defaults are
  those of transformers 5 (version 4 had other filters for convnext, efficientnet, mobilevit and pvt, and cropped in beit);
- tokenizers/<kind>.json, small tokenizers trained on examples/data/topics, where they are missing (training is not
  repeatable); tokens.json: the ids that they and the tokenizers of examples/hub give to some sentences.
"""

import json
import pathlib
import tempfile

import numpy
import PIL
import tokenizers
import transformers
from PIL import Image
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
EXAMPLES = HERE.parents[3] / "examples"

SIZES = [(11, 8), (23, 31), (24, 31), (23, 70), (64, 5), (50, 60), (1, 1)]

HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
PROCESSORS = {
    "vit": {"image_processor_type": "ViTImageProcessor", "size": {"height": 16, "width": 16}, "resample": 2, **HALF},
    "vit_lanczos": {"image_processor_type": "ViTImageProcessor", "size": {"height": 20, "width": 12}, "resample": 1},
    "clip": {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16}},
    "convnext": {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 16}, "crop_pct": 0.875},
    "bit_padded": {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 10}, "crop_size": {"height": 16, "width": 12}},
    "deit": {"image_processor_type": "DeiTImageProcessor", "size": {"height": 20, "width": 20}, "crop_size": {"height": 16, "width": 16}},
    "mobilenet": {"image_processor_type": "MobileNetV2ImageProcessor", "size": {"shortest_edge": 20}, "crop_size": {"height": 16, "width": 16}},
    "beit": {"image_processor_type": "BeitImageProcessor", "size": {"height": 16, "width": 16}},
    "efficientnet": {"image_processor_type": "EfficientNetImageProcessor", "size": {"height": 16, "width": 16}, "include_top": False},
    "mobilevit": {"image_processor_type": "MobileViTImageProcessor", "size": {"shortest_edge": 20}, "crop_size": {"height": 16, "width": 16}},
    "pvt": {"image_processor_type": "PvtImageProcessor", "size": {"height": 16, "width": 16}},
    "no_rescale": {"image_processor_type": "ViTImageProcessor", "size": {"height": 9, "width": 9}, "do_rescale": False, "do_normalize": False},
}

SENTENCES = [
    "The cat sat on the mat.",
    "",
    "Prices rose 3.5 % in 2021, analysts said; nobody was surprised",
    "naïve café, Straße, 東京 and \t tabs\nand lines",
    "It's what they'LL say:  two spaces, 12345 and x²",
    "unbelievablylongwordthatnobodyknows !!! ... e-mail@example.org",
    "a " * 40,
]


def picture(height=24, width=31):
    y, x = numpy.mgrid[:height, :width] / 6
    smooth = 128 + 110 * numpy.stack([numpy.sin(x), numpy.cos(y + x), numpy.sin(y) * numpy.cos(x)], axis=-1)
    noise = numpy.random.default_rng(2).integers(0, 256, (height, width, 3))
    left = numpy.arange(width)[None, :, None] < width // 2
    return Image.fromarray(numpy.where(left, smooth, noise).clip(0, 255).astype(numpy.uint8))


def resized(image):
    filters = ["NEAREST", "BOX", "BILINEAR", "HAMMING", "BICUBIC", "LANCZOS"]
    return {
        f"{name.lower()}.{height}x{width}": numpy.array(image.resize((width, height), Image.Resampling[name]))
        for name in filters
        for height, width in SIZES
    }


def processed(image):
    values = {}
    for name, settings in PROCESSORS.items():
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "preprocessor_config.json").write_text(json.dumps(settings))
            processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
            assert "Pil" in type(processor).__name__, type(processor)
            values[name] = numpy.asarray(processor(image, return_tensors="np")["pixel_values"][0], dtype=numpy.float32)
    return values


# The pattern of recent language models: look-ahead and classes of Unicode, which not every engine of regular expressions reads alike.
WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def trained():
    """Tokenizers of the three kinds that models of language use."""
    lines = (EXAMPLES / "data/topics/train.jsonl").read_text().splitlines()
    corpus = [json.loads(line)["text"] for line in lines]

    wordpiece = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    wordpiece.normalizer = normalizers.BertNormalizer()
    wordpiece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    wordpiece.train_from_iterator(corpus, trainers.WordPieceTrainer(vocab_size=300, special_tokens=special))
    wordpiece.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )

    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(tokenizers.Regex(WORDS), "isolated")
    bpe.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=400, special_tokens=["<pad>"], initial_alphabet=alphabet))

    unigram = Tokenizer(models.Unigram())
    unigram.normalizer = normalizers.NFKC()
    unigram.pre_tokenizer = pre_tokenizers.Metaspace()
    unigram.train_from_iterator(
        corpus, trainers.UnigramTrainer(vocab_size=200, special_tokens=["<pad>", "<unk>", "</s>"], unk_token="<unk>")
    )
    unigram.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    return {"wordpiece": wordpiece, "bpe": bpe, "unigram": unigram}


def tokens():
    folder = HERE / "tokenizers"
    if not folder.is_dir():
        folder.mkdir()
        for name, tokenizer in trained().items():
            tokenizer.save(str(folder / f"{name}.json"))
    every = {file.stem: file for file in sorted(folder.glob("*.json"))}
    every |= {file.parent.name: file for file in sorted(EXAMPLES.glob("hub/*/tokenizer.json"))}
    every = {name: Tokenizer.from_file(str(file)) for name, file in every.items()}
    ids = {name: [tokenizer.encode(sentence).ids for sentence in SENTENCES] for name, tokenizer in every.items()}
    return {"made with": f"tokenizers {tokenizers.__version__}", "sentences": SENTENCES, "ids": ids}


def main():
    image = picture()
    image.save(HERE / "image.png")
    save_file(resized(image), HERE / "resized.safetensors", {"made with": f"Pillow {PIL.__version__}"})
    (HERE / "processors.json").write_text(json.dumps(PROCESSORS, indent=1) + "\n")
    made = {"made with": f"transformers {transformers.__version__}, Pillow {PIL.__version__}"}
    save_file(processed(image), HERE / "processors.safetensors", made)
    (HERE / "tokens.json").write_text(json.dumps(tokens(), ensure_ascii=False) + "\n")


main()
