"""`convert-linalg-to-vector`: every linalg op on memrefs as loops of vector code.

    linalg.generic {maps = [(i, j) -> (i, j), (i, j) -> (j), (i, j) -> (i, j)], ..}
        ins(%x, %bias : memref<3x13xf32>, memref<13xf32>) outs(%y : memref<3x13xf32>) {
      ^bb0(%a: f32, %b: f32, %out: f32):  linalg.yield (arith.addf %a, %b)
    }
    ->
    scf.for %i = 0 to 3 {
      %a = vector.load %x[%i, 0] : vector<8xf32>             // y[i, 0:8]
      %b = vector.load %bias_view[%i, 0] : vector<8xf32>     // stride 0 along i
      vector.store (arith.addf %a, %b), %y[%i, 0]
      ...the same on y[i, 8:13] by vector.maskedload and vector.maskedstore
    }

Loops of one trip vanish, loops that all operands traverse as one are merged (an
element-wise op on dense NxCxHxW is one long loop), and an operand whose access is not
its own index order becomes a `memref.reinterpret_cast` view with a dimension a loop.

* A parallel loop is vectorised where outputs and most inputs are contiguous along it;
  reductions keep their accumulators in registers through all reduction loops.
* Otherwise a reduction loop is, with vector accumulators and one `vector.reduction` at
  the end. This sums floats in another order than the loop nest would.
* Otherwise the code is scalar, as it is for integer division, which may trap in a lane
  that is masked off.
* What reads along one loop and writes along another goes by tiles that are transposed
  in registers (`transpose_tiles`).

With threads, the outer parallel loops become one `scf.parallel`. Shapes and strides
must be static. `cf.assert` in a body is dropped (see `vectorise`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import memref
from xdsl.dialects.builtin import (
    AffineMapAttr,
    FixedBitwidthType,
    IndexType,
    MemRefType,
    ModuleOp,
    TensorType,
    i1,
)
from xdsl.dialects.linalg.attrs import IteratorTypeAttr
from xdsl.dialects.linalg.ops import FillOp, GenericOp, YieldOp
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from brdialect.target import Target, target_of
from passes.loops.loop_nest import (
    Nest,
    Operand,
    crosses,
    nest_of,
    normalise,
    transposed_loop,
    vector_loop,
)
from passes.loops.nest_emitter import Emitter, indexed_iterators
from passes.loops.reductions import combiners
from passes.loops.transpose_tiles import TransposingEmitter
from passes.shared.build import row_major, strided_type
from passes.shared.vectorise import check_body, divides_integers


def widest(op: GenericOp) -> int:
    """Bytes of the widest element that the body handles; truth values adapt."""

    def size(type_: Attribute) -> int:
        if isinstance(type_, IndexType):
            return 8
        return type_.size if isinstance(type_, FixedBitwidthType) and type_ != i1 else 1

    block = op.body.block
    values = [*block.args, *(r for inner in block.ops for r in inner.results)]
    return max((size(v.type) for v in values), default=1)


def view_of(operand: Operand, order: list[int], sizes: list[int]) -> SSAValue:
    """The operand with one dimension for each loop in `order`: itself where it has just
    those, else `memref.reinterpret_cast`."""
    source = operand.source.type
    assert isa(source, MemRefType)
    strides = [operand.strides[d] for d in order]
    same = (
        list(source.get_shape()) == sizes
        and list(source.get_strides() or ()) == strides
        and source.get_offset() == operand.offset
    )
    if same:
        return operand.source
    if operand.offset == 0 and tuple(strides) == row_major(sizes):
        type_ = MemRefType(source.element_type, sizes)
    else:
        type_ = strided_type(source.element_type, sizes, strides, operand.offset)
    return memref.ReinterpretCastOp.from_dynamic(
        operand.source, (operand.offset,), sizes, strides, type_
    ).result


def emitter_of(op: GenericOp, nest: Nest, target: Target) -> Emitter:
    """Chooses the vectorised loop and makes the views; see the module's rules."""
    lanes = target.lanes(widest(op))
    chosen, across = None, None
    if lanes > 1 and not divides_integers(op.body.block):
        reassociate = combiners(op) is not None
        chosen = vector_loop(nest, lanes, len(op.body.block.ops), reassociate)
    if chosen is not None:
        across = transposed_loop(nest, chosen)
    views: list[SSAValue] = []
    # by position: what is computed in place is an input and an output
    accessed = (*nest.inputs, *nest.outputs)
    for i, (v, x) in enumerate(zip(op.operands, accessed, strict=True)):
        is_input = i < len(nest.inputs)
        if x is None:
            views.append(v)
            continue
        last = [] if chosen is None else [chosen]
        if across is not None and is_input and crosses(x, chosen, across):
            last.append(across)
        order = [d for d in range(len(nest.loops)) if d not in last] + last
        sizes = [nest.loops[d].size for d in order]
        if chosen in last[-1:] and is_input and x.skips(chosen):
            sizes[-1] = (sizes[-1] - 1) * x.strides[chosen] + 1
            x = x.contiguous(chosen)
        views.append(view_of(x, order, sizes))
    if across is not None:
        return TransposingEmitter(op, nest, target, chosen, lanes, views, across)
    return Emitter(op, nest, target, chosen, lanes, views)


def check(op: GenericOp) -> None:
    """What the lowering takes: memrefs outside, plain arithmetic inside."""
    for v in op.operands:
        if isinstance(v.type, TensorType):
            unsupported(op, f"expected memrefs, got {v.type}; run bufferize first")
    check_body(op.body.block)


class ConvertGeneric(RewritePattern):
    """`linalg.generic` -> the code of an emitter: `emitter_of` makes it of the op, its
    nest and the target. `nothing` is told of an op that has no work."""

    def __init__(
        self,
        target: Target,
        emitter_of: Callable[[GenericOp, Nest, Target], Emitter],
        nothing: Callable[[GenericOp], None] = lambda op: None,
    ) -> None:
        self.target, self.emitter_of, self.nothing = target, emitter_of, nothing

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: GenericOp, rewriter: PatternRewriter) -> None:
        check(op)
        nest = nest_of(op)
        if nest.work:
            nest = normalise(nest, indexed_iterators(op))
            with ImplicitBuilder(rewriter):
                self.emitter_of(op, nest, self.target).emit()
        else:
            self.nothing(op)
        rewriter.erase(op)


class FillAsGeneric(RewritePattern):
    """`linalg.fill ins(%x : f32) outs(%y)` -> `linalg.generic` that yields %x."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: FillOp, rewriter: PatternRewriter) -> None:
        types: list[Attribute] = [v.type for v in op.inputs]
        for v in op.outputs:
            if not isa(v.type, MemRefType):
                unsupported(op, f"expected memrefs, got {v.type}; run bufferize first")
            types.append(v.type.element_type)
        block = Block(arg_types=types)
        block.add_op(YieldOp(block.args[0]))
        rank = len(op.outputs[0].type.get_shape())  # pyright: ignore
        maps = (AffineMap(rank, 0, ()), AffineMap.identity(rank))
        generic = GenericOp(
            op.inputs,
            op.outputs,
            Region(block),
            [AffineMapAttr(m) for m in maps],
            [IteratorTypeAttr.parallel()] * rank,
        )
        generic.location = op.location
        rewriter.replace(op, generic)


def convert_all(module: ModuleOp, convert: ConvertGeneric) -> None:
    """Converts every linalg.generic and linalg.fill; others are refused."""
    for pattern in (FillAsGeneric(), convert):
        # what a pattern makes needs no second look
        PatternRewriteWalker(pattern, apply_recursively=False).rewrite_module(module)
    for inner in module.walk():
        if inner.name.startswith("linalg."):
            unsupported(
                inner,
                "expected only linalg.generic and linalg.fill here, got "
                f"{inner.name}; run generalise-linalg first",
            )


@dataclass(frozen=True)
class ConvertLinalgToVectorPass(ModulePass):
    """Lowers every linalg.generic and linalg.fill on memrefs to vector loops."""

    name = "convert-linalg-to-vector"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        convert_all(op, ConvertGeneric(target_of(op), emitter_of))
