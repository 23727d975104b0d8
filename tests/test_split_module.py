"""Programs that are lowered in several parts at the same time."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
from xdsl.dialects import func

from brdialect import compile
from brdialect.errors import BrError
from brdialect.source import parse_module
from passes.program.split_module import split_module, stands_alone
from runtime.children import in_children
from runtime.code import link
from runtime.codegen import emit_object
from runtime.elf import ElfCode, UnknownObjectError
from runtime.host import host_target
from runtime.program import Program

FUNCTIONS = """
memref.global "private" @table : memref<4xf32>
func.func @main(%x: memref<4xf32>) {
  func.call @a(%x) : (memref<4xf32>) -> ()
  func.call @b(%x) : (memref<4xf32>) -> ()
  func.call @c(%x) : (memref<4xf32>) -> ()
  func.return
}
func.func private @a(%x: memref<4xf32>) { func.return }
func.func private @b(%x: memref<4xf32>) { func.return }
func.func private @c(%x: memref<4xf32>) {
  %table = memref.get_global @table : memref<4xf32>
  func.return
}
func.func private @outside(memref<4xf32>)
"""

LAYERS = """
func.func @main(%x: tensor<5x8xf32>, %w: tensor<8x8xf32>, %v: tensor<8x3xf32>)
    -> tensor<5x3xf32> {
  %zero = arith.constant 0.0 : f32
  %0 = tensor.empty() : tensor<5x8xf32>
  %1 = linalg.fill ins(%zero : f32) outs(%0 : tensor<5x8xf32>) -> tensor<5x8xf32>
  %2 = linalg.matmul ins(%x, %w : tensor<5x8xf32>, tensor<8x8xf32>)
      outs(%1 : tensor<5x8xf32>) -> tensor<5x8xf32>
  %3 = linalg.exp ins(%2 : tensor<5x8xf32>) outs(%0 : tensor<5x8xf32>)
      -> tensor<5x8xf32>
  %4 = tensor.empty() : tensor<5x3xf32>
  %5 = linalg.fill ins(%zero : f32) outs(%4 : tensor<5x3xf32>) -> tensor<5x3xf32>
  %6 = linalg.matmul ins(%3, %v : tensor<5x8xf32>, tensor<8x3xf32>)
      outs(%5 : tensor<5x3xf32>) -> tensor<5x3xf32>
  func.return %6 : tensor<5x3xf32>
}
"""


def test_functions_that_refer_to_nothing_move():
    module = parse_module(FUNCTIONS)
    alone = [stands_alone(op) for op in module.ops if isinstance(op, func.FuncOp)]
    assert alone == [False, True, True, False, False]
    other, rest = split_module(module, 2)
    assert rest is module
    for part in (other, rest):
        part.verify()
    assert "func.func @b(" in str(other)
    assert "func.func private @b(memref<4xf32>)" in str(rest)
    assert [name for name in "abc" if f"@{name}" in str(other)] == ["b"]


def test_one_part_is_the_module():
    module = parse_module(FUNCTIONS)
    text = str(module)
    assert split_module(module, 1) == [module]
    assert str(module) == text


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("parts", [2, 5])
def test_a_program_in_parts(
    parts: int, threads: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
):
    """Also when it comes out of the cache."""
    monkeypatch.setenv("BR_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("runtime.program._parts", lambda _: parts)  # pyright: ignore
    made: list[int] = []
    real = Program.object_code

    def count(self: Program, shapes: Any) -> Any:
        objects = real(self, shapes)
        made.append(len(objects.images))
        return objects

    monkeypatch.setattr(Program, "object_code", count)
    random = np.random.default_rng(0)
    x, w, v = (
        random.standard_normal(shape).astype(np.float32)
        for shape in ((5, 8), (8, 8), (8, 3))
    )
    for _ in range(2):
        result = compile(LAYERS, threads=threads)(x, w, v)
        np.testing.assert_allclose(result, np.exp(x @ w) @ v, rtol=1e-5)
    assert made == [parts]


@pytest.mark.parametrize("ours", [True, False])
def test_an_object_calls_those_before_it(ours: bool, monkeypatch: pytest.MonkeyPatch):
    def load(*arguments: Any) -> ElfCode:
        if not ours:
            raise UnknownObjectError("not today")
        return ElfCode(*arguments)

    monkeypatch.setattr("runtime.code.ElfCode", load)
    texts = (
        "define i64 @g(i64 %i) {\n %j = add i64 %i, 1\n ret i64 %j\n}",
        "declare i64 @g(i64)\n"
        "define i64 @f(i64 %i) {\n %j = call i64 @g(i64 %i)\n ret i64 %j\n}",
    )
    code = link([emit_object(text, host_target(1)) for text in texts], ["f"], {})
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(code.address("f"))(3) == 4


def test_the_first_error_of_a_child_comes_back():
    def refuse() -> int:
        raise BrError("not this one")

    assert in_children([lambda: 1, lambda: 2]) == [1, 2]
    with pytest.raises(BrError, match="not this one"):
        in_children([lambda: 1, refuse, lambda: 3])
