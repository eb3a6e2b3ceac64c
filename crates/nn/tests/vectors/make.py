"""Small random networks as ONNX, with what PyTorch computes for them.

    pip install numpy onnx safetensors torch
    python make.py

For each network it writes NAME/model.onnx and NAME/reference.safetensors beside this script, laid out as those of
experiments/architectures/export.py: inputs (`input.<name>`), `output`, `loss` (half the mean of the squared output) and the
gradients of the loss (`grad.<parameter>`) in evaluation mode; with batch normalization the same in training mode (`train.…`)
and the running statistics after that pass. The networks are small and hold one of each kind of operator that real ones have.
"""

import pathlib

import numpy
import onnx
import torch
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional

HERE = pathlib.Path(__file__).parent
BATCH = 3


class Convolutional(nn.Module):
    """Strided, depthwise, grouped and pointwise convolutions, batch normalization, squeeze-and-excitation, a residual, pooling."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 5, padding=2, groups=8, bias=False)
        self.depthwise_norm = nn.BatchNorm2d(8)
        self.squeeze = nn.Conv2d(8, 4, 1)
        self.excite = nn.Conv2d(4, 8, 1)
        self.project = nn.Conv2d(8, 8, 1, bias=False)
        self.project_norm = nn.BatchNorm2d(8)
        self.grouped = nn.Conv2d(8, 12, 3, stride=2, groups=4, dilation=2, padding=2)
        self.head = nn.Linear(12, 5)

    def forward(self, pixel_values):
        x = functional.relu(self.stem_norm(self.stem(pixel_values)))
        y = functional.hardswish(self.depthwise_norm(self.depthwise(x)))
        gate = self.excite(functional.relu(self.squeeze(y.mean((2, 3), keepdim=True))))
        x = x + self.project_norm(self.project(y * functional.hardsigmoid(gate)))
        x = functional.max_pool2d(functional.silu(self.grouped(x)), 3, 1, 1)
        return self.head(functional.adaptive_avg_pool2d(x, 1).flatten(1))


class Encoder(nn.Module):
    """Embeddings, attention under a mask, layer normalization, GELU."""

    def __init__(self, width=16, heads=4):
        super().__init__()
        self.heads = heads
        self.tokens = nn.Parameter(torch.randn(40, width))
        self.positions = nn.Parameter(0.2 * torch.randn(12, width))
        self.query, self.key, self.value, self.output = (nn.Conv1d(width, width, 1) for _ in range(4))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.inner, self.outer = nn.Conv1d(width, 2 * width, 1), nn.Conv1d(2 * width, width, 1)

    def split(self, x):
        n, width, length = x.shape
        return x.reshape(n, self.heads, width // self.heads, length)

    def forward(self, input_ids, attention_mask):
        x = self.tokens[input_ids] + self.positions[: input_ids.shape[1]]
        y = x.transpose(1, 2)
        query, key, value = (self.split(layer(y)) for layer in (self.query, self.key, self.value))
        scores = query.transpose(2, 3) @ key / key.shape[2] ** 0.5
        scores = scores + (1.0 - attention_mask[:, None, None, :].float()) * -10000.0
        mixed = value @ scores.softmax(-1).transpose(2, 3)
        x = self.norms[0](x + self.output(mixed.flatten(1, 2)).transpose(1, 2))
        y = self.outer(functional.gelu(self.inner(x.transpose(1, 2))))
        return self.norms[1](x + y.transpose(1, 2))


class Mixed(nn.Module):
    """What other vision networks have: group normalization, splits and concatenations, upsampling, transposed convolutions, powers."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, stride=4)
        self.norm = nn.GroupNorm(2, 8)
        self.left, self.right = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, (1, 5), padding=(0, 2))
        self.up = nn.ConvTranspose2d(8, 6, 2, stride=2)
        # One number outside of every module is a constant of the network, which is not trained.
        self.register_buffer("exponent", torch.tensor([2.0]))
        self.head = nn.Linear(14, 4)

    def forward(self, pixel_values):
        x = functional.elu(self.norm(self.stem(pixel_values)))
        left, right = x.chunk(2, dim=1)
        x = torch.cat([torch.tanh(self.left(left)), functional.leaky_relu(self.right(right), 0.2)], dim=1)
        fine = self.up(x)
        coarse = functional.interpolate(x, scale_factor=2.0, mode="nearest")
        x = functional.softplus(functional.pad(torch.cat([fine, coarse], dim=1), (1, 0, 0, 1)))
        x = functional.avg_pool2d(x, 2)
        pooled = x.clamp(min=1e-3).pow(self.exponent.abs()).mean((2, 3))
        return functional.log_softmax(self.head(pooled.sqrt()), dim=-1)


def images(size):
    return {"pixel_values": torch.randn(BATCH, 3, size, size)}


def sentences():
    mask = torch.ones(BATCH, 9, dtype=torch.int64)
    mask[1, 6:] = 0
    return {"input_ids": torch.randint(1, 40, (BATCH, 9)), "attention_mask": mask}


NETWORKS = {
    "convolutional": (Convolutional, lambda: images(16)),
    "encoder": (Encoder, sentences),
    "mixed": (Mixed, lambda: images(16)),
}


def norms_of(model):
    return {name: module for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)}


def randomize(model):
    """Scales, shifts and running statistics that are nowhere equal or zero, so that no gradient vanishes by accident."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1 and parameter.numel() > 1:
                parameter.add_(0.1 * torch.randn(parameter.shape))
        for module in norms_of(model).values():
            module.running_mean.copy_(0.1 * torch.randn(module.running_mean.shape))
            module.running_var.copy_(1 + 0.2 * torch.rand(module.running_var.shape))


def measure(model, inputs, prefix, known):
    model.zero_grad(set_to_none=True)
    output = model(*inputs.values())
    loss = (output.double() ** 2).mean() / 2
    loss.backward()
    found = {f"{prefix}output": output.detach().numpy(), f"{prefix}loss": numpy.array([loss.item()], dtype=numpy.float32)}
    for name, parameter in model.named_parameters():
        if name in known and numpy.array_equal(known[name], parameter.detach().numpy()):
            found[f"{prefix}grad.{name}"] = parameter.grad.numpy()
    return found


def make(name, build, feed):
    torch.manual_seed(0)
    model = build().eval()
    randomize(model)
    inputs = feed()
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    axes = {one: {0: "batch", 1: "sequence"} if tensor.ndim == 2 else {0: "batch"} for one, tensor in inputs.items()}
    torch.onnx.export(
        model, tuple(inputs.values()), folder / "model.onnx", input_names=list(inputs), output_names=["logits"],
        dynamic_axes={**axes, "logits": {0: "batch"}}, opset_version=17, training=torch.onnx.TrainingMode.PRESERVE, dynamo=False,
    )  # fmt: skip
    known = {one.name: onnx.numpy_helper.to_array(one) for one in onnx.load(folder / "model.onnx").graph.initializer}
    found = {f"input.{one}": tensor.numpy() for one, tensor in inputs.items()}
    found |= measure(model, inputs, "", known)
    norms = norms_of(model)
    if norms:
        for module in norms.values():
            module.train()
        found |= measure(model, inputs, "train.", known)
        for one, module in norms.items():
            found[f"train.running_mean.{one}"] = module.running_mean.numpy()
            found[f"train.running_var.{one}"] = module.running_var.numpy()
    left_out = [one for one, _ in model.named_parameters() if f"grad.{one}" not in found]
    print(f"{name}: {sum(key.startswith('grad.') for key in found)} gradients, none for {left_out}")
    made = {"made with": f"PyTorch {torch.__version__}"}
    save_file({key: numpy.ascontiguousarray(value) for key, value in found.items()}, folder / "reference.safetensors", made)


for name, (build, feed) in NETWORKS.items():
    make(name, build, feed)
