"""`convert-linalg-to-grid`: what is no contraction becomes one thread for each element.

    func.func private @f(%x, %bias, %y) {
      linalg.generic {maps = [(i, j) -> (i, j), (i, j) -> (j), (i, j) -> (i, j)], ..}
        ins(%x, %bias : memref<3x13xf32>, memref<13xf32>) outs(%y : memref<3x13xf32>)
    ->
    func.func private @f(%x, %bias, %y) attributes {br.grid = 1, br.threads = 256, ..} {
      %i = arith.addi (br.block_id * 256), br.thread_id
      scf.if %i < 39 {                              // a thread for each element of %y
        memref.load %x[%i], memref.load %bias_view[%i / 13, %i mod 13]
        ...the body...
        memref.store %r, %y[%i]

Neighbouring threads take neighbouring elements of the output. A thread runs the
reduction loops of its element itself, if they are short; a warp or a block shares long
ones (long_reduction.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from brdialect.target import Target, gpu_of
from passes.gpu.grid import each_element, make_kernel
from passes.gpu.long_reduction import LongReduction, is_long
from passes.loops.convert_linalg_to_vector import ConvertGeneric, convert_all, view_of
from passes.loops.loop_nest import Nest
from passes.loops.nest_emitter import At, Axis, Emitter
from passes.shared.build import Index
from passes.shared.digits import unravel


@dataclass(frozen=True)
class GridEmitter(Emitter):
    """Takes the place of the parallel loops by a thread for each of their points, or by
    a warp or block."""

    def emit(self) -> None:
        """The whole op."""
        if is_long(self):
            LongReduction(self).emit()
        else:
            super().emit()

    def over(self, axes: Sequence[Axis], at: At, body: Callable[[At], None]) -> None:
        """`body` in a thread of its own for each point."""
        sizes = [size for _, size, _ in axes]
        loops = [loop for loop, _, _ in axes]

        def point(index: Index) -> None:
            digits = unravel(index, sizes, prod(sizes))
            body({**at, **dict(zip(loops, digits, strict=True))})

        each_element(self.op, prod(sizes), point)


def emitter_of(op: GenericOp, nest: Nest, target: Target) -> GridEmitter:
    """Scalar code, operands seen by the loops."""
    views: list[SSAValue] = []
    order = list(range(len(nest.loops)))
    sizes = [loop.size for loop in nest.loops]
    # by position: what is computed in place is an input and an output
    accessed = (*nest.inputs, *nest.outputs)
    for operand, x in zip(op.operands, accessed, strict=True):
        views.append(operand if x is None else view_of(x, order, sizes))
    return GridEmitter(op, nest, target, None, 1, views)


def launch_nothing(op: GenericOp) -> None:
    """A call of what has no work is a launch all the same."""
    make_kernel(op, 1, 1)


@dataclass(frozen=True)
class ConvertLinalgToGridPass(ModulePass):
    """Every linalg.generic and linalg.fill on memrefs becomes a kernel."""

    name = "convert-linalg-to-grid"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        convert_all(op, ConvertGeneric(gpu_of(op), emitter_of, launch_nothing))
