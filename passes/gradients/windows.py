"""The gradient of what is read by windows: dense sub-problems, one for each residue.

A convolution reads its image at `s*p + d*r`, stride s, dilation d, for the position p
of the window and the tap r. Its gradient at h gathers all (p, r) with s*p + d*r = h.
Which taps these are depends on the residue of h by s alone: every t-th one, from r0,
where t = s / gcd(s, d). With r = r0 + t*r' and h = h0 + s*u

    p = u + b - e*r'        b = (h0 - d*r0) / s,  e = d / gcd(s, d)

so the elements of one residue are the result of a dense convolution with stride 1:

    dx[h0 + s*u] = sum over r' of dy[u + b - e*r'] * w[r0 + t*r']

Nothing is scattered, no zeros are multiplied but those around dy, where the windows
that would cover the border of x do not exist. Each sub-problem is written to its
strided slice of the gradient, and so are the zeros that no tap reaches: each element is
written once. With stride 1 there is one, which is the gradient. If x is a padded
tensor, only what is inside the padding is computed.

Where windows lie end to end, as in most poolings, or there is one, every element is
reached once: dx[p, r] is computed for all p and r, and reshaped.

    %dy = tensor.pad %dy_given
    %w0 = tensor.extract_slice %w[.. r0 ..][.. t ..]
    %0 = linalg.generic ins(%dy, %w0) {maps = [u + b - e*r', ..]}    // h0 = 0, 2, 4 ..
    %1 = tensor.insert_slice %0 into %empty[.. h0 ..][.. s ..]
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import product

from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import TensorType
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from brdialect.errors import unsupported
from brdialect.roles import Linear
from passes.gradients.spaces import Space, Tape, extents_of, linear
from passes.gradients.tensors import (
    Slice,
    extract,
    filled,
    insert,
    padding_of,
)
from passes.gradients.window_forms import (
    Residue,
    Window,
    bounds,
    expression,
    substitute,
    window_of,
)
from passes.shared.build import shape_of, tensor_type
from passes.shared.linalg_match import collapse, maps_of, pad_with_zeros

Pull = Callable[[Space], SSAValue | None]
"""Emits the backward generic over a space."""

FINITE = (
    *(arith.MulfOp, arith.AddfOp, arith.SubfOp, arith.NegfOp, arith.ConstantOp),
    *(arith.CmpiOp, arith.SelectOp, arith.AddiOp, arith.MuliOp, arith.IndexCastOp),
    *(linalg.IndexOp, linalg.YieldOp),
)
"""What gives 0 for a gradient of 0, whatever else it reads."""


MOST_GAPS = 8
"""Slices that are filled by themselves: strides of 2 and 3 in two dimensions have so
many at most."""


class Windows:
    """The sub-problems of one operand of a generic."""

    def __init__(
        self, tape: Tape, op: linalg.GenericOp, position: int, zeros: set[SSAValue]
    ) -> None:
        """`zeros` are the tensors that count as zero where they are padded."""
        self.tape, self.op, self.zeros = tape, op, zeros
        self.map = maps_of(op)[position]
        self.extents = extents_of(op)
        operand = op.operands[position]
        shape = shape_of(operand)
        low = [0] * len(shape)
        self.target = operand
        if isinstance(pad := operand.owner, tensor.PadOp):
            low, self.target = padding_of(pad)[0], pad.source
            shape = shape_of(pad.source)
        self.low, self.size = low, shape
        """Of the part of the operand whose gradient is wanted."""
        self.windows: dict[int, Window] = {}
        """By dimension of the operand."""
        self.reshaped: dict[int, Window] = {}
        """Those whose windows lie side by side."""
        for d, expr in enumerate(self.map.results):
            form = linear(op, expr, self.map.num_dims)
            if not self._is_plain(form, low[d], shape[d]):
                window = window_of(op, form, low[d], shape[d])
                side_by_side = window.side_by_side and not self._is_filter(window)
                (self.reshaped if side_by_side else self.windows)[d] = window
        self.shape = tuple(
            w.positions * w.taps if (w := self.reshaped.get(d)) else size
            for d, size in enumerate(shape)
        )
        """Of the gradient as it is computed."""
        self._check()
        self._padded: dict[tuple[SSAValue, AffineMap], tuple[SSAValue, list[int]]] = {}
        self._not_zero: set[SSAValue] = set()

    def _is_plain(self, form: Linear, low: int, size: int) -> bool:
        if not form.iterators:
            return not form.constant and size == 1 and not low
        return form.plain is not None and self.extents[form.plain] == size and not low

    def _is_filter(self, window: Window) -> bool:
        """Whether the taps are a convolution's: what they multiply depends on them.
        Then the channels should stay the columns of the sub-problems."""
        block, maps = self.op.body.block, maps_of(self.op)
        return window.positions > 1 and any(
            block.args[k].uses and m is not self.map and window.tap in m.used_dims()
            for k, m in enumerate(maps)
        )

    def _check(self) -> None:
        """Each iterator stands in one dimension of the operand."""
        used = [i for e in self.map.results for i in e.used_dims()]
        if len(set(used)) != len(used):
            unsupported(
                self.op,
                "expected each iterator in one dimension of an operand to "
                f"differentiate, got {self.map}",
            )

    @cached_property
    def parts(self) -> list[dict[int, Residue]]:
        """The residues of each sub-problem, by dimension."""
        dims = list(self.windows)
        choices = product(*(self.windows[d].residues for d in dims))
        return [dict(zip(dims, choice, strict=True)) for choice in choices]

    def gradient(self, pull: Pull) -> SSAValue | None:
        """The gradient of `target`, put together from its parts."""
        element = tensor_type(self.target).element_type
        # made before the parts, so that these can be computed in it
        type_ = TensorType(element, self.shape)
        few = len(self.gaps) <= MOST_GAPS
        whole = tensor.EmptyOp((), type_).tensor if few else filled(0.0, type_)
        for part in self.parts:
            found = self.pulled(pull, self.space(part))
            if found is None:
                return None
            if self.reshaped:
                found = collapse(found, self.groups())
            if shape_of(found) == self.shape:
                return self.cut(found)
            offsets, _, steps = self.slice_of(part)
            whole = insert(found, whole, (offsets, shape_of(found), steps))
        for at in self.gaps if few else ():
            zeros = filled(0.0, TensorType(element, at[1]))
            whole = insert(zeros, whole, at)
        return self.cut(whole)

    def groups(self) -> list[list[int]]:
        """The dimensions of a part that are one of the gradient."""
        found: list[list[int]] = []
        at = 0
        for d in range(len(self.shape)):
            found.append([at, at + 1] if d in self.reshaped else [at])
            at = found[-1][-1] + 1
        return found

    def cut(self, whole: SSAValue) -> SSAValue:
        """What is wanted of the dimensions whose windows lie side by side; where these
        end before the dimension does, zeros follow."""
        low, size = [0] * len(self.shape), list(self.shape)
        for d in self.reshaped:
            low[d] = self.low[d]
            size[d] = min(self.size[d], self.shape[d] - low[d])
        ones = [1] * len(size)
        if tuple(size) != self.shape:
            whole = extract(whole, (low, size, ones))
        if tuple(size) == tuple(self.size):
            return whole
        zeros = filled(0.0, TensorType(tensor_type(whole).element_type, self.size))
        return insert(whole, zeros, ([0] * len(size), size, ones))

    @cached_property
    def gaps(self) -> list[Slice]:
        """What no tap reaches, as slices that have no element in common: of each
        dimension its own gaps, where the dimensions before it have none."""
        found: list[Slice] = []
        before: list[dict[int, Residue]] = [{}]
        for d, window in self.windows.items():
            for part, (first, size) in product(before, window.gaps):
                offsets, sizes, steps = self.slice_of(part)
                offsets[d], sizes[d], steps[d] = first, size, window.stride
                found.append((offsets, sizes, steps))
            before = [{**p, d: r} for p, r in product(before, window.residues)]
        return found

    def slice_of(self, part: dict[int, Residue]) -> tuple[list[int], ...]:
        """Where a sub-problem lies in the gradient: offsets, sizes and steps."""
        offsets, steps = [0] * len(self.shape), [1] * len(self.shape)
        sizes = list(self.shape)
        for d, residue in part.items():
            offsets[d] = residue.first - residue.window.low
            sizes[d] = residue.size
            steps[d] = residue.window.stride
        return offsets, sizes, steps

    def pulled(self, pull: Pull, space: Space) -> SSAValue | None:
        """One part, which must not make anything of padding."""
        found = pull(space)
        generic = None if found is None else found.owner
        if isinstance(generic, linalg.GenericOp):
            reads_padding = not self._not_zero.isdisjoint(generic.inputs)
            if reads_padding and any(
                not isinstance(o, FINITE) for o in generic.body.block.ops
            ):
                unsupported(
                    self.op,
                    "expected only products of what windows read, to differentiate; "
                    "apply other functions before or after",
                )
        return found

    def old(self, part: dict[int, Residue]) -> tuple[Linear, ...]:
        """What the iterators of the forward generic are in a sub-problem."""
        count = len(self.extents)
        found = [
            Linear(tuple(int(i == j) for j in range(count)), 0) for i in range(count)
        ]
        for residue in part.values():
            w = residue.window
            factors = [0] * count
            factors[w.position] = 1
            if w.tap is not None:
                factors[w.tap] = -residue.spread
                taps = tuple(w.step * int(j == w.tap) for j in range(count))
                found[w.tap] = Linear(taps, residue.r0)
            found[w.position] = Linear(tuple(factors), residue.base)
        return tuple(found)

    def part_extents(self, part: dict[int, Residue]) -> tuple[int, ...]:
        """The extents of a sub-problem's iterators."""
        extents = list(self.extents)
        for residue in part.values():
            extents[residue.window.position] = residue.size
            if residue.window.tap is not None:
                extents[residue.window.tap] = residue.taps
        return tuple(extents)

    def space(self, part: dict[int, Residue]) -> Space:
        """The iterators of a sub-problem."""
        results, shape = list[AffineExpr](), list[int]()
        for d, expr in enumerate(self.map.results):
            if (residue := part.get(d)) is not None:
                results.append(AffineExpr.dimension(residue.window.position))
                shape.append(residue.size)
            elif (window := self.reshaped.get(d)) is not None:
                iterators = (window.position, window.tap or 0)
                results += [AffineExpr.dimension(i) for i in iterators]
                shape += [window.positions, window.taps]
            else:
                results.append(expr)
                shape.append(self.shape[d])
        return Space(
            self.part_extents(part),
            self.old(part),
            AffineMap(self.map.num_dims, 0, tuple(results)),
            tuple(shape),
            lambda source, map_: self.read(part, source, map_),
        )

    def read(
        self, part: dict[int, Residue], source: SSAValue, map_: AffineMap
    ) -> tuple[SSAValue, AffineMap]:
        """An operand of the forward generic as a sub-problem reads it: padded where its
        windows do not exist, with the taps of the sub-problem only."""
        forms = [linear(self.op, e, map_.num_dims) for e in map_.results]
        source, low = self.padded(source, map_)
        old, extents = self.old(part), self.part_extents(part)
        taps = {r.window.tap: r for r in part.values() if r.window.tap is not None}
        shape = list(shape_of(source))
        offsets, steps = [0] * len(shape), [1] * len(shape)
        results: list[AffineExpr] = []
        for d, form in enumerate(forms):
            residue = None if form.plain is None else taps.get(form.plain)
            if residue is not None:
                offsets[d], shape[d] = residue.r0, residue.taps
                steps[d] = residue.window.step
                results.append(AffineExpr.dimension(form.plain or 0))
                continue
            new = substitute(form, old)
            moved = Linear(new.coefficients, new.constant + low[d])
            least, most = bounds(moved, extents)
            if [moved.coefficients[i] for i in moved.iterators if extents[i] > 1] == [
                1
            ]:
                # one iterator alone takes the dimension as it is
                offsets[d], shape[d] = least, most + 1 - least
                moved = Linear(moved.coefficients, moved.constant - least)
            results.append(expression(moved))
        if tuple(shape) != shape_of(source):
            source = extract(source, (offsets, shape, steps))
        return source, AffineMap(map_.num_dims, 0, tuple(results))

    def padded(self, source: SSAValue, map_: AffineMap) -> tuple[SSAValue, list[int]]:
        """The tensor with zeros wherever some sub-problem reads beyond it, and how many
        there are before each dimension."""
        if (source, map_) not in self._padded:
            shape = shape_of(source)
            low, high = [0] * len(shape), [0] * len(shape)
            for part in self.parts:
                old, extents = self.old(part), self.part_extents(part)
                for d, expr in enumerate(map_.results):
                    form = substitute(linear(self.op, expr, map_.num_dims), old)
                    least, most = bounds(form, extents)
                    low[d] = max(low[d], -least)
                    high[d] = max(high[d], most + 1 - shape[d])
            new = pad_with_zeros(source, low, high)
            if new is not source and source not in self.zeros:
                self._not_zero.add(new)
            self._padded[source, map_] = new, low
        return self._padded[source, map_]
