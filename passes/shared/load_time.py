"""Which values are known when a model is loaded: constants, bound arguments, and all
that is computed from them alone."""

from __future__ import annotations

from math import prod

from xdsl.dialects import arith
from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseIntOrFPElementsAttr,
    DictionaryAttr,
    FloatAttr,
    IntegerAttr,
    TensorType,
    i64,
)
from xdsl.dialects.func import FuncOp
from xdsl.dialects.linalg.ops import FillOp
from xdsl.dialects.tensor import EmptyOp
from xdsl.ir import Block, BlockArgument, Operation, SSAValue

BOUND = "br.bound"
"""The attribute of an argument whose array is given once, at load time."""

CONSTANT = "br.constant"
"""The attribute of an argument of a load function: the constant it stands for."""


def is_bound(argument: BlockArgument) -> bool:
    """Whether the function's argument carries `br.bound`."""
    function = argument.block.parent_op()
    if not isinstance(function, FuncOp) or function.arg_attrs is None:
        return False
    attributes = function.arg_attrs.data[argument.index]
    return BOUND in attributes.data


def bind(function: FuncOp, index: int) -> None:
    """Marks an argument as given at load time, `{br.bound = index}`."""
    none = [DictionaryAttr({})] * len(function.body.block.args)
    new = list(function.arg_attrs.data) if function.arg_attrs else none
    new[index] = DictionaryAttr({**new[index].data, BOUND: IntegerAttr(index, i64)})
    function.arg_attrs = ArrayAttr(new)


def is_load_time(value: SSAValue, known: dict[SSAValue, bool] | None = None) -> bool:
    """Whether `value` depends on nothing that changes from call to call. `known` keeps
    what is found for the next question."""
    known = {} if known is None else known
    stack = [value]
    while stack:  # a network is deeper than Python lets functions call each other
        top = stack[-1]
        sources = sources_of(top)
        if sources is None:
            known[top] = _is_load_time_source(top)
        elif any(known.get(v) is False for v in sources):
            known[top] = False
        elif missing := next((v for v in sources if v not in known), None):
            stack.append(missing)
            continue
        else:
            known[top] = True
        stack.pop()
    return known[value]


def sources_of(value: SSAValue) -> list[SSAValue] | None:
    """What a tensor is computed of; None for an argument, a constant, a scalar."""
    owner = value.owner
    if isinstance(value, BlockArgument) or isinstance(owner, arith.ConstantOp):
        return None
    assert isinstance(owner, Operation)
    if not all(map(is_tensor, owner.results)):
        return None
    return used_by(owner)


def _is_load_time_source(value: SSAValue) -> bool:
    if isinstance(value, BlockArgument):
        return is_bound(value)
    owner = value.owner
    assert isinstance(owner, Operation)
    # scalars are computed where they are used
    return isinstance(owner, arith.ConstantOp) or not (owner.operands or owner.regions)


def is_cheap(value: SSAValue) -> bool:
    """Whether to make the value anew in each call: empty, or one number throughout."""
    owner = value.owner
    if isinstance(owner, FillOp):
        return isinstance(owner.outputs[0].owner, EmptyOp)
    return isinstance(owner, EmptyOp) or is_splat(owner)


def is_splat(op: object) -> bool:
    """Whether the op is a tensor constant of one number."""
    return splat_value(op) is not None


def splat_value(op: object) -> IntegerAttr | FloatAttr | None:
    """The one number of a tensor constant, if it has no other."""
    if not isinstance(op, arith.ConstantOp):
        return None
    constant = op.value
    if not isinstance(constant, DenseIntOrFPElementsAttr):
        return None
    bits, count = constant.data.data, prod(constant.get_shape())
    # by its bits, where -0.0 is not 0.0
    if count == 0 or bits != bits[: len(bits) // count] * count:
        return None
    return next(iter(constant.iter_attrs()))


def is_tensor(value: SSAValue) -> bool:
    """Whether the value is a tensor. Other values are computed where they are used, and
    stay what they are on memory."""
    return isinstance(value.type, TensorType)


def used_by(op: Operation) -> list[SSAValue]:
    """What the op uses, in its regions, too."""
    return [*op.operands, *captured(op)]


def captured(op: Operation) -> list[SSAValue]:
    """The values its regions use from outside."""
    inside: set[Block] = {b for r in op.regions for b in r.blocks}
    ops = [inner for region in op.regions for inner in region.walk()]
    inside.update(b for inner in ops for r in inner.regions for b in r.blocks)
    found: dict[SSAValue, None] = {}
    for inner in ops:
        for operand in inner.operands:
            owner = operand.owner
            # its exact type: asking for a class of xDSL's costs as much as all the rest
            block = owner if type(owner) is Block else owner.parent
            if block not in inside:
                found[operand] = None
    return list(found)
