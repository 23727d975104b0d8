"""oneDNN through its C interface (version 3), in the layouts that it prefers.

Every operand is created in "any" format, so the library chooses; what is plain is
reordered into that ahead of the timed call, and the result back out of it after. A
GEMM's operands are row-major, so there the timed call does it.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator, Mapping, Sequence
from ctypes import byref, c_int, c_int64, c_void_p
from ctypes.util import find_library
from dataclasses import dataclass
from functools import singledispatch
from pathlib import Path

import numpy as np

from brdialect.arrays import Array
from runtime.arguments import aligned_empty
from runtime.cli.bench.gradients import Gradients
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

# Numbers of enumerations in oneapi/dnnl/dnnl_types.h, fixed for all of version 3.
_CPU, _IN_ORDER, _F32 = 1, 1, 3
_FORWARD_TRAINING, _FORWARD_INFERENCE = 64, 96
_DIRECT, _LEFT_TO_RIGHT, _NO_FLAGS = 1, 1, 0
_ANY = 1
_PLAIN = {2: 3, 3: 4, 4: 5, 5: 6}  # dimensions -> the tag of row-major
_SRC_MD, _WEIGHTS_MD, _DST_MD = 129, 131, 133
_DIFF_SRC_MD, _DIFF_WEIGHTS_MD, _DIFF_DST_MD = 130, 132, 134
_SRC, _DST, _WEIGHTS, _WEIGHTS_OF_STATE, _BIAS = 1, 17, 33, 34, 41
_DIFF_SRC, _DIFF_DST, _DIFF_WEIGHTS = 129, 145, 161


class _Argument(ctypes.Structure):
    _fields_ = (("index", c_int), ("memory", c_void_p))


class _Version(ctypes.Structure):
    _fields_ = (("major", c_int), ("minor", c_int), ("patch", c_int))


def library_paths() -> Iterator[str]:
    """Where a wheel or the system puts the library."""
    for name in ("libdnnl.so.3", "libdnnl.so"):
        yield from map(str, Path(sys.prefix, "lib").glob(name))
    if found := find_library("dnnl"):
        yield found


def is_installed() -> bool:
    """Whether there is a library of version 3."""
    return _loaded() is not None


def _loaded() -> ctypes.CDLL | None:
    for path in library_paths():
        try:
            library = ctypes.CDLL(path)
            library.dnnl_version.restype = ctypes.POINTER(_Version)
            if library.dnnl_version().contents.major == 3:
                return library
        except (OSError, AttributeError):
            continue
    return None


class OneDnn:
    """The library with an engine and a stream. Everything lives as long as the
    process, which times a few dozen operations."""

    def __init__(self) -> None:
        library = _loaded()
        assert library is not None
        self._library = library
        self._engine, self._stream = c_void_p(), c_void_p()
        self._call("engine_create", byref(self._engine), _CPU, ctypes.c_size_t(0))
        self._call("stream_create", byref(self._stream), self._engine, _IN_ORDER)

    def _call(self, name: str, *arguments: object) -> None:
        status = getattr(self._library, f"dnnl_{name}")(*arguments)
        if status:
            raise RuntimeError(f"dnnl_{name} returns {status}")

    def description(self, shape: Shape, plain: bool) -> c_void_p:
        """Of an f32 tensor, row-major or as the library likes."""
        made = c_void_p()
        sizes = dimensions(shape)
        tag = _PLAIN[len(shape)] if plain else _ANY
        self._call(
            "memory_desc_create_with_tag", byref(made), len(shape), sizes, _F32, tag
        )
        return made

    def chosen(self, primitive: c_void_p, what: int, which: int = 0) -> c_void_p:
        """The description of an operand that the library has chosen."""
        query = self._library.dnnl_primitive_desc_query_md
        query.restype = c_void_p
        return c_void_p(query(primitive, what, which))

    def planned(self, name: str, *arguments: object) -> c_void_p:
        """A primitive's description."""
        made = c_void_p()
        self._call(f"{name}_primitive_desc_create", byref(made), *arguments)
        return made

    def forward(self, name: str, *arguments: object) -> c_void_p:
        """The same for one that runs on this engine."""
        return self.planned(name, self._engine, *arguments)

    def memory(self, description: c_void_p, place: Array | None = None) -> c_void_p:
        """Fresh memory, or an array's."""
        made = c_void_p()
        data = c_void_p(-1) if place is None else place.ctypes.data_as(c_void_p)
        self._call("memory_create", byref(made), description, self._engine, data)
        return made

    def primitive(self, description: c_void_p) -> c_void_p:
        """Code for it."""
        made = c_void_p()
        self._call("primitive_create", byref(made), description)
        return made

    def execute(self, primitive: c_void_p, arguments: Sequence[_Argument]) -> None:
        """Runs it to its end."""
        passed = (_Argument * len(arguments))(*arguments)
        self._call("primitive_execute", primitive, self._stream, len(arguments), passed)
        self._call("stream_wait", self._stream)

    def sgemm(self, a: Array, b: Array, c: Array) -> None:
        """c = a b, all row-major."""
        (m, k), n = a.shape, b.shape[1]
        plain = ctypes.c_char(b"N")
        pairs = zip((a, b, c), (k, n, n), strict=True)
        (pa, la), (pb, lb), (pc, lc) = (
            (x.ctypes.data_as(c_void_p), c_int64(step)) for x, step in pairs
        )
        one, zero = ctypes.c_float(1), ctypes.c_float(0)
        sizes = map(c_int64, (m, n, k))
        self._call("sgemm", plain, plain, *sizes, one, pa, la, pb, lb, zero, pc, lc)

    def reorder(
        self, from_: tuple[c_void_p, c_void_p], to: tuple[c_void_p, c_void_p]
    ) -> None:
        """Copies between two (description, memory)."""
        plan = self.planned(
            "reorder", from_[0], self._engine, to[0], self._engine, None
        )
        arguments = [_Argument(_SRC, from_[1]), _Argument(_DST, to[1])]
        self.execute(self.primitive(plan), arguments)


def dimensions(values: Sequence[int]) -> ctypes.Array[c_int64]:
    """A dnnl_dims_t."""
    return (c_int64 * 12)(*values)


def prepare(workload: Workload, inputs: Mapping[str, Array], threads: int) -> Prepared:
    """OMP_NUM_THREADS, which the process starts with, says how many threads."""
    dnn = OneDnn()
    if isinstance(workload, Gemm):
        ways = (_primitive(workload, inputs, dnn), _sgemm(workload, inputs, dnn))
        return min(ways, key=lambda way: best_seconds(way.run))
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
    arguments: list[_Argument] = []
    for operand in operands_of(workload, list(inputs.values())):
        own = aligned_empty(operand.array.shape, np.float32)
        own[...] = operand.array
        plain = dnn.description(own.shape, plain=True)
        chosen = dnn.chosen(plan, operand.what, operand.which)
        place = dnn.memory(chosen)
        dnn.reorder((plain, dnn.memory(plain, own)), (chosen, place))
        arguments.append(_Argument(operand.argument, place))
    number, what, shape = result_of(workload)
    chosen = dnn.chosen(plan, what)
    result = dnn.memory(chosen)
    arguments.append(_Argument(number, result))
    primitive = dnn.primitive(plan)

    def outputs() -> list[Array]:
        array: Array = aligned_empty(shape, np.float32)
        plain = dnn.description(shape, plain=True)
        dnn.reorder((chosen, result), (plain, dnn.memory(plain, array)))
        (wanted,) = workload.results.values()
        return [array.reshape(wanted)]

    return Prepared(lambda: dnn.execute(primitive, arguments), outputs)


def result_of(workload: Workload) -> tuple[int, int, Shape]:
    """The result's number among the arguments, where a primitive's description has its
    own, and its shape by the library's dimensions."""
    ((name, shape),) = workload.results.items()
    match name:
        case "dx":
            return _DIFF_SRC, _DIFF_SRC_MD, shape
        case "dw":
            assert isinstance(workload, Gradients)
            return _DIFF_WEIGHTS, _DIFF_WEIGHTS_MD, weight_sizes(workload.forward)
        case _:
            return _DST, _DST_MD, shape


@dataclass(frozen=True)
class _Operand:
    """An input: its number among the arguments, where a primitive's description has
    its own, and its elements by the library's dimensions, row-major."""

    argument: int
    what: int
    which: int
    array: Array


@singledispatch
def operands_of(workload: Workload, arrays: Sequence[Array]) -> list[_Operand]:
    """The inputs as the primitive takes them."""
    x, w = arrays
    if isinstance(workload, Convolution):
        w = w.reshape(*weight_sizes(workload))
    return [_Operand(_SRC, _SRC_MD, 0, x), _Operand(_WEIGHTS, _WEIGHTS_MD, 0, w)]


def weight_sizes(workload: Forward) -> Shape:
    """Those of the plain layout; of a convolution in groups [g, k / g, c / g, r, s]."""
    k, *rest = workload.shapes()["w"]
    groups = workload.g if isinstance(workload, Convolution) else 1
    return (k, *rest) if groups == 1 else (groups, k // groups, *rest)


@operands_of.register
def _(workload: Gradients, arrays: Sequence[Array]) -> list[_Operand]:
    given = dict(zip(workload.shapes(), arrays, strict=True))
    found = [_Operand(_DIFF_DST, _DIFF_DST_MD, 0, given["dy"])]
    if "x" in given:
        found.append(_Operand(_SRC, _SRC_MD, 0, given["x"]))
    if "w" in given:
        w = given["w"].reshape(*weight_sizes(workload.forward))
        found.append(_Operand(_WEIGHTS, _WEIGHTS_MD, 0, w))
    return found


@operands_of.register
def _(workload: Recurrent, arrays: Sequence[Array]) -> list[_Operand]:
    """Weights [layer, direction, input, gate, output], bias without the input."""
    x, *weights = arrays
    order = "ifco" if workload.cell == "lstm" else "zrh"
    w, r, b, rb = (
        workload.reordered(a, order).reshape(1, 1, len(order), workload.k, -1)
        for a in weights
    )
    if workload.cell == "lstm":
        bias = (b + rb)[..., 0]
    else:  # the recurrent bias of the new state stands apart, as a fourth gate
        both = b[:, :, :2] + rb[:, :, :2]
        bias = np.concatenate([both, b[:, :, 2:], rb[:, :, 2:]], axis=2)[..., 0]
    w, r = (np.moveaxis(a, -1, 2) for a in (w, r))
    return [
        _Operand(_SRC, _SRC_MD, 0, x),
        _Operand(_WEIGHTS, _WEIGHTS_MD, 0, w),
        _Operand(_WEIGHTS_OF_STATE, _WEIGHTS_MD, 1, r),
        _Operand(_BIAS, _WEIGHTS_MD, 2, bias),
    ]


@singledispatch
def plan_of(workload: Workload, dnn: OneDnn) -> c_void_p:
    """The description of the primitive that does the workload."""
    raise NotImplementedError(f"{type(workload).__name__} is more than one primitive")


@plan_of.register
def _(workload: Convolution | FullyConnected, dnn: OneDnn) -> c_void_p:
    return forward_plan(workload, dnn, _FORWARD_INFERENCE)


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
    hint = forward_plan(workload.forward, dnn, _FORWARD_TRAINING)
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


@plan_of.register
def _(workload: Recurrent, dnn: OneDnn) -> c_void_p:
    """No state comes in, and none but y comes out."""
    gates, k = len(workload.gates), workload.k
    x, w, r, bias, y = (
        dnn.description(shape, plain=False)
        for shape in (
            workload.shapes()["x"],
            (1, 1, workload.c, gates, k),
            (1, 1, k, gates, k),
            (1, 1, 4, k),
            workload.result,
        )
    )
    if workload.cell == "lstm":
        name = "lstm_forward"
        operands = (x, None, None, w, r, None, None, bias, y, None, None)
    else:
        name, operands = "lbr_gru_forward", (x, None, w, r, bias, y, None)
    how = (_FORWARD_INFERENCE, _LEFT_TO_RIGHT)
    return dnn.forward(name, *how, *operands, _NO_FLAGS, None)
