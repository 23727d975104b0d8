"""Sequences of any length run through one piece of code."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from programs import FENCES, POISON, Array, poison
from xdsl.dialects import func
from xdsl.dialects.builtin import TensorType, f32
from xdsl.utils.hints import isa

from brdialect import reference
from brdialect.source import parse_module
from passes.program.open_sizes import open_sizes
from runtime import code_cache
from runtime.compiler import Compiled, compile
from runtime.host import cpus
from runtime.program import Program

W = "tensor<1x16x8xf32>, tensor<1x16x4xf32>"
LSTM = f"""
func.func @main(%x: tensor<?x3x8xf32>, %w: tensor<1x16x8xf32>, %r: tensor<1x16x4xf32>)
    -> (tensor<?x3x4xf32>, tensor<1x3x4xf32>) {{
  %y, %h, %c = br.lstm ins(%x, %w, %r : tensor<?x3x8xf32>, {W})
    -> (tensor<?x3x4xf32>, tensor<1x3x4xf32>, tensor<1x3x4xf32>)
  return %y, %c : tensor<?x3x4xf32>, tensor<1x3x4xf32>
}}
"""
# %y of the first layer grows with T beside what the others need of the workspace
THREE_LAYERS = """
func.func @main(%x: tensor<3x?x8xf32>, %w: tensor<2x12x8xf32>, %r: tensor<2x12x4xf32>,
                %v: tensor<1x4x8xf32>, %s: tensor<1x4x4xf32>, %u: tensor<1x4x4xf32>,
                %n: tensor<3xi32>) -> tensor<3x?x4xf32> {
  %y, %h = br.gru ins(%x, %w, %r : tensor<3x?x8xf32>, tensor<2x12x8xf32>,
      tensor<2x12x4xf32>) lengths(%n : tensor<3xi32>)
    {batch_first, direction = "bidirectional"}
    -> (tensor<3x?x8xf32>, tensor<2x3x4xf32>)
  %z, %i = br.rnn ins(%y, %v, %s : tensor<3x?x8xf32>, tensor<1x4x8xf32>,
      tensor<1x4x4xf32>) {batch_first, direction = "reverse"}
    -> (tensor<3x?x4xf32>, tensor<1x3x4xf32>)
  %a, %j = br.rnn ins(%z, %u, %s : tensor<3x?x4xf32>, tensor<1x4x4xf32>,
      tensor<1x4x4xf32>) {batch_first} -> (tensor<3x?x4xf32>, tensor<1x3x4xf32>)
  return %a : tensor<3x?x4xf32>
}
"""
# the first result is an argument, the others are one tensor
COPIES = f"""
func.func @main(%x: tensor<3x?x8xf32>, %w: tensor<1x16x8xf32>, %r: tensor<1x16x4xf32>)
    -> (tensor<3x?x8xf32>, tensor<3x?x4xf32>, tensor<3x?x4xf32>) {{
  %y, %h, %c = br.lstm ins(%x, %w, %r : tensor<3x?x8xf32>, {W}) {{batch_first}}
    -> (tensor<3x?x4xf32>, tensor<1x3x4xf32>, tensor<1x3x4xf32>)
  return %x, %y, %y : tensor<3x?x8xf32>, tensor<3x?x4xf32>, tensor<3x?x4xf32>
}}
"""
TWO_INPUTS = f"""
func.func @main(%a: tensor<?x3x8xf32>, %b: tensor<?x?x8xf32>, %w: tensor<1x16x8xf32>,
                %r: tensor<1x16x4xf32>) -> (tensor<?x3x4xf32>, tensor<?x?x4xf32>) {{
  %y, %h, %c = br.lstm ins(%a, %w, %r : tensor<?x3x8xf32>, {W})
    -> (tensor<?x3x4xf32>, tensor<1x3x4xf32>, tensor<1x3x4xf32>)
  %one = arith.constant 1 : index
  %n = tensor.dim %b, %one : tensor<?x?x8xf32>
  %z, %i, %d = br.lstm ins(%b, %w, %r : tensor<?x?x8xf32>, {W})
      initial(%h, %c : tensor<1x3x4xf32>, tensor<1x3x4xf32>)
    -> (tensor<?x?x4xf32>, tensor<1x3x4xf32>, tensor<1x3x4xf32>)
  return %y, %z : tensor<?x3x4xf32>, tensor<?x?x4xf32>
}}
"""
SUMS = """
func.func @main(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %y = linalg.add ins(%x, %x : tensor<?x2xf32>, tensor<?x2xf32>)
                  outs(%x : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
"""


@pytest.fixture
def compiles(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Grows by the shapes of each program that is lowered to code, whose fresh memory
    is full of NaN between two fences."""
    made: list[Any] = []
    real = Program.object_code

    def count(self: Program, shapes: Any) -> Any:
        made.append(shapes)
        return real(self, shapes)

    monkeypatch.setattr(Program, "object_code", count)
    FENCES.clear()
    poison(monkeypatch)
    return made


def random(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).standard_normal(shape, np.float32)


def entry(text: str) -> func.FuncOp:
    function = parse_module(text).body.block.first_op
    assert isinstance(function, func.FuncOp)
    return function


def weights(text: str) -> list[Array]:
    """Arrays for the arguments of f32 whose sizes are known."""
    types = [t for t in entry(text).function_type.inputs if isa(t, TensorType)]
    known = [t for t in types if t.has_static_shape() and t.element_type == f32]
    return [random(*t.get_shape()) for t in known]


def check(f: Compiled, text: str, arrays: Sequence[Array]) -> None:
    """Compares a call with what numpy computes; nothing but its memory is written."""
    got = f(*arrays)
    results = got if isinstance(got, tuple) else (got,)
    wants = reference.run(parse_module(text), "main", arrays)
    for result, want in zip(results, wants, strict=True):
        assert result.shape == want.shape
        np.testing.assert_allclose(result, want, rtol=1e-5, atol=1e-5)
    for what, low, high in FENCES:
        assert (low == POISON).all() and (high == POISON).all(), what


@pytest.mark.parametrize("threads", [1, 2])
def test_one_piece_of_code_for_all_lengths(compiles: list[Any], threads: int):
    f = compile(LSTM, threads=min(threads, cpus()))
    for steps in (1, 2, 37, 0, 130):
        check(f, LSTM, [random(steps, 3, 8), *weights(LSTM)])
    assert compiles == [((None, 3, 8), (1, 16, 8), (1, 16, 4))]


def test_weights_may_be_given_ahead(compiles: list[Any]):
    w, r = weights(LSTM)
    f, g = compile(LSTM, threads=1, constants={1: w, 2: r}), compile(LSTM, threads=1)
    for steps in (2, 5):
        x = random(steps, 3, 8)
        for got, want in zip(f(x), g(x, w, r), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    assert compiles[0] == ((None, 3, 8),)


def test_the_workspace_grows_with_the_steps(compiles: list[Any]):
    f = compile(THREE_LAYERS, threads=1)
    FENCES.clear()
    for steps in (5, 37, 2, 0, 38):
        lengths = np.array([steps, min(1, steps), steps // 2], np.int32)
        arrays = [random(3, steps, 8), *weights(THREE_LAYERS), lengths]
        check(f, THREE_LAYERS, arrays)
    assert len(compiles) == 1
    # one is made where none of an earlier call is large enough
    assert [what for what, _, _ in FENCES].count("the workspace") == 3


def test_results_that_are_copies(compiles: list[Any]):
    f = compile(COPIES, threads=1)
    for steps in (3, 7, 0):
        check(f, COPIES, [random(3, steps, 8), *weights(COPIES)])
    assert len(compiles) == 1


def test_sequences_of_two_lengths_have_code_of_their_own(compiles: list[Any]):
    f = compile(TWO_INPUTS, threads=1)
    for a, b in ((4, 4), (9, 9), (4, 9), (1, 1), (4, 9)):
        check(f, TWO_INPUTS, [random(a, 3, 8), random(b, 3, 8), *weights(TWO_INPUTS)])
    first = [shapes[:2] for shapes in compiles]
    assert first == [((None, 3, 8), (None, 3, 8)), ((4, 3, 8), (9, 3, 8))]


def test_the_number_of_sequences_is_bound(compiles: list[Any]):
    text = LSTM.replace("?x3x", "?x?x").replace("1x3x4", "1x?x4")
    f = compile(text, threads=1)
    for shape in ((2, 3), (5, 3), (5, 1)):
        check(f, text, [random(*shape, 8), *weights(text)])
    assert [shapes[0] for shapes in compiles] == [(None, 3, 8), (None, 1, 8)]


def test_the_cache_keeps_one_entry(
    compiles: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BR_CACHE_DIR", str(tmp_path))
    code_cache._opened.cache_clear()  # pyright: ignore[reportPrivateUsage]
    for steps in (3, 8):
        f = compile(THREE_LAYERS, threads=1)
        for more in (0, 1):
            n = np.full(3, steps, np.int32)
            x = random(3, steps + more, 8)
            check(f, THREE_LAYERS, [x, *weights(THREE_LAYERS), n])
    assert len(compiles) == 1
    assert len(list(tmp_path.rglob("*.entry"))) == 2  # the signature and the code


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (LSTM, [(0, 0)]),
        (THREE_LAYERS, [(0, 1)]),
        (COPIES, [(0, 1)]),
        (TWO_INPUTS, [(0, 0), (1, 0)]),
        (SUMS, []),
        (TWO_INPUTS.replace("constant 1 :", "constant 0 :"), [(0, 0)]),
        (LSTM.replace("tensor<?x3x4xf32>", "tensor<5x3x4xf32>"), []),
        ("func.func private @declared(tensor<?x2xf32>)", []),
    ],
)
def test_sizes_that_stay_open(text: str, want: list[tuple[int, int]]):
    assert open_sizes(entry(text)) == want


def test_memrefs_of_open_sizes(compiles: list[Any]):
    text = """
    func.func @main(%x: memref<?x2xi32>, %k: i32, %y: memref<3x?xi32>) {
      %0 = arith.constant 0 : index
      %1 = arith.constant 1 : index
      %n = memref.dim %x, %0 : memref<?x2xi32>
      %m = memref.dim %y, %1 : memref<3x?xi32>
      %i = arith.index_cast %n : index to i32
      %j = arith.index_cast %m : index to i32
      memref.store %i, %x[%0, %1] : memref<?x2xi32>
      memref.store %j, %y[%1, %0] : memref<3x?xi32>
      memref.store %k, %y[%1, %1] : memref<3x?xi32>
      return
    }"""
    x, y = np.zeros((5, 2), np.int32), np.zeros((3, 7), np.int32)
    compile(text, threads=1)(x, np.int32(9), y)
    assert x[0].tolist() == [0, 5] and y[1, :3].tolist() == [7, 9, 0]


CALLER = """
#include <stdio.h>
#include <stdlib.h>
#include "{name}.h"
static float x[37 * 24], w[192], y[37 * 12];
int main(void) {{
  for (int i = 0; i < 37 * 24; ++i) x[i] = (i * 5 % 13 - 6) / 4.0f;
  for (int i = 0; i < 192; ++i) w[i] = (i * 7 % 11 - 5) / 8.0f;
  for (int steps = 37; steps > 0; steps /= 4) {{
    {call}
    for (int i = 0; i < 12 * steps; ++i) printf("%.9g ", y[i]);
  }}
  return 0;
}}
"""
CALL_LSTM = """
    float c[12];
    if (lstm(x, w, w, y, c, steps)) return 1;
"""
CALL_THREE_LAYERS = """
    int32_t n[3] = {steps, 1, 0};
    void *workspace = aligned_alloc(64, LAYERS_WORKSPACE(steps));
    if (layers(x, w, w, w, w, w, n, y, steps, workspace)) return 1;
    free(workspace);
"""


def ramp(shape: Sequence[int], factor: int, modulus: int, divisor: int) -> Array:
    """The numbers that the C program makes."""
    numbers = np.arange(math.prod(shape)) * factor % modulus - modulus // 2
    return (numbers / divisor).astype(np.float32).reshape(shape)


@pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")
@pytest.mark.parametrize(
    ("text", "name", "call"),
    [(LSTM, "lstm", CALL_LSTM), (THREE_LAYERS, "layers", CALL_THREE_LAYERS)],
    ids=["lstm", "layers"],
)
def test_c_calls_one_library_with_any_length(
    tmp_path: Path, text: str, name: str, call: str
):
    path, library = tmp_path / "m.mlir", tmp_path / f"{name}.so"
    path.write_text(text)
    command = [sys.executable, "-m", "runtime.cli.compile", path, "-o", library]
    subprocess.run(command, check=True)
    (tmp_path / "caller.c").write_text(CALLER.format(name=name, call=call))
    command = ["cc", "-Wall", "-Werror", "-o", "caller", "caller.c", library, "-lm"]
    subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "caller"], check=True, capture_output=True)
    want: list[Array] = []
    for steps in (37, 9, 2):
        shape = (3, steps, 8) if text == THREE_LAYERS else (steps, 3, 8)
        x = ramp(shape, 5, 13, 4)
        ws = [ramp(w.shape, 7, 11, 8) for w in weights(text)]
        lengths = [np.array([steps, 1, 0], np.int32)] * (text == THREE_LAYERS)
        result = reference.run(parse_module(text), "main", [x, *ws, *lengths])[0]
        want.append(np.ravel(result))
    got = np.array(done.stdout.split(), np.float32)
    np.testing.assert_allclose(got, np.concatenate(want), rtol=1e-5, atol=1e-5)
