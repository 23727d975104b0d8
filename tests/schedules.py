"""Schedules drawn by hypothesis: any order, blocking, packing that fits an einsum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from contractions import Draw, Einsum, beginning, operand, summed
from hypothesis import strategies as st
from programs import BINARY, CONSTANTS, UNARY, Program, Value, spread_out


def steps_of(draw: Draw, extent: int, last: int | None) -> list[int]:
    """Steps of the loops over one iterator, from the outside in; each divides the one
    before. `last` is the innermost, any size where None."""
    inner = draw(st.integers(1, extent)) if last is None else last
    steps = [inner]
    while len(steps) < 3 and draw(st.integers(0, 2)) == 0:
        steps.insert(0, steps[0] * draw(st.sampled_from([2, 3])))
    return steps


def interleaved(draw: Draw, chains: Sequence[Sequence[str]]) -> list[str]:
    """The words of all chains in one order that keeps the order of each."""
    rest = [list(c) for c in chains if c]
    words: list[str] = []
    while rest:
        chain = draw(st.sampled_from(rest))
        words.append(chain.pop(0))
        rest = [c for c in rest if c]
    return words


def schedule_of(draw: Draw, e: Einsum) -> str:
    """A legal schedule of the einsum, as its line."""
    place = {x: chr(ord("a") + i) for i, x in enumerate(e.extents)}
    rows = [x for x in e.a if x in e.c and x not in e.b]
    sums = [x for x in e.a if x in e.b and x not in e.c]
    m = draw(st.sampled_from([None, *rows]))
    n = e.c[-1]
    k = draw(st.sampled_from([None, *sums]))
    batch = [x for x in draw(st.permutations(sums)) if x != k]
    batch = batch[: draw(st.integers(0, len(batch)))]
    called = [x for x in (m, n, k, *batch) if x]

    chains: list[list[str]] = []
    calls: dict[str, int] = dict(e.extents)
    for x in e.extents:
        if x in called and draw(st.booleans()):
            continue
        steps = steps_of(draw, e.extents[x], None if x in called else 1)
        calls[x] = steps[-1]
        capital = x in e.c and draw(st.booleans())
        letter = place[x].upper() if capital else place[x]
        chains.append([f"{letter}{step}" for step in steps])

    parts = [" ".join(interleaved(draw, chains))]
    roles = [f"{r}={place[x]}" for r, x in (("m", m), ("n", n), ("k", k)) if x]
    if batch:
        roles.append("batch=" + ",".join(place[x] for x in batch))
    parts.append(" ".join(roles))
    if draw(st.booleans()):
        parts.append(f"tile={draw(st.integers(1, 7))}x{draw(st.integers(1, 3))}")
    packs = [
        f"{name}{calls[x] * draw(st.integers(1, 2))}"
        for name, x in (("a", m), ("b", n))
        if x and draw(st.booleans())
    ]
    if packs:
        parts.append("pack=" + ",".join(packs))
    return " | ".join(parts)


def scheduled(draw: Draw, p: Program, e: Einsum, schedule: str) -> Value:
    """A br.contract with this schedule and an epilogue: bias, then a function."""
    a, b = operand(draw, p, e.shape(e.a)), operand(draw, p, e.shape(e.b))
    shape = e.shape(e.c)
    start = beginning(draw, p, shape, len(shape) - 1)
    overwrites = draw(st.booleans())
    bias = operand(draw, p, shape[-1:])
    name = draw(st.sampled_from(sorted(UNARY)))
    function = UNARY[name].body.format("%s", t=p.element)
    constants = "\n".join(
        f" %{n} = arith.constant {c!r} : {p.element}"
        for n, c in CONSTANTS.items()
        if f"%{n}" in function
    )
    kinds = {"p": "parallel", "r": "reduction"}
    iterators = ", ".join(f"#linalg.iterator_type<{kinds[i]}>" for i in e.iterators)
    dims = ", ".join(f"d{i}" for i in range(len(e.extents)))
    column = e.maps[2].split(", ")[-1]
    maps = ", ".join(f"affine_map<({dims}) -> ({m})>" for m in (*e.maps, column))
    result, t = p.type(shape), p.element
    text = p.emit(
        f"br.contract ins({a.name}, {b.name} : {p.type(a.shape)}, {p.type(b.shape)}) "
        f"outs({start.name} : {result}) "
        f"{{indexing_maps = [{maps}], iterator_types = [{iterators}], "
        f"{'beta = 0.0 : f64, ' if overwrites else ''}"
        f'schedule = #br.schedule<"{schedule}">}} '
        f"epilogue({bias.name} : {p.type(bias.shape)}) {{\n"
        f" ^bb0(%acc: {t}, %x1: {t}):\n"
        f" %s = arith.addf %acc, %x1 : {t}\n{constants}\n {function}\n"
        f" br.yield %y : {t}\n }} -> {result}"
    )
    if overwrites:
        start = Value("", np.zeros(start.shape), np.zeros(start.shape))
    total = summed(p, "", a, b, start, str(e))
    wide = spread_out(bias, [len(shape) - 1], shape)
    biased = p.rounded("", BINARY["add"], [total, wide])
    return p.rounded(text, UNARY[name], [biased])
