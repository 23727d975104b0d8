"""What the launches of a recurrence are made of, forward and back in time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import gcd

from xdsl.builder import ImplicitBuilder
from xdsl.dialects import func, memref
from xdsl.dialects.builtin import DYNAMIC_INDEX, ArrayAttr, MemRefType, ModuleOp
from xdsl.dialects.linalg.attrs import IteratorTypeAttr
from xdsl.ir import Block, Region, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap
from xdsl.rewriter import InsertPoint

from brdialect.errors import unsupported
from brdialect.ops import ContractOp
from brdialect.recurrence_backward_op import RecurrenceBackwardOp
from brdialect.recurrence_op import RecurrenceOp
from brdialect.schedule import ScheduleAttr
from brdialect.target import Target
from passes.gpu.views import BASE_ALIGNMENT
from passes.memory.buffers import element_bytes
from passes.recurrent.recurrence_scratch import Areas
from passes.schedule.choose_schedule import gpu_schedule
from passes.schedule.schedule_problem import problem_of
from passes.shared.build import (
    Index,
    LocatedBuilder,
    add,
    memref_type,
    strided_type,
    value,
)

Dims = Sequence[tuple[int, int]]
"""Sizes and strides, in elements."""


def part_of(
    source: SSAValue, dims: Dims, start: Index = 0, multiple: int = 1
) -> SSAValue:
    """A view of a memref from element `start` on, which is a multiple of `multiple`
    where it is not known."""
    type_ = memref_type(source)
    own = type_.get_offset()
    assert own is not None and own != DYNAMIC_INDEX
    at = add(own, start)
    sizes, strides = [n for n, _ in dims], [s for _, s in dims]
    known = at if isinstance(at, int) else None
    view = memref.ReinterpretCastOp.from_dynamic(
        source,
        [at],
        sizes,
        strides,
        strided_type(type_.element_type, sizes, strides, known),
    ).result
    whole = gcd(own, multiple) if known is None else known
    bytes_ = whole * element_bytes(type_.element_type)
    return memref.AssumeAlignmentOp(view, gcd(bytes_, BASE_ALIGNMENT)).result


class Launcher:
    """Emits the launches of one recurrence, and the functions that become kernels.
    `areas`: what its scratch holds."""

    def __init__(
        self,
        op: RecurrenceOp | RecurrenceBackwardOp,
        module: ModuleOp,
        target: Target,
        areas: Areas,
    ) -> None:
        self.module, self.target = module, target
        self.location, self.sizes = op.location, op.sizes
        self.element = memref_type(op.y).element_type
        function = op.parent_op()
        if not isinstance(function, func.FuncOp):
            unsupported(
                op, "expected to be the only operation of a function; run outline-nests"
            )
        self.name = function.sym_name.data
        self.made: set[str] = set()
        places, size = areas
        if memref_type(op.scratch).get_shape()[0] < size:
            unsupported(
                op,
                f"expected {size} bytes of scratch, got {op.scratch.type}; run "
                "lower-recurrent-ops for this target",
            )
        self.areas = {
            name: memref.ViewOp(
                op.scratch, value(area.offset), (), MemRefType(self.element, area.shape)
            ).result
            for name, area in places.items()
        }

    def launch(
        self,
        part: str,
        operands: Sequence[SSAValue],
        body: Callable[[func.ReturnOp, Sequence[SSAValue]], None],
    ) -> None:
        """Calls a function that `body` fills in front of its return, the first time."""
        name = f"{self.name}_{part}"
        if name not in self.made:
            self.made.add(name)
            types = [v.type for v in operands]
            block = Block(arg_types=types)
            with ImplicitBuilder(self.module.body.block):
                function = func.FuncOp(
                    name, (types, ()), Region(block), visibility="private"
                )
            function.location = self.location
            with ImplicitBuilder(block):
                last = func.ReturnOp()
            last.location = self.location
            builder = LocatedBuilder(InsertPoint.before(last), self.location)
            with ImplicitBuilder(builder):
                body(last, block.args)
        func.CallOp(name, operands, ())

    def contract(
        self,
        operands: Sequence[SSAValue],
        letters: Sequence[str],
        epilogue: Region | None = None,
        beta: float = 0.0,
    ) -> None:
        """A product of the first two operands into the third, with the others for its
        epilogue; the letters of each name its dimensions: `"mk", "kn", "mn"`."""
        a, b, c, *extras = operands
        own = letters[2]
        its = own + "".join(sorted(set("".join(letters)) - set(own)))
        maps = [
            AffineMap(
                len(its),
                0,
                tuple(AffineExpr.dimension(its.index(i)) for i in each),
            )
            for each in letters
        ]
        parallel, reduction = IteratorTypeAttr.parallel(), IteratorTypeAttr.reduction()
        op = ContractOp(
            a,
            b,
            c,
            maps,
            ArrayAttr(parallel if i in own else reduction for i in its),
            extras=extras,
            epilogue=epilogue,
            beta=beta,
        )
        op.location = self.location
        # parts of a sum would need a place for their copies
        problem = problem_of(op, self.target)
        op.schedule = ScheduleAttr(gpu_schedule(problem, may_split=False))
