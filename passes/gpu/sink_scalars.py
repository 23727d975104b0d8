"""`sink-scalars`: numbers that a program computes move to where they are used.

    %s = tensor.extract %loss[] : tensor<f32>
    %f = arith.cmpf olt, %s, %limit : f32
    %r = linalg.generic ins(%x) outs(%e) { ^bb0(%a, %o): ... arith.select %f, .. }
    ->
    %r = linalg.generic ins(%x, %loss) outs(%e) {        // map of %loss: (d0, d1) -> ()
    ^bb0(%a, %s, %o):
      %f = arith.cmpf olt, %s, %limit : f32
      ... arith.select %f, .. }

On a GPU a number in memory cannot be an argument of a launch: the host would have to
wait for it. Arguments of the function are numbers that the host has, and stay.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import arith, math, tensor
from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, ModuleOp
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Operation, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.traits import is_side_effect_free

from brdialect.target import gpu_of
from passes.shared.build import tensor_type
from passes.shared.load_time import captured


def source_of(op: Operation) -> SSAValue | None:
    """The tensor of one number that an op reads, if it does."""
    if isinstance(op, tensor.ExtractOp) and not op.indices:
        return op.tensor
    return None


def is_scalar_code(op: Operation) -> bool:
    """Whether an op computes numbers of numbers."""
    return (
        op.dialect_name() in (arith.Arith.name, math.Math.name)
        and not isinstance(op, arith.ConstantOp)
        and not op.regions
        and is_side_effect_free(op)
    )


def chain_of(value: SSAValue) -> list[Operation]:
    """The ops that a number is computed by, in order; none where it is not computed, or
    by something else."""
    owner = value.owner
    if not isinstance(owner, Operation):
        return []
    if source_of(owner) is not None:
        return [owner]
    if not is_scalar_code(owner):
        return []
    found: dict[Operation, None] = {}
    for operand in owner.operands:
        found |= dict.fromkeys(chain_of(operand))
    return [*found, owner]


def sink(op: linalg.GenericOp) -> None:
    """Moves the numbers of one op into its body."""
    chain = dict.fromkeys(x for v in captured(op) for x in chain_of(v))
    if not chain:
        return
    sources = dict.fromkeys(s for x in chain if (s := source_of(x)) is not None)
    block, count = op.body.block, len(op.inputs)
    known: dict[SSAValue, SSAValue] = {}
    places: dict[SSAValue, SSAValue] = {}
    for number, source in enumerate(sources):
        element = tensor_type(source).element_type
        places[source] = block.insert_arg(element, count + number)
    first = block.first_op
    assert first is not None
    for each in chain:
        if (source := source_of(each)) is not None:
            known[each.results[0]] = places[source]
            continue
        new = each.clone(known)
        Rewriter.insert_op(new, InsertPoint.before(first))
    for old, new in known.items():
        old.replace_uses_with_if(new, lambda use: is_within(use.operation, op))
    empty = AffineMapAttr(AffineMap(len(op.iterator_types), 0, ()))
    maps = list(op.indexing_maps)
    maps[count:count] = [empty] * len(sources)
    replacement = linalg.GenericOp(
        [*op.inputs, *sources],
        op.outputs,
        op.detach_region(op.body),
        ArrayAttr(maps),
        op.iterator_types,
        op.result_types,
    )
    replacement.attributes |= op.attributes
    replacement.location = op.location
    Rewriter.replace_op(op, replacement)
    for each in reversed(chain):
        if not any(r.uses for r in each.results):
            each.detach()
            each.erase()


def is_within(op: Operation | None, outer: Operation) -> bool:
    """Whether an op stands in a region of another one."""
    while op is not None:
        op = op.parent_op()
        if op is outer:
            return True
    return False


@dataclass(frozen=True)
class SinkScalarsPass(ModulePass):
    """Element-wise operations on tensors take numbers in memory as operands."""

    name = "sink-scalars"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        gpu_of(op)
        for each in list(op.walk()):
            if isinstance(each, linalg.GenericOp) and each.results:
                sink(each)
