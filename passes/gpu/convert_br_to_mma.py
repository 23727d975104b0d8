"""`convert-br-to-mma`: the kernel of a GPU, what convert-br-to-vector is for a CPU.

    func.func private @f(%a, %b, %c) attributes {br.grid = 64, br.threads = 128, ..} {
      br.batch_reduce_gemm ins(%a, %b) outs(%c)
        {tile = #br.tile<"block=128x128x16 warp=64x64 stages=4">}
    ->
    func.func private @f(%a, %b, %c) attributes {br.grid = 64, br.threads = 128, ..} {
      %thread = br.thread_id
      ...
      scf.for %slice = .. iter_args(..) {                       // 16 of batch and k
        br.async_wait {pending = 2}
        br.barrier
        br.async_copy %a[..] to %shared[..] ..                  // 3 slices ahead
        scf.for %step = 0 to 16 step 8 iter_args(..) {          // LLVM writes this out
          %x = br.load_matrices %shared[..] ..                  // 4 of A, 4 of B
          br.mma %x, %y, %acc {kind = "tf32"}                   // 4 x 4 times
      }}
      ...C's tile through shared memory, the epilogue, and stores of 16 bytes

The program is block_program.py's, its copies tile_copy.py's, its reads of shared memory
fragments.py's.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.builder import Builder, ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import func, memref
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint

from brdialect.errors import unsupported
from brdialect.ops import BatchReduceGemmOp
from brdialect.padded_view_op import PaddedViewOp
from passes.gpu.block_program import BlockProgram
from passes.gpu.box_copy import give_maps


@dataclass(frozen=True)
class ConvertBrToMmaPass(ModulePass):
    """Every batch-reduce GEMM becomes the program of a thread block."""

    name = "convert-br-to-mma"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for gemm in [o for o in op.walk() if isinstance(o, BatchReduceGemmOp)]:
            if gemm.tile is None or gemm.count is not None:
                unsupported(
                    gemm, "expected a tile= and no count; run convert-contract-to-grid"
                )
            if gemm.has_matrix_per_column or (gemm.transpose_a or gemm.transpose_b):
                unsupported(gemm, "expected plain matrices, read through strides")
            with ImplicitBuilder(Builder(InsertPoint.before(gemm))):
                program = BlockProgram(gemm, gemm.tile.data)
                program.emit()
            if program.matrices:
                kernel = gemm.parent_op()
                assert isinstance(kernel, func.FuncOp)
                give_maps(op, kernel.sym_name.data, program.matrices)
            views = list(gemm.operands)
            gemm.detach()
            gemm.erase(safe_erase=False)
            for view in views:
                erase_unused(view)


def erase_unused(view: SSAValue) -> None:
    """Erases what made a view that no one looks through any more."""
    op = view.owner
    if isinstance(
        op,
        memref.AssumeAlignmentOp
        | memref.ReinterpretCastOp
        | memref.SubviewOp
        | PaddedViewOp,
    ):
        if not view.uses:
            sources = list(op.operands)
            op.detach()
            op.erase()
            for source in sources:
                erase_unused(source)
