"""Steps of programs other than contractions, drawn by hypothesis: each takes a value of
a `programs.Program` and gives a new one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from contractions import (
    SIZES,
    Draw,
    Window,
    attributes_of,
    numbers,
    operand,
    shrunk,
    summed,
    window_of,
    windows,
)
from hypothesis import strategies as st
from numpy.typing import NDArray
from programs import BINARY, UNARY, Program, Value

Array = NDArray[Any]
Step = Callable[[Draw, Program, Value], Value]
RANKS = st.sampled_from([1, 2, 2, 3, 3, 4, 4, 5, 0])
LIMIT = 3000
"""Elements of a tensor."""


def shape_of(draw: Draw) -> list[int]:
    """A shape of any rank up to 5."""
    sizes = shrunk({str(i): draw(SIZES) for i in range(draw(RANKS))}, LIMIT)
    return list(sizes.values())


def moved(name: str, x: Value, move: Callable[[Array], Array]) -> Value:
    """Elements that only change their places."""
    return Value(name, move(x.array), move(x.error))


def unary(draw: Draw, p: Program, x: Value) -> Value:
    return p.apply(UNARY[draw(st.sampled_from(sorted(UNARY)))], x)


def binary(draw: Draw, p: Program, x: Value) -> Value:
    """With a fresh operand, which may have some of x's dimensions, in any order."""
    axes = list(range(len(x.shape)))
    some = draw(st.permutations(axes))[: draw(st.integers(0, len(axes)))]
    some = axes if draw(st.booleans()) else some
    y = operand(draw, p, [x.shape[d] for d in some])
    function = BINARY[draw(st.sampled_from(sorted(BINARY)))]
    if draw(st.booleans()):
        return p.apply(function, x, y, axes=[axes, some])
    return p.apply(function, y, x, axes=[some, axes])


NAMED = {
    **{n: UNARY[n] for n in ("exp", "tanh", "erf", "abs", "sqrt", "rsqrt")},
    "negf": UNARY["neg"],
    **{n: BINARY[n] for n in ("add", "sub", "mul", "div", "max", "min")},
}
"""Named operations on elements."""


def named(draw: Draw, p: Program, x: Value) -> Value:
    name = draw(st.sampled_from(sorted(NAMED)))
    inputs = [x, operand(draw, p, x.shape)] if name in BINARY else [x]
    result = p.named(name, inputs, p.empty(x.shape), x.shape)
    return p.rounded(result, NAMED[name], inputs)


def reduced(draw: Draw, p: Program, x: Value) -> Value:
    """The sum, largest or smallest along some dimensions; or their product, of few."""
    axes = range(len(x.shape))
    along = sorted(draw(st.sets(st.sampled_from(axes), min_size=1))) if axes else []
    kept = [d for d in axes if d not in along]
    shape = [x.shape[d] for d in kept]
    name = draw(st.sampled_from(["sum", "max", "min"]))
    start = {"sum": 0.0, "max": -np.inf, "min": np.inf}[name]
    body = BINARY["add" if name == "sum" else name].body.format(
        "%x0", "%acc", t=p.element
    )
    maps = [", ".join(f"d{d}" for d in some) for some in (axes, kept)]
    iterators = "".join("p" if d in kept else "r" for d in axes)
    result = p.generic((x,), p.fill(start, shape), shape, maps, iterators, body)
    return folded(p, result, x, name, tuple(along))


def folded(
    p: Program, result: str, x: Value, name: str, along: tuple[int, ...]
) -> Value:
    """The sum, max or min of x along some dimensions, and its error."""
    with np.errstate(all="ignore"):
        if name != "sum":
            best = (np.max if name == "max" else np.min)(x.array, axis=along)
            return Value(result, np.asarray(best), np.max(x.error, axis=along))
        magnitude = np.sum(
            np.abs(np.nan_to_num(x.array, posinf=0, neginf=0)), axis=along
        )
        count = prod(x.shape[d] for d in along) + 1
        error = np.sum(x.error, axis=along) + count * p.unit * magnitude
        return Value(result, p.nearest(np.sum(x.array, axis=along)), error)


def softmax(draw: Draw, p: Program, x: Value) -> Value:
    if not x.shape:
        return x
    d = draw(st.integers(0, len(x.shape) - 1))
    type_, empty = p.type(x.shape), p.empty(x.shape)
    name = p.emit(
        f"linalg.softmax dimension({d}) ins({x.name} : {type_}) "
        f"outs({empty} : {type_}) -> {type_}"
    )
    with np.errstate(all="ignore"):
        power = np.exp(x.array - np.max(x.array, axis=d, keepdims=True))
        share = power / np.sum(power, axis=d, keepdims=True)
        worst = np.max(x.error, axis=d, keepdims=True)
    error = share * np.expm1(np.minimum(4 * worst, 50)) + 32 * x.shape[d] * p.unit
    return Value(name, share, np.broadcast_to(error, share.shape))


def padded(draw: Draw, p: Program, x: Value) -> Value:
    number = draw(st.sampled_from([0.0, -np.inf, 1.5]))
    amount = st.tuples(*[st.integers(0, 2)] * 2)
    amounts = [draw(amount) for _ in x.shape]
    shape = [n + low + high for n, (low, high) in zip(x.shape, amounts, strict=True)]
    if prod(shape) > LIMIT or not shape:
        return x
    return p.pad(x, amounts, number)


def _slice(draw: Draw, shape: Sequence[int]) -> tuple[list[int], list[int], list[int]]:
    """Offsets, sizes and strides inside a shape."""
    offsets = [draw(st.integers(0, n - 1)) for n in shape]
    strides = [draw(st.sampled_from([1, 1, 2, 3])) for _ in shape]
    sizes = [
        draw(st.integers(1, -(-(n - o) // s)))
        for n, o, s in zip(shape, offsets, strides, strict=True)
    ]
    return offsets, sizes, strides


def _index(
    offsets: Sequence[int], sizes: Sequence[int], strides: Sequence[int]
) -> tuple[slice, ...]:
    bounds = zip(offsets, sizes, strides, strict=True)
    return tuple(slice(o, o + (n - 1) * s + 1, s) for o, n, s in bounds)


def sliced(draw: Draw, p: Program, x: Value) -> Value:
    offsets, sizes, strides = _slice(draw, x.shape)
    index = _index(offsets, sizes, strides)
    name = p.emit(
        f"tensor.extract_slice {x.name} {offsets} {sizes} {strides} : "
        f"{p.type(x.shape)} to {p.type(sizes)}"
    )
    return moved(name, x, lambda a: a[index])


def inserted(draw: Draw, p: Program, x: Value) -> Value:
    """A fresh operand written over a part of x."""
    offsets, sizes, strides = _slice(draw, x.shape)
    index = _index(offsets, sizes, strides)
    part = operand(draw, p, sizes)
    name = p.emit(
        f"tensor.insert_slice {part.name} into {x.name} {offsets} {sizes} {strides} : "
        f"{p.type(sizes)} into {p.type(x.shape)}"
    )
    array, error = np.array(x.array), np.array(x.error)
    array[index], error[index] = part.array, part.error
    return Value(name, array, error)


def concatenated(draw: Draw, p: Program, x: Value) -> Value:
    """x between itself or fresh operands."""
    if not x.shape or 3 * prod(x.shape) > LIMIT:
        return x
    d = draw(st.integers(0, len(x.shape) - 1))
    parts = [x if draw(st.booleans()) else operand(draw, p, x.shape), x]
    parts += draw(st.sampled_from([[], [parts[0]]]))
    array = np.concatenate([v.array for v in parts], d)
    names = ", ".join(v.name for v in parts)
    types = ", ".join(p.type(v.shape) for v in parts)
    name = p.emit(
        f"tensor.concat dim({d}) {names} : ({types}) -> {p.type(array.shape)}"
    )
    return Value(name, array, np.concatenate([v.error for v in parts], d))


def collapsed(draw: Draw, p: Program, x: Value) -> Value:
    if len(x.shape) < 2 and prod(x.shape) > 1:
        return x
    groups: list[list[int]] = []  # of one element: a tensor without dimensions
    if prod(x.shape) > 1:
        d = draw(st.integers(0, len(x.shape) - 2))
        groups = [[i] for i in range(d)] + [[d, d + 1]]
        groups += [[i] for i in range(d + 2, len(x.shape))]
    shape = [prod(x.shape[i] for i in g) for g in groups]
    name = p.emit(
        f"tensor.collapse_shape {x.name} {groups} : {p.type(x.shape)} "
        f"into {p.type(shape)}"
    )
    return moved(name, x, lambda a: a.reshape(shape))


def expanded(draw: Draw, p: Program, x: Value) -> Value:
    old = list(x.shape)
    if len(old) > 4:
        return x
    groups: list[list[int]] = []
    shape = [1] * draw(st.integers(1, 3))
    if old:
        d = draw(st.integers(0, len(old) - 1))
        size = old[d]
        factor = draw(st.sampled_from([f for f in range(1, 9) if size % f == 0]))
        groups = [[i] for i in range(d)] + [[d, d + 1]]
        groups += [[i + 1] for i in range(d + 1, len(old))]
        shape = [*old[:d], factor, size // factor, *old[d + 1 :]]
    name = p.emit(
        f"tensor.expand_shape {x.name} {groups} output_shape {shape} : "
        f"{p.type(x.shape)} into {p.type(shape)}"
    )
    return moved(name, x, lambda a: a.reshape(shape))


def transposed(draw: Draw, p: Program, x: Value) -> Value:
    order = draw(st.permutations(range(len(x.shape))))
    shape = [x.shape[d] for d in order]
    empty = p.empty(shape)
    name = p.emit(
        f"linalg.transpose ins({x.name} : {p.type(x.shape)}) "
        f"outs({empty} : {p.type(shape)}) permutation = {order}"
    )
    return moved(name, x, lambda a: a.transpose(order))


def broadcast(draw: Draw, p: Program, x: Value) -> Value:
    size, d = draw(st.integers(1, 4)), draw(st.integers(0, len(x.shape)))
    shape = [*x.shape[:d], size, *x.shape[d:]]
    if len(shape) > 4 or prod(shape) > LIMIT:
        return x
    empty = p.empty(shape)
    name = p.emit(
        f"linalg.broadcast ins({x.name} : {p.type(x.shape)}) "
        f"outs({empty} : {p.type(shape)}) dimensions = [{d}]"
    )
    return moved(name, x, lambda a: np.broadcast_to(np.expand_dims(a, d), shape))


def multiplied(draw: Draw, p: Program, x: Value) -> Value:
    """x, or its last two dimensions, by fresh weights; or weights by x."""
    if len(x.shape) != 2:
        return x
    size = draw(SIZES)
    if draw(st.booleans()):
        a, b = x, operand(draw, p, (x.shape[1], size))
    else:
        a, b = operand(draw, p, (size, x.shape[0])), x
    shape = (a.shape[0], b.shape[1])
    start = Value(p.fill(0.0, shape), np.zeros(shape), np.zeros(shape))
    name = p.named("matmul", (a, b), start.name, shape)
    return summed(p, name, a, b, start, "mk,kn->mn")


POOLS = {3: ("ncw", "nwc"), 4: ("nchw", "nhwc"), 5: ("ndhwc",)}
"""Layouts of pooling by rank."""


def pooled(draw: Draw, p: Program, x: Value) -> Value:
    """Fits windows into x, if it has dimensions of space."""
    if len(x.shape) not in POOLS:
        return x
    layout = draw(st.sampled_from(POOLS[len(x.shape)]))
    first = 2 if layout.startswith("nc") else 1
    along: list[Window] = []
    for size in x.shape[first : first + len(layout) - 2]:
        w = window_of(draw, len(layout) - 2)
        if w.reach > size:
            return x
        along.append(Window((size - w.reach) // w.stride + 1, *window_fields(w)))
    name = draw(st.sampled_from(["sum", "max"]))
    shape = list(x.shape)
    shape[first : first + len(along)] = [w.out for w in along]
    window = Value(
        p.empty([w.taps for w in along]), np.empty([w.taps for w in along]), x.error
    )
    start = p.fill(0.0 if name == "sum" else -np.inf, shape)
    operation = f"pooling_{layout}_{name}{attributes_of(along)}"
    result = p.named(operation, (x, window), start, shape)
    seen = moved("", x, lambda a: windows(a, first, along))
    return folded(p, result, seen, name, tuple(range(len(shape), len(seen.shape))))


def window_fields(w: Window) -> tuple[int, int, int, int, int]:
    """All but the number of positions."""
    return w.taps, w.stride, w.dilation, 0, 0


STEPS: Sequence[Step] = (
    unary, binary, named, reduced, softmax, padded, sliced, inserted, concatenated,
    collapsed, expanded, transposed, broadcast, multiplied, pooled,
)  # fmt: skip


def fresh(draw: Draw, p: Program) -> Value:
    """An argument to begin with; sometimes with NaN and infinities."""
    return p.input(numbers(draw, shape_of(draw), draw(st.integers(0, 4)) == 0))
