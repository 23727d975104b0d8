"""Recurrent layers on tensors: `br.lstm`, `br.gru`, `br.rnn` over a sequence and their
single steps `br.lstm_cell`, `br.gru_cell`, `br.rnn_cell`.

What they compute is ONNX's definition of LSTM, GRU and RNN; sizes are named alike:
T steps, N sequences, C inputs, K hidden units, D directions (1 or 2), G gates.

| | shape | |
|---|---|---|
| x | `[T, N, C]` | `[N, T, C]` with `batch_first` |
| w, r | `[D, G*K, C]`, `[D, G*K, K]` | in the order of `gates` |
| bias, recurrent_bias | `[D, G*K]` | 0 where left out |
| h0, c0 | `[D, N, K]` | 0 where left out |
| peepholes | `[D, 3*K]` | in the order i, o, f |
| lengths | `[N]`, i32 | each in 0..T; T where left out |
| y | `[T, N, D*K]` | `[N, T, D*K]` with `batch_first`; forward, then reverse |
| h, c | `[D, N, K]` | the states after the last step |
| saved | `[D, T, N, S*K]` | may be left out: what the gradients need of each step |

A step t >= lengths[n] leaves the states of sequence n as they are and y is 0 there; the
reverse direction starts at lengths[n] - 1. A cell has neither T nor D: x is `[N, C]`.
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import StringAttr, UnitAttr
from xdsl.ir import SSAValue
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    opt_result_def,
    prop_def,
    result_def,
)
from xdsl.utils.exceptions import VerifyException

from brdialect.recurrent import TENSOR, RecurrentOp, SequenceOp

# the clauses that layers, cells and gradients share
INS = "`ins` `(` $x `,` $w `,` $r `:` type($x) `,` type($w) `,` type($r) `)` "
BIASES = (
    "(`bias` `(` $bias^ `:` type($bias) `)`)? "
    "(`recurrent_bias` `(` $recurrent_bias^ `:` type($recurrent_bias) `)`)? "
)
INITIAL = "(`initial` `(` $h0^ `:` type($h0) `)`)? "
INITIAL_BOTH = "(`initial` `(` $h0^ `,` $c0 `:` type($h0) `,` type($c0) `)`)? "
PEEPHOLES = "(`peepholes` `(` $peepholes^ `:` type($peepholes) `)`)? "
LENGTHS = "(`lengths` `(` $lengths^ `:` type($lengths) `)`)? "
_STATE = "attr-dict `->` type($h)"
_STATES = "attr-dict `->` `(` type($h) `,` type($c) `)`"
_SAVED = "(`,` type($saved)^)? `)`"
_SEQUENCE = "attr-dict `->` `(` type($y) `,` type($h) " + _SAVED
_SEQUENCES = "attr-dict `->` `(` type($y) `,` type($h) `,` type($c) " + _SAVED


def verify_initial(h0: SSAValue | None, c0: SSAValue | None) -> None:
    """An LSTM has two initial states or none."""
    if (h0 is None) != (c0 is None):
        raise VerifyException("expected both initial states, h0 and c0, or neither")


@irdl_op_definition
class LstmOp(SequenceOp):
    """Long short-term memory; f, g, h are the `activations`, * is element-wise.

        i = f(W_i x + R_i h' + p_i * c' + b_i)      h', c': the states before the step
        f = f(W_f x + R_f h' + p_f * c' + b_f)      with `input_forget`: f = 1 - i
        c = f * c' + i * g(W_c x + R_c h' + b_c)
        o = f(W_o x + R_o h' + p_o * c + b_o)
        h = o * h(c)

    `clip` bounds what f and g are applied to. ONNX leaves the coupled gates open: that
    f follows i is how ONNX Runtime and the literature have it.
    """

    name = "br.lstm"

    GATES: ClassVar[str] = "iofc"
    ACTIVATIONS: ClassVar[tuple[str, ...]] = ("sigmoid", "tanh", "tanh")
    STATES: ClassVar[tuple[str, ...]] = ("h0", "c0")

    # named again, since xDSL puts inherited operands and results behind others
    x = operand_def(TENSOR)
    w = operand_def(TENSOR)
    r = operand_def(TENSOR)
    bias = opt_operand_def(TENSOR)
    recurrent_bias = opt_operand_def(TENSOR)
    h0 = opt_operand_def(TENSOR)
    c0 = opt_operand_def(TENSOR)
    peepholes = opt_operand_def(TENSOR)
    lengths = opt_operand_def(TENSOR)
    y = result_def(TENSOR)
    h = result_def(TENSOR)
    c = result_def(TENSOR)
    saved = opt_result_def(TENSOR)
    gates = prop_def(StringAttr, default_value=StringAttr(GATES))
    input_forget = opt_prop_def(UnitAttr)

    assembly_format = INS + BIASES + INITIAL_BOTH + PEEPHOLES + LENGTHS + _SEQUENCES

    def verify_(self) -> None:
        verify_initial(self.h0, self.c0)
        super().verify_()


@irdl_op_definition
class GruOp(SequenceOp):
    """Gated recurrent unit; f, g are the `activations`, * is element-wise.

        z = f(W_z x + R_z h' + b_z + rb_z)
        r = f(W_r x + R_r h' + b_r + rb_r)
        n = g(W_h x + R_h (r * h') + rb_h + b_h)
        n = g(W_h x + r * (R_h h' + rb_h) + b_h)    with `linear_before_reset`
        h = (1 - z) * n + z * h'

    `clip` bounds what f and g are applied to.
    """

    name = "br.gru"

    GATES: ClassVar[str] = "zrh"
    ACTIVATIONS: ClassVar[tuple[str, ...]] = ("sigmoid", "tanh")

    gates = prop_def(StringAttr, default_value=StringAttr(GATES))
    linear_before_reset = opt_prop_def(UnitAttr)

    assembly_format = INS + BIASES + INITIAL + LENGTHS + _SEQUENCE


@irdl_op_definition
class RnnOp(SequenceOp):
    """The simple recurrence `h = f(W x + R h' + b + rb)`."""

    name = "br.rnn"

    GATES: ClassVar[str] = "i"
    ACTIVATIONS: ClassVar[tuple[str, ...]] = ("tanh",)

    assembly_format = INS + BIASES + INITIAL + LENGTHS + _SEQUENCE


@irdl_op_definition
class LstmCellOp(RecurrentOp):
    """One step of `br.lstm`: x is `[N, C]`, states `[N, K]`, w `[G*K, C]`."""

    name = "br.lstm_cell"

    GATES: ClassVar[str] = LstmOp.GATES
    ACTIVATIONS: ClassVar[tuple[str, ...]] = LstmOp.ACTIVATIONS
    STATES: ClassVar[tuple[str, ...]] = LstmOp.STATES

    # named again, since xDSL puts inherited operands and results behind others
    x = operand_def(TENSOR)
    w = operand_def(TENSOR)
    r = operand_def(TENSOR)
    bias = opt_operand_def(TENSOR)
    recurrent_bias = opt_operand_def(TENSOR)
    h0 = opt_operand_def(TENSOR)
    c0 = opt_operand_def(TENSOR)
    peepholes = opt_operand_def(TENSOR)
    h = result_def(TENSOR)
    c = result_def(TENSOR)
    gates = prop_def(StringAttr, default_value=StringAttr(GATES))
    input_forget = opt_prop_def(UnitAttr)

    assembly_format = INS + BIASES + INITIAL_BOTH + PEEPHOLES + _STATES

    def verify_(self) -> None:
        verify_initial(self.h0, self.c0)
        super().verify_()


@irdl_op_definition
class GruCellOp(RecurrentOp):
    """One step of `br.gru`: x is `[N, C]`, the state `[N, K]`, w `[G*K, C]`."""

    name = "br.gru_cell"

    GATES: ClassVar[str] = GruOp.GATES
    ACTIVATIONS: ClassVar[tuple[str, ...]] = GruOp.ACTIVATIONS

    h = result_def(TENSOR)
    gates = prop_def(StringAttr, default_value=StringAttr(GATES))
    linear_before_reset = opt_prop_def(UnitAttr)

    assembly_format = INS + BIASES + INITIAL + _STATE


@irdl_op_definition
class RnnCellOp(RecurrentOp):
    """One step of `br.rnn`: x is `[N, C]`, the state `[N, K]`, w `[K, C]`."""

    name = "br.rnn_cell"

    GATES: ClassVar[str] = RnnOp.GATES
    ACTIVATIONS: ClassVar[tuple[str, ...]] = RnnOp.ACTIVATIONS

    h = result_def(TENSOR)

    assembly_format = INS + BIASES + INITIAL + _STATE
