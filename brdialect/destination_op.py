"""What the computing operations of `br` have in common: operands on tensors or memrefs,
a destination that is read or overwritten, an optional epilogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from xdsl.dialects.builtin import (
    BFloat16Type,
    Float16Type,
    Float32Type,
    Float64Type,
    IntegerType,
    MemRefType,
    TensorType,
    f32,
)
from xdsl.dialects.utils import AbstractYieldOperation
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_region_def,
    opt_result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import EffectInstance, IsTerminator, MemoryEffect, MemoryEffectKind
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

Shaped: TypeAlias = MemRefType[Attribute] | TensorType[Attribute]


def shaped(value: SSAValue) -> Shaped:
    """The type of a value that is a memref or a tensor."""
    type_ = value.type
    assert isa(type_, MemRefType | TensorType)
    return type_


ELEMENT_TYPES: Sequence[tuple[type[Attribute], type[Attribute]]] = (
    # (A and B, C): products are accumulated in C's type ..
    (Float32Type, Float32Type),
    (Float64Type, Float64Type),
    (BFloat16Type, Float32Type),
    (Float16Type, Float32Type),
    # .. and these in f32
    (BFloat16Type, BFloat16Type),
    (Float16Type, Float16Type),
    (IntegerType, IntegerType),
)


class DestinationEffects(MemoryEffect):
    """On memrefs: reads every operand and writes the destination. On tensors: none."""

    @classmethod
    def get_effects(cls, op: Operation) -> set[EffectInstance]:
        assert isinstance(op, DestinationOp)
        if isinstance(op.c.type, TensorType):
            return set()
        return {
            *(EffectInstance(MemoryEffectKind.READ, v) for v in op.operands),
            EffectInstance(MemoryEffectKind.WRITE, op.c),
        }


@irdl_op_definition
class YieldOp(AbstractYieldOperation[Attribute]):
    """Ends an epilogue with the element to store."""

    name = "br.yield"
    traits = traits_def(IsTerminator())


def results_of(c: SSAValue) -> Sequence[Attribute]:
    """The destination's type where it is a tensor; nothing for a memref."""
    return [c.type] if isa(c.type, TensorType) else []


SHAPED = MemRefType.constr() | TensorType.constr()


class DestinationOp(IRDLOperation):
    """What the two ops share: A, B, C, the epilogue and its operands."""

    a = operand_def(SHAPED)
    b = operand_def(SHAPED)
    c = operand_def(SHAPED)
    extras = var_operand_def(SHAPED)
    res = opt_result_def(TensorType.constr())
    epilogue = opt_region_def("single_block")

    @property
    def shapes(self) -> tuple[Shaped, Shaped, Shaped]:
        """The types of A, B and C."""
        return shaped(self.a), shaped(self.b), shaped(self.c)

    def verify_kinds(self) -> None:
        """All memrefs or all tensors, a result exactly on tensors, known elements."""
        a, b, c = self.shapes
        kinds = [isinstance(v.type, TensorType) for v in (self.a, self.b, self.c)]
        kinds += [isinstance(v.type, TensorType) for v in self.extras]
        if len(set(kinds)) != 1:
            raise VerifyException("expected all operands tensors or all memrefs")
        if kinds[0] != (self.res is not None):
            raise VerifyException(
                "expected a result exactly where operands are tensors"
            )
        if self.res is not None and self.res.type != c:
            raise VerifyException(
                f"expected the result's type to be the destination's, {c}, "
                f"got {self.res.type}"
            )
        if a.element_type != b.element_type or not any(
            isinstance(a.element_type, x) and isinstance(c.element_type, y)
            for x, y in ELEMENT_TYPES
        ):
            raise VerifyException(
                "expected elements f32, f32 -> f32; f64, f64 -> f64; "
                "bf16, bf16 -> f32 or bf16; f16, f16 -> f32 or f16; or integers, got "
                f"{a.element_type}, {b.element_type} -> {c.element_type}"
            )

    @property
    def accumulator(self) -> Attribute:
        """The type in which products are added up."""
        c = self.shapes[2].element_type
        return f32 if isinstance(c, Float16Type | BFloat16Type) else c

    def verify_epilogue(self) -> None:
        """One argument for the accumulated element, one for each extra operand; the
        element of C to store is yielded."""
        c = self.shapes[2]
        if self.epilogue is None:
            if self.extras:
                raise VerifyException(
                    f"expected no epilogue operands without an epilogue region, "
                    f"got {len(self.extras)}"
                )
            return
        block = self.epilogue.block
        want = [self.accumulator, *(shaped(v).element_type for v in self.extras)]
        got = [arg.type for arg in block.args]
        if got != want:
            raise VerifyException(
                f"expected the epilogue's arguments to be the accumulated element and "
                f"one of each operand, ({', '.join(map(str, want))}), got "
                f"({', '.join(map(str, got))})"
            )
        last = block.last_op
        if not isinstance(last, YieldOp) or [v.type for v in last.arguments] != [
            c.element_type
        ]:
            raise VerifyException(
                f"expected the epilogue to br.yield one {c.element_type}"
            )


def agree(name: str, left: int, right: int) -> None:
    if left >= 0 and right >= 0 and left != right:
        raise VerifyException(f"{name} sizes differ: {left} and {right}")


def is_supported_float(element: Attribute) -> bool:
    """Whether the CPU lowering computes in this element type."""
    return isinstance(element, Float32Type | Float64Type)
