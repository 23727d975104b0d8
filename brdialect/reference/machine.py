"""Runs blocks of operations: each operation's meaning is one function in a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from xdsl.dialects.builtin import BFloat16Type, MemRefType, ModuleOp, TensorType
from xdsl.dialects.linalg.abstract_ops import LinalgStructuredOperation
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.traits import IsTerminator, SymbolTable

from brdialect.errors import BrError, UnsupportedError, unsupported, where
from brdialect.reference.values import (
    Array,
    ExecutionError,
    Value,
    element_of,
    round_to_bf16,
    storage,
)

Handler = Callable[["Frame", Any, Sequence[Value]], Sequence[Value]]
"""(frame, operation, its operands' values) -> its results' values."""


@dataclass
class Machine:
    """What all functions of one run share."""

    module: ModuleOp
    handlers: Mapping[str, Handler]
    precise: bool
    resources: Mapping[str, bytes]
    globals: dict[str, Array] = field(default_factory=dict[str, Array])
    shadows: dict[tuple[int, Attribute], tuple[Array, Array]] = field(
        default_factory=dict[tuple[int, Attribute], tuple[Array, Array]]
    )
    """Typed views of byte buffers, see `memrefs.view`. Each keeps its buffer, so that
    the identity it is found by stays taken."""

    def symbol(self, op: Operation, name: str) -> Operation:
        """The function or global called `name`."""
        found = SymbolTable.lookup_symbol(self.module, name)
        if found is None:
            unsupported(op, f"expected a symbol of this module, got @{name}")
        return found


@dataclass
class Frame:
    """One function call: the values of its operations so far."""

    machine: Machine
    values: dict[SSAValue, Value] = field(default_factory=dict[SSAValue, Value])
    indices: Sequence[Array] = ()
    """What `linalg.index` gives for each iterator of the running body."""

    def dtype(self, type_: Attribute) -> np.dtype[Any]:
        """In what numpy type elements of this type are held."""
        return storage(type_, self.machine.precise)

    def operands(self, values: Sequence[SSAValue]) -> tuple[Value, ...]:
        """The values of some operands."""
        return tuple(self.values[v] for v in values)

    def run(self, block: Block, args: Sequence[Value] = ()) -> tuple[Value, ...]:
        """Runs a block; the operands of its terminator."""
        self.values.update(zip(block.args, args, strict=True))
        for op in block.ops:
            if op.has_trait(IsTerminator):
                return self.operands(op.operands)
            self.step(op)
        return ()

    def step(self, op: Operation) -> None:
        """Runs one operation and notes its results."""
        handler = self.machine.handlers.get(op.name)
        if handler is None and isinstance(op, LinalgStructuredOperation):
            handler = self.machine.handlers["linalg.generic"]
        if handler is None:
            unsupported(
                op, "expected an operation with a meaning on tensors or memrefs"
            )
        try:
            results = handler(self, op, self.operands(op.operands))
        except (UnsupportedError, ExecutionError):
            raise
        except BrError as e:
            raise ExecutionError(f"{where(op)}: {e}") from e
        for result, value in zip(op.results, results, strict=True):
            held = not isinstance(result.type, MemRefType)  # not what it points at
            if (
                held
                and not self.machine.precise
                and isinstance(element_of(result.type), BFloat16Type)
            ):
                value = round_to_bf16(value)
            if isinstance(result.type, TensorType):
                value = np.asarray(value)  # numpy makes numbers of lone elements
            self.values[result] = value


def last_uses(block: Block) -> dict[Operation, list[SSAValue]]:
    """Which of a block's values are dead after each of its operations.

    A network's activations would not all fit in memory, so they go once used.
    """
    order = {op: i for i, op in enumerate(block.ops)}
    dead: dict[Operation, list[SSAValue]] = {}
    for op in block.ops:
        for result in op.results:
            users = [
                block.find_ancestor_op_in_block(use.operation) for use in result.uses
            ]
            last = max((u for u in users if u), key=order.__getitem__, default=op)
            dead.setdefault(last, []).append(result)
    return dead


def run_function_body(
    frame: Frame, block: Block, args: Sequence[Value]
) -> tuple[Value, ...]:
    """Like `Frame.run`, and forgets values after their last use."""
    dead = last_uses(block)
    frame.values.update(zip(block.args, args, strict=True))
    for op in block.ops:
        if op.has_trait(IsTerminator):
            return frame.operands(op.operands)
        frame.step(op)
        for value in dead.get(op, ()):
            del frame.values[value]
    return ()
