"""`skip-zeros`: convolutions over elements that stand apart, without the zeros between.

A transposed convolution is written as a plain one, whose image has s - 1 zeros between
its elements. Which taps of a window at h meet an element depends on the residue of h by
s alone: every t-th one from r0 on, t = s / gcd(s, d), d being the dilation. So the
outputs of one residue are a convolution with stride 1 over the elements themselves:

    y[s*u + j] = sum over r' of x[u + b + e*r'] * w[r0 + t*r']
    b = (j + d*r0 - low) / s,  e = d / gcd(s, d)

    %z = tensor.insert_slice %x into %zeros[0, 1, 0] [1, 8, 64] [1, 2, 1]
    %y = br.contract ins(%z, %w) {maps = [(n, h, k, r, c) -> (n, h+r, c), ..]}
    ->
    %w0 = tensor.extract_slice %w[1, 0, 0] [1, 64, 64] [2, 1, 1]
    %0 = br.contract ins(%x, %w0) {maps = [(n, u, k, r, c) -> (n, u+r, c), ..]}
    %1 = tensor.insert_slice %0 into %empty[0, 0, 0] [1, 8, 64] [1, 2, 1]
    %w1 = tensor.extract_slice %w[0, 0, 0] [2, 64, 64] [2, 1, 1]   // the other residue
    ...

In two dimensions with strides of 2 a quarter of the products is left. The epilogue runs
in each part, on its slices of the extras. A residue that no tap reaches, of strides
larger than the window, would be an epilogue of zeros alone: such a convolution is left
as it is, and so is one with a schedule of its own, or strides besides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import tensor
from xdsl.dialects.builtin import DenseArrayBase, ModuleOp, TensorType, i64
from xdsl.ir import Region, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineExpr, AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from brdialect.ops import ContractOp
from brdialect.roles import Contraction, Linear, Role
from passes.fuse.fuse_epilogues import erase_unused
from passes.normalise.normalise_contractions import contraction_of
from passes.shared.build import (
    LocatedBuilder,
    clone_block,
    shape_of,
    tensor_type,
)
from passes.shared.linalg_match import pad_with_zeros, zero_fill, zero_padding


@dataclass(frozen=True)
class Spread:
    """A tensor among zeros: element i of a dimension stands at low + step * i."""

    source: SSAValue
    low: Sequence[int]
    steps: Sequence[int]


def spread_of(value: SSAValue) -> Spread | None:
    """What stands among zeros in a tensor, if it has zeros in between."""
    if isinstance(op := value.owner, tensor.ExpandShapeOp):
        inner = spread_of(op.src)
        return None if inner is None else expanded(op, inner)
    low: Sequence[int] = [0] * len(shape_of(value))
    if (padding := zero_padding(value)) is not None:
        value, low = padding.source, padding.low
    op = value.owner
    if not isinstance(op, tensor.InsertSliceOp) or not zero_fill(op.dest):
        return None
    if op.offsets or op.sizes or op.strides:
        return None
    if shape_of(op.source) != tuple(op.static_sizes.get_values()):
        return None  # it has fewer dimensions
    steps = op.static_strides.get_values()
    if max(steps, default=1) == 1:
        return None
    offsets = op.static_offsets.get_values()
    return Spread(op.source, [a + b for a, b in zip(low, offsets, strict=True)], steps)


def expanded(op: tensor.ExpandShapeOp, inner: Spread) -> Spread | None:
    """Emits the elements in the op's shape, where it divides dimensions without zeros
    only, such as the channels into groups."""
    shape: list[int] = []
    low: list[int] = []
    steps: list[int] = []
    whole, sizes = shape_of(op.src), shape_of(inner.source)
    for d, group in enumerate(op.reassociation):
        if len(group) == 1:
            shape.append(sizes[d])
            low.append(inner.low[d])
            steps.append(inner.steps[d])
            continue
        if whole[d] != sizes[d]:
            return None
        shape += [shape_of(op.result)[i.value.data] for i in group]
        low += [0] * len(group)
        steps += [1] * len(group)
    source = tensor.ExpandShapeOp(
        inner.source,
        (),
        op.reassociation,
        DenseArrayBase.from_list(i64, shape),
        TensorType(tensor_type(inner.source).element_type, shape),
    ).result
    return Spread(source, low, steps)


@dataclass(frozen=True)
class Part:
    """The outputs of one residue in one dimension: `first + step * u`, each of which
    meets the elements `base + u + apart * r'` with the taps `tap + between * r'`."""

    first: int
    size: int
    tap: int
    taps: int
    between: int
    base: int
    apart: int

    @property
    def reach(self) -> int:
        """How many elements it reads, the first one being `base`."""
        return self.size + self.apart * (self.taps - 1)


@dataclass(frozen=True)
class Window:
    """A dimension of a, read at a position and a tap, in a part for each residue."""

    position: int
    tap: int | None
    step: int
    parts: Sequence[Part]


def window_of(table: Contraction, form: Linear, low: int, step: int) -> Window | None:
    """How a dimension is read whose elements stand `step` apart; None where some output
    reads none of them, or positions are not neighbours."""
    taps = [i for i in form.iterators if table.role(i) is Role.K]
    positions = [i for i in form.iterators if i not in taps]
    if len(positions) != 1 or len(taps) > 1 or min(form.coefficients) < 0:
        return None
    position, tap = positions[0], taps[0] if taps else None
    if form.coefficients[position] != 1:
        return None
    dilation = 0 if tap is None else form.coefficients[tap]
    count = 1 if tap is None else table.extents[tap]
    parts: list[Part] = []
    for first in range(min(step, table.extents[position])):
        start = first + form.constant - low
        met = [r for r in range(count) if (start + dilation * r) % step == 0]
        if not met:
            return None
        size = -((first - table.extents[position]) // step)
        base = (start + dilation * met[0]) // step
        between = met[1] - met[0] if len(met) > 1 else 1
        apart = dilation * between // step if len(met) > 1 else 1
        parts.append(Part(first, size, met[0], len(met), between, base, apart))
    return Window(position, tap, step, parts)


def windows_of(op: ContractOp, spread: Spread) -> Mapping[int, Window] | None:
    """The dimensions of a with zeros between, and how they are read; None where one of
    them cannot be read in parts."""
    table = contraction_of((op.a, op.b, op.c), op.maps)
    if table is None or op.schedule is not None or op.beta_value != 0.0:
        return None
    found: dict[int, Window] = {}
    for d, (form, low, step) in enumerate(
        zip(table.a, spread.low, spread.steps, strict=True)
    ):
        if step == 1:
            continue
        if not isinstance(form, Linear):
            return None
        window = window_of(table, form, low, step)
        if window is None:
            return None
        found[d] = window
    # each of their iterators is once in a, and a dimension of its own elsewhere
    own = [i for w in found.values() for i in (w.position, w.tap) if i is not None]
    in_a = [i for e in op.maps[0].results for i in e.used_dims()]
    if any(in_a.count(i) != 1 for i in own):
        return None
    apart = all(
        isinstance(e, AffineDimExpr) or e.used_dims().isdisjoint(own)
        for m in op.maps[1:]
        for e in m.results
    )
    return found if apart else None


At = Mapping[int, tuple[int, int, int]]
"""The values that iterators have in a part: the first, how many, and their step."""

Slice = tuple[Sequence[int], Sequence[int], Sequence[int]]
"""Offsets, sizes and steps."""


def place(map_: AffineMap, at: At, shape: Sequence[int]) -> Slice:
    """What a part has of an operand."""
    offsets, sizes, steps = [0] * len(shape), list(shape), [1] * len(shape)
    for d, expr in enumerate(map_.results):
        for i in expr.used_dims() & at.keys():
            offsets[d], sizes[d], steps[d] = at[i]
    return offsets, sizes, steps


def extracted(value: SSAValue, at: Slice) -> SSAValue:
    """Emits a slice of a tensor: itself, if it is all."""
    if tuple(at[1]) == shape_of(value):
        return value
    return tensor.ExtractSliceOp.from_static_parameters(value, *at).result


@dataclass(frozen=True)
class Split:
    """Emits the parts of a contraction."""

    op: ContractOp
    spread: Spread
    windows: Mapping[int, Window]

    def padded(self) -> tuple[SSAValue, Sequence[int]]:
        """The elements, with zeros where some part reads beyond them, and how many of
        these stand before each dimension."""
        sizes = shape_of(self.spread.source)
        low = list(self.spread.low)
        whole = shape_of(self.op.a)
        high = [w - n - i for w, n, i in zip(whole, sizes, low, strict=True)]
        for d, window in self.windows.items():
            low[d] = max(0, *(-p.base for p in window.parts))
            high[d] = max(0, *(p.base + p.reach - sizes[d] for p in window.parts))
        return pad_with_zeros(self.spread.source, low, high), low

    def emitted(self) -> SSAValue:
        """c, put together from its parts."""
        a, low = self.padded()
        whole = tensor.EmptyOp((), tensor_type(self.op.c)).tensor
        for parts in product(*(w.parts for w in self.windows.values())):
            of = dict(zip(self.windows, parts, strict=True))
            at = self.values(of)
            where = place(self.op.maps[2], at, shape_of(whole))
            part = self.part(a, low, of, at, where[1])
            whole = tensor.InsertSliceOp.from_static_parameters(
                part, whole, *where
            ).result
        return whole

    def values(self, of: Mapping[int, Part]) -> At:
        """What the iterators of the whole are in a part."""
        at: dict[int, tuple[int, int, int]] = {}
        for d, part in of.items():
            window = self.windows[d]
            at[window.position] = part.first, part.size, window.step
            if window.tap is not None:
                at[window.tap] = part.tap, part.taps, part.between
        return at

    def part(
        self,
        a: SSAValue,
        low: Sequence[int],
        of: Mapping[int, Part],
        at: At,
        shape: Sequence[int],
    ) -> SSAValue:
        """One part, of which each operand is a slice."""
        op, epilogue = self.op, self.op.epilogue
        sizes = list(shape_of(a))
        offsets, results = [0] * len(sizes), list(op.maps[0].results)
        for d, part in of.items():
            window = self.windows[d]
            offsets[d], sizes[d] = low[d] + part.base, part.reach
            results[d] = AffineExpr.dimension(window.position)
            if window.tap is not None:
                results[d] += AffineExpr.dimension(window.tap) * part.apart
        of_a = AffineMap(op.maps[0].num_dims, 0, tuple(results))
        others = [
            extracted(v, place(m, at, shape_of(v)))
            for v, m in zip((op.b, *op.extras), (op.maps[1], *op.maps[3:]), strict=True)
        ]
        type_ = TensorType(tensor_type(op.c).element_type, shape)
        new = ContractOp(
            extracted(a, (offsets, sizes, [1] * len(sizes))),
            others[0],
            tensor.EmptyOp((), type_).tensor,
            (of_a, *op.maps[1:]),
            op.iterator_types,
            extras=others[1:],
            epilogue=epilogue and Region(clone_block(epilogue.block)),
            beta=0.0,
        )
        assert new.res is not None
        return new.res


def skipping(op: ContractOp) -> SSAValue | None:
    """Emits c without products with zeros; None where there are none, or it cannot."""
    if op.res is None or (spread := spread_of(op.a)) is None:
        return None
    windows = windows_of(op, spread)
    return None if windows is None else Split(op, spread, windows).emitted()


@dataclass(frozen=True)
class SkipZerosPass(ModulePass):
    """Convolutions over elements that stand apart, a part for each residue."""

    name = "skip-zeros"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for contract in [o for o in op.walk() if isinstance(o, ContractOp)]:
            at = LocatedBuilder(InsertPoint.before(contract), contract.location)
            with ImplicitBuilder(at):
                result = skipping(contract)
            if result is not None:
                Rewriter.replace_op(contract, (), (result,))
        erase_unused(op)
