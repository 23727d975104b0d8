"""A model that is wrong ends with one sentence that names the node and the fault."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from brdialect.errors import BrError
from frontends.from_onnx import from_model, import_model
from frontends.onnx_model import parse_model

IMAGE = (1, 4, 5, 5)
node = helper.make_node


def model(
    nodes: Sequence[NodeProto],
    *initializers: TensorProto,
    shape: Sequence[int] = (2, 3),
    opset: int = 17,
    domains: Sequence[str] = (),
) -> ModelProto:
    """One input x, one result y."""
    x, y = (
        helper.make_tensor_value_info(n, TensorProto.FLOAT, s)
        for n, s in (("x", shape), ("y", None))
    )
    graph = helper.make_graph(nodes, "g", [x], [y], initializers)
    opsets = [helper.make_opsetid("", opset)]
    opsets += [helper.make_opsetid(d, 1) for d in domains]
    return helper.make_model(graph, opset_imports=opsets)


def tensor(array: Any, name: str = "w") -> TensorProto:
    return numpy_helper.from_array(np.asarray(array), name)


def external(location: str, offset: int = 0, length: int = 16) -> TensorProto:
    """w: 4 floats that lie in a file."""
    proto = TensorProto(name="w", dims=[4], data_type=TensorProto.FLOAT)
    proto.data_location = TensorProto.EXTERNAL
    values = {"location": location, "offset": str(offset), "length": str(length)}
    for key, value in values.items():
        proto.external_data.add(key=key, value=value)
    return proto


def claim(*dims: int, data: bytes = b"", kind: int = 1) -> TensorProto:
    """w, of sizes that its data does not have."""
    return TensorProto(name="w", dims=dims, data_type=kind, raw_data=data)


ADD = node("Add", ["x", "w"], ["y"], name="add")
WEIGHTS = tensor(np.ones((4, 4, 3, 3), np.float32))
CONV = ["x", "w"]

MISTAKES = {
    "cycle": (
        model([node("Add", ["x", "b"], ["a"], name="one"), node("Relu", ["a"], ["b"])]),
        "node 'one' .Add.: expected an input that .* got 'b'",
    ),
    "undefined": (model([node("Relu", ["no"], ["y"], name="r")]), "'r' .*got 'no'"),
    "no result": (model([node("Relu", ["x"], ["z"])]), "a result .*got 'y'"),
    "twice": (
        model([node("Relu", ["x"], ["y"]), node("Relu", ["x"], ["y"], name="again")]),
        "node 'again' .Relu.: expected one value of the name 'y', got two",
    ),
    "rank": (model([node("Conv", ["x", "x"], ["y"], name="c")]), "'c' .Conv.*3 dim"),
    "sizes": (model([node("MatMul", ["x", "x"], ["y"], name="m")]), "'m' .*dimensions"),
    "attribute's type": (
        model([node("LeakyRelu", ["x"], ["y"], name="l", alpha="no")]),
        "'l' .LeakyRelu.*alpha.*FLOAT.*STRING",
    ),
    "attribute": (
        model([node("LeakyRelu", ["x"], ["y"], name="l", beta=1.0)]),
        "'l' .*attribute: beta",
    ),
    "axis": (model([node("Softmax", ["x"], ["y"], name="s", axis=7)]), "'s' .*axis"),
    "permutation": (
        model([node("Transpose", ["x"], ["y"], name="t", perm=[0, 0])]),
        "'t' .*perm",
    ),
    "operator": (
        model([node("Frob", ["x"], ["y"], name="f")]),
        "'f' .Frob.: expected an operator of the standard's opset 17",
    ),
    "unsupported": (
        model([node("NonZero", ["x"], ["y"], name="n")]),
        "'n' .NonZero.: expected an operator that is supported, got NonZero",
    ),
    "domain": (
        model([node("F", ["x"], ["y"], name="f", domain="com.acme")]),
        "expected a domain that the model imports, got 'com.acme'",
    ),
    "unknown domain": (
        model([node("F", ["x"], ["y"], domain="com.acme")], domains=["com.acme"]),
        "com.acme.F.*a function of the model",
    ),
    "future": (model([node("Relu", ["x"], ["y"])], opset=999), "opset 1 to .*999"),
    "above": (model([ADD], external("../w.bin")), "file below the model's folder"),
    "absolute": (model([ADD], external("/etc/passwd")), "below the model's folder"),
    "link": (model([ADD], external("link")), "below the model's folder, got 'link'"),
    "gone": (model([ADD], external("gone")), "expected its data in the file"),
    "beyond": (model([ADD], external("w.bin", 8)), "16 bytes inside .*got 16 from 8"),
    "short": (model([ADD], external("w.bin", 0, 12)), "got 12 from 0"),
    "terabytes": (
        model([ADD], claim(1 << 20, 1 << 20, data=b"1234")),
        "tensor 'w': expected 4398046511104 bytes .*got 4",
    ),
    "terabytes of nothing": (
        model([ADD], claim(1 << 20, 1 << 20)),
        "tensor 'w': expected elements for its sizes",
    ),
    "negative": (model([ADD], claim(-4)), "sizes of at least 0"),
    "type": (model([ADD], claim(1, kind=77)), "elements that are numbers, got type 77"),
    "large input": (
        model([node("Relu", ["x"], ["y"])], shape=(1 << 40, 2)),
        r"at most 1099511627776 elements, got \[1099511627776, 2\] in input 'x'",
    ),
    "filled": (
        model(
            [node("ConstantOfShape", ["w"], ["y"], name="c")],
            tensor(np.array([1 << 40, 1 << 20])),
        ),
        "'c' .*at most 1099511627776 elements",
    ),
    "expanded": (
        model([node("Expand", ["x", "w"], ["y"])], tensor(np.array([1 << 50, 2, 3]))),
        "at most 1099511627776 elements",
    ),
    "outside": (
        model([node("Gather", ["x", "w"], ["y"], name="g")], tensor(np.array([9]))),
        "'g' .Gather.: expected indices of at least -2 and below 2, got 9",
    ),
    "mixed types": (model([ADD], tensor(np.array([9]))), "'add' .*tensor.int64"),
    "too few": (model([node("Add", ["x"], ["y"], name="a")]), "'a' .*input size 1"),
    "groups": (
        model([node("Conv", CONV, ["y"], name="c", group=0)], WEIGHTS, shape=IMAGE),
        "'c' .Conv.: expected weights",
    ),
    "window": (
        model([node("MaxPool", ["x"], ["y"], kernel_shape=[9, 9])], shape=IMAGE),
        r"expected windows \[9, 9\] that fit into \[5, 5\]",
    ),
    "name of two lines": (
        model([node("Relu", ["no\nthing\x1b"], ["y"], name="r")]),
        r"'r' .*got 'no\\nthing\\x1b'",
    ),
    "long window": (
        model(
            [
                node(
                    "AveragePool",
                    ["x"],
                    ["y"],
                    kernel_shape=[1 << 40, 1],
                    pads=[1 << 40, 0, 0, 0],
                )
            ],
            shape=IMAGE,
        ),
        "at most 16777216 positions",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_one_sentence(name: str, tmp_path: Path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "w.bin").write_bytes(bytes(16))
    (tmp_path / "secret").write_bytes(bytes(16))
    (folder / "link").symlink_to(tmp_path / "secret")
    proto, told = MISTAKES[name]
    with pytest.raises(BrError, match=told) as caught:
        from_model(proto, folder=folder)
    assert "\n" not in str(caught.value)


def test_external_data_is_read(tmp_path: Path):
    (tmp_path / "w.bin").write_bytes(np.arange(6, dtype="<f4").tobytes())
    proto = model([ADD], external("w.bin", 8), shape=(2, 4))
    text = str(from_model(proto, folder=tmp_path))
    assert "2.000000e+00, 3.000000e+00, 4.000000e+00, 5.000000e+00" in text


@pytest.mark.parametrize("data", [b"", b"garbage" * 50])
def test_bytes_that_are_no_model(data: bytes):
    with pytest.raises(BrError, match=r"m\.onnx: expected an ONNX model"):
        import_model(parse_model(data, None, "m.onnx"))


def test_names_that_are_no_text():
    data = model([node("Relu", ["x"], ["y"])]).SerializeToString()
    bad = data.replace(b"Relu", b"R\xff\xfeu")
    with pytest.raises(BrError, match=r"names of nodes and values in UTF-8, got b'R"):
        import_model(parse_model(bad, None, "m.onnx"))


# Mutated models: each imports or is refused, without any other exception

BASE = model(
    [
        node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1], name="conv"),
        node("Relu", ["c"], ["r"]),
        node("Shape", ["r"], ["s"]),
        node("Reshape", ["r", "s"], ["t"]),
        node("AveragePool", ["t"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Transpose", ["p"], ["q"], perm=[0, 2, 3, 1]),
        node("Softmax", ["q"], ["y"], axis=-1),
    ],
    WEIGHTS,
    tensor(np.ones(4, np.float32), "b"),
    shape=IMAGE,
)


def imported(data: bytes, sizes: Sequence[int] | None = None) -> bool:
    """Whether the bytes are a model that is imported, with `sizes` for those that its
    first input leaves open; refused ones say why."""
    try:
        model = parse_model(data, None, "m.onnx")
        open_ = any(None in given.shape for given in model.inputs)
        import_model(model, [tuple(sizes)] if sizes and open_ else None)
    except BrError as e:
        assert str(e) and "\n" not in str(e)
        return False
    return True


def test_flipped_and_cut_bytes():
    data = BASE.SerializeToString()
    random = np.random.default_rng(0)
    good = 0
    for _ in range(150):
        bad = bytearray(data)
        for place in random.integers(0, len(bad), random.integers(1, 6)):
            bad[place] = random.integers(256)
        good += imported(bytes(bad[: random.integers(1, 2 * len(bad))]))
    assert 0 < good < 150  # both kinds were tried


def test_changed_fields():
    """Names, numbers and kinds of nodes at random: deeper than bytes reach."""
    random = np.random.default_rng(1)
    kinds = ["Conv", "Gemm", "MaxPool", "Concat", "Slice", "Resize", "LSTM", "Einsum"]
    good = 0
    for _ in range(150):
        bad = ModelProto()
        bad.CopyFrom(BASE)
        victim = bad.graph.node[random.integers(len(bad.graph.node))]
        match int(random.integers(5)):
            case 0:
                victim.op_type = str(random.choice(kinds))
            case 1:
                victim.input[0] = str(random.choice(["", "w", "b", "nowhere"]))
            case 2 if victim.attribute:
                attribute = victim.attribute[0]
                attribute.ints.append(int(random.integers(-(1 << 40), 1 << 40)))
            case 3:
                dims = bad.graph.input[0].type.tensor_type.shape.dim
                dims[random.integers(4)].dim_value = int(random.integers(-2, 1 << 40))
            case _:
                bad.opset_import[0].version = int(random.integers(1, 40))
        good += imported(bad.SerializeToString())
    assert 0 < good < 150


LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"
REAL = {
    "xor": Path(__file__).parent.parent / "examples/xor.onnx",
    "squeezenet": LIGHT / "light_squeezenet.onnx",
}


@pytest.mark.parametrize("name", REAL)
def test_mutants_of_real_models(name: str):
    """Bytes that are lost, doubled or others; nodes in another order, without an input,
    with another's output or another's attributes."""
    random = np.random.default_rng(2)
    data = REAL[name].read_bytes()
    whole = parse_model(data, REAL[name].parent, "m.onnx").proto
    bound = [d.dim_value or 2 for d in whole.graph.input[0].type.tensor_type.shape.dim]
    good = 0
    for _ in range(30):
        bad = ModelProto()
        bad.CopyFrom(whole)
        nodes = bad.graph.node
        victim, other = (nodes[i] for i in random.integers(len(nodes), size=2))
        match int(random.integers(6)):
            case 0:
                at, length = random.integers(len(data)), random.integers(1, 40)
                mutant = data[:at] + data[at + length :]
                good += imported(mutant, bound)
                continue
            case 1:
                at, length = random.integers(len(data)), random.integers(1, 40)
                good += imported(data[:at] + data[at - length :], bound)
                continue
            case 2:
                nodes.insert(0, nodes.pop(int(random.integers(len(nodes)))))
            case 3 if victim.input:
                del victim.input[-1]
            case 4:
                victim.output[0] = other.output[0]
            case _:
                victim.attribute.extend(other.attribute)
        good += imported(bad.SerializeToString(), bound)
    assert good < 30  # some were tried that are wrong
