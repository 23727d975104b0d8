"""The LLVM intrinsics that may be called, and which types their full names end in.

LLVM takes an intrinsic that it does not know for an external function, and calls libm
for one that the CPU has no instruction for. Both fail in linking, or worse, so this
table is all there is.
"""

from __future__ import annotations

RESULT = -1

_OF_RESULT = (
    # floats
    *("fabs", "sqrt", "fma", "fmuladd", "copysign"),
    *("floor", "ceil", "trunc", "round", "roundeven", "rint", "nearbyint"),
    *("maximum", "minimum", "maxnum", "minnum"),
    # integers
    *("abs", "smax", "smin", "umax", "umin", "ctpop", "ctlz", "cttz"),
    *("bswap", "bitreverse", "fshl", "fshr"),
    *("sadd.sat", "uadd.sat", "ssub.sat", "usub.sat"),
)
_REDUCTIONS = (
    *("add", "mul", "and", "or", "xor", "smax", "smin", "umax", "umin"),
    *("fmax", "fmin", "fmaximum", "fminimum"),
)

INTRINSICS: dict[str, tuple[int, ...]] = {
    **{f"llvm.{name}": (RESULT,) for name in _OF_RESULT},
    **{f"llvm.vector.reduce.{name}": (0,) for name in _REDUCTIONS},
    "llvm.vector.reduce.fadd": (1,),
    "llvm.vector.reduce.fmul": (1,),
    "llvm.fptosi.sat": (RESULT, 0),
    "llvm.fptoui.sat": (RESULT, 0),
    "llvm.masked.load": (RESULT, 0),
    "llvm.masked.store": (0, 1),
    "llvm.masked.gather": (RESULT, 0),
    "llvm.masked.scatter": (0, 1),
    "llvm.memcpy": (0, 1, 2),
    "llvm.memmove": (0, 1, 2),
    "llvm.memset": (0, 2),
    "llvm.prefetch": (0,),
    "llvm.assume": (),
    "llvm.readcyclecounter": (),
    "llvm.trap": (),
    "llvm.stacksave": (RESULT,),
    "llvm.stackrestore": (0,),
    # NVIDIA GPUs; the names of those that end in types are in PTX's order
    **{
        f"llvm.nvvm.{name}": ()
        for name in (
            *("read.ptx.sreg.tid.x", "read.ptx.sreg.ctaid.x"),
            *("cp.async.commit.group", "cp.async.wait.group"),
            "barrier.cta.sync.aligned.all",
            *(
                f"cp.async.{path}{fill}"
                for path in ("ca.shared.global.4", "ca.shared.global.8")
                for fill in ("", ".s")
            ),
            *("cp.async.cg.shared.global.16", "cp.async.cg.shared.global.16.s"),
            *("f2tf32.rna", "shfl.sync.bfly.f32", "shfl.sync.bfly.i32"),
            *("mma.m16n8k8.row.col.tf32", "mma.m16n8k16.row.col.bf16"),
            "mma.m16n8k16.row.col.f32.f32",
        )
    },
    "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16": (0,),
    "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.trans.b16": (0,),
}
"""The intrinsics by name; numbers are operands whose types end the full name."""


def known_intrinsic(name: str) -> str | None:
    """The name without the types at its end, or None for an unknown intrinsic."""
    while name not in INTRINSICS:
        name = name.rpartition(".")[0]
        if not name:
            return None
    return name
