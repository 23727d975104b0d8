"""How `convert-to-llvm` writes llvm operations: constants at the head of the function,
and nothing twice in a block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from xdsl.dialects import llvm
from xdsl.dialects.builtin import (
    IntegerAttr,
    LocationAttr,
    StringAttr,
    SymbolRefAttr,
    UnitAttr,
    VectorType,
    i32,
    i64,
)
from xdsl.ir import Attribute, Block, Operation, SSAValue

from brdialect.llvm_ops import PoisonOp
from passes.llvm.types import int32s, number

Index = int | SSAValue
"""A number known now, or an i64 known at run time."""

_ONE_DYNAMIC_INDEX = int32s(llvm.GEP_USE_SSA_VAL)
_INBOUNDS: dict[str, Attribute] = {
    "noWrapFlags": IntegerAttr(3, i32),  # inbounds, which implies nusw
    "inbounds": UnitAttr(),
}
NO_FLAGS = llvm.FastMathAttr(None)
_C_CALL = llvm.CallingConventionAttr("ccc")
_ANY_CALL = llvm.TailCallKindAttr(llvm.TailCallKind.NONE)
_MAY_WRAP: dict[str, Attribute] = {"noWrapFlags": IntegerAttr(0, i32)}


def call_properties(callee: Attribute, arguments: int) -> dict[str, Attribute]:
    """The properties of a plain `llvm.call`."""
    return {
        "callee": callee,
        "fastmathFlags": NO_FLAGS,
        "CConv": _C_CALL,
        "TailCallKind": _ANY_CALL,
        "op_bundle_sizes": int32s(),
        "operandSegmentSizes": int32s(arguments, 0),
    }


class BlockEmitter:
    """Emits llvm operations into `block`, one after the other."""

    def __init__(self, entry: Block) -> None:
        self.entry = entry
        self.block = entry
        self.location: LocationAttr | None = None
        self.needed_functions: dict[str, llvm.LLVMFunctionType] = {}
        self._int64s: dict[int, SSAValue] = {}
        self._constants: dict[tuple[Attribute, Attribute], SSAValue] = {}
        self._head: list[Operation] = []  # goes to the front of the entry block
        self._in_block: dict[object, SSAValue] = {}  # pure results of the current block
        self._sums: dict[SSAValue, tuple[SSAValue, int]] = {}  # x + n: x, n

    # Operations

    def emit(
        self,
        cls: type[Operation],
        operands: Sequence[SSAValue],
        result_types: Sequence[Attribute] = (),
        properties: Mapping[str, Attribute] | None = None,
        successors: Sequence[Block] = (),
    ) -> Operation:
        """Appends an operation. `create` takes a third of the time of a constructor."""
        op = cls.create(
            operands=operands,
            result_types=result_types,
            properties=properties or {},
            successors=successors,
            location=self.location,
        )
        self.block.add_op(op)
        return op

    def compute(
        self,
        cls: type[Operation],
        operands: Sequence[SSAValue],
        result: Attribute,
        properties: Mapping[str, Attribute] | None = None,
    ) -> SSAValue:
        """Appends an operation with one result, and returns that."""
        return self.emit(cls, operands, (result,), properties).results[0]

    def intrinsic(
        self,
        name: str,
        operands: Sequence[SSAValue],
        result: Attribute | None,
        fastmath: llvm.FastMathAttr | None = None,
    ) -> Operation:
        """Calls the LLVM intrinsic `name`, without the suffix for its types."""
        return self.emit(
            llvm.CallIntrinsicOp,
            operands,
            () if result is None else (result,),
            {
                "intrin": StringAttr(name),
                "fastmathFlags": fastmath or NO_FLAGS,
                "op_bundle_sizes": int32s(),
                "operandSegmentSizes": int32s(len(operands), 0),
            },
        )

    def library_call(
        self, name: str, arguments: Sequence[SSAValue], result: Attribute | None
    ) -> Operation:
        """Calls a function of the C library, which the pass then declares."""
        types = [argument.type for argument in arguments]
        self.needed_functions[name] = llvm.LLVMFunctionType(types, result)
        return self.emit(
            llvm.CallOp,
            arguments,
            () if result is None else (result,),
            call_properties(SymbolRefAttr(name), len(arguments)),
        )

    def jump(self, target: Block, *values: SSAValue) -> None:
        """Goes on in a block, which takes the values."""
        self.emit(llvm.BrOp, values, successors=[target])

    def branch(
        self, condition: SSAValue, then: Block, otherwise: Block, *values: SSAValue
    ) -> None:
        """Goes on in `then`, which takes the values, or in `otherwise`."""
        self.emit(
            llvm.CondBrOp,
            (condition, *values),
            properties={"operandSegmentSizes": int32s(1, len(values), 0)},
            successors=[then, otherwise],
        )

    def start_block(self, block: Block) -> None:
        """Emits into `block` from now on."""
        self.block = block
        self._in_block = {}

    def finish(self) -> None:
        """Puts constants and allocations in front; sums that no one asked for go."""
        for total in reversed(self._sums):
            if not total.uses and isinstance(total.owner, Operation):
                total.owner.detach()
                total.owner.erase()
        if first := self.entry.first_op:
            self.entry.insert_ops_before(self._head, first)
        else:
            self.entry.add_ops(self._head)

    def at_entry(self, op: Operation) -> None:
        """Places `op` where it runs once and dominates all."""
        self._head.append(op)

    # Values

    def constant(self, value: Attribute, result: Attribute) -> SSAValue:
        """A constant, one for each function."""
        key = (value, result)
        if (found := self._constants.get(key)) is None:
            op = llvm.ConstantOp.create(
                result_types=(result,), properties={"value": value}
            )
            self._head.append(op)
            found = self._constants[key] = op.results[0]
        return found

    def int64(self, x: Index) -> SSAValue:
        """`x` as an i64."""
        if not isinstance(x, int):
            return x
        if (found := self._int64s.get(x)) is None:
            found = self._int64s[x] = self.constant(number(x), i64)
        return found

    def splat(self, scalar: SSAValue, vector: VectorType) -> SSAValue:
        """The scalar in all lanes; a block does that once."""
        key = (scalar, vector)
        if key not in self._in_block:
            poison = self.compute(PoisonOp, (), vector)
            operands = (poison, scalar, self.int64(0))
            first = self.compute(llvm.InsertElementOp, operands, vector)
            lanes: dict[str, Attribute] = {
                "mask": int32s(*(0,) * vector.get_shape()[0])
            }
            self._in_block[key] = self.compute(
                llvm.ShuffleVectorOp, (first, poison), vector, lanes
            )
        return self._in_block[key]

    # Index arithmetic: numbers stay numbers, and a block never computes a thing twice

    def _once(self, cls: type[Operation], x: SSAValue, y: SSAValue) -> SSAValue:
        key = (cls, x, y)
        if (found := self._in_block.get(key)) is None:
            found = self._in_block[key] = self.compute(cls, (x, y), i64)
        return found

    def add(self, x: Index, y: Index) -> Index:
        """x + y"""
        if isinstance(x, int):
            x, y = y, x
        if isinstance(x, int):
            return x + cast(int, y)
        if y == 0:
            return x
        result = self._once(llvm.AddOp, x, self.int64(y))
        if isinstance(y, int):
            base, number = self._sums.get(x, (x, 0))
            self._sums[result] = base, number + y
        return result

    def mul(self, x: Index, y: Index) -> Index:
        """x * y"""
        if isinstance(x, int):
            x, y = y, x
        if isinstance(x, int):
            return x * cast(int, y)
        if y == 0 or y == 1:
            return x if y else 0
        return self._once(llvm.MulOp, x, self.int64(y))

    def product(self, factors: Sequence[Index]) -> Index:
        """All factors multiplied."""
        result: Index = 1
        for factor in factors:
            result = self.mul(result, factor)
        return result

    # Addresses

    def step(
        self, element: Attribute, pointer: SSAValue, by: Index, inbounds: bool = False
    ):
        """`pointer + by`, in elements."""
        if by == 0:
            return pointer
        key = (pointer, by, inbounds, element)
        if (found := self._in_block.get(key)) is None:
            if isinstance(by, int) and -(2**31) < by < 2**31:
                indices = int32s(by)
                operands = (pointer,)
            else:
                indices = _ONE_DYNAMIC_INDEX
                operands = (pointer, self.int64(by))
            found = self._in_block[key] = self.compute(
                llvm.GEPOp,
                operands,
                pointer.type,
                {
                    "elem_type": element,
                    "rawConstantIndices": indices,
                    **(_INBOUNDS if inbounds else _MAY_WRAP),
                },
            )
        return found
