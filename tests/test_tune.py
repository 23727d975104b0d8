"""br-tune, and the schedules that it keeps for later compiles."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_lines import call

import brdialect
from brdialect.schedule import Schedule
from passes.schedule.tuned_schedules import FORMAT
from runtime.cli import tune
from runtime.host import cpus, host_target
from runtime.schedule_cache import forget, keep, tuned_schedules
from runtime.schedule_file import schedule_file, target_line
from runtime.tuner import session
from runtime.tuner.candidate import Candidate, Workbench
from runtime.tuner.race import Outcome
from runtime.tuner.search import Result

MATMUL = """
func.func @main(%a: tensor<24x32xf32>, %b: tensor<32x48xf32>) -> tensor<24x48xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<24x48xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<24x48xf32>) -> tensor<24x48xf32>
  %r = linalg.matmul ins(%a, %b : tensor<24x32xf32>, tensor<32x48xf32>)
    outs(%f : tensor<24x48xf32>) -> tensor<24x48xf32>
  func.return %r : tensor<24x48xf32>
}
"""
KEY = "f32: C[a,b] = A[a,c] * B[c,b], a=24 b=48 c=32"
TARGET = host_target(1)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("BR_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The file of a small product."""
    path = tmp_path / "matmul.mlir"
    path.write_text(MATMUL)
    return path


def schedules(source: str = MATMUL, tuned: bool = True) -> str:
    """The program with the schedules that a compile chooses."""
    return brdialect.compile(source, threads=1, tuned=tuned).ir("choose-schedule")


def multiply() -> None:
    """Compiles and runs; the result is right."""
    a = np.random.default_rng(0).standard_normal((24, 32)).astype("f4")
    b = np.random.default_rng(1).standard_normal((32, 48)).astype("f4")
    got = brdialect.compile(MATMUL, threads=1)(a, b)
    np.testing.assert_allclose(got, a @ b, rtol=1e-4, atol=1e-5)


class AlwaysFaster:
    """A track on which each challenger wins."""

    def __init__(self, _: object):
        pass

    def warm_up(self, runner: Any) -> None:
        runner.best = 1.0

    def race(self, champion: Any, challenger: Any, rounds: int = 0) -> Outcome:
        challenger.best = champion.best * 0.9
        return Outcome(champion.best, challenger.best, 0.9)


def written() -> dict[str, Any]:
    """The cache's file."""
    path = schedule_file(TARGET)
    assert path is not None
    return json.loads(path.read_text())


def write(content: object) -> Path:
    """Puts something where the cache's file is."""
    path = schedule_file(TARGET)
    assert path is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def file_of(entries: object) -> dict[str, object]:
    """A whole file with some entries."""
    return {"format": FORMAT, "target": target_line(TARGET), "schedules": entries}


def run_tune(program: Path, *more: str) -> int:
    words = [str(program), "--threads=1", "--budget=1", *more]
    return tune.run(tune.parse_options(words))


def test_a_tiny_budget_finishes(program: Path):
    done = call("br-tune", program, "--budget=1", "--threads=1", folder=program.parent)
    assert done.code == 0, done.errors
    assert KEY in done.output and "gain" in done.output


def test_winners_are_kept_and_used(
    program: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    before = schedules()
    monkeypatch.setattr(session, "Track", AlwaysFaster)
    assert run_tune(program) == 0
    entry = written()["schedules"][KEY]
    assert entry["default"] in before and entry["schedule"] not in before
    assert f'"{entry["schedule"]}"' in schedules()
    assert schedules(tuned=False) == before
    assert entry["schedule"] in capsys.readouterr().out
    multiply()


def test_command_lines_take_tuned_schedules(program: Path, cache: Path):
    def errors(tool: str, *words: object) -> str:
        found = {"BR_CACHE_DIR": str(cache)}
        done = call(tool, program, *words, folder=program.parent, variables=found)
        assert done.code == 0, done.errors
        return done.errors

    keep(TARGET, KEY, {"schedule": "b48 | n=c"})
    run = ("br-run", "--threads=1", "--no-cache")
    compile = ("br-compile", "-o", "made.ll")
    for tool in (run, compile):
        assert "the tuned schedule" in errors(*tool)
        assert not errors(*tool, "--no-tuned")
    assert not errors("br-opt", "-p", "lower-to-cpu")


def test_a_pass_takes_a_file_of_schedules(program: Path):
    keep(TARGET, KEY, {"schedule": "B16 a8 | m=a n=b k=c"})
    path = schedule_file(TARGET)
    steps = "generalise-linalg,normalise-contractions,fuse-epilogues"
    passes = f'{steps},choose-schedule{{tuned="{path}"}}'
    done = call("br-opt", program, "-p", passes, folder=program.parent)
    assert done.code == 0, done.errors
    assert '"B16 a8 | m=a n=b k=c"' in done.output


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "expected a file of schedules"),
        ("{", "expected a file of schedules"),
        ("[]", "got 'None'"),
        ({"format": "brdialect schedules 99", "schedules": {}}, "schedules 99"),
        (
            {"format": FORMAT, "target": "another", "schedules": {}},
            "got those of anoth",
        ),
        ({"format": FORMAT, "target": target_line(TARGET)}, 'expected "schedules"'),
        (file_of({KEY: "B16"}), "has no schedule"),
        (file_of({KEY: {"schedule": 3}}), "has no schedule"),
        (file_of({KEY: {"schedule": "what?"}}), "is left out: expected a loop"),
        (file_of({KEY: {"schedule": "a | n=c"}}), "is left out: expected an iterator"),
    ],
)
def test_damaged_files_are_left_out_with_a_warning(content: object, reason: str):
    before = schedules(tuned=False)
    write(content)
    with pytest.warns(RuntimeWarning, match=reason.replace("(", r"\(")):
        assert schedules() == before
        multiply()


def test_a_damaged_file_is_replaced():
    write("{")
    with pytest.warns(RuntimeWarning, match="left out"):
        assert keep(TARGET, KEY, {"schedule": "B16 | m=a n=b k=c"})
    assert tuned_schedules(TARGET) == {KEY: "B16 | m=a n=b k=c"}


def test_a_folder_that_cannot_be_written(
    program: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    cache.write_text("a file where the folder should be")
    with pytest.warns(RuntimeWarning, match="not kept"):
        multiply()
    monkeypatch.setattr(session, "Track", AlwaysFaster)
    with pytest.warns(RuntimeWarning, match="not kept"):
        assert run_tune(program) == 0


def _write_entries(folder: str, first: int) -> None:
    os.environ["BR_CACHE_DIR"] = folder
    for number in range(first, first + 20):
        keep(TARGET, f"op {number}", {"schedule": f"a{number}"})


def test_two_writers(cache: Path):
    context = multiprocessing.get_context("forkserver")
    writers = [
        context.Process(target=_write_entries, args=(str(cache), n)) for n in (0, 20)
    ]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
    assert sorted(tuned_schedules(TARGET)) == sorted(f"op {n}" for n in range(40))
    assert forget(TARGET, "op 7") and len(tuned_schedules(TARGET)) == 39
    path = schedule_file(TARGET)
    assert path is not None
    assert sorted(p.suffix for p in path.parent.iterdir()) == [".json", ".lock"]


def test_targets_do_not_share_schedules():
    keep(TARGET, KEY, {"schedule": "B16 | m=a n=b k=c"})
    assert not tuned_schedules(
        host_target(2) if cpus() > 1 else brdialect.TARGETS["aarch64"]
    )


def test_an_interrupt_keeps_what_was_found(
    program: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    hits = iter([signal.SIGINT])

    def interrupt(self: object, result: Result, changed: bool) -> None:
        for key in hits if changed else ():
            os.kill(os.getpid(), key)

    monkeypatch.setattr(session, "Track", AlwaysFaster)
    monkeypatch.setattr(tune.Display, "observe", interrupt)
    assert run_tune(program) == 130
    (text,) = tuned_schedules(TARGET).values()
    shown = capsys.readouterr().out
    assert text in shown and "interrupted" in shown


def test_a_winner_that_is_none_any_more_is_forgotten(
    program: Path, monkeypatch: pytest.MonkeyPatch
):
    class NeverFaster(AlwaysFaster):
        """A track on which no challenger wins."""

        def race(self, champion: Any, challenger: Any, rounds: int = 0) -> Outcome:
            return Outcome()

    keep(TARGET, KEY, {"schedule": "B16 a8 | m=a n=b k=c"})
    monkeypatch.setattr(session, "Track", NeverFaster)
    assert run_tune(program) == 0
    assert not tuned_schedules(TARGET)


def test_wrong_results_do_not_count(
    program: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def wrong_in_panels(self: Workbench, schedule: Schedule) -> Candidate | None:
        return right(self, schedule) if schedule.pack_b else None

    right = Workbench.candidate
    monkeypatch.setattr(Workbench, "candidate", wrong_in_panels)
    monkeypatch.setattr(session, "Track", AlwaysFaster)
    assert run_tune(program) == 1
    assert "wrong result, please report" in capsys.readouterr().out
    assert all("pack=" in text for text in tuned_schedules(TARGET).values())


def test_the_interrupt_key(program: Path):
    words = (sys.executable, "-m", "runtime.cli.tune", program, "--budget=60")
    with subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # what runs in the background is started with the key ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stderr is not None
        assert "tuning 1 contraction" in process.stderr.readline()
        os.kill(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "interrupted" in output and "Traceback" not in errors


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["matmul.mlir", "--threads=0"], "expected a number of threads from 1 to"),
        (["matmul.mlir", "--threads=-1"], "expected a number of threads from 1 to"),
        (["matmul.mlir", "--threads=99999"], "expected a number of threads from 1 to"),
        (["matmul.mlir", "--threads=two"], "--threads"),
        (["matmul.mlir", "--budget=0"], "--budget: expected seconds above 0"),
        (["matmul.mlir", "--budget=nan"], "--budget: expected seconds above 0"),
        (["matmul.mlir", "--constants=7"], "--constants: expected arguments from 0"),
        (["matmul.mlir", "--constants=x"], "--constants: expected numbers"),
        (["matmul.mlir", "--entry=other"], "other"),
        (["matmul.mlir", "--input=2x2xf32"], "expected --input for each of 2"),
        (["resnet"], "or a file named *.mlir or *.onnx, got 'resnet'"),
        (["missing.mlir"], "missing.mlir"),
        (["bad.mlir"], "bad.mlir:1"),
        (["empty.mlir"], "expected contractions to tune, found none"),
        (["open.mlir"], "leaves sizes open"),
    ],
)
def test_mistakes(program: Path, words: Sequence[str], reason: str):
    folder = program.parent
    (folder / "bad.mlir").write_text("func.func @main(")
    (folder / "empty.mlir").write_text(
        "func.func @main(%x: f32) -> f32 { func.return %x : f32 }"
    )
    (folder / "open.mlir").write_text(MATMUL.replace("tensor<24x32", "tensor<?x32"))
    done = call("br-tune", *words, folder=folder)
    assert done.code == 1
    assert reason in done.errors and "Traceback" not in done.errors
