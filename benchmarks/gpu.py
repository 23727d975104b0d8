"""Products, convolutions and LSTMs on a GPU against cuBLAS and cuDNN, by PyTorch.

    pip install torch                   # PyTorch's own wheels, with CUDA
    pip install '.[gpu]'
    python benchmarks/gpu.py [--target NAME] [--minutes M] [--tune S] [--only TEXT]

Each line is checked first, against float64 on the same arrays, then timed in turns with
PyTorch: the median of batches of calls, by the clock around batches that end when the
device is done, on memory that is there before. Products and convolutions are tuned
(br-tune's search, for at most so many seconds a line) and timed with both schedules.
All lines share the minutes. A table of all of them comes last, and the geometric means.

Another process measures: a line that fails, hangs or takes the device down loses only
itself. `copy=tma` is searched if a small product with it is right. `--json FILE` has
the schedules, too. `--dry` compiles every line, and needs neither torch nor a GPU.
Weights of LSTMs are packed ahead, as cuDNN has them. The exit code is 1 if a line
failed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

from gpu_lines import Line, lines
from gpu_report import Row, interleaved, results, table

import brdialect
from brdialect.target import target_named
from passes.schedule.tile_copies import TileCopies
from runtime.cli.tune import works_of
from runtime.program import load_program
from runtime.tuner.session import Session

LIMIT = {"tf32": 1e-3, "bf16": 1e-2}
"""Of |got - want| / |want|."""

BATCH = 2e-3
"""Seconds of a batch of calls, about."""

_OLDEST = "nvptx64-sm_80"
"""The target of which every device runs the programs."""


def bits(torch: Any, x: Any) -> Any:
    """bf16 as its bits, which is how arrays of it are passed."""
    return x.view(torch.uint16) if x.dtype == torch.bfloat16 else x


class Measurement:
    """One line on the device: `row` is what is known of it."""

    def __init__(self, torch: Any, line: Line, target: str) -> None:
        self.torch, self.line, self.target = torch, line, target
        self.dtype = torch.bfloat16 if line.kind == "bf16" else torch.float32
        self.x, self.w = line.operands(torch, self.dtype)
        arrays = [bits(torch, a) for a in line.ours(self.x, self.w)]
        self.constants = {i: arrays[i].cpu().numpy() for i in line.ahead}
        self.arrays = [a for i, a in enumerate(arrays) if i not in line.ahead]
        torch.backends.cudnn.benchmark = False  # nobody times this one
        wide = line.peer(torch, self.x.double(), deepcopy(self.w).double())
        torch.backends.cudnn.benchmark = True
        self.want = line.layout(wide)
        self.row: Row = {"flops": line.flops}

    def compiled(self, tuned: bool) -> Callable[[int], None]:
        """Many calls of the program, whose result is right."""
        f = brdialect.compile(
            self.line.text, target=self.target, constants=self.constants, tuned=tuned
        )
        got = self.numbers(f(*self.arrays)).double()
        error = float((got - self.want).norm() / self.want.norm())
        if not error < LIMIT[self.line.kind]:
            raise RuntimeError(
                f"{'tuned' if tuned else 'untuned'}: error {error:.2e} against float64"
            )
        self.row["error"] = max(error, self.row.get("error", 0.0))
        call = f.bound_on_device(self.arrays)
        return lambda times: call(times)

    def numbers(self, result: Any) -> Any:
        """A result as PyTorch has it; bf16 comes as its bits."""
        got = self.torch.as_tensor(result, device="cuda")
        return got.view(self.dtype)

    def tune(self, seconds: float) -> bool:
        """Whether the search has found another schedule."""
        target = target_named(self.target)
        program = load_program(self.line.text, None, target)
        works = works_of(program.module, None, target, ())
        session = Session(works, target, lambda result, changed: None)
        session.run(seconds)
        if not session.results:
            return False
        (result,) = session.results
        self.row |= {"schedule": str(result.schedule), "tried": result.tried}
        self.row |= {"default": str(result.default)}
        if result.wrong:
            self.row["wrong"] = [str(s) for s in result.wrong]
        return not result.is_default

    def peer(self, times: int) -> None:
        """Many calls of PyTorch."""
        for _ in range(times):
            self.line.peer(self.torch, self.x, self.w)
        self.torch.cuda.synchronize()

    def run(self, tuning: float, seconds: float, early: Callable[[Row], None]) -> Row:
        """Checks and times; `early` is told what is known before the search."""
        calls = {"untuned": self.compiled(tuned=False), "PyTorch": self.peer}
        self.time(calls, seconds / 2)
        if tuning <= 0 or self.line.group == "LSTM":
            return self.row
        early(self.row)
        try:
            if self.tune(tuning):
                calls["tuned"] = self.compiled(tuned=True)
                self.time(calls, seconds / 2)
        except Exception as e:  # the untuned time is worth having
            self.row["tuning failed"] = f"{type(e).__name__}: {e}"
        return self.row

    def time(self, calls: Mapping[str, Callable[[int], None]], seconds: float) -> None:
        """The least of two medians of each, in turns."""
        for _ in range(2):
            for name, call in calls.items():
                taken = timed(call, seconds / 2 / len(calls))
                self.row[name] = min(taken, self.row.get(name, taken))


def timed(call: Callable[[int], None], seconds: float) -> float:
    """The median time of a call, in seconds, of batches."""
    call(1)
    start = time.perf_counter()
    call(1)
    times = max(1, min(200, round(BATCH / (time.perf_counter() - start))))
    found: list[float] = []
    end = time.perf_counter() + seconds
    while len(found) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        call(times)
        found.append((time.perf_counter() - start) / times)
    return median(found)


def measure(numbers: Sequence[int], until: float, tuning: float, target: str) -> None:
    """The measuring process: a JSON object for each line, when it begins and ends."""
    torch: Any = import_module("torch")
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    every = list(lines())
    for place, number in enumerate(numbers):
        say(number, {})
        left = until - time.time()
        if left <= 0:
            say(number, {"failed": "no time left"})
            continue
        share = left / (len(numbers) - place)
        early = partial(say, number, early=True)
        try:
            found = Measurement(torch, every[number], target)
            row = found.run(min(tuning, share / 2), min(2.0, share / 5), early)
        except Exception as e:
            row = {"failed": f"{type(e).__name__}: {e}"}
        say(number, row)
        found = None
        torch.cuda.synchronize()  # raises, and ends this, if the device is gone
        torch.cuda.empty_cache()


def say(number: int, row: Row, early: bool = False) -> None:
    """To the process that asked; `early`: there may be more."""
    print(json.dumps({"line": number, **row, **({"early": 1} if early else {})}))
    sys.stdout.flush()


def dry(chosen: Sequence[Line], target: str) -> None:
    """Compiles, and runs nothing."""
    for line in chosen:
        program = load_program(line.text, None, target_named(target))
        shapes = program.signature.static_shapes()
        assert shapes is not None
        plan = program.device_code(shapes).plan
        launched = map(str, plan.kernels.values())
        print(f"{line.group:16} {line.name:24} {line.kind} {'; '.join(launched)}")


def main() -> int:
    """See the module's docstring."""
    p = argparse.ArgumentParser()
    p.add_argument("--target", help="sm_90a's on a device of 9.0, else sm_80's")
    p.add_argument("--minutes", type=float, default=7.5, help="for all lines")
    p.add_argument("--tune", type=float, default=4.0, help="seconds a line; 0: not")
    p.add_argument("--only", default="", help="lines whose name or group has this")
    p.add_argument("--dry", action="store_true", help="compiles, and runs nothing")
    p.add_argument("--json", type=Path, metavar="FILE", help="writes plain data")
    p.add_argument("--measure", default="", help=argparse.SUPPRESS)
    p.add_argument("--only-async", action="store_true", help="schedules leave out TMA")
    p.add_argument("--until", type=float, default=0.0, help=argparse.SUPPRESS)
    options = p.parse_args()
    if options.measure:
        numbers = [int(n) for n in options.measure.split(",")]
        if options.only_async:
            TileCopies.ALLOWED = False
        measure(numbers, options.until, options.tune, options.target)
        return 0
    every = list(lines())
    numbers = [
        i for i, x in enumerate(every) if options.only in f"{x.group} {x.name} {x.kind}"
    ]
    if options.dry:
        dry([every[i] for i in numbers], options.target or _OLDEST)
        return 0
    until = time.time() + 60 * options.minutes
    target = options.target or own_target()
    threads = options.only_async or not boxes_arrive(target)

    def command(left: Sequence[int]) -> Sequence[str]:
        words = ",".join(map(str, left)), str(until), str(options.tune), target
        names = "--measure", "--until", "--tune", "--target"
        pairs = [f"{name}={word}" for name, word in zip(names, words, strict=True)]
        return [sys.executable, __file__, *pairs, *["--only-async"] * threads]

    found: dict[int, Row] = {}
    for number, row in results(command, interleaved(numbers)):
        found[number] = row
        print(every[number].name, every[number].kind, json.dumps(row), flush=True)
        if options.json is not None:
            rows = [{"name": every[i].name, **row} for i, row in found.items()]
            options.json.write_text(json.dumps(rows, indent=1))
    print(f"{target}, {time.time() - until + 60 * options.minutes:.0f} s")
    print(table([(every[i], found[i]) for i in sorted(found)]))
    return int(any("failed" in row for row in found.values()))


BOXES = """
import numpy as np, brdialect
from gpu_lines import CONV, GEMM, PAD
random = np.random.default_rng(0)
sizes = dict(n=2, ih=9, iw=11, ph=11, pw=13, c=64, r=3, s=5, k=64, p=9, q=9, stride=1)
padded = PAD.format(pad=1, t="bf16")
conv = CONV.format(**sizes, t="bf16", padded=padded, image="i")
shapes = {GEMM.format(m=256, n=256, k=256, t="bf16"): [(256, 256)] * 2}
shapes |= {conv: [(2, 9, 11, 64), (3, 5, 64, 64)]}
loops = ["m=a n=b k=c", "m=c n=d k=g rows=a,b batch=e,f"]
for (text, operands), its in zip(shapes.items(), loops):
    found = []
    for copy in ("async", "tma"):
        words = f"| {its} | block=64x64x64 warp=16x64 stages=4 mma=wgmma copy={copy}"
        word = f'br.schedule = #br.schedule<"{words}">'
        scheduled = text.replace("{dilations", "{" + word + ", dilations")
        scheduled = scheduled.replace("linalg.matmul", "linalg.matmul {" + word + "}")
        xs = [random.standard_normal(x, np.float32) for x in operands]
        bits = [(x.view(np.uint32) >> 16).astype(np.uint16) for x in xs]
        random = np.random.default_rng(0)
        found.append(brdialect.compile(scheduled, target="nvptx64-sm_90a")(*bits))
    assert np.array_equal(*found), text
"""


def boxes_arrive(target: str) -> bool:
    """Whether a small product and a padded convolution give the same with copy=tma as
    without, in a process of their own: one that hangs would cost all lines time."""
    if target != "nvptx64-sm_90a":
        return False
    folder = str(Path(__file__).parent)
    words = f"import sys; sys.path.insert(0, {folder!r})\n{BOXES}"
    command = [sys.executable, "-c", words]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as e:
        said = e.stderr or b""
        kind = type(e).__name__
        print(f"copy=tma is left out: {kind}: {said.decode()[-500:]}", flush=True)
        return False
    return True


def own_target() -> str:
    """That of the device, asked for in a process of its own."""
    words = "import torch; print(*torch.cuda.get_device_capability())"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"expected torch with CUDA and a GPU: {done.stderr[-300:]}")
    return "nvptx64-sm_90a" if done.stdout.split() == ["9", "0"] else _OLDEST


if __name__ == "__main__":
    raise SystemExit(main())
