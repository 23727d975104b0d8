"""benchmarks/gpu.py without a GPU: one line's failure does not lose the others."""

from __future__ import annotations

import importlib.util
import json
import runpy
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_driver import FakeDriver, fake

from runtime.cli.bench.workloads import Convolution, Recurrent

__all__ = ["fake"]

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

from gpu_lines import Line, convolution, gemm, lines, lstm
from gpu_report import Row, interleaved, results, table

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "gpu.py"

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
    words = ["gpu.py", "--dry", "--only=168x256x256 bf16"]
    program = (
        f"import runpy, sys; sys.modules.update(dict.fromkeys({others})); "
        f"sys.argv = {words}; sys.path.insert(0, {str(SCRIPT.parent)!r}); "
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "block 128" in done.stdout, done.stderr


class CpuTorch:
    """PyTorch whose device is the host, which it calls "cuda"."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch
        self.synchronized = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._torch, name)

    @property
    def cuda(self) -> Any:
        return self

    def synchronize(self) -> None:
        self.synchronized += 1

    def empty_cache(self) -> None:
        pass

    def randn(self, *sizes: Any, device: str) -> Any:
        assert device == "cuda"
        return self._torch.randn(*sizes)

    def as_tensor(self, x: Any, device: str) -> Any:
        """What lies on the fake device; the real one reads the same interface."""
        assert device == "cuda" and x.__cuda_array_interface__["strides"] is None
        return self._torch.from_numpy(x.numpy())


def small_lines() -> Iterator[Line]:
    """One of each kind."""
    for kind in ("tf32", "bf16"):
        yield gemm("square", 70, 40, 64, kind)
        layer = Convolution("padded", 2, 8, 7, 6, 16, 3, 3, 2, 2, 1, 1)
        yield convolution(layer, kind)
    yield lstm(Recurrent("lstm", 5, 8, 8, 3))


@pytest.fixture
def script(fake: FakeDriver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """benchmarks/gpu.py with these lines, on the fake device."""
    torch = pytest.importorskip("torch")
    monkeypatch.setenv("BR_CACHE_DIR", str(tmp_path))
    spec = importlib.util.spec_from_file_location("gpu_script", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "gpu_script", module)
    spec.loader.exec_module(module)
    device = CpuTorch(torch)

    def interface(tensor: Any) -> dict[str, Any]:
        """Of a tensor's copy on the fake device, that lives as long as it does."""
        if not hasattr(tensor, "on_device"):
            array = tensor.contiguous().view(tensor.dtype).numpy()
            pointer = fake.do_cumemalloc(array.nbytes)
            fake.memory[pointer][:] = array.reshape(-1).view(np.uint8)
            strides = None if tensor.is_contiguous() else ()
            tensor.on_device = {
                "version": 2,
                "typestr": array.dtype.str,
                "shape": array.shape,
                "data": (pointer, False),
                "strides": strides,
            }
        return tensor.on_device

    monkeypatch.setattr(torch.Tensor, "__cuda_array_interface__", property(interface))
    to = torch.nn.Module.to
    monkeypatch.setattr(torch.nn.Module, "to", lambda m, _, dtype: to(m, dtype))
    real = module.import_module
    monkeypatch.setattr(
        module, "import_module", lambda n: device if n == "torch" else real(n)
    )
    monkeypatch.setattr(module, "lines", small_lines)

    def once(call: Callable[[int], None], seconds: float) -> float:
        call(1)
        return 1e-3 * seconds

    monkeypatch.setattr(module, "timed", once)
    return module


@pytest.mark.parametrize("target", ["nvptx64-sm_80", "nvptx64-sm_90a"])
def test_each_line_is_checked_and_timed(
    script: Any,
    fake: FakeDriver,
    target: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
):
    """All of the script but its processes: tuned and untuned, and the table."""
    if target.endswith("90a"):
        fake.attributes |= {"major": 9, "minor": 0, "shared": 227 << 10}

    def results(
        command: Callable[[Sequence[int]], Sequence[str]], numbers: Sequence[int]
    ) -> Iterator[tuple[int, Row]]:
        words = command(numbers)
        assert words[0] == sys.executable and f"--target={target}" in words
        script.measure(numbers, time.time() + 600, 0.1, target)
        said = [json.loads(x) for x in capsys.readouterr().out.splitlines()]
        rows = {x.pop("line"): x for x in said if len(x) > 1 and "early" not in x}
        yield from rows.items()

    monkeypatch.setattr(script, "results", results)
    monkeypatch.setattr(script, "own_target", lambda: target)
    monkeypatch.setattr(script, "boxes_arrive", lambda _: True)
    plain = tmp_path / "rows.json"
    monkeypatch.setattr(sys, "argv", ["gpu.py", f"--json={plain}"])
    code = script.main()
    text = capsys.readouterr().out
    assert code == 0, text
    rows = json.loads(plain.read_text())
    assert len(rows) == 5
    for row in rows:
        assert row["error"] < script.LIMIT["bf16"] and row["PyTorch"] > 0
        assert "tuning failed" not in row and "wrong" not in row
        assert row["untuned"] > 0 and ("tried" in row) == ("t3" not in row["name"])
    assert "geometric means of 1" in text.splitlines()[-1]


def test_times_are_medians_of_batches():
    script = runpy.run_path(str(SCRIPT))
    calls: list[int] = []

    def call(times: int) -> None:
        calls.append(times)
        time.sleep(1e-3 * times)

    assert 1e-3 < script["timed"](call, 0.02) < 5e-3
    assert calls[:2] == [1, 1] and len(calls) >= 7 and calls[2] in (1, 2)


def test_a_wrong_result_is_a_failure(script: Any, capsys: pytest.CaptureFixture[str]):
    first = next(small_lines())
    wrong = replace(first, layout=lambda y: y + 1.0)
    script.lines = lambda: iter([wrong])
    script.measure([0], time.time() + 60, 0.0, "nvptx64-sm_80")
    (*_, row) = [json.loads(x) for x in capsys.readouterr().out.splitlines()]
    assert "error" in row["failed"] and "against float64" in row["failed"]


def test_the_check_of_boxes(script: Any, fake: FakeDriver):
    """That what it runs before it asks for copy=tma compiles, has boxes, and agrees."""
    fake.attributes |= {"major": 9, "minor": 0, "shared": 227 << 10}
    exec(compile(script.BOXES, "boxes", "exec"), {})
    windows = [m.window for _, m, _ in fake.maps.values() if m.window is not None]
    assert len(fake.maps) == 4 and len(windows) == 1
    assert windows[0].lower == (-1, -1) and windows[0].upper == (-3, -1)
