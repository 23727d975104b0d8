"""`convert-br-to-vector`: the micro-kernel.

Each distinct `br.batch_reduce_gemm` (shapes, strides, epilogue) becomes one private
function, called from everywhere it stands:

    br.batch_reduce_gemm ins(%a, %b : memref<9x28x64xf32, ..>, memref<9x64x16xf32, ..>)
                         outs(%c : memref<28x16xf32, ..>) {beta = 0.0}
    ->
    func.call @br_kernel_0(%a, %b, %c)

    func.func private @br_kernel_0(%a, %b, %c) {
      scf.for %i = 0 to 24 step 6 {                      // C[i : i+6, 0 : 16]
        %acc:12 = scf.for %s = 0 to 9 iter_args(..) {    // the batch
          scf.for %k = 0 to 64 step 4 iter_args(..) {    // 6 x 2 accumulators
            scf.for %l = 0 to 4 iter_args(..) {          // LLVM writes this out
              2 vector.load of B[s, k + l, ..]
              6 broadcasts of A[s, i + r, k + l], 12 vector.fma
            } {br.unroll}
          }
        ...epilogue on the 12 vectors, 12 vector.store
      }
      ...the same for the last 4 rows
    }

The accumulators are loop-carried values through the whole batch and all of k, so C is
read at most once and written once (paper, section 2). Rows are dealt out evenly (28
rows at most 6 at a time are 6 6 6 5 5), columns end in one masked vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import func, memref
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    IndexType,
    MemRefType,
    ModuleOp,
    NoneAttr,
    StridedLayoutAttr,
    UnitAttr,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.hints import isa

from brdialect.destination_op import is_supported_float
from brdialect.errors import unsupported
from brdialect.ops import BatchReduceGemmOp
from brdialect.target import Target, target_of
from passes.kernel.micro_kernel import KernelEmitter
from passes.shared.build import body_key
from passes.shared.load_time import captured


def argument_type(type_: Attribute) -> MemRefType:
    """The type of a kernel's argument: wherever the view begins."""
    assert isa(type_, MemRefType[Attribute])
    strides = type_.get_strides()
    assert strides is not None
    offset = type_.get_offset()
    if isinstance(type_.layout, NoneAttr) and offset == 0:
        return MemRefType(type_.element_type, type_.get_shape())
    return MemRefType(
        type_.element_type, type_.get_shape(), StridedLayoutAttr(strides, None)
    )


def kernel_key(op: BatchReduceGemmOp) -> str:
    """Equal for ops that one kernel serves."""
    types = ", ".join(str(argument_type(v.type)) for v in gemm_memrefs(op))
    attributes = sorted((k, str(v)) for k, v in op.properties.items())
    body = "" if op.epilogue is None else body_key(op.epilogue.block, {})
    return f"{types} {in_place(op)} {op.count is not None} {attributes} {body}"


def gemm_memrefs(op: BatchReduceGemmOp) -> list[SSAValue]:
    """A, B, C, the extras, and what is read next."""
    return [op.a, op.b, op.c, *op.extras, *op.next]


def memory_of(view: SSAValue) -> SSAValue:
    """The memref that a view shows a part of."""
    while isinstance(view.owner, memref.ReinterpretCastOp | memref.SubviewOp):
        view = view.owner.operands[0]
    return view


def in_place(op: BatchReduceGemmOp) -> list[int]:
    """The positions of C and of the extras that it overwrites, if there are any."""
    c = memory_of(op.c)
    extras = [i for i, v in enumerate(op.extras, start=3) if memory_of(v) is c]
    return [2, *extras] if extras else []


def check(op: BatchReduceGemmOp) -> None:
    """What this lowering can do; everything else is named."""
    types = [t.element_type for t in op.shapes]
    if not all(is_supported_float(t) for t in types) or len(set(types)) != 1:
        unsupported(
            op,
            "expected elements f32 or f64 alike in a, b and c, got "
            f"{', '.join(map(str, types))}; other element types have no CPU kernel yet",
        )
    if op.finish is not None:
        unsupported(op, "expected no finish on a CPU, which stores c")
    if op.row_dims != 1:
        unsupported(
            op,
            f"expected c of rank 2, got rank {op.row_dims + 1}; loops over the other "
            "rows go around the kernel of a CPU",
        )
    for v in gemm_memrefs(op):
        if not isinstance(v.type, MemRefType):
            unsupported(op, f"expected memrefs, got {v.type}; run bufferize first")
        if v.type.get_strides() is None:
            unsupported(op, f"expected a strided memref, got {v.type}")


def make_kernel(op: BatchReduceGemmOp, name: str, target: Target) -> func.FuncOp:
    """The micro-kernel function for `op`."""
    outside = captured(op)  # of the epilogue: further arguments of the kernel
    operands = gemm_memrefs(op)
    types: list[Attribute] = [argument_type(v.type) for v in operands]
    types += [v.type for v in outside]
    if op.count is not None:
        types.append(IndexType())
    block = Block(arg_types=types)
    kernel = func.FuncOp(
        name,
        (types, ()),
        Region(block),
        visibility="private",
        arg_attrs=_argument_attributes(types, in_place(op)),
    )
    a, b, c, *rest = block.args[: len(operands)]
    extras, ahead = rest[: len(op.extras)], rest[len(op.extras) :]
    clone = op.clone()
    for old, new in zip(outside, block.args[len(operands) :], strict=False):
        old.replace_uses_with_if(new, lambda use: _within(use.operation, clone))
    count = block.args[-1] if op.count is not None else None
    with ImplicitBuilder(block):
        KernelEmitter(clone, a, b, c, extras, count, ahead, target).emit()
        func.ReturnOp()
    clone.erase(safe_erase=False)
    return kernel


def _within(op: Operation, outer: Operation) -> bool:
    parent = op.parent_op()
    return parent is outer


def _argument_attributes(
    types: Sequence[Attribute], overlapping: Sequence[int]
) -> ArrayAttr[DictionaryAttr]:
    """A and B do not overlap C, so each may be kept in registers."""
    noalias = DictionaryAttr({"llvm.noalias": UnitAttr()})
    none = DictionaryAttr({})
    return ArrayAttr(
        noalias if isinstance(t, MemRefType) and i not in overlapping else none
        for i, t in enumerate(types)
    )


@dataclass(frozen=True)
class ConvertBrToVectorPass(ModulePass):
    """One private function with register blocking per distinct batch-reduce GEMM."""

    name = "convert-br-to-vector"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        kernels: dict[str, func.FuncOp] = {}
        for gemm in [o for o in op.walk() if isinstance(o, BatchReduceGemmOp)]:
            check(gemm)
            key = kernel_key(gemm)
            if key not in kernels:
                kernels[key] = make_kernel(gemm, f"br_kernel_{len(kernels)}", target)
                op.body.block.add_op(kernels[key])
            replace_by_call(gemm, kernels[key])


def replace_by_call(gemm: BatchReduceGemmOp, kernel: func.FuncOp) -> None:
    """Calls the kernel where the op stood."""
    new: list[Operation] = []
    arguments: list[SSAValue] = []
    inputs = list(kernel.function_type.inputs)
    for operand, type_ in zip(gemm_memrefs(gemm), inputs, strict=False):
        if operand.type == type_:
            arguments.append(operand)
        else:
            assert isa(type_, MemRefType[Attribute])
            new.append(cast := memref.CastOp.get(operand, type_))
            arguments.append(cast.dest)
    arguments += captured(gemm)
    if gemm.count is not None:
        arguments.append(gemm.count)
    new.append(func.CallOp(kernel.sym_name.data, arguments, ()))
    Rewriter.insert_op(new, InsertPoint.before(gemm))
    gemm.detach()
    gemm.erase(safe_erase=False)
