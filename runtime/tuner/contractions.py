"""The contractions of a program, each alone in a module of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import arith, func, tensor
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Block, Region, SSAValue

from brdialect.ops import ContractOp
from brdialect.target import Target
from passes.schedule.op_signature import signature
from passes.schedule.schedule_problem import Problem, problem_of
from passes.shared.build import clone_op
from passes.shared.linalg_match import pad_with_zeros, zero_padding
from passes.shared.load_time import captured, is_load_time


@dataclass(frozen=True)
class Work:
    """One contraction to find a schedule for."""

    key: str
    """Its signature."""

    module: ModuleOp
    """`@main` is the contraction with its epilogue on arguments, without a schedule."""

    at_load: tuple[int, ...]
    """The arguments that are given when the program is loaded."""

    problem: Problem
    flops: int
    """Of one contraction."""

    count: int = 1
    """How often it occurs."""

    @property
    def weight(self) -> int:
        """Floating-point operations in all of its occurrences."""
        return self.flops * self.count


def contractions_of(module: ModuleOp, target: Target) -> list[Work]:
    """The contractions of a module after fusion, one for each signature, the heaviest
    first. Those with a schedule written by hand are left out."""
    found: dict[str, Work] = {}
    for op in [o for o in module.walk() if isinstance(o, ContractOp)]:
        key = signature(op)
        if key is None or op.schedule is not None:
            continue
        if key in found:
            found[key] = replace(found[key], count=found[key].count + 1)
            continue
        alone, at_load = alone_in_module(op)
        problem = problem_of(op, target)
        flops = 2 * prod(problem.table.extents)
        found[key] = Work(key, alone, at_load, problem, flops)
    return sorted(found.values(), key=lambda w: (-w.weight, w.key))


def alone_in_module(op: ContractOp) -> tuple[ModuleOp, tuple[int, ...]]:
    """A module whose `@main` takes what the contraction reads, a without zeros around
    it, and returns what it computes; and the arguments that its program knows when it
    is loaded."""
    padding = zero_padding(op.a)
    first = op.a if padding is None else padding.source
    values = list(dict.fromkeys([first, *op.operands[1:], *captured(op)]))
    made = [v for v in values if isinstance(v.owner, arith.ConstantOp) and is_scalar(v)]
    if not op.beta_value and op.c not in (op.a, op.b, *op.extras):
        made.append(op.c)  # not read
    inputs = [v for v in values if v not in made]
    block = Block(arg_types=[v.type for v in inputs])
    known: dict[SSAValue, SSAValue] = dict(zip(inputs, block.args, strict=True))
    with ImplicitBuilder(block):
        for v in made:
            if isinstance(v.owner, arith.ConstantOp) and is_scalar(v):
                clone_op(v.owner, known)
            else:
                known[v] = tensor.EmptyOp((), v.type).tensor
        if padding is not None:
            known[op.a] = pad_with_zeros(known[first], padding.low, padding.high)
        clone_op(op, known)
        func.ReturnOp(known[op.results[0]])
    types = [v.type for v in inputs], [op.results[0].type]
    at_load = tuple(i for i, v in enumerate(inputs) if is_weight(v))
    return ModuleOp([func.FuncOp("main", types, Region(block))]), at_load


def is_scalar(value: SSAValue) -> bool:
    """Whether the value is no tensor."""
    return not isinstance(value.type, TensorType)


def is_weight(value: SSAValue) -> bool:
    """Whether the value is a tensor that is known when the program is loaded."""
    return not is_scalar(value) and is_load_time(value)
