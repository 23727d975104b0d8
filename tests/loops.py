"""What structured operations mean, one point of the loops after the other."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from xdsl.ir.affine import AffineMap
from xdsl.parser import Parser

from brdialect.source import context

Array = NDArray[Any]
SIZES = st.sampled_from([1, 2, 3, 5, 7])
"""Sizes that divide nothing, and 1."""


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def loops(
    maps: Sequence[AffineMap],
    extents: Sequence[int],
    body: Callable[..., float],
    inputs: Sequence[Array],
    output: Array,
) -> Array:
    """What a structured operation means, one point after the other."""
    result = output.astype(np.float64)
    *reads, store = maps
    for point in itertools.product(*map(range, extents)):
        elements = [
            float(x[m.eval(point, ())]) for x, m in zip(inputs, reads, strict=True)
        ]
        where = store.eval(point, ())
        result[where] = body(*elements, float(result[where]))
    return result


def map_of(text: str) -> AffineMap:
    """`map_of("(i, j) -> (j, i floordiv 2)")`"""
    attribute: Any = Parser(context(), f"affine_map<{text}>").parse_attribute()
    return attribute.data


def tensor_type(array: Array) -> str:
    return f"tensor<{''.join(f'{n}x' for n in array.shape)}f32>"
