"""ONNX models with If, Loop and Scan, as text, and inputs for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Case:
    """A main graph, what it is given, and what its program has to hold."""

    name: str
    text: str
    inputs: Mapping[str, Array]
    holds: str
    by_reference: bool = True
    """Whether onnx's own evaluator knows it: it joins rows of Loop that are matrices,
    knows no rows of no trip, and scans forwards only."""

    @property
    def model(self) -> ModelProto:
        """The model, checked."""
        header = '<ir_version: 8, opset_import: ["" : 17]>\n'
        made = onnx.parser.parse_model(header + self.text)
        onnx.checker.check_model(made, full_check=True)
        return made


def numbers(*shape: int, seed: int = 0) -> Array:
    """Random f32."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def array(x: object) -> Array:
    return np.asarray(x)


COUNTED = """main (float[3,5] x, float[5,5] w) => (float[3,5] y, float[13,5] all) {
  m = Constant<value_int = 13>()
  yes = Constant<value = bool {1}>()
  y, all = Loop(m, yes, x) <body = body (int64 i, bool c, float[3,5] h)
      => (bool c2, float[3,5] t, float[5] s) {
    c2 = Identity(c)
    axis = Constant<value_ints = [0]>()
    p = MatMul(h, w)
    t = Tanh(p)
    s = ReduceSum<keepdims = 0>(t, axis)
  }>
}"""

ROWS = (
    COUNTED.replace("float[13,5] all", "float[13,3,5] all")
    .replace("float[5] s) {", "float[3,5] s) {")
    .replace("ReduceSum<keepdims = 0>(t, axis)", "Neg(t)")
)

WHILE = """main (float[3,5] x, int64 m) => (float[3,5] y, float[3,5] z) {
  yes = Constant<value = bool {1}>()
  y, z = Loop(m, yes, x, x) <body = body (int64 i, bool c, float[3,5] h, float[3,5] g)
      => (bool c2, float[3,5] g2, float[3,5] t) {
    by = Constant<value_float = 1.5>()
    t = Mul(h, by)
    g2 = Identity(g)
    s = ReduceMax<keepdims = 0>(t)
    limit = Constant<value_float = 20.0>()
    c2 = Less(s, limit)
  }>
}"""

ENDLESS = """main (float[3,5] x, bool go) => (float[3,5] y) {
  y = Loop("", go, x) <body = body (int64 i, bool c, float[3,5] h)
      => (bool c2, float[3,5] t) {
    by = Constant<value_float = 1.5>()
    t = Mul(h, by)
    s = ReduceMax<keepdims = 0>(t)
    limit = Constant<value_float = 20.0>()
    c2 = Less(s, limit)
  }>
}"""

NESTED = """main (float[3,5] x, int64 m, bool go, float[5,5] w) => (float[3,5] y) {
  y = Loop(m, go, x) <body = body (int64 i, bool c, float[3,5] h)
      => (bool c2, float[3,5] t) {
    c2 = Identity(c)
    two = Constant<value_int = 2>()
    zero = Constant<value_int = 0>()
    half = Mod(i, two)
    even = Equal(half, zero)
    t = If(even) <
      then_branch = yes () => (float[3,5] u) {
        p = MatMul(h, w)
        u = Sin(p)
      },
      else_branch = no () => (float[3,5] v) {
        k = Constant<value_int = 11>()
        v = Loop(k, c, h) <body = inner (int64 j, bool d, float[3,5] q)
            => (bool d2, float[3,5] q2) {
          d2 = Identity(d)
          f = Cast<to = 1>(i)
          q1 = Div(q, f)
          q2 = Cos(q1)
        }>
      }>
  }>
}"""

GATHER = """main (float[4,3] h, float[3,17] x, int64 m, bool go)
    => (float[4,3] y, float[4,3] z, float[3,17] f) {
  ten = Constant<value_int = 10>()
  y, z, f = Loop(ten, go, h, h, x) <body = body (int64 i, bool c, float[4,3] a,
      float[4,3] b, float[3,17] e) => (bool c2, float[4,3] b2, float[4,3] a2,
      float[3,17] e2) {
    e2 = Identity(e)
    g = Gather<axis = 1>(e, i)
    b2 = Add(b, g)
    a2 = Sub(a, g)
    c2 = Less(i, m)
  }>
}"""

SCAN = """main (float[4,3] h, float[3,17] x, float[3,3] r)
    => (float[4,3] y, float[4,17,3] all, float[17] s) {
  y, all, s = Scan<num_scan_inputs = 1, scan_input_axes = [1],
      scan_input_directions = [1], scan_output_axes = [1, 0],
      scan_output_directions = [1, 0],
      body = body (float[4,3] a, float[3] e) => (float[4,3] a2, float[4,3] o, float q) {
    p = MatMul(a, r)
    p2 = Add(p, e)
    a2 = Tanh(p2)
    o = Neg(a2)
    q = ReduceSum<keepdims = 0>(o)
  }>(h, x)
}"""

SLICES = """main (float[40] h) => (float[20] y) {
  n = Constant<value_int = 20>()
  yes = Constant<value = bool {1}>()
  y = Loop(n, yes) <body = body (int64 i, bool c) => (bool c2, float q) {
    c2 = Identity(c)
    one = Constant<value_ints = [1]>()
    start = Reshape(i, one)
    end = Add(start, one)
    s = Slice(h, start, end)
    q = ReduceSum<keepdims = 0>(s)
  }>
}"""

IF = """main (float[3,5] x, bool c) => (float[3,5] y) {
  y = If(c) <then_branch = yes () => (float[3,5] a) { a = Exp(x) },
    else_branch = no () => (float[3,5] b) { b = Identity(x) }>
}"""


def cases() -> list[Case]:
    """All of them."""
    x, w = numbers(3, 5), numbers(5, 5, seed=1)
    made = [
        Case("counted", COUNTED, {"x": x, "w": w}, "scf.for"),
        Case("rows", ROWS, {"x": x, "w": w}, "scf.for", False),
        Case(
            "scan",
            SCAN,
            {"h": numbers(4, 3), "x": numbers(3, 17), "r": numbers(3, 3)},
            "scf.for",
            False,
        ),
        Case("slices", SLICES, {"h": numbers(40)}, "extract_slice", False),
        Case(
            "no_rows",
            ROWS.replace("= 13", "= 0").replace("[13,", "[0,"),
            {"x": x, "w": w},
            "tensor.empty() : tensor<0x3x5xf32>",
            False,
        ),
    ]
    for m in (-3, 0, 1, 4, 1000):
        made.append(Case(f"while_{m}", WHILE, {"x": x, "m": array(m)}, "scf.while"))
        made.append(
            Case(
                f"nested_{m}",
                NESTED,
                {"x": x, "m": array(min(m, 7)), "go": array(m != 1000), "w": w / 9},
                "scf.if",
            )
        )
    for go in (True, False):
        made.append(
            Case(f"endless_{go}", ENDLESS, {"x": x, "go": array(go)}, "scf.while")
        )
        made.append(Case(f"if_{go}", IF, {"x": x, "c": array(go)}, "scf.if"))
        for m in (-1, 3, 11):
            inputs = {"h": numbers(4, 3), "x": numbers(3, 17)}
            inputs |= {"m": array(m), "go": array(go)}
            made.append(Case(f"gather_{m}_{go}", GATHER, inputs, "scf.while"))
    return made
