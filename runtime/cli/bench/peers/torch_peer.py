"""PyTorch: eager with channels-last images, and compiled with frozen weights."""

# torch comes in the extra `compare` alone, without types that pyright could check
# pyright: basic, reportMissingImports=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import singledispatch

import torch
from torch import nn

from brdialect.arrays import Array
from frontends.resnet50 import Bottleneck, Unit
from runtime.cli.bench.peers.prepared import Prepared
from runtime.cli.bench.workloads import (
    Convolution,
    DepthwiseBlock,
    FullyConnected,
    Gemm,
    Recurrent,
    WholeResNet50,
    Workload,
)


def prepare(workload: Workload, inputs: Mapping[str, Array], threads: int) -> Prepared:
    """Eager."""
    return _prepare(workload, inputs, threads, compiled=False)


def prepare_compiled(
    workload: Workload, inputs: Mapping[str, Array], threads: int
) -> Prepared:
    """torch.compile; freezing lets it fold batch-norms and pack weights. By default it
    leaves recurrent layers to eager; told not to, it unrolls a GRU for minutes."""
    if isinstance(workload, Recurrent):
        raise NotImplementedError("torch.compile leaves recurrent layers to eager")
    return _prepare(workload, inputs, threads, compiled=True)


def _prepare(
    workload: Workload, inputs: Mapping[str, Array], threads: int, compiled: bool
) -> Prepared:
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
    function = module_of(workload, tensors)
    free = [_placed(tensors[n]) for n in inputs if n not in workload.weights]
    if isinstance(function, nn.Module):
        function = function.eval().to(memory_format=torch.channels_last)
    if compiled:
        import torch._inductor.config as inductor

        inductor.freezing = True
        torch._dynamo.reset()
        function = torch.compile(function)
    latest: list[torch.Tensor] = []

    def run() -> None:
        latest[:] = [function(*free)]

    run()
    return Prepared(run, lambda: latest[0].contiguous().numpy().copy())


def _placed(x: torch.Tensor) -> torch.Tensor:
    return x.to(memory_format=torch.channels_last) if x.dim() == 4 else x


def _convolution(
    weight: torch.Tensor, bias: torch.Tensor | None = None, **settings
) -> nn.Conv2d:
    out, inputs, *window = weight.shape
    groups = settings.get("groups", 1)
    made = nn.Conv2d(inputs * groups, out, window, bias=bias is not None, **settings)
    made.weight.copy_(weight)
    if bias is not None:
        made.bias.copy_(bias)
    return made


@singledispatch
def module_of(
    workload: Workload, tensors: Mapping[str, torch.Tensor]
) -> Callable[..., torch.Tensor]:
    """A module or function of the inputs that change from call to call."""
    raise NotImplementedError(type(workload).__name__)


@module_of.register
def _(workload: Convolution, tensors: Mapping[str, torch.Tensor]):
    return _convolution(
        tensors["w"],
        stride=(workload.sh, workload.sw),
        padding=(workload.ph, workload.pw),
        dilation=(workload.dh, workload.dw),
        groups=workload.g,
    )


@module_of.register
def _(workload: FullyConnected, tensors: Mapping[str, torch.Tensor]):
    layer = nn.Linear(workload.c, workload.k, bias=False)
    layer.weight.copy_(tensors["w"])
    return layer


@module_of.register
def _(workload: Gemm, tensors: Mapping[str, torch.Tensor]):
    result = torch.empty(workload.m, workload.n)
    return lambda a, b: torch.mm(a, b, out=result)


class _HiddenStates(nn.Module):
    """A recurrent layer without its final states."""

    def __init__(self, layer: nn.RNNBase):
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)[0]


@module_of.register
def _(workload: Recurrent, tensors: Mapping[str, torch.Tensor]):
    if workload.cell == "lstm":
        layer, order = nn.LSTM(workload.c, workload.k), "ifco"
    else:
        layer, order = nn.GRU(workload.c, workload.k), "rzh"
    names = {"w": "weight_ih", "r": "weight_hh", "b": "bias_ih", "rb": "bias_hh"}
    for name, theirs in names.items():
        ordered = workload.reordered(tensors[name].numpy(), order)[0]
        getattr(layer, f"{theirs}_l0").copy_(torch.from_numpy(ordered))
    return _HiddenStates(layer)


@module_of.register
def _(workload: DepthwiseBlock, tensors: Mapping[str, torch.Tensor]):
    return nn.Sequential(
        _convolution(
            tensors["w0"],
            tensors["b0"],
            stride=workload.stride,
            padding=1,
            groups=workload.c,
        ),
        nn.ReLU6(),
        _convolution(tensors["w1"], tensors["b1"]),
        nn.ReLU6(),
    )


class _Block(nn.Module):
    """Convolutions, and a way around them."""

    def __init__(self, block: Bottleneck, tensors: Mapping[str, torch.Tensor]):
        super().__init__()
        first, second, third = (_unit(u, tensors) for u in block.path)
        self.path = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third)
        shortcut = block.shortcut
        self.shortcut = nn.Identity() if shortcut is None else _unit(shortcut, tensors)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.path(x) + self.shortcut(x))


def _unit(unit: Unit, tensors: Mapping[str, torch.Tensor]) -> nn.Sequential:
    weight = tensors[f"{unit.convolution}.weight"]
    pad = unit.weight[2] // 2
    norm = nn.BatchNorm2d(weight.shape[0])
    for name in ("weight", "bias", "running_mean", "running_var"):
        getattr(norm, name).copy_(tensors[f"{unit.norm}.{name}"])
    return nn.Sequential(_convolution(weight, stride=unit.stride, padding=pad), norm)


@module_of.register
def _(workload: WholeResNet50, tensors: Mapping[str, torch.Tensor]):
    network = workload.network
    last = nn.Linear(*reversed(tensors["fc.weight"].shape))
    last.weight.copy_(tensors["fc.weight"])
    last.bias.copy_(tensors["fc.bias"])
    return nn.Sequential(
        _unit(network.stem, tensors),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        *(_Block(block, tensors) for block in network.bottlenecks()),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        last,
    )
