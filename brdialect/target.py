"""What a compiled program may assume of its machine, as data.

A port is one row in `TARGETS`; no pass asks the host (`runtime/host.py` makes a row
for it). A module carries its target as the attribute `br.target`:

    module attributes {br.target = #br.target<"x86-64-v3", threads = 2>} { ... }

The attribute holds every field of the row, so that a file can be compiled anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute, Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from brdialect.errors import BrError


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

    def lanes(self, element_bytes: int) -> int:
        """Elements in one vector register."""
        return self.vector_bytes // element_bytes


_LINUX = "unknown-linux-gnu"

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
    return replace(TARGETS[name], threads=threads)


_VECTORS = (8, 16, 32, 64, 128, 256)
_SMALLEST = {"vector_registers": 4, "l1": 1 << 10, "l2": 1 << 10, "threads": 1}
_LARGEST = 1 << 40


def _number(parser: AttrParser, field: str) -> int:
    """The value of a field that is a number; one that no machine has is a mistake."""
    pos = parser.pos
    number = parser.parse_integer(allow_boolean=False)
    if field == "vector_bytes" and number not in _VECTORS:
        sizes = ", ".join(map(str, _VECTORS))
        parser.raise_error(f"expected {field} out of {sizes}, got {number}", pos)
    if not _SMALLEST.get(field, 1) <= number <= _LARGEST:
        parser.raise_error(
            f"expected {field} of at least {_SMALLEST.get(field, 1)}, got {number}", pos
        )
    return number


@irdl_attr_definition
class TargetAttr(Data[Target]):
    """`#br.target<"x86-64-v3", triple = "...", vector_bytes = 32, ...>`

    A field that is left out comes from the row of that name.
    """

    name = "br.target"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Target:
        types = {f.name: f.type for f in fields(Target)}
        with parser.in_angle_brackets():
            pos = parser.pos
            name = parser.parse_str_literal()
            values: dict[str, str | int | bool] = {"name": name}
            while parser.parse_optional_punctuation(","):
                field = parser.parse_identifier()
                if field not in types:
                    parser.raise_error(
                        f"expected a field of a target ({', '.join(types)}), "
                        f"got '{field}'"
                    )
                parser.parse_punctuation("=")
                if types[field] == "str":
                    values[field] = parser.parse_str_literal()
                elif types[field] == "bool":
                    values[field] = parser.parse_boolean()
                else:
                    values[field] = _number(parser, field)
            if name in TARGETS:
                return replace(TARGETS[name], **values)  # pyright: ignore[reportArgumentType]
            missing = [f for f in _REQUIRED if f not in values]
            if missing:
                parser.raise_error(
                    f"'{name}' is no known target ({', '.join(TARGETS)}), so expected "
                    f"all of its fields, but {', '.join(missing)} is missing",
                    pos,
                )
            return Target(**values)  # pyright: ignore[reportArgumentType]

    def print_parameter(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string_literal(self.data.name)
            row = TARGETS.get(self.data.name)
            for f in fields(Target)[1:]:
                value = getattr(self.data, f.name)
                if row is not None and getattr(row, f.name) == value:
                    continue
                printer.print_string(f", {f.name} = ")
                if isinstance(value, str):
                    printer.print_string_literal(value)
                else:
                    printer.print_string(str(value).lower())


_REQUIRED: Sequence[str] = tuple(f.name for f in fields(Target)[1:8])


def target_of(module: ModuleOp) -> Target:
    """The module's target; x86-64-v3 on one thread where none stands."""
    attr: Attribute | None = module.attributes.get("br.target")
    return attr.data if isinstance(attr, TargetAttr) else TARGETS["x86-64-v3"]


def set_target(module: ModuleOp, target: Target) -> None:
    """Attaches `br.target` to the module."""
    module.attributes["br.target"] = TargetAttr(target)
