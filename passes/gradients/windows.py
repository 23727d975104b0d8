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
strided slice of the gradient; what no tap reaches stays zero. With stride 1 there is
one, which is the gradient. If x is a padded tensor, only what is inside the padding is
computed.

    %dy = tensor.pad %dy_given
    %w0 = tensor.extract_slice %w[.. r0 ..][.. t ..]
    %0 = linalg.generic ins(%dy, %w0) {maps = [u + b - e*r', ..]}    // h0 = 0, 2, 4 ..
    %1 = tensor.insert_slice %0 into %zeros[.. h0 ..][.. s ..]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import gcd

from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import TensorType
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Attribute, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from brdialect.errors import unsupported
from brdialect.roles import Linear
from passes.build import shape_of, tensor_type
from passes.gradients.spaces import Space, Tape, extents_of, linear
from passes.gradients.tensors import extract, filled, insert, padding_of
from passes.linalg_match import maps_of, pad_with_zeros


@dataclass(frozen=True)
class Window:
    """A dimension read at `stride * position + dilation * tap + constant`."""

    position: int
    tap: int | None
    stride: int
    dilation: int
    constant: int
    positions: int
    taps: int
    low: int
    """The padding before the part of the dimension whose gradient is wanted."""

    size: int
    """Of that part."""

    @property
    def step(self) -> int:
        """t: the taps of a residue are so many apart."""
        return self.stride // gcd(self.stride, self.dilation)

    @property
    def residues(self) -> list[Residue]:
        """One for each residue that some tap reaches."""
        found = [Residue(self, r0) for r0 in range(min(self.step, self.taps))]
        return [r for r in found if r.size > 0]


@dataclass(frozen=True)
class Residue:
    """The elements `first + stride * u` of one dimension, reached from every t-th tap
    from `r0` on."""

    window: Window
    r0: int

    @property
    def first(self) -> int:
        """h0: the first element, not before the wanted part."""
        w = self.window
        start = w.dilation * self.r0 + w.constant
        return w.low + (start - w.low) % w.stride

    @property
    def size(self) -> int:
        """How many elements: the extent of u."""
        w = self.window
        return -((self.first - w.low - w.size) // w.stride)

    @property
    def taps(self) -> int:
        """The extent of r'."""
        return -((self.r0 - self.window.taps) // self.window.step)

    @property
    def base(self) -> int:
        """b"""
        w = self.window
        return (self.first - w.dilation * self.r0 - w.constant) // w.stride

    @property
    def spread(self) -> int:
        """e"""
        return self.window.dilation // gcd(self.window.stride, self.window.dilation)


def window_of(op: linalg.GenericOp, form: Linear, low: int, size: int) -> Window:
    """The window that an operand's dimension is read by."""
    extents, result = extents_of(op), maps_of(op)[-1]
    places = [i for i in form.iterators if i in result.used_dims()]
    # of two iterators of the result the one with more trips is the position
    places.sort(key=lambda i: -extents[i])
    factors = form.coefficients
    if not places or len(form.iterators) > 2 or min(factors) < 0:
        unsupported(
            op,
            "expected windows of one iterator of the result and at most one other, "
            f"with positive steps, to differentiate, got {expression(form)}",
        )
    position = places[0]
    tap = next((i for i in form.iterators if i != position), None)
    return Window(
        position,
        tap,
        factors[position],
        1 if tap is None else factors[tap],
        form.constant,
        extents[position],
        1 if tap is None else extents[tap],
        low,
        size,
    )


def expression(form: Linear) -> AffineExpr:
    """The sum as an affine expression, without terms that are zero."""
    total: AffineExpr | None = None
    for i in form.iterators:
        factor = form.coefficients[i]
        term = AffineExpr.dimension(i)
        term = term if factor == 1 else term * factor
        total = term if total is None else total + term
    if total is None:
        return AffineExpr.constant(form.constant)
    return total + form.constant if form.constant else total


def substitute(form: Linear, old: Sequence[Linear]) -> Linear:
    """The form in other iterators; `old` says what each of its own is in them."""
    coefficients, constant = [0] * len(old), form.constant
    for i in form.iterators:
        factor = form.coefficients[i]
        constant += factor * old[i].constant
        for j, c in enumerate(old[i].coefficients):
            coefficients[j] += factor * c
    return Linear(tuple(coefficients), constant)


def bounds(form: Linear, extents: Sequence[int]) -> tuple[int, int]:
    """The least and the largest value of a form."""
    ends = [c * (n - 1) for c, n in zip(form.coefficients, extents, strict=True)]
    least = form.constant + sum(min(0, e) for e in ends)
    return least, form.constant + sum(max(0, e) for e in ends)


Pull = Callable[[Space], SSAValue | None]
"""Emits the backward generic over a space."""

FINITE = (
    *(arith.MulfOp, arith.AddfOp, arith.SubfOp, arith.NegfOp, arith.ConstantOp),
    *(arith.CmpiOp, arith.SelectOp, arith.AddiOp, arith.MuliOp, arith.IndexCastOp),
    *(linalg.IndexOp, linalg.YieldOp),
)
"""What gives 0 for a gradient of 0, whatever else it reads."""


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
        self.shape = shape
        self.windows: dict[int, Window] = {}
        """By dimension of the operand."""
        for d, expr in enumerate(self.map.results):
            form = linear(op, expr, self.map.num_dims)
            if not self._is_plain(form, low[d], shape[d]):
                self.windows[d] = window_of(op, form, low[d], shape[d])
        self._check()
        self._padded: dict[tuple[SSAValue, AffineMap], tuple[SSAValue, list[int]]] = {}
        self._not_zero: set[SSAValue] = set()

    def _is_plain(self, form: Linear, low: int, size: int) -> bool:
        if not form.iterators:
            return not form.constant and size == 1 and not low
        return form.plain is not None and self.extents[form.plain] == size and not low

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
        spaces = [self.space(part) for part in self.parts]
        if len(spaces) == 1 and spaces[0].shape == self.shape:
            return self.pulled(pull, spaces[0])
        element = tensor_type(self.target).element_type
        whole: SSAValue = self.start(TensorType(element, self.shape))
        for part, space in zip(self.parts, spaces, strict=True):
            found = self.pulled(pull, space)
            if found is None:
                return None
            offsets, steps = [0] * len(self.shape), [1] * len(self.shape)
            for d, residue in part.items():
                offsets[d] = residue.first - residue.window.low
                steps[d] = residue.window.stride
            whole = insert(found, whole, (offsets, space.shape, steps))
        return whole

    def start(self, type_: TensorType[Attribute]) -> SSAValue:
        """What the parts are written over: zeros where no tap reaches all elements."""
        if all(min(w.step, w.taps) == w.stride for w in self.windows.values()):
            return tensor.EmptyOp((), type_).tensor
        return filled(0.0, type_)

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
        results = list(self.map.results)
        shape = list(self.shape)
        for d, residue in part.items():
            results[d] = AffineExpr.dimension(residue.window.position)
            shape[d] = residue.size
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
