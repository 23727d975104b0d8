"""The gradients of recurrent layers: `br.lstm_backward`, `br.gru_backward` and
`br.rnn_backward`.

Each takes the operands and attributes of its layer, then what the layer has returned
and saved, then the gradients of its results, 0 where they are left out:

| | shape | |
|---|---|---|
| y | `[T, N, D*K]` | as the layer has returned it |
| saved | `[D, T, N, S*K]` | S numbers of each unit, as the layer has saved them |
| dy | `[T, N, D*K]` | the gradient of y |
| dh, dc | `[D, N, K]` | the gradients of the states after the last step |

The parts of `saved` are, one behind the other: each gate in the order of `gates`, then
with `linear_before_reset` `R h'` of the candidate, then c of an LSTM before the step.
Of a gate y with activation sigmoid or tanh, and without `clip`, that is y itself, since
its slope is `y (1 - y)` or `1 - y^2`. Of any other, and of f with `input_forget`, it is
`W x + R h' + b` (before peepholes; with `linear_before_reset` that of the candidate is
`W x + b`). The op returns the gradient of every operand of the layer that is of floats,
also of those that were left out, each as large as its operand. Where a step takes no
part (it is beyond the length of its sequence) its gradients are 0.

How it is computed (paper, section 3.1): one walk back in time gives the gradients of
the gates of all steps, dG; then dx = dG W, dW = dG^T x and dR = dG^T h' are
contractions over all steps.
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import StringAttr, UnitAttr
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
)

from brdialect.recurrent import TENSOR, LayerOp
from brdialect.recurrent_ops import (
    BIASES,
    INITIAL,
    INITIAL_BOTH,
    INS,
    LENGTHS,
    PEEPHOLES,
    GruOp,
    LstmOp,
    RnnOp,
    verify_initial,
)

_SAVED = "`saved` `(` $y `,` $saved `:` type($y) `,` type($saved) `)` "
_DY = "(`dy` `(` $dy^ `:` type($dy) `)`)? "
_DH = "(`dh` `(` $dh^ `:` type($dh) `)`)? "
_DC = "(`dc` `(` $dc^ `:` type($dc) `)`)? "
_GRADIENTS = (
    "type($dx) `,` type($dw) `,` type($dr) `,` type($dbias) `,` "
    "type($drecurrent_bias) `,` type($dh0) "
)
_ONE = "attr-dict `->` `(` " + _GRADIENTS + "`)`"
_BOTH = "attr-dict `->` `(` " + _GRADIENTS + "`,` type($dc0) `,` type($dpeepholes) `)`"


class BackwardOp(LayerOp):
    """What the gradients of layers share. As it stands: of one with one state."""

    # named again, since xDSL puts inherited operands and results behind others
    x = operand_def(TENSOR)
    w = operand_def(TENSOR)
    r = operand_def(TENSOR)
    bias = opt_operand_def(TENSOR)
    recurrent_bias = opt_operand_def(TENSOR)
    h0 = opt_operand_def(TENSOR)
    lengths = opt_operand_def(TENSOR)
    y = operand_def(TENSOR)
    saved = operand_def(TENSOR)
    dy = opt_operand_def(TENSOR)
    dh = opt_operand_def(TENSOR)
    dx = result_def(TENSOR)
    dw = result_def(TENSOR)
    dr = result_def(TENSOR)
    dbias = result_def(TENSOR)
    drecurrent_bias = result_def(TENSOR)
    dh0 = result_def(TENSOR)


@irdl_op_definition
class LstmBackwardOp(BackwardOp):
    """The gradients of `br.lstm`."""

    name = "br.lstm_backward"

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
    lengths = opt_operand_def(TENSOR)
    y = operand_def(TENSOR)
    saved = operand_def(TENSOR)
    dy = opt_operand_def(TENSOR)
    dh = opt_operand_def(TENSOR)
    dc = opt_operand_def(TENSOR)
    dx = result_def(TENSOR)
    dw = result_def(TENSOR)
    dr = result_def(TENSOR)
    dbias = result_def(TENSOR)
    drecurrent_bias = result_def(TENSOR)
    dh0 = result_def(TENSOR)
    dc0 = result_def(TENSOR)
    dpeepholes = result_def(TENSOR)
    gates = prop_def(StringAttr, default_value=StringAttr(GATES))
    input_forget = opt_prop_def(UnitAttr)

    assembly_format = (
        INS
        + BIASES
        + INITIAL_BOTH
        + PEEPHOLES
        + LENGTHS
        + _SAVED
        + _DY
        + _DH
        + _DC
        + _BOTH
    )

    def verify_(self) -> None:
        verify_initial(self.h0, self.c0)
        super().verify_()


@irdl_op_definition
class GruBackwardOp(BackwardOp):
    """The gradients of `br.gru`."""

    name = "br.gru_backward"

    GATES: ClassVar[str] = GruOp.GATES
    ACTIVATIONS: ClassVar[tuple[str, ...]] = GruOp.ACTIVATIONS

    gates = prop_def(StringAttr, default_value=StringAttr(GATES))
    linear_before_reset = opt_prop_def(UnitAttr)

    assembly_format = INS + BIASES + INITIAL + LENGTHS + _SAVED + _DY + _DH + _ONE


@irdl_op_definition
class RnnBackwardOp(BackwardOp):
    """The gradients of `br.rnn`."""

    name = "br.rnn_backward"

    GATES: ClassVar[str] = RnnOp.GATES
    ACTIVATIONS: ClassVar[tuple[str, ...]] = RnnOp.ACTIVATIONS

    assembly_format = INS + BIASES + INITIAL + LENGTHS + _SAVED + _DY + _DH + _ONE


BACKWARD: dict[str, type[BackwardOp]] = {
    LstmOp.name: LstmBackwardOp,
    GruOp.name: GruBackwardOp,
    RnnOp.name: RnnBackwardOp,
}
"""The op that computes the gradients of a layer, by the layer's name."""
