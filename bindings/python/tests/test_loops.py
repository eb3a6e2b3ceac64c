"""B-Tuning in the training loops of others, as the guide shows it."""

from __future__ import annotations

import numpy as np
import pytest
import ranktune

torch = pytest.importorskip("torch")

from ranktune.torch import BTuningLoss, extract
from torch import nn


class Network(nn.Module):
    """Features and a head."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Linear(6, 16), nn.Tanh())
        self.fc = nn.Linear(16, 3)

    def forward(self, x):
        return self.fc(self.body(x))


@pytest.fixture
def data():
    """Inputs, classes, and features of two teachers, of which one is good."""
    generator = torch.Generator().manual_seed(2)
    y = torch.arange(96) % 3
    x = torch.randn(96, 6, generator=generator) + 2 * torch.eye(6)[y]
    return x, y, [torch.eye(3)[y] + 0.1 * torch.randn(96, 3, generator=generator), torch.randn(96, 5, generator=generator)]


def term(network, x, y, teachers):
    """The term, and the teachers' predictions, which are computed once."""
    target = ranktune.LogME().fit(extract(network, [(x, y)]).features, y)
    loss = BTuningLoss(target, [ranktune.LogME().fit(F, y) for F in teachers], lambda_=10.0)
    return loss, loss.taught(teachers).float()


def test_a_loop_of_ones_own_lowers_both_terms(data):
    x, y, teachers = data
    network = Network()
    loss, taught = term(network, x, y, teachers)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    seen = []
    for _ in range(30):
        features = network.body(x)
        task, agreement = nn.functional.cross_entropy(network.fc(features), y), loss(features, taught)
        optimizer.zero_grad()
        (task + agreement).backward()
        optimizer.step()
        seen.append((task.item(), agreement.item()))
    assert seen[-1][0] < seen[0][0] and seen[-1][1] < seen[0][1]
    assert loss.weights[0] > 0.9, "the good teacher has the say"


def test_the_trainer_of_transformers_takes_the_term(data, tmp_path):
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    x, y, teachers = data
    network = Network()
    loss, taught = term(network, x, y, teachers)
    before = loss(network.body(x), taught).item()

    class Trainer(transformers.Trainer):
        def compute_loss(self, model, inputs, return_outputs=False, **_):
            features = model.body(inputs["x"])
            outputs = model.fc(features)
            total = nn.functional.cross_entropy(outputs, inputs["labels"]) + loss(features, inputs["taught"])
            return (total, outputs) if return_outputs else total

    rows = [{"x": x[i], "labels": y[i], "taught": taught[i]} for i in range(len(y))]
    arguments = transformers.TrainingArguments(
        str(tmp_path), num_train_epochs=5, learning_rate=1e-2, report_to=[], remove_unused_columns=False, use_cpu=True
    )
    Trainer(network, arguments, train_dataset=rows, data_collator=torch.utils.data.default_collate).train()
    assert loss(network.body(x), taught).item() < before


def test_a_module_of_lightning_takes_the_term(data):
    lightning = pytest.importorskip("lightning")
    x, y, teachers = data
    network = Network()
    loss, taught = term(network, x, y, teachers)
    before = loss(network.body(x), taught).item()

    class Tuned(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.network, self.loss = network, loss

        def training_step(self, batch, _):
            x, y, taught = batch
            features = self.network.body(x)
            return nn.functional.cross_entropy(self.network.fc(features), y) + self.loss(features, taught)

        def configure_optimizers(self):
            return torch.optim.SGD(self.network.parameters(), lr=0.02)

    rows = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y, taught), batch_size=16)
    trainer = lightning.Trainer(
        max_epochs=5, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False
    )
    trainer.fit(Tuned(), rows)
    assert loss(network.body(x), taught).item() < before
    assert np.isfinite(before)
