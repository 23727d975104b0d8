"""What the gradients of recurrent layers mean: one step as its formulas say it, and the
walk back in time.

Arrays are named and laid out as in brdialect/recurrent_backward_ops.py; `'` marks what
was there before the step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from brdialect.activations import Activation
from brdialect.errors import BrError
from brdialect.recurrent_backward_ops import (
    BACKWARD,
    BackwardOp,
    GruBackwardOp,
    LstmBackwardOp,
)
from brdialect.reference.machine import Frame, Handler
from brdialect.reference.recurrent import (
    Direction,
    activate,
    check_lengths,
    direction_of,
    initial_of,
)
from brdialect.reference.values import Array, Value

Gates = dict[str, Array]
"""[N, K] of each gate."""


def slope(activation: Activation, x: Array) -> Array:
    """The derivative of the function that `activation` names, at each element."""
    match activation.name, activation.parameters:
        case "sigmoid", ():
            y = activate(activation, x)
            return y * (1 - y)
        case "tanh", ():
            return 1 - np.tanh(x) ** 2
        case "relu", ():
            return np.where(x > 0, 1.0, 0.0)
        case "affine", (alpha, _):
            return np.full_like(x, alpha)
        case "leaky_relu", (alpha,):
            return np.where(x >= 0, 1, alpha)
        case "thresholded_relu", (alpha,):
            return np.where(x >= alpha, 1.0, 0.0)
        case "scaled_tanh", (alpha, beta):
            return alpha * beta * (1 - np.tanh(beta * x) ** 2)
        case "hard_sigmoid", (alpha, beta):
            y = alpha * x + beta
            return np.where((y > 0) & (y < 1), alpha, 0)
        case "elu", (alpha,):
            return np.where(x >= 0, 1, alpha * np.exp(np.minimum(x, 0)))
        case "softsign", ():
            return 1 / (1 + np.abs(x)) ** 2
        case "softplus", ():
            return 1 / (1 + np.exp(-x))
        case _:
            raise BrError(f"expected an activation, got {activation}")


def slope_of_gate(d: Direction, which: int, x: Array) -> Array:
    """The derivative of f or g of the bounded sum x."""
    if d.clip is None:
        return slope(d.activations[which], x)
    inside = slope(d.activations[which], np.clip(x, -d.clip, d.clip))
    return np.where(np.abs(x) < d.clip, inside, 0)


def gate_of(
    d: Direction, which: int, saved: Array, more: Array | float = 0.0
) -> tuple[Array, Array]:
    """A gate with function f or g, and its slope, out of what is saved of it: the gate
    itself, or a sum, on top of which comes `more`."""
    if not d.saves_result[which]:
        x = saved + more
        return d.function(which, x), slope_of_gate(d, which, x)
    if d.activations[which].name == "sigmoid":
        return saved, saved * (1 - saved)
    return saved, 1 - saved * saved


@dataclass
class StepGradients:
    """The gradients that one step of one direction makes."""

    of_input: Gates
    """Of `W x + b` of each gate."""

    of_state: Gates
    """Of `R h' + rb` of each gate."""

    states: list[Array]
    """Of h' (but for what goes through R) and c'."""

    multiplied: dict[str, Array] = field(default_factory=dict[str, Array])
    """What R of a gate is multiplied by where that is not h'."""

    peepholes: list[Array] = field(default_factory=list[Array])
    """Of i, o, f: [N, K] each."""


Step = Callable[[Gates, Array, Array, Sequence[Array]], StepGradients]
"""(what is saved of the gates, the last saved part, h before, the gradients of the
states after) -> the gradients."""


def lstm_backward(d: Direction, input_forget: bool) -> Step:
    """The equations of `LstmOp`, from the last to the first."""
    p_i, p_o, p_f = np.split(d.peepholes, 3)

    def step(
        saved: Gates, old: Array, before: Array, after: Sequence[Array]
    ) -> StepGradients:
        dh, dc = after
        i, i_slope = gate_of(d, 0, saved["i"], p_i * old)
        g, g_slope = gate_of(d, 1, saved["c"])
        f, f_slope = 1 - i, None
        if not input_forget:
            f, f_slope = gate_of(d, 0, saved["f"], p_f * old)
        c = f * old + i * g
        o, o_slope = gate_of(d, 0, saved["o"], p_o * c)
        do = dh * activate(d.activations[2], c) * o_slope
        dc = dc + dh * o * slope(d.activations[2], c) + do * p_o
        dg = dc * i * g_slope
        if f_slope is None:
            di, df = dc * (g - old) * i_slope, np.zeros_like(dc)
        else:
            di, df = dc * g * i_slope, dc * old * f_slope
        gates = {"i": di, "o": do, "f": df, "c": dg}
        holes = [di * old, do * c, df * old]
        states = [np.zeros_like(dh), dc * f + di * p_i + df * p_f]
        return StepGradients(gates, gates, states, peepholes=holes)

    return step


def gru_backward(d: Direction, linear_before_reset: bool) -> Step:
    """The equations of `GruOp`, from the last to the first."""

    def step(
        saved: Gates, last: Array, before: Array, after: Sequence[Array]
    ) -> StepGradients:
        old, (dh,) = before, after
        z, z_slope = gate_of(d, 0, saved["z"])
        r, r_slope = gate_of(d, 0, saved["r"])
        from_state = last + d.recurrent_bias[d.rows("h")]
        more = r * from_state if linear_before_reset else 0.0
        n, n_slope = gate_of(d, 1, saved["h"], more)
        dz = dh * (old - n) * z_slope
        dn = dh * (1 - z) * n_slope
        dold = dh * z
        if linear_before_reset:
            dr = dn * from_state * r_slope
            gates = {"z": dz, "r": dr, "h": dn}
            return StepGradients(gates, gates | {"h": dn * r}, [dold])
        reset = dn @ d.r[d.rows("h")]
        dr = reset * old * r_slope
        gates = {"z": dz, "r": dr, "h": dn}
        # what the walk adds through R of the candidate belongs to r * h'
        states = [dold + reset * r - reset]
        return StepGradients(gates, gates, states, multiplied={"h": r * old})

    return step


def rnn_backward(d: Direction) -> Step:
    """The equation of `RnnOp`."""

    def step(
        saved: Gates, last: Array, before: Array, after: Sequence[Array]
    ) -> StepGradients:
        _, h_slope = gate_of(d, 0, saved["i"])
        gates = {"i": after[0] * h_slope}
        return StepGradients(gates, gates, [np.zeros_like(after[0])])

    return step


def _step(op: BackwardOp, d: Direction) -> Step:
    if isinstance(op, LstmBackwardOp):
        return lstm_backward(d, op.input_forget is not None)
    if isinstance(op, GruBackwardOp):
        return gru_backward(d, op.linear_before_reset is not None)
    return rnn_backward(d)


@dataclass
class Walk:
    """One direction of an op: the gradients so far, in the layout of its operands."""

    d: Direction
    step: Step
    dx: Array
    dw: Array
    dr: Array
    dbias: Array
    drecurrent_bias: Array
    dpeepholes: Array

    def back(
        self,
        x: Array,
        saved: Array,
        before: Array,
        after: Sequence[Array],
        t: int,
        runs: Array,
    ) -> list[Array]:
        """Adds what step t gives; returns the gradients of the states before it.
        `runs` [N, 1] says which sequences have the step."""
        d, hidden = self.d, self.d.r.shape[1]
        parts = np.split(saved, saved.shape[1] // hidden, axis=1)
        gates = dict(zip(d.gates, parts, strict=False))
        found = self.step(gates, parts[-1], before, after)
        states = list(found.states)
        for gate in d.gates:
            rows = d.rows(gate)
            of_input = np.where(runs, found.of_input[gate], 0)
            of_state = np.where(runs, found.of_state[gate], 0)
            self.dx[t] += of_input @ d.w[rows]
            self.dw[rows] += of_input.T @ x
            self.dr[rows] += of_state.T @ found.multiplied.get(gate, before)
            self.dbias[rows] += of_input.sum(0)
            self.drecurrent_bias[rows] += of_state.sum(0)
            states[0] = states[0] + of_state @ d.r[rows]
        for i, hole in enumerate(found.peepholes):
            self.dpeepholes[i * hidden :][:hidden] += np.where(runs, hole, 0).sum(0)
        pairs = zip(states, after, strict=True)
        return [np.where(runs, new, old) for new, old in pairs]


def _direction(
    op: BackwardOp, given: Mapping[str, Array], i: int, back: bool, dx: Array
) -> tuple[Walk, list[Array]]:
    """All steps of direction i; the gradients of the initial states."""
    d = direction_of(op, given, i)
    x, y = given["x"], given["y"]
    steps, batch, _ = x.shape
    hidden = d.r.shape[1]
    like = (d.w, d.r, d.bias, d.recurrent_bias, np.zeros(3 * hidden, x.dtype))
    walk = Walk(d, _step(op, d), dx, *(np.zeros_like(a) for a in like))
    y = y[..., i * hidden : (i + 1) * hidden]
    dy = given["dy"][..., i * hidden :][..., :hidden] if "dy" in given else 0 * y
    lengths = given["lengths"] if "lengths" in given else np.asarray([steps] * batch)
    check_lengths(lengths, steps)
    initial = initial_of(op, given, i)
    none = np.zeros((batch, hidden), x.dtype)
    names = ("dh", "dc")[: len(initial)]
    states = [given[name][i] if name in given else none for name in names]
    for t in range(steps) if back else reversed(range(steps)):
        last = t + 1 if back else t - 1
        first = (last < 0) | (last >= lengths)[:, np.newaxis]
        at = min(max(last, 0), steps - 1)
        before = np.where(first, initial[0], y[at])
        runs = (t < lengths)[:, np.newaxis]
        states[0] = states[0] + np.where(runs, dy[t], 0)
        states = walk.back(x[t], given["saved"][i][t], before, states, t, runs)
    return walk, states


def backward(frame: Frame, op: BackwardOp, args: Sequence[Value]) -> Sequence[Value]:
    """Any of the ops, in the element type that x is held in."""
    given: dict[str, Array] = {
        name: frame.values[v] for name, v in op.tensors() if v in op.operands
    }
    first = op.batch_first is not None
    for name in ("x", "y", "dy"):
        if first and name in given:
            given[name] = given[name].swapaxes(0, 1)
    dx = np.zeros_like(given["x"])
    walks: list[Walk] = []
    initial: list[list[Array]] = []
    for i, back in enumerate(op.directions):
        walk, states = _direction(op, given, i, back, dx)
        walks.append(walk)
        initial.append(states)
    weights = ("dw", "dr", "dbias", "drecurrent_bias")
    found = [np.stack([getattr(w, name) for w in walks]) for name in weights]
    found += [np.stack(each) for each in zip(*initial, strict=True)]
    if isinstance(op, LstmBackwardOp):
        found.append(np.stack([w.dpeepholes for w in walks]))
    return [dx.swapaxes(0, 1) if first else dx, *found]


HANDLERS: dict[str, Handler] = {kind.name: backward for kind in BACKWARD.values()}
