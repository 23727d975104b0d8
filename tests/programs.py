"""Programs of linalg on tensors beside what they mean, for the property-based tests.

Each step writes an operation as MLIR text and computes it with numpy in float64, with
a bound of the rounding that compiled code may do. Nothing here comes from
`brdialect.reference`: the two are independent of each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import brdialect
import runtime.executable
from brdialect.target import Target
from runtime.arguments import ALIGNMENT

Array = NDArray[Any]
DTYPES: dict[str, type[Any]] = {"f32": np.float32, "f64": np.float64}


GUARD = 4096
"""Bytes before and after fresh memory that must stay as they are."""

POISON = 0xFF
"""A float of such bytes is NaN."""

FENCES: list[tuple[str, Array, Array]] = []
"""What some memory is for, and the bytes on both sides of it."""


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of a program: its name, its numbers, how far off they may be."""

    name: str
    array: Array
    error: Array

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape


@dataclass(frozen=True)
class Elementwise:
    """A function of elements: the body of a linalg.generic, which may use `{t}`, `{0}`,
    `{1}`, ... and yields %y; and the same in numpy."""

    body: str
    numpy: Callable[..., Array]
    ulps: float = 1.0
    """How far off it may be, in roundings of the result,"""

    cancels: float = 0.0
    """and in roundings of its first argument, where a difference loses digits."""


def _erf(x: Array) -> Array:
    return np.vectorize(math.erf, otypes=[np.float64])(x)


def _relu(x: Array) -> Array:
    return np.where(x <= 0, 0.0, x)


UNARY = {
    "neg": Elementwise("%y = arith.negf {0} : {t}", np.negative),
    "abs": Elementwise("%y = math.absf {0} : {t}", np.abs),
    "relu": Elementwise(
        "%c = arith.cmpf ugt, {0}, %c0 : {t}\n %y = arith.select %c, {0}, %c0 : {t}",
        _relu,
    ),
    "relu_max": Elementwise(
        "%y = arith.maximumf {0}, %c0 : {t}", lambda x: np.maximum(x, 0)
    ),
    "clamp": Elementwise(
        "%l = arith.maximumf {0}, %c0 : {t}\n %y = arith.minimumf %l, %c6 : {t}",
        lambda x: np.clip(x, 0, 6),
    ),
    "clamp_number": Elementwise(
        "%l = arith.maxnumf {0}, %c0 : {t}\n %y = arith.minnumf %l, %c6 : {t}",
        lambda x: np.fmin(np.fmax(x, 0), 6),
    ),
    "scale": Elementwise("%y = arith.mulf {0}, %c6 : {t}", lambda x: x * 6),
    "exp": Elementwise("%y = math.exp {0} : {t}", np.exp, 2),
    "tanh": Elementwise("%y = math.tanh {0} : {t}", np.tanh, 4),
    "erf": Elementwise("%y = math.erf {0} : {t}", _erf, 4),
    "sqrt": Elementwise("%y = math.sqrt {0} : {t}", np.sqrt),
    "rsqrt": Elementwise("%y = math.rsqrt {0} : {t}", lambda x: 1 / np.sqrt(x), 4),
    "sigmoid": Elementwise(
        "%n = arith.negf {0} : {t}\n %e = math.exp %n : {t}\n"
        " %d = arith.addf %e, %c1 : {t}\n %y = arith.divf %c1, %d : {t}",
        lambda x: 1 / (1 + np.exp(-x)),
        8,
    ),
    "gelu": Elementwise(
        "%d = arith.divf {0}, %root2 : {t}\n %e = math.erf %d : {t}\n"
        " %p = arith.addf %e, %c1 : {t}\n %h = arith.mulf %p, %half : {t}\n"
        " %y = arith.mulf {0}, %h : {t}",
        lambda x: x * (_erf(x / math.sqrt(2)) + 1) / 2,
        16,
        cancels=4,
    ),
}
BINARY = {
    "add": Elementwise("%y = arith.addf {0}, {1} : {t}", np.add),
    "sub": Elementwise("%y = arith.subf {0}, {1} : {t}", np.subtract),
    "mul": Elementwise("%y = arith.mulf {0}, {1} : {t}", np.multiply),
    "div": Elementwise("%y = arith.divf {0}, {1} : {t}", np.divide, 2),
    "max": Elementwise("%y = arith.maximumf {0}, {1} : {t}", np.maximum),
    "min": Elementwise("%y = arith.minimumf {0}, {1} : {t}", np.minimum),
    "select": Elementwise(
        "%c = arith.cmpf olt, {0}, {1} : {t}\n %y = arith.select %c, {1}, {0} : {t}",
        lambda x, y: np.where(x < y, y, x),
    ),
}
CONSTANTS = {"c0": 0.0, "c1": 1.0, "c6": 6.0, "half": 0.5, "root2": math.sqrt(2)}
"""Scalars that bodies use."""


def off_by(got: Array, want: Array) -> Array:
    """|got - want|: 0 where both are the same infinity or NaN, else infinite there."""
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    with np.errstate(all="ignore"):
        distance = np.abs(got - want)
    return np.where(same, 0.0, np.where(np.isnan(distance), np.inf, distance))


@dataclass
class Program:
    """`func.func @main` under construction."""

    element: str = "f32"
    lines: list[str] = field(default_factory=list[str])
    inputs: list[Array] = field(default_factory=list[Array])
    results: list[Value] = field(default_factory=list[Value])

    @property
    def unit(self) -> float:
        """The spacing of the numbers after 1."""
        return float(np.finfo(DTYPES[self.element]).eps)

    def type(self, shape: Sequence[int]) -> str:
        return f"tensor<{'x'.join([*map(str, shape), self.element])}>"

    def emit(self, text: str) -> str:
        """Appends `%vN = text`; the name."""
        name = f"%v{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        return name

    def input(self, array: Array) -> Value:
        """A further argument."""
        self.inputs.append(np.asarray(array, DTYPES[self.element], order="C"))
        wide = self.inputs[-1].astype(np.float64)
        return Value(f"%in{len(self.inputs) - 1}", wide, np.zeros_like(wide))

    def literal(self, array: Array) -> Value:
        """Weights that stand in the file; numbers that few digits say."""
        text = np.array2string(array, separator=", ", threshold=1 << 20)
        name = self.emit(f"arith.constant dense<{text}> : {self.type(array.shape)}")
        return Value(name, array.astype(np.float64), np.zeros(array.shape))

    def empty(self, shape: Sequence[int]) -> str:
        return self.emit(f"tensor.empty() : {self.type(shape)}")

    def fill(self, number: float, shape: Sequence[int]) -> str:
        scalar = self.emit(f"arith.constant {self.digits(number)} : {self.element}")
        type_ = self.type(shape)
        empty = self.empty(shape)
        return self.emit(
            f"linalg.fill ins({scalar} : {self.element}) outs({empty} : {type_}) "
            f"-> {type_}"
        )

    def digits(self, number: float) -> str:
        """The number as text; infinities are written as their bits."""
        if math.isfinite(number):
            return repr(number)
        bits = np.array(number, DTYPES[self.element]).tobytes()[::-1].hex()
        return f"0x{bits.upper()}"

    def named(
        self, name: str, inputs: Sequence[Value], out: str, shape: Sequence[int]
    ) -> str:
        """`linalg.NAME ins(..) outs(..)`; `name` may end in attributes."""
        names = ", ".join(v.name for v in inputs)
        types = ", ".join(self.type(v.shape) for v in inputs)
        result = self.type(shape)
        return self.emit(
            f"linalg.{name} ins({names} : {types}) outs({out} : {result}) -> {result}"
        )

    def generic(
        self,
        inputs: Sequence[Value],
        out: str,
        shape: Sequence[int],
        maps: Sequence[str],
        iterators: str,
        body: str,
    ) -> str:
        """A linalg.generic over `(d0, d1, ..)`; `maps` are right-hand sides, and
        `iterators` a letter p or r for each loop; the body's values %x0, .., %acc."""
        kinds = {"p": '"parallel"', "r": '"reduction"'}
        dims = ", ".join(f"d{i}" for i in range(len(iterators)))
        affine = ", ".join(f"affine_map<({dims}) -> ({m})>" for m in maps)
        arguments = [f"%x{i}" for i in range(len(inputs))] + ["%acc"]
        block = ", ".join(f"{a}: {self.element}" for a in arguments)
        constants = "\n".join(
            f" %{n} = arith.constant {c!r} : {self.element}"
            for n, c in CONSTANTS.items()
            if f"%{n}" in body
        )
        names = ", ".join(v.name for v in inputs)
        types = ", ".join(self.type(v.shape) for v in inputs)
        result = self.type(shape)
        return self.emit(
            f"linalg.generic {{indexing_maps = [{affine}], "
            f"iterator_types = [{', '.join(kinds[i] for i in iterators)}]}} "
            f"ins({names} : {types}) outs({out} : {result}) {{\n ^bb0({block}):\n"
            f"{constants}\n {body}\n linalg.yield %y : {self.element}\n }} -> {result}"
        )

    def pad(
        self, x: Value, amounts: Sequence[tuple[int, int]], number: float = 0.0
    ) -> Value:
        """tensor.pad by `amounts` (before, after) in each dimension."""
        shape = [n + sum(a) for n, a in zip(x.shape, amounts, strict=True)]
        value = self.emit(f"arith.constant {self.digits(number)} : {self.element}")
        places = ", ".join(f"%i{d}: index" for d in range(len(shape)))
        low, high = ([a[end] for a in amounts] for end in (0, 1))
        name = self.emit(
            f"tensor.pad {x.name} low{low} high{high} {{\n ^bb0({places}):\n"
            f" tensor.yield {value} : {self.element}\n }} : "
            f"{self.type(x.shape)} to {self.type(shape)}"
        )
        array = np.pad(x.array, amounts, constant_values=number)
        return Value(name, array, np.pad(x.error, amounts))

    def apply(
        self, function: Elementwise, *inputs: Value, axes: Sequence[Sequence[int]] = ()
    ) -> Value:
        """`function` of elements; input i has the result's dimensions `axes[i]`, all of
        them where it is left out."""
        rank = max(len(v.shape) for v in inputs)
        axes = axes or [range(rank)] * len(inputs)
        sizes = dict(
            pair
            for v, a in zip(inputs, axes, strict=True)
            for pair in zip(a, v.shape, strict=True)
        )
        shape = [sizes[d] for d in range(len(sizes))]
        maps = [", ".join(f"d{d}" for d in a) for a in (*axes, range(len(shape)))]
        body = function.body.format("%x0", "%x1", t=self.element)
        empty = self.empty(shape)
        name = self.generic(inputs, empty, shape, maps, "p" * len(shape), body)
        spread = [spread_out(v, a, shape) for v, a in zip(inputs, axes, strict=True)]
        return self.rounded(name, function, spread)

    def rounded(
        self, name: str, function: Elementwise, inputs: Sequence[Value]
    ) -> Value:
        """What `function` gives, and how far it varies where its inputs do."""
        with np.errstate(all="ignore"):
            centre = self.nearest(function.numpy(*(v.array for v in inputs)))
            finite = np.nan_to_num(centre, posinf=0, neginf=0)
            first = np.nan_to_num(inputs[0].array, posinf=0, neginf=0)
            rounding = function.ulps * np.abs(finite) + function.cancels * np.abs(first)
            rounding *= self.unit
            tiny = float(np.finfo(DTYPES[self.element]).tiny)
            error = np.full(centre.shape, 8 * tiny)
            for signs in product((-1, 1), repeat=len(inputs)):
                moved = [
                    np.where(v.error > 0, v.array + s * v.error, v.array)
                    for s, v in zip(signs, inputs, strict=True)
                ]
                there = function.numpy(*moved)
                for sign in (-1, 1):
                    far = self.nearest(there * (1 + sign * function.ulps * self.unit))
                    error = np.maximum(error, off_by(far, centre) + rounding)
            # what may be anything (on which side of 0 is the root's argument?) stays so
            for v in inputs:
                error = np.where(np.isinf(v.error), np.inf, error)
        return Value(name, centre, error)

    def nearest(self, array: Array) -> Array:
        """The nearest numbers of the element type."""
        return np.asarray(array).astype(DTYPES[self.element]).astype(np.float64)

    def text(self) -> str:
        """The module."""
        arguments = ", ".join(
            f"%in{i}: {self.type(a.shape)}" for i, a in enumerate(self.inputs)
        )
        types = ", ".join(self.type(v.shape) for v in self.results)
        names = ", ".join(v.name for v in self.results)
        lines = "\n".join(self.lines)
        return (
            f"func.func @main({arguments}) -> ({types}) {{\n{lines}\n"
            f"func.return {names} : {types}\n}}\n"
        )

    def check(self, target: Target, bound: Sequence[int] = ()) -> None:
        """Compiles, calls and compares; inputs `bound` are given at load time."""
        FENCES.clear()
        constants = {i: self.inputs[i] for i in bound}
        free = [a for i, a in enumerate(self.inputs) if i not in constants]
        kept = [a.copy() for a in self.inputs]
        compiled = brdialect.compile(self.text(), target=target, constants=constants)
        for _ in range(2):  # a second call must not see what the first left behind
            got = compiled(*free)
            got = got if isinstance(got, tuple) else (got,)
            for value, array in zip(self.results, got, strict=True):
                self.compare(value, array)
        for before, after in zip(kept, self.inputs, strict=True):
            np.testing.assert_array_equal(before, after, "an argument was written")
        for what, low, high in FENCES:
            assert (low == POISON).all() and (high == POISON).all(), (
                f"memory outside of {what} was written by\n{self.text()}"
            )

    def compare(self, value: Value, got: Array) -> None:
        """Fails with the first element that is too far off, and the program."""
        assert got.shape == value.shape and got.dtype == DTYPES[self.element]
        wrong = off_by(got.astype(np.float64), value.array) > value.error
        if wrong.any():
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise AssertionError(
                f"{value.name}{list(at)}: expected {value.array[at]} within "
                f"{value.error[at]:.1e}, got {got[at]} ({wrong.sum()} of {wrong.size} "
                f"elements are wrong) in\n{self.text()}"
            )


def spread_out(value: Value, axes: Sequence[int], shape: Sequence[int]) -> Value:
    """The value read as a tensor of `shape`, of which it has the dimensions `axes`."""

    def read(array: Array) -> Array:
        ordered = array.transpose(np.argsort(axes))
        missing = tuple(d for d in range(len(shape)) if d not in axes)
        return np.broadcast_to(np.expand_dims(ordered, missing), shape)

    return replace(value, array=read(value.array), error=read(value.error))


def poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets all fresh memory of compiled code hold NaN between fences: what is read
    before it is written shows (results, workspace, packed weights), and what is written
    outside of it."""

    def poisoned(shape: Sequence[int], dtype: Any, what: str = "") -> Array:
        size = math.prod(shape) * np.dtype(dtype).itemsize
        memory = np.full(size + 2 * GUARD, POISON, np.uint8)
        start = GUARD - memory.ctypes.data % ALIGNMENT
        FENCES.append((what, memory[:start], memory[start + size :]))
        return memory[start : start + size].view(dtype).reshape(tuple(shape))

    monkeypatch.setattr(runtime.executable, "aligned_empty", poisoned)
