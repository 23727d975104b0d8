"""oneDNN through its C interface (version 3), in the layouts that it prefers.

Every operand is created in "any" format, so the library chooses; what is plain is
reordered into that ahead of the timed call, and the result back out of it after. A
GEMM's operands are row-major, so there the timed call does it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ctypes import c_void_p
from functools import singledispatch

import numpy as np

from brdialect.arrays import Array
from runtime.arguments import aligned_empty
from runtime.cli.bench.gradients import Gradients, RecurrentGradients
from runtime.cli.bench.peers.onednn_library import (
    FORWARD_INFERENCE,
    FORWARD_TRAINING,
    Argument,
    OneDnn,
    dimensions,
)
from runtime.cli.bench.peers.onednn_recurrent import (
    prepare_forward,
    prepare_gradients,
)
from runtime.cli.bench.peers.prepared import Prepared, best_seconds
from runtime.cli.bench.workloads import (
    Convolution,
    Forward,
    FullyConnected,
    Gemm,
    Mlp,
    Recurrent,
    Shape,
    Workload,
)

_DIRECT = 1


def prepare(workload: Workload, inputs: Mapping[str, Array], threads: int) -> Prepared:
    """OMP_NUM_THREADS, which the process starts with, says how many threads."""
    dnn = OneDnn()
    if isinstance(workload, Gemm):
        ways = (_primitive(workload, inputs, dnn), _sgemm(workload, inputs, dnn))
        return min(ways, key=lambda way: best_seconds(way.run))
    if isinstance(workload, Recurrent):
        return prepare_forward(workload, inputs, dnn)
    if isinstance(workload, RecurrentGradients):
        return prepare_gradients(workload, inputs, dnn)
    return _primitive(workload, inputs, dnn)


def _sgemm(workload: Gemm, inputs: Mapping[str, Array], dnn: OneDnn) -> Prepared:
    """The other way to a row-major product."""
    a, b = inputs.values()
    result: Array = aligned_empty(workload.result, np.float32)
    return Prepared(lambda: dnn.sgemm(a, b, result), lambda: [result.copy()])


def _primitive(
    workload: Workload, inputs: Mapping[str, Array], dnn: OneDnn
) -> Prepared:
    """A primitive, with its operands in the layouts of its description."""
    plan = plan_of(workload, dnn)
    operands = {
        argument: dnn.place(dnn.chosen(plan, argument), array)
        for argument, array in operands_of(workload, list(inputs.values())).items()
    }
    argument, shape = result_of(workload)
    chosen = dnn.chosen(plan, argument)
    operands[argument] = dnn.memory(chosen)
    primitive = dnn.primitive(plan)

    def outputs() -> list[Array]:
        (wanted,) = workload.results.values()
        return [dnn.read(chosen, operands[argument], shape).reshape(wanted)]

    return Prepared(lambda: dnn.execute(primitive, operands), outputs)


def result_of(workload: Workload) -> tuple[Argument, Shape]:
    """What the result is to the primitive, and its shape by the library's
    dimensions."""
    ((name, shape),) = workload.results.items()
    match name:
        case "dx":
            return Argument.DIFF_SRC, shape
        case "dw":
            assert isinstance(workload, Gradients)
            return Argument.DIFF_WEIGHTS, weight_sizes(workload.forward)
        case _:
            return Argument.DST, shape


@singledispatch
def operands_of(
    workload: Workload, arrays: Sequence[Array]
) -> Mapping[Argument, Array]:
    """The inputs as the primitive takes them, by the library's dimensions."""
    x, w = arrays
    if isinstance(workload, Convolution):
        w = w.reshape(*weight_sizes(workload))
    return {Argument.SRC: x, Argument.WEIGHTS: w}


def weight_sizes(workload: Forward) -> Shape:
    """Those of the plain layout; of a convolution in groups [g, k / g, c / g, r, s]."""
    k, *rest = workload.shapes()["w"]
    groups = workload.g if isinstance(workload, Convolution) else 1
    return (k, *rest) if groups == 1 else (groups, k // groups, *rest)


@operands_of.register
def _(workload: Gradients, arrays: Sequence[Array]) -> Mapping[Argument, Array]:
    given = dict(zip(workload.shapes(), arrays, strict=True))
    found = {Argument.DIFF_DST: given["dy"]}
    if "x" in given:
        found[Argument.SRC] = given["x"]
    if "w" in given:
        w = given["w"].reshape(*weight_sizes(workload.forward))
        found[Argument.WEIGHTS] = w
    return found


@singledispatch
def plan_of(workload: Workload, dnn: OneDnn) -> c_void_p:
    """The description of the primitive that does the workload."""
    raise NotImplementedError(f"{type(workload).__name__} is more than one primitive")


@plan_of.register
def _(workload: Convolution | FullyConnected, dnn: OneDnn) -> c_void_p:
    return forward_plan(workload, dnn, FORWARD_INFERENCE)


def forward_plan(
    workload: Convolution | FullyConnected, dnn: OneDnn, kind: int
) -> c_void_p:
    """The description of a layer's forward primitive, for inference or training."""
    name, how, sizes = parts_of(workload)
    x, w, y = operand_descriptions(workload, dnn)
    return dnn.forward(f"{name}_forward", kind, *how, x, w, None, y, *sizes, None)


def parts_of(
    workload: Convolution | FullyConnected,
) -> tuple[str, Sequence[object], Sequence[object]]:
    """The name of a layer's primitives, and what stands before and behind its operands
    where they are described."""
    if isinstance(workload, FullyConnected):
        return "inner_product", (), ()
    padding = dimensions((workload.ph, workload.pw))
    strides = dimensions((workload.sh, workload.sw))
    dilations = dimensions((workload.dh - 1, workload.dw - 1))
    return "convolution", (_DIRECT,), (strides, dilations, padding, padding)


def operand_descriptions(
    workload: Convolution | FullyConnected, dnn: OneDnn
) -> Sequence[c_void_p]:
    """Of x, w and y, in the layouts that the library likes."""
    shapes = (workload.shapes()["x"], weight_sizes(workload), workload.result)
    return [dnn.description(shape, plain=False) for shape in shapes]


@plan_of.register
def _(workload: Gradients, dnn: OneDnn) -> c_void_p:
    if isinstance(workload.forward, Mlp) or len(workload.wrt) > 1:
        raise NotImplementedError("several gradients are more than one primitive")
    name, how, sizes = parts_of(workload.forward)
    x, w, y = operand_descriptions(workload.forward, dnn)
    hint = forward_plan(workload.forward, dnn, FORWARD_TRAINING)
    if workload.wrt == ("x",):
        kind, operands = "data", (x, w, y)
    else:
        kind, operands = "weights", (x, w, None, y)
    return dnn.forward(f"{name}_backward_{kind}", *how, *operands, *sizes, hint, None)


@plan_of.register
def _(workload: Gemm, dnn: OneDnn) -> c_void_p:
    a, b = (dnn.description(s, plain=True) for s in workload.shapes().values())
    c = dnn.description(workload.result, plain=True)
    return dnn.forward("matmul", a, b, None, c, None)
