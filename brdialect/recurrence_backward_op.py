"""`br.recurrence_backward`: one direction of a recurrent layer, back in time.

It is to br.lstm_backward and its kin what `br.recurrence` is to the layers: the part
that goes step by step. Which cell it is, the regions say. What needs no order of steps,
the gradients of x and of the weights, are contractions over what it returns.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    I64,
    IntegerAttr,
    MemRefType,
    TensorType,
    UnitAttr,
    i64,
)
from xdsl.ir import Attribute, Region, SSAValue
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
from xdsl.utils.exceptions import VerifyException

from brdialect.destination_op import SHAPED, shaped
from brdialect.recurrence_op import (
    RecurrenceEffects,
    RecurrenceSizes,
    verify_operand,
    verify_region,
)


@irdl_op_definition
class RecurrenceBackwardOp(IRDLOperation):
    """`dgates_t, ... = cell(gates_t, states_{t-1}, ..., dh_t + dy_t, ...);
    dh_{t-1} = ... + dgates_t R`, from the last step to the first (paper, section 3.1).

    P are the parts that a step computes by products: the gates, and with `apart`
    R h of gate `candidate`. They and the other states of a step stand in `saved`.

    | operand | shape | |
    |---|---|---|
    | saved | `[T, N, S*K]` | P parts, then the states but for h, before each step |
    | y | `[T, N, ...]` | `[N, T, ...]` with `batch_first`; from column `offset` on: h |
    | r | `[K / panel, K / panel, gates, panel, panel]` | R: columns by rows |
    | columns | `[K / panel, Q, panel]` | what the cell takes of each unit |
    | lengths | `[N]` | steps of each sequence; beyond, no gradients |
    | dy | as y | |
    | initial | `[N, K]` | h before the first step |
    | given | `[N, K]` each | the gradients of the states after the last step |
    | scratch | bytes | as many as passes/recurrent/recurrence_scratch.py says |
    | gates | `[K / panel, P, T, N, panel]` | the gradients of the parts |
    | before | `[1, K / panel, T, N, panel]` | h before each step; with `reset` 2: and
    what R of gate `candidate` multiplies |
    | sums | `[K / panel, P + Q, panel]` | those of gates and columns over all steps |
    | starts | `[N, K]` each | the gradients of the initial states |

    `cell` takes the P parts, the states before, the columns and the gradients of the
    states after, of one unit; it yields the gradients of all of these but the last.
    `reset` takes the gates but for the candidate, h and the gradient of what R of the
    candidate multiplies; it yields that and the gradients of the others. Elements
    beyond K are 0. `rows` and `depth` are the blocks: rows of a task, and panels of k
    of a call. The batch may be dealt out in `groups`, as in `br.recurrence`. With
    `drops_h` nobody asks for the gradient of the first of the initial states: the
    product that gives it may be left out.
    """

    name = "br.recurrence_backward"

    saved = operand_def(SHAPED)
    y = operand_def(SHAPED)
    r = operand_def(SHAPED)
    columns = opt_operand_def(SHAPED)
    lengths = opt_operand_def(SHAPED)
    dy = opt_operand_def(SHAPED)
    initial = operand_def(SHAPED)
    given = var_operand_def(SHAPED)
    scratch = operand_def(SHAPED)
    gates = operand_def(SHAPED)
    before = operand_def(SHAPED)
    sums = operand_def(SHAPED)
    starts = var_operand_def(SHAPED)
    res = var_result_def(TensorType.constr())

    rows = prop_def(IntegerAttr[I64])
    depth = prop_def(IntegerAttr[I64])
    groups = prop_def(IntegerAttr[I64])
    offset = prop_def(IntegerAttr[I64])
    candidate = opt_prop_def(IntegerAttr[I64])
    apart = opt_prop_def(UnitAttr)
    reverse = opt_prop_def(UnitAttr)
    batch_first = opt_prop_def(UnitAttr)
    drops_h = opt_prop_def(UnitAttr)

    cell = region_def("single_block")
    reset = opt_region_def("single_block")

    irdl_options = (ParsePropInAttrDict(), AttrSizedOperandSegments(as_property=True))
    traits = traits_def(RecurrenceEffects())

    assembly_format = (
        "`ins` `(` $saved `,` $y `,` $r `:` type($saved) `,` type($y) `,` type($r) `)` "
        "(`columns` `(` $columns^ `:` type($columns) `)`)? "
        "(`lengths` `(` $lengths^ `:` type($lengths) `)`)? "
        "(`dy` `(` $dy^ `:` type($dy) `)`)? "
        "`initial` `(` $initial `:` type($initial) `)` "
        "`given` `(` $given `:` type($given) `)` "
        "`scratch` `(` $scratch `:` type($scratch) `)` "
        "`outs` `(` $gates `,` $before `,` $sums `,` $starts `:` type($gates) `,` "
        "type($before) `,` type($sums) `,` type($starts) `)` attr-dict "
        "`cell` $cell (`reset` $reset^)? (`->` type($res)^)?"
    )

    def __init__(
        self,
        saved: SSAValue,
        y: SSAValue,
        r: SSAValue,
        initial: SSAValue,
        given: Sequence[SSAValue],
        destinations: Sequence[SSAValue],
        scratch: SSAValue,
        cell: Region,
        *,
        blocks: tuple[int, int, int],
        columns: SSAValue | None = None,
        lengths: SSAValue | None = None,
        dy: SSAValue | None = None,
        reset: Region | None = None,
        candidate: int | None = None,
        apart: bool = False,
        reverse: bool = False,
        batch_first: bool = False,
        drops_h: bool = False,
        offset: int = 0,
    ):
        def number(n: int) -> IntegerAttr[I64]:
            return IntegerAttr(n, i64)

        gates, before, sums, *starts = destinations
        tensors = isinstance(gates.type, TensorType)
        operands = (saved, y, r, columns, lengths, dy, initial, given, scratch)
        super().__init__(
            operands=(*operands, gates, before, sums, starts),
            result_types=([v.type for v in destinations] if tensors else [],),
            regions=(cell, reset),
            properties={
                "rows": number(blocks[0]),
                "depth": number(blocks[1]),
                "groups": number(blocks[2]),
                "offset": number(offset),
                "candidate": None if candidate is None else number(candidate),
                "apart": UnitAttr() if apart else None,
                "reverse": UnitAttr() if reverse else None,
                "batch_first": UnitAttr() if batch_first else None,
                "drops_h": UnitAttr() if drops_h else None,
            },
        )

    @property
    def destinations(self) -> tuple[SSAValue, ...]:
        """What the results are computed into."""
        return self.gates, self.before, self.sums, *self.starts

    @property
    def blocks(self) -> tuple[int, int, int]:
        """`rows`, `depth` and `groups`."""
        rows, depth, groups = (
            p.value.data for p in (self.rows, self.depth, self.groups)
        )
        return rows, depth, groups

    @property
    def sizes(self) -> RecurrenceSizes:
        """Read off the operands' types; `inputs` is 0."""
        steps, batch, _ = shaped(self.saved).get_shape()
        blocks, _, gates, _, panel = shaped(self.r).get_shape()
        units = shaped(self.initial).get_shape()[1]
        return RecurrenceSizes(steps, batch, 0, units, blocks, gates, panel)

    @property
    def parts(self) -> int:
        """P."""
        return self.sizes.gates + (self.apart is not None)

    @property
    def saved_parts(self) -> int:
        """How many numbers of each unit are saved of a step."""
        return self.parts + len(self.given) - 1

    @property
    def column_count(self) -> int:
        """Q."""
        return 0 if self.columns is None else shaped(self.columns).get_shape()[1]

    def verify_(self) -> None:
        values = (self.saved, self.y, self.r, self.initial)
        ranks = [shaped(v).get_num_dims() for v in values]
        if ranks != [3, 3, 5, 2]:
            raise VerifyException(
                "expected saved, y, r and the initial state of ranks 3, 3, 5 and 2, "
                f"got {', '.join(map(str, ranks))}"
            )
        if not self.given:
            raise VerifyException("expected the gradient of at least one state")
        if len({isinstance(v.type, MemRefType) for v in self.operands}) != 1:
            raise VerifyException("expected all operands tensors or all memrefs")
        s, parts, states = self.sizes, self.parts, len(self.given)
        batch = (s.steps, s.batch)
        verify_operand("saved", self.saved, (*batch, self.saved_parts * s.units))
        verify_operand("r", self.r, (s.blocks, s.blocks, s.gates, s.panel, s.panel))
        verify_operand("gates", self.gates, (s.blocks, parts, *batch, s.panel))
        kept = 1 if self.reset is None else 2
        verify_operand("before", self.before, (kept, s.blocks, *batch, s.panel))
        columns = self.column_count
        verify_operand("sums", self.sums, (s.blocks, parts + columns, s.panel))
        verify_operand("initial", self.initial, (s.batch, s.units))
        for name in ("given", "starts"):
            each = getattr(self, name)
            if len(each) != states:
                raise VerifyException(
                    f"expected {states} of {name}, as many as are given, got "
                    f"{len(each)}"
                )
            for v in each:
                verify_operand(f"each of {name}", v, (s.batch, s.units))
        if min(self.blocks) < 1 or s.batch % self.blocks[2]:
            raise VerifyException(
                "expected blocks of at least 1 and groups that divide the batch of "
                f"{s.batch}, got {self.blocks}"
            )
        element: Attribute = shaped(self.y).element_type
        takes = parts + states + columns + states
        gives = parts + states + columns
        verify_region("cell", self.cell, element, takes, gives)
        if self.reset is not None:
            verify_region("reset", self.reset, element, s.gates + 1, s.gates + 1)
