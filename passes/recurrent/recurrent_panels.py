"""How a recurrent layer is cut up, and its operands in panels of units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from xdsl.dialects.builtin import DYNAMIC_INDEX, AnyFloat
from xdsl.ir import SSAValue

from brdialect.recurrent import LayerOp
from brdialect.target import Target
from passes.memory.buffers import element_bytes
from passes.normalise.recurrent_sequences import operands_of
from passes.recurrent.recurrence_scratch import GATES_BYTES, gates_pitch
from passes.recurrent.recurrent_cells import Cell
from passes.schedule.choose_schedule import block_evenly
from passes.schedule.pack_operands import make_panels
from passes.schedule.register_block import Panels, default_register_block
from passes.shared.build import shape_of, tensor_type
from passes.shared.recurrent_tensors import (
    is_zero,
    reshape,
    row,
    sum_of,
    with_row,
    zeros,
)

AnyLayerOp = TypeVar("AnyLayerOp", bound=LayerOp)

CHUNK_ROWS = 256
"""Rows that W x of a chunk should have: enough for W, which comes by once for all of
them, and few enough for the gates to stay near."""

OPEN_CHUNK = 64
"""Steps of a chunk at most where T is known at run time only: what T leaves over is
done in smaller chunks."""

TASK_ROWS = 192
"""Rows of a task: R comes by once for all of them."""

GROUP_ROWS = 32
"""From so many rows a thread on, it reads all of the weights rather than wait for the
others at each step."""


@dataclass(frozen=True)
class Blocks:
    """How one recurrence is cut up."""

    panel: int
    chunk: int
    rows: int
    depth: int
    groups: int


def choose_blocks(op: LayerOp, target: Target) -> Blocks:
    """Blocks for the sizes of an op and the caches of a target."""
    s = op.sizes
    size = element_bytes(tensor_type(op.x).element_type)
    if target.is_gpu:
        # the gates of a unit side by side, each along the sum, as tensor cores read it
        step = s.N * gates_pitch(s.K, s.G) * size
        return Blocks(1, whole_chunk(s.T, GATES_BYTES // step), s.N, s.K, 1)
    lanes = target.lanes(size)
    tile = default_register_block(s.N, s.K, lanes, target, Panels(s.K))
    panel = block_evenly(-(-s.K // lanes), tile[1]) * lanes
    chunk = max(1, CHUNK_ROWS // s.N)
    chunk = min(chunk, OPEN_CHUNK if s.T == DYNAMIC_INDEX else max(1, s.T))
    groups = target.threads
    if s.N % groups or s.N // groups < GROUP_ROWS:
        groups = 1
    rows = block_evenly(s.N // groups, TASK_ROWS)
    panels = -(-s.K // panel)
    while (
        groups < target.threads
        and panels * -(-s.N // rows) % target.threads
        and rows > 2 * tile[0]
    ):
        rows = block_evenly(s.N, rows // 2)
    # h of a task and the panels of its gates share the L2; one tile of rows reads R
    # once, best from end to end (a sequence of 1024 units: 1.25 times as fast)
    depth = s.K
    if rows > tile[0]:
        depth = block_evenly(s.K, target.l2 // 2 // size // (rows + s.G * panel))
    return Blocks(panel, chunk, rows, depth, groups)


def whole_chunk(steps: int, most: int) -> int:
    """Steps of a chunk: all of them, or a multiple of 4, so that chunks begin at
    multiples of 16 bytes."""
    return steps if steps <= most else max(4, most // 4 * 4)


class LayerLowering(Generic[AnyLayerOp]):
    """What a layer and its gradients have in common, while they are lowered."""

    def __init__(self, op: AnyLayerOp, target: Target):
        self.op = op
        self.sizes = op.sizes
        element = tensor_type(op.x).element_type
        assert isinstance(element, AnyFloat)
        self.element = element
        self.target = target

    @cached_property
    def blocks(self) -> Blocks:
        """How the op is cut up; it has sequences and steps."""
        return choose_blocks(self.op, self.target)

    def panels(self, v: SSAValue) -> SSAValue:
        """[any, K, ...] -> [K / panel, any, ..., panel]."""
        rank = len(shape_of(v))
        others = [d for d in range(rank) if d != 1]
        return make_panels(v, 1, others, self.blocks.panel)

    def weights(self, v: SSAValue, d: int) -> SSAValue:
        """The panels of w or r of a direction."""
        s = self.sizes
        return self.panels(row(v, d, (s.G, s.K, shape_of(v)[-1])))

    def bias_rows(self, v: SSAValue | None, d: int) -> SSAValue | None:
        """A bias of a direction as [G, K]."""
        return None if v is None else row(v, d, (self.sizes.G, self.sizes.K))

    def biases(self, d: int, cell: Cell) -> tuple[SSAValue, SSAValue | None]:
        """What is added to the gates, and what the cell takes of each unit."""
        s, op = self.sizes, self.op
        bias = self.bias_rows(op.bias, d)
        recurrent = self.bias_rows(op.recurrent_bias, d)
        columns = None
        if (holes := operands_of(op).get("peepholes")) is not None:
            columns = row(holes, d, (3, s.K))
        if cell.apart:
            assert cell.candidate is not None
            none = zeros((s.K,), self.element)
            columns = reshape(none, (1, s.K))
            if recurrent is not None:
                columns = row(recurrent, cell.candidate, (1, s.K))
                recurrent = with_row(none, cell.candidate, recurrent)
        both = [b for b in (bias, recurrent) if b is not None]
        total = both[0] if both else zeros((s.G, s.K), self.element)
        if len(both) == 2:
            total = sum_of(*both)
        packed = None if columns is None else self.panels(columns)
        return self.panels(total), packed

    def initial(self, d: int) -> list[SSAValue]:
        """The states before the first step."""
        return self.states(self.op.STATES, d)

    @property
    def starts_from_zero(self) -> bool:
        """Whether h before the first step is known to be 0."""
        h0 = operands_of(self.op).get("h0")
        return h0 is None or is_zero(h0)

    def states(self, names: Sequence[str], d: int) -> list[SSAValue]:
        """Operands of [D, N, K] as [N, K] of a direction, 0 where left out."""
        shape = (self.sizes.N, self.sizes.K)
        given = operands_of(self.op)
        none = zeros(shape, self.element)
        return [row(given[n], d, shape) if n in given else none for n in names]
