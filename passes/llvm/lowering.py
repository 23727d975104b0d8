"""The state of `convert-to-llvm` while it builds the new body of one function.

One walk over the old operations emits the new ones. Memrefs vanish: each is a `View`
of numbers and SSA values, and an access becomes one `llvm.getelementptr`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from xdsl.dialects import llvm
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    DenseArrayBase,
    IntegerAttr,
    IntegerType,
    LocationAttr,
    MemRefType,
    NoneAttr,
    StringAttr,
    SymbolRefAttr,
    UnitAttr,
    VectorType,
    i32,
    i64,
)
from xdsl.ir import Attribute, Block, Operation, SSAValue

from brdialect.errors import unsupported
from brdialect.llvm_ops import PoisonOp
from passes.llvm.types import (
    check_memref,
    convert_type,
    converted_constant,
    int32s,
    number,
    strides_of,
)

Index = int | SSAValue
"""A number known now, or an i64 known at run time."""

Handler = Callable[["FunctionLowering", Operation], None]

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


@dataclass(frozen=True)
class View:
    """A memref: element [i, j] lies at `pointer + shift + i*strides[0] + j*strides[1]`.

    `root` points at MLIR's offset 0, to which `memref.reinterpret_cast` refers. It is
    None for an argument with a dynamic offset, since the caller passes only the sum.
    """

    element: Attribute
    pointer: SSAValue
    shift: int
    sizes: tuple[Index, ...]
    strides: tuple[Index, ...]
    root: SSAValue | None


class FunctionLowering:
    """Emits llvm operations into `block`, with the old values' counterparts at hand."""

    def __init__(self, entry: Block) -> None:
        self.entry = entry
        self.block = entry
        self.location: LocationAttr | None = None
        self.values: dict[SSAValue, SSAValue] = {}
        self.views: dict[SSAValue, View] = {}
        self.blocks: dict[Block, Block] = {}
        self.known: dict[SSAValue, Attribute] = {}  # constants, until they are used
        self.needed_functions: dict[str, llvm.LLVMFunctionType] = {}
        self.extra_functions: dict[str, llvm.FuncOp] = {}  # made on the way
        self.extra_globals: dict[str, Callable[[], llvm.GlobalOp]] = {}
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

    def value(self, old: SSAValue) -> SSAValue:
        """The counterpart of an old value that is no memref."""
        if (new := self.values.get(old)) is not None:
            return new
        owner = old.owner if isinstance(old.owner, Operation) else old.owner.parent_op()
        if owner is None or old not in self.known:
            raise KeyError(f"no counterpart of {old}")
        value = converted_constant(self.known[old])
        new = self.values[old] = self.constant(value, convert_type(old.type, owner))
        return new

    def operands(self, op: Operation) -> list[SSAValue]:
        """The counterparts of all of the operands."""
        return [self.value(operand) for operand in op.operands]

    def index(self, old: SSAValue) -> Index:
        """The number, where the old value is a constant, or its counterpart."""
        value = self.known.get(old)
        if isinstance(value, IntegerAttr):
            return value.value.data
        return self.value(old)

    def mixed(
        self, static: DenseArrayBase[IntegerType], dynamic: Sequence[SSAValue]
    ) -> tuple[Index, ...]:
        """MLIR's pair of a static list with holes and the values in the holes."""
        rest = iter(dynamic)
        return tuple(
            self.index(next(rest)) if x == DYNAMIC_INDEX else x
            for x in static.iter_values()
        )

    def replace(self, op: Operation, *new: SSAValue) -> None:
        """The results of `op` are `new` from here on."""
        for old, value in zip(op.results, new, strict=True):
            self.values[old] = value

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

    # Memory

    def view(self, old: SSAValue, op: Operation) -> View:
        """The view that an old memref has become."""
        if (view := self.views.get(old)) is None:
            unsupported(
                op,
                "convert-to-llvm: expected a memref made in this function, got "
                f"{old.type} from elsewhere; pass an index and take a subview instead",
            )
        return view

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

    def offset(self, view: View, indices: Sequence[Index]) -> tuple[Index, int]:
        """How far `indices` are from the pointer, in elements: x + y, y a number.

        A block computes x once: accesses [i, j], [i + 1, j] .. differ by a number only.
        """
        constant, dynamic = view.shift, cast(Index, 0)
        for index, stride in zip(indices, view.strides, strict=True):
            if not isinstance(index, int) and isinstance(stride, int):
                index, number = self._sums.get(index, (index, 0))
                constant += number * stride
            term = self.mul(index, stride)
            if isinstance(term, int):
                constant += term
            else:
                dynamic = self.add(dynamic, term)
        return dynamic, constant

    def shifted(self, view: View, indices: Sequence[Index]) -> View:
        """The same view with [0, 0, ..] moved to `indices`."""
        dynamic, constant = self.offset(view, indices)
        pointer = self.step(view.element, view.pointer, dynamic)
        return replace(view, pointer=pointer, shift=constant)

    def start(self, view: View) -> SSAValue:
        """The address of element [0, 0, ..]."""
        return self.step(view.element, view.pointer, view.shift)

    def address(
        self, view: View, indices: Sequence[Index], inbounds: bool = True
    ) -> SSAValue:
        """The address of an element.

        A pointer on the way to it may lie outside of the memory (index i - 1 at i = 0),
        so only a single step from the root is marked `inbounds`.
        """
        if inbounds and view.pointer is view.root:
            dynamic, constant = self.offset(view, indices)
            if dynamic == 0 or constant == 0:
                total = self.add(dynamic, constant)
                return self.step(view.element, view.pointer, total, inbounds=True)
        return self.start(self.shifted(view, indices))

    def identity_view(
        self, t: MemRefType, pointer: SSAValue, dynamic: Sequence[Index], op: Operation
    ) -> View:
        """A new memref at `pointer`; `dynamic` has its dynamic sizes, then strides."""
        element = check_memref(t, op)
        rest = iter(dynamic)
        sizes = tuple(next(rest) if n == DYNAMIC_INDEX else n for n in t.get_shape())
        if isinstance(t.layout, NoneAttr):
            strides = self.row_major(sizes)
        else:
            strides = tuple(next(rest) if s is None else s for s in strides_of(t))
        return View(element, pointer, 0, sizes, strides, pointer)

    def row_major(self, sizes: Sequence[Index]) -> tuple[Index, ...]:
        """Strides of a contiguous array."""
        strides: list[Index] = []
        stride: Index = 1
        for size in reversed(sizes):
            strides.append(stride)
            stride = self.mul(stride, size)
        return tuple(reversed(strides))
