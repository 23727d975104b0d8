"""What the recurrent ops mean: one step as its formulas say it, and the walk in time.

Arrays are named and laid out as in brdialect/recurrent_ops.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from brdialect.activations import Activation
from brdialect.errors import BrError
from brdialect.recurrent import RecurrentOp, SequenceOp
from brdialect.recurrent_ops import GruCellOp, GruOp, LstmCellOp, LstmOp
from brdialect.reference.machine import Frame, Handler
from brdialect.reference.values import Array, Value

Arrays = Sequence[Array]

Step = Callable[[Array, Arrays], tuple[Arrays, Arrays]]
"""(x [N, C], states [N, K]) -> the states after the step, h first; what is saved of the
gates."""


def activate(activation: Activation, x: Array) -> Array:
    """The function that `activation` names, of each element."""
    match activation.name, activation.parameters:
        case "sigmoid", ():
            return 1 / (1 + np.exp(-x))
        case "tanh", ():
            return np.tanh(x)
        case "relu", ():
            return np.maximum(x, 0)
        case "affine", (alpha, beta):
            return alpha * x + beta
        case "leaky_relu", (alpha,):
            return np.where(x >= 0, x, alpha * x)
        case "thresholded_relu", (alpha,):
            return np.where(x >= alpha, x, 0)
        case "scaled_tanh", (alpha, beta):
            return alpha * np.tanh(beta * x)
        case "hard_sigmoid", (alpha, beta):
            return np.clip(alpha * x + beta, 0, 1)
        case "elu", (alpha,):
            return np.where(x >= 0, x, alpha * np.expm1(x))
        case "softsign", ():
            return x / (1 + np.abs(x))
        case "softplus", ():
            return np.logaddexp(0, x)
        case _:
            raise BrError(f"expected an activation, got {activation}")


@dataclass(frozen=True)
class Direction:
    """What one direction computes with."""

    gates: str
    w: Array
    """[G*K, C]"""

    r: Array
    """[G*K, K]"""

    bias: Array
    """[G*K]"""

    recurrent_bias: Array
    """[G*K]"""

    peepholes: Array
    """[3*K] in the order i, o, f; empty for ops without"""

    activations: Sequence[Activation]
    clip: float | None
    saves_result: Sequence[bool]
    """For f and g: whether what is saved of a gate is the function's result."""

    def rows(self, gate: str) -> slice:
        """Where a gate lies in the weights."""
        hidden = self.r.shape[1]
        first = self.gates.index(gate) * hidden
        return slice(first, first + hidden)

    def of_input(self, gate: str, x: Array) -> Array:
        """`W x + b` [N, K] of one gate."""
        rows = self.rows(gate)
        return x @ self.w[rows].T + self.bias[rows]

    def of_state(self, gate: str, h: Array) -> Array:
        """`R h + rb` [N, K] of one gate."""
        rows = self.rows(gate)
        return h @ self.r[rows].T + self.recurrent_bias[rows]

    def function(self, which: int, x: Array) -> Array:
        """f or g of the bounded sum."""
        if self.clip is not None:
            x = np.clip(x, -self.clip, self.clip)
        return activate(self.activations[which], x)

    def saved(self, which: int, x: Array, result: Array) -> Array:
        """What is saved of a gate, out of its sum and what f or g makes of it."""
        return result if self.saves_result[which] else x


def lstm_step(d: Direction, input_forget: bool) -> Step:
    """See `LstmOp`."""
    p_i, p_o, p_f = np.split(d.peepholes, 3)

    def step(x: Array, states: Arrays) -> tuple[Arrays, Arrays]:
        h, c = states
        sums = {gate: d.of_input(gate, x) + d.of_state(gate, h) for gate in d.gates}
        i = d.function(0, sums["i"] + p_i * c)
        f = 1 - i if input_forget else d.function(0, sums["f"] + p_f * c)
        g = d.function(1, sums["c"])
        c = f * c + i * g
        o = d.function(0, sums["o"] + p_o * c)
        gates = {"i": i, "o": o, "c": g} | ({} if input_forget else {"f": f})
        saved = [
            d.saved(int(gate == "c"), x, gates.get(gate, x)) for gate, x in sums.items()
        ]
        return (o * activate(d.activations[2], c), c), saved

    return step


def gru_step(d: Direction, linear_before_reset: bool) -> Step:
    """See `GruOp`."""

    def step(x: Array, states: Arrays) -> tuple[Arrays, Arrays]:
        (h,) = states
        sums = {gate: d.of_input(gate, x) for gate in d.gates}
        for gate in "zr":
            sums[gate] = sums[gate] + d.of_state(gate, h)
        z, r = (d.function(0, sums[gate]) for gate in "zr")
        if linear_before_reset:
            total = sums["h"] + r * d.of_state("h", h)
        else:
            sums["h"] = total = sums["h"] + d.of_state("h", r * h)
        n = d.function(1, total)
        gates = {"z": z, "r": r, "h": n}
        saved = [d.saved(int(gate == "h"), x, gates[gate]) for gate, x in sums.items()]
        if linear_before_reset:
            saved.append(h @ d.r[d.rows("h")].T)
        return ((1 - z) * n + z * h,), saved

    return step


def rnn_step(d: Direction) -> Step:
    """See `RnnOp`."""

    def step(x: Array, states: Arrays) -> tuple[Arrays, Arrays]:
        total = d.of_input("i", x) + d.of_state("i", states[0])
        h = d.function(0, total)
        return (h,), [d.saved(0, total, h)]

    return step


def check_lengths(lengths: Array, steps: int) -> None:
    """Refuses those that are not within 0..T."""
    if np.any((lengths < 0) | (lengths > steps)):
        raise BrError(f"expected lengths within 0..{steps}, got {lengths.tolist()}")


def walk(
    step: Step, x: Array, states: Arrays, lengths: Array, back: bool
) -> tuple[Array, Arrays, Array]:
    """All steps over x [T, N, C]: y [T, N, K], the states after the last one, what is
    saved [T, N, S*K].

    From the step `lengths[n]` on, sequence n keeps its states, and its y is 0.
    """
    steps = len(x)
    check_lengths(lengths, steps)
    y = np.zeros((steps, *states[0].shape), states[0].dtype)
    saved: list[Array] = []
    for t in reversed(range(steps)) if back else range(steps):
        runs = (t < lengths)[:, np.newaxis]
        after, sums = step(x[t], states)
        y[t] = np.where(runs, after[0], 0)
        saved.append(np.concatenate([*sums, *states[1:]], axis=1))
        pairs = zip(after, states, strict=True)
        states = [np.where(runs, new, old) for new, old in pairs]
    return y, states, np.array(saved[::-1] if back else saved)


def _step(op: RecurrentOp, d: Direction) -> Step:
    if isinstance(op, LstmOp | LstmCellOp):
        return lstm_step(d, op.input_forget is not None)
    if isinstance(op, GruOp | GruCellOp):
        return gru_step(d, op.linear_before_reset is not None)
    return rnn_step(d)


def direction_of(op: RecurrentOp, given: Mapping[str, Array], i: int) -> Direction:
    """What direction i of an op computes with, out of its operands by name, time
    first."""
    directions, rows, hidden = given["r"].shape
    none = np.zeros((directions, rows), given["x"].dtype)
    peepholes = np.zeros((directions, 3 * hidden), given["x"].dtype)
    return Direction(
        op.gate_order,
        given["w"][i],
        given["r"][i],
        given.get("bias", none)[i],
        given.get("recurrent_bias", none)[i],
        given.get("peepholes", peepholes)[i],
        [op.activation(i, which) for which in range(len(op.ACTIVATIONS))],
        op.clip_value,
        [op.saves_result(i, which) for which in range(len(op.ACTIVATIONS))],
    )


def initial_of(op: RecurrentOp, given: Mapping[str, Array], i: int) -> Arrays:
    """The states [N, K] before the first step of direction i."""
    x = given["x"]
    none = np.zeros((x.shape[1], given["r"].shape[2]), x.dtype)
    return [given[name][i] if name in given else none for name in op.STATES]


def recurrent(frame: Frame, op: RecurrentOp, args: Sequence[Value]) -> Sequence[Value]:
    """Any of the ops, in the element type that x is held in."""
    given: dict[str, Array] = {
        name: frame.values[v] for name, v in op.tensors() if v in op.operands
    }
    sequence = isinstance(op, SequenceOp)
    if not sequence:  # a cell is a sequence of one step in one direction
        given = {name: value[np.newaxis] for name, value in given.items()}
    x = given["x"]
    if sequence and op.batch_first is not None:
        given["x"] = x = x.swapaxes(0, 1)
    steps, batch, _ = x.shape
    width = op.saved_parts * given["r"].shape[2]
    lengths = given["lengths"] if "lengths" in given else np.asarray([steps] * batch)
    outputs: list[Array] = []
    finals: list[Arrays] = []
    saved: list[Array] = []
    for i, back in enumerate(op.directions):
        d = direction_of(op, given, i)
        states = initial_of(op, given, i)
        y, last, parts = walk(_step(op, d), x, states, lengths, back)
        outputs.append(y)
        finals.append(last)
        saved.append(parts.reshape(steps, batch, width))
    states = [np.stack(each) for each in zip(*finals, strict=True)]
    if not sequence:
        return [state[0] for state in states]
    y = np.concatenate(outputs, axis=2)  # D times [T, N, K] -> [T, N, D*K]
    results = [y.swapaxes(0, 1) if op.batch_first is not None else y, *states]
    return results if op.saved is None else [*results, np.stack(saved)]


HANDLERS: dict[str, Handler] = {
    f"br.{name}{kind}": recurrent
    for name in ("lstm", "gru", "rnn")
    for kind in ("", "_cell")
}
