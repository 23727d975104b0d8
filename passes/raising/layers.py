"""Chains as operations: br.lstm, br.gru or br.rnn in place of their steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.dialects.builtin import AnyFloat, DenseIntOrFPElementsAttr, TensorType
from xdsl.ir import SSAValue

from brdialect.destination_op import shaped
from brdialect.recurrent_ops import GruOp, LstmOp, RnnOp, SequenceOp
from passes.raising.chains import Chain, Target
from passes.raising.elements import Elements, Point
from passes.raising.indices import Index, Variable
from passes.raising.views import (
    concatenated,
    family,
    gathered,
    merged,
    piece_of,
)

OPS: Mapping[str, type[SequenceOp]] = {"lstm": LstmOp, "gru": GruOp, "rnn": RnnOp}


@dataclass(frozen=True)
class Input:
    """x of a chain: one point over (t, n, r), or where there is none one for each
    step. `point` runs forward in time; the chain walks it back if `reverse`."""

    point: Point | None
    steps: Sequence[Point]
    reverse: bool
    batch_first: bool


def input_of(chain: Chain, elements: Elements) -> Input:
    """x as it stands now."""
    steps = [elements.resolved(p) for p in chain.inputs]
    point = merged(steps, chain.counter)
    if point is None:
        return Input(None, steps, False, False)
    reverse = any(f < 0 for i in point.index for v, f in i.terms if v.name == "t")
    if reverse:
        point = point.replaced(turned(chain.counter))
    order = [v.name for i in point.index for v in i.variables if v.name in "tn"]
    if any(piece_of(i) is None for i in point.index) and len(steps) == chain.steps:
        return Input(None, steps, False, False)
    return Input(point, steps, reverse, order == ["n", "t"])


def turned(counter: Index) -> dict[Variable, Index]:
    """The counter, t, as T - 1 - t."""
    return {v: counter * -1 + (v.extent - 1) for v in counter.variables}


def are_two_directions(one: Chain, other: Chain, elements: Elements) -> bool:
    """Whether two chains are one layer that reads its input forward and back."""
    if one.kind is not other.kind or len(one.biases) != len(other.biases):
        return False
    sizes = (one.steps, one.hidden, one.sequences)
    if sizes != (other.steps, other.hidden, other.sequences):
        return False
    x, z = input_of(one, elements), input_of(other, elements)
    return x.point is not None and x.point == z.point and x.reverse != z.reverse


class Layer:
    """The directions of one op, and what they are to be made of."""

    def __init__(self, chains: Sequence[Chain], elements: Elements):
        inputs = [(input_of(c, elements), c) for c in chains]
        inputs.sort(key=lambda pair: pair[0].reverse)  # forward first
        self.chains = chains = [c for _, c in inputs]
        self.input = inputs[0][0]
        self.reverse = [i.reverse for i, _ in inputs]
        self.elements = elements
        first = chains[0]
        self.directions = len(chains)
        self.n = Variable("n", first.sequences)
        self.k = Variable("k", first.hidden)
        self.c = Variable("r", first.x.extent)
        self.t = Variable("t", first.steps)
        self.element = shaped(first.targets[0].value).element_type

    def emitted(self) -> SequenceOp | None:
        """Emits the op and what it reads; None if an operand cannot be made."""
        first = self.chains[0]
        x = self._x()
        letters = [_gate_order(chain) for chain in self.chains]
        if x is None or len(set(letters)) != 1:
            return None
        w, r = self._weights(letters[0])
        if w is None or r is None:
            return None
        optional: dict[str, SSAValue | None] = {}
        for number, name in enumerate(("bias", "recurrent_bias")[: len(first.biases)]):
            optional[name] = self._bias(number, letters[0])
            if optional[name] is None:
                return None
        if not self._initial(optional):
            return None
        names = {1: "reverse" if self.reverse[0] else None, 2: "bidirectional"}
        options = {
            "gates": letters[0] if len(letters[0]) > 1 else None,
            "direction": names[self.directions],
            "batch_first": self.input.batch_first,
            "linear_before_reset": first.kind.op == "gru",
            **first.kind.options,
        }
        given = {name: value for name, value in options.items() if value}
        return OPS[first.kind.op](x, w, r, given, **optional)

    def _x(self) -> SSAValue | None:
        outer = [self.n, self.t] if self.input.batch_first else [self.t, self.n]
        shape = [v.extent for v in (*outer, self.c)]
        if self.input.point is not None:
            return gathered(self.input.point, [*outer, self.c], shape)
        inner = [self.n, self.c]
        return family(self.input.steps, self.t, inner, shape, self.elements)

    def _weights(self, letters: str) -> tuple[SSAValue | None, SSAValue | None]:
        x = [_sorted(c, c.x.weights, letters) for c in self.chains]
        h = [_sorted(c, c.h.weights, letters) for c in self.chains]
        state = Variable("r", self.k.extent)
        return (
            self._stack(x, [self.k, self.c], [self.c.extent]),
            self._stack(h, [self.k, state], [self.k.extent]),
        )

    def _bias(self, number: int, letters: str) -> SSAValue | None:
        points = [_sorted(c, c.biases[number], letters) for c in self.chains]
        return self._stack(points, [self.k], [])

    def _stack(
        self,
        directions: Sequence[Sequence[Point]],
        order: Sequence[Variable],
        inner: Sequence[int],
    ) -> SSAValue | None:
        """All gates of all directions: `[D, G*K, inner...]`."""
        gates = Variable("j", len(directions[0]))
        shape = [1, gates.extent * self.k.extent, *inner]
        made = [family(p, gates, order, shape, self.elements) for p in directions]
        known = [m for m in made if m is not None]
        return concatenated(known) if len(known) == len(made) else None

    def _initial(self, optional: dict[str, SSAValue | None]) -> bool:
        """Adds the initial states unless all are 0; False if one cannot be made."""
        states = {"h0": [c.h0 for c in self.chains]}
        if self.chains[0].c0 is not None:
            states["c0"] = [c.c0 for c in self.chains if c.c0 is not None]
        given = [p for points in states.values() for p in points]
        if all(self.elements.number(p) == 0 for p in given):
            return True
        optional |= {name: self._state(points) for name, points in states.items()}
        return all(optional[name] is not None for name in states)

    def _state(self, points: Sequence[Point]) -> SSAValue | None:
        """`[D, N, K]`"""
        order = [self.n, self.k]
        shape = [v.extent for v in order]
        numbers = [self.elements.number(p) for p in points]
        if all(number is None for number in numbers):
            directions = Variable("d", len(points))
            whole = [len(points), *shape]
            return family(points, directions, order, whole, self.elements)
        pieces = [
            gathered(self.elements.resolved(p), order, [1, *shape])
            if number is None
            else self._filled([1, *shape], number)
            for p, number in zip(points, numbers, strict=True)
        ]
        known = [p for p in pieces if p is not None]
        return concatenated(known) if len(known) == len(pieces) else None

    def _filled(self, shape: Sequence[int], number: float) -> SSAValue:
        assert isinstance(self.element, AnyFloat)
        type_ = TensorType(self.element, shape)
        data = DenseIntOrFPElementsAttr.from_list(type_, [number])
        return arith.ConstantOp(data).result

    def read(self) -> list[SSAValue]:
        """All values that the op is made of."""
        points: list[Point] = [*self.input.steps]
        for chain in self.chains:
            points += [*chain.x.weights, *chain.h.weights, chain.h0]
            points += [p for biases in chain.biases for p in biases]
            points += [chain.c0] if chain.c0 is not None else []
        return [self.elements.resolved(p).value for p in points]

    def result(self, op: SequenceOp, direction: int, target: Target) -> Point:
        """What takes a target's place, over (t, n, k)."""
        n, k = _single(self.n), _single(self.k)
        if target.is_memory:
            return Point(op.results[-1], (Index(direction), n, k))
        step = target.step
        if self.reverse[direction]:
            step = step * -1 + (self.t.extent - 1)
        outer = (n, step) if self.input.batch_first else (step, n)
        return Point(op.y, (*outer, k + direction * self.k.extent))


def _single(v: Variable) -> Index:
    return Index() if v.extent == 1 else Index(0, ((v, 1),))


def _gate_order(chain: Chain) -> str:
    """The letters in the order in which the weights lie, where they lie in one."""
    weights = dict(zip(chain.kind.gates, chain.x.weights, strict=True))
    if len({p.value for p in weights.values()}) != 1:
        return chain.kind.gates
    starts = {g: [i.constant for i in p.index] for g, p in weights.items()}
    return "".join(sorted(starts, key=lambda g: starts[g]))


def _sorted(chain: Chain, points: Sequence[Point], letters: str) -> list[Point]:
    by_letter = dict(zip(chain.kind.gates, points, strict=True))
    return [by_letter[g] for g in letters]
