"""`br.recurrence`: one direction of a recurrent layer, its weights in panels.

It is to br.lstm, br.gru and br.rnn what `br.contract` is to the contractions of linalg:
the one form that becomes loops. Which cell it is, the regions say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from xdsl.dialects.builtin import (
    I64,
    IntegerAttr,
    MemRefType,
    TensorType,
    UnitAttr,
    i64,
)
from xdsl.ir import Attribute, Operation, Region, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    opt_region_def,
    prop_def,
    region_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.traits import EffectInstance, MemoryEffect, MemoryEffectKind
from xdsl.utils.exceptions import VerifyException

from brdialect.destination_op import SHAPED, YieldOp, shaped


class Recurrence(Protocol):
    """What both directions in time share."""

    scratch: SSAValue

    @property
    def destinations(self) -> tuple[SSAValue, ...]: ...


class RecurrenceEffects(MemoryEffect):
    """On memrefs: reads its operands, writes the destinations and the scratch."""

    @classmethod
    def get_effects(cls, op: Operation) -> set[EffectInstance]:
        recurrence = cast(Recurrence, op)
        written = (*recurrence.destinations, recurrence.scratch)
        if isinstance(written[0].type, TensorType):
            return set()
        return {
            *(EffectInstance(MemoryEffectKind.READ, v) for v in op.operands),
            *(EffectInstance(MemoryEffectKind.WRITE, v) for v in written),
        }


@dataclass(frozen=True)
class RecurrenceSizes:
    """The sizes of a recurrence; steps is -1 where it is known at run time only."""

    steps: int
    batch: int
    inputs: int
    units: int
    blocks: int
    gates: int
    panel: int


def verify_operand(name: str, v: SSAValue, shape: tuple[int, ...]) -> None:
    """Refuses an operand of another shape."""
    got = shaped(v).get_shape()
    if tuple(got) != shape:
        raise VerifyException(
            f"expected {name} of shape {'x'.join(map(str, shape))}, got "
            f"{'x'.join(map(str, got))}"
        )


def verify_region(
    name: str, region: Region, element: Attribute, takes: int, gives: int
) -> None:
    """Refuses a region that takes or yields other numbers of elements."""
    got = [a.type for a in region.block.args]
    if got != [element] * takes:
        raise VerifyException(
            f"expected {name} to take {takes} elements of {element}, got "
            f"({', '.join(map(str, got))})"
        )
    last = region.block.last_op
    found = [v.type for v in last.operands] if isinstance(last, YieldOp) else None
    if found != [element] * gives:
        raise VerifyException(f"expected {name} to br.yield {gives} of {element}")


@irdl_op_definition
class RecurrenceOp(IRDLOperation):
    """`gates_t = W x_t + bias + R h_{t-1};  h_t, ... = cell(gates_t, h_{t-1}, ...)`
    (paper, section 3.1).

    | operand | shape | |
    |---|---|---|
    | x | `[T, N, C]` | `[N, T, C]` with `batch_first` |
    | w | `[K / panel, gates, C, panel]` | the last panel filled up with zeros |
    | r | `[K / panel, gates, K, panel]` | |
    | bias | `[K / panel, gates, panel]` | |
    | columns | `[K / panel, any number, panel]` | what the cell takes of each unit |
    | initial | `[N, K]` each | the states, h first |
    | lengths | `[N]` | steps of each sequence; states stay and y is 0 beyond |
    | y | `[T, N, ...]`, `[N, T, ...]` | columns `offset` to `offset + K` are written |
    | finals | `[N, K]` each | the states after the last step |
    | saved | `[T, N, S*K]` | what gradients need of each step: what the cell yields
    behind the states, and the states but for h before the step |
    | scratch | bytes | as many as passes/recurrent/recurrence_scratch.py says |

    `cell` takes the gates, with `apart` the product R h of gate `candidate` (then left
    out of that gate), the states and the columns of one unit, and yields the new
    states; with `saved` then what is saved of the gates, and of that product. With
    `reset`, which takes the other gates and h, gate `candidate` has R reset(..) in
    place of R h. `chunk`, `rows` and `depth` are the blocks: time steps whose W x is
    one product, rows of a task, and k of a call. The batch may be dealt out in
    `groups`, each of which goes through time by itself. With `from_zero` the first of
    the initial states is 0, and its product with R may be left out.
    """

    name = "br.recurrence"

    x = operand_def(SHAPED)
    w = operand_def(SHAPED)
    r = operand_def(SHAPED)
    bias = operand_def(SHAPED)
    columns = opt_operand_def(SHAPED)
    lengths = opt_operand_def(SHAPED)
    initial = var_operand_def(SHAPED)
    scratch = operand_def(SHAPED)
    y = operand_def(SHAPED)
    finals = var_operand_def(SHAPED)
    saved = opt_operand_def(SHAPED)
    res = var_result_def(TensorType.constr())

    chunk = prop_def(IntegerAttr[I64])
    rows = prop_def(IntegerAttr[I64])
    depth = prop_def(IntegerAttr[I64])
    groups = prop_def(IntegerAttr[I64])
    offset = prop_def(IntegerAttr[I64])
    candidate = opt_prop_def(IntegerAttr[I64])
    apart = opt_prop_def(UnitAttr)
    reverse = opt_prop_def(UnitAttr)
    batch_first = opt_prop_def(UnitAttr)
    from_zero = opt_prop_def(UnitAttr)

    cell = region_def("single_block")
    reset = opt_region_def("single_block")

    irdl_options = (ParsePropInAttrDict(), AttrSizedOperandSegments(as_property=True))
    traits = traits_def(RecurrenceEffects())

    assembly_format = (
        "`ins` `(` $x `,` $w `,` $r `,` $bias `:` type($x) `,` type($w) `,` type($r) "
        "`,` type($bias) `)` (`columns` `(` $columns^ `:` type($columns) `)`)? "
        "(`lengths` `(` $lengths^ `:` type($lengths) `)`)? "
        "`initial` `(` $initial `:` type($initial) `)` "
        "`scratch` `(` $scratch `:` type($scratch) `)` "
        "`outs` `(` $y `,` $finals `:` type($y) `,` type($finals) `)` "
        "(`saved` `(` $saved^ `:` type($saved) `)`)? attr-dict "
        "`cell` $cell (`reset` $reset^)? (`->` type($res)^)?"
    )

    def __init__(
        self,
        x: SSAValue,
        weights: tuple[SSAValue, SSAValue, SSAValue],
        initial: Sequence[SSAValue],
        destinations: Sequence[SSAValue],
        scratch: SSAValue,
        cell: Region,
        *,
        blocks: tuple[int, int, int, int],
        columns: SSAValue | None = None,
        lengths: SSAValue | None = None,
        saved: SSAValue | None = None,
        reset: Region | None = None,
        candidate: int | None = None,
        apart: bool = False,
        reverse: bool = False,
        batch_first: bool = False,
        from_zero: bool = False,
        offset: int = 0,
    ):
        def number(n: int) -> IntegerAttr[I64]:
            return IntegerAttr(n, i64)

        y, *finals = destinations
        written = [*destinations, *([] if saved is None else [saved])]
        tensors = isinstance(y.type, TensorType)
        operands = (x, *weights, columns, lengths, initial, scratch, y, finals, saved)
        super().__init__(
            operands=operands,
            result_types=([v.type for v in written] if tensors else [],),
            regions=(cell, reset),
            properties={
                "chunk": number(blocks[0]),
                "rows": number(blocks[1]),
                "depth": number(blocks[2]),
                "groups": number(blocks[3]),
                "offset": number(offset),
                "candidate": None if candidate is None else number(candidate),
                "apart": UnitAttr() if apart else None,
                "reverse": UnitAttr() if reverse else None,
                "batch_first": UnitAttr() if batch_first else None,
                "from_zero": UnitAttr() if from_zero else None,
            },
        )

    @property
    def destinations(self) -> tuple[SSAValue, ...]:
        """What the results are computed into."""
        saved = () if self.saved is None else (self.saved,)
        return self.y, *self.finals, *saved

    @property
    def blocks(self) -> tuple[int, int, int, int]:
        """`chunk`, `rows`, `depth` and `groups`."""
        properties = (self.chunk, self.rows, self.depth, self.groups)
        chunk, rows, depth, groups = (p.value.data for p in properties)
        return chunk, rows, depth, groups

    @property
    def sizes(self) -> RecurrenceSizes:
        """Read off the operands' types."""
        steps, batch, inputs = shaped(self.x).get_shape()
        if self.batch_first is not None:
            steps, batch = batch, steps
        blocks, gates, units, panel = shaped(self.r).get_shape()
        return RecurrenceSizes(steps, batch, inputs, units, blocks, gates, panel)

    def verify_(self) -> None:
        values = (self.x, self.w, self.r, self.bias, self.y, *self.initial)
        ranks = [shaped(v).get_num_dims() for v in values]
        if ranks != [3, 4, 4, 3, 3, *[2] * len(self.initial)]:
            raise VerifyException(
                "expected x, w, r, bias, y and the initial states of ranks "
                f"3, 4, 4, 3, 3 and 2, got {', '.join(map(str, ranks))}"
            )
        if len({isinstance(v.type, MemRefType) for v in self.operands}) != 1:
            raise VerifyException("expected all operands tensors or all memrefs")
        s = self.sizes
        verify_operand("w", self.w, (s.blocks, s.gates, s.inputs, s.panel))
        verify_operand("bias", self.bias, (s.blocks, s.gates, s.panel))
        for name, states in (("initial", self.initial), ("finals", self.finals)):
            for v in states:
                verify_operand(f"each of {name}", v, (s.batch, s.units))
        if self.saved is not None:
            parts = s.gates + (self.apart is not None) + len(self.initial) - 1
            verify_operand("saved", self.saved, (s.steps, s.batch, parts * s.units))
        if not s.blocks * s.panel - s.panel < s.units <= s.blocks * s.panel:
            raise VerifyException(
                f"expected {s.blocks} panels of {s.panel} to hold {s.units} units"
            )
        if min(self.blocks) < 1:
            raise VerifyException(f"expected blocks of at least 1, got {self.blocks}")
        if s.batch % self.blocks[3]:
            raise VerifyException(
                f"expected groups to divide the batch of {s.batch}, got "
                f"{self.blocks[3]}"
            )
        self._verify_regions(s)

    def _verify_regions(self, s: RecurrenceSizes) -> None:
        special = self.apart is not None or self.reset is not None
        if special != (self.candidate is not None):
            raise VerifyException(
                "expected `candidate` with `apart` or a reset region, and only there"
            )
        if self.candidate is not None and not 0 <= self.candidate.value.data < s.gates:
            raise VerifyException(
                f"expected candidate to be one of {s.gates} gates, got "
                f"{self.candidate.value.data}"
            )
        states = len(self.initial)
        columns = 0 if self.columns is None else shaped(self.columns).get_shape()[1]
        taken = s.gates + (self.apart is not None) + states + columns
        element: Attribute = shaped(self.y).element_type
        saved = 0 if self.saved is None else s.gates + (self.apart is not None)
        verify_region("cell", self.cell, element, taken, states + saved)
        if self.reset is not None:
            verify_region("reset", self.reset, element, s.gates, 1)
