"""Tiles for what reads along one loop and writes along another: transposes.

    linalg.generic ins(%x : memref<QxPxf32> by (p, q) -> (p, q)) outs(%y by (q, p))
    ->
    for q by 16: for p by 8:                   // y[q:q+16, p:p+8] = x[p:p+8, q:q+16]^T
      8 vector.load along q, a network of vector.shuffle, 8 vector.store along p

Whole cache lines of the input are used at once, and the lines of the output are filled
one after the other along p.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import MemRefType
from xdsl.ir import SSAValue
from xdsl.utils.hints import isa

from passes.loops.loop_nest import crosses
from passes.loops.nest_emitter import At, Axis, Emitter, Step, steps
from passes.shared.build import add, value
from passes.shared.vectorise import load_vector, shuffle, splat

CACHE_LINE = 64


def transposed(rows: Sequence[SSAValue]) -> list[SSAValue]:
    """n vectors of n lanes, n a power of two, as a matrix transposed: in log2(n) stages
    the off-diagonal blocks of each pair of rows change places.

    [a0 a1 | a2 a3], [b0 b1 | b2 b3]  ->  [a0 a1 | b0 b1], [a2 a3 | b2 b3]
    """
    rows = list(rows)
    count = len(rows)
    block = count // 2
    while block:
        keep = [
            lane if not lane & block else count + lane - block for lane in range(count)
        ]
        move = [
            lane + block if not lane & block else count + lane for lane in range(count)
        ]
        for r in range(count):
            if not r & block:
                a, b = rows[r], rows[r + block]
                rows[r], rows[r + block] = shuffle(a, b, keep), shuffle(a, b, move)
        block //= 2
    return rows


@dataclass(frozen=True)
class TransposingEmitter(Emitter):
    """An op whose loops are all parallel; inputs that are contiguous along `across`
    instead of `chosen` have views whose last dimensions are `chosen`, `across`."""

    across: int = 0

    def emit(self) -> None:
        """Strips of whole cache lines along `across`, tiles along `chosen` in each."""
        assert self.chosen is not None
        outer: list[Axis] = [
            (d, loop.size, 1)
            for d, loop in enumerate(self.nest.loops)
            if d not in (self.chosen, self.across)
        ]
        tiles = max(1, CACHE_LINE // self.target.vector_bytes)
        size = self.nest.loops[self.across].size
        whole, width, step, rest = steps(size, self.lanes, tiles)
        if whole:
            axes = [*outer, (self.across, whole, width)]
            self.over(axes, {}, lambda at: self.strip(at, step))
        if rest:
            self.over(
                outer, {}, lambda at: self.strip({**at, self.across: whole}, rest)
            )

    def strip(self, at: At, columns: Step) -> None:
        """All tiles along `chosen` for some vectors along `across`."""
        assert self.chosen is not None
        size = self.nest.loops[self.chosen].size
        whole, width, _, rest = steps(size, self.lanes, 1)

        def tiles(at: At, rows: int | None) -> None:
            for offset, valid in columns:
                start = add(at[self.across], offset)
                self.square({**at, self.across: start}, rows, valid)

        if whole:
            self.sequential([(self.chosen, whole, width)], at, lambda a: tiles(a, None))
        for offset, valid in rest:
            tiles({**at, self.chosen: whole + offset}, valid)

    def square(self, at: At, rows: int | None, columns: int | None) -> None:
        """One tile: `rows` along `chosen`, `columns` along `across` (None: all)."""
        turned = {
            i: transposed(self.read(i, at, rows, columns))
            for i, x in enumerate(self.nest.inputs)
            if x is not None and crosses(x, self.chosen, self.across)
        }
        read = any(self.body.args[i].uses.get_length() for i in self.outputs)
        for j in range(columns or self.lanes):
            here = {**at, self.across: add(at[self.across], j)}
            outs = [self.load(i, here, 0, rows) for i in self.outputs if read]
            loaded = {i: vectors[j] for i, vectors in turned.items()}
            results = self.apply(here, 0, rows, outs, loaded)
            for i, result in zip(self.outputs, results, strict=True):
                self.store(result, i, here, 0, rows)

    def read(
        self, operand: int, at: At, rows: int | None, columns: int | None
    ) -> list[SSAValue]:
        """A tile of an input as it lies in memory: one vector along `across` a row."""
        assert self.chosen is not None
        view = self.views[operand]
        assert isa(view.type, MemRefType)
        last = (self.chosen, self.across)
        others = [at.get(d, 0) for d in range(len(self.nest.loops)) if d not in last]
        vectors: list[SSAValue] = []
        for r in range(rows or self.lanes):
            where = [*others, add(at.get(self.chosen, 0), r), at[self.across]]
            vectors.append(
                load_vector(view, [value(i) for i in where], self.lanes, columns)
            )
        empty = self.lanes - len(vectors)
        if empty:
            vectors += [splat(0, view.type.element_type, self.lanes)] * empty
        return vectors
