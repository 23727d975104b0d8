"""Cuts a module into several that can be lowered at the same time.

    func.func @main(%x) { call @a(%x); call @b(%x) }
    func.func private @a(%x) {..}
    func.func private @b(%x) {..}
    ->
    func.func @b(%x) {..}
    -----
    func.func @main(%x) { call @a(%x); call @b(%x) }
    func.func private @a(%x) {..}
    func.func private @b(%x)

What `outline-nests` has made are such functions; they hold nearly all of the work.
"""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, SymbolRefAttr
from xdsl.ir import Region

from brdialect.ops import ContractOp


def stands_alone(function: func.FuncOp) -> bool:
    """Whether a private function with a body refers to nothing else in its module."""
    return (
        function.sym_visibility is not None
        and function.sym_visibility.data == "private"
        and bool(function.body.blocks)
        and not function.attributes
        and not any(
            isinstance(attribute, SymbolRefAttr)
            for op in function.body.walk()
            for attribute in (*op.properties.values(), *op.attributes.values())
        )
    )


def has_contraction(function: func.FuncOp) -> bool:
    """Whether it becomes a nest with micro-kernels, many times as long as others."""
    return any(isinstance(op, ContractOp) for op in function.body.walk())


def contractions(module: ModuleOp) -> int:
    """How many functions have contractions."""
    return sum(isinstance(op, func.FuncOp) and has_contraction(op) for op in module.ops)


def split_module(module: ModuleOp, parts: int) -> list[ModuleOp]:
    """The parts, each with about as much work; the last is what is left of `module`,
    and calls functions of the others."""
    alone = [
        op for op in module.ops if isinstance(op, func.FuncOp) and stands_alone(op)
    ]
    alone.sort(key=has_contraction)  # alike functions go to different parts
    return [*(_taken(module, alone[i::parts]) for i in range(1, parts)), module]


def _taken(module: ModuleOp, functions: list[func.FuncOp]) -> ModuleOp:
    """The functions in a module of their own, declared where they stood."""
    part = ModuleOp([], module.attributes)
    for function in functions:
        declaration = func.FuncOp(
            function.sym_name.data,
            function.function_type,
            Region(),
            visibility="private",
            arg_attrs=function.arg_attrs,
        )
        module.body.block.insert_op_before(declaration, function)
        function.detach()
        function.sym_visibility = None
        part.body.block.add_op(function)
    return part
