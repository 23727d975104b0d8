"""What reaches a driver through NVIDIA's own package: stub_driver.c stands in for it, a
library that keeps to its rules for tensor maps and writes launches down."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_gpu_boxes import layer
from test_gpu_padding import layer as padded_layer
from test_gpu_tensor_maps import BLOCK, program

from runtime.tensor_maps import ALIGNMENT

pytestmark = [
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler"),
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's libcuda.so.1"),
]
HERE = Path(__file__).parent

CALLS = """
import json, sys, numpy as np, brdialect
f = brdialect.compile(sys.argv[1], target="nvptx64-sm_90a", cache=False)
arrays = [np.full(x, 7, t) for x, t in json.loads(sys.argv[2])]
kept = []
for _ in range(int(sys.argv[3])):
    kept.append([{} for _ in range(len(kept) % 7)])   # other objects come between
    f(*arrays)
if sys.argv[4] == "recorded":
    f.bound_on_device(arrays)(2)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the library lies."""
    found = tmp_path_factory.mktemp("driver")
    command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(found / "libcuda.so.1")]
    subprocess.run([*command, str(HERE / "stub_driver.c"), "-ldl"], check=True)
    return found


def calls(
    folder: Path, text: str, arrays: list[Any], times: int = 1, recorded: bool = False
) -> list[list[str]]:
    """The words of each line that the driver has written."""
    words = ["-c", CALLS, text, json.dumps(arrays), str(times)]
    log = folder / "log"
    paths = f"{folder}:{os.environ.get('LD_LIBRARY_PATH', '')}"
    done = subprocess.run(
        [sys.executable, *words, "recorded" if recorded else ""],
        env={**os.environ, "LD_LIBRARY_PATH": paths, "STUB_LOG": str(log)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line.split() for line in log.read_text().splitlines()]


def test_tensor_maps(folder: Path):
    """Made at multiples of 64 bytes, which this driver insists on, and given to kernels
    at such multiples; of the operands' own addresses and sizes."""
    arrays = [((71, 200), "uint16"), ((200, 88), "uint16")]
    found = calls(folder, program("bf16", BLOCK, False), arrays, 60, recorded=True)
    key = "8"  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    assert found[0][0] == "attribute" and found[0][2] == key
    launches = [x for x in found if x[0] in ("launch", "record")]
    assert len(launches) == 61
    assert [x[0] for x in found[-3:]] == ["record", "graph", "graph"]
    for _, _, grid, block, shared, a, b, _, *maps in launches:
        assert (grid, block) == ("4,1,1", "128,1,1") and shared == found[0][3]
        modes = "0330"  # no interleave, swizzle and promotion of 128 and 256 bytes
        for operand, text, (lines, width) in zip(
            (a, b), maps, [x for x, _ in arrays], strict=True
        ):
            place = operand.removeprefix("8,")
            bf16 = 9
            sizes = f"sizes,{width},{lines},strides,{2 * width},box,64,64,steps,1,1"
            assert text == f"map,0,{place},{bf16},{modes},{sizes}"
    assert ALIGNMENT == 64


def test_windows(folder: Path):
    """Corners and steps of W come before those of H, and a box is channels and
    pixels."""
    x = layer((2, 14, 13, 64), (40, 3, 3), stride=2)
    arrays = [(x.shapes[i], "uint16") for i in (0, 1)]
    found = calls(folder, x.program(), arrays)
    (launch,) = (x for x in found if x[0] == "launch")
    image, filters = (text.partition("sizes,")[2] for text in launch[-2:])
    assert image == (
        "64,13,13,2,strides,128,1664,23296,box,64,64,lower,0,0,upper,-2,-2,steps,1,2,2,1"
    )
    assert filters == ("40,64,3,3,strides,80,5120,15360,box,64,64,1,1,steps,1,1,1,1")
    turned = layer(
        (2, 9, 12, 64), (40, 2, 4), words="block=128x64x64 warp=16x64 stages=2"
    )
    arrays = [(turned.shapes[i], "uint16") for i in (0, 1)]
    (*_, launch) = calls(folder, turned.program(), arrays)
    assert "box,64,128,lower,0,0,upper,-3,-1,steps,1,1,1,1" in launch[-2]
    padded = padded_layer((2, 9, 7, 64), (40, 3, 5), (1, 0, 2, 3))
    arrays = [(padded.shapes[i], "uint16") for i in (0, 1)]
    (*_, launch) = calls(folder, padded.program(), arrays)
    assert "sizes,64,7,9,2,strides,128,896,8064,box" in launch[-2]
    assert "lower,-2,-1,upper,-1,-2,steps,1,1,1,1" in launch[-2]


SCALED = """
func.func @main(%x: tensor<3x5xf32>, %s: f32, %n: i64) -> tensor<3x5xf32> {
  %e = tensor.empty() : tensor<3x5xf32>
  %r = linalg.map ins(%x : tensor<3x5xf32>) outs(%e : tensor<3x5xf32>)
    (%a: f32, %o: f32) {
      %w = arith.sitofp %n : i64 to f32
      %b = arith.mulf %a, %s : f32
      %c = arith.addf %b, %w : f32
      linalg.yield %c : f32
    }
  func.return %r : tensor<3x5xf32>
}"""

RECURRENT = """
!x = tensor<4x3x8xf32>
!w = tensor<1x32x8xf32>
!s = tensor<1x3x8xf32>
func.func @main(%x: !x, %w: !w, %r: !w) -> !x {
  %y, %h, %c = br.lstm ins(%x, %w, %r : !x, !w, !w) -> (!x, !s, !s)
  func.return %y : !x
}"""


def test_numbers(folder: Path):
    """Each in as many bytes as the kernel's parameter has."""
    arrays = [((3, 5), "float32"), ((), "float32"), ((), "int64")]
    ((word, _, grid, block, shared, *values),) = calls(folder, SCALED, arrays)
    assert (word, grid, block, shared) == ("launch", "1,1,1", "256,1,1", "0")
    seven = 0x40E00000  # as f32
    assert {f"4,{seven}", "8,7"} <= {*values} and len(values) == 4


def test_turns_of_a_loop(folder: Path):
    """What a launch gets that is repeated grows from turn to turn."""
    arrays = [((4, 3, 8), "float32"), *[((1, 32, 8), "float32")] * 2]
    found = calls(folder, RECURRENT, arrays)
    steps = [x[5:] for x in found if x[0] == "launch" and x[1].endswith("_step")]
    assert len(steps) == 4
    for turn, values in enumerate(steps):
        assert values[-3:] == [f"8,{turn}"] * 3
