"""The operation of the `br` dialect for operands with zeros around them that are not
in memory: what a convolution's padding is on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import (
    DenseArrayBase,
    IndexType,
    IntegerAttr,
    IntegerType,
    MemRefType,
    i64,
)
from xdsl.ir import SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

_Numbers = DenseArrayBase.constr(i64)


@dataclass(frozen=True)
class Border:
    """Two opposite edges of an array of `size` elements in between: element `[i..]` of
    a view is `start + sum steps[d] i[d]` elements from the first one."""

    start: int
    steps: tuple[int, ...]
    size: int


@irdl_op_definition
class PaddedViewOp(IRDLOperation):
    """A strided view of an array as if it had zeros around it, to be read only: element
    `[i..]` is the source's `offset + shift + sum strides[d] i[d]`, counted from the
    allocation's beginning, if it lies within all borders, and 0 elsewhere. `strides`
    are those of the result's type, and so is `offset`, where it is known; it is where
    the elements number 0 of all borders meet.

    A convolution's padding of 1 on both sides of 5 lines, seen through a window of 3:

    `br.padded_view %image {starts = array<i64: -1>, steps = array<i64: 1, 1, 0>,
    sizes = array<i64: 5>, shift = -8} : memref<5x8xf32>
    to memref<3x5x8xf32, strided<[8, 8, 1]>>`
    """

    name = "br.padded_view"

    source = operand_def(MemRefType)
    offset = opt_operand_def(IndexType)
    starts = prop_def(_Numbers)
    steps = prop_def(_Numbers)
    sizes = prop_def(_Numbers)
    shift = prop_def(IntegerAttr[IntegerType])
    res = result_def(MemRefType)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())
    assembly_format = (
        "$source (`[` $offset^ `]`)? attr-dict `:` type($source) `to` type($res)"
    )

    def __init__(
        self,
        source: SSAValue,
        offset: SSAValue | None,
        shift: int,
        borders: Sequence[Border],
        type_: MemRefType,
    ):
        """`offset`: where the type does not know it."""
        steps = [s for border in borders for s in border.steps]
        super().__init__(
            operands=(source, offset),
            result_types=(type_,),
            properties={
                "starts": DenseArrayBase.from_list(i64, [x.start for x in borders]),
                "steps": DenseArrayBase.from_list(i64, steps),
                "sizes": DenseArrayBase.from_list(i64, [x.size for x in borders]),
                "shift": IntegerAttr(shift, i64),
            },
        )

    @property
    def borders(self) -> list[Border]:
        """What it says of them."""
        rank, steps = self.res.type.get_num_dims(), self.steps.get_values()
        pairs = zip(self.starts.get_values(), self.sizes.get_values(), strict=True)
        return [
            Border(start, tuple(steps[rank * i : rank * (i + 1)]), size)
            for i, (start, size) in enumerate(pairs)
        ]

    def verify_(self) -> None:
        starts, sizes, steps = map(len, (self.starts, self.sizes, self.steps))
        rank = self.res.type.get_num_dims()
        if starts != sizes or steps != starts * rank:
            raise VerifyException(
                f"expected as many sizes as starts, and {rank} steps for each, got "
                f"{sizes}, {starts} and {steps}"
            )
        source, result = self.source.type, self.res.type
        assert isa(source, MemRefType)
        if source.element_type != result.element_type:
            raise VerifyException(
                f"expected elements {source.element_type}, got {result.element_type}"
            )
        strides = result.get_strides()
        if min(result.get_shape(), default=1) < 0 or strides is None or None in strides:
            raise VerifyException(
                f"expected sizes and strides that are known, got {result}"
            )
        if (result.get_offset() is None) != (self.offset is not None):
            raise VerifyException(
                "expected an offset where the result's type does not know it, and none "
                f"where it does, got {result}"
            )
