"""Other arrangements of the same elements: slices, transposes, paddings, look-ups."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from xdsl.ir.affine import AffineMap

from frontends.array_builder import (
    ArrayBuilder,
    Shape,
    Tensor,
    dims_map,
    few,
    known,
    position,
)
from frontends.elements import element_type
from frontends.scalar import Scalar
from frontends.tensor_builder import broadcast_map


class MoveBuilder(ArrayBuilder):
    """Adds what moves elements. What is known and small is moved at compile time."""

    def transpose(self, x: Tensor, order: Sequence[int]) -> Tensor:
        """Result dimension i is x's dimension `order[i]`."""
        if list(order) == list(range(x.rank)):
            return x
        if x.known:
            moved = x.array.transpose(order)
            return Tensor(moved.shape, x.dtype, None, lambda: moved, x.name)
        # dimensions of one element only rename: a reshape costs nothing
        shape = tuple(x.shape[d] for d in order)
        if [d for d in order if x.shape[d] != 1] == [
            d for d in range(x.rank) if x.shape[d] != 1
        ]:
            return self.reshape(x, shape)
        return Tensor(shape, x.dtype, self.tensors.transpose(self.value(x), order))

    def expand(self, x: Tensor, shape: Shape) -> Tensor:
        """x broadcast to a shape, as numpy's broadcast_to."""
        if x.shape == shape:
            return x
        if x.known and x.size == 1:
            return self.filled(x.array.item(), shape, x.dtype)
        maps = [broadcast_map(x.shape, shape), AffineMap.identity(len(shape))]
        return self.generic(lambda x: x, shape, maps, x)

    def slice(
        self,
        x: Tensor,
        starts: Sequence[int],
        sizes: Sequence[int],
        steps: Sequence[int] | None = None,
    ) -> Tensor:
        """`sizes[d]` elements along each dimension d from `starts[d]` on. Steps may be
        negative."""
        steps = steps or [1] * x.rank
        for d, step in enumerate(steps):
            if step < 0:
                rows = starts[d] + step * np.arange(few(sizes[d]))
                whole = [0 if e == d else s for e, s in enumerate(starts)]
                rest = [x.shape[d] if e == d else n for e, n in enumerate(sizes)]
                ones = [1 if e == d else s for e, s in enumerate(steps)]
                return self.take(self.slice(x, whole, rest, ones), d, rows)
        shape = tuple(sizes)
        if shape == x.shape:
            return x
        if 0 in shape:
            return Tensor(
                shape, x.dtype, self.tensors.empty(shape, element_type(x.dtype))
            )
        value = self.tensors.slice(self.value(x), starts, sizes, steps)
        return Tensor(shape, x.dtype, value)

    def part(self, x: Tensor, axis: int, start: int, size: int) -> Tensor:
        """`size` elements along one axis."""
        starts = [start if d == axis else 0 for d in range(x.rank)]
        sizes = [size if d == axis else n for d, n in enumerate(x.shape)]
        return self.slice(x, starts, sizes)

    def concat(self, parts: Sequence[Tensor], axis: int) -> Tensor:
        """The parts behind each other along `axis`."""
        parts = [p for p in parts if p.shape[axis]] or list(parts[:1])
        if len(parts) == 1:
            return parts[0]
        values = [self.value(p) for p in parts]
        shape = list(parts[0].shape)
        shape[axis] = sum(p.shape[axis] for p in parts)
        return Tensor(tuple(shape), parts[0].dtype, self.tensors.concat(values, axis))

    def stack(self, parts: Sequence[Tensor], axis: int) -> Tensor:
        """The parts side by side along a new axis."""
        rows = [self.reshape(p, (*p.shape[:axis], 1, *p.shape[axis:])) for p in parts]
        return self.concat(rows, axis)

    def pad(
        self, x: Tensor, low: Sequence[int], high: Sequence[int], value: float
    ) -> Tensor:
        """`low[d]` elements of `value` before dimension d, `high[d]` behind; negative
        ones cut."""
        cut = [max(-n, 0) for n in low]
        sizes = [n - c - max(-h, 0) for n, c, h in zip(x.shape, cut, high, strict=True)]
        x = self.slice(x, cut, sizes)
        low, high = [max(n, 0) for n in low], [max(n, 0) for n in high]
        if not any(low) and not any(high):
            return x
        scalar = self.tensors.constant(value, element_type(x.dtype))
        padded = self.tensors.pad_by(self.value(x), low, high, scalar)
        sides = zip(low, x.shape, high, strict=True)
        return Tensor(tuple(a + n + b for a, n, b in sides), x.dtype, padded)

    def spread(self, x: Tensor, steps: Sequence[int], value: float) -> Tensor:
        """x with `steps[d] - 1` elements of `value` between those of dimension d."""
        if all(s == 1 for s in steps) or 0 in x.shape:
            return x
        sizes = zip(x.shape, steps, strict=True)
        shape = tuple((n - 1) * s + 1 for n, s in sizes)
        into = self.filled(value, shape, x.dtype)
        made = self.tensors.insert_slice(
            self.value(x), self.value(into), [0] * x.rank, steps
        )
        return Tensor(shape, x.dtype, made)

    def take(self, x: Tensor, axis: int, rows: Sequence[int] | np.ndarray) -> Tensor:
        """The rows of x along `axis`, by numbers known at compile time."""
        rows = np.asarray(rows, np.int64)
        steps = np.diff(rows)
        if rows.size and (steps == 1).all():
            return self.part(x, axis, int(rows[0]), rows.size)
        shape = (*x.shape[:axis], rows.size, *x.shape[axis + 1 :])
        loops = range(x.rank)
        return self.gather(
            x,
            shape,
            lambda row: [row if d == axis else position(d) for d in loops],
            (known(rows), dims_map(x.rank, [axis])),
        )

    def flip(self, x: Tensor, axes: Sequence[int]) -> Tensor:
        """x backwards along some axes."""
        if all(x.shape[d] == 1 for d in axes):
            return x

        def where() -> list[Scalar]:
            return [
                x.shape[d] - 1 - position(d) if d in axes else position(d)
                for d in range(x.rank)
            ]

        return self.gather(x, x.shape, where)

    def tile(self, x: Tensor, repeats: Sequence[int]) -> Tensor:
        """x behind itself `repeats[d]` times along dimension d."""
        sizes = list(zip(repeats, x.shape, strict=True))
        # [n, m] -> [r, n, s, m] -> [r * n, s * m]
        shape = tuple(n for pair in sizes for n in pair)
        rank = 2 * x.rank
        maps = [dims_map(rank, range(1, rank, 2)), AffineMap.identity(rank)]
        wide = self.generic(lambda x: x, shape, maps, x)
        return self.reshape(wide, tuple(math.prod(pair) for pair in sizes))

    def without(self, x: Tensor, axes: Sequence[int]) -> Tensor:
        """x without some dimensions of size 1."""
        return self.reshape(x, tuple(n for d, n in enumerate(x.shape) if d not in axes))

    def column(self, x: Tensor, axis: int, rank: int) -> Tensor:
        """A vector, or one number, as a tensor that broadcasts along `axis`."""
        if x.rank == 0 or x.size == 1:
            return self.reshape(x, ())
        shape = [1] * rank
        shape[axis] = x.size
        return self.reshape(x, tuple(shape))
