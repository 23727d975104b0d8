"""One step of a recurrence, found as a pattern of scalar computations.

    lstm   c' = sigmoid(f) c + sigmoid(i) tanh(g),  h' = sigmoid(o) tanh(c')
    gru    n = tanh(a + sigmoid(r) b),  h' = (1 - sigmoid(z)) n + sigmoid(z) h
    rnn    h' = tanh(s)  or  max(s, 0)

where each of f, i, g, o, r, z and s is x W + h R plus biases, and a, b are the two
halves of such a sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from xdsl.dialects.builtin import TensorType
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Operation, SSAValue

from brdialect.destination_op import is_supported_float, shaped
from passes.raising.elements import Elements, Point, Product
from passes.raising.indices import Index, variable
from passes.raising.patterns import (
    ONE,
    Any,
    Either,
    Found,
    Pattern,
    last_operations,
    minus,
    plus,
    relu,
    sigmoid,
    tanh,
    times,
)


@dataclass(frozen=True)
class Kind:
    """A cell: the op it becomes, its letters for gates and for the state besides h."""

    op: str
    pattern: Pattern
    gates: str
    """The names in the pattern, which are the op's letters for the gates."""
    memory: str = ""
    options: Mapping[str, Sequence[str]] = field(default_factory=dict[str, list[str]])
    shortest: int = 1
    """How many steps are worth an op of their own."""


_LSTM = times(
    sigmoid(Any("o")),
    tanh(
        Any(
            "memory",
            plus(
                times(sigmoid(Any("f")), Any("previous")),
                times(sigmoid(Any("i")), tanh(Any("c"))),
            ),
        )
    ),
)

_CANDIDATE = Any("candidate", tanh(Any("h")))
_UPDATE = sigmoid(Any("z"))
_GRU = Either(
    (
        plus(times(minus(Any("previous"), _CANDIDATE), _UPDATE), _CANDIDATE),
        plus(times(minus(ONE, _UPDATE), _CANDIDATE), times(_UPDATE, Any("previous"))),
        minus(_CANDIDATE, times(_UPDATE, minus(_CANDIDATE, Any("previous")))),
    )
)
_RESET = times(sigmoid(Any("r")), Any("recurrent"))

LSTM = Kind("lstm", _LSTM, "ifco", memory="memory")
GRU = Kind("gru", _GRU, "rzh")
KINDS = (
    LSTM,
    GRU,
    Kind("rnn", tanh(Any("s")), "s", shortest=2),
    Kind("rnn", relu(Any("s")), "s", options={"activations": ["relu"]}, shortest=2),
)

BY_LAST_OPERATION = {
    name: [kind for kind in KINDS if name in last_operations(kind.pattern)]
    for name in sorted({n for kind in KINDS for n in last_operations(kind.pattern)})
}
"""The kinds whose h comes out of a scalar operation of this name."""


@dataclass(frozen=True)
class Side:
    """`data W` of all gates: data over (n, r), weights over (k, r)."""

    extent: int
    data: Point
    weights: tuple[Point, ...]


@dataclass(frozen=True)
class Cell:
    """One step. `sides` are x's and h's, in this order in a GRU; elsewhere the two are
    alike, and what the steps hand on tells them apart."""

    kind: Kind
    result: SSAValue
    sequences: int
    hidden: int
    state: Point
    """h after the step, a key over (n, k)."""
    memory: Point | None
    """c after the step, likewise."""
    previous: Point | None
    """c before the step, or h, where the pattern says so."""
    sides: tuple[Side, Side]
    biases: tuple[tuple[Point, ...], ...]
    """None, one or two, each with a point over (k) for each gate; in a GRU the first
    is x's."""


def cells_in(ops: Iterable[Operation], elements: Elements) -> Iterator[Cell]:
    """The cells whose h the operations compute."""
    for op in ops:
        if (
            not isinstance(op, linalg.GenericOp)
            or (last := op.body.block.last_op) is None
            or not op.res  # on memory
        ):
            continue
        for result, stored in zip(op.res, last.operands, strict=True):
            scalar = stored.owner
            if isinstance(scalar, Operation) and scalar.name in BY_LAST_OPERATION:
                kinds = BY_LAST_OPERATION[scalar.name]
                cell = _cell_of(result, kinds, elements)
                if cell is not None:
                    yield cell


def place(shape: Sequence[int]) -> tuple[Index, ...] | None:
    """`(0, .., n, .., k)` in a tensor of this shape."""
    *outer, hidden = shape
    if min(shape) < 1 or sum(size != 1 for size in outer) > 1:
        return None
    return (*(variable("n", size) for size in outer), variable("k", hidden))


def _cell_of(
    result: SSAValue, kinds: Sequence[Kind], elements: Elements
) -> Cell | None:
    shape = shaped(result).get_shape()
    at = place(shape) if shape else None
    if at is None or not is_supported_float(shaped(result).element_type):
        return None
    point = Point(result, at)
    for kind in kinds:
        for found in kind.pattern.match(point, elements, {}):
            cell = _completed(kind, point, found, elements)
            if cell is not None:
                return cell
    return None


def _completed(
    kind: Kind, point: Point, found: Found, elements: Elements
) -> Cell | None:
    """The cell, if its gates are sums of two products and biases."""
    gates = _gates(kind, found, elements)
    if gates is None:
        return None
    reference = gates[-1]
    keys = [elements.key(p.left) for p in reference.products]
    if len(keys) != 2 or keys[0] == keys[1]:
        return None
    sides: list[Side] = []
    for key, product in zip(keys, reference.products, strict=True):
        weights = [
            p.right for g in gates for p in g.products if elements.key(p.left) == key
        ]
        if len(weights) != len(gates):
            return None
        sides.append(Side(product.extent, product.left, tuple(weights)))
    *outer, hidden = shaped(point.value).get_shape()
    return Cell(
        kind,
        point.value,
        max(outer, default=1),
        hidden,
        elements.key(point),
        elements.key(found[kind.memory]) if kind.memory else None,
        elements.resolved(found["previous"]) if "previous" in found else None,
        (sides[0], sides[1]),
        _paired_biases(gates),
    )


@dataclass
class _Gate:
    """The terms of one sum: products with data left and weights right, biases."""

    products: list[Product]
    biases: list[Point]
    rest: list[Point]


def _gates(kind: Kind, found: Found, elements: Elements) -> list[_Gate] | None:
    """The sums behind a cell's gates, in the order of `kind.gates`, each with two
    products and as many biases."""
    gates = [_sum(found[name], elements) for name in kind.gates if name in found]
    if kind is GRU:
        gates = _behind_reset(gates[-1], elements) + gates[:-1]
        gates = [gates[0], gates[2], gates[1]] if len(gates) == 3 else [None]
    known = [g for g in gates if g is not None and not g.rest]
    if len(known) != len(gates):
        return None
    for gate in known:
        if len(gate.products) == 1:
            gate.products = elements.side_by_side(gate.products[0])
    same = {(len(g.products), len(g.biases)) for g in known}
    return known if same in ({(2, 0)}, {(2, 1)}, {(2, 2)}) else None


def _behind_reset(candidate: _Gate | None, elements: Elements) -> list[_Gate | None]:
    """Gates r and h of a GRU, from the sum `x W + b + sigmoid(r) (h R + c)`: the
    second with x's product and bias first."""
    if candidate is None or len(candidate.rest) != 1:
        return []
    for found in _RESET.match(candidate.rest[0], elements, {}):
        half = _sum(found["recurrent"], elements)
        if half is None or half.rest or len(candidate.products) != 1:
            continue
        if len(half.biases) == len(candidate.biases):
            whole = _Gate(
                [*candidate.products, *half.products],
                [*candidate.biases, *half.biases],
                [],
            )
            return [_sum(found["r"], elements), whole]
    return []


def _sum(point: Point, elements: Elements) -> _Gate | None:
    """The terms of a sum; None where a product is not one of data and weights."""
    gate = _Gate([], [], [])
    pending = [point]
    while pending:
        term = elements.resolved(pending.pop(0))
        operation = elements.operation(term)
        product = elements.product(term)
        if operation is not None and operation[0] == "arith.addf":
            pending = [*operation[1], *pending]
        elif product is not None:
            turned = _data_first(product)
            if turned is None:
                return None
            gate.products.append(turned)
            pending = [product.start, *pending]
        elif elements.number(term) != 0:
            (gate.biases if _is_bias(term) else gate.rest).append(term)
    return gate


def _data_first(product: Product) -> Product | None:
    """With the operand that varies with k on the right."""
    for left, right in (
        (product.left, product.right),
        (product.right, product.left),
    ):
        if {"k"} <= _varies(right) <= {"k", "r"} and "k" not in _varies(left):
            return Product(product.extent, product.start, left, right)
    return None


def _varies(point: Point) -> set[str]:
    return {v.name for v in point.variables}


def _is_bias(point: Point) -> bool:
    return _varies(point) == {"k"} and isinstance(point.value.type, TensorType)


def _paired_biases(gates: Sequence[_Gate]) -> tuple[tuple[Point, ...], ...]:
    """The first biases of all gates, then the second: as the last gate has them, and
    in others, where their order does not matter, by the tensor they lie in."""
    reference = gates[-1].biases
    pairs: list[list[Point]] = []
    for gate in gates:
        swap = [b.value for b in gate.biases] == [b.value for b in reference[::-1]]
        pairs.append(
            gate.biases[::-1] if swap and gate is not gates[-1] else gate.biases
        )
    return tuple(tuple(family) for family in zip(*pairs, strict=True))
