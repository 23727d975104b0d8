"""The llvm dialect as LLVM IR text: `br-opt -t llvmir`.

Text, because LLVM's own parser then checks every line, and because it can say what the
llvm dialect of xDSL cannot build through llvmlite: linkage, alignment, any intrinsic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from xdsl.context import Context
from xdsl.dialects import llvm
from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseIntOrFPElementsAttr,
    DictionaryAttr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    UnitAttr,
)
from xdsl.ir import Attribute, Operation
from xdsl.utils.hints import isa
from xdsl.utils.target import Target as TextTarget

from brdialect.errors import unsupported
from brdialect.gpu_ops import THREADS
from brdialect.target import Target, target_of
from passes.llvm.intrinsics import known_intrinsic
from passes.llvm.ir_function import METADATA, FunctionText
from passes.llvm.ir_instructions import LITERALS, symbol_text
from passes.llvm.ir_values import bytes_text, constant_text, data_text, type_text

_PARAMETER_NUMBERS = {
    "llvm.align": "align {}",
    "llvm.dereferenceable": "dereferenceable({})",
    "llvm.dereferenceable_or_null": "dereferenceable_or_null({})",
}
_PARAMETER_FLAGS = {
    f"llvm.{name}": name
    for name in (
        *("noalias", "nofree", "nonnull", "noundef", "readnone", "readonly"),
        *("writeonly", "signext", "zeroext", "inreg", "returned"),
    )
} | {"llvm.nocapture": "captures(none)"}

_FUNCTION_FLAGS = {
    "no_inline": "noinline",
    "no_unwind": "nounwind",
    "optimize_none": "optnone",
}
_VISIBILITY = {1: " hidden", 2: " protected"}


def parameter_attributes(attrs: DictionaryAttr | None, op: Operation) -> str:
    """` noalias align 64`; attributes of other dialects mean nothing to LLVM."""
    text = ""
    if attrs is None:
        return text
    for name, value in attrs.data.items():
        if name in _PARAMETER_FLAGS:
            text += f" {_PARAMETER_FLAGS[name]}"
        elif name in _PARAMETER_NUMBERS and isinstance(value, IntegerAttr):
            text += f" {_PARAMETER_NUMBERS[name].format(value.value.data)}"
        elif name.startswith("llvm."):
            known = ", ".join((*_PARAMETER_FLAGS, *_PARAMETER_NUMBERS))
            unsupported(op, f"LLVM IR: expected one of {known}, got {name}")
    return text


def function_attributes(op: llvm.FuncOp, target: Target) -> str:
    """What an attribute group holds: the machine, and what the function asks for."""
    parts = [text for name, text in _FUNCTION_FLAGS.items() if name in op.properties]
    if op.body.blocks:
        parts += ["nounwind"] if "nounwind" not in parts else []
        parts.append(f'"target-cpu"="{target.cpu}"')
        if target.features:
            parts.append(f'"target-features"="{target.features}"')
        if isinstance(threads := op.attributes.get(THREADS), IntegerAttr):
            # ptxas gives out registers for blocks of this size
            parts.append(f'"nvvm.maxntid"="{threads.value.data}"')
        if not target.is_gpu:
            # LLVM would split wide vectors on CPUs where it prefers narrow ones
            parts.append(f'"prefer-vector-width"="{8 * target.vector_bytes}"')
    for entry in op.passthrough or ():
        if isinstance(entry, StringAttr):
            parts.append(entry.data)
        elif isa(entry, ArrayAttr):
            key, value = (e.data for e in entry.data if isinstance(e, StringAttr))
            parts.append(f'"{key}"="{value}"')
        else:
            unsupported(op, f"LLVM IR: expected strings in passthrough, got {entry}")
    return " ".join(parts)


class ModuleText:
    """Collects the parts of a module."""

    def __init__(self, module: ModuleOp) -> None:
        self.target = target_of(module)
        self.globals: list[str] = []
        self.functions: list[str] = []
        self.intrinsics: dict[str, str] = {}
        self.metadata = list(METADATA)
        self.groups: dict[str, int] = {}
        for op in module.body.ops:
            if isinstance(op, llvm.FuncOp):
                self.function(op)
            elif isinstance(op, llvm.GlobalOp):
                self.global_(op)
            else:
                unsupported(
                    op,
                    "LLVM IR: expected llvm.func and llvm.mlir.global in the module, "
                    f"got '{op.name}'; run -p lower-to-cpu first",
                )

    def function(self, op: llvm.FuncOp) -> None:
        """A definition or a declaration."""
        t, defined = op.function_type, bool(op.body.blocks)
        name = op.sym_name.data
        if name.startswith("llvm.") and (defined or known_intrinsic(name) is None):
            unsupported(
                op,
                "LLVM IR: expected the name of a function, or of an intrinsic out of "
                f"passes/llvm/intrinsics.py that has no body, got @{name}",
            )
        text = FunctionText(op, self.intrinsics, self.metadata)
        empty = (None,) * len(t.inputs)
        arguments = [
            f"{type_text(each)}{parameter_attributes(attrs, op)}"
            for each, attrs in zip(t.inputs, op.arg_attrs or empty, strict=True)
        ]
        if defined:
            arguments = [
                f"{argument} {text.names[value]}"
                for argument, value in zip(
                    arguments, op.body.blocks[0].args, strict=True
                )
            ]
        if t.is_variadic:
            arguments.append("...")
        linkage = op.linkage.linkage.data
        head = f" {linkage}" if linkage != "external" else ""
        head += _VISIBILITY.get(op.visibility_.value.data, "")
        if (convention := op.CConv.cconv_name) != "ccc":
            head += f" {convention}"
        if THREADS in op.attributes:
            head += " ptx_kernel"
        results = parameter_attributes(op.res_attrs.data[0], op) if op.res_attrs else ""
        head += f"{results} {type_text(t.output)} {symbol_text(name)}"
        line = f"{head}({', '.join(arguments)}){self._group(op)}"
        if defined:
            self.functions += [f"define{line} {{", *text.text(), "}", ""]
        else:
            self.functions += [f"declare{line}", ""]

    def _group(self, op: llvm.FuncOp) -> str:
        attributes = function_attributes(op, self.target)
        if not attributes:
            return ""
        return f" #{self.groups.setdefault(attributes, len(self.groups))}"

    def global_(self, op: llvm.GlobalOp) -> None:
        """A variable or constant."""
        value, linkage = initial_value(op), op.linkage.linkage.data
        parts = [linkage] if linkage != "external" or value is None else []
        if op.unnamed_addr is not None and op.unnamed_addr.value.data:
            parts.append(llvm.UNNAMED_ADDR_KEYWORD_BY_KEY[op.unnamed_addr.value.data])
        if space := op.addr_space.value.data:
            parts.append(f"addrspace({space})")
        parts.append("constant" if isinstance(op.constant, UnitAttr) else "global")
        parts.append(value if value is not None else type_text(op.global_type))
        line = f"{symbol_text(op.sym_name.data)} = {' '.join(parts)}"
        if op.section is not None:
            line += f', section "{op.section.data}"'
        if op.alignment is not None:
            line += f", align {op.alignment.value.data}"
        self.globals.append(line)

    def __str__(self) -> str:
        groups = [f"attributes #{n} = {{ {text} }}" for text, n in self.groups.items()]
        parts = (
            [f'target triple = "{self.target.triple}"', ""],
            [*self.globals, ""] if self.globals else [],
            self.functions,
            [*self.intrinsics.values(), ""] if self.intrinsics else [],
            groups,
            [f"!{n} = {text}" for n, text in enumerate(self.metadata)]
            if any(", !" in line for line in self.functions)
            else [],
        )
        return "\n".join(line for part in parts for line in part) + "\n"


def initial_value(op: llvm.GlobalOp) -> str | None:
    """The initial value with its type; None for a global that is defined elsewhere."""
    value, t = op.value, op.global_type
    if isa(value, DenseIntOrFPElementsAttr):
        return data_text(value, t)
    if isinstance(value, StringAttr):
        return bytes_text(value.data.encode())
    if isinstance(value, Attribute):
        return f"{type_text(t)} {constant_text(value)}"
    if not op.body.blocks:
        return None
    returned = op.body.blocks[0].last_op
    source = returned.operands[0].owner if returned and returned.operands else None
    if not isinstance(source, Operation) or source.name not in LITERALS:
        unsupported(op, "LLVM IR: expected a global that returns one constant")
    return f"{type_text(t)} {LITERALS[source.name](source)}"


def llvm_ir(module: ModuleOp) -> str:
    """The module, which must be in the llvm dialect, as LLVM IR text."""
    return str(ModuleText(module))


@dataclass(frozen=True)
class LLVMIRTarget(TextTarget):
    """`-t llvmir`: LLVM IR text."""

    name = "llvmir"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        output.write(llvm_ir(module))
