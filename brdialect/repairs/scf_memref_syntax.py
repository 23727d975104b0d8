"""scf.parallel and memref.{global,copy,cast}: upstream's syntax, missing in xDSL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xdsl.dialects import memref, scf
from xdsl.dialects.builtin import (
    DenseIntOrFPElementsAttr,
    IndexType,
    MemRefType,
    StringAttr,
    TensorType,
    UnitAttr,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.hints import isa

from brdialect.repairs.opdef import make_optional, override


def _parse_values(parser: Parser, keyword: str) -> Sequence[SSAValue]:
    parser.parse_keyword(keyword)
    return _parse_index_list(parser)


def _parse_index_list(parser: Parser) -> Sequence[SSAValue]:
    return parser.parse_comma_separated_list(
        parser.Delimiter.PAREN, lambda: parser.parse_operand(IndexType())
    )


def _parse_parallel(cls: type[scf.ParallelOp], parser: Parser) -> scf.ParallelOp:
    names = parser.parse_comma_separated_list(
        parser.Delimiter.PAREN, lambda: parser.parse_argument(expect_type=False)
    )
    parser.parse_punctuation("=")
    lower = _parse_index_list(parser)
    upper = _parse_values(parser, "to")
    step = _parse_values(parser, "step")
    pos, inits, types = parser.pos, list[SSAValue](), list[Attribute]()
    if parser.parse_optional_keyword("init"):
        unresolved = parser.parse_comma_separated_list(
            parser.Delimiter.PAREN, parser.parse_unresolved_operand
        )
        parser.parse_punctuation("->")
        types = parser.parse_optional_comma_separated_list(
            parser.Delimiter.PAREN, parser.parse_type
        ) or [parser.parse_type()]
        inits = list(parser.resolve_operands(unresolved, types, pos))
    body = parser.parse_region([name.resolve(IndexType()) for name in names])
    if not isinstance(body.block.last_op, scf.ReduceOp):
        body.block.add_op(scf.ReduceOp())
    op = cls.build(
        operands=[lower, upper, step, inits], result_types=[types], regions=[body]
    )
    op.attributes |= parser.parse_optional_attr_dict()
    return op


def _print_parallel(self: scf.ParallelOp, printer: Printer) -> None:
    printer.print_string(" (")
    printer.print_list(
        self.body.block.args,
        lambda a: printer.print_block_argument(a, print_type=False),
    )
    printer.print_string(")")
    for word, values in (("=", self.lowerBound), ("to", self.upperBound)):
        printer.print_string(f" {word} (")
        printer.print_list(values, printer.print_ssa_value)
        printer.print_string(")")
    printer.print_string(" step (")
    printer.print_list(self.step, printer.print_ssa_value)
    printer.print_string(")")
    if self.initVals:
        printer.print_string(" init (")
        printer.print_list(self.initVals, printer.print_ssa_value)
        printer.print_string(") -> (")
        printer.print_list(self.res, lambda r: printer.print_attribute(r.type))
        printer.print_string(")")
    printer.print_string(" ")
    printer.print_region(self.body, print_entry_block_args=False)
    printer.print_op_attributes(self.attributes)


def repair_parallel() -> None:
    """`scf.parallel (%i) = (%a) to (%b) step (%c) { ... }`."""
    override(scf.ParallelOp, parse=classmethod(_parse_parallel), print=_print_parallel)


def _initial_value(parser: Parser, type: MemRefType) -> Attribute:
    """`uninitialized` or `dense<...>`, typed as the tensor of the memref's shape."""
    if parser.parse_optional_keyword("uninitialized"):
        return UnitAttr()
    parser.parse_keyword("dense")
    tensor: Any = TensorType(type.element_type, type.shape)
    return parser.parse_dense_int_or_fp_elements_attr(tensor)


def _parse_global(cls: type[memref.GlobalOp], parser: Parser) -> memref.GlobalOp:
    visibility = parser.parse_optional_str_literal()
    constant = parser.parse_optional_keyword("constant")
    name = parser.parse_symbol_name()
    parser.parse_punctuation(":")
    type = parser.parse_type()
    if not isa(type, MemRefType):
        parser.raise_error(f"expected a memref type, got {type}")
    value: Attribute | None = None
    if parser.parse_optional_punctuation("="):
        value = _initial_value(parser, type)
    attributes = parser.parse_optional_attr_dict()
    return cls.build(
        properties={
            "sym_name": name,
            "sym_visibility": StringAttr(visibility) if visibility else None,
            "type": type,
            "constant": UnitAttr() if constant else None,
            "initial_value": value,
            "alignment": attributes.pop("alignment", None),
        },
        attributes=attributes,
    )


def _print_global(self: memref.GlobalOp, printer: Printer) -> None:
    visibility = self.properties.get("sym_visibility")
    if isinstance(visibility, StringAttr):
        printer.print_string(f' "{visibility.data}"')
    if self.constant is not None:
        printer.print_string(" constant")
    printer.print_string(" ")
    printer.print_symbol_name(self.sym_name.data)
    printer.print_string(" : ")
    printer.print_attribute(self.type)
    value = self.properties.get("initial_value")
    if isinstance(value, DenseIntOrFPElementsAttr):
        printer.print_string(" = ")
        value.print_without_type(printer)
    elif value is not None:
        printer.print_string(" = uninitialized")
    alignment = {"alignment": self.alignment} if self.alignment is not None else {}
    printer.print_op_attributes({**alignment, **self.attributes})


def repair_global() -> None:
    """`memref.global "private" constant @w : memref<2xf32> = dense<...>`.

    The visibility and the initial value may be missing, as upstream allows.
    """
    make_optional(memref.GlobalOp, "sym_visibility", "initial_value")
    override(memref.GlobalOp, parse=classmethod(_parse_global), print=_print_global)


def _parse_copy(cls: type[memref.CopyOp], parser: Parser) -> memref.CopyOp:
    source = parser.parse_unresolved_operand()
    parser.parse_punctuation(",")
    target = parser.parse_unresolved_operand()
    attributes = parser.parse_optional_attr_dict()
    parser.parse_punctuation(":")
    source_type = parser.parse_type()
    parser.parse_keyword("to")
    types = (source_type, parser.parse_type())
    operands = parser.resolve_operands((source, target), types, parser.pos)
    return cls.create(operands=operands, attributes=attributes)


def _print_copy(self: memref.CopyOp, printer: Printer) -> None:
    printer.print_string(" ")
    printer.print_list(self.operands, printer.print_ssa_value)
    printer.print_op_attributes(self.attributes)
    printer.print_string(" : ")
    printer.print_attribute(self.source.type)
    printer.print_string(" to ")
    printer.print_attribute(self.destination.type)


def _parse_cast(cls: type[memref.CastOp], parser: Parser) -> memref.CastOp:
    name = parser.parse_unresolved_operand()
    attributes = parser.parse_optional_attr_dict()
    parser.parse_punctuation(":")
    source = parser.resolve_operand(name, parser.parse_type())
    parser.parse_keyword("to")
    return cls.create(
        operands=[source], result_types=[parser.parse_type()], attributes=attributes
    )


def _print_cast(self: memref.CastOp, printer: Printer) -> None:
    printer.print_string(" ")
    printer.print_ssa_value(self.source)
    printer.print_op_attributes(self.attributes)
    printer.print_string(" : ")
    printer.print_attribute(self.source.type)
    printer.print_string(" to ")
    printer.print_attribute(self.dest.type)


def repair_copy_and_cast() -> None:
    """`memref.copy %a, %b : T to U` and `memref.cast %a : T to U`."""
    override(memref.CopyOp, parse=classmethod(_parse_copy), print=_print_copy)
    override(memref.CastOp, parse=classmethod(_parse_cast), print=_print_cast)


def repair_scf_and_memref() -> None:
    """All of the above."""
    repair_parallel()
    repair_global()
    repair_copy_and_cast()
