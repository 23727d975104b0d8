"""PyTorch: eager with channels-last images, and compiled with frozen weights. Gradients
are eager, with images channels-last or channels-first, whichever is faster."""

# torch comes in the extra `compare` alone, without types that pyright could check
# pyright: basic, reportMissingImports=false

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import singledispatch

import torch
from torch import nn

from brdialect.arrays import Array
from frontends.resnet50 import Bottleneck, Unit
from runtime.cli.bench.gradients import Gradients, RecurrentGradients
from runtime.cli.bench.peers.prepared import Prepared, best_seconds
from runtime.cli.bench.training import OPTIMIZER, TrainingStep
from runtime.cli.bench.workloads import (
    Convolution,
    DepthwiseBlock,
    Forward,
    FullyConnected,
    Gemm,
    Mlp,
    Recurrent,
    RecurrentStack,
    WholeResNet50,
    Workload,
)


def prepare(workload: Workload, inputs: Mapping[str, Array], threads: int) -> Prepared:
    """Eager."""
    if isinstance(workload, Gradients | RecurrentGradients | TrainingStep):
        torch.set_num_threads(threads)
        torch.set_grad_enabled(True)
        tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
        return min(ways(workload, tensors), key=lambda way: best_seconds(way.run))
    return _prepare(workload, inputs, threads, compiled=False)


def prepare_compiled(
    workload: Workload, inputs: Mapping[str, Array], threads: int
) -> Prepared:
    """torch.compile; freezing lets it fold batch-norms and pack weights. By default it
    leaves recurrent layers to eager; told not to, it unrolls a GRU for minutes."""
    if not isinstance(workload, Forward):
        raise NotImplementedError("torch.compile is compared with forward only")
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
    return Prepared(run, lambda: [plain(latest[0])])


def plain(x: torch.Tensor) -> Array:
    """A copy in the plain layout."""
    return x.detach().contiguous().numpy().copy()


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
def _(workload: Mlp, tensors: Mapping[str, torch.Tensor]):
    layers: list[nn.Module] = []
    for i in range(workload.layers):
        layers += [nn.Linear(workload.c, workload.c), nn.ReLU()]
        layers[-2].weight.copy_(tensors[f"w{i}"])
        layers[-2].bias.copy_(tensors[f"b{i}"])
    return nn.Sequential(*layers)


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
    weights = [tensors[name] for name in workload.weights]
    return _recurrent(workload, 1, weights)


@module_of.register
def _(workload: RecurrentStack, tensors: Mapping[str, torch.Tensor]):
    weights = [tensors[name] for name in workload.weights]
    return _recurrent(workload.layer, workload.layers, weights)


_GATES = {"lstm": "ifco", "gru": "rzh"}
"""In PyTorch's order."""


def _recurrent(layer: Recurrent, layers: int, weights: Sequence[torch.Tensor]):
    """Layers [c, k] one after another, from the weights of each: w, r, b, rb."""
    kind = {"lstm": nn.LSTM, "gru": nn.GRU}[layer.cell]
    made = kind(layer.c, layer.k, num_layers=layers)
    for theirs, weight in zip(made.parameters(), weights, strict=True):
        ordered = layer.reordered(weight.numpy(), _GATES[layer.cell])
        theirs.copy_(torch.from_numpy(ordered[0]))
    return _HiddenStates(made)


def _restored(layer: Recurrent, weight: torch.Tensor) -> Array:
    """What belongs to a weight, in the plain layout."""
    return layer.reordered(plain(weight)[None], _GATES[layer.cell], back=True)


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
        if (given := tensors.get(f"{unit.norm}.{name}")) is not None:
            getattr(norm, name).copy_(given)
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


def ways(
    workload: Gradients | RecurrentGradients | TrainingStep,
    tensors: Mapping[str, torch.Tensor],
) -> list[Prepared]:
    """Different ways to the gradients, or to a step of training."""
    if isinstance(workload, TrainingStep):
        images = isinstance(workload.forward, WholeResNet50)
        formats = (torch.channels_last, torch.contiguous_format)[: 1 + images]
        return [step_in_format(workload, tensors, f) for f in formats]
    if isinstance(workload, RecurrentGradients):
        return [_of_recurrent(workload, tensors)]
    match workload.forward:
        case Convolution():
            formats = (torch.channels_last, torch.contiguous_format)
            return [_of_convolution(workload, tensors, f) for f in formats]
        case FullyConnected():
            return [_of_linear(workload, tensors)]
        case Mlp():
            return [_of_module(workload, tensors)]


def _prepared(function: Callable[[], Sequence[torch.Tensor]]) -> Prepared:
    latest: list[torch.Tensor] = []

    def run() -> None:
        latest[:] = function()

    return Prepared(run, lambda: [plain(x) for x in latest])


def _of_convolution(
    workload: Gradients,
    tensors: Mapping[str, torch.Tensor],
    format_: torch.memory_format,
) -> Prepared:
    forward = workload.forward
    assert isinstance(forward, Convolution)
    placed = {
        name: tensors.get(name, torch.zeros(shape)).to(memory_format=format_)
        for name, shape in {**forward.shapes(), "dy": forward.result}.items()
    }
    operands = [placed[name] for name in ("dy", "x", "w")]
    settings = (
        [forward.sh, forward.sw],
        [forward.ph, forward.pw],
        [forward.dh, forward.dw],
    )
    wanted = [name in workload.wrt for name in ("x", "w")]

    def run() -> Sequence[torch.Tensor]:
        found = torch.ops.aten.convolution_backward(
            *operands, None, *settings, False, [0, 0], forward.g, [*wanted, False]
        )
        return [x for x, is_wanted in zip(found, wanted, strict=False) if is_wanted]

    return _prepared(run)


def _of_linear(workload: Gradients, tensors: Mapping[str, torch.Tensor]) -> Prepared:
    dy = tensors["dy"]
    products = {"x": lambda: dy @ tensors["w"], "w": lambda: dy.t() @ tensors["x"]}
    return _prepared(lambda: [products[name]() for name in workload.wrt])


def _of_module(workload: Gradients, tensors: Mapping[str, torch.Tensor]) -> Prepared:
    with torch.no_grad():
        module = module_of(workload.forward, tensors)
    assert isinstance(module, nn.Module)
    parameters = list(module.parameters())
    x, dy = tensors["x"], tensors["dy"]
    return _prepared(lambda: torch.autograd.grad(module(x), parameters, dy))


def _of_recurrent(
    workload: RecurrentGradients, tensors: Mapping[str, torch.Tensor]
) -> Prepared:
    layer = workload.forward
    with torch.no_grad():
        module = module_of(layer, tensors)
    x = tensors["x"].requires_grad_(True)
    y, wanted = module(x), [x, *module.parameters()]
    latest: list[torch.Tensor] = []

    def run() -> None:
        latest[:] = torch.autograd.grad(y, wanted, tensors["dy"], retain_graph=True)

    def outputs() -> list[Array]:
        dx, *others = latest
        return [plain(dx), *(_restored(layer, weight) for weight in others)]

    return Prepared(run, outputs)


def step_in_format(
    workload: TrainingStep,
    tensors: Mapping[str, torch.Tensor],
    format_: torch.memory_format,
) -> Prepared:
    """Steps go on from each other, which changes numbers only; the results are those of
    the first one."""
    with torch.no_grad():
        module = module_of(workload.forward, tensors)
    assert isinstance(module, nn.Module)
    module = module.train()
    x, wanted = tensors["x"], tensors["wanted"]
    if x.dim() == 4:
        module.to(memory_format=format_)
        x = x.to(memory_format=format_)
    parameters = list(module.parameters())
    optimizer = torch.optim.SGD(parameters, OPTIMIZER.rate, momentum=OPTIMIZER.momentum)

    loss_of = {
        "cross-entropy": nn.functional.cross_entropy,
        "mean-squared-error": nn.functional.mse_loss,
    }[workload.loss]

    def run() -> torch.Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(module(x), wanted)
        loss.backward()
        optimizer.step()
        return loss

    loss = run()
    moments = [optimizer.state[p]["momentum_buffer"] for p in parameters]
    learnt = [*parameters, *moments]
    if isinstance(workload.forward, RecurrentStack):
        first = [plain(loss), *(_restored(workload.forward.layer, w) for w in learnt)]
    else:
        first = [plain(x) for x in (loss, *learnt)]
    return Prepared(run, lambda: first)
