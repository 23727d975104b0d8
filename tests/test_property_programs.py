"""Compiled programs of several operations compute what numpy computes: values that are
read again later, parts of values, results returned twice, NaN and infinities.

`BR_PROPERTY_EXAMPLES=500 pytest tests/test_property_programs.py` tries more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from contractions import SPECIAL
from hypothesis import given
from hypothesis import strategies as st
from programs import BINARY, UNARY, Program
from steps import STEPS, fresh
from test_property import DATA, check, examples, poisoned, program

from runtime.host import host_target

__all__ = ["poisoned"]  # the fixture holds in this file too


@examples(100)
@given(DATA)
def test_programs(data: st.DataObject):
    draw: Callable[..., Any] = data.draw
    p = program(draw)
    values = [fresh(draw, p)]
    for step in draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=6)):
        values.append(step(draw, p, draw(st.sampled_from(values))))
    p.results += [values[-1], *draw(st.lists(st.sampled_from(values), max_size=2))]
    check(draw, p)


@pytest.mark.parametrize("element", ["f32", "f64"])
def test_ieee(element: str):
    """What each function makes of NaN, infinities and signed zeros."""
    p = Program(element)
    corners = [*SPECIAL, 0.0, 1.0, -1.0, 1e-30, -1e-30, 700.0, -700.0]
    grid = np.array(np.meshgrid(corners, corners)).reshape(2, -1)
    x, y = p.input(grid[0]), p.input(grid[1])
    p.results += [p.apply(f, x) for f in UNARY.values()]
    p.results += [p.apply(f, x, y) for f in BINARY.values()]
    p.check(host_target(1))
