"""Small builders that every pass shares: index arithmetic that folds, loops, branches.

An `Index` is a number known now or an SSA value known at run time; `add` and `mul` keep
numbers numbers, so static shapes leave no arithmetic behind. All of them emit into the
enclosing `ImplicitBuilder`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import prod

from xdsl.builder import Builder, ImplicitBuilder, InsertOpInvT
from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import (
    I64,
    AnyFloat,
    DenseArrayBase,
    IndexType,
    IntegerAttr,
    LocationAttr,
    MemRefType,
    ShapedType,
    StridedLayoutAttr,
    TensorType,
    UnitAttr,
    VectorType,
    i64,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.rewriter import InsertPoint
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from brdialect.locations import locate

Index = int | SSAValue


class LocatedBuilder(Builder):
    """Gives what it inserts a location, where that has none of its own."""

    def __init__(self, insertion_point: InsertPoint, location: LocationAttr):
        super().__init__(insertion_point)
        self._location = location

    def insert(
        self, op: InsertOpInvT, insertion_point: InsertPoint | None = None
    ) -> InsertOpInvT:
        locate((op,) if isinstance(op, Operation) else op, self._location)
        return super().insert(op, insertion_point)


def value(x: Index) -> SSAValue:
    """`x` as an SSA value: a constant where it is a number."""
    if isinstance(x, int):
        number = index_number(x)
        return arith.ConstantOp.create(
            result_types=[number.type], properties={"value": number}
        ).result
    return x


def known_index(v: SSAValue) -> int | None:
    """The number behind an index constant."""
    owner = v.owner
    if isinstance(owner, arith.ConstantOp) and isinstance(owner.value, IntegerAttr):
        return owner.value.value.data
    return None


# Attributes that are made once: making them is a good part of what lowering costs


@cache
def index_number(x: int) -> IntegerAttr[IndexType]:
    """`x : index`"""
    return IntegerAttr(x, IndexType())


@cache
def int64s(*values: int) -> DenseArrayBase[I64]:
    """`array<i64: ...>`"""
    return DenseArrayBase.from_list(i64, values)


@cache
def vector_of(element: Attribute, lanes: int) -> VectorType:
    """`vector<lanes x element>`"""
    return VectorType(element, (lanes,))


def add(*terms: Index) -> Index:
    """The sum; numbers are added here, values by `arith.addi`."""
    known = sum(t for t in terms if isinstance(t, int))
    total: Index = known
    values = [t for t in terms if not isinstance(t, int)]
    if values:
        total = values[0]
        for v in values[1:]:
            total = arith.AddiOp(total, v).result
        if known:
            total = arith.AddiOp(total, value(known)).result
    return total


def mul(x: Index, y: Index) -> Index:
    """The product."""
    if isinstance(x, int) and isinstance(y, int):
        return x * y
    if isinstance(x, int):
        x, y = y, x
    if isinstance(y, int):
        if y == 0:
            return 0
        if y == 1:
            return x
    return arith.MuliOp(value(x), value(y)).result


def minimum(x: Index, y: Index) -> Index:
    """The smaller one."""
    if isinstance(x, int) and isinstance(y, int):
        return min(x, y)
    return arith.MinSIOp(value(x), value(y)).result


def maximum(x: Index, y: Index) -> Index:
    """The greater one."""
    if isinstance(x, int) and isinstance(y, int):
        return max(x, y)
    return arith.MaxSIOp(value(x), value(y)).result


def divide(x: Index, y: Index) -> Index:
    """`x / y`, rounded down, for non-negative x."""
    if isinstance(x, int) and isinstance(y, int):
        return x // y
    return x if y == 1 else arith.DivUIOp(value(x), value(y)).result


def ceil_divide(x: Index, y: Index) -> Index:
    """`x / y`, rounded up, for non-negative x."""
    return divide(add(x, y, -1), y)


def remainder(x: Index, y: Index) -> Index:
    """`x mod y`, for non-negative x."""
    if isinstance(x, int) and isinstance(y, int):
        return x % y
    return 0 if y == 1 else arith.RemUIOp(value(x), value(y)).result


def compare(predicate: str, x: Index, y: Index) -> SSAValue:
    """`arith.cmpi`, such as `"ult"` for x < y without signs."""
    return arith.CmpiOp(value(x), value(y), predicate).result


UNROLL = "br.unroll"
"""The attribute of a loop that LLVM is to write out, trip after trip. No other is."""


def for_loop(
    lower: Index,
    upper: Index,
    step: int,
    body: Callable[..., Sequence[SSAValue]],
    inits: Sequence[SSAValue] = (),
    *,
    unroll: bool = False,
) -> Sequence[SSAValue]:
    """`scf.for`: `body(iv, *carried)` emits the body and returns the values to carry.
    A loop of exactly one known trip is its body."""
    if isinstance(lower, int) and isinstance(upper, int):
        if upper <= lower:
            return inits
        if upper - lower <= step:
            return body(lower, *inits)
    types = (IndexType(), *(v.type for v in inits))
    loop = scf.ForOp(
        value(lower), value(upper), value(step), inits, Region(Block(arg_types=types))
    )
    if unroll:
        loop.attributes[UNROLL] = UnitAttr()
    inside = InsertPoint.at_end(loop.body.block)
    with ImplicitBuilder(LocatedBuilder(inside, loop.location)):
        scf.YieldOp(*body(*loop.body.block.args))
    return loop.results


def parallel_loop(
    bounds: Sequence[Index],
    steps: Sequence[int],
    body: Callable[[Sequence[Index]], None],
) -> None:
    """`scf.parallel` from 0 to `bounds`; dimensions of one trip are left out."""
    real = [
        i for i, b in enumerate(bounds) if not (isinstance(b, int) and b <= steps[i])
    ]
    if not real:
        if all(not isinstance(b, int) or b > 0 for b in bounds):
            body([0] * len(bounds))
        return
    zero = value(0)
    block = Block(arg_types=[IndexType()] * len(real))
    scf.ParallelOp(
        [zero] * len(real),
        [value(bounds[i]) for i in real],
        [value(steps[i]) for i in real],
        Region(block),
    )
    with ImplicitBuilder(block) as args:
        ivs: list[Index] = [0] * len(bounds)
        for i, arg in zip(real, args, strict=True):
            ivs[i] = arg
        body(ivs)
        scf.ReduceOp()


def nested_loops(
    bounds: Sequence[Index],
    steps: Sequence[int],
    body: Callable[[Sequence[Index]], None],
) -> None:
    """`scf.for` inside `scf.for` from 0 to `bounds`: what `parallel_loop` is on one
    thread."""

    def nest(*ivs: Index) -> Sequence[SSAValue]:
        def inside(iv: Index) -> Sequence[SSAValue]:
            return nest(*ivs, iv)

        if len(ivs) == len(bounds):
            body(ivs)
        else:
            for_loop(0, bounds[len(ivs)], steps[len(ivs)], inside)
        return ()

    nest()


def branch(
    condition: SSAValue, then: Callable[[], None], otherwise: Callable[[], None]
) -> None:
    """`scf.if` without results."""
    blocks = (Block(), Block())
    scf.IfOp(condition, (), Region(blocks[0]), Region(blocks[1]))
    for block, emit in zip(blocks, (then, otherwise), strict=True):
        with ImplicitBuilder(block):
            emit()
            scf.YieldOp()


def clone_op(op: Operation, known: dict[SSAValue, SSAValue]) -> Operation:
    """A copy of the op at the insertion point. `Operation.clone` would add the ops of
    nested regions there as well."""
    new = op.clone_without_regions(known)
    for old, region in zip(op.regions, new.regions, strict=True):
        for block in old.blocks:
            region.add_block(clone_block(block, known))
    return new


def clone_block(block: Block, known: dict[SSAValue, SSAValue] | None = None) -> Block:
    """A copy of a block without successors, ops of the outer builder untouched."""
    known = {} if known is None else known
    new = Block(arg_types=[a.type for a in block.args])
    for old, arg in zip(block.args, new.args, strict=True):
        arg.name_hint = old.name_hint
        known[old] = arg
    with ImplicitBuilder(new):
        for op in block.ops:
            clone_op(op, known)
    return new


def body_key(block: Block, names: dict[SSAValue, str]) -> str:
    """A text that is equal for bodies that do the same; `names` tells what the values
    from outside are called (values that it lacks are told apart by identity)."""
    names = dict(names)
    for i, arg in enumerate(block.args):
        names[arg] = f"a{i}"
    words: list[str] = []
    for op in block.ops:
        operands = [names.get(v, str(id(v))) for v in op.operands]
        for result in op.results:
            names[result] = f"v{len(names)}"
        types = [str(r.type) for r in op.results]
        words.append(f"{op.name}{operands}{types}{op.properties}{op.attributes}")
        words += [body_key(b, names) for r in op.regions for b in r.blocks]
    return ";".join(words)


def same_value(x: SSAValue, y: SSAValue) -> bool:
    """Whether two values are computed alike from the same ones by operations without
    effects."""
    if x is y:
        return True
    a, b = x.owner, y.owner
    if not isinstance(a, Operation) or not isinstance(b, Operation):
        return False
    alike = type(a) is type(b) and (a.properties, a.attributes) == (
        b.properties,
        b.attributes,
    )
    if not alike or a.regions or a.parent is not b.parent or len(a.results) != 1:
        return False
    if a.dialect_name() not in ("arith", "math") or len(a.operands) != len(b.operands):
        return False
    return all(map(same_value, a.operands, b.operands))


def tensor_type(value: SSAValue) -> TensorType:
    """The type of a value that is a tensor."""
    type_ = value.type
    assert isa(type_, TensorType)
    return type_


def memref_type(value: SSAValue) -> MemRefType:
    """The type of a value that is a memref."""
    type_ = value.type
    assert isa(type_, MemRefType)
    return type_


def shape_of(value: SSAValue) -> tuple[int, ...]:
    """The sizes of a tensor or a memref."""
    type_ = value.type
    assert isinstance(type_, ShapedType)
    return tuple(type_.get_shape())


def static_strides(op: Operation, type_: Attribute) -> tuple[list[int], int]:
    """Strides and offset of a memref, in elements, all of which must be known."""
    assert isa(type_, MemRefType)
    strides = type_.get_strides()
    offset = type_.get_offset()
    static = type_.has_static_shape()
    if strides is None or None in strides or offset is None or not static:
        unsupported(
            op,
            f"expected a memref of static shape and strides, got {type_}; bind its "
            f"dynamic dimensions first",
        )
    return [s for s in strides if s is not None], offset


def row_major(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of a row-major array of this shape, in elements."""
    return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))


def strided_type(
    element: Attribute,
    shape: Sequence[int],
    strides: Sequence[int | None],
    offset: int | None,
) -> MemRefType:
    """`memref<shape x element, strided<strides, offset: offset>>`; None is dynamic."""
    layout = StridedLayoutAttr(strides, offset)
    return MemRefType(element, shape, layout)


def converted(x: SSAValue, element: Attribute) -> SSAValue:
    """A float, or a vector of floats, with elements of another type."""
    old = x.type.element_type if isa(x.type, VectorType) else x.type
    if old == element:
        return x
    assert isinstance(old, AnyFloat) and isinstance(element, AnyFloat)
    type_ = element
    if isa(x.type, VectorType):
        type_ = VectorType(element, x.type.get_shape())
    cast = arith.ExtFOp if old.bitwidth < element.bitwidth else arith.TruncFOp
    return cast.create(operands=[x], result_types=[type_]).results[0]
