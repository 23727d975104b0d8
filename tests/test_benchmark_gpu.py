"""benchmarks/gpu.py without a GPU: one line's failure does not lose the others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

from gpu_lines import lines
from gpu_report import Row, interleaved, results, table

MEASURER = """
import json, os, sys, time
for number in map(int, sys.argv[1].split(",")):
    print(json.dumps({"line": number}), flush=True)
    if number == 2:
        os._exit(1)                        # the device is gone
    if number == 4:
        time.sleep(60)
    if number == 5:
        print(json.dumps({"line": 5, "untuned": 2.0, "early": 1}), flush=True)
        os._exit(1)
    print("what a library says", flush=True)
    print(json.dumps({"line": number, "untuned": 1.0}), flush=True)
"""


def test_lines_that_end_or_hang_lose_only_themselves():
    def command(left: Sequence[int]) -> Sequence[str]:
        return [sys.executable, "-c", MEASURER, ",".join(map(str, left))]

    found = dict(results(command, range(6), patience=3.0))
    assert list(found) == list(range(6))
    assert found[2] == {"failed": "the measuring process ended"}
    assert found[4] == {"failed": "no answer in 3 s"}
    why = "the measuring process ended"
    assert found[5] == {"untuned": 2.0, "tuning failed": why}
    assert all(found[i] == {"untuned": 1.0} for i in (0, 1, 3))


def test_the_table_comes_last_and_has_every_line():
    every = list(lines())
    row: Row = {"untuned": 2e-3, "PyTorch": 1e-3, "error": 1e-4, "flops": 10**12}
    rows = [(x, row) for x in every]
    rows[0] = (every[0], {"failed": "RuntimeError: " + "x" * 500})
    rows[1] = (every[1], {**row, "tuned": 1e-3})
    text = table(rows)
    assert len(text) < 11_000 and text.count("FAILED") == 1
    means = [line for line in text.splitlines() if "geometric means" in line]
    assert means == text.splitlines()[-len(means) :] and len(means) == 7
    assert "tf32: 0.50 of PyTorch untuned, 0.71 tuned, geometric means of 2" in text
    assert sorted(interleaved(range(67))) == list(range(67))


def test_the_extra_for_gpus_is_enough():
    """And torch, which it asks for by itself: nothing else is imported."""
    others = ("onnx", "rich", "matplotlib", "safetensors", "torch")
    script = Path(__file__).parent.parent / "benchmarks" / "gpu.py"
    words = ["gpu.py", "--dry", "--only=168x256x256 bf16"]
    program = (
        f"import runpy, sys; sys.modules.update(dict.fromkeys({others})); "
        f"sys.argv = {words}; sys.path.insert(0, {str(script.parent)!r}); "
        f"runpy.run_path({str(script)!r}, run_name='__main__')"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "block 128" in done.stdout, done.stderr
