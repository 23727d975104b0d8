"""func and cf -> llvm: functions, calls, branches, and casts between the two worlds.

    func.func private @f(%m: memref<?xf32> {llvm.noalias}, %i: index) -> f32
    ->
    llvm.func internal @f(%m: !llvm.ptr {llvm.noalias}, %size: i64, %i: i64) -> f32

Several results come back in one llvm struct.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xdsl.dialects import func, llvm
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    ArrayAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    DictionaryAttr,
    MemRefType,
    NoneAttr,
    StringAttr,
    i64,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from brdialect.llvm_ops import PoisonOp, SwitchOp
from passes.llvm.block_emitter import Index, call_properties
from passes.llvm.lowering import FunctionLowering, Handler, View
from passes.llvm.types import (
    check_memref,
    convert_type,
    converted_constant,
    memref_arguments,
    strides_of,
)

# Properties of llvm.func that func.func carries as attributes
_FUNCTION_PROPERTIES = ("passthrough", "no_inline", "no_unwind", "optimize_none")


def signature(function: func.FuncOp) -> llvm.LLVMFunctionType:
    """The lowered type of a function."""
    inputs: list[Attribute] = []
    for t in function.function_type.inputs:
        if isa(t, MemRefType):
            check_memref(t, function)
            inputs.extend(memref_arguments(t))
        else:
            inputs.append(convert_type(t, function))
    outputs = [result_type(t, function) for t in function.function_type.outputs]
    return llvm.LLVMFunctionType(inputs, packed_results(outputs))


def result_type(t: Attribute, op: Operation) -> Attribute:
    """The lowered type of one result."""
    if isinstance(t, MemRefType):
        unsupported(
            op,
            f"convert-to-llvm: expected results that are no memrefs, got {t}; pass the "
            "memref as an argument and write to it (bufferize does that)",
        )
    return convert_type(t, op)


def packed_results(types: Sequence[Attribute]) -> Attribute | None:
    """One type for all results of a function."""
    if len(types) > 1:
        return llvm.LLVMStructType.from_type_list(types)
    return types[0] if types else None


def argument_attributes(function: func.FuncOp) -> ArrayAttr[DictionaryAttr] | None:
    """The attributes of the arguments; those of a memref go to its pointer."""
    if function.arg_attrs is None:
        return None
    empty = DictionaryAttr({})
    spread: list[DictionaryAttr] = []
    for t, attrs in zip(function.function_type.inputs, function.arg_attrs, strict=True):
        spread.append(attrs)
        if isa(t, MemRefType):
            spread.extend([empty] * (len(memref_arguments(t)) - 1))
    return ArrayAttr(spread)


def llvm_function(function: func.FuncOp, body: Region) -> llvm.FuncOp:
    """The llvm.func of a function, with `body`."""
    private = function.sym_visibility == StringAttr("private") and body.blocks
    attributes = dict(function.attributes)
    linkage = attributes.pop("llvm.linkage", None)
    if not isinstance(linkage, llvm.LinkageAttr):
        linkage = llvm.LinkageAttr("internal" if private else "external")
    properties: dict[str, Attribute | None] = {
        name: attributes.pop(name)
        for name in _FUNCTION_PROPERTIES
        if name in attributes
    }
    properties["arg_attrs"] = argument_attributes(function)
    properties["res_attrs"] = function.res_attrs
    new = llvm.FuncOp(
        function.sym_name,
        signature(function),
        linkage,
        sym_visibility=function.sym_visibility,
        body=body,
        other_props=properties,
        extra_attrs=attributes,
    )
    new.location = function.location
    return new


def enter(low: FunctionLowering, function: func.FuncOp) -> None:
    """Makes the arguments of the entry block, and views of those that are memrefs."""
    block, old_args = low.entry, function.body.blocks[0].args

    def new(t: Attribute) -> SSAValue:
        return block.insert_arg(t, len(block.args))

    for old in old_args:
        if not isa(t := old.type, MemRefType):
            low.values[old] = new(convert_type(t, function))
            low.values[old].name_hint = old.name_hint
            continue
        pointer, *rest = [new(each) for each in memref_arguments(t)]
        pointer.name_hint = old.name_hint
        low.views[old] = argument_view(low, t, pointer, rest, function)


def argument_view(
    low: FunctionLowering,
    t: MemRefType,
    pointer: SSAValue,
    dynamic: Sequence[Index],
    op: Operation,
) -> View:
    """The view of a memref argument, whose pointer has its offset already added."""
    view = low.identity_view(t, pointer, dynamic, op)
    offset = t.get_offset()
    if offset == 0:
        return view
    root = None if offset is None else low.step(view.element, pointer, -offset)
    return View(view.element, pointer, 0, view.sizes, view.strides, root)


def lowered_arguments(low: FunctionLowering, op: Operation) -> Iterator[SSAValue]:
    """The operands of a call, memrefs as pointer, dynamic sizes and dynamic strides."""
    for old in op.operands:
        if isa(t := old.type, MemRefType):
            yield from lowered_memref(low, low.view(old, op), t)
        else:
            yield low.value(old)


def lowered_memref(
    low: FunctionLowering, view: View, t: MemRefType
) -> Iterator[SSAValue]:
    """What is passed for a memref of type `t`."""
    yield low.start(view)
    for size, static in zip(view.sizes, t.get_shape(), strict=True):
        if static == DYNAMIC_INDEX:
            yield low.int64(size)
    if not isinstance(t.layout, NoneAttr):
        for stride, static in zip(view.strides, strides_of(t), strict=True):
            if static is None:
                yield low.int64(stride)


def call(low: FunctionLowering, op: Operation) -> None:
    """func.call -> llvm.call"""
    callee = op.properties["callee"]
    types = [result_type(t, op) for t in op.result_types]
    packed = packed_results(types)
    arguments = tuple(lowered_arguments(low, op))
    results = low.emit(
        llvm.CallOp,
        arguments,
        () if packed is None else (packed,),
        call_properties(callee, len(arguments)),
    ).results
    if len(types) > 1:
        results = [
            low.compute(llvm.ExtractValueOp, results, t, {"position": _position(i)})
            for i, t in enumerate(types)
        ]
    low.replace(op, *results)


def _position(i: int) -> DenseArrayBase:
    return DenseArrayBase.from_list(i64, (i,))


def return_op(low: FunctionLowering, op: Operation) -> None:
    """func.return -> llvm.return"""
    for operand in op.operands:
        result_type(operand.type, op)
    values = low.operands(op)
    if len(values) > 1:
        packed = packed_results([v.type for v in values])
        assert packed is not None
        whole = low.compute(PoisonOp, (), packed)
        for i, value in enumerate(values):
            whole = low.compute(
                llvm.InsertValueOp, (whole, value), packed, {"position": _position(i)}
            )
        values = [whole]
    low.emit(llvm.ReturnOp, values)


def function_pointer(low: FunctionLowering, op: Operation) -> None:
    """func.constant -> llvm.mlir.addressof"""
    low.replace(
        op,
        low.compute(
            llvm.AddressOfOp,
            (),
            llvm.LLVMPointerType(),
            {"global_name": op.properties["value"]},
        ),
    )


def branch(low: FunctionLowering, op: Operation) -> None:
    """cf.br -> llvm.br"""
    new = low.emit(llvm.BrOp, low.operands(op), successors=_targets(low, op))
    new.attributes.update(op.attributes)


def conditional_branch(low: FunctionLowering, op: Operation) -> None:
    """cf.cond_br -> llvm.cond_br"""
    low.emit(
        llvm.CondBrOp,
        low.operands(op),
        properties={"operandSegmentSizes": op.properties["operandSegmentSizes"]},
        successors=_targets(low, op),
    )


def switch(low: FunctionLowering, op: Operation) -> None:
    """cf.switch -> llvm.switch"""
    properties = dict(op.properties)
    values = properties.get("case_values")
    if isa(values, DenseIntOrFPElementsAttr):
        properties["case_values"] = converted_constant(values)
    low.emit(
        SwitchOp, low.operands(op), properties=properties, successors=_targets(low, op)
    )


def assertion(low: FunctionLowering, op: Operation) -> None:
    """cf.assert -> a branch to a block that calls abort()"""
    failed, passed = Block(), Block()
    region = low.block.parent
    assert region is not None
    region.insert_block_after([failed, passed], low.block)
    low.branch(low.value(op.operands[0]), passed, failed)
    low.start_block(failed)
    low.library_call("abort", (), None)
    low.emit(llvm.UnreachableOp, ())
    low.start_block(passed)


def _targets(low: FunctionLowering, op: Operation) -> list[Block]:
    return [low.blocks[successor] for successor in op.successors]


def conversion_cast(low: FunctionLowering, op: Operation) -> None:
    """builtin.unrealized_conversion_cast between a type and what it is lowered to:

    !llvm.ptr, i64 -> memref<?xf32>,  memref<4xf32> -> !llvm.ptr,  index <-> i64
    """
    inputs, outputs = op.operands, op.results
    if len(outputs) == 1 and isa(t := outputs[0].type, MemRefType):
        given = [low.value(v) for v in inputs if not isinstance(v.type, MemRefType)]
        if [v.type for v in given] == memref_arguments(t):
            low.views[outputs[0]] = argument_view(low, t, given[0], given[1:], op)
            return
    new = tuple(lowered_arguments(low, op))
    if [v.type for v in new] != [convert_type(v.type, op) for v in outputs]:
        unsupported(
            op,
            "convert-to-llvm: expected a cast between a type and its lowered form, got "
            f"{', '.join(str(v.type) for v in inputs)} to "
            f"{', '.join(str(v.type) for v in outputs)}",
        )
    low.replace(op, *new)


HANDLERS: dict[str, Handler] = {
    "func.call": call,
    "func.return": return_op,
    "func.constant": function_pointer,
    "cf.br": branch,
    "cf.cond_br": conditional_branch,
    "cf.switch": switch,
    "cf.assert": assertion,
    "builtin.unrealized_conversion_cast": conversion_cast,
}
