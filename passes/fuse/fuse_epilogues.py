"""`fuse-epilogues`: element-wise work rides with the op that produces its input.

    %0 = linalg.fill ins(%zero) outs(%init)
    %1 = br.contract ins(%a, %b) outs(%0)
    %2 = linalg.generic ins(%1, %bias) { addf }          // bias
    %3 = linalg.generic ins(%2) { maximumf %in, 0 }      // ReLU
    ->
    %3 = br.contract ins(%a, %b) outs(%init) {beta = 0.0} epilogue(%bias) {
    ^bb0(%acc: f32, %x: f32):
      addf; maximumf; br.yield
    }

Each of them is optional on its own: whatever element-wise chain follows (bias,
activation, residual, an unfolded batch-norm, a mask) becomes the epilogue, as long as
nothing else reads the value in between. In the same way element-wise ops are fused into
one another, and an initial value that is zero or a broadcast is folded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, ModuleOp, TensorType, f32
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)
from xdsl.utils.hints import isa

from brdialect.destination_op import YieldOp
from brdialect.locations import fused
from brdialect.ops import ContractOp
from passes.normalise.normalise_contractions import contraction_of
from passes.shared.build import clone_op, shape_of
from passes.shared.linalg_match import (
    is_copy,
    is_elementwise,
    is_permutation,
    maps_of,
    only_user,
    zero_fill,
)
from passes.shared.load_time import is_load_time
from passes.shared.state import is_next_state


def inline(block: Block, arguments: Sequence[SSAValue]) -> list[SSAValue]:
    """Clones a body at the insertion point; returns what it yields."""
    known: dict[SSAValue, SSAValue] = dict(zip(block.args, arguments, strict=True))
    *ops, last = block.ops
    for op in ops:
        clone_op(op, known)
    return [known.get(v, v) for v in last.operands]


def new_block(arguments: Sequence[SSAValue]) -> Block:
    """An empty block with one argument for each element."""
    return Block(arg_types=[_element(v) for v in arguments])


def _element(value: SSAValue) -> Attribute:
    type_ = value.type
    return type_.element_type if isa(type_, TensorType) else type_


MOST_REPEATED = 8
"""Operations of an element that are done again where it is read rather than kept."""


class FuseElementwise(RewritePattern):
    """producer generic -> consumer generic  ==>  one generic, if only it reads it."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: linalg.GenericOp, rewriter: PatternRewriter):
        if not all(isinstance(v.type, TensorType) for v in op.outputs):
            return
        for i, value in enumerate(op.inputs):
            producer = value.owner
            map_ = maps_of(op)[i]
            # every element is read once: nothing is computed again
            if not is_elementwise(producer) or not is_permutation(map_):
                continue
            if list(op.operands).count(value) != 1:
                continue
            if only_user(value) is not op and not is_cheap_to_repeat(producer):
                continue
            maps = fused_maps(producer, op, i)
            # the sum over a broadcast dimension has no operand left that tells its size
            if {d for m in maps for d in m.results} >= set(map_.results):
                rewriter.replace(op, fuse_generics(producer, op, i, maps))
                if not producer.res[0].uses:
                    # what it read has one reader less, and may be fused in turn
                    rewriter.erase(producer)
                return


def is_cheap_to_repeat(producer: linalg.GenericOp) -> bool:
    """Whether each of those that read the result can compute it from what it is made
    of: they then read as much, and nobody writes it."""
    if not all(is_static(v) for v in producer.operands):
        return False
    size = prod(shape_of(producer.res[0]))
    large = [v for v in producer.inputs if prod(shape_of(v)) >= size]
    ops = list(producer.body.block.ops)
    if len(large) > 1 or len(ops) > MOST_REPEATED or not all(map(is_arith, ops[:-1])):
        return False
    return all(
        isinstance(use.operation, linalg.GenericOp)
        and use.operation.parent is producer.parent
        and use.index < len(use.operation.inputs)
        and is_permutation(maps_of(use.operation)[use.index])
        and list(use.operation.operands).count(producer.res[0]) == 1
        for use in producer.res[0].uses
    )


def is_static(value: SSAValue) -> bool:
    """Whether it is a tensor of known sizes."""
    return isa(value.type, TensorType) and value.type.has_static_shape()


def is_arith(op: Operation) -> bool:
    """Whether it is one instruction."""
    return op.dialect_name() == "arith"


def fused_maps(
    producer: linalg.GenericOp, consumer: linalg.GenericOp, position: int
) -> list[AffineMap]:
    """The consumer's maps with those of the producer's inputs in place of its own."""
    *sources, target = maps_of(producer)
    maps = list(maps_of(consumer))
    inverse = target.inverse_permutation()
    assert inverse is not None
    to_producer = inverse.compose(maps[position])
    maps[position : position + 1] = [m.compose(to_producer) for m in sources]
    return maps


def fuse_generics(
    producer: linalg.GenericOp,
    consumer: linalg.GenericOp,
    position: int,
    maps: Sequence[AffineMap],
) -> linalg.GenericOp:
    """The consumer with the producer's body in front of its own."""
    inputs = list(consumer.inputs)
    inputs[position : position + 1] = producer.inputs

    block = new_block([*inputs, *consumer.outputs])
    end = position + len(producer.inputs)
    before, middle, after = (
        block.args[:position],
        block.args[position:end],
        block.args[end:],
    )
    with ImplicitBuilder(block):
        # the producer does not read its output: any value stands for that argument
        (element,) = inline(producer.body.block, [*middle, block.args[-1]])
        linalg.YieldOp(*inline(consumer.body.block, [*before, element, *after]))
    new = linalg.GenericOp(
        inputs,
        consumer.outputs,
        Region(block),
        ArrayAttr(AffineMapAttr(m) for m in maps),
        consumer.iterator_types,
        consumer.result_types,
    )
    new.location = fused(consumer.location, producer.location)
    return new


class FuseEpilogue(RewritePattern):
    """br.contract -> element-wise generic  ==>  br.contract with an epilogue."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: linalg.GenericOp, rewriter: PatternRewriter):
        # new state is written over the old one, element by element (pack_state.py)
        if not is_elementwise(op) or is_next_state(op.res[0]):
            return
        for i, value in enumerate(op.inputs):
            contract = value.owner
            if not isinstance(contract, ContractOp) or only_user(value) is not op:
                continue
            if value in op.outputs:
                continue
            if (fused := fuse_into_contract(contract, op, maps_of(op)[i])) is not None:
                rewriter.replace(op, fused)
                rewriter.erase(contract)
                return


def fuse_into_contract(
    contract: ContractOp, op: linalg.GenericOp, read: AffineMap
) -> ContractOp | None:
    """`contract` with the element-wise `op` as the end of its epilogue; None if `op`
    reads the result more than one way, or the vectors of C would no longer be
    contiguous."""
    *maps, written = maps_of(op)
    mine = [i for i, v in enumerate(op.inputs) if v is contract.res]
    if not is_permutation(read) or any(maps[i] != read for i in mine):
        return None
    if not can_store(contract, _element(op.outputs[0])):
        return None
    a_map, b_map, c_map, *extra_maps = contract.maps
    # iterator j of `op` runs over dimension read^-1(j) of C, so over that expression
    inverse = read.inverse_permutation()
    assert inverse is not None
    iterators = inverse.compose(c_map)
    c_map = written.compose(iterators)
    c = op.outputs[0]
    a, b = contract.a, contract.b
    if not has_columns((a, b, c), (a_map, b_map, c_map)):
        # rows and columns change places, unless b lies in the panels of weights
        a, b, a_map, b_map = b, a, b_map, a_map
        free = contract.schedule is None and not is_load_time(a)
        if not free or not has_columns((a, b, c), (a_map, b_map, c_map)):
            return None
    others = [i for i in range(len(op.inputs)) if i not in mine]
    extras = [*contract.extras, *(op.inputs[i] for i in others)]
    extra_maps += [maps[i].compose(iterators) for i in others]
    beta = contract.beta_value
    if beta != 0.0:
        # C's old contents stay where they are only if the layout does
        if c_map != contract.maps[2]:
            return None
        c = contract.c

    body = fused_epilogue(contract, op, others)
    is_copy_alone = is_copy(op) and contract.epilogue is None
    new = ContractOp(
        a,
        b,
        c,
        (a_map, b_map, c_map, *extra_maps),
        contract.iterator_types,
        extras=extras,
        epilogue=None if is_copy_alone else Region(body),
        beta=beta,
        schedule=contract.schedule,
    )
    new.location = fused(contract.location, op.location)
    return new


def fused_epilogue(
    contract: ContractOp, op: linalg.GenericOp, others: Sequence[int]
) -> Block:
    """`op` behind the epilogue of `contract`, whose result is what `op` reads except
    for its inputs `others`: `(accumulator, the contract's extras.., others..)`."""
    extras = [*contract.extras, *(op.inputs[i] for i in others)]
    block = new_block(extras)
    block.insert_arg(contract.accumulator, 0)
    split = 1 + len(contract.extras)
    with ImplicitBuilder(block):
        element: SSAValue = block.args[0]
        if contract.epilogue is not None:
            (element,) = inline(contract.epilogue.block, block.args[:split])
        arguments: list[SSAValue] = [element] * (len(op.inputs) + 1)
        for i, arg in zip(others, block.args[split:], strict=True):
            arguments[i] = arg
        YieldOp(*inline(op.body.block, arguments))
    return block


def has_columns(
    values: tuple[SSAValue, SSAValue, SSAValue], maps: tuple[AffineMap, ...]
) -> bool:
    """Whether a row of C is one of vectors of b."""
    table = contraction_of(values, maps)
    return table is not None and table.columns is not None


def can_store(contract: ContractOp, element: Attribute) -> bool:
    """Whether an epilogue may end in elements of this type: C's own, or the narrow ones
    of A and B in place of the f32 in which they are added up."""
    a, _, c = (type_.element_type for type_ in contract.shapes)
    narrow = c == f32 and a == element and contract.beta_value == 0.0
    return element == c or narrow


class FoldInit(RewritePattern):
    """A destination filled with zero, or with a broadcast operand, is not read:

    outs(fill 0)              ->  beta = 0
    outs(broadcast of %bias)  ->  beta = 0, epilogue(%bias) { addf }
    """

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ContractOp, rewriter: PatternRewriter):
        if op.beta_value != 1.0 or op.epilogue is not None:
            return
        if not isa(op.c.type, TensorType) or not op.c.type.has_static_shape():
            return
        start = op.c.owner
        maps = list(op.maps)
        extras: list[SSAValue] = []
        epilogue = None
        if is_copy(start):
            source, target = maps_of(start)
            if len(source.results) >= len(target.results):
                return
            inverse = target.inverse_permutation()
            assert inverse is not None
            extras = [start.inputs[0]]
            maps.append(source.compose(inverse.compose(maps[2])))
            block = new_block([op.c, *extras])
            with ImplicitBuilder(block):
                YieldOp(arith.AddfOp(block.args[0], block.args[1]).result)
            epilogue = Region(block)
        elif not zero_fill(op.c):
            return
        empty = tensor.EmptyOp((), op.c.type)
        new = ContractOp(
            op.a,
            op.b,
            empty.tensor,
            maps,
            op.iterator_types,
            extras=extras,
            epilogue=epilogue,
            beta=0.0,
            schedule=op.schedule,
        )
        new.location = op.location
        rewriter.replace(op, (empty, new))


@dataclass(frozen=True)
class FuseEpiloguesPass(ModulePass):
    """Element-wise ops ride with the contraction or element-wise op they follow."""

    name = "fuse-epilogues"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        patterns: list[RewritePattern] = [
            FoldInit(),
            FuseEpilogue(),
            FuseElementwise(),
        ]
        PatternRewriteWalker(
            GreedyRewritePatternApplier(patterns, dce_enabled=False)
        ).rewrite_module(op)
        erase_unused(op)


def erase_unused(module: ModuleOp) -> None:
    """Erases tensor ops whose results nothing reads (they have no effects)."""
    for op in reversed(list(module.walk())):
        if op.results and all(isinstance(r.type, TensorType) for r in op.results):
            if not any(r.uses for r in op.results) and op.parent is not None:
                op.detach()
                op.erase()
