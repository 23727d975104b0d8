"""This compiler's side of a comparison: a workload compiled, with its memory in place.

What the timed call finds in the compiler's own layout, and what it does not:

| workload | weights | activations in and out |
|---|---|---|
| convolutions, depthwise blocks | packed ahead | [n, h, w, c] |
| gradients of a convolution | packed ahead; dw is [r, s, c, k] | [n, h, w, c] |
| gradients of a linear layer | packed ahead; dw is [k, c] | row-major |
| fully connected, MLP | packed ahead | row-major |
| recurrent layers, their gradients | packed ahead | [t, n, c] and [t, n, k] |
| GEMM | both operands row-major, packed in the call | row-major |
| ResNet-50 | packed ahead | image [n, c, h, w], logits row-major |
| models in files | packed ahead | as the file says |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import singledispatch
from pathlib import Path

import numpy as np
from xdsl.builder import Builder as OpBuilder
from xdsl.context import Context
from xdsl.dialects import arith
from xdsl.dialects.builtin import ModuleOp, StringAttr, f32
from xdsl.ir import SSAValue

from brdialect.arrays import Array
from brdialect.recurrent_ops import GruOp, LstmOp
from brdialect.reference import find_entry
from frontends.linalg_builder import Builder
from passes.gradients.differentiate import BACKWARD, FORWARD, DifferentiatePass
from passes.training.add_training_step import STEP, AddTrainingStepPass
from runtime.arguments import aligned_empty
from runtime.cli.bench.gradients import Gradients, RecurrentGradients
from runtime.cli.bench.onnx_file import OnnxFile, joined
from runtime.cli.bench.peers.prepared import Prepared
from runtime.cli.bench.training import MOMENTUM, OPTIMIZER, TrainingStep
from runtime.cli.bench.workloads import (
    Convolution,
    DepthwiseBlock,
    FullyConnected,
    Gemm,
    Mlp,
    Recurrent,
    RecurrentStack,
    Shape,
    WholeResNet50,
    Workload,
)
from runtime.compiler import compile
from runtime.host import host_target
from runtime.model import Model, Request
from runtime.panels import fill_panels, out_of_panels

_CHANNELS_LAST = (0, 2, 3, 1)
_WINDOW_FIRST = (2, 3, 1, 0)


@dataclass(frozen=True)
class Source:
    """A program whose arguments are a workload's inputs, in their order."""

    module: ModuleOp
    orders: Mapping[str, Sequence[int]] = field(
        default_factory=dict[str, Sequence[int]]
    )
    """Inputs and results, by name, whose dimensions have another order here."""

    ahead: ModuleOp | None = None
    """What runs before the timed call: from all inputs but the last. Its results, but
    the first, are arguments, too, before the last one."""


class BoundCall:
    """Calling it does the workload's work once, on memory that is there before."""

    def __init__(self, workload: Workload, threads: int, inputs: Mapping[str, Array]):
        source = program(workload)
        self.inputs = dict(inputs)
        """Plain-layout arrays."""
        own = {
            name: a.transpose(source.orders[name]) if name in source.orders else a
            for name, a in self.inputs.items()
        }
        if source.ahead is not None:
            *given, last = own.items()
            _, *saved = compile(source.ahead, threads=threads)(*dict(given).values())
            kept = {f"saved {i}": array for i, array in enumerate(saved)}
            own = {**dict(given), **kept, last[0]: last[1]}
        weights = workload.weights
        numbered = list(enumerate(own.items()))
        compiled = compile(
            source.module,
            threads=threads,
            constants={
                i: np.ascontiguousarray(a)
                for i, (name, a) in numbered
                if name in weights
            },
        )
        free = [a for name, a in own.items() if name not in weights]
        self._arguments = [aligned_copy(a) for a in free]
        executable = compiled.executable(tuple(a.shape for a in self._arguments))
        arrays = executable.results(self._arguments)
        self._results = dict(zip(workload.results, arrays, strict=True))
        self._orders = source.orders
        workspace = executable.workspace(self._arguments)
        self._call = executable.bind(self._arguments, arrays, workspace)

    def __call__(self) -> None:
        self._call()

    def output(self) -> dict[str, Array]:
        """The plain-layout results of the latest call, by name."""
        found: dict[str, Array] = {}
        for name, array in self._results.items():
            found[name] = in_order(array, self._orders.get(name))
        return found


class StepCall:
    """Calling it does one training step after the other, on state that lies where and
    how the code wants it. They go on from each other, which changes numbers only."""

    def __init__(self, workload: Workload, threads: int, inputs: Mapping[str, Array]):
        self.inputs = dict(inputs)
        """Plain-layout arrays."""
        source = program(workload)
        orders = source.orders
        given = [
            a.transpose(orders.get(name, range(a.ndim))) for name, a in inputs.items()
        ]
        request = Request(source.module, None, host_target(threads), state=True)
        executable = Model(request).executable(tuple(a.shape for a in given))
        arguments = [aligned_copy(a) for a in given]
        results = executable.results(arguments)
        for state in executable.state:
            array = arguments[state.argument]
            fill_panels(array, given[state.argument], state.panels)
            results[state.result] = array
        workspace = executable.workspace(arguments)
        self._call = executable.bind(arguments, results, workspace)
        self._call()
        panels = {state.result: state.panels for state in executable.state}
        named = zip(workload.results, results, strict=True)
        self._first = {
            name: in_order(out_of_panels(array, panels.get(i)), orders.get(name))
            for i, (name, array) in enumerate(named)
        }

    def __call__(self) -> None:
        self._call()

    def output(self) -> dict[str, Array]:
        """The plain-layout results of the first step, by name."""
        return self._first


def in_order(array: Array, order: Sequence[int] | None) -> Array:
    """An array whose dimensions had another order, in their own."""
    back = array if order is None else array.transpose(np.argsort(order))
    return np.array(back, order="C")


def call_of(
    workload: Workload, threads: int, inputs: Mapping[str, Array]
) -> BoundCall | StepCall:
    """What does a workload's work when it is called."""
    kind = StepCall if isinstance(workload, TrainingStep) else BoundCall
    return kind(workload, threads, inputs)


def aligned_copy(array: Array) -> Array:
    """A contiguous copy at the beginning of a cache line."""
    copy = aligned_empty(array.shape, array.dtype, "an input")
    copy[...] = array
    return copy


def prepare(workload: Workload, inputs: Mapping[str, Array], threads: int) -> Prepared:
    """The compiler as one contestant among others."""
    if isinstance(workload, OnnxFile):
        return prepare_file(workload, inputs, threads)
    call = call_of(workload, threads, inputs)
    return Prepared(call, lambda: list(call.output().values()))


def prepare_file(
    workload: OnnxFile, inputs: Mapping[str, Array], threads: int
) -> Prepared:
    """The same for a model in a file."""
    compiled = compile(Path(workload.path), threads=threads)
    arrays = [aligned_copy(a) for a in inputs.values()]
    executable = compiled.executable(tuple(a.shape for a in arrays))
    results = executable.results(arrays)
    call = executable.bind(arrays, results, executable.workspace(arrays))
    return Prepared(call, lambda: [joined(results)])


@singledispatch
def program(workload: Workload) -> Source:
    """The module of a workload."""
    raise NotImplementedError(type(workload).__name__)


def _builder(shapes: Sequence[Shape]) -> Builder:
    return Builder("main", [(shape, f32) for shape in shapes])


def _plain_builder(
    workload: Workload, orders: Mapping[str, Sequence[int]]
) -> tuple[Builder, list[SSAValue]]:
    """A builder, and its arguments as in the plain layout. They are given with their
    dimensions in the order that `orders` says; the transposes cancel."""
    shapes = {
        name: [shape[d] for d in orders.get(name, range(len(shape)))]
        for name, shape in workload.shapes().items()
    }
    b = _builder([tuple(shape) for shape in shapes.values()])
    arguments = zip(shapes, b.args, strict=True)
    plain = [
        b.transpose(x, [int(d) for d in np.argsort(orders[name])])
        if name in orders
        else x
        for name, x in arguments
    ]
    return b, plain


_IMAGES = {"x": _CHANNELS_LAST, "y": _CHANNELS_LAST}


@program.register
def _(workload: Convolution) -> Source:
    return Source(convolution(workload, _IMAGES), _IMAGES)


def convolution(workload: Convolution, orders: Mapping[str, Sequence[int]]) -> ModuleOp:
    """`@main(x, w) -> y` with x, w and y in some order of their dimensions."""
    b, (x, w) = _plain_builder(workload, orders)
    y = b.conv2d(
        x,
        w,
        stride=(workload.sh, workload.sw),
        padding=(workload.ph, workload.pw),
        dilation=(workload.dh, workload.dw),
        groups=workload.g,
    )
    return b.finish(b.transpose(y, orders["y"]))


@program.register
def _(workload: DepthwiseBlock) -> Source:
    b, (x, w0, b0, w1, b1) = _plain_builder(workload, _IMAGES)
    stride = (workload.stride, workload.stride)
    y = b.conv2d(x, w0, bias=b0, stride=stride, padding=(1, 1), groups=workload.c)
    y = relu6(b, b.conv2d(relu6(b, y), w1, bias=b1))
    return Source(b.finish(b.transpose(y, _CHANNELS_LAST)), _IMAGES)


def relu6(b: Builder, x: SSAValue) -> SSAValue:
    """min(max(x, 0), 6)"""
    zero, six = b.constant(0.0, f32), b.constant(6.0, f32)

    def body(inner: OpBuilder, e: Sequence[SSAValue]) -> SSAValue:
        positive = inner.insert(arith.MaximumfOp(e[0], zero)).result
        return inner.insert(arith.MinimumfOp(positive, six)).result

    return b.map(body, x)


@program.register
def _(workload: FullyConnected) -> Source:
    b = _builder(list(workload.shapes().values()))
    x, w = b.args
    return Source(b.finish(b.matmul(x, w, transpose_b=True)))


@program.register
def _(workload: Gemm) -> Source:
    b = _builder(list(workload.shapes().values()))
    x, y = b.args
    return Source(b.finish(b.matmul(x, y)))


@program.register
def _(workload: Mlp) -> Source:
    b = _builder(list(workload.shapes().values()))
    x, *parameters = b.args
    for w, bias in zip(parameters[::2], parameters[1::2], strict=True):
        x = b.relu(b.bias(b.matmul(x, w, transpose_b=True), bias))
    return Source(b.finish(x))


@program.register
def _(workload: Recurrent) -> Source:
    b = _builder(list(workload.shapes().values()))
    return Source(b.finish(recurrent_layer(b, workload, b.args)))


def recurrent_layer(
    b: Builder, layer: Recurrent, operands: Sequence[SSAValue]
) -> SSAValue:
    """All hidden states of one layer."""
    x, w, r, bias, recurrent = operands
    op, options = LstmOp, {}
    if layer.cell == "gru":
        op, options = GruOp, {"linear_before_reset": True}
    return b.insert(op(x, w, r, options, bias=bias, recurrent_bias=recurrent))


@program.register
def _(workload: RecurrentStack) -> Source:
    b = _builder(list(workload.shapes().values()))
    x, *learnt = b.args
    each = len(learnt) // workload.layers
    for i in range(0, len(learnt), each):
        x = recurrent_layer(b, workload.layer, [x, *learnt[i : i + each]])
    return Source(b.finish(x))


@program.register
def _(workload: WholeResNet50) -> Source:
    return Source(workload.network.module())


@program.register
def _(workload: Gradients) -> Source:
    names = list(workload.forward.shapes())
    wrt = [names.index(name) for name in workload.wrt]
    if not isinstance(workload.forward, Convolution):
        return Source(backward(program(workload.forward).module, wrt))
    orders: dict[str, Sequence[int]] = {**_IMAGES}
    if "w" in workload.wrt:
        orders["w"] = _WINDOW_FIRST
    module = backward(convolution(workload.forward, orders), wrt)
    return Source(module, orders | {f"d{name}": o for name, o in orders.items()})


@program.register
def _(workload: RecurrentGradients) -> Source:
    module = program(workload.forward).module
    DifferentiatePass("main", tuple(range(len(workload.results)))).apply(
        Context(), module
    )
    find_entry(module, "main").detach()
    functions = [find_entry(module, f"main{end}") for end in (FORWARD, BACKWARD)]
    ahead, timed = ModuleOp([]), module
    functions[0].detach()
    ahead.body.block.add_op(functions[0])
    for function in functions:
        function.sym_name = StringAttr("main")
    return Source(timed, ahead=ahead)


def backward(module: ModuleOp, wrt: Sequence[int]) -> ModuleOp:
    """The gradients of a forward program by some of its arguments, as `@main` of what
    they need of these, and the gradient of the result."""
    DifferentiatePass("main", tuple(wrt), save=False).apply(Context(), module)
    find_entry(module, "main").detach()
    function = find_entry(module, f"main{BACKWARD}")
    function.sym_name = StringAttr("main")
    for argument in reversed(function.body.block.args):
        if not argument.uses:
            function.body.block.erase_arg(argument)
    function.update_function_type()
    return module


@program.register
def _(workload: TrainingStep) -> Source:
    forward = workload.forward
    orders: dict[str, Sequence[int]] = {}
    if isinstance(forward, WholeResNet50):
        windows = {n for n, s in workload.parameters().items() if len(s) == 4}
        orders = {
            name: _WINDOW_FIRST
            for name in workload.shapes()
            if name.removeprefix(MOMENTUM) in windows
        }
        module = forward.network.module(training=True, windows_first=True)
    else:
        module = program(forward).module
    parameters = tuple(range(1, 1 + len(workload.parameters())))
    settings = asdict(OPTIMIZER)
    del settings["rate"]  # an argument of the step
    AddTrainingStepPass(
        parameters, "main", workload.loss, OPTIMIZER.name, state=True, **settings
    ).apply(Context(), module)
    find_entry(module, "main").detach()
    find_entry(module, f"main{STEP}").sym_name = StringAttr("main")
    return Source(module, orders)
