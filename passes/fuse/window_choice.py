"""Which windows `transform-windows` takes, and what makes them worth it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.dialects.builtin import AnyFloat
from xdsl.ir.affine import AffineExpr

from brdialect.ops import ContractOp
from brdialect.roles import Contraction, Linear, Role
from brdialect.targets import Target
from passes.normalise.normalise_contractions import contraction_of
from passes.shared.build import shape_of, tensor_type
from passes.shared.load_time import is_load_time

TAPS, OUTPUTS, POINTS = 3, 2, 4
"""Of a window; computed together; products that this takes."""

LEAST_CHANNELS = 24
"""C K / (C + K): products that are spared, over the channels that are transformed
(measured on 56x56 pixels: 32 to 32 0.7-1.1, 32 to 128 1.3, 64 to 64 1.3 times as
fast)."""

LEAST_TILES = 16
"""Rows of a product; twice as many where the weights outgrow the L2: they arrive from
memory in each call, and there are 16/9 as many (7x7 pixels of 512 channels in
ResNet-50, 16 tiles: 0.88 times as fast)."""

MOST_BYTES = 64 << 20
"""Of transformed inputs and products: more come and go through memory, and the gain
with them (64 channels: 224x224 pixels 1.06, 112x112 1.33 times as fast)."""


@dataclass(frozen=True)
class Window:
    """An output position and a tap, the iterators that a dimension of a is the sum of,
    and where they stand in the operands."""

    position: int
    tap: int
    in_a: int
    in_b: int
    in_c: int


def windows_of(op: ContractOp, target: Target) -> Sequence[Window]:
    """The windows of three taps whose outputs pairs can share; empty where the op is
    not worth it."""
    table = contraction_of((op.a, op.b, op.c), op.maps)
    if table is None or op.schedule is not None or op.beta_value != 0.0:
        return ()
    if op.res is None or not is_load_time(op.b):
        return ()
    of_a, of_b, of_c = op.maps[:3]
    if not of_c.is_projected_permutation():
        return ()
    found: list[Window] = []
    for place, form in enumerate(table.a):
        if not isinstance(form, Linear) or len(form.iterators) != 2:
            continue
        position, tap = form.iterators
        if table.role(position) is Role.K:
            position, tap = tap, position
        h, r = AffineExpr.dimension(position), AffineExpr.dimension(tap)
        extents = table.extents[position], table.extents[tap]
        plain = form.constant == 0 and {form.coefficients[i] for i in (position, tap)}
        if plain != {1} or extents[1] != TAPS or extents[0] < OUTPUTS:
            continue
        alone = [
            e
            for m in (of_a, of_b, of_c)
            for e in m.results
            if {position, tap} & e.used_dims()
        ]
        in_c = of_c.results.index(h) if h in of_c.results else None
        in_b = of_b.results.index(r) if r in of_b.results else None
        whole = shape_of(op.a)[place] == extents[0] + TAPS - 1
        if in_b is None or in_c is None or len(alone) != 3 or not whole:
            continue
        found.append(Window(position, tap, place, in_b, in_c))
    return found if is_worth_it(op, table, found, target) else ()


def is_worth_it(
    op: ContractOp, table: Contraction, windows: Sequence[Window], target: Target
) -> bool:
    """Whether the products spared outweigh the transforms."""
    extents = dict(enumerate(table.extents))
    positions = {w.position for w in windows}
    if any(positions & m.used_dims() for m in op.maps[3:]) and any(
        extents[i] % OUTPUTS for i in positions
    ):
        return False  # what the epilogue reads ends before the last tile does
    extents |= {i: -(-extents[i] // OUTPUTS) for i in positions}
    extents |= {w.tap: 1 for w in windows}
    tiles, inner, columns, groups = (
        prod(extents[i] for i in table.having(role))
        for role in (Role.M, Role.K, Role.N, Role.OUTER)
    )
    element = tensor_type(op.c).element_type
    if not isinstance(element, AnyFloat):
        return False
    # the bytes of one number for each point
    size = POINTS ** len(windows) * groups * element.size
    arrives = size * inner * columns > target.l2
    return (
        len(windows) > 1
        and inner * columns >= LEAST_CHANNELS * (inner + columns)
        and tiles >= LEAST_TILES * (1 + arrives)
        and size * tiles * (inner + columns) <= MOST_BYTES
    )
