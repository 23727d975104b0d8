"""Stacks of recurrent layers, from weights as PyTorch lays them out.

    layers = layers_of(torch_lstm.state_dict())       # or [[Weights(...)], ...]
    b = TensorBuilder("main", [((50, 8, 64), f32)])
    y, states = lstm(b, b.args[0], layers)            # y: [50, 8, K]
    module = b.finish(y)

Weights become constants of the program. Sizes are named as in brdialect/recurrent.py;
T and N of x may be open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import (
    AnyFloat,
    BytesAttr,
    DenseIntOrFPElementsAttr,
    TensorType,
    f32,
    f64,
)
from xdsl.ir import SSAValue

from brdialect.arrays import Array
from brdialect.errors import BrError
from brdialect.recurrent import Option, SequenceOp
from brdialect.recurrent_ops import GruOp, LstmOp, RnnOp
from frontends.tensor_builder import TensorBuilder

_ELEMENTS: Mapping[str, AnyFloat] = {"float32": f32, "float64": f64}


@dataclass(frozen=True, eq=False)
class Weights:
    """One direction of one layer; G gates in PyTorch's order."""

    weight_ih: Array
    """[G*K, C]"""

    weight_hh: Array
    """[G*K, K]"""

    bias_ih: Array | None = None
    """[G*K]"""

    bias_hh: Array | None = None
    """[G*K]"""


Layer = Sequence[Weights]
"""Forward, and reverse where the layer is bidirectional."""


def layers_of(state: Mapping[str, object]) -> list[Layer]:
    """The layers of a state dictionary of torch.nn.LSTM, GRU or RNN."""
    arrays = {name: np.asarray(value) for name, value in state.items()}
    layers: list[Layer] = []
    while f"weight_ih_l{len(layers)}" in arrays:
        ends = (f"_l{len(layers)}", f"_l{len(layers)}_reverse")
        layers.append(
            [
                Weights(
                    arrays.pop("weight_ih" + end),
                    arrays.pop("weight_hh" + end),
                    arrays.pop("bias_ih" + end, None),
                    arrays.pop("bias_hh" + end, None),
                )
                for end in ends
                if {"weight_ih" + end, "weight_hh" + end} <= arrays.keys()
            ]
        )
    if arrays or not layers:
        raise BrError(
            "expected weight_ih_l0, weight_hh_l0, bias_ih_l0 ... without projections, "
            f"got {', '.join(arrays) or 'nothing'}"
        )
    return layers


def lstm(
    b: TensorBuilder,
    x: SSAValue,
    layers: Sequence[Layer],
    *,
    batch_first: bool = False,
    lengths: SSAValue | None = None,
) -> tuple[SSAValue, list[Sequence[SSAValue]]]:
    """torch.nn.LSTM: y of the last layer, and for each layer its final h and c
    [D, N, K]."""
    options = {"gates": "ifco", "batch_first": batch_first}
    return _stack(b, LstmOp, x, layers, options, lengths)


def gru(
    b: TensorBuilder,
    x: SSAValue,
    layers: Sequence[Layer],
    *,
    batch_first: bool = False,
    lengths: SSAValue | None = None,
) -> tuple[SSAValue, list[Sequence[SSAValue]]]:
    """torch.nn.GRU: y of the last layer, and for each layer its final h [D, N, K]."""
    options = {"gates": "rzh", "linear_before_reset": True, "batch_first": batch_first}
    return _stack(b, GruOp, x, layers, options, lengths)


def rnn(
    b: TensorBuilder,
    x: SSAValue,
    layers: Sequence[Layer],
    *,
    nonlinearity: str = "tanh",
    batch_first: bool = False,
    lengths: SSAValue | None = None,
) -> tuple[SSAValue, list[Sequence[SSAValue]]]:
    """torch.nn.RNN: y of the last layer, and for each layer its final h [D, N, K]."""
    options = {"activations": [nonlinearity], "batch_first": batch_first}
    return _stack(b, RnnOp, x, layers, options, lengths)


def _stack(
    b: TensorBuilder,
    kind: type[SequenceOp],
    x: SSAValue,
    layers: Sequence[Layer],
    options: Mapping[str, Option],
    lengths: SSAValue | None,
) -> tuple[SSAValue, list[Sequence[SSAValue]]]:
    states: list[Sequence[SSAValue]] = []
    for number, layer in enumerate(layers):
        _check(kind, number, layer)
        parts = {
            "w": [d.weight_ih for d in layer],
            "r": [d.weight_hh for d in layer],
            "bias": [d.bias_ih for d in layer],
            "recurrent_bias": [d.bias_hh for d in layer],
        }
        operands = {name: _stacked(b, arrays) for name, arrays in parts.items()}
        w, r = operands.pop("w"), operands.pop("r")
        assert w is not None and r is not None
        direction = "forward" if len(layer) == 1 else "bidirectional"
        op = kind(
            x, w, r, {**options, "direction": direction}, **operands, lengths=lengths
        )
        x = b.insert(op)
        states.append(op.results[1:])
    return x, states


def _check(kind: type[SequenceOp], number: int, layer: Layer) -> None:
    if len(layer) not in (1, 2):
        raise BrError(f"layer {number}: expected 1 or 2 directions, got {len(layer)}")
    gates = len(kind.GATES)
    hidden = layer[0].weight_hh.shape[-1]
    rows = gates * hidden
    inputs = layer[0].weight_ih.shape[-1]
    for weights in layer:
        for name, want in {
            "weight_ih": (rows, inputs),
            "weight_hh": (rows, hidden),
            "bias_ih": (rows,),
            "bias_hh": (rows,),
        }.items():
            array: Array | None = getattr(weights, name)
            if array is not None and array.shape != want:
                raise BrError(
                    f"layer {number}: expected {name} of {gates} gates of {hidden} "
                    f"units, {list(want)}, got {list(array.shape)}"
                )


def _stacked(b: TensorBuilder, arrays: Sequence[Array | None]) -> SSAValue | None:
    """One constant [D, ...] of the arrays of the directions."""
    there = [array for array in arrays if array is not None]
    if not there:
        return None
    if len(there) != len(arrays):
        raise BrError("expected a bias of both directions, or of none")
    whole = np.stack(there)
    element = _ELEMENTS.get(whole.dtype.name)
    if element is None:
        raise BrError(f"expected weights of float32 or float64, got {whole.dtype}")
    type_ = TensorType(element, whole.shape)
    literal = DenseIntOrFPElementsAttr(type_, BytesAttr(whole.tobytes()))
    return b.insert(arith.ConstantOp(literal))
