"""What a program does on a GPU, as data: which kernels run, in which order, on what.

    br_contract_0 grid 98 block 128 shared 65536: argument 0, packed 0 + 4096, arena + 0
    br_generic_1  grid 25 block 256 shared 0: arena + 0, result 0

Nothing here needs MLIR or a GPU, so that a plan can be kept, printed and sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from brdialect.mistake import BrError

FORMAT = "brdialect launch plan 1"


@dataclass(frozen=True)
class Kernel:
    """How a kernel is launched: blocks, threads of a block, bytes of shared memory."""

    name: str
    grid: int
    threads: int
    shared: int

    def __str__(self) -> str:
        return f"grid {self.grid} block {self.threads} shared {self.shared}"


@dataclass(frozen=True)
class Pointer:
    """A byte of a buffer: `argument 0`, `packed 1`, `result 0`, `weight 2`, `arena`."""

    buffer: str
    offset: int = 0

    def __str__(self) -> str:
        return f"{self.buffer} + {self.offset}" if self.offset else self.buffer


@dataclass(frozen=True)
class Scalar:
    """A number: an argument of the program, or a constant of numpy's type `dtype`."""

    dtype: str
    argument: int | None = None
    number: float | int = 0

    def __str__(self) -> str:
        known = self.argument is None
        return f"{self.number} : {self.dtype}" if known else f"argument {self.argument}"


@dataclass(frozen=True)
class Launch:
    """One kernel, and what it is given."""

    kernel: str
    arguments: tuple[Pointer | Scalar, ...]

    def __str__(self) -> str:
        return f"{self.kernel}: {', '.join(map(str, self.arguments))}"


@dataclass(frozen=True)
class LaunchPlan:
    """All launches of a program: `load` once, `run` for each call. Buffers that the
    caller does not give have these sizes, in bytes."""

    target: str
    entry: str
    kernels: Mapping[str, Kernel]
    load: Sequence[Launch]
    run: Sequence[Launch]
    arena_bytes: int
    packed_bytes: Sequence[int]

    def __str__(self) -> str:
        width = max((len(name) for name in self.kernels), default=0)
        lines = [f"// {name:<{width}} {k}" for name, k in self.kernels.items()]
        for title, launches in (("once", self.load), ("each call", self.run)):
            if launches:
                lines += ["//", f"// {title}:", *(f"//   {x}" for x in launches)]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """As plain dictionaries and lists."""
        return {"format": FORMAT, **asdict(self)}


def plan_from_json(data: Mapping[str, Any]) -> LaunchPlan:
    """The plan that `to_json` has written."""
    if data.get("format") != FORMAT:
        raise BrError(f"expected a '{FORMAT}', got '{data.get('format')}'")

    def argument(fields: Mapping[str, Any]) -> Pointer | Scalar:
        return Pointer(**fields) if "buffer" in fields else Scalar(**fields)

    def launches(found: Sequence[Mapping[str, Any]]) -> list[Launch]:
        return [
            Launch(x["kernel"], tuple(argument(a) for a in x["arguments"]))
            for x in found
        ]

    return LaunchPlan(
        data["target"],
        data["entry"],
        {name: Kernel(**fields) for name, fields in data["kernels"].items()},
        launches(data["load"]),
        launches(data["run"]),
        data["arena_bytes"],
        data["packed_bytes"],
    )
