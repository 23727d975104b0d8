"""What a program does on a GPU, as data: which kernels run, in which order, on what.

    br_contract_0 grid 98 block 128 shared 65536: argument 0, packed 0 + 4096, arena + 0
    50 times:
      br_recurrence_1_cell grid 25 block 256 shared 0: arena, result 0, 0 + 1 a time
    br_generic_2  grid 25 block 256 shared 0: arena + 0, result 0

Nothing here needs MLIR or a GPU, so that a plan can be kept, printed and sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from brdialect.box_map import BoxMap, map_from_json
from brdialect.mistake import BrError

FORMAT = "brdialect launch plan 4"


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
class TensorMap:
    """128 bytes at a multiple of 64 on the device, as cuTensorMapEncodeTiled makes
    them, or with a window cuTensorMapEncodeIm2col, of elements of numpy's type `dtype`
    (uint16: bf16) from `pointer` on. Lines of a box are swizzled by 128 bytes; what
    lies outside of the dimensions is zeros."""

    pointer: Pointer
    dtype: str
    map: BoxMap

    def __str__(self) -> str:
        return f"tensor map of {self.pointer} ({self.dtype}, {self.map})"


@dataclass(frozen=True)
class Scalar:
    """A number of numpy's type `dtype`: an argument of the program, or a constant and
    `steps[i]` more at each turn of the i-th repetition around it, from the outside."""

    dtype: str
    argument: int | None = None
    number: float | int = 0
    steps: tuple[int, ...] = ()

    def at(self, turns: Sequence[int]) -> float | int:
        """The number in some turn of each repetition around it."""
        return self.number + sum(s * t for s, t in zip(self.steps, turns, strict=False))

    def __str__(self) -> str:
        if self.argument is not None:
            return f"argument {self.argument}"
        more = "".join(f"{s:+} * t{i}" for i, s in enumerate(self.steps) if s)
        return f"{self.number}{more} : {self.dtype}"


Argument = Pointer | TensorMap | Scalar


@dataclass(frozen=True)
class Launch:
    """One kernel, and what it is given."""

    kernel: str
    arguments: tuple[Argument, ...]

    def lines(self, depth: int) -> list[str]:
        """For people; `depth` repetitions are around it."""
        return [f"{'  ' * depth}{self}"]

    def __str__(self) -> str:
        return f"{self.kernel}: {', '.join(map(str, self.arguments))}"


@dataclass(frozen=True)
class Repeat:
    """The same launches again and again, with other numbers."""

    times: int
    body: tuple[Launch | Repeat, ...]

    def lines(self, depth: int) -> list[str]:
        """For people; the turns of the outermost repetition are called t0."""
        head = f"{'  ' * depth}for t{depth} below {self.times}:"
        return [head, *(line for x in self.body for line in x.lines(depth + 1))]


Step = Launch | Repeat


def flattened(
    steps: Sequence[Step], turns: tuple[int, ...] = ()
) -> Iterator[tuple[Launch, tuple[int, ...]]]:
    """Every launch in its order, and the turn of each repetition around it."""
    for step in steps:
        if isinstance(step, Launch):
            yield step, turns
        else:
            for turn in range(step.times):
                yield from flattened(step.body, (*turns, turn))


@dataclass(frozen=True)
class LaunchPlan:
    """All launches of a program: `load` once, `run` for each call. Buffers that the
    caller does not give have these sizes, in bytes."""

    target: str
    entry: str
    kernels: Mapping[str, Kernel]
    load: Sequence[Step]
    run: Sequence[Step]
    arena_bytes: int
    packed_bytes: Sequence[int]

    def __str__(self) -> str:
        width = max((len(name) for name in self.kernels), default=0)
        lines = [f"// {name:<{width}} {k}" for name, k in self.kernels.items()]
        for title, launches in (("once", self.load), ("each call", self.run)):
            if launches:
                lines += ["//", f"// {title}:"]
                lines += [f"//   {line}" for x in launches for line in x.lines(0)]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """As plain dictionaries and lists."""
        return {"format": FORMAT, **asdict(self)}


def plan_from_json(data: Mapping[str, Any]) -> LaunchPlan:
    """The plan that `to_json` has written."""
    if data.get("format") != FORMAT:
        raise BrError(f"expected a '{FORMAT}', got '{data.get('format')}'")

    def argument(fields: Mapping[str, Any]) -> Argument:
        if "map" in fields:
            pointer = Pointer(**fields["pointer"])
            return TensorMap(pointer, fields["dtype"], map_from_json(fields["map"]))
        if "buffer" in fields:
            return Pointer(**fields)
        words = (fields[name] for name in ("dtype", "argument", "number"))
        return Scalar(*words, steps=tuple(fields["steps"]))

    def launches(found: Sequence[Mapping[str, Any]]) -> list[Step]:
        return [
            Repeat(x["times"], tuple(launches(x["body"])))
            if "times" in x
            else Launch(x["kernel"], tuple(argument(a) for a in x["arguments"]))
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
