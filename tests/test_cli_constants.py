"""`--constants`: arguments that are given when the program is loaded."""

import ctypes
from pathlib import Path

import numpy as np
import onnx
import pytest
from command_lines import call
from onnx import TensorProto, helper
from safetensors.numpy import save_file

PROGRAM = """
func.func @f(%x: tensor<?x5xf32>, %w: tensor<5x3xf32>{bound}) -> tensor<?x3xf32> {{
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x5xf32>
  %e = tensor.empty(%rows) : tensor<?x3xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?x3xf32>) -> tensor<?x3xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x5xf32>, tensor<5x3xf32>)
    outs(%z : tensor<?x3xf32>) -> tensor<?x3xf32>
  func.return %y : tensor<?x3xf32>
}}
"""

X = np.random.default_rng(1).standard_normal((4, 5)).astype(np.float32)
W = np.random.default_rng(2).standard_normal((5, 3)).astype(np.float32)


@pytest.fixture(name="folder")
def a_folder(tmp_path: Path) -> Path:
    (tmp_path / "f.mlir").write_text(PROGRAM.format(bound=""))
    (tmp_path / "bound.mlir").write_text(PROGRAM.format(bound=" {br.bound = 1 : i64}"))
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "w.npz", weight=W, other=X)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "w.npz").read_bytes()[:-40])
    (tmp_path / "one.npz").write_bytes((tmp_path / "x.npy").read_bytes())
    save_file({"weight": W}, tmp_path / "w.safetensors")
    return tmp_path


@pytest.mark.parametrize("file", ["f.mlir", "bound.mlir"])
@pytest.mark.parametrize("weights", ["w.npz:weight", "w.safetensors:weight"])
def test_weights_of_a_file(folder: Path, file: str, weights: str) -> None:
    given = ["--input=@x.npy", f"--input=@{weights}", "--constants=1"]
    done = call("br-run", file, *given, "--output=y.npz", "--verify", folder=folder)
    assert done.code == 0, done.errors
    assert "ok" in done.output
    got = np.load(folder / "y.npz")["result0"]
    np.testing.assert_allclose(got, X @ W, rtol=1e-5, atol=1e-6)


def test_code_made_with_them_is_of_no_use_without(folder: Path) -> None:
    cache = {"BR_CACHE_DIR": str(folder / "cache")}
    given = ["--input=@x.npy", "--input=@w.npz:weight"]
    done = call(
        "br-run", "bound.mlir", *given, "--constants=1", folder=folder, variables=cache
    )
    assert done.code == 0, done.errors
    for some in ([], given):
        done = call("br-run", "bound.mlir", *some, folder=folder, variables=cache)
        assert done.code == 1
        assert "--constants=1 to the commands" in done.errors


def test_they_are_inside_a_library(folder: Path) -> None:
    given = ["--input=4x5xf32", "--input=5x3xf32=@w.npz:weight", "--constants=1"]
    done = call("br-compile", "bound.mlir", *given, "-o", "f.so", folder=folder)
    assert done.code == 0, done.errors
    assert "int f(const float *arg0, float *out0);" in (folder / "f.h").read_text()
    y = np.zeros((4, 3), np.float32)
    library = ctypes.CDLL(str(folder / "f.so"))
    assert (
        library.f(X.ctypes.data_as(ctypes.c_void_p), y.ctypes.data_as(ctypes.c_void_p))
        == 0
    )
    np.testing.assert_allclose(y, X @ W, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("verify", ["numpy", "onnx"])
def test_a_shape_that_a_model_reads(tmp_path: Path, verify: str) -> None:
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        "g",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 5]),
            helper.make_tensor_value_info("shape", TensorProto.INT64, [2]),
        ],
        [onnx.ValueInfoProto(name="y")],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset), tmp_path / "r.onnx")
    given = ["r.onnx", "--input=4x5xf32", "--input=2xi64=10,2"]
    done = call("br-run", *given, folder=tmp_path)
    assert done.code == 1
    assert "expected 'shape' to be known" in done.errors
    done = call(
        "br-run", *given, "--constants=1", f"--verify={verify}", folder=tmp_path
    )
    assert done.code == 0, done.errors
    done = call("br-opt", *given, "--constants=1", folder=tmp_path)
    assert "tensor<10x2xf32>" in done.output, done.errors


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["bound.mlir"], "--constants=1 to the commands"),
        (["f.mlir", "--constants=1"], "expected an --input for each argument"),
        (["f.mlir", "--constants=w"], "expected numbers of arguments, got 'w'"),
        (
            ["f.mlir", "--input=@x.npy", "--constants=1"],
            "expected arguments with an --input, from 0 to 0, got 1",
        ),
        (
            ["f.mlir", "--input=@x.npy", "--input=@w.npz:other", "--constants=1"],
            "constant 1: expected 5x3xfloat32, got 4x5xfloat32",
        ),
        (
            ["f.mlir", "--input=@w.npz"],
            "an archive of several, weight, other; @FILE.npz:NAME",
        ),
        (
            ["f.mlir", "--input=@cut.npz:weight"],
            "cut.npz: expected an array of numbers",
        ),
        (["f.mlir", "--input=@one.npz:weight"], "an array called 'weight', got none"),
        (["f.mlir", "--input=@w.npz:w"], "an array called 'w', got weight, other"),
        (["f.mlir", "--input=@w.safetensors"], "as in @w.safetensors:NAME"),
        (["f.mlir", "--input=@no.safetensors:w"], "no.safetensors: cannot read"),
    ],
)
def test_mistakes(folder: Path, given: list[str], message: str) -> None:
    done = call("br-run", *given, folder=folder)
    assert done.code == 1
    assert message in done.errors
    assert "Traceback" not in done.errors


def test_a_library_wants_their_values(folder: Path) -> None:
    given = ["f.mlir", "--input=4x5xf32", "--input=5x3xf32", "--constants=1"]
    done = call("br-compile", *given, "-o", "f.o", folder=folder)
    assert done.code == 1
    assert "expected the values of argument 1" in done.errors


def test_tuning_takes_them_of_files_alone(folder: Path) -> None:
    done = call("br-tune", "gemm", "--constants=1", folder=folder)
    assert "--constants: expected a file, got the suite gemm" in done.errors
    done = call("br-tune", "f.mlir", "--pass=bwd", folder=folder)
    assert "--pass: expected a suite, got the file f.mlir" in done.errors
