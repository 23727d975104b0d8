"""The scalar code of recurrent cells: what becomes the regions of a `br.recurrence`.

Everything emits into the enclosing `ImplicitBuilder`; the equations stand with the ops
(brdialect/recurrent_ops.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import AnyFloat, FloatAttr
from xdsl.ir import Block, Region, SSAValue

from brdialect.activations import Activation
from brdialect.destination_op import YieldOp
from brdialect.recurrent import LayerOp, SequenceOp
from brdialect.recurrent_backward_ops import GruBackwardOp, LstmBackwardOp
from brdialect.recurrent_ops import GruOp, LstmOp
from brdialect.xdsl_repairs import SelectOp


@dataclass(frozen=True)
class Scalars:
    """Arithmetic on elements of one type."""

    element: AnyFloat
    gates_by_tanh: bool = False

    def number(self, x: float) -> SSAValue:
        return arith.ConstantOp(FloatAttr(x, self.element)).result

    def add(self, x: SSAValue, y: SSAValue) -> SSAValue:
        return arith.AddfOp(x, y).result

    def subtract(self, x: SSAValue, y: SSAValue) -> SSAValue:
        return arith.SubfOp(x, y).result

    def multiply(self, x: SSAValue, y: SSAValue) -> SSAValue:
        return arith.MulfOp(x, y).result

    def fma(self, x: SSAValue, y: SSAValue, z: SSAValue) -> SSAValue:
        """x * y + z."""
        return math.FmaOp(x, y, z).result

    def divide(self, x: SSAValue, y: SSAValue) -> SSAValue:
        return arith.DivfOp(x, y).result

    def clamp(self, x: SSAValue, low: float, high: float) -> SSAValue:
        above = arith.MaximumfOp(x, self.number(low)).result
        return arith.MinimumfOp(above, self.number(high)).result

    def where(self, x: SSAValue, predicate: str, bound: float, *ways: SSAValue):
        """`ways[0] if x <predicate> bound else ways[1]`."""
        holds = arith.CmpfOp(x, self.number(bound), predicate).result
        return SelectOp(holds, *ways).result

    def sigmoid(self, x: SSAValue) -> SSAValue:
        """1 / (1 + exp(-x)); or (1 + tanh(x / 2)) / 2, which is half the work and off
        by 1e-7, so that what is near 0 has fewer digits."""
        if not self.gates_by_tanh:
            one = self.number(1.0)
            e = math.ExpOp(arith.NegfOp(x).result).result
            return self.divide(one, self.add(one, e))
        half = self.number(0.5)
        t = self.tanh(self.multiply(x, half))
        return self.fma(t, half, half)

    def tanh(self, x: SSAValue) -> SSAValue:
        return math.TanhOp(x).result

    def relu(self, x: SSAValue) -> SSAValue:
        return arith.MaximumfOp(x, self.number(0.0)).result

    def affine(self, x: SSAValue, alpha: float, beta: float) -> SSAValue:
        return self.fma(x, self.number(alpha), self.number(beta))

    def leaky_relu(self, x: SSAValue, alpha: float) -> SSAValue:
        return self.where(x, "oge", 0.0, x, self.multiply(x, self.number(alpha)))

    def thresholded_relu(self, x: SSAValue, alpha: float) -> SSAValue:
        return self.where(x, "oge", alpha, x, self.number(0.0))

    def scaled_tanh(self, x: SSAValue, alpha: float, beta: float) -> SSAValue:
        inner = self.tanh(self.multiply(x, self.number(beta)))
        return self.multiply(inner, self.number(alpha))

    def hard_sigmoid(self, x: SSAValue, alpha: float, beta: float) -> SSAValue:
        return self.clamp(self.affine(x, alpha, beta), 0.0, 1.0)

    def elu(self, x: SSAValue, alpha: float) -> SSAValue:
        below = self.multiply(math.ExpM1Op(x).result, self.number(alpha))
        return self.where(x, "oge", 0.0, x, below)

    def softsign(self, x: SSAValue) -> SSAValue:
        return self.divide(x, self.add(self.number(1.0), math.AbsFOp(x).result))

    def softplus(self, x: SSAValue) -> SSAValue:
        """max(x, 0) + log(1 + exp(-|x|)), which does not overflow; by selects, for the
        sake of the derivative at 0."""
        above = self.where(x, "oge", 0.0, x, self.number(0.0))
        minus = self.where(x, "oge", 0.0, arith.NegfOp(x).result, x)
        small = math.ExpOp(minus).result
        return self.add(above, math.Log1pOp(small).result)

    def apply(self, activation: Activation, x: SSAValue) -> SSAValue:
        function: Callable[..., SSAValue] = getattr(self, activation.name)
        return function(x, *activation.parameters)

    def sigmoid_slope(self, y: SSAValue) -> SSAValue:
        """y (1 - y), of the result."""
        return self.fma(arith.NegfOp(y).result, y, y)

    def tanh_slope(self, y: SSAValue) -> SSAValue:
        """1 - y^2, of the result."""
        return self.fma(arith.NegfOp(y).result, y, self.number(1.0))


@dataclass(frozen=True)
class SavedGate:
    """A gate in a region that is saved itself, and not its sum."""

    place: int
    """Which argument of the region is its sum."""

    sum: SSAValue
    """What its activation takes: that argument, perhaps with peepholes."""

    slope: Callable[[SSAValue], SSAValue]
    """The derivative of the activation, of the gate."""


@dataclass(frozen=True)
class Cell:
    """The regions of one direction."""

    cell: Region
    reset: Region | None = None
    candidate: int | None = None
    apart: bool = False
    gates: Mapping[SSAValue, SavedGate] = field(
        default_factory=dict[SSAValue, SavedGate]
    )
    """Those that are saved themselves."""


@dataclass(frozen=True)
class Gates:
    """What the equations of one direction of one op use."""

    op: LayerOp
    direction: int
    scalars: Scalars
    saved: dict[SSAValue, SavedGate] = field(default_factory=dict[SSAValue, SavedGate])
    """Filled by `gate`."""

    def gate(self, which: int, place: int, x: SSAValue) -> SSAValue:
        """Activation f or g of the clipped x, which is argument `place` of the region,
        perhaps with peepholes."""
        s, clip, total = self.scalars, self.op.clip_value, x
        if clip is not None:
            x = s.clamp(x, -clip, clip)
        gate = self.activate(which, x)
        if self.op.saves_result(self.direction, which):
            name = self.op.activation(self.direction, which).name
            slope: Callable[[SSAValue], SSAValue] = getattr(s, f"{name}_slope")
            self.saved[gate] = SavedGate(place, total, slope)
        return gate

    def activate(self, which: int, x: SSAValue) -> SSAValue:
        return self.scalars.apply(self.op.activation(self.direction, which), x)

    @property
    def is_saving(self) -> bool:
        """Whether the cell is that of a layer which saves what gradients need."""
        return isinstance(self.op, SequenceOp) and self.op.saved is not None

    def region(
        self,
        count: int,
        body: Callable[[Sequence[SSAValue]], Sequence[SSAValue]],
        parts: int = 0,
    ) -> Region:
        """`body` on `count` elements; of a layer that saves it yields what is saved of
        the first `parts` of them, too."""
        block = Block(arg_types=[self.scalars.element] * count)
        with ImplicitBuilder(block) as arguments:
            results = [*body(arguments)]
            if self.is_saving:
                gates = {gate.place: y for y, gate in self.saved.items()}
                results += [gates.get(i, arguments[i]) for i in range(parts)]
            YieldOp(*results)
        return Region(block)


def lstm_cell(op: LstmOp | LstmBackwardOp, g: Gates) -> Cell:
    """Takes the gates, h, c and perhaps the peepholes i, o, f."""
    s, order = g.scalars, op.gate_order

    def peep(x: SSAValue, c: SSAValue, holes: Sequence[SSAValue], at: int) -> SSAValue:
        return s.fma(holes[at], c, x) if holes else x

    def body(args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        _, c, *holes = args[4:]

        def gate(letter: str, c: SSAValue, hole: int) -> SSAValue:
            place = order.index(letter)
            return g.gate(0, place, peep(args[place], c, holes, hole))

        i = gate("i", c, 0)
        if op.input_forget is not None:
            f = s.subtract(s.number(1.0), i)
        else:
            f = gate("f", c, 2)
        place = order.index("c")
        new = s.fma(f, c, s.multiply(i, g.gate(1, place, args[place])))
        o = gate("o", new, 1)
        return s.multiply(o, g.activate(2, new)), new

    return Cell(g.region(6 if op.peepholes is None else 9, body, 4), gates=g.saved)


def gru_cell(op: GruOp | GruBackwardOp, g: Gates) -> Cell:
    """Takes the gates and h; with linear_before_reset R h of the candidate before h,
    and the candidate's recurrent bias after it."""
    s, order = g.scalars, op.gate_order
    candidate = order.index("h")
    linear = op.linear_before_reset is not None

    def gate(letter: str, order: str, args: Sequence[SSAValue]) -> SSAValue:
        place = order.index(letter)
        return g.gate(0, place, args[place])

    def body(args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        z, h = gate("z", order, args), args[4 if linear else 3]
        x = args[candidate]
        if linear:
            hidden = s.add(args[3], args[5])
            x = s.fma(gate("r", order, args), hidden, x)
        elif g.is_saving:
            gate("r", order, args)
        n = g.gate(1, candidate, x)
        return (s.fma(s.subtract(s.number(1.0), z), n, s.multiply(z, h)),)

    def reset(args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        r = gate("r", order.replace("h", ""), args)
        return (s.multiply(r, args[2]),)

    if linear:
        return Cell(g.region(6, body, 4), None, candidate, True, g.saved)
    cell = g.region(4, body, 3)
    return Cell(cell, g.region(3, reset), candidate, gates=g.saved)


def cell_of(op: LayerOp, direction: int, element: AnyFloat) -> Cell:
    """The regions of one direction of a layer, also out of the op of its gradients."""
    # in a GRU the difference of a gate and 1 counts as much as the gate
    is_lstm = isinstance(op, LstmOp | LstmBackwardOp)
    gates = Gates(op, direction, Scalars(element, is_lstm))
    match op:
        case LstmOp() | LstmBackwardOp():
            return lstm_cell(op, gates)
        case GruOp() | GruBackwardOp():
            return gru_cell(op, gates)
        case _:
            cell = gates.region(2, lambda args: [gates.gate(0, 0, args[0])], 1)
            return Cell(cell, gates=gates.saved)
