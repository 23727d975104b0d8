"""LSTM, GRU and RNN, as `br.lstm`, `br.gru` and `br.rnn`: those have ONNX's meaning.

T steps, N sequences, C inputs, K hidden units, D directions, G gates.
"""

from __future__ import annotations

import re

import numpy as np

from brdialect.activations import ACTIVATIONS
from brdialect.recurrent import Option, SequenceOp
from brdialect.recurrent_ops import GruOp, LstmOp, RnnOp
from frontends.array_builder import Tensor
from frontends.array_sums import Builder
from frontends.onnx_ops.registry import expect, operator

INT32 = np.dtype(np.int32)


def activation_texts(
    names: list[str] | None, alphas: list[float] | None, betas: list[float] | None
) -> list[str] | None:
    """`["LeakyRelu"], [0.1]` -> `["leaky_relu(0.1)"]`. Each function takes the next of
    the alphas, and of the betas, if it has one."""
    if names is None:
        return None
    alpha, beta = iter(alphas or []), iter(betas or [])
    texts: list[str] = []
    for given in names:
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", given).lower()
        expect(
            name in ACTIVATIONS,
            f"expected activations out of {', '.join(ACTIVATIONS)}, got '{given}'",
        )
        defaults = ACTIVATIONS[name]
        values = [next(v, d) for v, d in zip((alpha, beta), defaults, strict=False)]
        texts.append(f"{name}({', '.join(map(repr, values))})" if values else name)
    return texts


def recurrence(
    b: Builder,
    op: type[SequenceOp],
    x: Tensor,
    w: Tensor,
    r: Tensor,
    bias: Tensor | None,
    lengths: Tensor | None,
    states: dict[str, Tensor | None],
    options: dict[str, Option],
    layout: int | None,
) -> tuple[Tensor, ...]:
    """y: [T, D, N, K] and the last states [D, N, K]; with layout 1 [N, T, D, K] and
    [N, D, K], as x and the initial states are then"""
    expect(x.rank == w.rank == r.rank == 3, f"expected 3 dimensions, got {x}, {w}, {r}")
    directions, _, hidden = r.shape
    optional: dict[str, Tensor | None] = {**states}
    if bias is not None:
        half = bias.shape[1] // 2
        optional["bias"] = b.part(bias, 1, 0, half)
        optional["recurrent_bias"] = b.part(bias, 1, half, half)
    optional["lengths"] = lengths and b.cast(lengths, INT32)
    if layout:
        for name in ("h0", "c0"):
            if (state := optional.get(name)) is not None:
                optional[name] = b.transpose(state, (1, 0, 2))
    made = op(
        b.value(x),
        b.value(w),
        b.value(r),
        {**options, "batch_first": bool(layout)},
        **{name: b.value(v) for name, v in optional.items() if v is not None},
    )
    b.tensors.insert(made)
    steps, batch = x.shape[:2]
    y = Tensor((steps, batch, directions * hidden), x.dtype, made.results[0])
    y = b.reshape(y, (steps, batch, directions, hidden))
    last = (directions, x.shape[0 if layout else 1], hidden)
    found = [Tensor(last, x.dtype, result) for result in made.results[1:]]
    if layout:
        return y, *(b.transpose(state, (1, 0, 2)) for state in found)
    return b.transpose(y, (0, 2, 1, 3)), *found


@operator("LSTM", since=7)
def lstm(
    b: Builder,
    x: Tensor,
    w: Tensor,
    r: Tensor,
    bias: Tensor | None = None,
    lengths: Tensor | None = None,
    h0: Tensor | None = None,
    c0: Tensor | None = None,
    peepholes: Tensor | None = None,
    *,
    activations: list[str] | None,
    activation_alpha: list[float] | None,
    activation_beta: list[float] | None,
    clip: float | None,
    direction: str,
    hidden_size: int | None,
    input_forget: int | None,
    layout: int | None = 0,
) -> tuple[Tensor, ...]:
    """Long short-term memory"""
    if (h0 is None) != (c0 is None):  # the one that is left out is 0
        zeros = b.filled(0, (h0 or c0 or x).shape, x.dtype)
        h0, c0 = h0 or zeros, c0 or zeros
    options: dict[str, Option] = {
        "direction": direction,
        "clip": clip,
        "activations": activation_texts(activations, activation_alpha, activation_beta),
        "input_forget": bool(input_forget),
    }
    states = {"h0": h0, "c0": c0, "peepholes": peepholes}
    return recurrence(b, LstmOp, x, w, r, bias, lengths, states, options, layout)


@operator("GRU", since=7)
def gru(
    b: Builder,
    x: Tensor,
    w: Tensor,
    r: Tensor,
    bias: Tensor | None = None,
    lengths: Tensor | None = None,
    h0: Tensor | None = None,
    *,
    activations: list[str] | None,
    activation_alpha: list[float] | None,
    activation_beta: list[float] | None,
    clip: float | None,
    direction: str,
    hidden_size: int | None,
    layout: int | None = 0,
    linear_before_reset: int | None,
) -> tuple[Tensor, ...]:
    """Gated recurrent units"""
    options: dict[str, Option] = {
        "direction": direction,
        "clip": clip,
        "activations": activation_texts(activations, activation_alpha, activation_beta),
        "linear_before_reset": bool(linear_before_reset),
    }
    return recurrence(b, GruOp, x, w, r, bias, lengths, {"h0": h0}, options, layout)


@operator("RNN", since=7)
def rnn(
    b: Builder,
    x: Tensor,
    w: Tensor,
    r: Tensor,
    bias: Tensor | None = None,
    lengths: Tensor | None = None,
    h0: Tensor | None = None,
    *,
    activations: list[str] | None,
    activation_alpha: list[float] | None,
    activation_beta: list[float] | None,
    clip: float | None,
    direction: str,
    hidden_size: int | None,
    layout: int | None = 0,
) -> tuple[Tensor, ...]:
    """The simple recurrence"""
    # the standard's default names the function of both directions
    one = activations if activations and len({*activations}) > 1 else None
    texts = activation_texts(
        one or (activations or ["Tanh"])[:1], activation_alpha, activation_beta
    )
    options: dict[str, Option] = {
        "direction": direction,
        "clip": clip,
        "activations": texts,
    }
    return recurrence(b, RnnOp, x, w, r, bias, lengths, {"h0": h0}, options, layout)
