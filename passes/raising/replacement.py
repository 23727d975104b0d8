"""Putting a layer where its steps stand: its results in place of theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xdsl.builder import Builder, ImplicitBuilder
from xdsl.dialects import scf, tensor
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Block, Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from brdialect.destination_op import shaped
from brdialect.recurrent_ops import SequenceOp
from passes.raising.chains import Target
from passes.raising.elements import Elements, Point
from passes.raising.indices import Index, variable
from passes.raising.layers import Layer, turned
from passes.raising.views import RESHAPES, gathered, merged, piece_of, reshaped
from passes.shared.linalg_match import is_copy
from passes.shared.load_time import used_by

Replaced = Sequence[tuple[SSAValue, SSAValue]]


def replace_by(layer: Layer, block: Block) -> SequenceOp | None:
    """Emits a layer into the block and puts its results in place of the targets; None
    where its operands depend on its results or are no views of what is there."""
    targets = {t.value for chain in layer.chains for t in chain.targets}
    position = {op: i for i, op in enumerate(block.ops)}
    first = min((_owner(t) for t in targets), key=lambda op: position[op])
    needed = _needed(layer.read(), block, position, position[first])
    if needed is None or any(r in targets for op in needed for r in op.results):
        return None
    for op in needed:
        op.detach()
        block.insert_op_before(op, first)
    before = first.prev_op
    with ImplicitBuilder(Builder(InsertPoint.before(first))):
        op = layer.emitted()
        new = _replacements(layer, op) if op is not None else None
    if op is None or new is None:
        _erase_between(before, first)
        return None
    op.location = first.location
    _replace(new, layer.elements)
    return op


def use_final_states(op: SequenceOp, elements: Elements) -> None:
    """Parts of y that are all of a last step become h: what is left of them once stacks
    of all steps are y itself."""
    sizes = op.sizes
    n, k = variable("n", sizes.N), variable("k", sizes.K)
    rows = [0, sizes.N]
    new: list[tuple[SSAValue, SSAValue]] = []
    for direction, reverse in enumerate(op.directions):
        last = [0 if reverse else sizes.T - 1, 1]
        columns = [direction * sizes.K, sizes.K]
        order = (rows, last) if op.batch_first is not None else (last, rows)
        for part in [use.operation for use in op.y.uses]:
            if isinstance(part, tensor.ExtractSliceOp) and _is_part(
                part, (*order, columns)
            ):
                with ImplicitBuilder(Builder(InsertPoint.after(op))):
                    state = Point(op.h, (Index(direction), n, k))
                    shape = shaped(part.result).get_shape()
                    value = gathered(state, [*n.variables, *k.variables], shape)
                assert value is not None
                new.append((part.result, value))
    _replace(new, elements)


def _is_part(op: tensor.ExtractSliceOp, want: Sequence[Sequence[int]]) -> bool:
    """Whether it takes these offsets and sizes."""
    found = zip(
        op.static_offsets.get_values(), op.static_sizes.get_values(), strict=True
    )
    return [list(map(int, pair)) for pair in found] == list(want)


def _owner(value: SSAValue) -> Operation:
    assert isinstance(value.owner, Operation)
    return value.owner


def _needed(
    values: Sequence[SSAValue],
    block: Block,
    position: Mapping[Operation, int],
    limit: int,
) -> list[Operation] | None:
    """The operations from `limit` on that compute the values, in order; None if a
    value does not exist outside of a loop."""
    found: set[Operation] = set()
    pending = list(values)
    while pending:
        owner = pending.pop().owner
        if owner is block or owner in found:
            continue
        if not isinstance(owner, Operation) or owner not in position:
            return None
        if position[owner] >= limit:
            found.add(owner)
            pending += used_by(owner)
    return sorted(found, key=lambda op: position[op])


def _erase_between(before: Operation | None, end: Operation) -> None:
    while (last := end.prev_op) is not None and last is not before:
        Rewriter.erase_op(last)


def _replacements(layer: Layer, op: SequenceOp) -> Replaced | None:
    """What takes the place of each target."""
    found: list[tuple[SSAValue, SSAValue]] = []
    for direction, chain in enumerate(layer.chains):
        for target in chain.targets:
            point = layer.result(op, direction, target)
            new = _replacement(point, target, chain.counter)
            if new is None:
                return None
            found.append((target.value, new))
    return found


def _replacement(point: Point, target: Target, counter: Index) -> SSAValue | None:
    """The tensor like the target's that holds `point`."""
    index = target.index
    if any(f < 0 for i in index for _, f in i.terms):
        index = tuple(i.replaced(turned(counter)) for i in index)
        point = point.replaced(turned(counter))
    shape = shaped(target.value).get_shape()
    pieces = [piece_of(i) for i in index]
    order = [v for p in pieces if p is not None for v in p.variables]
    whole = all(
        p is not None and (p.offset, p.step, p.size) == (0, 1, size)
        for p, size in zip(pieces, shape, strict=True)
    )
    return gathered(point, order, shape) if whole else None


def _replace(new: Replaced, elements: Elements) -> None:
    """Uses what is new, and looks through what was made of the old: the stack of all
    h is y itself."""
    pending: list[SSAValue] = []
    for old, value in new:
        old.replace_all_uses_with(value)
        elements.replaced[old] = value
        pending.append(value)
    while pending:
        for op in dict.fromkeys(use.operation for use in pending.pop(0).uses):
            if not isinstance(op, (tensor.ConcatOp, *VIEWS)) and not is_copy(op):
                continue
            result = op.results[0]
            if not result.uses:
                continue
            with ImplicitBuilder(Builder(InsertPoint.before(op))):
                view = _view_of(op, elements)
            if view is not None and view is not result:
                result.replace_all_uses_with(view)
                elements.replaced[result] = view
                pending.append(view)
            elif isinstance(op, VIEWS):
                pending.append(result)


VIEWS = (
    tensor.ExtractSliceOp,
    tensor.CollapseShapeOp,
    tensor.ExpandShapeOp,
    tensor.CastOp,
)


def _view_of(op: Operation, elements: Elements) -> SSAValue | None:
    """A concatenation or a transpose as a view of a layer's result, if it is one."""
    result = op.results[0]
    shape = shaped(result).get_shape()
    if isinstance(op, tensor.ConcatOp):
        dim = op.dim.value.data
        each = [shaped(v).get_shape() for v in op.inputs]
        if len(set(each)) != 1:
            return None
        inner = variable("l", each[0][dim])
        counter = variable("j", len(each))
        places = [variable(f"d{d}", n) for d, n in enumerate(shape)]
        places[dim] = inner
        points = [elements.resolved(Point(v, tuple(places))) for v in op.inputs]
        point = merged(points, counter)
        places[dim] = counter * each[0][dim] + inner
    else:
        places = [variable(f"d{d}", n) for d, n in enumerate(shape)]
        point = elements.resolved(Point(result, tuple(places)))
    if point is None or not isinstance(point.value.owner, SequenceOp):
        return None
    if isinstance(op, VIEWS) and (list(point.index), shape) != (
        places,
        shaped(point.value).get_shape(),
    ):
        # it is one already, but perhaps of another
        chained = isinstance(op, RESHAPES) and isinstance(op.src.owner, RESHAPES)
        return reshaped(result, shape) if chained else None
    pieces = [piece_of(i) for i in places]
    order = [v for p in pieces if p is not None for v in p.variables]
    return gathered(point, order, shape)


def erase_unused(block: Block) -> None:
    """What nothing uses any more goes."""
    for op in reversed(list(block.ops)):
        if op.results and not any(r.uses for r in op.results) and _is_pure(op):
            Rewriter.erase_op(op)


def _is_pure(op: Operation) -> bool:
    """Whether it does nothing but compute tensors and numbers."""
    if isinstance(op, scf.ForOp | scf.WhileOp | scf.YieldOp | scf.ConditionOp):
        return all(
            _is_pure(inner) for r in op.regions for b in r.blocks for inner in b.ops
        )
    if isinstance(op, linalg.GenericOp):
        return all(_is_pure(inner) for inner in op.body.block.ops)
    names = ("tensor.", "linalg.", "arith.", "math.", "br.")
    return op.name.startswith(names)
