"""What xDSL does not check and compiled code trusts: that parts lie inside of their
tensor, that sizes fit one another, that bodies yield the type that is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    ArrayAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    IntegerAttr,
    IntegerType,
    ShapedType,
)
from xdsl.dialects.linalg import Linalg, ops
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import IRDLOperation
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa
from xdsl.utils.type import get_element_type_or_self

from brdialect.repairs.opdef import verify_also, verify_with


def _shape(value: SSAValue) -> Sequence[int]:
    assert isinstance(value.type, ShapedType)
    return value.type.get_shape()


def _known(*sizes: int) -> bool:
    return DYNAMIC_INDEX not in sizes


def _numbers(array: DenseArrayBase[IntegerType]) -> list[int]:
    return list(array.get_values())


def _check_part(
    op: tensor.ExtractSliceOp | tensor.InsertSliceOp, whole: SSAValue, part: SSAValue
) -> None:
    """A slice lies inside its tensor and has the sizes of its type."""
    offsets = _numbers(op.static_offsets)
    sizes, strides = _numbers(op.static_sizes), _numbers(op.static_strides)
    bounds = zip(offsets, sizes, strides, _shape(whole), strict=True)
    for d, (offset, size, stride, extent) in enumerate(bounds):
        if _known(offset) and offset < 0:
            raise VerifyException(f"expected offsets of at least 0, got {offset}")
        if _known(size) and size < 0:
            raise VerifyException(f"expected sizes of at least 0, got {size}")
        if _known(stride) and stride < 1:
            raise VerifyException(f"expected strides of at least 1, got {stride}")
        last = offset + (size - 1) * stride
        if _known(offset, size, stride, extent) and size > 0 and last >= extent:
            raise VerifyException(
                f"expected a part inside of {whole.type}, got one that reaches index "
                f"{last} of dimension {d}"
            )
    kept = iter(_shape(part))
    want = next(kept, None)
    for size in sizes:
        if want is not None and (size == want or not _known(size, want)):
            want = next(kept, None)
        elif size != 1:
            want = -1
            break
    if want is not None:
        raise VerifyException(f"expected a part of sizes {sizes}, got {part.type}")


def _check_extract(op: tensor.ExtractSliceOp) -> None:
    _check_part(op, op.source, op.result)


def _check_insert(op: tensor.InsertSliceOp) -> None:
    _check_part(op, op.dest, op.source)


def _check_groups(
    groups: ArrayAttr[ArrayAttr[IntegerAttr]], fine: SSAValue, coarse: SSAValue
) -> None:
    """Each dimension of `coarse` is the product of its group of `fine`; without
    dimensions it has no groups, and all sizes of `fine` are 1."""
    numbers = [[i.value.data for i in group] for group in groups]
    sizes = _shape(fine)
    if not _shape(coarse) and not numbers:
        if any(_known(size) and size != 1 for size in sizes):
            raise VerifyException(
                f"expected sizes of 1 without groups, got {fine.type}"
            )
        return
    if [i for group in numbers for i in group] != list(range(len(sizes))):
        raise VerifyException(
            f"expected groups of the dimensions 0 to {len(sizes) - 1} in order, got "
            f"{numbers}"
        )
    if len(numbers) != len(_shape(coarse)):
        raise VerifyException(
            f"expected a group for each dimension of {coarse.type}, got {len(numbers)}"
        )
    for group, size in zip(numbers, _shape(coarse), strict=True):
        parts = [sizes[i] for i in group]
        if _known(size, *parts) and prod(parts) != size:
            raise VerifyException(
                f"expected a size of {prod(parts)} from the dimensions {group} of "
                f"{fine.type}, got {coarse.type}"
            )


def _check_collapse(op: tensor.CollapseShapeOp) -> None:
    _check_groups(op.reassociation, op.src, op.result)


def _check_expand(op: tensor.ExpandShapeOp) -> None:
    """In place of xDSL's check, which refuses what has no dimensions to expand."""
    sizes = _numbers(op.static_output_shape)
    if tuple(sizes) != tuple(_shape(op.result)):
        raise VerifyException(
            f"expected a result of sizes {sizes}, got {op.result.type}"
        )
    _check_groups(op.reassociation, op.result, op.src)


def _check_pad(op: tensor.PadOp) -> None:
    low, high = _numbers(op.static_low), _numbers(op.static_high)
    for d, (before, size, after, got) in enumerate(
        zip(low, _shape(op.source), high, _shape(op.result), strict=True)
    ):
        if _known(before, size, after, got) and before + size + after != got:
            raise VerifyException(
                f"expected size {before + size + after} of dimension {d} after padding "
                f"{op.source.type}, got {op.result.type}"
            )


def _check_element(op: tensor.ExtractOp | tensor.InsertOp, whole: SSAValue) -> None:
    """Known indices of an element lie inside of the tensor."""
    for index, extent in zip(op.indices, _shape(whole), strict=True):
        owner = index.owner
        if isinstance(owner, arith.ConstantOp) and isa(owner.value, IntegerAttr):
            number = owner.value.value.data
            if number < 0 or (_known(extent) and number >= extent):
                raise VerifyException(
                    f"expected an index inside of {whole.type}, got {number}"
                )


def _check_extract_element(op: tensor.ExtractOp) -> None:
    _check_element(op, op.tensor)


def _check_insert_element(op: tensor.InsertOp) -> None:
    _check_element(op, op.dest)


def _check_transpose(op: ops.TransposeOp) -> None:
    permutation = _numbers(op.permutation)
    if sorted(permutation) != list(range(len(permutation))):
        raise VerifyException(f"expected a permutation, got {permutation}")


def _check_yield(op: ops.GenericOp) -> None:
    """The body yields an element of each output."""
    want = [get_element_type_or_self(v.type) for v in op.outputs]
    last = op.body.block.last_op
    got = [v.type for v in last.operands] if isinstance(last, ops.YieldOp) else []
    if got != want:
        raise VerifyException(
            f"expected a body that ends in a linalg.yield of ({_join(want)}), got "
            f"({_join(got)})"
        )


def _join(types: Sequence[object]) -> str:
    return ", ".join(map(str, types))


def _check_factors(op: Operation) -> None:
    """Strides and dilations of a window are at least 1."""
    for name in ("strides", "dilations"):
        factors = op.properties.get(name)
        if isinstance(factors, DenseIntOrFPElementsAttr):
            smallest = min(factors.get_values(), default=1)
            if smallest < 1:
                raise VerifyException(f"expected {name} of at least 1, got {smallest}")


def repair_shapes() -> None:
    """Adds these checks to the verifiers."""
    verify_also(tensor.ExtractSliceOp, _check_extract)
    verify_also(tensor.InsertSliceOp, _check_insert)
    verify_also(tensor.CollapseShapeOp, _check_collapse)
    verify_with(tensor.ExpandShapeOp, _check_expand)
    verify_also(tensor.PadOp, _check_pad)
    verify_also(tensor.ExtractOp, _check_extract_element)
    verify_also(tensor.InsertOp, _check_insert_element)
    verify_also(ops.TransposeOp, _check_transpose)
    verify_also(ops.GenericOp, _check_yield)
    for op in Linalg.operations:
        if issubclass(op, IRDLOperation):
            if "strides" in op.get_irdl_definition().properties:
                verify_also(op, _check_factors)
