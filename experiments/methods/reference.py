"""Loss and gradients of three steps of each tuning method, in PyTorch.

Writes `crates/train/tests/train/reference.json`, which `crates/train/tests/train/reference.rs` compares with the
methods of the crate. The model is that of the test's harness: 3x3 convolution, BatchNorm, ReLU, 1x1 convolution,
mean over the map, linear head; beside it the classifier of the source task.

    pip install torch==2.* numpy && python experiments/methods/reference.py

Random numbers (projector, queues, adapters, masks) follow from splitmix64 as in the crate, so that both start equal.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
OUT = Path(__file__).parents[2] / "crates/train/tests/train/reference.json"
CLASSES, FEATURES, SOURCE, SAMPLES, STEPS, RATE, SEED = 3, 6, 4, 12, 3, 0.1, 5
MASK = (1 << 64) - 1


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


class Random:
    """splitmix64."""

    def __init__(self, seed, stream):
        self.state = mix(seed ^ mix(stream))

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        return mix(self.state)

    def below(self, bound):
        return (self.next() * bound) >> 64

    def normal(self, count):
        uniform = lambda: ((self.next() >> 11) + 1) / (1 << 53)
        values = [math.sqrt(-2 * math.log(uniform())) * math.cos(2 * math.pi * uniform()) for _ in range(count)]
        return torch.tensor(np.array(values, dtype=np.float32).astype(np.float64))

    def uniform(self, count, bound):
        values = [bound * (2 * ((self.next() >> 11) / (1 << 53)) - 1) for _ in range(count)]
        return torch.tensor(np.array(values, dtype=np.float32).astype(np.float64))


def numbers(rng, *shape, scale=1.0):
    return torch.tensor((scale * rng.standard_normal(shape)).astype(np.float32).astype(np.float64))


def start():
    rng = np.random.default_rng(SEED)
    weights = {
        "conv.weight": numbers(rng, FEATURES, 2, 3, 3, scale=0.3),
        "bn.weight": 1 + numbers(rng, FEATURES, scale=0.1),
        "bn.bias": numbers(rng, FEATURES, scale=0.1),
        "mix.weight": torch.eye(FEATURES)[:, :, None, None] + numbers(rng, FEATURES, FEATURES, 1, 1, scale=0.1),
        "source.weight": numbers(rng, SOURCE, FEATURES, scale=0.8),
        "ranktune.head.weight": numbers(rng, CLASSES, FEATURES, scale=0.3),
        "ranktune.head.bias": numbers(rng, CLASSES, scale=0.1),
    }
    weights = {name: torch.tensor(value.numpy().astype(np.float32).astype(np.float64)) for name, value in weights.items()}
    x = numbers(rng, SAMPLES, 2, 4, 4)
    y = torch.arange(SAMPLES) % CLASSES
    return weights, x, y


class Running:
    """Running statistics, updated as BatchNorm does."""

    def __init__(self):
        self.mean, self.variance = torch.zeros(FEATURES), torch.ones(FEATURES)


def normalize(a, w, mean, variance):
    shape = (1, -1, 1, 1)
    a = (a - mean.view(shape)) / torch.sqrt(variance.view(shape) + 1e-5)
    return a * w["bn.weight"].view(shape) + w["bn.bias"].view(shape)


def forward(w, x, running, mode, mask=None):
    """`mode`: batch, running or stochastic. Returns the map and the pooled features."""
    a = F.conv2d(x, w["conv.weight"], padding=1)
    if mode == "running":
        b = normalize(a, w, running.mean, running.variance)
    else:
        mean, variance = a.mean((0, 2, 3)), a.var((0, 2, 3), unbiased=False)
        count = a.numel() / FEATURES
        running.mean = 0.9 * running.mean + 0.1 * mean.detach()
        running.variance = 0.9 * running.variance + 0.1 * variance.detach() * count / (count - 1)
        b = normalize(a, w, mean, variance)
        if mode == "stochastic":
            s = mask.view(1, -1, 1, 1)
            b = (1 - s) * b + s * normalize(a, w, running.mean, running.variance)
    fm = F.conv2d(F.relu(b), w["mix.weight"])
    return fm, fm.mean((2, 3))


def head(w, f):
    return f @ w["ranktune.head.weight"].T + w["ranktune.head.bias"]


def run(loss_of, weights, extra=None, adjust=None, trained=None):
    """Three steps of plain gradient descent. Returns losses and gradients."""
    w = {name: value.clone() for name, value in {**weights, **(extra or {})}.items()}
    names = [name for name in w if trained is None or trained(name)]
    result = []
    for step in range(STEPS):
        live = {name: value.detach().requires_grad_(name in names) for name, value in w.items()}
        loss = loss_of(live, step)
        loss.backward()
        gradients = {name: live[name].grad for name in names if live[name].grad is not None}
        if adjust:
            gradients = adjust(live, gradients)
        for name, gradient in gradients.items():
            w[name] = (live[name] - RATE * gradient).detach()
        result.append({"loss": loss.item(), "weights": None, "gradients": gradients, "live": w.copy()})
    return result


def fine_tune(weights, x, y):
    running = Running()
    return run(lambda w, _: F.cross_entropy(head(w, forward(w, x, running, "batch")[1]), y), weights)


def stoch_norm(weights, x, y):
    running = Running()

    def loss(w, step):
        seed = (SEED * 0x9E3779B97F4A7C15 + step) & MASK
        stream = 0
        for byte in b"bn.running_mean":
            stream = (stream * 31 + byte) & MASK
        random = Random(seed, stream)
        mask = torch.tensor([1.0 if random.below(100) < 50 else 0.0 for _ in range(FEATURES)])
        return F.cross_entropy(head(w, forward(w, x, running, "stochastic", mask)[1]), y)

    return run(loss, weights)


ATTENTION = torch.tensor(np.array([0.3, 0.1, 0.2, 0.1, 0.2, 0.1], dtype=np.float32).astype(np.float64))


def delta(weights, x, y, alpha=0.01, beta=0.01):
    """As `AttentionBehavioralRegularization` of the Transfer-Learning-Library, for one layer."""
    running = Running()
    initial, _ = forward(weights, x, Running(), "running")

    def loss(w, _):
        fm, f = forward(w, x, running, "batch")
        b, c, height, width = fm.shape
        distance = (fm - initial).reshape(b, c, -1).norm(2, 2)
        behaviour = 0.5 * torch.sum(c * ATTENTION * distance**2 / (height * width))
        return F.cross_entropy(head(w, f), y) + alpha * behaviour

    def adjust(w, gradients):
        for name in ["ranktune.head.weight", "ranktune.head.bias"]:
            gradients[name] = gradients[name] + beta * w[name].detach()
        return gradients

    return run(loss, weights, adjust=adjust)


RELATIONSHIP = torch.tensor(
    np.array([[0.7, 0.1, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1], [0.1, 0.1, 0.7, 0.1]], dtype=np.float32).astype(np.float64)
)


def co_tuning(weights, x, y, trade_off=2.3):
    """`CoTuningLoss` of the Transfer-Learning-Library."""
    running = Running()

    def loss(w, _):
        f = forward(w, x, running, "batch")[1]
        source = f @ w["source.weight"].T
        term = -(RELATIONSHIP[y] * F.log_softmax(source, dim=1)).sum(1).mean()
        return F.cross_entropy(head(w, f), y) + trade_off * term

    return run(loss, weights)


def bi_tuning(weights, x, y, keys=4, momentum=0.9, temperature=0.5, width=5):
    """`BiTuning` of the Transfer-Learning-Library, with one view for query and key."""
    random = Random(SEED, 0x62697475)
    projector = random.normal(width * FEATURES).reshape(width, FEATURES)
    projector = torch.tensor((projector.numpy() / math.sqrt(FEATURES)).astype(np.float32).astype(np.float64))
    extra = {"projector.weight": projector, "projector.bias": torch.zeros(width)}
    random = Random(SEED, 0x6B657973)
    count = CLASSES * keys
    queue_h = F.normalize(random.normal((FEATURES + 1) * count).reshape(FEATURES + 1, count), dim=0)
    queue_z = F.normalize(random.normal(width * count).reshape(width, count), dim=0)
    pointer = [0] * CLASSES
    running = Running()
    encoder = {name: value.clone() for name, value in {**weights, **extra}.items()}

    def encode(w, f):
        z = F.normalize(f @ w["projector.weight"].T + w["projector.bias"], dim=1)
        h = F.normalize(torch.cat([f, torch.ones(len(f), 1)], dim=1), dim=1)
        return z, h

    def contrast(own, others):
        logits = F.log_softmax(torch.cat([own[:, None], others], dim=1) / temperature, dim=1)
        target = torch.zeros_like(logits)
        target[:, 0] = 1 / (keys + 1)
        for row, label in enumerate(y.tolist()):
            target[row, 1 + label * keys : 1 + (label + 1) * keys] = 1 / (keys + 1)
        return F.kl_div(logits, target, reduction="batchmean")

    def loss(w, _):
        nonlocal queue_h, queue_z
        with torch.no_grad():
            for name in encoder:
                encoder[name] = momentum * encoder[name] + (1 - momentum) * w[name]
            key_stats = Running()
            key_stats.mean, key_stats.variance = running.mean, running.variance
            z_key, h_key = encode(encoder, forward(encoder, x, key_stats, "running")[1])
        f = forward(w, x, running, "batch")[1]
        z, h = encode(w, f)
        projector_loss = contrast((z * z_key).sum(1), z @ queue_z)
        queue_h, queue_z = queue_h.clone(), queue_z.clone()
        for row, label in enumerate(y.tolist()):
            place = label * keys + pointer[label]
            queue_h[:, place], queue_z[:, place] = h_key[row], z_key[row]
            pointer[label] = (pointer[label] + 1) % keys
        head_w = torch.cat([w["ranktune.head.weight"], w["ranktune.head.bias"][:, None]], dim=1).detach()
        head_w = F.normalize(head_w, dim=1)
        classifier_loss = contrast((h * head_w[y]).sum(1), (head_w @ queue_h)[y])
        return F.cross_entropy(head(w, f), y) + projector_loss + classifier_loss

    return run(loss, weights, extra)


def lora(weights, x, y, rank=2, alpha=3.0):
    """The reparametrisation of `loralib`, on the one 1x1 convolution. Seen before the source classifier: stream 1."""
    random = Random(SEED, 0x6C6F7261 + 1)
    right = random.uniform(rank * FEATURES, 1 / math.sqrt(FEATURES)).reshape(rank, FEATURES)
    extra = {"left": torch.zeros(FEATURES, rank), "right": right}
    scale = alpha / rank

    def merged(w):
        change = scale * (w["left"] @ w["right"])
        return {**w, "mix.weight": w["mix.weight"] + change[:, :, None, None]}

    loss = lambda w, _: F.cross_entropy(head(w, forward(merged(w), x, Running(), "running")[1]), y)
    trained = lambda name: name in ("left", "right") or name.startswith("ranktune.head")
    steps = run(loss, weights, extra, trained=trained)
    # What the crate writes is the merged weight, so its change stands for a gradient.
    before = weights["mix.weight"]
    for step in steps:
        after = merged(step["live"])["mix.weight"]
        step["gradients"] = {name: g for name, g in step["gradients"].items() if name.startswith("ranktune.head")}
        step["gradients"]["mix.weight"] = (before - after) / RATE
        before = after
    return steps


def main():
    weights, x, y = start()
    plain = lambda tensor: [float(np.float32(value)) for value in tensor.flatten().tolist()]
    methods = [fine_tune, stoch_norm, delta, co_tuning, bi_tuning, lora]
    document = {
        "weights": {name: plain(value) for name, value in weights.items()},
        "x": plain(x),
        "rate": RATE,
        "seed": SEED,
        "methods": {
            method.__name__.replace("_", "-"): [
                {
                    "loss": step["loss"],
                    "gradients": {
                        name: [float(f"{value:.9g}") for value in gradient.flatten().tolist()]
                        for name, gradient in step["gradients"].items()
                        if not name.startswith("projector") and name in weights
                    },
                }
                for step in method(weights, x, y)
            ]
            for method in methods
        },
    }
    OUT.write_text(json.dumps(document))
    print(OUT, OUT.stat().st_size)


if __name__ == "__main__":
    main()
