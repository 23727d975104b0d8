"""arith: selects, comparisons and casts of vectors and tensors, as upstream has them.

xDSL 0.74 takes them on scalars only: the condition of `arith.select`, the results of
`arith.cmpi` and `arith.cmpf`, both ends of every cast to or from an integer.
"""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects import arith
from xdsl.dialects.builtin import (
    AnyFloatConstr,
    FixedBitwidthType,
    IndexType,
    IntegerAttr,
    IntegerType,
    TensorType,
    VectorType,
    container_of,
    i1,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import BaseAttr, EqAttrConstraint, IRDLOperation
from xdsl.parser import Parser, UnresolvedOperand
from xdsl.pattern_rewriter import PatternRewriter
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.transforms.canonicalization_patterns import arith as canonicalization
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.type import get_element_type_or_self

from brdialect.repairs.opdef import add_traits, constrain, override, verify_with

_INTEGERS = container_of(BaseAttr(IntegerType))
_FLOATS = container_of(AnyFloatConstr)
_BOOLEANS = container_of(EqAttrConstraint(i1))


def with_element(shape_of: Attribute, element: Attribute) -> Attribute:
    """`vector<8xf32>`, `i1` -> `vector<8xi1>`; `f32`, `i1` -> `i1`."""
    if isinstance(shape_of, VectorType):
        return VectorType(element, shape_of.shape, shape_of.scalable_dims)
    if isinstance(shape_of, TensorType):
        return TensorType(element, shape_of.shape, shape_of.encoding)
    return element


def _require_same_shape(source: Attribute, result: Attribute) -> None:
    if with_element(source, i1) != with_element(result, i1):
        raise VerifyException(
            f"expected a result of the shape of the operand, {source}, got {result}"
        )


def _width_check(relation: str) -> Callable[[IRDLOperation], None]:
    """The verifier of a cast whose result must be `wider` or `narrower`."""

    def check(op: IRDLOperation) -> None:
        source, result = op.operands[0].type, op.results[0].type
        _require_same_shape(source, result)
        a, b = get_element_type_or_self(source), get_element_type_or_self(result)
        assert isinstance(a, FixedBitwidthType) and isinstance(b, FixedBitwidthType)
        if not (
            b.bitwidth > a.bitwidth if relation == "wider" else b.bitwidth < a.bitwidth
        ):
            raise VerifyException(f"expected a type {relation} than {a}, got {b}")

    return check


def _check_shape_only(op: IRDLOperation) -> None:
    _require_same_shape(op.operands[0].type, op.results[0].type)


def _check_index_cast(op: IRDLOperation) -> None:
    source, result = op.operands[0].type, op.results[0].type
    _require_same_shape(source, result)
    ends = [get_element_type_or_self(t) for t in (source, result)]
    if sum(isinstance(end, IndexType) for end in ends) != 1:
        raise VerifyException(
            f"expected one index and one integer, got {source}, {result}"
        )


def _check_comparison(op: IRDLOperation) -> None:
    want = with_element(op.operands[0].type, i1)
    if op.operands[1].type != op.operands[0].type or op.results[0].type != want:
        raise VerifyException(
            f"expected two operands of one type and a result of type {want}, got "
            f"{op.operands[0].type}, {op.operands[1].type} -> {op.results[0].type}"
        )


def _check_select(op: arith.SelectOp) -> None:
    if op.cond.type not in (i1, with_element(op.result.type, i1)):
        raise VerifyException(
            f"expected the condition to be i1 or {with_element(op.result.type, i1)}, "
            f"got {op.cond.type}"
        )


def repair_casts() -> None:
    """Lets every cast take vectors and tensors; gives extsi its missing `Pure`."""
    add_traits(arith.ExtSIOp, Pure())
    for op in (arith.ExtSIOp, arith.ExtUIOp, arith.TruncIOp):
        constrain(op, input=_INTEGERS, result=_INTEGERS)
        verify_with(op, _width_check("narrower" if op is arith.TruncIOp else "wider"))
    for op in (arith.FPToSIOp, arith.FPToUIOp):
        constrain(op, input=_FLOATS, result=_INTEGERS)
        verify_with(op, _check_shape_only)
    for op in (arith.SIToFPOp, arith.UIToFPOp):
        constrain(op, input=_INTEGERS, result=_FLOATS)
        verify_with(op, _check_shape_only)
    for op in (arith.ExtFOp, arith.TruncFOp):
        verify_with(op, _width_check("wider" if op is arith.ExtFOp else "narrower"))
    either = container_of(BaseAttr(IntegerType) | BaseAttr(IndexType))
    constrain(arith.IndexCastOp, input=either, result=either)
    verify_with(arith.IndexCastOp, _check_index_cast)


def _cmpi_init(
    self: arith.CmpiOp,
    operand1: Operation | SSAValue,
    operand2: Operation | SSAValue,
    arg: int | str,
) -> None:
    if isinstance(arg, str):
        arg = _predicate(arith.CMPI_COMPARISON_OPERATIONS, arg)
    lhs = SSAValue.get(operand1)
    IRDLOperation.__init__(
        self,
        operands=[lhs, operand2],
        result_types=[with_element(lhs.type, i1)],
        properties={"predicate": IntegerAttr(arg, 64)},
    )


_STRICT = arith.FastMathFlagsAttr("none")


def _cmpf_init(
    self: arith.CmpfOp,
    operand1: Operation | SSAValue,
    operand2: Operation | SSAValue,
    arg: int | str,
    fastmath: arith.FastMathFlagsAttr = _STRICT,
) -> None:
    if isinstance(arg, str):
        arg = _predicate(arith.CMPF_COMPARISON_OPERATIONS, arg)
    lhs = SSAValue.get(operand1)
    IRDLOperation.__init__(
        self,
        operands=[lhs, operand2],
        result_types=[with_element(lhs.type, i1)],
        properties={"predicate": IntegerAttr(arg, 64), "fastmath": fastmath},
    )


def _predicate(names: list[str], name: str) -> int:
    if name not in names:
        raise VerifyException(f"expected one of {', '.join(names)}, got {name}")
    return names.index(name)


def repair_comparisons() -> None:
    """`arith.cmpi slt, %a, %b : vector<8xi32>` gives a `vector<8xi1>`.

    The fold of `cmpi` of equal operands makes an i1 whatever the shape: it is kept to
    scalars.
    """
    for op, init in ((arith.CmpiOp, _cmpi_init), (arith.CmpfOp, _cmpf_init)):
        constrain(op, result=_BOOLEANS)
        verify_with(op, _check_comparison)
        override(op, __init__=init)
    fold = canonicalization.ApplyCmpiPredicateToEqualOperands
    scalar_fold = fold.match_and_rewrite

    def match_and_rewrite(
        self: canonicalization.ApplyCmpiPredicateToEqualOperands,
        op: Operation,
        rewriter: PatternRewriter,
    ) -> None:
        if op.results and op.results[0].type == i1:
            scalar_fold(self, op, rewriter)

    override(fold, match_and_rewrite=match_and_rewrite)


def _print_select(self: arith.SelectOp, printer: Printer) -> None:
    printer.print_string(" ")
    printer.print_list(self.operands, printer.print_ssa_value)
    printer.print_op_attributes(self.attributes)
    printer.print_string(" : ")
    if self.cond.type != i1:
        printer.print_attribute(self.cond.type)
        printer.print_string(", ")
    printer.print_attribute(self.result.type)


def _parse_select(cls: type[arith.SelectOp], parser: Parser) -> arith.SelectOp:
    names: list[UnresolvedOperand] = [parser.parse_unresolved_operand()]
    for _ in range(2):
        parser.parse_punctuation(",")
        names.append(parser.parse_unresolved_operand())
    attributes = parser.parse_optional_attr_dict()
    parser.parse_punctuation(":")
    condition: Attribute = i1
    result = parser.parse_type()
    if parser.parse_optional_punctuation(","):
        condition, result = result, parser.parse_type()
    operands = parser.resolve_operands(names, (condition, result, result), parser.pos)
    return cls.create(operands=operands, result_types=[result], attributes=attributes)


def repair_select() -> None:
    """`arith.select %c, %a, %b : vector<8xi1>, vector<8xf32>`, upstream's syntax."""
    constrain(arith.SelectOp, cond=_BOOLEANS)
    verify_with(arith.SelectOp, _check_select)
    override(arith.SelectOp, print=_print_select, parse=classmethod(_parse_select))


def repair_arith() -> None:
    """All of the above."""
    repair_casts()
    repair_comparisons()
    repair_select()
