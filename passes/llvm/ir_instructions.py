"""LLVM IR text of each operation of the llvm dialect: two tables, and functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from xdsl.dialects import llvm
from xdsl.dialects.builtin import (
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    IntegerAttr,
    IntegerType,
    ModuleOp,
    StringAttr,
    SymbolRefAttr,
)
from xdsl.ir import Block, Operation
from xdsl.utils.hints import isa

from brdialect.errors import unsupported
from brdialect.llvm_ops import AtomicRMWOp
from brdialect.target import target_of
from passes.llvm.ir_values import constant_text, type_text, zero_text

if TYPE_CHECKING:
    from passes.llvm.ir_function import FunctionText

Instruction = Callable[["FunctionText", Operation], None]

_FLAG_ORDER = ("reassoc", "nnan", "ninf", "nsz", "arcp", "contract", "afn")
_OVERFLOW = {0: "", 1: " nsw", 2: " nuw", 3: " nuw nsw"}


def flags_of(op: Operation) -> str:
    """` fast`, ` nnan nsz`, ` nsw`, ` exact`, ... with a blank before each"""
    text = ""
    for name, value in op.properties.items():
        if isinstance(value, llvm.FastMathAttr) and value.data:
            names = {str(flag.value) for flag in value.data}
            given = [flag for flag in _FLAG_ORDER if flag in names]
            text += " fast" if len(given) == len(_FLAG_ORDER) else f" {' '.join(given)}"
        elif name == "overflowFlags":
            number = value.value.data if isinstance(value, IntegerAttr) else 0
            if isinstance(value, llvm.OverflowAttr):
                number = value.to_int()
            text += _OVERFLOW[number]
        elif name == "isExact":
            text += " exact"
        elif name == "isDisjoint":
            text += " disjoint"
        elif name == "nonNeg":
            text += " nneg"
    return text


def symbol_text(name: str) -> str:
    """`@name`, quoted where LLVM asks for it"""
    plain = name.replace("_", "a").replace(".", "a").replace("$", "a")
    if plain.isascii() and plain.isalnum() and not name[0].isdigit():
        return f"@{name}"
    return "@" + '"' + name.replace("\\", "\\5C").replace('"', "\\22") + '"'


def _binary(opcode: str) -> Instruction:
    def write(text: FunctionText, op: Operation) -> None:
        x, y = op.operands
        text.write(op, f"{opcode}{flags_of(op)} {text.typed(x)}, {text.names[y]}")

    return write


def _cast(opcode: str) -> Instruction:
    def write(text: FunctionText, op: Operation) -> None:
        result = type_text(op.results[0].type)
        text.write(
            op, f"{opcode}{flags_of(op)} {text.typed(op.operands[0])} to {result}"
        )

    return write


def _number(op: Operation, name: str) -> int:
    attr = op.properties.get(name)
    return attr.value.data if isinstance(attr, IntegerAttr) else 0


def _numbers(op: Operation, name: str) -> tuple[int, ...]:
    attr = cast("DenseArrayBase[IntegerType]", op.properties[name])
    return tuple(attr.iter_values())


def _alignment(op: Operation) -> str:
    number = _number(op, "alignment")
    return f", align {number}" if number else ""


def _compare(opcode: str, predicates: Sequence[str]) -> Instruction:
    def write(text: FunctionText, op: Operation) -> None:
        x, y = op.operands
        predicate = predicates[_number(op, "predicate")]
        text.write(
            op, f"{opcode}{flags_of(op)} {predicate} {text.typed(x)}, {text.names[y]}"
        )

    return write


def _all_typed(opcode: str) -> Instruction:
    """select, insertelement, extractelement, ...: every operand with its type"""

    def write(text: FunctionText, op: Operation) -> None:
        operands = ", ".join(text.typed(v) for v in op.operands)
        text.write(op, f"{opcode}{flags_of(op)} {operands}")

    return write


def _shuffle(text: FunctionText, op: Operation) -> None:
    mask = _numbers(op, "mask")
    lanes = ", ".join("i32 poison" if i < 0 else f"i32 {i}" for i in mask)
    x, y = op.operands
    vector = f"<{len(mask)} x i32>"
    text.write(
        op, f"shufflevector {text.typed(x)}, {text.typed(y)}, {vector} <{lanes}>"
    )


def _aggregate(opcode: str) -> Instruction:
    def write(text: FunctionText, op: Operation) -> None:
        operands = ", ".join(text.typed(v) for v in op.operands)
        at = ", ".join(str(i) for i in _numbers(op, "position"))
        text.write(op, f"{opcode} {operands}, {at}")

    return write


def _gep(text: FunctionText, op: Operation) -> None:
    pointer, *dynamic = op.operands
    rest = iter(dynamic)
    indices = [
        text.typed(next(rest)) if i == llvm.GEP_USE_SSA_VAL else f"i32 {i}"
        for i in _numbers(op, "rawConstantIndices")
    ]
    inbounds = "inbounds" in op.properties or _number(op, "noWrapFlags") & 1
    flags = " inbounds" if inbounds else ""
    element = type_text(op.properties["elem_type"])
    text.write(
        op,
        f"getelementptr{flags} {element}, {text.typed(pointer)}, {', '.join(indices)}",
    )


def _alloca(text: FunctionText, op: Operation) -> None:
    element = type_text(op.properties["elem_type"])
    size = text.typed(op.operands[0])
    text.write(op, f"alloca {element}, {size}{_alignment(op)}")


def _plain_access(op: Operation) -> str:
    if _number(op, "ordering"):
        unsupported(op, "LLVM IR: expected a plain load or store, got an atomic one")
    return " volatile" if "volatile_" in op.properties else ""


def _load(text: FunctionText, op: Operation) -> None:
    result = type_text(op.results[0].type)
    pointer = text.typed(op.operands[0])
    text.write(op, f"load{_plain_access(op)} {result}, {pointer}{_alignment(op)}")


def _store(text: FunctionText, op: Operation) -> None:
    value, pointer = (text.typed(v) for v in op.operands)
    hint = ", !nontemporal !0" if "nontemporal" in op.properties else ""
    text.write(op, f"store{_plain_access(op)} {value}, {pointer}{_alignment(op)}{hint}")


def _atomic(text: FunctionText, op: Operation) -> None:
    code = (_number(op, "bin_op"), _number(op, "ordering"))
    if code != (AtomicRMWOp.ADD, AtomicRMWOp.MONOTONIC):
        unsupported(op, "LLVM IR: expected an atomic add in no order, got another")
    pointer, value = (text.typed(v) for v in op.operands)
    text.write(op, f"atomicrmw add {pointer}, {value} monotonic")


def _masked_load(text: FunctionText, op: Operation) -> None:
    pointer, mask, *rest = text.pairs(op.operands)
    if not rest:
        rest = [(type_text(op.results[0].type), "poison")]
    align = ("i32", str(_number(op, "alignment")))
    text.call_intrinsic(op, "llvm.masked.load", [pointer, align, mask, *rest])


def _masked_store(text: FunctionText, op: Operation) -> None:
    value, pointer, mask = text.pairs(op.operands)
    align = ("i32", str(_number(op, "alignment")))
    text.call_intrinsic(op, "llvm.masked.store", [value, pointer, align, mask])


def _intrinsic(text: FunctionText, op: Operation) -> None:
    text.call_intrinsic(op, cast(StringAttr, op.properties["intrin"]).data)


def _inline_asm(text: FunctionText, op: Operation) -> None:
    module = op.get_toplevel_object()
    if not (isinstance(module, ModuleOp) and target_of(module).is_gpu):
        # LLVM would end the process
        unsupported(op, "LLVM IR: expected assembly in kernels of a GPU only")
    code, constraints = (
        _quoted(cast(StringAttr, op.properties[name]).data)
        for name in ("asm_string", "constraints")
    )
    result = type_text(op.results[0].type) if op.results else "void"
    effects = " sideeffect" if "has_side_effects" in op.properties else ""
    joined = ", ".join(text.typed(v) for v in op.operands)
    # as far as anybody knows, all threads have to come by together
    call = f"call {result} asm{effects} {code}, {constraints}({joined}) convergent"
    text.write(op, call)


def _quoted(text: str) -> str:
    """A string as LLVM writes it."""
    for character in '\\"\n':
        text = text.replace(character, f"\\{ord(character):02X}")
    return f'"{text}"'


def _call(text: FunctionText, op: Operation) -> None:
    assert isinstance(op, llvm.CallOp)
    arguments = list(op.args)
    if op.callee is None:
        callee = text.names[arguments.pop(0)]
    else:
        callee = symbol_text(op.callee.string_value())
    result = op.returned.type if op.returned is not None else llvm.LLVMVoidType()
    if op.var_callee_type is not None:
        result = op.var_callee_type
    convention = op.CConv.cconv_name
    prefix = f" {convention}" if convention != "ccc" else ""
    joined = ", ".join(text.typed(v) for v in arguments)
    text.write(op, f"call{flags_of(op)}{prefix} {type_text(result)} {callee}({joined})")


def _return(text: FunctionText, op: Operation) -> None:
    text.write(op, f"ret {text.typed(op.operands[0])}" if op.operands else "ret void")


def _branch(text: FunctionText, op: Operation) -> None:
    block = cast(Block, op.parent)
    edge = text.edge(block, op.successors[0], op.operands)
    text.write(op, f"br {edge}{text.loop_hint(op)}")


def _conditional_branch(text: FunctionText, op: Operation) -> None:
    assert isinstance(op, llvm.CondBrOp)
    block = cast(Block, op.parent)
    then = text.edge(block, op.then_block, op.then_arguments)
    other = text.edge(block, op.else_block, op.else_arguments)
    hint = text.loop_hint(op)
    text.write(op, f"br {text.typed(op.cond)}, {then}, {other}{hint}")


def _switch(text: FunctionText, op: Operation) -> None:
    block = cast(Block, op.parent)
    defaults = _numbers(op, "operandSegmentSizes")[1]
    rest = list(op.operands[1:])
    default = text.edge(block, op.successors[0], rest[:defaults])
    rest = rest[defaults:]
    values = op.properties.get("case_values")
    numbers = list(values.get_values()) if isa(values, DenseIntOrFPElementsAttr) else []
    flag, cases = op.operands[0], ""
    segments = _numbers(op, "case_operand_segments")
    for number, target, count in zip(numbers, op.successors[1:], segments, strict=True):
        label = text.edge(block, target, rest[:count])
        rest = rest[count:]
        cases += f" {type_text(flag.type)} {number}, {label}"
    text.write(op, f"switch {text.typed(flag)}, {default} [{cases} ]")


def _address_of(op: Operation) -> str:
    name = op.properties["global_name"]
    assert isinstance(name, SymbolRefAttr)
    return symbol_text(name.string_value())


LITERALS: dict[str, Callable[[Operation], str]] = {
    "llvm.mlir.constant": lambda op: constant_text(op.properties["value"]),
    "llvm.mlir.undef": lambda op: "undef",
    "llvm.mlir.poison": lambda op: "poison",
    "llvm.mlir.zero": lambda op: zero_text(op.results[0].type),
    "llvm.mlir.addressof": _address_of,
}
"""Operations without an instruction: they are written out wherever they are used."""

_BINARY = (
    *("add", "sub", "mul", "udiv", "sdiv", "urem", "srem", "and", "or", "xor"),
    *("shl", "lshr", "ashr", "fadd", "fsub", "fmul", "fdiv", "frem"),
)
_CASTS = (
    *("trunc", "zext", "sext", "fpext", "fptrunc", "fptosi", "fptoui", "sitofp"),
    *("uitofp", "bitcast", "ptrtoint", "inttoptr", "addrspacecast"),
)

INSTRUCTIONS: dict[str, Instruction] = {
    **{f"llvm.{opcode}": _binary(opcode) for opcode in _BINARY},
    **{f"llvm.{opcode}": _cast(opcode) for opcode in _CASTS},
    "llvm.icmp": _compare("icmp", llvm.ALL_ICMP_FLAGS),
    "llvm.fcmp": _compare("fcmp", llvm.ALL_FCMP_FLAGS),
    "llvm.fneg": _all_typed("fneg"),
    "llvm.select": _all_typed("select"),
    "llvm.extractelement": _all_typed("extractelement"),
    "llvm.insertelement": _all_typed("insertelement"),
    "llvm.shufflevector": _shuffle,
    "llvm.extractvalue": _aggregate("extractvalue"),
    "llvm.insertvalue": _aggregate("insertvalue"),
    "llvm.getelementptr": _gep,
    "llvm.alloca": _alloca,
    "llvm.load": _load,
    "llvm.store": _store,
    "llvm.atomicrmw": _atomic,
    "llvm.intr.masked.load": _masked_load,
    "llvm.intr.masked.store": _masked_store,
    "llvm.call_intrinsic": _intrinsic,
    "llvm.inline_asm": _inline_asm,
    "llvm.call": _call,
    "llvm.return": _return,
    "llvm.br": _branch,
    "llvm.cond_br": _conditional_branch,
    "llvm.switch": _switch,
    "llvm.unreachable": lambda text, op: text.write(op, "unreachable"),
}
