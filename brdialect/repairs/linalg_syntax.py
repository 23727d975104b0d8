"""linalg: what stock xDSL prints but does not parse, drops, or computes wrongly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseIntElementsAttr,
    VectorType,
    i64,
)
from xdsl.dialects.linalg import abstract_ops, ops
from xdsl.dialects.linalg.attrs import IteratorType, IteratorTypeAttr
from xdsl.ir import Attribute, Operation, Region, SSAValue
from xdsl.irdl import BaseAttr, IRDLOperation, OptPropertyDef
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.type import get_element_type_or_self

from brdialect.linalg.attributes import TypeFnAttr, is_unsigned
from brdialect.linalg.bodies import make_body
from brdialect.repairs.opdef import override

_HIDDEN = ("linalg.memoized_indexing_maps", "operandSegmentSizes")
"""Attributes that follow from the others: never printed."""


def parse_operands(parser: Parser, keyword: str) -> Sequence[SSAValue]:
    """`ins(%a, %b : T, U)`, `ins()` or nothing."""
    if not parser.parse_optional_keyword(keyword):
        return ()
    pos = parser.pos
    parser.parse_punctuation("(")
    if parser.parse_optional_punctuation(")"):
        return ()
    none = parser.Delimiter.NONE
    names = parser.parse_comma_separated_list(none, parser.parse_unresolved_operand)
    parser.parse_punctuation(":")
    types = parser.parse_comma_separated_list(none, parser.parse_type)
    parser.parse_punctuation(")")
    return parser.resolve_operands(names, types, pos)


def print_operands(printer: Printer, keyword: str, values: Sequence[SSAValue]) -> None:
    """` ins(%a, %b : T, U)`; nothing for none."""
    if not values:
        return
    printer.print_string(f" {keyword}(")
    printer.print_list(values, printer.print_ssa_value)
    printer.print_string(" : ")
    printer.print_list(values, lambda value: printer.print_attribute(value.type))
    printer.print_string(")")


def parse_result_types(parser: Parser) -> Sequence[Attribute]:
    """`-> T`, `-> (T, U)`, `-> T, U` (as stock xDSL reads it) or nothing."""
    if not parser.parse_optional_punctuation("->"):
        return ()
    types = parser.parse_optional_comma_separated_list(
        parser.Delimiter.PAREN, parser.parse_type
    )
    if types is None:
        types = parser.parse_comma_separated_list(
            parser.Delimiter.NONE, parser.parse_type
        )
    return types


def element_types(values: Sequence[SSAValue]) -> list[Attribute]:
    """The types of the body's arguments for these operands."""
    return [get_element_type_or_self(value.type) for value in values]


# linalg.generic


def _iterator_types(parser: Parser, attribute: Attribute) -> ArrayAttr[Any]:
    if not isinstance(attribute, ArrayAttr):
        parser.raise_error(f"expected an array of iterator types, got {attribute}")
    names: list[Attribute] = []
    for item in cast(ArrayAttr[Attribute], attribute):
        text = getattr(item, "data", None)
        if text not in tuple(IteratorType):
            parser.raise_error(
                f"expected an iterator type ({', '.join(IteratorType)}), got {item}"
            )
        names.append(IteratorTypeAttr(IteratorType(text)))
    return ArrayAttr(names)


def _parse_generic(cls: type[ops.GenericOp], parser: Parser) -> ops.GenericOp:
    pos = parser.pos
    stated = parser.parse_optional_attr_dict()
    for name in ("indexing_maps", "iterator_types"):
        if name not in stated:
            parser.raise_error(f"expected '{name}' in the attributes of generic", pos)
    stated["iterator_types"] = _iterator_types(parser, stated["iterator_types"])
    inputs = parse_operands(parser, "ins")
    outputs = parse_operands(parser, "outs")
    attributes: dict[str, Attribute] = {}
    if parser.parse_optional_keyword("attrs"):
        parser.parse_punctuation("=")
        attributes = parser.parse_optional_attr_dict()
    body = parser.parse_region()
    results = parse_result_types(parser)
    properties = cls.get_irdl_definition().properties
    attributes |= {k: v for k, v in stated.items() if k not in properties}
    return cls.build(
        operands=[inputs, outputs],
        result_types=[results],
        properties={k: v for k, v in stated.items() if k in properties},
        attributes=attributes,
        regions=[body],
    )


def repair_generic() -> None:
    """`linalg.generic ... -> (T, U)`: printed so, but not parsed by stock xDSL.

    Attributes that it does not know, which it drops, are kept.
    """
    override(ops.GenericOp, parse=classmethod(_parse_generic))


# named operations


def _parse_named(
    cls: type[abstract_ops.NamedOperation], parser: Parser
) -> abstract_ops.NamedOperation:
    pos = parser.pos
    known = cls.get_irdl_definition().properties
    stated: dict[str, Attribute] = {}
    for name in ("kind", "indexing_maps"):
        if name in known and parser.parse_optional_keyword(name):
            parser.parse_punctuation("=")
            stated[name] = parser.parse_attribute()
    stated |= parser.parse_optional_attr_dict()
    inputs = parse_operands(parser, "ins")
    outputs = parse_operands(parser, "outs")
    if parser.parse_optional_keyword("attrs"):
        parser.parse_punctuation("=")
    stated |= parser.parse_optional_attr_dict()
    results = parse_result_types(parser)
    _add_window(cls, stated)
    unsigned = is_unsigned(stated.get("cast"))
    kind = cast(Any, cls).body_kind(stated)
    if kind is None:
        parser.raise_error(f"'{cls.name}': expected `kind=#...` after the name", pos)
    try:
        types = element_types((*inputs, *outputs))
        body = make_body(kind, types, unsigned)
    except VerifyException as error:
        parser.raise_error(f"'{cls.name}': {error}", pos)
    return cls.build(
        operands=[inputs, outputs],
        result_types=[results],
        properties={k: v for k, v in stated.items() if k in known},
        attributes={
            k: v for k, v in stated.items() if k not in known and k not in _HIDDEN
        },
        regions=[body],
    )


def _add_window(cls: type[IRDLOperation], stated: dict[str, Attribute]) -> None:
    """Fills in the strides and dilations of 1 that upstream allows to leave out."""
    if issubclass(cls, abstract_ops.ConvOperation | abstract_ops.PoolingOperation):
        one = DenseIntElementsAttr.from_list(VectorType(i64, [2]), [1, 1])
        for name in ("strides", "dilations"):
            stated.setdefault(name, one)


def _print_named(self: abstract_ops.NamedOperation, printer: Printer) -> None:
    stated = {**self.attributes, **self.properties}
    for name in _HIDDEN:
        stated.pop(name, None)
    kind, maps = stated.pop("kind", None), stated.pop("indexing_maps", None)
    if kind is not None:
        printer.print_string(" kind=")
        printer.print_attribute(kind)
    default = self.get_irdl_definition().properties.get("indexing_maps")
    if maps is not None and not (default and maps == default.default_value):
        printer.print_string(" indexing_maps = ")
        printer.print_attribute(maps)
    printer.print_op_attributes(stated)
    print_operands(printer, "ins", self.inputs)
    print_operands(printer, "outs", self.outputs)
    if self.res:
        printer.print_string(" -> ")
        printer.print_attribute(self.res[0].type)


STOCK_BODIES: dict[type[abstract_ops.NamedOperation], str] = {
    ops.AddOp: "add",
    ops.SubOp: "sub",
    ops.MulOp: "mul",
    ops.MaxOp: "max_signed",
    ops.MinOp: "min_signed",
    ops.ExpOp: "exp",
    ops.LogOp: "log",
    ops.SqrtOp: "sqrt",
    ops.SelectOp: "select",
    ops.FillOp: "copy",
    ops.CopyOp: "copy",
    ops.MatmulOp: "mul_add",
    ops.QuantizedMatmulOp: "mul_add_zero_points",
    ops.PoolingNchwMaxOp: "accumulate_max_signed",
    cast(Any, abstract_ops.ConvOperation): "mul_add",
}


def body_members(kind: str) -> dict[str, Any]:
    """The class members by which an operation's bodies are `make_body(kind, ...)`."""

    def hidden_region(
        cls: type, inputs: Sequence[SSAValue], outputs: Sequence[SSAValue]
    ) -> Region:
        return make_body(kind, element_types((*inputs, *outputs)))

    def body_kind(cls: type, stated: dict[str, Attribute]) -> str:
        return kind

    return {
        "body_kind": classmethod(body_kind),
        "get_hidden_region": classmethod(hidden_region),
    }


def repair_named() -> None:
    """The syntax and the bodies of the named operations that xDSL has.

    * `linalg.matmul indexing_maps = [...] ins(...)`: stock xDSL does not print the
      maps, so that a transposed matmul turns into a plain one.
    * attributes go before `ins`, where upstream reads them.
    * strides and dilations may be left out.
    * pooling_nchw_max takes the maximum of the element and the accumulator; in stock
      xDSL it is that of the element and the window operand, whose values mean nothing.
    * operands of mixed element types are cast to the accumulator's, as upstream does.
    """
    override(
        abstract_ops.NamedOperation, parse=classmethod(_parse_named), print=_print_named
    )
    for cls, kind in STOCK_BODIES.items():
        override(cls, **body_members(kind))
    matmul = ops.MatmulOp.get_irdl_definition().properties
    matmul["cast"] = OptPropertyDef(BaseAttr(TypeFnAttr))


# attributes after `dimensions = [...]` and `permutation = [...]`


def _keep_attributes(cls: type[Operation]) -> None:
    """Makes `cls` parse and print an attribute dictionary at its end."""
    stock_parse = cast(Callable[[type, Parser], Operation], cls.parse.__func__)  # pyright: ignore
    stock_print = cls.print

    def parse(cls: type, parser: Parser) -> Operation:
        op = stock_parse(cls, parser)
        op.attributes |= parser.parse_optional_attr_dict()
        return op

    def print_(self: Operation, printer: Printer) -> None:
        stock_print(self, printer)
        printer.print_op_attributes(self.attributes)

    override(cls, parse=classmethod(parse), print=print_)


def repair_linalg() -> None:
    """All of the above."""
    repair_generic()
    repair_named()
    for cls in (ops.TransposeOp, ops.BroadcastOp):
        _keep_attributes(cls)
