"""One schedule of a contraction as machine code, with its memory in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from brdialect import reference
from brdialect.ops import ContractOp
from brdialect.reference.values import Array
from brdialect.schedule import Schedule, ScheduleAttr
from brdialect.target import Target
from runtime.arguments import aligned_empty
from runtime.cli.compare import compare
from runtime.code import load_objects
from runtime.executable import Executable, pack
from runtime.program import Program, load_program
from runtime.tuner.contractions import Work

TOLERANCE = 1e-4
"""Of a result, relative to the largest one. Sums in another order differ by 1e-6."""


@dataclass(frozen=True)
class Candidate:
    """What is timed: `call(n)` computes the contraction n times."""

    schedule: Schedule
    call: Callable[[int], None]


def repeated(call: Callable[[], None]) -> Callable[[int], None]:
    """Calls it so many times in a row."""

    def times(count: int) -> None:
        for _ in range(count):
            call()

    return times


def program_of(
    work: Work, schedule: Schedule, target: Target, arrays: Sequence[Array]
) -> Program:
    """A contraction with a schedule, its weights given."""
    module = work.module.clone()
    for op in module.walk():
        if isinstance(op, ContractOp):
            op.schedule = ScheduleAttr(schedule)
    constants = {i: arrays[i] for i in work.at_load}
    return load_program(module, "main", target, constants)


class Workbench:
    """Random operands of one contraction, what it should give, and its machine code
    for one schedule after another."""

    def __init__(self, work: Work, target: Target):
        self.work = work
        self._target = target
        random = np.random.default_rng(0)
        empty = load_program(work.module, "main", target)
        self._arrays = [
            _operand(p.shape, p.dtype, random) for p in empty.signature.arguments
        ]
        (self._want,) = reference.run(empty.module, "main", self._arrays)

    def candidate(self, schedule: Schedule) -> Candidate | None:
        """The machine code of a schedule; None if what it computes is wrong."""
        executable, program = self._compile(schedule)
        free = [self._arrays[i] for i in program.signature.free]
        results = executable.results(free)
        for array in results:
            array.fill(np.nan)  # so that what is not written shows
        call = executable.bind(free, results, executable.workspace(free))
        call()
        right = compare(results[0], self._want, TOLERANCE, TOLERANCE).ok
        return Candidate(schedule, repeated(call)) if right else None

    def _compile(self, schedule: Schedule) -> tuple[Executable, Program]:
        program = program_of(self.work, schedule, self._target, self._arrays)
        shapes = tuple(self._arrays[i].shape for i in program.signature.free)
        made = program.object_code(shapes)
        interface = made.interface
        code = load_objects(made.images, self._target, interface.tables)
        packed = pack(code, interface, made.weights)
        parameters = program.signature.parameters
        return Executable(code, interface, parameters, packed), program


def _operand(
    shape: tuple[int | None, ...],
    dtype: np.dtype[np.generic],
    random: np.random.Generator,
) -> Array:
    """Numbers around 0, so that sums stay small."""
    sizes = tuple(size for size in shape if size is not None)
    array = aligned_empty(sizes, dtype, "an operand")
    array[...] = random.standard_normal(sizes) / 2
    return array
