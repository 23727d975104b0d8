"""linalg.map, linalg.reduce and linalg.softmax.

linalg.map { arith.addf } ins(%a, %b : T, T) outs(%c : T)
linalg.reduce ins(%a : tensor<3x4xf32>) outs(%s : tensor<3xf32>) dimensions = [1]
  (%in: f32, %acc: f32) { ... linalg.yield %sum : f32 }
linalg.softmax dimension(1) ins(%a : T) outs(%b : T) -> T
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from xdsl.dialects.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DenseArrayBase,
    IntegerAttr,
    MemRefType,
    ShapedType,
    TensorType,
    i64,
)
from xdsl.dialects.linalg.abstract_ops import LinalgStructuredOperation
from xdsl.dialects.linalg.attrs import IteratorTypeAttr
from xdsl.dialects.linalg.ops import YieldOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineMap
from xdsl.irdl import (
    IRDLOperation,
    SameVariadicOperandSize,
    irdl_op_definition,
    operand_def,
    opt_result_def,
    prop_def,
    region_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from brdialect.repairs.linalg_syntax import (
    element_types,
    parse_operands,
    parse_result_types,
    print_operands,
)

_SHAPED = MemRefType.constr() | TensorType.constr()


def rank_of(value: SSAValue) -> int:
    """The number of dimensions; 0 of a scalar."""
    return len(value.type.get_shape()) if isinstance(value.type, ShapedType) else 0


def tensor_types(values: Sequence[SSAValue]) -> list[Attribute]:
    """The results of an operation with these outputs: none for memrefs."""
    return [v.type for v in values if isinstance(v.type, TensorType)]


def _parse_payload(parser: Parser) -> tuple[str, dict[str, Attribute]] | None:
    """`{ arith.addf {fastmath = ...} }`, the short form of a body."""
    if not parser.parse_optional_punctuation("{"):
        return None
    name = parser.parse_identifier()
    attributes = parser.parse_optional_attr_dict()
    parser.parse_punctuation("}")
    return name, attributes


def _payload_body(
    parser: Parser,
    payload: tuple[str, dict[str, Attribute]],
    types: Sequence[Attribute],
    arguments: Sequence[int],
) -> Region:
    """The body that yields one operation on the block's numbered `arguments`."""
    name, attributes = payload
    made = parser.ctx.get_optional_op(name)
    if made is None or not issubclass(made, IRDLOperation):
        parser.raise_error(f"expected an operation as the body, got '{name}'")
    known = made.get_irdl_definition().properties
    block = Block(arg_types=types)
    op = made.create(
        operands=[block.args[i] for i in arguments],
        result_types=[types[-1]],
        properties={k: v for k, v in attributes.items() if k in known},
        attributes={k: v for k, v in attributes.items() if k not in known},
    )
    block.add_ops([op, YieldOp(op)])
    return Region(block)


def _parse_body(parser: Parser) -> Region:
    arguments = parser.parse_comma_separated_list(
        parser.Delimiter.PAREN, parser.parse_argument
    )
    return parser.parse_region(arguments)


def _print_body(printer: Printer, body: Region) -> None:
    printer.print_string("\n  (")
    printer.print_list(body.block.args, printer.print_block_argument)
    printer.print_string(") ")
    printer.print_region(body, print_entry_block_args=False)


def _check_result_types(op: IRDLOperation, outputs: Sequence[SSAValue]) -> None:
    want = tensor_types(outputs)
    got = list(op.result_types)
    if want != got:
        names = ", ".join(map(str, want)) or "none, as on memrefs"
        raise VerifyException(
            f"expected results of the types of the outputs ({names}), "
            f"got {', '.join(map(str, got)) or 'none'}"
        )


@irdl_op_definition
class ReduceOp(LinalgStructuredOperation):
    """Folds `dimensions` away; several inputs are folded together."""

    name = "linalg.reduce"

    inputs = var_operand_def(_SHAPED)
    outputs = var_operand_def(_SHAPED)
    res = var_result_def(TensorType)
    body = region_def("single_block")
    dimensions = prop_def(DenseArrayBase.constr(i64))

    irdl_options = (SameVariadicOperandSize(),)

    def __init__(
        self,
        inputs: Sequence[SSAValue],
        outputs: Sequence[SSAValue],
        dimensions: Sequence[int],
        body: Region,
    ):
        super().__init__(
            operands=[inputs, outputs],
            result_types=[tensor_types(outputs)],
            properties={"dimensions": DenseArrayBase.from_list(i64, dimensions)},
            regions=[body],
        )

    def get_indexing_maps(self) -> ArrayAttr[AffineMapAttr]:
        rank, dropped = rank_of(self.inputs[0]), self.dimensions.get_values()
        kept = tuple(AffineDimExpr(i) for i in range(rank) if i not in dropped)
        maps = [AffineMap.identity(rank)] * len(self.inputs)
        maps += [AffineMap(rank, 0, kept)] * len(self.outputs)
        return ArrayAttr(AffineMapAttr(m) for m in maps)

    def get_iterator_types(self) -> ArrayAttr[IteratorTypeAttr]:
        dropped = self.dimensions.get_values()
        return ArrayAttr(
            IteratorTypeAttr.reduction()
            if i in dropped
            else IteratorTypeAttr.parallel()
            for i in range(rank_of(self.inputs[0]))
        )

    def verify_(self) -> None:
        if not self.inputs:
            raise VerifyException("expected at least one input, got none")
        rank, dropped = rank_of(self.inputs[0]), self.dimensions.get_values()
        if len(set(dropped)) != len(dropped) or any(not 0 <= d < rank for d in dropped):
            raise VerifyException(
                f"expected distinct dimensions in 0..{rank - 1}, got {list(dropped)}"
            )
        super().verify_()
        _check_result_types(self, self.outputs)

    def print(self, printer: Printer) -> None:
        print_operands(printer, "ins", self.inputs)
        print_operands(printer, "outs", self.outputs)
        printer.print_string(" dimensions = ")
        with printer.in_square_brackets():
            printer.print_list(self.dimensions.get_values(), printer.print_int)
        printer.print_op_attributes(self.attributes)
        _print_body(printer, self.body)

    @classmethod
    def parse(cls, parser: Parser) -> ReduceOp:
        payload = _parse_payload(parser)
        inputs = parse_operands(parser, "ins")
        outputs = parse_operands(parser, "outs")
        parser.parse_keyword("dimensions")
        parser.parse_punctuation("=")
        dimensions = parser.parse_comma_separated_list(
            parser.Delimiter.SQUARE, parser.parse_integer
        )
        attributes = parser.parse_optional_attr_dict()
        if payload is None:
            body = _parse_body(parser)
        else:
            if len(inputs) != 1 or len(outputs) != 1:
                parser.raise_error(
                    f"expected 1 input with the short form, got {len(inputs)}"
                )
            # upstream passes the accumulator first
            types = element_types((*inputs, *outputs))
            body = _payload_body(parser, payload, types, (1, 0))
        op = cls(inputs, outputs, dimensions, body)
        op.attributes |= attributes
        return op


@irdl_op_definition
class MapOp(LinalgStructuredOperation):
    """Applies its body to the elements at one index of every input."""

    name = "linalg.map"

    inputs = var_operand_def(_SHAPED)
    outputs = operand_def(_SHAPED)  # pyright: ignore[reportAssignmentType]
    """The one output: upstream's form has no segment sizes to mark more."""
    res = var_result_def(TensorType)
    body = region_def("single_block")

    def __init__(
        self, inputs: Sequence[SSAValue], init: SSAValue, body: Region
    ) -> None:
        super().__init__(
            operands=[inputs, init],
            result_types=[tensor_types([init])],
            regions=[body],
        )

    def get_indexing_maps(self) -> ArrayAttr[AffineMapAttr]:
        identity = AffineMapAttr(AffineMap.identity(rank_of(self.operands[-1])))
        return ArrayAttr([identity] * len(self.operands))

    def get_iterator_types(self) -> ArrayAttr[IteratorTypeAttr]:
        return ArrayAttr([IteratorTypeAttr.parallel()] * rank_of(self.operands[-1]))

    def verify_(self) -> None:
        super().verify_()
        _check_result_types(self, self.operands[-1:])

    def print(self, printer: Printer) -> None:
        print_operands(printer, "ins", self.inputs)
        print_operands(printer, "outs", self.operands[-1:])
        printer.print_op_attributes(self.attributes)
        _print_body(printer, self.body)

    @classmethod
    def parse(cls, parser: Parser) -> MapOp:
        payload = _parse_payload(parser)
        inputs = parse_operands(parser, "ins")
        outputs = parse_operands(parser, "outs")
        attributes = parser.parse_optional_attr_dict()
        if len(outputs) != 1:
            parser.raise_error(f"expected 1 output, got {len(outputs)}")
        if payload is None:
            body = _parse_body(parser)
            # older upstream versions have no argument for the output
            if len(body.block.args) == len(inputs):
                body.block.insert_arg(element_types(outputs)[0], len(inputs))
        else:
            types = element_types((*inputs, *outputs))
            body = _payload_body(parser, payload, types, range(len(inputs)))
        op = cls(inputs, outputs[0], body)
        op.attributes |= attributes
        return op


@irdl_op_definition
class SoftmaxOp(IRDLOperation):
    """`exp(x - max x) / sum exp(x - max x)` along `dimension`."""

    name = "linalg.softmax"

    input = operand_def(_SHAPED)
    output = operand_def(_SHAPED)
    result = opt_result_def(TensorType)
    dimension = prop_def(IntegerAttr.constr(i64))

    def __init__(self, input: SSAValue, output: SSAValue, dimension: int):
        super().__init__(
            operands=[input, output],
            result_types=[tensor_types([output])],
            properties={"dimension": IntegerAttr(dimension, i64)},
        )

    def verify_(self) -> None:
        rank, dimension = rank_of(self.input), self.dimension.value.data
        if not 0 <= dimension < rank:
            raise VerifyException(
                f"expected a dimension in 0..{rank - 1}, got {dimension}"
            )
        shapes = [cast(ShapedType, v.type).get_shape() for v in self.operands]
        if shapes[0] != shapes[1]:
            raise VerifyException(
                f"expected an output of the shape of the input, {self.input.type}, "
                f"got {self.output.type}"
            )
        _check_result_types(self, [self.output])

    def print(self, printer: Printer) -> None:
        printer.print_op_attributes(self.attributes)
        printer.print_string(f" dimension({self.dimension.value.data})")
        print_operands(printer, "ins", [self.input])
        print_operands(printer, "outs", [self.output])
        if self.result is not None:
            printer.print_string(" -> ")
            printer.print_attribute(self.result.type)

    @classmethod
    def parse(cls, parser: Parser) -> SoftmaxOp:
        attributes = parser.parse_optional_attr_dict()
        parser.parse_keyword("dimension")
        with parser.in_parens():
            dimension = parser.parse_integer()
        inputs = parse_operands(parser, "ins")
        outputs = parse_operands(parser, "outs")
        if len(inputs) != 1 or len(outputs) != 1:
            parser.raise_error("expected 1 input and 1 output")
        parse_result_types(parser)
        op = cls(inputs[0], outputs[0], dimension)
        op.attributes |= attributes
        return op


REGION_OPS: tuple[type[Operation], ...] = (ReduceOp, MapOp, SoftmaxOp)
"""Every operation that this module puts into the linalg dialect."""
