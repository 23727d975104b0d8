"""Compiled contractions compute what numpy computes in float64, whatever their sizes,
layouts, transposes, strides, dilations, epilogues and schedules.

`BR_PROPERTY_EXAMPLES=500 pytest tests/test_property.py` tries more than the default.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from contractions import (
    CONVOLUTIONS,
    Draw,
    contraction,
    convolution,
    einsum_of,
    epilogue,
    product,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import Program, poison
from schedules import schedule_of, scheduled

from brdialect.target import TARGETS, Target
from runtime.host import host_target

DATA: st.SearchStrategy[Any] = st.data()


def examples(default: int) -> Any:
    """Settings of one property: how many programs it compiles."""
    return settings(
        max_examples=int(os.environ.get("BR_PROPERTY_EXAMPLES", default)),
        suppress_health_check=[HealthCheck.too_slow],
    )


@pytest.fixture(scope="module", autouse=True)
def poisoned() -> Iterator[None]:
    """Memory that nothing has written yet is NaN."""
    with pytest.MonkeyPatch.context() as patch:
        poison(patch)
        yield


def machine(draw: Draw) -> Target:
    """A machine that this one can play: small caches and few registers make a small
    program take the paths of a large one."""
    row = draw(st.sampled_from([TARGETS["x86-64-v3"], host_target(1)]))
    return replace(
        row,
        vector_bytes=draw(st.sampled_from([row.vector_bytes, row.vector_bytes, 16])),
        vector_registers=draw(st.sampled_from([row.vector_registers, 16, 8, 32])),
        l1=draw(st.sampled_from([row.l1, 1 << 10])),
        l2=draw(st.sampled_from([row.l2, 4 << 10])),
        threads=draw(st.sampled_from([1, 2])),
    )


def check(draw: Draw, p: Program) -> None:
    """Compiles for a drawn machine, with some arguments bound at load time."""
    indices = st.sampled_from(range(len(p.inputs))) if p.inputs else st.nothing()
    bound = draw(st.just([]) | st.lists(indices, unique=True))
    p.check(machine(draw), bound)


def program(draw: Draw) -> Program:
    return Program(draw(st.sampled_from(["f32", "f32", "f64"])))


@examples(25)
@given(DATA)
def test_named_products(data: st.DataObject):
    p = program(data.draw)
    value = product(data.draw, p)
    p.results.append(epilogue(data.draw, p, value, len(value.shape) - 1))
    check(data.draw, p)


@examples(25)
@given(DATA)
def test_einsums(data: st.DataObject):
    p = program(data.draw)
    value = contraction(data.draw, p, einsum_of(data.draw))
    channel = data.draw(st.integers(0, max(0, len(value.shape) - 1)))
    p.results.append(epilogue(data.draw, p, value, channel))
    check(data.draw, p)


@examples(30)
@given(DATA)
def test_convolutions(data: st.DataObject):
    p = program(data.draw)
    name = data.draw(st.sampled_from(sorted(CONVOLUTIONS)))
    value, channel = convolution(data.draw, p, name)
    p.results.append(epilogue(data.draw, p, value, channel))
    check(data.draw, p)


@examples(30)
@given(DATA)
def test_schedules(data: st.DataObject):
    p = program(data.draw)
    e = einsum_of(data.draw, columns=True)
    p.results.append(scheduled(data.draw, p, e, schedule_of(data.draw, e)))
    check(data.draw, p)
