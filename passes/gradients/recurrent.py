"""The gradient of a recurrent layer is one operation, which walks back through time.

%y, %h, %c, %saved = br.lstm ins(%x, %w, %r) ...
->
%dx, %dw, %dr, ... = br.lstm_backward ins(%x, %w, %r) ... saved(%y, %saved) dy(%dy) ...

The gates and the states of each step are saved (brdialect/recurrent_backward_ops.py).
"""

from __future__ import annotations

from xdsl.builder import ImplicitBuilder

from brdialect.recurrent import SequenceOp
from brdialect.recurrent_backward_ops import BACKWARD
from passes.gradients.spaces import Tape
from passes.normalise.recurrent_sequences import like, operands_of


def recurrent_rule(op: SequenceOp, tape: Tape) -> None:
    """Adds the gradients of all operands."""
    given = operands_of(op)
    operands = {name: tape.forward(v) for name, v in given.items()}
    assert op.saved is not None
    operands |= {"y": tape.forward(op.y), "saved": tape.forward(op.saved)}
    results = [(n, v) for n, v in op.tensors() if v.owner is op]
    for name, result in results:
        gradient = tape.gradient(result)
        if gradient is not None:
            operands[f"d{name}"] = gradient
    with ImplicitBuilder(tape.block):
        new = like(op, BACKWARD[op.name], operands)
    for name, gradient in new.tensors():
        if gradient.owner is new and (v := given.get(name.removeprefix("d"))):
            tape.add(v, gradient)
