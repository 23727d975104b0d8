"""How the lanes of a warp read the fragments of A and B (brdialect/gpu_ops.py) out of a
slice in shared memory.

| elements | lie along the sum | lie across it |
|---|---|---|
| 32-bit, tensor cores | `ldmatrix` | four words |
| 16-bit, tensor cores | `ldmatrix` | `ldmatrix` with transposition |
| f32, multiply-adds | words | words, or pairs of B's |

A warp's part of the tile begins at index `first`; fragments are 16 indices wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.dialects import arith, memref, vector
from xdsl.dialects.builtin import VectorType, f32
from xdsl.ir import SSAValue

from brdialect.gpu_ops import REGISTERS, LoadMatricesOp, RoundTf32Op
from passes.gpu.shared_layout import SharedLayout
from passes.gpu.views import align
from passes.shared.build import Index, add, int64s, mul, value, vector_of
from passes.shared.digits import divided, modulo
from passes.shared.vectorise import splat

STEPS = {"tf32": 8, "bf16": 16, "f16": 16, "exact": 1}
"""Steps of the sum that one instruction takes."""


def packed(scalars: Sequence[SSAValue]) -> SSAValue:
    """A vector of scalars."""
    element = scalars[0].type
    result = splat(0, element, len(scalars))
    for lane, scalar in enumerate(scalars):
        result = vector.InsertOp(scalar, result, (lane,)).result
    return result


@dataclass
class Fragments:
    """Of one operand."""

    layout: SharedLayout
    along_sum: bool
    is_a: bool
    kind: str
    shared: SSAValue
    lane: SSAValue
    first: Index
    part: int
    """Indices of a warp, from a multiple of that on."""

    _known: dict[object, Index] = field(default_factory=dict[object, Index])

    def read(self, stage: Index, step: Index) -> list[SSAValue]:
        """All fragments of the warp for the steps of the sum from `step` on, out of the
        slice that begins at element `stage`."""
        numbers = range(0, self.part, 16)
        if self.kind == "exact":
            return [self._numbers(stage, step, start) for start in numbers]
        if self.kind == "tf32" and not self.along_sum:
            return [self._words(stage, step, start) for start in numbers]
        matrices = [self._matrices(stage, step, start) for start in numbers]
        if self.kind == "tf32":
            return [RoundTf32Op(m).res for m in matrices]
        return matrices

    def prepare(self) -> None:
        """Emits what all slices share, where it dominates them."""
        eight, rest = divided(self.lane, 8), modulo(self.lane, 8)
        low, high = modulo(eight, 2), divided(eight, 2)
        self._known |= {
            "g": divided(self.lane, 4),
            "t": modulo(self.lane, 4),
            # A: matrices 0 1 are rows 0 8 of the first words, 2 3 of the next ones;
            # B: 0 1 are the first and next words of columns 0, 2 3 those of 8
            "index": add(mul(low if self.is_a else high, 8), rest),
            "word": high if self.is_a else low,
            "swizzle": self.layout.swizzle(rest),
        }
        if not self.along_sum:
            across = high if self.is_a else low
            self._known["step"] = add(mul(across, 8), rest)
            self._known["column"] = mul(low if self.is_a else high, 8)

    def _matrices(self, stage: Index, step: Index, start: int) -> SSAValue:
        """By ldmatrix."""
        known, layout = self._known, self.layout
        if self.along_sum:
            row = add(self.first, known["index"], start)
            column = add(step, mul(known["word"], layout.chunk))
        else:
            row = add(step, known["step"])
            column = add(self.first, known["column"], start)
        at = add(stage, layout.offset(row, column, known["swizzle"]))
        return LoadMatricesOp(self.shared, value(at), transpose=not self.along_sum).res

    def _words(self, stage: Index, step: Index, start: int) -> SSAValue:
        """Four words of a slice that lies across the sum."""
        g, t = self._known["g"], self._known["t"]
        words: list[SSAValue] = []
        for register in range(4):
            down, right = register % 2, register // 2
            x, k = (down, right) if self.is_a else (right, down)
            column = add(self.first, g, start + 8 * x)
            row = add(step, t, 4 * k)
            at = add(stage, self.layout.offset(row, column, mul(t, 8)))
            words.append(memref.LoadOp.get(self.shared, [value(at)]).res)
        bits = arith.BitcastOp(packed(words), REGISTERS).result
        return RoundTf32Op(bits).res

    def _numbers(self, stage: Index, step: Index, start: int) -> SSAValue:
        """What one step of multiply-adds takes, spread to the 8 accumulators: of A rows
        g and g + 8, of B columns 2t, 2t + 1 and 8 on."""
        g, t = self._known["g"], self._known["t"]
        if self.is_a:
            found = [
                self._number(stage, step, add(self.first, g, start + 8 * i))
                for i in range(2)
            ]
            return spread(packed(found), (0, 0, 1, 1, 0, 0, 1, 1))
        pairs: list[SSAValue] = []
        for i in range(2):
            column = add(self.first, mul(t, 2), start + 8 * i)
            if self.along_sum:
                two = [self._number(stage, step, add(column, j)) for j in range(2)]
                pairs.append(packed(two))
            else:
                at = add(stage, self.layout.offset(step, column))
                load = vector.LoadOp(self.shared, [value(at)], vector_of(f32, 2))
                align(load, 8)
                pairs.append(load.result)
        both = vector.ShuffleOp(
            pairs[0],
            pairs[1],
            int64s(0, 1, 0, 1, 2, 3, 2, 3),
            result_type=VectorType(f32, (8,)),
        )
        return both.result

    def _number(self, stage: Index, step: Index, index: Index) -> SSAValue:
        row, column = (index, step) if self.along_sum else (step, index)
        at = add(stage, self.layout.offset(row, column))
        return memref.LoadOp.get(self.shared, [value(at)]).res


def spread(source: SSAValue, lanes: Sequence[int]) -> SSAValue:
    """Lanes of a vector, as often as they are named."""
    return vector.ShuffleOp(
        source, source, int64s(*lanes), result_type=VectorType(f32, (len(lanes),))
    ).result
