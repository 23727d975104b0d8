"""br-bench on models in files: what is raced, and what is refused."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from command_lines import call
from numpy.testing import assert_allclose, assert_array_equal

from brdialect.mistake import BrError
from runtime.cli.bench.onnx_file import OnnxFile, joined
from runtime.cli.bench.own import prepare
from runtime.cli.bench.peers.table import OWN, function_of, is_installed
from runtime.cli.bench.suites import rows_of

XOR = Path(__file__).parent.parent / "examples/xor.onnx"
INPUT = "4x2xf32=0,0,0,1,1,0,1,1"


def workload(*specs: str) -> OnnxFile:
    (row,) = rows_of(str(XOR), None, None, inputs=specs)
    assert isinstance(row, OnnxFile)
    return row


def test_what_a_file_is_worth():
    """Two products, 2 -> 16 -> 1 or so: as many operations as its weights say."""
    import onnx
    from onnx import numpy_helper

    row = workload(INPUT)
    weights = onnx.load(XOR).graph.initializer
    sizes = [numpy_helper.to_array(w) for w in weights]
    products = sum(w.size for w in sizes if w.ndim == 2)
    assert row.name == "xor 4x2" and list(row.shapes().values()) == [(4, 2)]
    assert row.flops == 2 * 4 * products
    assert row.result == (4,)
    assert row.bytes == 4 * (8 + 4) + XOR.stat().st_size


def test_another_process_reads_the_file_itself():
    row = workload("4x2xf32")
    row.flops  # noqa: B018 - which the copy is not to carry
    copy = pickle.loads(pickle.dumps(row))
    assert copy == row
    for ours, theirs in zip(row.inputs().values(), copy.inputs().values(), strict=True):
        assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", [OWN, "onnxruntime", "openvino"])
def test_contestants_agree(name: str):
    if name != OWN and not is_installed(name):
        pytest.skip(f"{name} is not installed")
    row = workload(INPUT)
    prepared = (prepare if name == OWN else function_of(name))(row, row.inputs(), 1)
    prepared.run()
    (result,) = prepared.outputs()
    assert_allclose(result, [0, 1, 1, 0], atol=1e-5)


def test_all_results_count():
    assert_array_equal(joined([np.eye(2), np.array(True)]), [1, 0, 0, 1, 1])


def test_the_command(tmp_path: Path):
    options = ("--peers=", "--threads=1", "--samples=1", "--json=out.json")
    short = ("--seconds=0.001", f"--input={INPUT}")
    done = call("br-bench", XOR, *short, *options, folder=tmp_path)
    assert done.code == 0, done.errors
    (row,) = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert row["name"] == "xor 4x2" and row["contestants"][OWN]["seconds"] > 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((str(XOR), None, None), "expected --input for each input, because the sizes"),
        ((str(XOR), None, None, "fwd", ["4x3xf32"]), "4x3"),
        ((str(XOR), 2, None, "fwd", [INPUT]), "--minibatch, --layers: a file"),
        (
            ("lstm", None, None, "fwd", [INPUT]),
            r"expected a file named \*.onnx with it",
        ),
        (("gone.onnx", None, None, "fwd", [INPUT]), "gone.onnx: "),
    ],
)
def test_mistakes(words: tuple[str, None, None], told: str):
    with pytest.raises(BrError, match=told):
        rows_of(*words)
