"""Arguments that hold the state of a program: what one call returns the next one takes.

    func.func @f(%x: tensor<8x4xf32>, %w: tensor<4x3xf32> {br.state = 1})
        -> (tensor<f32>, tensor<4x3xf32>)

Result 1 of a call is argument 1 of the next, so the code may choose how it lies in
memory (pack_state.py), and writes the new one where the old one was (bufferize.py).
Whoever calls the code gives the same memory for both and asks the interface for the
layout.
"""

from __future__ import annotations

from collections.abc import Mapping

from xdsl.dialects.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DictionaryAttr,
    IntegerAttr,
    i64,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from brdialect.errors import unsupported
from brdialect.interface import Panels
from brdialect.roles import Blocked, Linear, forms_of

STATE = "br.state"
"""The attribute of an argument: the number of the result that takes its place."""

LAYOUT = "br.layout"
"""Beside it, where the state lies in panels: the map of the array as it came in to the
dimensions of the one that the code takes."""


def marks_of(function: FuncOp) -> list[Mapping[str, Attribute]]:
    """The attributes of each argument."""
    if function.arg_attrs is None:
        return [{} for _ in function.function_type.inputs.data]
    return [marks.data for marks in function.arg_attrs.data]


def mark(function: FuncOp, argument: int, name: str, attribute: Attribute) -> None:
    """Adds an attribute to an argument."""
    marks = [dict(m) for m in marks_of(function)]
    marks[argument][name] = attribute
    function.arg_attrs = ArrayAttr(DictionaryAttr(m) for m in marks)


def mark_state(function: FuncOp, pairs: Mapping[int, int]) -> None:
    """Marks arguments, by number, as the state that results, by number, go on from."""
    for argument, result in pairs.items():
        mark(function, argument, STATE, IntegerAttr(result, i64))


def state_of(function: FuncOp) -> dict[int, int]:
    """The result that takes the place of each argument that is state."""
    found: dict[int, int] = {}
    results = function.function_type.outputs.data
    for i, marks in enumerate(marks_of(function)):
        number = marks.get(STATE)
        if number is None:
            continue
        type_ = function.function_type.inputs.data[i]
        if not isinstance(number, IntegerAttr):
            unsupported(function, f"expected {STATE} = NUMBER, got {number}")
        result = number.value.data
        if not 0 <= result < len(results) or results[result] != type_:
            unsupported(
                function,
                f"expected argument {i} with {STATE} = {result} to have the type of "
                f"a result of that number, {type_}; there are {len(results)}",
            )
        if result in found.values():
            unsupported(function, f"expected one argument with {STATE} = {result}")
        found[i] = result
    return found


def mark_panels(function: FuncOp, argument: int, panels: Panels) -> None:
    """Says that an argument has come to lie in panels."""
    rank = 1 + len(panels.others)
    cut = AffineExpr.dimension(panels.cut)
    middle = [AffineExpr.dimension(d) for d in panels.others]
    results = (cut // panels.size, *middle, cut % panels.size)
    mark(function, argument, LAYOUT, AffineMapAttr(AffineMap(rank, 0, results)))


def panels_of(marks: Mapping[str, Attribute]) -> Panels | None:
    """The panels that the attributes of an argument say; None where it is row-major."""
    layout = marks.get(LAYOUT)
    forms = forms_of(layout.data) if isinstance(layout, AffineMapAttr) else None
    if forms is None:
        return None
    last = forms[-1]
    others = [f.plain for f in forms if isinstance(f, Linear) and f.plain is not None]
    assert isinstance(last, Blocked)
    return Panels(last.iterator, others, last.block)


def is_next_state(value: SSAValue) -> bool:
    """Whether a function returns the value as state of the next call."""
    for use in value.uses:
        function = use.operation.parent_op()
        if isinstance(use.operation, ReturnOp) and isinstance(function, FuncOp):
            if use.index in state_of(function).values():
                return True
    return False
