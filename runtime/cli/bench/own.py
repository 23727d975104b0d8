"""This compiler's side of a comparison: a workload compiled, with its memory in place.

What the timed call finds in the compiler's own layout, and what it does not:

| workload | weights | activations in and out |
|---|---|---|
| convolutions, depthwise blocks | packed ahead | [n, h, w, c] |
| fully connected, MLP | packed ahead | row-major |
| recurrent layers | packed ahead | [t, n, c] and [t, n, k] |
| GEMM | both operands row-major, packed in the call | row-major |
| ResNet-50 | packed ahead | image [n, c, h, w], logits row-major |
| models in files | packed ahead | as the file says |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from pathlib import Path

import numpy as np
from xdsl.builder import Builder as OpBuilder
from xdsl.dialects import arith
from xdsl.dialects.builtin import ModuleOp, f32
from xdsl.ir import SSAValue

from brdialect.arrays import Array
from brdialect.recurrent_ops import GruOp, LstmOp
from frontends.linalg_builder import Builder
from runtime.arguments import aligned_empty
from runtime.cli.bench.onnx_file import OnnxFile, joined
from runtime.cli.bench.peers.prepared import Prepared
from runtime.cli.bench.workloads import (
    Convolution,
    DepthwiseBlock,
    FullyConnected,
    Gemm,
    Mlp,
    Recurrent,
    Shape,
    WholeResNet50,
    Workload,
)
from runtime.compiler import compile

_TO_CHANNELS_LAST = (0, 2, 3, 1)
_TO_CHANNELS_FIRST = (0, 3, 1, 2)


@dataclass(frozen=True)
class Source:
    """A program whose arguments are a workload's inputs, in their order."""

    module: ModuleOp
    channels_last: bool = False
    """Whether the first argument and the result are [n, h, w, c]."""


class BoundCall:
    """Calling it does the workload's work once, on memory that is there before."""

    def __init__(self, workload: Workload, threads: int, inputs: Mapping[str, Array]):
        source = program(workload)
        self.inputs = dict(inputs)
        """Plain-layout arrays."""
        weights = workload.weights
        numbered = list(enumerate(self.inputs.items()))
        compiled = compile(
            source.module,
            threads=threads,
            constants={i: a for i, (name, a) in numbered if name in weights},
        )
        free = [a for name, a in self.inputs.items() if name not in weights]
        if source.channels_last:
            free = [a.transpose(_TO_CHANNELS_LAST) for a in free]
        self._arguments = [aligned_copy(a) for a in free]
        executable = compiled.executable(tuple(a.shape for a in self._arguments))
        self._results = executable.results(self._arguments)
        self._channels_last = source.channels_last
        workspace = executable.workspace(self._arguments)
        self._call = executable.bind(self._arguments, self._results, workspace)

    def __call__(self) -> None:
        self._call()

    def result(self) -> Array:
        """The plain-layout result of the latest call."""
        (result,) = self._results
        if self._channels_last:
            result = result.transpose(_TO_CHANNELS_FIRST)
        return np.array(result, order="C")

    def output(self) -> dict[str, Array]:
        """The same by name: `y`."""
        return {"y": self.result()}


def aligned_copy(array: Array) -> Array:
    """A contiguous copy at the beginning of a cache line."""
    copy = aligned_empty(array.shape, array.dtype, "an input")
    copy[...] = array
    return copy


def prepare(workload: Workload, inputs: Mapping[str, Array], threads: int) -> Prepared:
    """The compiler as one contestant among others."""
    if isinstance(workload, OnnxFile):
        return prepare_file(workload, inputs, threads)
    call = BoundCall(workload, threads, inputs)
    return Prepared(call, call.result)


def prepare_file(
    workload: OnnxFile, inputs: Mapping[str, Array], threads: int
) -> Prepared:
    """The same for a model in a file."""
    compiled = compile(Path(workload.path), threads=threads)
    arrays = [aligned_copy(a) for a in inputs.values()]
    executable = compiled.executable(tuple(a.shape for a in arrays))
    results = executable.results(arrays)
    call = executable.bind(arrays, results, executable.workspace(arrays))
    return Prepared(call, lambda: joined(results))


@singledispatch
def program(workload: Workload) -> Source:
    """The module of a workload."""
    raise NotImplementedError(type(workload).__name__)


def _builder(shapes: Sequence[Shape]) -> Builder:
    return Builder("main", [(shape, f32) for shape in shapes])


def _image_builder(workload: Workload) -> tuple[Builder, SSAValue, list[SSAValue]]:
    """A builder that gets its image channels-last, the image channels-first (the
    transposes around the layers cancel), and the weights."""
    image, *weights = workload.shapes().values()
    b = _builder([tuple(image[d] for d in _TO_CHANNELS_LAST), *weights])
    x, *parameters = b.args
    return b, b.transpose(x, _TO_CHANNELS_FIRST), parameters


def _finish_image(b: Builder, y: SSAValue) -> Source:
    return Source(b.finish(b.transpose(y, _TO_CHANNELS_LAST)), channels_last=True)


@program.register
def _(workload: Convolution) -> Source:
    b, x, (w,) = _image_builder(workload)
    y = b.conv2d(
        x,
        w,
        stride=(workload.sh, workload.sw),
        padding=(workload.ph, workload.pw),
        dilation=(workload.dh, workload.dw),
        groups=workload.g,
    )
    return _finish_image(b, y)


@program.register
def _(workload: DepthwiseBlock) -> Source:
    b, x, (w0, b0, w1, b1) = _image_builder(workload)
    stride = (workload.stride, workload.stride)
    y = b.conv2d(x, w0, bias=b0, stride=stride, padding=(1, 1), groups=workload.c)
    return _finish_image(b, relu6(b, b.conv2d(relu6(b, y), w1, bias=b1)))


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
    x, w, r, bias, recurrent = b.args
    op, options = LstmOp, {}
    if workload.cell == "gru":
        op, options = GruOp, {"linear_before_reset": True}
    y = b.insert(op(x, w, r, options, bias=bias, recurrent_bias=recurrent))
    return Source(b.finish(y))


@program.register
def _(workload: WholeResNet50) -> Source:
    return Source(workload.network.module())
