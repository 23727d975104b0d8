"""Transposed convolutions, which are split by residues, against their definition: each
element is scattered by the window."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from test_property import poisoned

import brdialect

__all__ = ["poisoned"]  # the fixture holds in this file too

Array = NDArray[Any]

# sizes, kernel, strides, dilations, pads (low.., high..), output_padding, groups
CASES: dict[str, tuple[Sequence[int], ...]] = {
    "doubled": ((5, 7), (4, 4), (2, 2), (1, 1), (1, 1, 1, 1), (0, 0), (1,)),
    "tiles": ((4, 3), (2, 2), (2, 2), (1, 1), (0, 0, 0, 0), (0, 0), (1,)),
    "a tail": ((5, 4), (3, 3), (2, 2), (1, 1), (1, 1, 1, 1), (1, 1), (1,)),
    "sides differ": ((4, 6), (5, 3), (3, 2), (1, 1), (0, 2, 1, 0), (0, 1), (1,)),
    "one dimension": ((9,), (7,), (3,), (1,), (2, 2), (1,), (1,)),
    "dilated": ((5, 5), (3, 4), (2, 2), (3, 3), (2, 1, 2, 1), (0, 0), (1,)),
    "one stride": ((5, 6), (3, 3), (1, 2), (1, 1), (1, 1, 1, 1), (0, 1), (1,)),
    "groups": ((5, 6), (4, 3), (2, 2), (1, 1), (1, 1, 1, 1), (0, 0), (3,)),
    "depthwise": ((5, 6), (4, 4), (2, 2), (1, 1), (1, 1, 1, 1), (0, 0), (6,)),
    "three": ((3, 2, 4), (2, 3, 4), (2, 2, 2), (1, 1, 1), (0,) * 6, (0, 0, 0), (1,)),
    "holes": ((4, 5), (2, 3), (3, 2), (1, 1), (0, 0, 0, 0), (0, 0), (1,)),
    "even dilation": ((4, 5), (3, 3), (2, 2), (2, 1), (0, 0, 0, 0), (0, 0), (1,)),
}
LEFT_WHOLE = "holes", "even dilation"
"""Some outputs of these are sums of nothing."""


def scattered(x: Array, w: Array, case: str) -> Array:
    """x: [n, g * c, sizes..], w: [g * c, f, kernel..]; in f64."""
    sizes, kernel, strides, dilations, pads, extra, (groups,) = CASES[case]
    rank, inner = len(sizes), x.shape[1] // groups
    reach = [
        (n - 1) * s + (k - 1) * d + 1 + e
        for n, k, s, d, e in zip(sizes, kernel, strides, dilations, extra, strict=True)
    ]
    y = np.zeros((len(x), groups * w.shape[1], *reach))
    for g, taps in product(range(groups), product(*map(range, kernel))):
        channels = slice(g * inner, (g + 1) * inner)
        part = np.einsum("nc...,cf->nf...", x[:, channels], w[channels, :, *taps])
        at = [
            slice(r * d, r * d + (n - 1) * s + 1, s)
            for r, d, n, s in zip(taps, dilations, sizes, strides, strict=True)
        ]
        y[:, g * w.shape[1] : (g + 1) * w.shape[1], *at] += part
    ends = [n - high for n, high in zip(reach, pads[rank:], strict=True)]
    cut = [slice(low, end) for low, end in zip(pads[:rank], ends, strict=True)]
    return y[:, :, *cut]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_transposed_convolutions(case: str, threads: int, tmp_path: Path) -> None:
    sizes, kernel, strides, dilations, pads, extra, (groups,) = CASES[case]
    random = np.random.default_rng()
    x = random.standard_normal((2, 6, *sizes))
    w = random.standard_normal((6, 6 // groups + 1, *kernel))
    bias = random.standard_normal(groups * w.shape[1])
    plain = scattered(x, w, case)
    residual = random.standard_normal(plain.shape)
    want = np.maximum(plain + bias.reshape(-1, *[1] * len(sizes)) + residual, 0)
    x, w, bias, residual = (a.astype(np.float32) for a in (x, w, bias, residual))
    names = {"x": x, "residual": residual}
    graph = helper.make_graph(
        [
            helper.make_node(
                "ConvTranspose",
                ["x", "w", "bias"],
                ["a"],
                strides=strides,
                dilations=dilations,
                pads=pads,
                output_padding=extra,
                group=groups,
            ),
            helper.make_node("Add", ["a", "residual"], ["b"]),
            helper.make_node("Relu", ["b"], ["y"]),
        ],
        "graph",
        [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, a.shape)
            for n, a in names.items()
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(a, n) for n, a in (("w", w), ("bias", bias))],
    )
    path = tmp_path / "model.onnx"
    opset = [helper.make_opsetid("", 22)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), path)
    compiled = brdialect.compile(path, threads=threads)
    parts = compiled.ir("fuse").count("br.contract")
    assert parts == (1 if case in LEFT_WHOLE else prod(strides))
    got = compiled(x, residual)
    assert isinstance(got, np.ndarray)
    np.testing.assert_allclose(got, want, atol=3e-5)
