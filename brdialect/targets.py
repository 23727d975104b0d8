"""What a compiled program may assume of its machine, as data.

A port is one row in `TARGETS`; no pass asks the host (`runtime/host.py` makes a row
for it).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from brdialect.mistake import BrError


@dataclass(frozen=True)
class Target:
    """One machine. Sizes in bytes; `vector_bytes` is the width of a register."""

    name: str
    triple: str
    cpu: str
    features: str
    vector_bytes: int
    vector_registers: int
    l1: int
    l2: int
    threads: int = 1
    embedded_broadcast: bool = False
    """Whether an FMA can broadcast an operand from memory (AVX-512): then the scalar
    of A needs no register of its own."""
    shared: int = 0
    """Of a GPU: the shared memory that a thread block can have."""
    multiprocessors: int = 0
    """Of a GPU."""
    exact: bool = False
    """Whether each product is multiplied and added as it is written: on a GPU not in
    tf32, on a CPU not by Winograd's algorithm."""

    @property
    def is_gpu(self) -> bool:
        """Whether programs become grids of thread blocks."""
        return self.triple.startswith("nvptx64")

    @property
    def has_warpgroups(self) -> bool:
        """Of a GPU: whether four warps can multiply together (`wgmma`)."""
        return self.cpu == "sm_90a"

    def lanes(self, element_bytes: int) -> int:
        """Elements in one vector register."""
        return self.vector_bytes // element_bytes


_LINUX = "unknown-linux-gnu"


def _gpu(
    name: str, cpu: str, features: str, shared: int, l2: int, multiprocessors: int
) -> Target:
    return Target(
        name,
        "nvptx64-nvidia-cuda",
        cpu,
        features,
        vector_bytes=16,
        vector_registers=255,
        l1=shared,
        l2=l2,
        shared=shared,
        multiprocessors=multiprocessors,
    )


TARGETS: dict[str, Target] = {
    row.name: row
    for row in (
        # x86-64 micro-architecture levels as the psABI defines them; cache sizes are
        # those of the smallest common core of the level (Haswell, Skylake-SP).
        Target(
            "x86-64-v3",
            f"x86_64-{_LINUX}",
            "x86-64-v3",
            "",
            32,
            16,
            32 << 10,
            256 << 10,
        ),
        Target(
            name="x86-64-v4",
            triple=f"x86_64-{_LINUX}",
            cpu="x86-64-v4",
            # LLVM prefers 256-bit vectors on this level unless told otherwise
            features="-prefer-256-bit",
            vector_bytes=64,
            vector_registers=32,
            l1=32 << 10,
            l2=1 << 20,
            embedded_broadcast=True,
        ),
        # Armv8-A with NEON: 32 registers of 128 bits; caches of a Cortex-A72
        Target(
            "aarch64",
            f"aarch64-{_LINUX}",
            "generic",
            "+neon",
            16,
            32,
            32 << 10,
            1 << 20,
        ),
        # NVIDIA GPUs: accesses of 16 bytes, 255 registers a thread; the L1 and shared
        # memory are one. CUDA C++ Programming Guide, table of technical specifications;
        # multiprocessors and L2 are those of an A100 and of an H100 SXM. LLVM's ptx
        # versions are the oldest that know these devices' instructions.
        _gpu("nvptx64-sm_80", "sm_80", "+ptx70", 163 << 10, 40 << 20, 108),
        _gpu("nvptx64-sm_90a", "sm_90a", "+ptx83", 227 << 10, 50 << 20, 132),
    )
}


def target_named(name: str, threads: int = 1) -> Target:
    """The row called `name`, for a team of `threads`."""
    if name not in TARGETS:
        raise BrError(
            f"expected a target out of {', '.join(TARGETS)} (or host, where the "
            f"program runs), got '{name}'"
        )
    if threads < 1:
        raise BrError(f"expected at least 1 thread, got {threads}")
    row = TARGETS[name]
    return row if row.is_gpu else replace(row, threads=threads)
