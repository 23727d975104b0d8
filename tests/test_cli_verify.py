"""`br-run --verify=`: models against other implementations of ONNX."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
from command_lines import Done, call
from onnx import TensorProto, helper, numpy_helper

from brdialect.mistake import BrError
from runtime.cli.implementations import run_model

INSTALLED = [name for name in ("onnx", "onnxruntime") if find_spec(name)]


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """A product of an input and a weight, and its exponential."""
    weights = np.random.default_rng(0).standard_normal((64, 48)).astype("f4")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"]), helper.make_node("Exp", *"yz")],
        "g",
        [
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [64, 48]),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 64]),
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 48])
            for name in "yz"
        ],
        [numpy_helper.from_array(weights, "w")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    proto.ir_version = 8
    onnx.save(proto, tmp_path / "product.onnx")
    return tmp_path / "product.onnx"


def verify(model: Path, *options: str) -> Done:
    return call("br-run", model, "--input=20x64xf32", *options, folder=model.parent)


@pytest.mark.parametrize("name", INSTALLED)
def test_each_result_is_compared(product: Path, name: str):
    done = verify(product, f"--verify={name}")
    assert done.code == 0, done.errors
    for i in range(2):
        assert f"result {i} against {name}: ok: largest error" in done.output


@pytest.mark.parametrize("name", INSTALLED)
def test_beyond_tolerance(product: Path, name: str):
    """The last digits of an exponential are others than theirs."""
    done = verify(product, f"--verify={name}", "--rtol=0", "--atol=0", "--json")
    _, exponential = json.loads(done.output)[name]
    assert done.code == 1 and not exponential["ok"]
    assert 0 < exponential["relative"] < 1e-5


def test_only_models_have_other_implementations(tmp_path: Path):
    done = call("br-run", "a.mlir", "--verify=onnx", folder=tmp_path)
    assert done.code == 1
    assert "--verify=onnx: expected an .onnx model, got a.mlir" in done.errors


def test_what_the_other_refuses_is_told(product: Path):
    proto = onnx.load(product)
    proto.graph.node[1].op_type = "NoSuchOperator"
    onnx.save(proto, product)
    with pytest.raises(BrError, match=r"product.onnx: onnx does not run it: .*NoSuch"):
        run_model("onnx", product, [np.zeros((2, 64), np.float32)])


def test_without_the_package(product: Path):
    code = "import sys; sys.modules['onnxruntime'] = None\n"
    code += "from runtime.cli.run import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, product, "--verify=onnxruntime"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    told = "error: --verify=onnxruntime: expected the package onnxruntime, got none; "
    assert told + "pip install onnxruntime" in done.stderr
