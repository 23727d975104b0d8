"""Recurrent ops in other forms: cells as layers of one step; layers that save what
their gradients need, and layers that do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from xdsl.builder import ImplicitBuilder
from xdsl.ir import Operation, Region, SSAValue
from xdsl.rewriter import InsertPoint

from brdialect.recurrent import RecurrentOp, SequenceOp
from brdialect.recurrent_ops import (
    GruCellOp,
    GruOp,
    LstmCellOp,
    LstmOp,
    RnnCellOp,
    RnnOp,
)
from passes.shared.build import LocatedBuilder, shape_of
from passes.shared.recurrent_tensors import reshape

AnyRecurrentOp = TypeVar("AnyRecurrentOp", bound=RecurrentOp)

SEQUENCES: dict[type[RecurrentOp], type[SequenceOp]] = {
    LstmCellOp: LstmOp,
    GruCellOp: GruOp,
    RnnCellOp: RnnOp,
}
"""The layer of one step that a cell is."""


def operands_of(op: RecurrentOp) -> dict[str, SSAValue]:
    """The operands that are there, by name."""
    return {name: v for name, v in op.tensors() if v.owner is not op}


def like(
    op: RecurrentOp,
    kind: type[AnyRecurrentOp],
    operands: Mapping[str, SSAValue],
    saves: bool = False,
) -> AnyRecurrentOp:
    """An op of another kind with the attributes of `op`."""
    x, w, r = (operands[name] for name in ("x", "w", "r"))
    others = {n: v for n, v in operands.items() if n not in ("x", "w", "r")}
    new = kind(x, w, r, None, saves, **others)
    kept = [k for k in op.properties if k != "operandSegmentSizes"]
    new.properties |= {k: op.properties[k] for k in kept}
    new.infer_result_types()
    new.location = op.location
    return new


def as_sequence(op: RecurrentOp) -> list[SSAValue]:
    """The states after the one step of a cell, by an op over a sequence."""
    operands = {n: reshape(v, (1, *shape_of(v))) for n, v in operands_of(op).items()}
    finals = like(op, SEQUENCES[type(op)], operands).results[1:]
    return [reshape(v, shape_of(v)[1:]) for v in finals]


def cells_as_sequences(region: Region) -> None:
    """Every cell becomes a layer of one step."""
    for cell in [o for o in region.walk() if type(o) in SEQUENCES]:
        assert isinstance(cell, RecurrentOp)
        replace(cell, lambda cell=cell: as_sequence(cell))


def save_all(region: Region) -> None:
    """Every layer saves what its gradients need."""
    for op in [o for o in region.walk() if isinstance(o, SequenceOp)]:
        if op.saved is None:
            replace(op, lambda op=op: like(op, type(op), operands_of(op), True).results)


def save_what_is_used(region: Region) -> None:
    """What no gradient needs is not saved."""
    for op in [o for o in region.walk() if isinstance(o, SequenceOp)]:
        if op.saved is not None and not op.saved.uses:
            replace(op, lambda op=op: like(op, type(op), operands_of(op)).results)


def replace(op: Operation, emit: Callable[[], Sequence[SSAValue]]) -> None:
    """Puts what `emit` makes in the place of an op."""
    with ImplicitBuilder(LocatedBuilder(InsertPoint.before(op), op.location)):
        new = emit()
    # `saved`, the last result, may be there or not
    for old, result in zip(op.results, new, strict=False):
        old.replace_all_uses_with(result)
    op.detach()
    op.erase()
