"""Kernels as functions: their attributes, and one thread for each of many elements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.ir import Operation, SSAValue

from brdialect.block_tile import WARP
from brdialect.errors import unsupported
from brdialect.gpu_ops import GRID, SHARED, THREADS, BlockIdOp, ThreadIdOp
from passes.gpu.tile_copy import below
from passes.shared.build import Index, add, branch, mul, value
from passes.shared.digits import divided, modulo

ELEMENT_THREADS = 256
"""Threads of a block that computes elements: 8 warps, of which a multiprocessor holds
several blocks."""

MOST_BLOCKS = 2**31 - 1
"""Of a grid in its first dimension (CUDA's limit)."""


@dataclass(frozen=True)
class Kernel:
    """A kernel's attributes."""

    grid: int
    threads: int
    shared: int


def kernel_of(function: func.FuncOp) -> Kernel | None:
    """The attributes of a function that is a kernel."""
    numbers: list[int] = []
    for name in (GRID, THREADS, SHARED):
        attribute = function.attributes.get(name)
        if not isinstance(attribute, IntegerAttr):
            return None
        numbers.append(attribute.value.data)
    return Kernel(*numbers)


def make_kernel(op: Operation, grid: int, threads: int, shared: int = 0) -> None:
    """Makes the function around `op`, its only one, a kernel."""
    function = op.parent_op()
    if not isinstance(function, func.FuncOp) or kernel_of(function) is not None:
        unsupported(
            op, "expected to be the only operation of a function; run outline-nests"
        )
    if grid > MOST_BLOCKS:
        unsupported(op, f"expected at most {MOST_BLOCKS} thread blocks, got {grid}")
    for name, number in ((GRID, grid), (THREADS, threads), (SHARED, shared)):
        function.attributes[name] = IntegerAttr(number, i64)


def each_element(op: Operation, count: int, body: Callable[[Index], None]) -> None:
    """Makes the function around `op` a kernel in which thread i does `body(i)`, for i
    below `count`."""
    make_kernel(op, -(-count // ELEMENT_THREADS), ELEMENT_THREADS)
    index = add(mul(BlockIdOp().res, ELEMENT_THREADS), ThreadIdOp().res)
    if count % ELEMENT_THREADS == 0:
        body(index)
    else:
        branch(below(index, count), lambda: body(index), lambda: None)


def each_warp(
    op: Operation, count: int, body: Callable[[Index, SSAValue], None]
) -> None:
    """The same with warp i, which does `body(i, lane)`."""
    warps = ELEMENT_THREADS // WARP
    make_kernel(op, -(-count // warps), ELEMENT_THREADS)
    thread = ThreadIdOp().res
    index = add(mul(BlockIdOp().res, warps), divided(thread, WARP))
    lane = value(modulo(thread, WARP))
    if count % warps == 0:
        body(index, lane)
    else:
        branch(below(index, count), lambda: body(index, lane), lambda: None)


def each_block(
    op: Operation, count: int, shared: int, body: Callable[[Index, SSAValue], None]
) -> None:
    """The same with block i, which has so many bytes of shared memory and does
    `body(i, thread)`."""
    make_kernel(op, count, ELEMENT_THREADS, shared)
    body(BlockIdOp().res, ThreadIdOp().res)


def kernels_in(module: ModuleOp) -> list[func.FuncOp]:
    """The functions of a module that are kernels."""
    functions = [o for o in module.ops if isinstance(o, func.FuncOp)]
    return [f for f in functions if kernel_of(f) is not None]
