"""The state of `convert-to-llvm` while it builds the new body of one function.

One walk over the old operations emits the new ones. Memrefs vanish: each is a `View`
of numbers and SSA values, and an access becomes one `llvm.getelementptr`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from xdsl.dialects import llvm
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    DenseArrayBase,
    IntegerAttr,
    IntegerType,
    MemRefType,
    NoneAttr,
)
from xdsl.ir import Attribute, Block, Operation, SSAValue

from brdialect.errors import unsupported
from passes.llvm.block_emitter import BlockEmitter, Index
from passes.llvm.types import (
    check_memref,
    convert_type,
    converted_constant,
    strides_of,
)

Handler = Callable[["FunctionLowering", Operation], None]


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


class FunctionLowering(BlockEmitter):
    """Emits llvm operations, with the old values' counterparts at hand."""

    def __init__(self, entry: Block) -> None:
        super().__init__(entry)
        self.values: dict[SSAValue, SSAValue] = {}
        self.views: dict[SSAValue, View] = {}
        self.blocks: dict[Block, Block] = {}
        self.known: dict[SSAValue, Attribute] = {}  # constants, until they are used
        self.extra_functions: dict[str, llvm.FuncOp] = {}  # made on the way
        self.extra_globals: dict[str, Callable[[], llvm.GlobalOp]] = {}

    # Values

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
