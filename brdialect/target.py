"""A module carries its target as the attribute `br.target`:

    module attributes {br.target = #br.target<"x86-64-v3", threads = 2>} { ... }

The attribute holds every field of the row, so that a file can be compiled anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute, Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from brdialect.errors import BrError
from brdialect.targets import TARGETS, Target, target_named

__all__ = [
    "TARGETS",
    "Target",
    "TargetAttr",
    "gpu_of",
    "set_target",
    "target_named",
    "target_of",
]

_VECTORS = (8, 16, 32, 64, 128, 256)
_SMALLEST = {
    "vector_registers": 4,
    "l1": 1 << 10,
    "l2": 1 << 10,
    "shared": 0,
    "multiprocessors": 0,
}
_LARGEST = 1 << 40
_OF_SOME = ("shared", "multiprocessors", "exact")


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
                # without a row, what few targets have is left out for others
                usual = f.default if f.name in _OF_SOME else None
                if row is not None:
                    usual = getattr(row, f.name)
                if value == usual:
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
    if attr is None:
        return TARGETS["x86-64-v3"]
    if not isinstance(attr, TargetAttr):
        raise BrError(f"expected br.target to be a #br.target<...>, got {attr}")
    return attr.data


def gpu_of(module: ModuleOp) -> Target:
    """The module's target, which must be a GPU."""
    if not (target := target_of(module)).is_gpu:
        gpus = ", ".join(name for name, row in TARGETS.items() if row.is_gpu)
        raise BrError(f"expected a GPU as br.target ({gpus}), got '{target.name}'")
    return target


def set_target(module: ModuleOp, target: Target) -> None:
    """Attaches `br.target` to the module."""
    module.attributes["br.target"] = TargetAttr(target)
