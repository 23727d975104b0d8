"""Recurrent layers of oneDNN, and their gradients.

Its weights are [layer, direction, input, gate, output], biases the same without the
input. The GRU's recurrent bias of the new state stands apart, as a fourth gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from ctypes import c_void_p

import numpy as np

from brdialect.arrays import Array
from runtime.cli.bench.gradients import RecurrentGradients
from runtime.cli.bench.peers.onednn_library import (
    BACKWARD,
    FORWARD_INFERENCE,
    FORWARD_TRAINING,
    Argument,
    OneDnn,
)
from runtime.cli.bench.peers.prepared import Prepared
from runtime.cli.bench.workloads import Recurrent, Shape

_LEFT_TO_RIGHT, _NO_FLAGS = 1, 0
_GATES = {"lstm": "ifco", "gru": "zrh"}


def shapes_of(layer: Recurrent) -> dict[Argument, Shape]:
    """Of what a layer takes and returns, in the order in which a description has it."""
    gates, k = len(layer.gates), layer.k
    return {
        Argument.SRC: layer.shapes()["x"],
        Argument.WEIGHTS: (1, 1, layer.c, gates, k),
        Argument.WEIGHTS_OF_STATE: (1, 1, k, gates, k),
        Argument.BIAS: (1, 1, 4, k),
        Argument.DST: layer.result,
    }


GRADIENT = {
    Argument.SRC: Argument.DIFF_SRC,
    Argument.STATE: Argument.DIFF_STATE,
    Argument.CELL_STATE: Argument.DIFF_CELL_STATE,
    Argument.WEIGHTS: Argument.DIFF_WEIGHTS,
    Argument.WEIGHTS_OF_STATE: Argument.DIFF_WEIGHTS_OF_STATE,
    Argument.BIAS: Argument.DIFF_BIAS,
    Argument.DST: Argument.DIFF_DST,
}


def operands_of(layer: Recurrent, inputs: Mapping[str, Array]) -> dict[Argument, Array]:
    """The inputs of the forward pass by the library's dimensions."""
    gates = _GATES[layer.cell]
    w, r, b, rb = (
        layer.reordered(inputs[name], gates).reshape(1, 1, len(gates), layer.k, -1)
        for name in ("w", "r", "b", "rb")
    )
    if layer.cell == "lstm":
        bias = b + rb
    else:
        both = b[:, :, :2] + rb[:, :, :2]
        bias = np.concatenate([both, b[:, :, 2:], rb[:, :, 2:]], axis=2)
    w, r = (np.moveaxis(a, -1, 2) for a in (w, r))
    return {
        Argument.SRC: inputs["x"],
        Argument.WEIGHTS: w,
        Argument.WEIGHTS_OF_STATE: r,
        Argument.BIAS: bias[..., 0],
    }


def initial_states(layer: Recurrent) -> dict[Argument, Array]:
    """Zeros, which gradients are given: version 3.2 takes something else for the h
    before the first step of an LSTM where none is."""
    zeros = np.zeros((1, 1, layer.n, layer.k), np.float32)
    states = {Argument.STATE: zeros, Argument.CELL_STATE: zeros}
    return dict(list(states.items())[: 2 if layer.cell == "lstm" else 1])


def plain_gradients(layer: Recurrent, found: Mapping[Argument, Array]) -> list[Array]:
    """dx, dw, dr, db, drb out of what the library returns."""
    w, r = (
        np.moveaxis(found[which], 2, -1)
        for which in (Argument.WEIGHTS, Argument.WEIGHTS_OF_STATE)
    )
    b = rb = found[Argument.BIAS]
    if layer.cell == "gru":
        b, rb = b[:, :, :3], b[:, :, [0, 1, 3]]
    shapes = layer.shapes()
    named = zip(("w", "r", "b", "rb"), (w, r, b, rb), strict=True)
    return [
        found[Argument.SRC],
        *(
            layer.reordered(a.reshape(shapes[n]), _GATES[layer.cell], back=True)
            for n, a in named
        ),
    ]


def descriptions(
    layer: Recurrent, dnn: OneDnn, from_states: bool
) -> list[c_void_p | None]:
    """Of the operands, in the layouts that the library likes, as a description takes
    them: states may come in, none but y comes out."""
    x, w, r, bias, y = (
        dnn.description(shape, plain=False) for shape in shapes_of(layer).values()
    )
    states = [
        dnn.description(zeros.shape, plain=False) if from_states else None
        for zeros in initial_states(layer).values()
    ]
    if layer.cell == "lstm":
        return [x, *states, w, r, None, None, bias, y, None, None]
    return [x, *states, w, r, bias, y, None]


def primitive_name(layer: Recurrent) -> str:
    """Without the direction."""
    return "lstm" if layer.cell == "lstm" else "lbr_gru"


def forward_plan(layer: Recurrent, kind: int, dnn: OneDnn) -> c_void_p:
    """The description of the forward primitive, for inference or training."""
    how = (kind, _LEFT_TO_RIGHT)
    operands = descriptions(layer, dnn, from_states=kind == FORWARD_TRAINING)
    name = f"{primitive_name(layer)}_forward"
    return dnn.forward(name, *how, *operands, _NO_FLAGS, None)


def _placed(
    plan: c_void_p, arrays: Mapping[Argument, Array], dnn: OneDnn
) -> dict[Argument, c_void_p]:
    return {a: dnn.place(dnn.chosen(plan, a), array) for a, array in arrays.items()}


def prepare_forward(
    layer: Recurrent, inputs: Mapping[str, Array], dnn: OneDnn
) -> Prepared:
    """All hidden states."""
    plan = forward_plan(layer, FORWARD_INFERENCE, dnn)
    operands = _placed(plan, operands_of(layer, inputs), dnn)
    chosen = dnn.chosen(plan, Argument.DST)
    operands[Argument.DST] = dnn.memory(chosen)
    primitive = dnn.primitive(plan)
    return Prepared(
        lambda: dnn.execute(primitive, operands),
        lambda: [dnn.read(chosen, operands[Argument.DST], layer.result)],
    )


def prepare_gradients(
    workload: RecurrentGradients, inputs: Mapping[str, Array], dnn: OneDnn
) -> Prepared:
    """The backward primitive; the forward one fills its workspace ahead. Gradients of
    weights are added to what is there, so the results are those of the first call."""
    layer = workload.forward
    ahead = forward_plan(layer, FORWARD_TRAINING, dnn)
    given = {**operands_of(layer, inputs), **initial_states(layer)}
    operands = _placed(ahead, given, dnn)
    for argument in (Argument.DST, Argument.WORKSPACE):
        operands[argument] = dnn.memory(dnn.chosen(ahead, argument))
    dnn.execute(dnn.primitive(ahead), operands)
    y = dnn.read(dnn.chosen(ahead, Argument.DST), operands[Argument.DST], layer.result)

    how = (BACKWARD, _LEFT_TO_RIGHT)
    described = [descriptions(layer, dnn, from_states=True) for _ in range(2)]
    both = [*described[0], *described[1]]
    name = f"{primitive_name(layer)}_backward"
    plan = dnn.forward(name, *how, *both, _NO_FLAGS, ahead, None)
    shapes = shapes_of(layer)
    made = [a for a in shapes if a is not Argument.DST]
    zeros = {GRADIENT[a]: np.zeros(shapes[a], np.float32) for a in made}
    zeros |= {GRADIENT[a]: array for a, array in initial_states(layer).items()}
    arrays = {**given, Argument.DST: y, Argument.DIFF_DST: inputs["dy"], **zeros}
    workspace = operands[Argument.WORKSPACE]
    operands = {**_placed(plan, arrays, dnn), Argument.WORKSPACE: workspace}
    primitive = dnn.primitive(plan)
    dnn.execute(primitive, operands)
    first = {
        a: dnn.read(dnn.chosen(plan, GRADIENT[a]), operands[GRADIENT[a]], shapes[a])
        for a in made
    }
    return Prepared(
        lambda: dnn.execute(primitive, operands),
        lambda: plain_gradients(layer, first),
    )
