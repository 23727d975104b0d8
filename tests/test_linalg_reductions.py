"""convert-linalg-to-vector: reductions, windows and softmax against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from generics import WIDTHS, filled, generic, run
from native import native


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("shape", [(3, 5, 45), (2, 1, 8), (4, 33, 7), (1, 19, 37)])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("op", ["addf", "mulf", "maximumf", "minimumf", "maxnumf"])
def test_reductions(op: str, axis: int, shape: tuple[int, ...], width: int) -> None:
    """Over the first, middle and last dimension; what stood in the output counts."""
    functions = {
        "addf": np.add,
        "mulf": np.multiply,
        "maximumf": np.maximum,
        "minimumf": np.minimum,
        "maxnumf": np.fmax,
    }
    kept = [d for d in range(3) if d != axis]
    sizes = "x".join(map(str, shape))
    out = "x".join(str(shape[d]) for d in kept)
    text = generic(
        f"memref<{sizes}xf64>; memref<{out}xf64>",
        f"(d0, d1, d2) -> (d0, d1, d2); (d0, d1, d2) -> (d{kept[0]}, d{kept[1]})",
        "".join("r" if d == axis else "p" for d in range(3)),
        f"%r = arith.{op} %a0, %a1 : f64\n linalg.yield %r : f64",
        1,
    )
    x = np.random.default_rng(0).choice([0.5, 1.0, 2.0, -1.0], shape)
    start = filled(tuple(shape[d] for d in kept), "f64", 1)
    _, got = run(text, x, start, vector_bytes=width)
    reduced = functions[op].reduce(x, axis=axis)
    np.testing.assert_array_equal(got, functions[op](reduced, start))


@pytest.mark.parametrize("n", [1, 5, 64, 1003])
@pytest.mark.parametrize(
    "op", ["addi", "maxsi", "minsi", "maxui", "minui", "andi", "ori"]
)
def test_integer_reductions_to_one_number(op: str, n: int) -> None:
    unsigned = op.endswith("ui")
    function = {
        "addi": np.add,
        "maxsi": np.maximum,
        "minsi": np.minimum,
        "maxui": np.maximum,
        "minui": np.minimum,
        "andi": np.bitwise_and,
        "ori": np.bitwise_or,
    }[op]
    body = f"%r = arith.{op} %a0, %a1 : i32\n linalg.yield %r : i32"
    maps = "(d0) -> (d0); (d0) -> ()"
    text = generic(f"memref<{n}xi32>; memref<i32>", maps, "r", body, 1)
    x, start = filled((n,), "i32"), np.array(-3, np.int32)
    _, got = run(text, x, start)
    both = np.concatenate([x, start[None]]).astype(np.uint32 if unsigned else np.int32)
    assert got == function.reduce(both).astype(np.int32)


@pytest.mark.parametrize("op", ["maximumf", "maxnumf"])
def test_maximum_of_nan(op: str) -> None:
    """maximumf hands a NaN on, maxnumf passes it over, in full vectors and in tails."""
    text = generic(
        "memref<4x37xf32>; memref<4xf32>",
        "(d0, d1) -> (d0, d1); (d0, d1) -> (d0)",
        "pr",
        f"%r = arith.{op} %a0, %a1 : f32\n linalg.yield %r : f32",
        1,
    )
    x = filled((4, 37)) - 20
    x[0, 2] = x[1, 36] = x[3] = np.nan
    _, got = run(
        text, x, np.full(4, -np.inf if op == "maximumf" else np.nan, np.float32)
    )
    function = np.maximum if op == "maximumf" else np.fmax
    np.testing.assert_array_equal(got, function.reduce(x, axis=1))


ARGMAX = """
  %i = linalg.index {axis} : index
  %j = arith.index_cast %i : index to i64
  %m = arith.maximumf %a0, %a1 : f32
  %g = arith.cmpf ogt, %a0, %a1 : f32
  %s = arith.select %g, %j, %a2 : i64
  linalg.yield %m, %s : f32, i64"""


@pytest.mark.parametrize("axis", [0, 1])
def test_argmax_as_torch_mlir_writes_it(axis: int) -> None:
    """Two results, of which the index is that of the first maximum."""
    kept = 1 - axis
    shape = (9, 21)
    n = shape[kept]
    text = generic(
        f"memref<9x21xf32>; memref<{n}xf32>; memref<{n}xi64>",
        f"(d0, d1) -> (d0, d1); (d0, d1) -> (d{kept}); (d0, d1) -> (d{kept})",
        "rp" if axis == 0 else "pr",
        ARGMAX.replace("{axis}", str(axis)),
        1,
    )
    x = filled(shape)
    _, top, at = run(text, x, np.full(n, -np.inf, np.float32), np.zeros(n, np.int64))
    np.testing.assert_array_equal(top, x.max(axis))
    np.testing.assert_array_equal(at, x.argmax(axis))


@pytest.mark.parametrize("op", ["maximumf", "addf"])
@pytest.mark.parametrize(
    ("stride", "dilation"), [(1, 1), (2, 1), (3, 1), (4, 2), (1, 3)]
)
@pytest.mark.parametrize("channels_last", [False, True])
def test_pooling(op: str, stride: int, dilation: int, channels_last: bool) -> None:
    """Windows; the window operand gives extents and is never read."""
    n, c, o, k = 2, 11, (5, 9), (3, 2)
    size = [
        (a - 1) * stride + (b - 1) * dilation + 1 for a, b in zip(o, k, strict=True)
    ]
    rows, columns = (f"d{i}*{stride} + d{j}*{dilation}" for i, j in ((2, 4), (3, 5)))
    dims = "(d0, d1, d2, d3, d4, d5)"
    if channels_last:
        types = f"memref<{n}x{size[0]}x{size[1]}x{c}xf32>; memref<3x2xf32>; "
        types += f"memref<{n}x{o[0]}x{o[1]}x{c}xf32>"
        maps = f"{dims} -> (d0, {rows}, {columns}, d1); {dims} -> (d4, d5); "
        maps += f"{dims} -> (d0, d2, d3, d1)"
    else:
        types = f"memref<{n}x{c}x{size[0]}x{size[1]}xf32>; memref<3x2xf32>; "
        types += f"memref<{n}x{c}x{o[0]}x{o[1]}xf32>"
        maps = f"{dims} -> (d0, d1, {rows}, {columns}); {dims} -> (d4, d5); "
        maps += f"{dims} -> (d0, d1, d2, d3)"
    body = f"%r = arith.{op} %a0, %a2 : f32\n linalg.yield %r : f32"
    x = filled((n, c, *size))
    windows = [
        x[
            :,
            :,
            i * dilation :: stride,
            j * dilation :: stride,
        ][:, :, : o[0], : o[1]]
        for i in range(k[0])
        for j in range(k[1])
    ]
    want = np.stack(windows).sum(0) if op == "addf" else np.stack(windows).max(0)
    start = np.full((n, c, *o), 0 if op == "addf" else -np.inf, np.float32)
    if channels_last:
        x, want, start = (
            np.ascontiguousarray(a.transpose(0, 2, 3, 1)) for a in (x, want, start)
        )
    poison = np.full(k, np.nan, np.float32)
    _, _, got = run(generic(types, maps, "pppprr", body, 2), x, poison, start)
    np.testing.assert_array_equal(got, want)


def test_softmax_in_pieces() -> None:
    """max, subtract and exp, sum, divide, as they arrive from softmax."""
    row, full = "(d0, d1) -> (d0, 0)", "(d0, d1) -> (d0, d1)"
    x, one = "memref<5x21xf32>", "memref<5x1xf32>"
    pieces = [
        (
            f"{x}; {one}",
            f"{full}; {row}",
            "pr",
            "%r = arith.maximumf %a0, %a1 : f32",
            1,
        ),
        (
            f"{x}; {one}; {x}",
            f"{full}; {row}; {full}",
            "pp",
            "%s = arith.subf %a0, %a1 : f32\n %r = math.exp %s : f32",
            2,
        ),
        (f"{x}; {one}", f"{full}; {row}", "pr", "%r = arith.addf %a0, %a1 : f32", 1),
        (
            f"{x}; {one}; {x}",
            f"{full}; {row}; {full}",
            "pp",
            "%r = arith.divf %a0, %a1 : f32",
            2,
        ),
    ]
    functions = [
        native(generic(t, m, i, f"{b}\n linalg.yield %r : f32", n))
        for t, m, i, b, n in pieces
    ]
    a = filled((5, 21)) * np.float32(0.3)
    top, e = np.full((5, 1), -np.inf, np.float32), np.empty_like(a)
    total, y = np.zeros((5, 1), np.float32), np.empty_like(a)
    functions[0](a, top)
    functions[1](a, top, e)
    functions[2](e, total)
    functions[3](e, total, y)
    exact = np.exp(a.astype(np.float64))
    np.testing.assert_allclose(y, exact / exact.sum(1, keepdims=True), rtol=1e-6)
