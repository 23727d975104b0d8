"""What the standard's suite leaves out: odd shapes, opsets, open sizes, the commands.

Results are compared with onnx's reference evaluator.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from command_lines import call
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import brdialect
from brdialect.errors import BrError
from frontends.from_onnx import from_model
from runtime.code_cache import CodeCache
from runtime.source_digest import digest_of

Array = np.ndarray[Any, np.dtype[Any]]
node = helper.make_node


def numbers(*shape: int, seed: int = 0, dtype: str = "f4") -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def model(
    nodes: Sequence[NodeProto],
    inputs: Mapping[str, Array],
    weights: Mapping[str, Array] | None = None,
    opset: int = 17,
    shapes: Mapping[str, Sequence[Any]] | None = None,
) -> ModelProto:
    """A model whose result is y."""
    values = [
        helper.make_tensor_value_info(
            name,
            helper.np_dtype_to_tensor_dtype(x.dtype),
            (shapes or {}).get(name, x.shape),
        )
        for name, x in inputs.items()
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        values,
        [onnx.ValueInfoProto(name="y")],
        [numpy_helper.from_array(w, n) for n, w in (weights or {}).items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = 9
    return made


def evaluated(proto: ModelProto, inputs: Mapping[str, Array]) -> Array:
    """What onnx's own evaluator makes of the first result."""
    first, *_ = ReferenceEvaluator(proto).run(None, dict(inputs))
    return np.asarray(first)


def check(proto: ModelProto, inputs: Mapping[str, Array], rtol: float = 1e-5) -> None:
    """Compiled code gives what the reference evaluator gives."""
    want = evaluated(proto, inputs)
    compiled = brdialect.compile(from_model(proto), cache=False, threads=1)
    got = compiled(*inputs.values())
    assert isinstance(got, np.ndarray)
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    np.testing.assert_allclose(got, want, rtol=rtol, atol=1e-6)


@pytest.mark.parametrize(
    ("a", "b"),
    [((), (3,)), ((2, 1, 3), (5, 1)), ((1,), (4, 1, 2)), ((0, 3), (1, 3)), ((), ())],
)
@pytest.mark.parametrize("kind", ["Add", "Less", "Max"])
def test_shapes_broadcast(a: tuple[int, ...], b: tuple[int, ...], kind: str):
    inputs = {"a": numbers(*a), "b": numbers(*b, seed=1)}
    check(model([node(kind, ["a", "b"], ["y"])], inputs), inputs)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i4", "u4", "i8", "u8", "f2", "f8"])
@pytest.mark.parametrize("kind", ["Add", "Mul", "Max", "Less", "Div"])
def test_types_of_elements(dtype: str, kind: str):
    a = (10 * numbers(7)).astype("i8").astype(dtype)
    b = np.array([1, 2, 3, 4, 5, 6, 7], dtype)
    inputs = {"a": a, "b": b}
    rtol = 1e-3 if dtype == "f2" else 1e-6
    got = brdialect.compile(
        from_model(model([node(kind, ["a", "b"], ["y"])], inputs)), cache=False
    )(a, b)
    numpy = {"Add": np.add, "Mul": np.multiply, "Max": np.maximum, "Less": np.less}
    if kind == "Div":  # integers are cut towards zero
        exact = a.astype("f8") / b.astype("f8")
        want = (np.trunc(exact) if a.dtype.kind in "iu" else exact).astype(dtype)
    else:
        want = numpy[kind](a, b)
    assert isinstance(got, np.ndarray) and got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=rtol)


def test_integers_that_would_trap():
    """The machine traps where it divides by 0, or the lowest number by -1."""
    low = np.iinfo(np.int32).min
    a, b = np.array([7, low, 7], "i4"), np.array([0, -1, 2], "i4")
    proto = model([node("Div", ["a", "b"], ["y"])], {"a": a, "b": b})
    got = brdialect.compile(from_model(proto), cache=False)(a, b)
    assert isinstance(got, np.ndarray) and got[1:].tolist() == [low, 3]


SHAPE = np.array([1, 2], np.int64)


@pytest.mark.parametrize(
    ("opset", "made"),
    [
        (11, node("Squeeze", ["x"], ["y"], axes=[0, 2])),
        (13, node("Squeeze", ["x", "axes"], ["y"])),
        (11, node("ReduceSum", ["x"], ["y"], axes=[0, 2])),
        (13, node("ReduceSum", ["x", "axes"], ["y"])),
        (17, node("ReduceMax", ["x"], ["y"], axes=[0, 2])),
        (18, node("ReduceMax", ["x", "axes"], ["y"])),
        (9, node("Slice", ["x"], ["y"], starts=[1], ends=[-1], axes=[1])),
        (10, node("Pad", ["x"], ["y"], pads=[0, 1, 0, 0, 2, 0], value=2.0)),
        (6, node("Clip", ["x"], ["y"], min=-0.5, max=0.25)),
        (11, node("Softmax", ["x"], ["y"], axis=1)),
        (13, node("Softmax", ["x"], ["y"], axis=1)),
        (11, node("Split", ["x"], ["y", "z"], axis=1, split=[1, 4])),
        (11, node("Unsqueeze", ["x"], ["y"], axes=[1])),
    ],
    ids=lambda value: value if isinstance(value, int) else value.op_type,
)
def test_what_was_an_attribute_and_is_an_input(opset: int, made: NodeProto):
    inputs = {"x": numbers(1, 5, 1)}
    axes = {"axes": np.array([0, 2])} if "axes" in made.input else {}
    check(model([made], inputs, axes, opset), inputs)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("sizes", [(9,), (5, 6), (3, 4, 5)])
def test_convolutions_of_any_rank(sizes: tuple[int, ...], groups: int):
    rank = len(sizes)
    inputs = {"x": numbers(2, 4, *sizes)}
    weights = {"w": numbers(8, 4 // groups, *[2] * rank), "b": numbers(8)}
    conv = node(
        "Conv",
        ["x", "w", "b"],
        ["y"],
        group=groups,
        strides=[2] * rank,
        pads=[1] * rank + [0] * rank,
    )
    check(model([conv], inputs, weights), inputs, 1e-4)


def test_a_value_that_is_computed_from_sizes():
    """Shape, Gather, Concat, Reshape: what is known of sizes is folded."""
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["n"]),
        node("Concat", ["n", "rest"], ["to"], axis=0),
        node("Reshape", ["x", "to"], ["y"]),
    ]
    weights = {"zero": np.array([0]), "rest": np.array([-1])}
    inputs = {"x": numbers(2, 3, 4)}
    proto = model(nodes, inputs, weights)
    check(proto, inputs)
    assert "linalg" not in str(from_model(proto))


def test_one_branch_of_two():
    def branch(kind: str) -> onnx.GraphProto:
        result = helper.make_tensor_value_info("r", TensorProto.FLOAT, [3])
        return helper.make_graph([node(kind, ["x"], ["r"])], kind, [], [result])

    made = node(
        "If", ["c"], ["y"], then_branch=branch("Exp"), else_branch=branch("Neg")
    )
    for c in (True, False):
        inputs = {"c": np.array(c), "x": numbers(3)}
        check(model([made], inputs), inputs)


NET = [
    node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1], name="conv1"),
    node("Relu", ["c"], ["r"]),
    node("GlobalAveragePool", ["r"], ["p"]),
    node("Flatten", ["p"], ["y"]),
]
IMAGE = {"x": numbers(1, 3, 6, 8)}
FILTERS = {"w": numbers(4, 3, 3, 3, seed=1)}


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """A network whose batch and height are open."""
    path = tmp_path / "net.onnx"
    proto = model(NET, IMAGE, FILTERS, shapes={"x": ["n", 3, "h", 8]})
    onnx.save(proto, path)
    return path


def test_open_sizes_are_bound_by_each_call(net: Path):
    compiled = brdialect.compile(net)
    for shape in ((1, 3, 6, 8), (2, 3, 5, 8), (1, 3, 6, 8)):
        x = numbers(*shape)
        want = evaluated(onnx.load(net), {"x": x})
        np.testing.assert_allclose(compiled(x), want, rtol=1e-5, atol=1e-6)
    with pytest.raises(BrError, match=r"expected \?x3x\?x8xfloat32, got 1x3x6x9"):
        compiled(numbers(1, 3, 6, 9))


def test_sizes_of_one_name_are_equal():
    inputs = {"a": numbers(2, 3), "b": numbers(2, 3)}
    names = {"a": ["n", 3], "b": ["n", 3]}
    proto = model([node("Add", ["a", "b"], ["y"])], inputs, shapes=names)
    with pytest.raises(BrError, match="one number for the size 'n', got 2 and 1"):
        from_model(proto, [(2, 3), (1, 3)])
    with pytest.raises(BrError, match="the sizes of input 'a', nx3; give them"):
        from_model(proto)


def test_open_sizes_without_a_name_may_differ():
    inputs = {"a": numbers(2, 3)}
    proto = model([node("Relu", ["a"], ["y"])], inputs, shapes={"a": [-1, "?", "?"]})
    a = numbers(2, 3, 4)
    got = brdialect.compile(from_model(proto, [a.shape]), cache=False)(a)
    np.testing.assert_array_equal(got, np.maximum(a, 0))


def test_the_commands_take_it(net: Path, tmp_path: Path):
    spec = "--input=1x3x6x8xf32"
    done = call("br-run", net, spec, "--verify", folder=tmp_path)
    assert done.code == 0 and "ok: largest error" in done.output, done.errors
    done = call("br-opt", net, spec, folder=tmp_path)
    assert "dense_resource<w>" in done.output and "{-#" not in done.output, done.errors
    assert "{-#" in call("br-opt", net, spec, "--print-weights", folder=tmp_path).output
    done = call("br-opt", net, folder=tmp_path)
    assert done.code == 1 and "?x3x?x8xf32; give an --input=SPEC" in done.errors
    done = call("br-compile", net, spec, "-o", tmp_path / "net.s", folder=tmp_path)
    assert done.code == 0 and (tmp_path / "net.s").exists(), done.errors


def test_inputs_that_say_sizes_are_constants():
    """They are given once, when the model is compiled."""
    inputs = {"x": numbers(6), "to": np.array([2, 3])}
    proto = model([node("Reshape", ["x", "to"], ["y"])], inputs)
    with pytest.raises(BrError, match=r"node 'y' .*'shape' to be known"):
        from_model(proto)
    module = from_model(proto, values={"to": inputs["to"]})
    got = brdialect.compile(module, cache=False)(*inputs.values())
    np.testing.assert_array_equal(got, inputs["x"].reshape(2, 3))


def test_the_example_is_exclusive_or():
    """A real model, in a file: each number of rows is code of its own."""
    exclusive_or = brdialect.compile(Path(__file__).parent.parent / "examples/xor.onnx")
    for rows in ([[0, 0], [0, 1], [1, 0], [1, 1]], [[1, 0]]):
        x = np.array(rows, np.float32)
        np.testing.assert_array_equal(exclusive_or(x)[:, 0], x[:, 0] != x[:, 1])


def test_without_the_onnx_package(net: Path):
    code = "import sys; sys.modules['onnx'] = None; import brdialect as b\n"
    code += f"try: b.compile({str(net)!r}, cache=False)\n"
    code += "except b.BrError as e: print(e)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "expected the package onnx to read a .onnx file, got none" in done.stdout
    assert "pip install 'brdialect[onnx]'" in done.stdout


def test_weights_in_other_files_are_read_anew(net: Path, tmp_path: Path):
    """Compiled code is kept by the model's own bytes, others may change."""
    split = tmp_path / "split.onnx"
    onnx.save(
        onnx.load(net),
        split,
        save_as_external_data=True,
        location="w.bin",
        size_threshold=0,
    )
    cache = CodeCache(tmp_path, 1 << 30)
    assert digest_of(net, cache) is not None
    assert digest_of(split, cache) is None
    x = numbers(1, 3, 6, 8)
    np.testing.assert_array_equal(
        brdialect.compile(split)(x), brdialect.compile(net)(x)
    )


def test_constants_bind_inputs_that_say_sizes(tmp_path: Path):
    """Of a file as well, by their positions."""
    inputs = {"x": numbers(6), "to": np.array([2, 3])}
    path = tmp_path / "reshape.onnx"
    onnx.save(model([node("Reshape", ["x", "to"], ["y"])], inputs), path)
    with pytest.raises(BrError, match="'shape' to be known when the model is compiled"):
        brdialect.compile(path)
    got = brdialect.compile(path, constants={1: inputs["to"]})(inputs["x"])
    np.testing.assert_array_equal(got, inputs["x"].reshape(2, 3))
