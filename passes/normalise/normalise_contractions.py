"""`normalise-contractions`: every contraction becomes a `br.contract`.

    %r = linalg.generic {maps = [(m, n, k) -> (m, k), (m, n, k) -> (k, n), ...]}
           ins(%a, %b) outs(%c) { mulf; addf; yield }
    ->
    %r = br.contract ins(%a, %b) outs(%c) {indexing_maps = ..., iterator_types = ...}

One mechanism for matmul, batch_matmul, einsum-like generics and convolutions of any
rank, stride, dilation, layout and grouping: what they are is said by their maps
(brdialect/roles.py). Two things are put in a normal form on the way:

* the operand that holds the contiguous iterator of C becomes b, so that the columns of
  the micro-kernel are vectors (A is read by scalar broadcasts, so its layout is free);
* a transposed or broadcast copy that feeds the contraction is read through the map.

A schedule pinned on the op by hand, `{br.schedule = #br.schedule<"...">}`, goes along.
What has no such columns (a dot product) is no matrix product and stays a
`linalg.generic`, which convert-linalg-to-vector makes vector loops of.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, ShapedType, bf16, f16, f32
from xdsl.dialects.linalg import ops as linalg
from xdsl.dialects.linalg.attrs import IteratorType
from xdsl.ir import Operation, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from brdialect.destination_op import is_supported_float, shaped
from brdialect.errors import unsupported
from brdialect.ops import ContractOp
from brdialect.roles import Contraction, Linear, Role, extents_of, forms_of
from brdialect.schedule import ScheduleAttr
from brdialect.target import Target, target_of
from passes.normalise.widen_sums import widen_sums
from passes.shared.linalg_match import is_copy, maps_of, multiply_add


def contraction_of(
    values: tuple[SSAValue, SSAValue, SSAValue], maps: tuple[AffineMap, ...]
) -> Contraction | None:
    """The role table of a contraction; None if a map is no sum of iterators."""
    forms = [forms_of(m) for m in maps[:3]]
    a, b, c = forms
    if a is None or b is None or c is None:
        return None
    operands = [
        (f, v.type.get_shape())
        for f, v in zip((a, b, c), values, strict=True)
        if isinstance(v.type, ShapedType)
    ]
    extents = extents_of(maps[0].num_dims, operands)
    return None if extents is None else Contraction(extents, a, b, c)


def schedulable(contraction: Contraction | None, reductions: set[int]) -> bool:
    """Whether every iterator has a role, C has vector columns, k is all the sums."""
    if contraction is None or contraction.columns is None or not reductions:
        return False
    if 0 in contraction.extents:
        return False  # nothing to multiply: plain loops of no trip do
    roles = [contraction.role(i) for i in range(len(contraction.extents))]
    return None not in roles and set(contraction.having(Role.K)) == reductions


def is_matrix_vector(contraction: Contraction) -> bool:
    """No rows, and columns that B does not hold side by side: a row of dot products."""
    inner = contraction.b[-1] if contraction.b else None
    side_by_side = isinstance(inner, Linear) and inner.plain == contraction.columns
    rows = [i for i in contraction.having(Role.M) if contraction.extents[i] != 1]
    return not rows and not side_by_side and not is_depthwise(contraction)


def is_depthwise(contraction: Contraction) -> bool:
    """Whether the columns are pixels of windows, in images with filters of their own:
    propagate-layouts makes the images the columns."""
    columns = contraction.columns
    windows = not any(
        isinstance(f, Linear) and f.plain == columns for f in contraction.b
    )
    return windows and bool(contraction.having(Role.OUTER))


def through_copies(value: SSAValue, map_: AffineMap) -> tuple[SSAValue, AffineMap]:
    """Reads a transposed or broadcast copy through its own map instead."""
    while is_copy(copy := value.owner):
        source, target = maps_of(copy)
        inverse = target.inverse_permutation()
        assert inverse is not None
        map_ = source.compose(inverse.compose(map_))
        value = copy.inputs[0]
    return value, map_


def pinned_schedule(op: Operation) -> ScheduleAttr | None:
    """The schedule that stands on an op as its attribute `br.schedule`."""
    attribute = op.attributes.get(ScheduleAttr.name)
    if attribute is not None and not isinstance(attribute, ScheduleAttr):
        unsupported(op, f'expected br.schedule = #br.schedule<"...">, got {attribute}')
    return attribute


def can_multiply(a: SSAValue, b: SSAValue, c: SSAValue, target: Target) -> bool:
    """Whether the target's kernels take such elements: a GPU's also f16 and bf16 that
    are added up in f32."""
    if not all(isinstance(v.type, ShapedType) for v in (a, b, c)):
        return False
    x, y, z = (shaped(v).element_type for v in (a, b, c))
    if all(is_supported_float(t) for t in (x, y, z)):
        return x == y == z
    return target.is_gpu and z == f32 and x == y and x in (f16, bf16)


class ToContract(RewritePattern):
    """`linalg.generic` with a multiply-add body -> `br.contract`."""

    def __init__(self, target: Target) -> None:
        self.target = target

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: linalg.GenericOp, rewriter: PatternRewriter):
        if len(op.inputs) != 2 or len(op.outputs) != 1:
            return
        if not multiply_add(op.body.block):
            return
        a, b, c = op.operands
        if not can_multiply(a, b, c, self.target):
            return
        reductions = {
            i
            for i, t in enumerate(op.iterator_types)
            if t.data is IteratorType.REDUCTION
        }
        map_a, map_b, map_c = maps_of(op)
        contraction = contraction_of((a, b, c), (map_a, map_b, map_c))
        if not schedulable(contraction, reductions):
            a, b, map_a, map_b = b, a, map_b, map_a
            contraction = contraction_of((a, b, c), (map_a, map_b, map_c))
            if not schedulable(contraction, reductions):
                return
        assert contraction is not None
        if is_matrix_vector(contraction):
            return
        (read_a, at_a), (read_b, at_b) = (
            through_copies(a, map_a),
            through_copies(b, map_b),
        )
        read = contraction_of((read_a, read_b, c), (at_a, at_b, map_c))
        if schedulable(read, reductions):
            a, map_a, b, map_b = read_a, at_a, read_b, at_b
        new = ContractOp(
            a,
            b,
            c,
            (map_a, map_b, map_c),
            op.iterator_types,
            schedule=pinned_schedule(op),
        )
        new.location = op.location
        rewriter.replace(op, new)


@dataclass(frozen=True)
class NormaliseContractionsPass(ModulePass):
    """Multiply-add `linalg.generic` ops become `br.contract`."""

    name = "normalise-contractions"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        if target.is_gpu:
            widen_sums(op)
        pattern = ToContract(target)
        PatternRewriteWalker(pattern, apply_recursively=False).rewrite_module(op)
        for left in op.walk():
            if ScheduleAttr.name in left.attributes:
                unsupported(
                    left,
                    "expected br.schedule on a matrix product or convolution of f32 or "
                    "f64 (on a GPU, f16 or bf16 too); leave it out here",
                )
