"""`propagate-layouts`: convolutions run on channels-last images, from end to end.

    %y = br.contract ins(%w, %x) ...            // image NxCxHxW, columns are pixels
    %z = linalg.generic ins(%y) { ReLU }        // NxKxPxQ
    ->
    %t = transpose %x                           // NxHxWxC, once, at the border
    %y = br.contract ins(%t, %w) ...            // NxPxQxK, columns are channels
    %z = linalg.generic ins(%y) { ReLU }        // NxPxQxK
    %u = transpose %z                           // back, where somebody needs it

A convolution whose contiguous pixels belong to a window cannot read them as aligned,
packed vectors; channels can be packed with the weights. So the image is transposed
around it, and the transposes sink through everything that works in any order of its
dimensions (element-wise ops, pooling, padding, concatenation, reshapes that keep
neighbours together) until they meet and cancel. What is left are those at the borders
of the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import tensor
from xdsl.dialects.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DenseArrayBase,
    IntegerAttr,
    ModuleOp,
    TensorType,
    i64,
)
from xdsl.dialects.linalg import ops as linalg
from xdsl.dialects.linalg.attrs import IteratorType
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineExpr, AffineMap
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from brdialect.ops import ContractOp
from brdialect.roles import Contraction, Linear, Role, iterators_in
from passes.fuse.fuse_epilogues import erase_unused
from passes.layout.transposed_reshapes import (
    CollapseBeforeTranspose,
    ExpandBeforeTranspose,
)
from passes.layout.transposed_slices import (
    ExtractBeforeTranspose,
    InsertBeforeTranspose,
)
from passes.layout.write_as_read import WriteAsRead, permute_results
from passes.normalise.normalise_contractions import contraction_of, through_copies
from passes.shared.build import clone_block, tensor_type
from passes.shared.linalg_match import (
    copy_permutation,
    inverse_of,
    is_all_parallel,
    is_copy,
    maps_of,
    reads_output,
    reassociation,
    transpose,
    transposed,
    transposed_init,
)


def is_static(value: SSAValue) -> bool:
    """Whether the tensor's sizes are all known."""
    return isinstance(value.type, TensorType) and value.type.has_static_shape()


def permuted(values: Sequence[int], order: Sequence[int]) -> list[int]:
    """The values in another order."""
    return [values[i] for i in order]


class ChannelsLast(RewritePattern):
    """Transposes the image and the result of a convolution over contiguous pixels."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ContractOp, rewriter: PatternRewriter):
        table = contraction_of((op.a, op.b, op.c), op.maps)
        if table is None or op.extras or op.schedule is not None:
            return
        n = table.columns
        if n is None or not is_windowed(table, n):
            return
        weights = iterators_in(table.a)
        image_order = channels_last(table.b, weights)
        result_order = channels_last(table.c, weights)
        map_a, map_b, map_c = op.maps
        swapped = Contraction(
            table.extents, table.b, table.a, tuple(table.c[i] for i in result_order)
        )
        if swapped.columns is None or not all(map(is_static, (op.a, op.b, op.c))):
            return
        with ImplicitBuilder(rewriter):
            image = transpose(op.b, image_order)
            start = transposed_init(op.c, result_order)
            new = ContractOp(
                image,
                op.a,
                start,
                (
                    permute_results(map_b, image_order),
                    map_a,
                    permute_results(map_c, result_order),
                ),
                op.iterator_types,
                beta=op.beta_value,
            )
            new.location = op.location
            assert new.res is not None
            back = transpose(new.res, inverse_of(result_order))
        rewriter.replace(op, (), (back,))


def is_windowed(table: Contraction, iterator: int) -> bool:
    """Whether the iterator meets others in one dimension of b."""
    return not any(isinstance(f, Linear) and f.plain == iterator for f in table.b)


def channels_last(forms: Sequence[object], weights: set[int]) -> list[int]:
    """Dimensions that the weights do not have, pixels and images, then the channels."""
    return sorted(
        range(len(forms)),
        key=lambda d: isinstance(f := forms[d], Linear) and f.plain in weights,
    )


class ReadThroughCopies(RewritePattern):
    """A generic reads a transposed or broadcast tensor where it came from."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: linalg.GenericOp, rewriter: PatternRewriter):
        maps = list(maps_of(op))
        changed = False
        for i, value in enumerate(op.inputs):
            source, map_ = through_copies(value, maps[i])
            if source is not value and (is_copy(op) or copy_permutation(value)):
                op.operands[i], maps[i], changed = source, map_, True
        if changed:
            op.indexing_maps = ArrayAttr(AffineMapAttr(m) for m in maps)
            rewriter.notify_op_modified(op)


class ContractReadsThrough(RewritePattern):
    """The same for a contraction's operands, save an `a` that is read in vectors."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ContractOp, rewriter: PatternRewriter):
        maps = list(op.maps)
        changed = False
        table = contraction_of((op.a, op.b, op.c), op.maps)
        vectors = table is not None and table.column_role is Role.OUTER
        for i in (1,) if vectors else (0, 1):
            if copy_permutation(op.operands[i]):
                op.operands[i], maps[i] = through_copies(op.operands[i], maps[i])
                changed = True
        if changed:
            op.indexing_maps = ArrayAttr(AffineMapAttr(m) for m in maps)
            rewriter.notify_op_modified(op)


class DropIdentity(RewritePattern):
    """A copy in the same order is its source."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: linalg.GenericOp, rewriter: PatternRewriter):
        if not is_copy(op):
            return
        order = copy_permutation(op.res[0])
        if order == list(range(len(op.iterator_types))):
            rewriter.replace(op, (), (op.inputs[0],))


class ReshapeUnits(RewritePattern):
    """A copy that moves only dimensions of size 1 is a reshape. Not before all who read
    it had their chance to read its source instead: they see a contraction through a
    copy, but not through a reshape."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: linalg.GenericOp, rewriter: PatternRewriter):
        if not is_copy(op):
            return
        source, result = op.inputs[0], op.res[0]
        order = copy_permutation(result)
        if order is None or not is_static(source):
            return
        type_ = tensor_type(source)
        shape = type_.get_shape()
        if sorted(long := [d for d in order if shape[d] != 1]) == long:
            rank = len(order)
            group = reassociation([range(rank)])
            flat = TensorType(type_.element_type, [prod(shape)])
            collapse = tensor.CollapseShapeOp(
                operands=[source],
                properties={"reassociation": group},
                result_types=[flat],
            )
            expand = tensor.ExpandShapeOp(
                collapse.result,
                (),
                group,
                DenseArrayBase.from_list(i64, result.type.get_shape()),
                result.type,
            )
            rewriter.replace(op, (collapse, expand))


class PermuteOutput(RewritePattern):
    """A generic that reads its largest input in another order than it writes writes in
    that order instead, and a transpose follows it."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: linalg.GenericOp, rewriter: PatternRewriter):
        if len(op.res) != 1 or not op.inputs:
            return
        if not all(map(is_static, op.operands)):
            return
        order = wanted_order(op)
        if order is None or order == sorted(order) or is_copy(op):
            return
        *maps, written = maps_of(op)
        # renumber the parallel iterators, so that what is written reads (d0, d1, ...)
        place = {written.results[d].used_dims().pop(): j for j, d in enumerate(order)}
        others = [i for i in range(written.num_dims) if i not in place]
        numbers = place | {i: len(place) + j for j, i in enumerate(others)}
        dims = [AffineExpr.dimension(numbers[i]) for i in range(written.num_dims)]

        def renumber(map_: AffineMap) -> AffineMap:
            return map_.replace_dims_and_symbols(dims, [], map_.num_dims, 0)

        types = list(op.iterator_types)
        old_of = {new: old for old, new in numbers.items()}
        with ImplicitBuilder(rewriter):
            read = reads_output(op)
            start = (
                transposed_init(op.outputs[0], order)
                if read
                else tensor.EmptyOp((), _permuted_type(op.res[0], order)).tensor
            )
            new = linalg.GenericOp(
                op.inputs,
                [start],
                Region(renumbered(op.body.block, numbers)),
                ArrayAttr(
                    AffineMapAttr(renumber(m))
                    for m in (*maps, permute_results(written, order))
                ),
                ArrayAttr(types[old_of[i]] for i in range(len(types))),
                [start.type],
            )
            new.location = op.location
            back = transpose(new.res[0], inverse_of(order))
        rewriter.replace(op, (), (back,))


def renumbered(block: Block, numbers: Mapping[int, int]) -> Block:
    """A copy of a body for iterators with other numbers."""
    new = clone_block(block)
    for op in new.ops:
        if isinstance(op, linalg.IndexOp):
            op.dim = IntegerAttr(numbers[op.dim.value.data], i64)
    return new


def _permuted_type(value: SSAValue, order: Sequence[int]) -> TensorType[Attribute]:
    type_ = tensor_type(value)
    return TensorType(type_.element_type, permuted(type_.get_shape(), order))


def wanted_order(op: linalg.GenericOp) -> list[int] | None:
    """The order of the output's dimensions in which the largest input is walked; None
    if the input does not have them all, or one of them by itself twice."""
    *maps, written = maps_of(op)
    dims = [e.position for e in written.results if isinstance(e, AffineDimExpr)]
    if not len(set(dims)) == len(dims) == len(written.results):
        return None
    parallel = {
        i for i, t in enumerate(op.iterator_types) if t.data is IteratorType.PARALLEL
    }
    if parallel != set(dims):
        return None
    sizes = [size_of(v) for v in op.inputs]
    largest = [i for i, size in enumerate(sizes) if size == max(sizes)]
    main = maps[min(largest, key=lambda i: is_repeated(op.inputs[i]))]
    walked: list[int] = []
    for expr in main.results:
        walked += [d for d in sorted(expr.used_dims()) if d in parallel]
    if sorted(walked) != sorted(dims):
        return None
    return [dims.index(d) for d in walked]


def size_of(value: SSAValue) -> int:
    """Elements of a tensor; 0 for a number."""
    return prod(value.type.get_shape()) if isinstance(value.type, TensorType) else 0


def is_repeated(value: SSAValue) -> bool:
    """Whether the tensor is made of a smaller one, which is repeated in it, as the
    gradient of a mean: it can as well be made in another order."""
    source = value.owner
    while isinstance(source, tensor.CollapseShapeOp | tensor.ExpandShapeOp):
        source = source.src.owner
    if not isinstance(source, linalg.GenericOp) or not is_all_parallel(source):
        return False
    return max(map(size_of, source.inputs), default=0) < size_of(source.res[0])


class PadBeforeTranspose(RewritePattern):
    """pad(transpose(x)) -> transpose(pad(x))"""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: tensor.PadOp, rewriter: PatternRewriter):
        found = transposed(op.source)
        if found is None or op.low or op.high or not is_static(op.result):
            return
        source, order = found
        back = inverse_of(order)
        low = permuted([int(x) for x in op.static_low.get_values()], back)
        high = permuted([int(x) for x in op.static_high.get_values()], back)
        region = rewriter.move_region_contents_to_new_regions(op.region)
        new = tensor.PadOp(
            source, (), (), region, low, high, _permuted_type(op.result, back)
        )
        rewriter.insert(new)
        with ImplicitBuilder(rewriter):
            result = transpose(new.result, order)
        rewriter.replace(op, (), (result,))


class ConcatBeforeTranspose(RewritePattern):
    """concat(transpose(x), transpose(y)) -> transpose(concat(x, y))"""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: tensor.ConcatOp, rewriter: PatternRewriter):
        found = [t for v in op.inputs if (t := transposed(v)) is not None]
        order = found[0][1] if found else []
        same = [source for source, o in found if o == order]
        if len(same) < len(op.inputs) or not is_static(op.result):
            return
        dim = order[op.dim.value.data]
        with ImplicitBuilder(rewriter):
            new = tensor.ConcatOp(
                same, dim, _permuted_type(op.result, inverse_of(order))
            )
            result = transpose(new.result, order)
        rewriter.replace(op, (), (result,))


@dataclass(frozen=True)
class PropagateLayoutsPass(ModulePass):
    """Channels-last convolutions, with transposes only at the borders."""

    name = "propagate-layouts"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        PatternRewriteWalker(ChannelsLast(), apply_recursively=False).rewrite_module(op)
        sink: list[RewritePattern] = [
            ReadThroughCopies(),
            ContractReadsThrough(),
            WriteAsRead(),
            DropIdentity(),
            PermuteOutput(),
            PadBeforeTranspose(),
            ConcatBeforeTranspose(),
            ExpandBeforeTranspose(),
            CollapseBeforeTranspose(),
            ExtractBeforeTranspose(),
            InsertBeforeTranspose(),
        ]
        PatternRewriteWalker(
            GreedyRewritePatternApplier(sink, dce_enabled=False)
        ).rewrite_module(op)
        PatternRewriteWalker(ReshapeUnits()).rewrite_module(op)
        erase_unused(op)
