"""Functions, loops and branches."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from xdsl.dialects import cf, func, scf
from xdsl.ir import Region

from brdialect.errors import BrError, unsupported
from brdialect.reference.machine import Frame, Handler, run_function_body
from brdialect.reference.values import Value


def call(frame: Frame, op: func.CallOp, args: Sequence[Value]) -> Sequence[Value]:
    """Runs a function of the module."""
    name = op.callee.string_value()
    callee = frame.machine.symbol(op, name)
    if not isinstance(callee, func.FuncOp) or not callee.body.blocks:
        unsupported(op, f"expected @{name} to be a function with a body, got none")
    return call_function(Frame(frame.machine), callee, args)


def call_function(
    frame: Frame, callee: func.FuncOp, args: Sequence[Value]
) -> Sequence[Value]:
    """Runs a function's body in its own frame; its results."""
    if len(callee.body.blocks) != 1:
        unsupported(
            callee,
            f"expected a body of one block, got {len(callee.body.blocks)}; "
            "run it before convert-scf-to-cf",
        )
    return run_function_body(frame, callee.body.block, args)


def for_loop(frame: Frame, op: scf.ForOp, args: Sequence[Value]) -> Sequence[Value]:
    """The loop-carried values after the last iteration."""
    low, high, step, *carried = args
    if step <= 0:
        raise BrError(f"expected a step of 1 or more, got {step}")
    for i in range(int(low), int(high), int(step)):
        carried = frame.run(op.body.block, (type(low)(i), *carried))
    return carried


def while_loop(frame: Frame, op: scf.WhileOp, args: Sequence[Value]) -> Sequence[Value]:
    """Runs `after` as long as `before` says so."""
    while True:
        go_on, *values = frame.run(op.before_region.block, args)
        if not go_on:
            return values
        args = frame.run(op.after_region.block, values)


def if_(frame: Frame, op: scf.IfOp, args: Sequence[Value]) -> Sequence[Value]:
    """One of two regions."""
    region: Region = op.true_region if args[0] else op.false_region
    return frame.run(region.block) if region.blocks else ()


def execute_region(
    frame: Frame, op: scf.ExecuteRegionOp, args: Sequence[Value]
) -> Sequence[Value]:
    """The region, once."""
    return frame.run(op.region.block)


def index_switch(
    frame: Frame, op: scf.IndexSwitchOp, args: Sequence[Value]
) -> Sequence[Value]:
    """The region of the matching case."""
    cases = [int(case) for case in op.cases.get_values()]
    if int(args[0]) in cases:
        return frame.run(op.case_regions[cases.index(int(args[0]))].block)
    return frame.run(op.default_region.block)


def parallel(
    frame: Frame, op: scf.ParallelOp, args: Sequence[Value]
) -> Sequence[Value]:
    """The iterations one after the other, in row-major order."""
    rank = len(op.lowerBound)
    low, high, step = args[:rank], args[rank : 2 * rank], args[2 * rank : 3 * rank]
    results = list(args[3 * rank :])
    reduce = op.body.block.last_op
    assert isinstance(reduce, scf.ReduceOp)
    ranges = [
        range(int(a), int(b), int(s)) for a, b, s in zip(low, high, step, strict=True)
    ]
    for point in itertools.product(*ranges):
        terms = frame.run(op.body.block, [np.int64(i) for i in point])
        for i, (region, term) in enumerate(zip(reduce.reductions, terms, strict=True)):
            (results[i],) = frame.run(region.block, (results[i], term))
    return results


def assert_(frame: Frame, op: cf.AssertOp, args: Sequence[Value]) -> Sequence[Value]:
    """Stops the program where the condition is false."""
    if not np.all(args[0]):
        raise BrError(f"the program's assertion failed: {op.msg.data}")
    return ()


HANDLERS: dict[str, Handler] = {
    "func.call": call,
    "scf.for": for_loop,
    "scf.while": while_loop,
    "scf.if": if_,
    "scf.execute_region": execute_region,
    "scf.index_switch": index_switch,
    "scf.parallel": parallel,
    "cf.assert": assert_,
}
