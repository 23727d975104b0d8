"""What is inserted into a slice, or is padded, is computed in its place, where that is
possible: the destination-passing of bufferize.py through `tensor.insert_slice` and
`tensor.pad`.

    %y = br.contract ... -> tensor<4x5xf32>
    %z = tensor.insert_slice %y into %x[1, 0] [4, 5] [2, 1]
    ->
    %y = memref.reinterpret_cast %x ...: memref<4x5xf32, strided<[..], offset: ..>>
    br.contract ... outs(%y)
"""

from __future__ import annotations

from collections.abc import Mapping

from xdsl.dialects import tensor
from xdsl.dialects.builtin import DYNAMIC_INDEX
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Operation, SSAValue

from brdialect.ops import ContractOp
from passes.buffers import VIEWS, Buffer, Liveness
from passes.linalg_match import only_user

Insertion = tensor.InsertSliceOp | tensor.PadOp
"""What may be computed in its place; around it a padding has what is there yet."""


def insertion_of(
    op: linalg.GenericOp | linalg.FillOp | ContractOp,
    position: int,
    buffers: Mapping[SSAValue, Buffer],
    live: Liveness,
) -> Insertion | None:
    """The insertion that is all that reads the op's one result, if its destination is
    there already and nothing else reads that from the op on."""
    if len(op.results) != 1:
        return None
    insert = only_user(op.results[0])
    if isinstance(insert, tensor.PadOp) and not (insert.low or insert.high):
        return insert
    if not isinstance(insert, tensor.InsertSliceOp) or insert.dest is op.results[0]:
        return None
    place = (insert.static_offsets, insert.static_sizes, insert.static_strides)
    if any(DYNAMIC_INDEX in numbers.get_values() for numbers in place):
        return None
    if isinstance(insert.dest.owner, tensor.EmptyOp):
        return insert
    buffer = buffers.get(insert.dest)
    if buffer is None or not buffer.writable:
        return None
    if any(buffers.get(v) is buffer for v in op.operands):
        return None
    others = [v for v in buffer.values if v is not insert.dest]
    if any(live.last_use(v) > position for v in others):
        return None
    users: set[Operation] = {use.operation for use in insert.dest.uses} - {insert}
    if any(isinstance(u, VIEWS) or live.position(u) > position for u in users):
        return None
    return insert
