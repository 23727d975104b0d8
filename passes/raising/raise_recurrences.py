"""`raise-recurrences`: steps of an LSTM, GRU or RNN become br.lstm, br.gru, br.rnn.

    %g0 = linalg.generic { + }  (x[0] W^T + b) + (h R^T + c)     // once for each step
    %h0 = .. sigmoid, tanh, * and + of slices of %g0 ..
    ...
    %y = tensor.concat %h0, %h1, ..
    ->
    %y, %h, %c = br.lstm ins(%x, %w, %r) bias(%b) recurrent_bias(%c) {gates = "ifco"}

Exporters write recurrences step by step, or as a loop over time. What is looked for is
the computation of one element of h (passes/raising/cells.py), in whichever
operations it stands; steps that share weights and hand on their states are one layer,
two that read the same input forward and back one of two directions. Whatever is not
recognised stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func, scf
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block
from xdsl.passes import ModulePass

from brdialect.recurrent_ops import SequenceOp
from brdialect.source import resources
from passes.raising.chains import Chain, unrolled_chains
from passes.raising.elements import Elements
from passes.raising.layers import Layer, are_two_directions
from passes.raising.loops import loop_chain
from passes.raising.replacement import (
    erase_unused,
    replace_by,
    use_final_states,
)


def raise_chains(chains: Sequence[Chain], block: Block, elements: Elements) -> bool:
    """Puts layers in place of the chains, in their order: a layer may be the input of
    the next. True if there was one."""
    left = list(chains)
    found: list[SequenceOp] = []
    while left:
        chain = left.pop(0)
        other = _other_direction(chain, left, elements)
        raised = None
        if other is not None:
            raised = replace_by(Layer([chain, other], elements), block)
            if raised is not None:
                left = [c for c in left if c is not other]
        raised = raised or replace_by(Layer([chain], elements), block)
        if raised is None:
            left[:0] = chain.singles
        else:
            found.append(raised)
    for op in found:
        use_final_states(op, elements)
    return bool(found)


def _other_direction(
    chain: Chain, others: Sequence[Chain], elements: Elements
) -> Chain | None:
    """The chain that reads the same input the other way."""
    if chain.steps == 1:
        return None
    found = (c for c in others if are_two_directions(chain, c, elements))
    return next(found, None)


@dataclass(frozen=True)
class RaiseRecurrencesPass(ModulePass):
    """Unrolled recurrences, and loops over time, become br.lstm, br.gru and br.rnn."""

    name = "raise-recurrences"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if not isinstance(function, func.FuncOp) or len(function.body.blocks) != 1:
                continue
            block = function.body.block
            elements = Elements(resources(op))
            loops = [o for o in block.ops if isinstance(o, scf.ForOp | scf.WhileOp)]
            found = [loop_chain(loop, elements) for loop in loops]
            chains = [c for c in found if c is not None]
            chains += unrolled_chains(block, elements)
            if raise_chains(chains, block, elements):
                erase_unused(block)
