"""Operations of MLIR's llvm dialect that xDSL 0.74 lacks, or accepts on scalars only.

Names, operands and properties are MLIR's, so that its tools read what we print.
`LLVM_OPS` belong into the dialect, in place of their namesakes.
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import (
    I1,
    I32,
    I64,
    AnyFloatConstr,
    DenseArrayBase,
    DenseIntElementsAttr,
    IntegerAttr,
    IntegerType,
    VectorType,
    i1,
    i32,
    i64,
)
from xdsl.dialects.llvm import (
    FastMathAttr,
    FCmpPredicateFlag,
    GenericCastOp,
    LLVMPointerType,
)
from xdsl.ir import Operation
from xdsl.irdl import (
    AnyAttr,
    AttrSizedOperandSegments,
    IRDLOperation,
    ParsePropInAttrDict,
    VarConstraint,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    successor_def,
    traits_def,
    var_operand_def,
    var_successor_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import IsTerminator, NoMemoryEffect, Pure
from xdsl.utils.hints import isa


@irdl_op_definition
class FPToSIOp(GenericCastOp):
    """Float to signed integer, towards zero; poison where it does not fit."""

    name = "llvm.fptosi"


@irdl_op_definition
class FPToUIOp(GenericCastOp):
    """Float to unsigned integer, towards zero; poison where it does not fit."""

    name = "llvm.fptoui"


@irdl_op_definition
class UIToFPOp(GenericCastOp):
    """Unsigned integer to the nearest float."""

    name = "llvm.uitofp"


@irdl_op_definition
class AddrSpaceCastOp(GenericCastOp):
    """A pointer as one into another address space."""

    name = "llvm.addrspacecast"


@irdl_op_definition
class PoisonOp(IRDLOperation):
    """A value that nothing may depend on."""

    name = "llvm.mlir.poison"

    res = result_def(AnyAttr())

    assembly_format = "attr-dict `:` type($res)"
    traits = traits_def(NoMemoryEffect())


@irdl_op_definition
class ExtractElementOp(IRDLOperation):
    """One lane of a vector."""

    name = "llvm.extractelement"

    T: ClassVar = VarConstraint("T", AnyAttr())

    vector = operand_def(VectorType.constr(T))
    position = operand_def(IntegerType)
    res = result_def(T)

    assembly_format = (
        "$vector `[` $position `:` type($position) `]` attr-dict `:` type($vector)"
    )
    traits = traits_def(NoMemoryEffect())


@irdl_op_definition
class FCmpOp(IRDLOperation):
    """Compares floats, or vectors of them lane by lane."""

    name = "llvm.fcmp"

    T: ClassVar = VarConstraint("T", AnyFloatConstr | VectorType.constr(AnyFloatConstr))

    lhs = operand_def(T)
    rhs = operand_def(T)
    res = result_def(I1 | VectorType[I1])
    predicate = prop_def(IntegerAttr[I64])
    fast_math = prop_def(
        FastMathAttr, prop_name="fastmathFlags", default_value=FastMathAttr(None)
    )

    traits = traits_def(Pure())

    @classmethod
    def parse(cls, parser: Parser) -> FCmpOp:
        predicate = FCmpPredicateFlag(parser.parse_str_literal()).to_int()
        lhs = parser.parse_unresolved_operand()
        parser.parse_punctuation(",")
        rhs = parser.parse_unresolved_operand()
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        operand_type = parser.parse_type()
        result = i1
        if isa(operand_type, VectorType):
            result = VectorType(i1, operand_type.shape)
        return cls.create(
            operands=parser.resolve_operands(
                (lhs, rhs), (operand_type,) * 2, parser.pos
            ),
            result_types=(result,),
            properties={
                "predicate": IntegerAttr(predicate, i64),
                "fastmathFlags": attributes.pop("fastmathFlags", FastMathAttr(None)),
            },
            attributes=attributes,
        )

    def print(self, printer: Printer) -> None:
        flag = FCmpPredicateFlag.from_int(self.predicate.value.data)
        printer.print_string(f' "{flag}" ')
        printer.print_list((self.lhs, self.rhs), printer.print_ssa_value)
        attributes = dict(self.attributes)
        if self.fast_math.data:
            attributes["fastmathFlags"] = self.fast_math
        printer.print_op_attributes(attributes)
        printer.print_string(" : ")
        printer.print_attribute(self.lhs.type)


@irdl_op_definition
class SelectOp(IRDLOperation):
    """`llvm.select` by one condition or lane by lane."""

    name = "llvm.select"

    T: ClassVar = VarConstraint("T", AnyAttr())

    cond = operand_def(I1 | VectorType[I1])
    lhs = operand_def(T)
    rhs = operand_def(T)
    res = result_def(T)
    fast_math = prop_def(
        FastMathAttr, prop_name="fastmathFlags", default_value=FastMathAttr(None)
    )

    assembly_format = "$cond `,` $lhs `,` $rhs attr-dict `:` type($cond) `,` type($res)"
    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())


@irdl_op_definition
class MaskedLoadOp(IRDLOperation):
    """Loads the lanes of `mask`, and takes the others from `pass_thru`."""

    name = "llvm.intr.masked.load"

    data = operand_def(LLVMPointerType)
    mask = operand_def(VectorType[I1])
    pass_thru = var_operand_def(VectorType)
    res = result_def(VectorType)
    alignment = prop_def(IntegerAttr[I32])

    assembly_format = "operands attr-dict `:` functional-type(operands, results)"
    irdl_options = (ParsePropInAttrDict(),)


@irdl_op_definition
class MaskedStoreOp(IRDLOperation):
    """Stores the lanes of `mask`."""

    name = "llvm.intr.masked.store"

    value = operand_def(VectorType)
    data = operand_def(LLVMPointerType)
    mask = operand_def(VectorType[I1])
    alignment = prop_def(IntegerAttr[I32])

    assembly_format = (
        "$value `,` $data `,` $mask attr-dict `:`"
        " type($value) `,` type($mask) `into` type($data)"
    )
    irdl_options = (ParsePropInAttrDict(),)


@irdl_op_definition
class AtomicRMWOp(IRDLOperation):
    """Changes a number in memory as one step among all threads; what it was before."""

    name = "llvm.atomicrmw"

    ADD: ClassVar = 1
    MONOTONIC: ClassVar = 2

    T: ClassVar = VarConstraint("T", AnyAttr())

    ptr = operand_def(LLVMPointerType)
    val = operand_def(T)
    res = result_def(T)
    bin_op = prop_def(IntegerAttr[I64])
    ordering = prop_def(IntegerAttr[I64])


@irdl_op_definition
class SwitchOp(IRDLOperation):
    """Jumps to the block of the case that equals `value`, else to the default block."""

    name = "llvm.switch"

    value = operand_def(IntegerType)
    default_operands = var_operand_def()
    case_operands = var_operand_def()
    case_values = opt_prop_def(DenseIntElementsAttr)
    case_operand_segments = prop_def(
        DenseArrayBase.constr(i32), default_value=DenseArrayBase.from_list(i32, ())
    )
    default_destination = successor_def()
    case_destinations = var_successor_def()

    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    traits = traits_def(IsTerminator())


LLVM_OPS: tuple[type[Operation], ...] = (
    AddrSpaceCastOp,
    AtomicRMWOp,
    ExtractElementOp,
    FCmpOp,
    FPToSIOp,
    FPToUIOp,
    MaskedLoadOp,
    MaskedStoreOp,
    PoisonOp,
    SelectOp,
    SwitchOp,
    UIToFPOp,
)
