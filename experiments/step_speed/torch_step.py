"""Seconds of a training step in PyTorch: forward, backward and a plain SGD update, with batch statistics; or, with --evaluate, of a
forward pass.

    python torch_step.py MODEL.onnx|timm:NAME [--size 128] [--batch 32] [--steps 5] [--threads 2] [--channels-last]
        [--device cuda] [--evaluate] [--export FILE.onnx]

The graph's nodes run as PyTorch's own functions; activations behind a normalization are in place, as in models written for PyTorch,
and x·sigmoid(x) is one function. `timm:NAME` is timm's model with random weights, which --export writes as ONNX.
"""

import argparse
import resource
import time

import numpy
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper


TRAINING = True


class Model(torch.nn.Module):
    """An ONNX graph of convolutions, as a module."""

    def __init__(self, path):
        super().__init__()
        graph = onnx.load(path).graph
        self.nodes, self.values = [], {}
        tensors = {one.name: torch.from_numpy(numpy_helper.to_array(one).copy()) for one in graph.initializer}
        statistics = {name for node in graph.node if node.op_type == "BatchNormalization" for name in node.input[3:5]}
        for name, tensor in tensors.items():
            if not tensor.is_floating_point():
                self.values[name] = tensor
            elif name in statistics:
                self.register_buffer(name.replace(".", "__"), tensor)
            else:
                self.register_parameter(name.replace(".", "__"), torch.nn.Parameter(tensor))
        for node in graph.node:
            attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
            if node.op_type == "Constant":
                self.values[node.output[0]] = torch.from_numpy(numpy_helper.to_array(attributes["value"]).copy())
            else:
                self.nodes.append((node.op_type, list(node.input), list(node.output), attributes))
        self.fuse_silu()
        self.input = [one.name for one in graph.input if one.name not in tensors][0]
        self.output = graph.output[0].name
        self.last = {name: position for position, (_, inputs, _, _) in enumerate(self.nodes) for name in inputs}

    def fuse_silu(self):
        """Puts SiLU in the place of a Mul of x by Sigmoid(x)."""
        sigmoids = {outputs[0]: inputs[0] for op, inputs, outputs, _ in self.nodes if op == "Sigmoid"}
        fused = set()
        for position, (op, inputs, outputs, attributes) in enumerate(self.nodes):
            for x, weight in (inputs, inputs[::-1]) if op == "Mul" else ():
                if sigmoids.get(weight) == x:
                    self.nodes[position] = ("Silu", [x], outputs, attributes)
                    fused.add(weight)
        taken = {name for _, inputs, _, _ in self.nodes for name in inputs}
        self.nodes = [node for node in self.nodes if node[2][0] not in fused - taken]

    def forward(self, x):
        values = {self.input: x}

        def get(name):
            if name in values:
                return values[name]
            return self.values[name] if name in self.values else getattr(self, name.replace(".", "__"))

        for position, (op, inputs, outputs, attributes) in enumerate(self.nodes):
            given = [get(name) if name else None for name in inputs]
            values[outputs[0]] = apply(op, given, attributes)
            for name in inputs:
                if name in values and self.last[name] == position:
                    del values[name]
        return values[self.output]


def padded(x, pads, value=0.0):
    half = len(pads) // 2
    flat = [pad for axis in reversed(range(half)) for pad in (pads[axis], pads[axis + half])]
    return F.pad(x, flat, value=value)


def apply(op, given, attributes):
    x = given[0]
    if op == "Conv":
        pads = attributes.get("pads", [0, 0, 0, 0])
        even = pads[0] == pads[2] and pads[1] == pads[3]
        if not even:
            x = padded(x, pads)
        return F.conv2d(
            x, given[1], given[2] if len(given) > 2 else None, stride=attributes.get("strides", 1),
            padding=pads[:2] if even else 0, dilation=attributes.get("dilations", 1), groups=attributes.get("group", 1),
        )
    if op == "BatchNormalization":
        scale, bias, mean, variance = given[1:]
        return F.batch_norm(x, mean, variance, scale, bias, TRAINING, 1 - attributes.get("momentum", 0.9), attributes.get("epsilon", 1e-5))
    if op == "Relu":
        return F.relu_(x)
    if op == "Clip":
        return F.hardtanh_(x, float(given[1]), float(given[2]))
    if op == "Add":
        return x + given[1]
    if op == "Mul":
        return x * given[1]
    if op == "Silu":
        return F.silu(x)
    if op == "Sigmoid":
        return torch.sigmoid(x)
    if op == "MaxPool":
        pads = attributes.get("pads", [0, 0, 0, 0])
        return F.max_pool2d(x, attributes["kernel_shape"], attributes["strides"], pads[:2], ceil_mode=bool(attributes.get("ceil_mode", 0)))
    if op == "GlobalAveragePool":
        return F.adaptive_avg_pool2d(x, 1)
    if op == "Flatten":
        return torch.flatten(x, 1)
    if op == "Gemm":
        return F.linear(x, given[1] if attributes.get("transB") else given[1].t(), given[2])
    raise SystemExit(f"{op} is not known to this script")


def timm_model(options):
    import timm

    name = options.model.removeprefix("timm:")
    try:
        return timm.create_model(name, num_classes=10, img_size=options.size)
    except TypeError:  # Its size is not fixed.
        return timm.create_model(name, num_classes=10)


def export(model, options):
    torch.onnx.export(
        model.eval(), torch.randn(2, 3, options.size, options.size), options.export, input_names=["x"], output_names=["logits"],
        dynamic_axes={"x": {0: "batch"}, "logits": {0: "batch"}}, opset_version=17, dynamo=False,
        training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--evaluate", action="store_true")
    parser.add_argument("--export")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    global TRAINING
    TRAINING = not options.evaluate
    if options.export:
        return export(timm_model(options), options)
    if options.model.startswith("timm:"):
        model = timm_model(options).to(options.device).train(TRAINING)
    else:
        model = Model(options.model).to(options.device)
        model.values = {name: value.to(options.device) if value.dim() else value for name, value in model.values.items()}
    images = torch.rand(options.batch, 3, options.size, options.size) * 2 - 1
    x = images.to(options.device)
    if options.channels_last:
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    seconds, processor = [], []
    for _ in range(options.steps + 1):
        start, used = time.perf_counter(), time.process_time()
        if options.device != "cpu":  # the batch comes from the host, as in training
            x = images.to(options.device)
            if options.channels_last:
                x = x.to(memory_format=torch.channels_last)
        if options.evaluate:
            with torch.no_grad():
                loss = model(x).cpu().mean()
        else:
            optimizer.zero_grad(set_to_none=True)
            output = model(x)
            loss = (output**2).mean()
            loss.backward()
            optimizer.step()
        if options.device != "cpu":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    counted, used = sorted(seconds[1:]), sorted(processor[1:])
    print(f"median {counted[len(counted) // 2]:.3f} fastest {counted[0]:.3f} processor {used[0]:.3f} MiB {peak:.0f} loss {loss.item():.6f}")


if __name__ == "__main__":
    numpy.seterr(all="ignore")
    main()
