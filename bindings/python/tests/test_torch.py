"""Modules of PyTorch: their features are found, ranked and taught."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import ranktune

torch = pytest.importorskip("torch")

import ranktune.torch as bridge
from torch import nn


class Encoder(nn.Module):
    """The output of an encoder of transformers: tokens, of which some are padding."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.words = nn.Embedding(20, 6)
        self.mix = nn.Linear(6, 6)

    def forward(self, input_ids, attention_mask):
        return {"last_hidden_state": self.mix(self.words(input_ids))}


class Convolutional(nn.Module):
    """As torchvision's networks: a classifier behind a pooled map."""

    def __init__(self, width=12, classes=5):
        super().__init__()
        torch.manual_seed(width)
        self.body = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.fc = nn.Linear(width, classes)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return self.fc(self.drop(self.body(x).flatten(1)))


@pytest.fixture
def loader():
    """Images whose brightness is their class, in three batches."""
    generator = torch.Generator().manual_seed(1)
    y = torch.arange(60) % 3
    x = torch.rand(60, 3, 8, 8, generator=generator) + y[:, None, None, None] * 0.3
    return [(x[i : i + 25], y[i : i + 25]) for i in range(0, 60, 25)]


def test_features_are_the_input_of_the_last_linear_layer(loader, caplog):
    caplog.set_level(logging.INFO, "ranktune")
    model = Convolutional().train()
    found = bridge.extract(model, loader)
    assert model.training and model.body[1].training, "the module has its mode again"
    assert (found.layer, found.features.shape) == ("fc", (60, 12))
    with torch.inference_mode():
        x = torch.cat([x for x, _ in loader])
        model.eval()
        expected = model.body(x).flatten(1)
        torch.testing.assert_close(found.features, expected)
        torch.testing.assert_close(found.probabilities, torch.softmax(model(x), dim=1))
    texts = [record.message for record in caplog.records]
    assert any("training mode" in text for text in texts) and any("'fc'" in text for text in texts)


def test_a_named_layer_and_a_module_without_a_classifier(loader):
    model = Convolutional()
    assert bridge.extract(model, loader, layer="body.0").features.shape == (60, 12)
    with pytest.raises(ranktune.InputError, match="has no module 'head'"):
        bridge.extract(model, loader, layer="head")
    with pytest.raises(ranktune.InputError, match="its output is str"):
        bridge.extract(nn.Identity(), [("text", [1])])
    found = bridge.extract(model.body, loader)
    assert (found.layer, found.features.shape, found.probabilities) == ("output", (60, 12), None)


def test_tokens_are_averaged_without_padding():
    model = Encoder()
    ids = torch.tensor([[1, 2, 3], [4, 5, 0]])
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    found = bridge.extract(model, [{"input_ids": ids, "attention_mask": mask, "labels": torch.tensor([0, 1])}])
    with torch.inference_mode():
        hidden = model(ids, mask)["last_hidden_state"]
    torch.testing.assert_close(found.features, torch.stack([hidden[0].mean(0), hidden[1, :2].mean(0)]))
    first = bridge.extract(
        model, [{"input_ids": ids, "attention_mask": mask, "labels": torch.tensor([0, 1])}], pooling="first"
    )
    torch.testing.assert_close(first.features, hidden[:, 0])


def test_architectures_of_transformers_have_their_usual_features():
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    words = transformers.BertConfig(vocab_size=30, num_labels=3, **sizes)
    ids = torch.randint(1, 30, (4, 7))
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": torch.tensor([0, 1, 0, 1])}
    classifier = transformers.AutoModelForSequenceClassification.from_config(words).eval()
    found = bridge.extract(classifier, [batch])
    with torch.inference_mode():
        expected = classifier.bert(ids, batch["attention_mask"])
    assert found.layer == "classifier" and found.probabilities.shape == (4, 3)
    torch.testing.assert_close(found.features, expected.pooler_output)
    encoder = transformers.AutoModel.from_config(words).eval()
    found = bridge.extract(encoder, [batch])
    with torch.inference_mode():
        torch.testing.assert_close(found.features, encoder(ids).last_hidden_state.mean(1))
    assert found.layer == "last_hidden_state"
    pixels = transformers.ViTConfig(image_size=16, patch_size=8, num_labels=5, **sizes)
    images = {"pixel_values": torch.rand(4, 3, 16, 16), "labels": batch["labels"]}
    model = transformers.AutoModelForImageClassification.from_config(pixels).eval()
    found = bridge.extract(model, [images])
    with torch.inference_mode():
        torch.testing.assert_close(found.features, model.vit(images["pixel_values"]).last_hidden_state[:, 0])


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224", "convnext_atto", "mobilenetv3_small_050"])
def test_architectures_of_timm_have_the_features_before_their_classifier(name):
    timm = pytest.importorskip("timm")
    model = timm.create_model(name, num_classes=7).eval()
    x = torch.rand(2, 3, 224, 224)
    found = bridge.extract(model, [(x, torch.tensor([0, 1]))])
    with torch.inference_mode():
        expected = model.forward_head(model.forward_features(x), pre_logits=True)
    torch.testing.assert_close(found.features, expected)
    assert found.probabilities.shape == (2, 7)
    # Without a classifier the output is the same.
    bare = timm.create_model(name, num_classes=0).eval()
    assert bridge.extract(bare, [(x, torch.tensor([0, 1]))]).features.shape == expected.shape


def test_a_module_that_takes_a_dictionary_gets_it_whole():
    class Sentences(nn.Module):
        """As SentenceTransformer."""

        def forward(self, input, **kwargs):
            return {**input, "sentence_embedding": input["input_ids"].float()}

    batch = {"input_ids": torch.eye(4), "label": torch.tensor([0, 1, 0, 1])}
    found = bridge.extract(Sentences(), [batch])
    assert found.layer == "sentence_embedding" and torch.equal(found.features, torch.eye(4))


def test_modules_are_ranked_by_their_features(loader):
    class Broken(nn.Module):
        def forward(self, x):
            raise RuntimeError("no weights")

    good, dark = Convolutional(12), Convolutional(4)
    with torch.no_grad():
        dark.body[0].weight.zero_()
    ranking = bridge.rank({"dark": dark, "good": good, "broken": Broken()}, loader)
    assert ranking.best.name == "good" and ranking.is_incomplete
    assert "no weights" in [model.reason for model in ranking.skipped if model.name == "broken"][0]
    found = bridge.extract(good, loader)
    assert ranking.best.scores.logme.value == ranktune.logme(found.features, found.targets)
    assert "good" in str(ranking) and "good" in ranking._repr_html_()
    with pytest.raises(ranktune.InputError, match="ranktune.torch.rank"):
        ranktune.rank([good], "photos")
    named = bridge.rank([good, Convolutional(6)], loader)
    assert {model.name for model in named.models} == {"Convolutional-1", "Convolutional-2"}


def test_statistics_are_those_of_all_features(loader):
    model = Convolutional()
    streamed = bridge.statistics(model, loader).scores().value("logme")
    found = bridge.extract(model, loader)
    assert abs(streamed - ranktune.logme(found.features, found.targets)) < 1e-6


def test_half_precision_is_read_as_it_is(loader):
    F = bridge.extract(Convolutional(), loader).features
    y = torch.cat([y for _, y in loader])
    for kind in (torch.float16, torch.bfloat16):
        rounded = F.to(kind)
        assert ranktune.h_score(rounded, y) == ranktune.h_score(rounded.float(), y)
    assert ranktune.logme(F.clone().requires_grad_(), y) == ranktune.logme(F.numpy(), y.numpy())
    assert ranktune.logme(F.T.contiguous().T, y) == ranktune.logme(F, y)
    with pytest.raises(ranktune.InputError, match="sparse"):
        ranktune.logme(F.to_sparse(), y)


def test_unusable_loaders_are_refused(loader):
    model = Convolutional()
    once = iter(loader)
    bridge.extract(model, once)
    with pytest.raises(ranktune.InputError, match="read only once"):
        bridge.extract(model, once)
    with pytest.raises(ranktune.InputError, match="no targets"):
        bridge.extract(model, [{"x": loader[0][0]}])
    with pytest.raises(ranktune.InputError, match="found Tensor"):
        bridge.extract(model, [loader[0][0]])
    with pytest.raises(ranktune.InputError, match="25 rows of features for 3 targets"):
        bridge.extract(model, [(loader[0][0], loader[0][1][:3])])


def test_the_loss_of_b_tuning_is_that_of_its_definition():
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=90)
    target, *teachers = (rng.normal(size=(90, d)) + 2 * np.eye(3, d)[y] for d in (7, 5, 9))
    fits = [ranktune.LogME().fit(F, y) for F in (target, *teachers)]
    loss = bridge.BTuningLoss(fits[0], fits[1:], lambda_=3.0, temperature=0.2)
    shares = np.exp(np.array([fit.score_ for fit in fits[1:]]) / 0.2)
    shares /= shares.sum()
    taught = sum(share * F @ fit.coef_.T for share, F, fit in zip(shares, teachers, fits[1:]))
    moved = target + 0.1
    expected = 3 * np.mean((moved @ fits[0].coef_.T - taught) ** 2)
    features = torch.tensor(moved, requires_grad=True)
    of_teachers = [torch.tensor(F) for F in teachers]
    value = loss(features, of_teachers)
    assert abs(value.item() - expected) < 1e-10
    value.backward()
    gradient = 3 * 2 / (90 * 3) * (moved @ fits[0].coef_.T - taught) @ fits[0].coef_
    np.testing.assert_allclose(features.grad.numpy(), gradient, rtol=1e-8, atol=1e-12)
    assert loss(features, loss.taught(of_teachers)).item() == value.item()
    assert torch.autograd.gradcheck(lambda moved: loss(moved, of_teachers), features)
    with pytest.raises(ranktune.InputError, match="2 teachers, got 1"):
        loss(features, of_teachers[:1])


def test_an_exported_module_is_a_model_of_a_hub(tmp_path, loader):
    pytest.importorskip("onnx")
    folder = bridge.to_onnx(Convolutional(classes=3), tmp_path / "hub" / "small", torch.rand(1, 3, 8, 8), labels=["a", "b", "c"])
    model = ranktune.hub.inspect(folder).models[0]
    assert model.name == "small" and model.feature_dim == 12
