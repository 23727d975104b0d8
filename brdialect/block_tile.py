"""What one thread block of a GPU computes of a contraction, as words of a schedule.

    block=128x128x16 warp=64x64 stages=4 order=8

* `block=MxNxK`: the block's part of C, M x N elements, and how many steps of the sum
  lie in shared memory at a time.
* `warp=MxN`: the part of that whose accumulators one warp keeps in registers.
* `stages=`: how many K-slices of A and B are in shared memory: one is multiplied while
  the others are on their way.
* `order=`: how many tiles of rows share a tile of columns before the next columns come
  by, so that blocks which run at the same time read the same data from the L2.
* `split=`: into how many parts the sum is cut, each for blocks of its own, which write
  copies of C; another kernel adds these up, in order, and applies the epilogue. For a C
  of too few tiles to fill the device.
* `mma=wgmma`: four warps multiply together, on devices of compute capability 9.0;
  `warp=16xN`, with all N columns of the block, and K is 128 bytes.
* `copy=tma`: the tensor memory accelerator copies slices, where a tensor map can
  describe the operand (box_map.py); with `mma=wgmma`. Otherwise threads do, by
  `cp.async`.
* `math=exact`: multiply-adds of f32 as IEEE 754 says, in place of tf32 tensor cores.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from xdsl.ir import Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from brdialect.mistake import BrError

WORDS = ("block", "warp", "stages", "order", "split", "mma", "copy", "math")
WARP = 32
"""Threads that run in step."""

MOST_THREADS = 1024
"""Of a thread block (CUDA's limit on all devices)."""

FRAGMENT = 16
"""Rows and columns of the smallest tile of C that a warp's instructions give."""

MOST_PARTS = 16
"""Of a sum that is cut up: the kernel that adds them up reads as many numbers for each
element."""

BARRIER_BYTES = 8
"""Of shared memory, for each slice that the tensor memory accelerator copies."""

EPILOGUE_PADDING = 8
"""Elements between the rows of C's tile in shared memory: with them, the 8 bytes that
each of 16 lanes writes lie in 32 different banks."""


@dataclass(frozen=True)
class BlockTile:
    """The words, parsed; `str` gives them back."""

    m: int
    n: int
    k: int
    warp_m: int
    warp_n: int
    stages: int
    order: int = 1
    exact: bool = False
    split: int = 1
    wgmma: bool = False
    tma: bool = False

    @property
    def warps(self) -> int:
        """Warps of a block."""
        return (self.m // self.warp_m) * (self.n // self.warp_n)

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return WARP * self.warps

    def stage_bytes(self, element_bytes: int) -> int:
        """Shared memory of one K-slice of A and B."""
        return (self.m + self.n) * self.k * element_bytes

    def shared_bytes(self, element_bytes: int) -> int:
        """Shared memory of a block: the stages, and later C's tile in their place; then
        the barriers that count what comes."""
        barriers = self.stages * BARRIER_BYTES * self.tma
        return self.barriers_start(element_bytes) + barriers

    def barriers_start(self, element_bytes: int) -> int:
        """Where in shared memory the barriers lie."""
        c = self.m * (self.n + EPILOGUE_PADDING) * 4
        return max(self.stages * self.stage_bytes(element_bytes), c)

    def faults(self, element_bytes: int, shared: int) -> Iterator[str]:
        """What keeps a block from being of this form, if it has `shared` bytes."""
        for name in ("m", "n", "k", "warp_m", "warp_n"):
            value = getattr(self, name)
            if value & (value - 1):
                yield f"expected powers of two in block= and warp=, got {value}"
        if self.m % self.warp_m or self.n % self.warp_n:
            yield (
                f"expected warp= to divide block=, got {self.warp_m}x{self.warp_n} "
                f"in {self.m}x{self.n}"
            )
        elif self.threads > MOST_THREADS:
            yield f"expected at most 32 warps in a block, got {self.warps}"
        if self.warp_m % FRAGMENT or self.warp_n % FRAGMENT:
            yield (
                f"expected multiples of {FRAGMENT} in warp=, got "
                f"{self.warp_m}x{self.warp_n}"
            )
        if self.n < 32 or self.m < 32:
            yield f"expected a block= of at least 32x32, got {self.m}x{self.n}"
        if self.k * element_bytes < 32:
            yield (
                f"expected a K in block= of at least {32 // element_bytes} elements "
                f"(32 bytes), got {self.k}"
            )
        if self.tma and not self.wgmma:
            yield "expected mma=wgmma beside copy=tma"
        if self.wgmma:
            yield from self._wgmma_faults(element_bytes)
        if self.split > MOST_PARTS:
            yield f"expected at most {MOST_PARTS} parts in split=, got {self.split}"
        if self.stages < 2:
            yield f"expected at least 2 stages=, got {self.stages}"
        if (bytes_ := self.shared_bytes(element_bytes)) > shared:
            yield (
                f"expected at most {shared} bytes of shared memory for a block, got "
                f"{bytes_}; take fewer stages= or a smaller block="
            )

    def _wgmma_faults(self, element_bytes: int) -> Iterator[str]:
        """What keeps four warps from multiplying together."""
        if self.m % 64 or (self.warp_m, self.warp_n) != (16, self.n):
            yield (
                "expected block= of a multiple of 64 rows and warp=16xN of all columns "
                f"for mma=wgmma, got block={self.m}x{self.n} "
                f"warp={self.warp_m}x{self.warp_n}"
            )
        if not 64 <= self.n <= 256:
            yield f"expected 64 to 256 columns for mma=wgmma, got {self.n}"
        if self.k * element_bytes != 128:
            yield (
                f"expected {128 // element_bytes} steps of the sum (128 bytes) in "
                f"block= for mma=wgmma, got {self.k}"
            )
        if self.exact:
            yield "expected no math=exact beside mma=wgmma"

    def __str__(self) -> str:
        words = [
            f"block={self.m}x{self.n}x{self.k}",
            f"warp={self.warp_m}x{self.warp_n}",
            f"stages={self.stages}",
        ]
        words += [f"order={self.order}"] * (self.order != 1)
        words += [f"split={self.split}"] * (self.split != 1)
        words += ["mma=wgmma"] * self.wgmma
        words += ["copy=tma"] * self.tma
        words += ["math=exact"] * self.exact
        return " ".join(words)


def parse_words(fields: Mapping[str, str]) -> BlockTile:
    """The tile that words say, given as `{"block": "128x128x16", ...}`."""
    missing = [f"{name}=" for name in WORDS[:3] if name not in fields]
    if missing:
        raise BrError(f"expected {', '.join(missing)} beside the tile's other words")
    m, n, k = _numbers("block", fields["block"], "MxNxK")
    warp_m, warp_n = _numbers("warp", fields["warp"], "MxN")
    (stages,) = _numbers("stages", fields["stages"], "N")
    (order,) = _numbers("order", fields.get("order", "1"), "N")
    (split,) = _numbers("split", fields.get("split", "1"), "N")
    math = fields.get("math", "exact")
    if math != "exact":
        raise BrError(f"expected math=exact, got 'math={math}'")
    if (mma := fields.get("mma", "wgmma")) != "wgmma":
        raise BrError(f"expected mma=wgmma, got 'mma={mma}'")
    if (copy := fields.get("copy", "async")) not in ("async", "tma"):
        raise BrError(f"expected copy=async or copy=tma, got 'copy={copy}'")
    exact, wgmma, tma = "math" in fields, "mma" in fields, copy == "tma"
    return BlockTile(m, n, k, warp_m, warp_n, stages, order, exact, split, wgmma, tma)


def _numbers(name: str, text: str, form: str) -> list[int]:
    words = text.split("x")
    good = all(re.fullmatch(r"[1-9]\d{0,8}", word) for word in words)
    if not good or len(words) != 1 + form.count("x"):
        raise BrError(f"expected {name}={form} in a schedule, got '{name}={text}'")
    return [int(word) for word in words]


@irdl_attr_definition
class BlockTileAttr(Data[BlockTile]):
    """`#br.tile<"block=128x128x16 warp=64x64 stages=4">`"""

    name = "br.tile"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> BlockTile:
        with parser.in_angle_brackets():
            text = parser.parse_str_literal()
            words = [word.partition("=") for word in text.split()]
            fields = {name: value for name, _, value in words}
            if unknown := [name for name in fields if name not in WORDS]:
                known = ", ".join(f"{name}=" for name in WORDS)
                parser.raise_error(f"expected {known} in a tile, got '{unknown[0]}'")
            try:
                return parse_words(fields)
            except BrError as e:
                parser.raise_error(str(e))

    def print_parameter(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string_literal(str(self.data))
