"""Operators as each opset defines them, of what is known as of what is computed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import NodeProto, helper, numpy_helper

import brdialect
from frontends.from_onnx import from_model

Array = np.ndarray[Any, np.dtype[Any]]
node = helper.make_node


def numbers(*shape: int, seed: int = 0, dtype: str = "f4") -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def run(
    made: NodeProto, opset: int, inputs: Mapping[str, Array], known: bool = False
) -> list[Array]:
    """The results of one node, whose inputs are arguments, or known."""
    constants = inputs if known else {k: x for k, x in inputs.items() if k in "ijk"}
    given = {k: x for k, x in inputs.items() if k not in constants}
    graph = helper.make_graph(
        [made],
        "g",
        [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape
            )
            for name, x in given.items()
        ],
        [onnx.ValueInfoProto(name=name) for name in made.output],
        [numpy_helper.from_array(x, name) for name, x in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 9
    found = brdialect.compile(from_model(model))(*given.values())
    return list(found) if isinstance(found, tuple) else [found]


BOTH = pytest.mark.parametrize("known", [False, True], ids=["given", "known"])
"""Of inputs that are known small results are computed when the model is compiled."""


def log_softmax(x: Array) -> Array:
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


@BOTH
def test_softmax_before_13_flattens(known: bool) -> None:
    """[2, 3, 4] along 1 is [2, 12] along 1"""
    x = numbers(2, 3, 4)
    (got,) = run(node("LogSoftmax", ["x"], ["y"], axis=1), 11, {"x": x}, known)
    want = log_softmax(x.reshape(2, 12)).reshape(2, 3, 4)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@BOTH
def test_lengths_of_sequences(known: bool) -> None:
    """A sequence that ends early: the last state is the one at its end."""
    x, w, r = numbers(3, 2, 2), numbers(1, 4, 2, seed=1), numbers(1, 4, 4, seed=2)
    lengths = np.array([3, 1], np.int32)
    made = node("RNN", ["x", "w", "r", "", "n"], ["y", "last"], hidden_size=4)
    inputs = {"x": x, "w": w, "r": r, "n": lengths}
    y, last = run(made, 14, inputs, known)
    h = np.zeros((2, 4), np.float32)
    for t in range(3):
        new = np.tanh(x[t] @ w[0].T + h @ r[0].T)
        np.testing.assert_allclose(y[t, 0, 0], new[0], rtol=1e-4, atol=1e-6)
        h = np.where((t < lengths)[:, None], new, h)
    np.testing.assert_allclose(last[0], h, rtol=1e-4, atol=1e-6)
    assert not y[1:, 0, 1].any()


@BOTH
def test_batch_normalization_of_9(known: bool) -> None:
    x = numbers(2, 3, 2)
    scale, bias, mean = (numbers(3, seed=i) for i in (1, 2, 3))
    variance = np.abs(numbers(3, seed=4)) + 0.5
    made = node("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"], epsilon=0.25)
    inputs = {"x": x, "s": scale, "b": bias, "m": mean, "v": variance}
    (got,) = run(made, 9, inputs, known)
    scale, bias, mean, variance = (a[:, None] for a in (scale, bias, mean, variance))
    want = (x - mean) / np.sqrt(variance + 0.25) * scale + bias
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)


@BOTH
def test_group_normalization_of_18(known: bool) -> None:
    """Scale and bias for each group; opset 21 has them for each channel."""
    x = numbers(2, 6, 3)
    scale, bias = numbers(2, seed=1), numbers(2, seed=2)
    made = node("GroupNormalization", ["x", "s", "b"], ["y"], num_groups=2)
    (got,) = run(made, 18, {"x": x, "s": scale, "b": bias}, known)
    groups = x.reshape(2, 2, 9)
    middle = groups.mean(axis=2, keepdims=True)
    root = np.sqrt(groups.var(axis=2, keepdims=True) + 1e-5)
    want = (groups - middle) / root * scale[:, None] + bias[:, None]
    np.testing.assert_allclose(got, want.reshape(x.shape), rtol=1e-4, atol=1e-5)


@BOTH
def test_axes_that_are_not_in_order(known: bool) -> None:
    x = numbers(3, 1, 4)
    (got,) = run(node("Unsqueeze", ["x"], ["y"], axes=[-4, 3]), 12, {"x": x}, known)
    np.testing.assert_array_equal(got, x.reshape(3, 1, 1, 1, 4))


@BOTH
@pytest.mark.parametrize("dtype", ["i4", "i8"])
def test_sums_of_integers_keep_their_type(dtype: str, known: bool) -> None:
    x = np.arange(6, dtype=dtype).reshape(2, 3)
    for kind, want in [("ReduceSumSquare", [5, 50]), ("ReduceLogSum", [1, 2])]:
        made = node(kind, ["x"], ["y"], axes=[1], keepdims=0)
        (got,) = run(made, 13, {"x": x}, known)
        assert got.dtype == x.dtype
        assert got.tolist() == want, kind
    made = node("ReduceLogSumExp", ["x"], ["y"], axes=[1], keepdims=0)
    (got,) = run(made, 13, {"x": 100 * x}, known)
    assert got.dtype == x.dtype
    assert got.tolist() == [200, 500]


def test_shrink_of_integers() -> None:
    x = np.arange(4, dtype=np.uint32)
    (got,) = run(node("Shrink", ["x"], ["y"], lambd=0.5, bias=0.2), 9, {"x": x})
    assert got.tolist() == [0, 0, 1, 2]


def test_depth_to_space_before_modes() -> None:
    x = numbers(1, 8, 2, 3)
    (got,) = run(node("DepthToSpace", ["x"], ["y"], blocksize=2), 7, {"x": x})
    blocks = x.reshape(1, 2, 2, 2, 2, 3)
    want = blocks.transpose(0, 3, 4, 1, 5, 2).reshape(1, 2, 4, 6)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(("opset", "dtype"), [(7, "f4"), (10, "?")])
def test_mask_of_dropout(opset: int, dtype: str) -> None:
    x = numbers(2, 3)
    y, mask = run(node("Dropout", ["x"], ["y", "mask"]), opset, {"x": x})
    np.testing.assert_array_equal(y, x)
    assert mask.dtype == np.dtype(dtype)


@BOTH
def test_slices_that_walk_back_from_before_the_first(known: bool) -> None:
    """The standard clamps such a start to 0, where Python finds nothing."""
    x = numbers(3)
    bounds = {k: np.array([n]) for k, n in zip("ijk", [-5, -9, -1], strict=True)}
    made = node("Slice", ["x", "i", "j", "", "k"], ["y"])
    (got,) = run(made, 13, {"x": x, **bounds}, known)
    np.testing.assert_array_equal(got, x[:1])


def test_nothing_is_gathered() -> None:
    none = np.zeros((0, 2), np.int64)
    (got,) = run(node("Gather", ["x", "i"], ["y"]), 13, {"x": numbers(3, 4), "i": none})
    assert got.shape == (0, 2, 4)


def test_nothing_is_sliced_twice() -> None:
    bounds = {"i": [2, 0], "j": [2, 2], "k": [-1, -1]}
    inputs = {k: np.array(n) for k, n in bounds.items()}
    made = node("Slice", ["x", "i", "j", "", "k"], ["y"])
    (got,) = run(made, 13, {"x": numbers(3, 4), **inputs})
    assert got.shape == (0, 0)


def test_choice_among_nothing() -> None:
    none = np.zeros((0, 3), np.bool_)
    inputs = {"i": none, "x": numbers(0, 3), "z": numbers()}
    (got,) = run(node("Where", ["i", "x", "z"], ["y"]), 13, inputs)
    assert got.shape == (0, 3)


def test_resized_to_nothing() -> None:
    scales = np.array([1, 1, 0.4, 1], np.float32)
    made = node("Resize", ["x", "", "i"], ["y"], mode="linear")
    (got,) = run(made, 13, {"x": numbers(1, 2, 2, 3), "i": scales})
    assert got.shape == (1, 2, 0, 3)


@pytest.mark.parametrize(
    ("size", "want"), [(4, [2, 2, 0]), (5, [2, 2, 1]), (0, [0] * 3)]
)
def test_parts_of_which_the_last_are_smaller(size: int, want: list[int]) -> None:
    made = node("Split", ["x"], ["a", "b", "c"], num_outputs=3, axis=1)
    x = numbers(2, size)
    found = run(made, 18, {"x": x})
    assert [part.shape[1] for part in found] == want
    np.testing.assert_array_equal(np.concatenate(found, axis=1), x)


def test_nearest_of_10() -> None:
    """To fewer elements it rounds up, as the standard's own case of opset 10 does."""
    scales = np.array([1, 1, 0.6, 0.6], np.float32)
    x = np.arange(1, 9, dtype=np.float32).reshape(1, 1, 2, 4)
    (got,) = run(node("Resize", ["x", "i"], ["y"]), 10, {"x": x, "i": scales})
    assert got.tolist() == [[[[1, 3]]]]
    doubled = np.array([1, 1, 1, 2.5], np.float32)
    (got,) = run(node("Resize", ["x", "i"], ["y"]), 10, {"x": x, "i": doubled})
    assert got[0, 0, 0].tolist() == [1, 1, 1, 2, 2, 3, 3, 3, 4, 4]


@pytest.mark.parametrize(
    ("auto_pad", "first"), [("NOTSET", 1), ("SAME_LOWER", 1), ("SAME_UPPER", 0)]
)
def test_transposed_convolution_of_a_wanted_size(auto_pad: str, first: int) -> None:
    """Of three elements two are wanted: the standard says which side the odd one is
    taken from."""
    x, w = numbers(1, 1, 3), np.ones((1, 1, 1), np.float32)
    made = node("ConvTranspose", ["x", "w"], ["y"], auto_pad=auto_pad, output_shape=[2])
    (got,) = run(made, 11, {"x": x, "w": w})
    np.testing.assert_array_equal(got, x[:, :, first : first + 2])


def test_truth_values_cut_to_nothing_and_padded() -> None:
    pads = np.array([0, -2, 0, 1])
    x = np.ones((2, 2), np.bool_)
    (got,) = run(node("Pad", ["x", "i"], ["y"]), 13, {"x": x, "i": pads})
    assert got.tolist() == [[False], [False]]


def test_a_trip_count_through_relu():
    """Range as its function writes it: a Loop whose count is known after a Relu."""
    schema = onnx.defs.get_schema("Range", 11)
    given = {"start": 1.0, "limit": 5.0, "delta": 2.0}
    constants = [
        numpy_helper.from_array(np.array(x, "f4"), name) for name, x in given.items()
    ]
    graph = helper.make_graph(
        list(schema.function_body.node),
        "g",
        [],
        [helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, [2])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)])
    model.ir_version = 8
    f = brdialect.compile(from_model(model), threads=1, cache=False)
    np.testing.assert_array_equal(f(), [1.0, 3.0])
