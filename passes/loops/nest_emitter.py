"""Emits the loops of a structured op: outer loops, vector steps, accumulators.

parallel loops, outermost first                  // scf.parallel for a team
  whole steps of the vectorised loop, then the rest in one masked step
    acc = out                                    // only if it is read
    reduction loops carrying acc: acc = body(inputs, acc)
    out = acc
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.dialects import memref
from xdsl.dialects.linalg.ops import GenericOp, IndexOp
from xdsl.ir import Block, SSAValue
from xdsl.irdl import IRDLOperation

from brdialect.target import Target
from brdialect.xdsl_repairs import SelectOp
from passes.loops.loop_nest import Nest
from passes.loops.reductions import combine, combiners, neutral, reduce_vector
from passes.shared.build import Index, add, for_loop, mul, parallel_loop, value
from passes.shared.vectorise import (
    iota,
    lane_mask,
    load_every,
    load_vector,
    store_vector,
    vectorise_body,
)

PARALLEL_WORK = 32768
"""Elements from which a team of threads pays: starting and joining it costs a few
microseconds, in which one core handles some ten thousand elements."""

ACCUMULATORS = 8
"""Vectors a reduction accumulates at once: an addition takes 4 cycles, while the loads
that feed it allow two a cycle. Down columns, 8 vectors also take several cache lines of
each row, which the hardware then fetches ahead: 31 GB/s instead of 10 with 4. Along
rows they are those of as many rows, for the same reason (26 GB/s instead of 10 from the
L3; one row by 2048 x 1000 that lies in memory is 1.15 times as fast)."""

At = Mapping[int, Index]
"""Where the loops stand: the index of each loop that has been entered."""

Axis = tuple[int, int, int]
"""A loop, where it stops and its step."""

Kinds = Sequence[type[IRDLOperation]]
"""The op that adds to each output of a reduction."""

Step = Sequence[tuple[int, int | None]]
"""The vectors of a step of the vectorised loop: offset and valid lanes (None: all)."""


def indexed_iterators(op: GenericOp) -> set[int]:
    """The iterators whose index the body asks for."""
    inner = op.body.block.ops
    return {x.dim.value.data for x in inner if isinstance(x, IndexOp)}


def steps(size: int, lanes: int, most: int) -> tuple[int, int, Step, Step]:
    """`(whole, width, step, rest)`: `step` from 0 to `whole` by `width`, then `rest`.

    size 29 by 8 lanes, at most 2 vectors a step:
    (16, 16, [(0, None), (8, None)], [(0, None), (8, 5)])
    """
    vectors = max(1, min(most, size // lanes))
    width = vectors * lanes
    whole = size // width * width
    left = size - whole
    rest = [(o, None if left - o >= lanes else left - o) for o in range(0, left, lanes)]
    return whole, width, [(v * lanes, None) for v in range(vectors)], rest


def rows_at_once(size: int, most: int) -> int:
    """How many of `size` rows to read side by side: as many as divide them, if more
    than half of the most there may be do."""
    most = min(size, most)
    return next((n for n in range(most, most // 2, -1) if size % n == 0), most)


@dataclass(frozen=True)
class Emitter:
    """One op with loops `nest`, of which `chosen` is vectorised (None: scalar code).

    `views` holds each operand as a memref with one dimension a loop, the vectorised one
    last, or the scalar operand itself.
    """

    op: GenericOp
    nest: Nest
    target: Target
    chosen: int | None
    lanes: int
    views: Sequence[SSAValue]

    @property
    def body(self) -> Block:
        """The scalar code."""
        return self.op.body.block

    @property
    def reductions(self) -> list[int]:
        """The loops that accumulate."""
        return [d for d, loop in enumerate(self.nest.loops) if not loop.parallel]

    @property
    def outputs(self) -> range:
        """The positions of the outputs among the operands."""
        return range(len(self.nest.inputs), len(self.views))

    def emit(self) -> None:
        """The whole op."""
        chosen = self.chosen
        outer: list[Axis] = [
            (d, loop.size, 1)
            for d, loop in enumerate(self.nest.loops)
            if loop.parallel and d != chosen
        ]
        if chosen is None:
            self.over(outer, {}, lambda at: self.tile(at, [(0, None)]))
            return
        if not self.nest.loops[chosen].parallel:
            self.reduce_rows(outer)
            return
        most = self.vectors_a_step if self.reductions else 1
        whole, width, step, rest = steps(self.nest.loops[chosen].size, self.lanes, most)
        along = [(chosen, whole, width)] if whole else []

        def remaining(at: At) -> None:
            self.tile({**at, chosen: whole}, rest)

        def row(at: At) -> None:
            if along:
                self.sequential(along, at, lambda at: self.tile(at, step))
            if rest:
                remaining(at)

        if self.team and along and prod(a[1] for a in outer) < self.trips_wanted:
            self.over([*outer, *along], {}, lambda at: self.tile(at, step))
            if rest:
                self.sequential(outer, {}, remaining)
        else:
            self.over(outer, {}, row)

    @property
    def vectors_a_step(self) -> int:
        """Of each output of a reduction."""
        return max(1, ACCUMULATORS // len(self.outputs))

    @property
    def team(self) -> bool:
        """Whether the work is worth a team of threads."""
        return self.target.threads > 1 and self.nest.work >= PARALLEL_WORK

    @property
    def trips_wanted(self) -> int:
        """Four for each thread: then the slowest is at most a fifth behind."""
        return 4 * self.target.threads

    def over(self, axes: Sequence[Axis], at: At, body: Callable[[At], None]) -> None:
        """`body` in these parallel loops: for a team as many of the outermost as give
        every thread its share make one scf.parallel."""
        cut, trips = 0, 1
        while self.team and cut < len(axes) and trips < self.trips_wanted:
            trips *= -(-axes[cut][1] // axes[cut][2])
            cut += 1
        if cut == 0:
            self.sequential(axes, at, body)
            return

        def inside(ivs: Sequence[Index]) -> None:
            entered = dict(zip((axis[0] for axis in axes[:cut]), ivs, strict=True))
            self.sequential(axes[cut:], {**at, **entered}, body)

        parallel_loop([a[1] for a in axes[:cut]], [a[2] for a in axes[:cut]], inside)

    def sequential(
        self, axes: Sequence[Axis], at: At, body: Callable[[At], None]
    ) -> None:
        """`body` in nested scf.for."""
        if not axes:
            body(at)
            return
        (loop, stop, step), *inner = axes

        def iteration(iv: Index) -> Sequence[SSAValue]:
            self.sequential(inner, {**at, loop: iv}, body)
            return ()

        for_loop(0, stop, step, iteration)

    def subscripts(self, at: At, offset: Index = 0) -> list[SSAValue]:
        """`at` as indices of a view, the vectorised loop moved on by `offset`."""
        loops = [d for d in range(len(self.nest.loops)) if d != self.chosen]
        indices = [at.get(d, 0) for d in loops]
        if self.chosen is not None:
            indices.append(add(at.get(self.chosen, 0), offset))
        return [value(i) for i in indices]

    def load(self, operand: int, at: At, offset: int, valid: int | None) -> SSAValue:
        """One vector (or scalar) of an operand; scalar operands as they are."""
        view = self.views[operand]
        if operand < len(self.nest.inputs) and self.nest.inputs[operand] is None:
            return view
        where = self.subscripts(at, offset)
        if self.chosen is None:
            return memref.LoadOp.get(view, where).res
        x = self.nest.inputs[operand] if operand < len(self.nest.inputs) else None
        if x is not None and x.skips(self.chosen):
            step = x.strides[self.chosen]
            where[-1] = value(mul(add(at.get(self.chosen, 0), offset), step))
            return load_every(view, where, self.lanes, step, valid)
        return load_vector(view, where, self.lanes, valid)

    def store(
        self, vector: SSAValue, output: int, at: At, offset: int, valid: int | None
    ) -> None:
        """The counterpart of `load`."""
        where = self.subscripts(at, offset)
        if self.chosen is None:
            memref.StoreOp.get(vector, self.views[output], where)
        else:
            store_vector(vector, self.views[output], where, valid)

    def indices(self, at: At, offset: int) -> dict[int, SSAValue]:
        """What `linalg.index` gives for each iterator."""
        loops = {loop.iterator: d for d, loop in enumerate(self.nest.loops)}
        found: dict[int, SSAValue] = {}
        for iterator in indexed_iterators(self.op):
            d = loops.get(iterator)  # an iterator that runs once has no loop
            if d is None:
                found[iterator] = value(0)
            elif d == self.chosen:
                found[iterator] = iota(value(add(at.get(d, 0), offset)), self.lanes)
            else:
                found[iterator] = value(at.get(d, 0))
        return found

    def apply(
        self,
        at: At,
        offset: int,
        valid: int | None,
        outs: Sequence[SSAValue],
        loaded: Mapping[int, SSAValue] | None = None,
    ) -> list[SSAValue]:
        """The body on one vector of each operand; `loaded` ones are at hand."""
        arguments: dict[SSAValue, SSAValue] = {}
        for i in range(len(self.nest.inputs)):
            if loaded and i in loaded:
                arguments[self.body.args[i]] = loaded[i]
            elif self.body.args[i].uses.get_length():
                arguments[self.body.args[i]] = self.load(i, at, offset, valid)
        # where no output is read, `outs` is empty
        arguments.update(zip(self.body.args[self.outputs.start :], outs, strict=False))
        lanes = None if self.chosen is None else self.lanes
        return vectorise_body(self.body, arguments, lanes, self.indices(at, offset))

    def tile(self, at: At, step: Step) -> None:
        """All outputs at `at`, a vector (or scalar) of each for each of `step`."""
        outs = self.outputs
        read = any(self.body.args[i].uses.get_length() for i in outs)
        first = [
            self.load(i, at, offset, valid)
            for offset, valid in step
            for i in outs
            if read or self.reductions
        ]

        def innermost(at: At, accs: Sequence[SSAValue]) -> list[SSAValue]:
            results: list[SSAValue] = []
            for v, (offset, valid) in enumerate(step):
                mine = accs[v * len(outs) : (v + 1) * len(outs)]
                results += self.apply(at, offset, valid, mine)
            return results

        results = iter(self.accumulate(self.reductions, at, first, innermost))
        for offset, valid in step:
            for i in outs:
                self.store(next(results), i, at, offset, valid)

    def accumulate(
        self,
        loops: Sequence[int],
        at: At,
        accs: Sequence[SSAValue],
        body: Callable[[At, Sequence[SSAValue]], Sequence[SSAValue]],
    ) -> Sequence[SSAValue]:
        """`body` in nested reduction loops that carry `accs`."""
        if not loops:
            return body(at, accs)
        loop, *inner = loops

        def iteration(iv: Index, *accs: SSAValue) -> Sequence[SSAValue]:
            return self.accumulate(inner, {**at, loop: iv}, accs, body)

        return for_loop(0, self.nest.loops[loop].size, 1, iteration, accs)

    def reduce_rows(self, outer: Sequence[Axis]) -> None:
        """Every element of the outputs, some neighbours of the innermost loop at once:
        their rows are read side by side."""
        if not outer:
            self.reduce_along({}, [{}])
            return
        *others, (loop, size, _) = outer
        number = rows_at_once(size, self.vectors_a_step)
        whole = size // number * number

        def rows(start: Index, number: int, at: At) -> None:
            places = [{**at, loop: add(start, r)} for r in range(number)]
            self.reduce_along(at, places)

        self.over(
            [*others, (loop, whole, number)], {}, lambda at: rows(at[loop], number, at)
        )
        if whole < size:
            self.over(others, {}, lambda at: rows(whole, size - whole, at))

    def reduce_along(self, at: At, rows: Sequence[At]) -> None:
        """One element of each output for each of `rows`, the chosen reduction loop in
        vectors."""
        assert self.chosen is not None
        along = self.chosen
        kinds = combiners(self.op) or ()
        size = self.nest.loops[along].size
        vectors = max(1, self.vectors_a_step // len(rows))
        whole, width, step, rest = steps(size, self.lanes, vectors)
        types = [self.body.args[i].type for i in self.outputs]
        start = [neutral(k, t, self.lanes) for k, t in zip(kinds, types, strict=True)]
        each = len(start) * len(step)

        def trip(at: At, part: Step, accs: Sequence[SSAValue]) -> list[SSAValue]:
            new: list[SSAValue] = []
            for r, row in enumerate(rows):
                mine = accs[r * each : (r + 1) * each]
                new += self.advance({**at, **row}, part, mine)
            return new

        def all_along(at: At, accs: Sequence[SSAValue]) -> Sequence[SSAValue]:
            def iteration(iv: Index, *accs: SSAValue) -> Sequence[SSAValue]:
                return trip({**at, along: iv}, step, accs)

            accs = for_loop(0, whole, width, iteration, accs)
            return trip({**at, along: whole}, rest, accs)

        others = [d for d in self.reductions if d != along]
        accs = self.accumulate(others, at, start * len(step) * len(rows), all_along)
        for r, row in enumerate(rows):
            self.finish(row, kinds, accs[r * each : (r + 1) * each])

    def finish(self, at: At, kinds: Kinds, accs: Sequence[SSAValue]) -> None:
        """Combines the lanes of the accumulators with each output."""
        for i, kind in enumerate(kinds):
            lanes = accs[i]
            for more in accs[i + len(kinds) :: len(kinds)]:
                lanes = combine(kind, lanes, more)
            view, where = self.views[self.outputs[i]], self.subscripts(at)
            old = memref.LoadOp.get(view, where).res
            memref.StoreOp.get(
                combine(kind, old, reduce_vector(kind, lanes)), view, where
            )

    def advance(self, at: At, part: Step, accs: Sequence[SSAValue]) -> list[SSAValue]:
        """The accumulators after `part`; lanes that are not valid stay as they were."""
        count = len(self.outputs)
        new = list(accs)
        for v, (offset, valid) in enumerate(part):
            mine = slice(v * count, (v + 1) * count)
            result = self.apply(at, offset, valid, accs[mine])
            if valid is not None:
                mask = lane_mask(valid, self.lanes)
                pairs = zip(result, accs[mine], strict=True)
                result = [SelectOp(mask, r, o).result for r, o in pairs]
            new[mine] = result
        return new
