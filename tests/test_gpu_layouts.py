"""The arithmetic of GPU kernels: counting in several dimensions, places in banks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brdialect.reference.gpu.memory import conflicts
from passes.gpu.shared_layout import SharedLayout
from passes.shared.digits import Digits, divided, modulo, unravel, xor

DIMENSIONS = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 64)), max_size=4)


@given(DIMENSIONS)
def test_digits_count_as_numpy_does(dims: list[tuple[int, int]]):
    digits = Digits(tuple(e for e, _ in dims), tuple(s for _, s in dims))
    shape = digits.extents
    for i in range(digits.size):
        places = np.unravel_index(i, shape) if shape else ()
        want = sum(int(x) * s for x, s in zip(places, digits.strides, strict=True))
        assert digits.offset(i) == digits.merged.offset(i) == want
        assert unravel(i, shape) == list(places)


@given(DIMENSIONS, st.sampled_from([1, 2, 4, 8]))
def test_a_run_lies_side_by_side(dims: list[tuple[int, int]], most: int):
    digits = Digits(tuple(e for e, _ in dims), tuple(s for _, s in dims))
    run = digits.run(most)
    for start in range(0, digits.size, run):
        first = digits.offset(start)
        assert isinstance(first, int)
        assert run == 1 or first % run == 0
        for step in range(min(run, digits.size - start)):
            assert digits.offset(start + step) == first + step


def test_dimensions_that_are_one_are_merged():
    whole = Digits((2, 3, 4), (12, 4, 1))
    assert whole.merged == Digits((24,), (1,))
    assert Digits((2, 3, 4), (16, 4, 1)).merged == Digits((2, 12), (16, 1))
    assert Digits((1, 3, 1), (9, 5, 7)).merged == Digits((3,), (5,))
    assert (divided(17, 5), modulo(17, 5), xor(6, 3)) == (3, 2, 5)


LAYOUTS = [
    SharedLayout(rows, width, size)
    for rows in (32, 128)
    for width, size in ((8, 4), (16, 4), (32, 4), (64, 4), (16, 2), (32, 2), (64, 2))
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_the_rows_of_a_matrix_lie_in_different_banks(layout: SharedLayout):
    chunk = layout.chunk
    seen: set[int] = set()
    for column in range(0, layout.width, chunk):
        for first in range(0, layout.rows, 8):
            places: list[int] = []
            for row in range(first, first + 8):
                place = layout.offset(row, column)
                assert isinstance(place, int) and place % chunk == 0
                # a chunk stays together
                assert layout.offset(row, column + chunk - 1) == place + chunk - 1
                places.append(place)
            seen.update(places)
            assert conflicts(np.array(places * 4) * layout.element_bytes, 16) == 0
    assert len(seen) == layout.size // chunk  # no place is taken twice


@pytest.mark.parametrize("width", [32, 64, 128])
def test_words_across_the_sum_lie_in_different_banks(width: int):
    layout = SharedLayout(16, width, 4, words=True)
    lane = np.arange(32)
    for first in range(0, width, 8):
        places = [layout.offset(int(x % 4), int(first + x // 4)) for x in lane]
        assert conflicts(4 * np.array(places), 4) == 0
    every = {layout.offset(r, c) for r in range(16) for c in range(width)}
    assert every == set(range(layout.size))


def test_conflicts_are_counted():
    lane = np.arange(32)
    assert conflicts(4 * lane, 4) == 0
    assert conflicts(0 * lane, 4) == 0  # one word for all
    assert conflicts(8 * lane, 4) == 1
    assert conflicts(128 * lane, 4) == 31
