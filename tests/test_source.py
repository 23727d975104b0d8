"""Reading files: places, weights, and that no mistake escapes as a traceback."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.arith import ConstantOp
from xdsl.dialects.builtin import FileLineColLoc, ModuleOp

from brdialect.errors import BrError
from brdialect.source import dense_value, parse_module, read_module, resources

ADD = """
func.func @f(%a: f32) -> f32 {
  %0 = arith.addf %a, %a : f32
  func.return %0 : f32
}
"""

WEIGHTS = """
func.func @f() {
  %0 = arith.constant dense_resource<w> : tensor<2xf32>
  func.return
}
{-#
  dialect_resources: {
    builtin: {
      w: "0x040000000000803F00000040",
      "odd name": "0x04000000FF"
    }
  }
#-}
"""


def constants(module: ModuleOp) -> list[ConstantOp]:
    return [op for op in module.walk() if isinstance(op, ConstantOp)]


def test_every_operation_knows_its_line() -> None:
    module = parse_module(ADD, "add.mlir")
    places = {
        op.name: (op.location.line.data, op.location.column.data)
        for op in module.walk()
        if isinstance(op.location, FileLineColLoc)
    }
    assert places["func.func"] == (2, 1)
    assert places["arith.addf"] == (3, 3)
    assert places["func.return"] == (4, 3)


def test_a_stated_location_wins() -> None:
    module = parse_module('func.func @f() {\n  func.return loc("there.py":7:2)\n}')
    assert any("there.py" in str(op.location) for op in module.walk())


def test_weights_are_decoded() -> None:
    module = parse_module(WEIGHTS)
    assert set(resources(module)) == {"w", "odd name"}
    assert resources(module)["odd name"] == b"\xff"
    value = dense_value(constants(module)[0].value, resources(module))
    assert value.dtype == np.float32 and value.tolist() == [1.0, 2.0]
    assert "dense_resource<w>" in str(module)


def test_two_modules_may_use_one_name() -> None:
    first, second = parse_module(WEIGHTS), parse_module(WEIGHTS.replace('40"', '41"'))
    values = [
        dense_value(constants(m)[0].value, resources(m)).tolist()
        for m in (first, second)
    ]
    assert values == [[1.0, 2.0], [1.0, 8.0]]


def test_lines_after_the_weights_count_on() -> None:
    text = WEIGHTS.lstrip().replace("func.func @f() {", "func.func @f() {", 1)
    section = text[text.index("{-#") :]
    with pytest.raises(BrError, match=r"^w.mlir:9:1: "):
        parse_module(section + "%", "w.mlir")


@pytest.mark.parametrize(
    ("literal", "want"),
    [
        ("dense<1.5> : tensor<3xf32>", [1.5, 1.5, 1.5]),
        ("dense<[1, -2]> : tensor<2xi8>", [1, -2]),
        ("dense<[true, false]> : tensor<2xi1>", [True, False]),
        ('dense<"0x0000803F00000040"> : tensor<2xf32>', [1.0, 2.0]),
        ("dense<[1.0, -2.5]> : tensor<2xbf16>", [1.0, -2.5]),
        ("dense<7> : tensor<index>", 7),
        ("dense<0xFF800000> : tensor<2xf32>", [-math.inf, -math.inf]),
        ("dense<[0x7FF0000000000000, 1.0]> : tensor<2xf64>", [math.inf, 1.0]),
        ("dense<[0xFC00, 0x3C00]> : tensor<2xf16>", [-math.inf, 1.0]),
        ("dense<0x10> : tensor<i8>", 16),
        ("dense<[[1.0], [2.0]]> : tensor<2x1xf64>", [[1.0], [2.0]]),
    ],
)
def test_dense_constants_as_arrays(literal: str, want: object) -> None:
    module = parse_module(
        f"func.func @f() {{ %0 = arith.constant {literal} func.return }}"
    )
    for again in (module, parse_module(str(module))):
        assert dense_value(constants(again)[0].value, {}).tolist() == want


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"x.mlir:1:1: "),
        ('"' + "a" * 100 + "\n", r"x.mlir:1:1: .*closing string literal"),
        ("func.func @f() {", r"x.mlir:1:17: .*end of the file"),
        ("func.func @f() {\n  foo.bar\n}", r"x.mlir:2:3: expected a known operation"),
        ('"', r"x.mlir:1:1: "),
        (
            "func.func @f(%a: i32) {\n  %0 = arith.extsi %a : i32 to i16\n"
            "  func.return\n}",
            r"x.mlir:2:3: 'arith.extsi': expected a type wider than i32, got i16",
        ),
        ("#a = dense<0x1FF800000> : tensor<f32>", r"x.mlir:1:12: expected the 32 bits"),
        ("#a = dense<-0xFF> : tensor<f32>", r"x.mlir:1:12: .* got -0xFF"),
        ("#m = affine_map<(a)[s] -> (a * s)>", r"x.mlir:1:\d+: .*semi-affine"),
        ('module { "builtin.module"() : () -> () }', r"x.mlir:1:10: "),
        ("{-# dialect_resources: { builtin: { a: 3 } } #-}", r"x.mlir:1:\d+: expected"),
        (
            '{-# dialect_resources: { builtin: { a: "0x0400000012',
            r"x.mlir:1:\d+: expected a cl",
        ),
        ('"builtin.module"() ({' * 500, r"x.mlir: expected .* nested less"),
    ],
)
def test_mistakes_name_their_place(text: str, message: str) -> None:
    with pytest.raises(BrError, match=message):
        parse_module(text, "x.mlir")


def test_a_missing_weight_and_a_short_one() -> None:
    module = parse_module(WEIGHTS.split("{-#")[0])
    with pytest.raises(BrError, match="expected a resource 'w'"):
        dense_value(constants(module)[0].value, resources(module))
    with pytest.raises(BrError, match=r"expected 8 bytes .* got 3"):
        dense_value(constants(module)[0].value, {"w": b"abc"})


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BrError, match=r"none.mlir: cannot read: No such file"):
        read_module(tmp_path / "none.mlir")
    (tmp_path / "bytes.mlir").write_bytes(b"module {\n\xff}")
    with pytest.raises(BrError, match=r"bytes.mlir:2: expected MLIR text in UTF-8"):
        read_module(tmp_path / "bytes.mlir")


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(WEIGHTS) - 1), st.sampled_from(["", "{", "%", '"', "<", "1"]))
def test_a_damaged_file_is_refused_politely(position: int, put: str) -> None:
    damaged = WEIGHTS[:position] + put + WEIGHTS[position + 1 :]
    try:
        parse_module(damaged, "d.mlir")
    except BrError as error:
        assert "d.mlir" in str(error)
