"""convert-linalg-to-vector: machine code against numpy, on shapes that leave tails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from native import lower, native
from numpy.typing import NDArray

from brdialect.errors import UnsupportedError
from brdialect.target import target_named

Array = NDArray[Any]
ELEMENTS = {
    "f32": np.float32,
    "f64": np.float64,
    "f16": np.float16,
    "i64": np.int64,
    "i32": np.int32,
    "i8": np.int8,
    "i1": np.bool_,
}
WIDTHS = [16, 32, 64]
"""Vector registers of NEON, AVX2 and AVX-512; the host's code generator splits those it
does not have."""


def generic(
    operands: str, maps: str, iterators: str, body: str, inputs: int, extra: str = ""
) -> str:
    """`func.func @f` around one linalg.generic.

    `operands` are the types, inputs first; `maps` are `(d0, d1) -> (d1), ...`;
    `iterators` is a letter a loop, p or r. The body's arguments are %a0, %a1, ...
    """
    types = [t.strip() for t in operands.split(";")]
    elements = [
        t[t.index("<") + 1 :].split(",")[0].split("x")[-1].rstrip(">") for t in types
    ]
    names = [f"%x{i}" for i in range(len(types))]
    kinds = {"p": '"parallel"', "r": '"reduction"'}
    arguments = ", ".join(f"{n}: {t}" for n, t in zip(names, types, strict=True))

    def group(part: slice) -> str:
        return f"({', '.join(names[part])} : {', '.join(types[part])})"

    ins = f"ins{group(slice(inputs))}" if inputs else ""
    affine = ", ".join(f"affine_map<{m.strip()}>" for m in maps.split(";"))
    block = ", ".join(f"%a{i}: {t}" for i, t in enumerate(elements))
    return f"""
    func.func @f({arguments}) {{
      {extra}
      linalg.generic {{indexing_maps = [{affine}],
                       iterator_types = [{", ".join(kinds[c] for c in iterators)}]}}
      {ins} outs{group(slice(inputs, None))} {{
      ^bb0({block}):
        {body}
      }}
      return
    }}"""


def filled(shape: tuple[int, ...], element: str = "f32", seed: int = 0) -> Array:
    """Numbers that are exact in every type, with ties."""
    rng = np.random.default_rng(seed)
    low, high = (0, 2) if element == "i1" else (-9, 10)
    return rng.integers(low, high, shape).astype(ELEMENTS[element])


def run(
    text: str, *arrays: Array, threads: int = 1, vector_bytes: int | None = None
) -> tuple[Array, ...]:
    """Copies of the arrays after the call."""
    copies = tuple(a.copy() for a in arrays)
    native(text, threads=threads, vector_bytes=vector_bytes)(*copies)
    return copies


ADD = "%r = arith.addf %a0, %a1 : f32\n linalg.yield %r : f32"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("n", [1, 3, 8, 13, 45])
@pytest.mark.parametrize(
    ("shape", "map_"),
    [
        ("N", "(d0, d1) -> (d1)"),
        ("3", "(d0, d1) -> (d0)"),
        ("1xN", "(d0, d1) -> (0, d1)"),
    ],
)
def test_broadcasts(shape: str, map_: str, n: int, width: int) -> None:
    identity = "(d0, d1) -> (d0, d1)"
    types = f"memref<3xNxf32>; memref<{shape}xf32>; memref<3xNxf32>".replace(
        "N", str(n)
    )
    text = generic(types, f"{identity}; {map_}; {identity}", "pp", ADD, 2)
    x = filled((3, n))
    sizes = {"N": (n,), "3": (3,), "1xN": (1, n)}[shape]
    b = filled(sizes, seed=1)
    _, _, y = run(text, x, b, np.zeros_like(x), vector_bytes=width)
    np.testing.assert_array_equal(y, x + (b[:, None] if shape == "3" else b))


@pytest.mark.parametrize("element", ["f64", "f16", "i64", "i32", "i8"])
def test_element_types(element: str) -> None:
    op = "addi" if element.startswith("i") else "addf"
    body = f"%r = arith.{op} %a0, %a1 : {element}\n linalg.yield %r : {element}"
    t = f"memref<7x11x{element}>"
    m = "(d0, d1) -> (d0, d1)"
    x, y = filled((7, 11), element), filled((7, 11), element, 1)
    *_, z = run(generic(f"{t}; {t}; {t}", f"{m}; {m}; {m}", "pp", body, 2), x, y, x)
    np.testing.assert_array_equal(z, x + y)


def test_truth_values_lie_in_bytes() -> None:
    """A comparison stored as i1, then a select by it."""
    m = "(d0) -> (d0)"
    f, b = "memref<21xf32>", "memref<21xi1>"
    compare = "%r = arith.cmpf ogt, %a0, %a1 : f32\n linalg.yield %r : i1"
    x, y = filled((21,)), filled((21,), seed=1)
    text = generic(f"{f}; {f}; {b}", f"{m}; {m}; {m}", "p", compare, 2)
    *_, truth = run(text, x, y, np.zeros(21, np.bool_))
    np.testing.assert_array_equal(truth, x > y)
    select = "%r = arith.select %a0, %a1, %a2 : f32\n linalg.yield %r : f32"
    text = generic(f"{b}; {f}; {f}; {f}", f"{m}; {m}; {m}; {m}", "p", select, 3)
    *_, chosen = run(text, truth, x, y, x)
    np.testing.assert_array_equal(chosen, np.where(truth, x, y))


def test_casts_constants_and_captured_values() -> None:
    body = """
      %k = arith.constant 3 : i32
      %i = arith.fptosi %a0 : f32 to i32
      %s = arith.muli %i, %k : i32
      %w = arith.extsi %s : i32 to i64
      %f = arith.sitofp %w : i64 to f32
      %r = arith.addf %f, %c : f32
      linalg.yield %r : f32"""
    t, m = "memref<19xf32>", "(d0) -> (d0)"
    extra = "%c = arith.constant 0.5 : f32"
    x = filled((19,))
    _, y = run(generic(f"{t}; {t}", f"{m}; {m}", "p", body, 1, extra), x, x)
    np.testing.assert_array_equal(y, 3 * x + 0.5)


@pytest.mark.parametrize("iterators", ["pp", "rp"])
def test_division_of_integers_is_scalar(iterators: str) -> None:
    """A masked lane holds 0, and dividing by it would trap."""
    body = """
      %q = arith.floordivsi %a0, %a1 : i32
      %r = arith.addi %q, %a2 : i32
      linalg.yield %r : i32"""
    m = "(d0, d1) -> (d0, d1)"
    out = "(d0, d1) -> (d1)" if iterators == "rp" else m
    t = "memref<5x3xi32>"
    o = "memref<3xi32>" if iterators == "rp" else t
    x, y = filled((5, 3), "i32"), np.abs(filled((5, 3), "i32", 1)) + 1
    z = np.zeros((3,) if iterators == "rp" else (5, 3), np.int32)
    *_, got = run(
        generic(f"{t}; {t}; {o}", f"{m}; {m}; {out}", iterators, body, 2), x, y, z
    )
    want = x // y
    np.testing.assert_array_equal(got, want.sum(0) if iterators == "rp" else want)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("shape", [(3, 5, 45), (2, 1, 8), (4, 33, 7)])
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


def test_iterators_whose_index_is_asked_for_stay_apart() -> None:
    """Neither the loop of a row's index nor that of a column's may be merged."""
    body = """
      %i = linalg.index AXIS : index
      %j = arith.index_cast %i : index to i32
      %r = arith.addi %j, %a0 : i32
      linalg.yield %r : i32"""
    t, m = "memref<5x3x11xi32>", "(d0, d1, d2) -> (d0, d1, d2)"
    x = filled((5, 3, 11), "i32")
    for axis in range(3):
        text = generic(f"{t}; {t}", f"{m}; {m}", "ppp", body, 1)
        _, y = run(text.replace("AXIS", str(axis)), x, x)
        np.testing.assert_array_equal(y, x + np.indices(x.shape)[axis])


@pytest.mark.parametrize("op", ["maximumf", "addf"])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (2, 2), (1, 3)])
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


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("shape", [(30, 45), (8, 16), (3, 5), (70, 17), (5, 64)])
@pytest.mark.parametrize("element", ["f32", "f64", "i8"])
def test_transposes(element: str, shape: tuple[int, int], width: int) -> None:
    p, q = shape
    text = generic(
        f"memref<{p}x{q}x{element}>; memref<{q}x{p}x{element}>",
        "(d0, d1) -> (d1, d0); (d0, d1) -> (d0, d1)",
        "pp",
        f"linalg.yield %a0 : {element}",
        1,
    )
    x = np.arange(p * q).reshape(shape).astype(ELEMENTS[element])
    _, y = run(text, x, np.zeros((q, p), x.dtype), vector_bytes=width)
    np.testing.assert_array_equal(y, x.T)


@pytest.mark.parametrize(
    "permutation", [(0, 2, 3, 1), (3, 1, 2, 0), (1, 0, 2, 3), (2, 0, 3, 1)]
)
def test_permutations(permutation: tuple[int, ...]) -> None:
    """out[d0, ..] = in[..]: y = x.transpose(permutation), and a bias on y's last."""
    shape = (3, 10, 4, 18)
    out = tuple(shape[d] for d in permutation)
    inverse = [permutation.index(d) for d in range(4)]
    dims = "(d0, d1, d2, d3)"
    types = f"memref<3x10x4x18xf32>; memref<{out[3]}xf32>; "
    types += f"memref<{'x'.join(map(str, out))}xf32>"
    maps = f"{dims} -> ({', '.join(f'd{i}' for i in inverse)}); "
    maps += f"{dims} -> (d3); {dims} -> {dims}"
    text = generic(types, maps, "pppp", ADD, 2)
    x, b = filled(shape), filled((out[3],), seed=1)
    _, _, y = run(text, x, b, np.zeros(out, np.float32))
    np.testing.assert_array_equal(y, x.transpose(permutation) + b)


def test_pad_is_a_fill_and_a_copy_into_a_subview() -> None:
    text = """
    #m = affine_map<(d0, d1) -> (d0, d1)>
    func.func @f(%x: memref<5x13xf32>, %y: memref<8x18xf32>) {
      %c = arith.constant -1.5 : f32
      linalg.fill ins(%c : f32) outs(%y : memref<8x18xf32>)
      %s = memref.subview %y[2, 3] [5, 13] [1, 1]
        : memref<8x18xf32> to memref<5x13xf32, strided<[18, 1], offset: 39>>
      linalg.generic {indexing_maps = [#m, #m],
                      iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<5x13xf32>)
      outs(%s : memref<5x13xf32, strided<[18, 1], offset: 39>>) {
      ^bb0(%a: f32, %o: f32):
        linalg.yield %a : f32
      }
      return
    }"""
    x = filled((5, 13))
    _, y = run(text, x, np.zeros((8, 18), np.float32))
    want = np.full((8, 18), -1.5, np.float32)
    want[2:7, 3:16] = x
    np.testing.assert_array_equal(y, want)


@pytest.mark.parametrize("strides", ["[40, 2]", "[1, 9]"])
def test_outputs_with_strides(strides: str) -> None:
    """Every other element of a row, and a view whose first dimension is contiguous."""
    view = f"memref<7x13xf32, strided<{strides}, offset: 3>>"
    text = f"""
    #m = affine_map<(d0, d1) -> (d0, d1)>
    func.func @f(%x: memref<7x13xf32>, %y: memref<400xf32>) {{
      %s = memref.reinterpret_cast %y to offset: [3], sizes: [7, 13], strides: {strides}
        : memref<400xf32> to {view}
      linalg.generic {{indexing_maps = [#m, #m],
                       iterator_types = ["parallel", "parallel"]}}
      ins(%x : memref<7x13xf32>) outs(%s : {view}) {{
      ^bb0(%a: f32, %o: f32):
        %r = arith.addf %a, %o : f32
        linalg.yield %r : f32
      }}
      return
    }}"""
    x, y = filled((7, 13)), filled((400,), seed=1)
    want = y.copy()
    i, j = np.indices((7, 13))
    a, b = (int(s) for s in strides.strip("[]").split(","))
    want[3 + a * i + b * j] += x
    _, got = run(text, x, y)
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


def test_table_look_up_in_a_body() -> None:
    """An embedding: a load at an index that was itself loaded."""
    body = """
      %t = arith.index_cast %a0 : i64 to index
      %j = linalg.index 1 : index
      %r = memref.load %x2[%t, %j] : memref<20x13xf32>
      linalg.yield %r : f32"""
    text = generic(
        "memref<6xi64>; memref<6x13xf32>; memref<20x13xf32>",
        "(d0, d1) -> (d0); (d0, d1) -> (d0, d1)",
        "pp",
        body,
        1,
    )
    text = text.replace(", %x2 :", " :").replace(", memref<20x13xf32>)", ")")
    text = text.replace(", %a2: f32", "")
    tokens, table = np.array([3, 0, 19, 3, 7, 1]), filled((20, 13))
    _, y, _ = run(text, tokens, np.zeros((6, 13), np.float32), table)
    np.testing.assert_array_equal(y, table[tokens])


@pytest.mark.parametrize("shape", [(400, 301), (3, 40_001), (40_007,)])
def test_a_team_shares_the_outer_loops(shape: tuple[int, ...]) -> None:
    sizes, dims = (
        "x".join(map(str, shape)),
        ", ".join(f"d{i}" for i in range(len(shape))),
    )
    t, m = f"memref<{sizes}xf32>", f"({dims}) -> ({dims})"
    text = generic(f"{t}; {t}; {t}", f"{m}; {m}; {m}", "p" * len(shape), ADD, 2)
    module = lower(text, ("convert-linalg-to-vector",), target_named("x86-64-v3", 2))
    assert str(module).count("scf.parallel") == 1
    x, y = filled(shape), filled(shape, seed=1)
    *_, z = run(text, x, y, x, threads=2)
    np.testing.assert_array_equal(z, x + y)


def test_little_work_stays_on_one_thread() -> None:
    t, m = "memref<100x100xf32>", "(d0, d1) -> (d0, d1)"
    text = generic(f"{t}; {t}; {t}", f"{m}; {m}; {m}", "pp", ADD, 2)
    module = lower(text, ("convert-linalg-to-vector",), target_named("x86-64-v3", 2))
    assert "scf.parallel" not in str(module)


def test_nothing_is_done_for_empty_shapes() -> None:
    t, m = "memref<0x4xf32>", "(d0, d1) -> (d0, d1)"
    text = generic(f"{t}; {t}; {t}", f"{m}; {m}; {m}", "pp", ADD, 2)
    module = lower(text, ("convert-linalg-to-vector",), target_named("x86-64-v3"))
    assert "vector." not in str(module)


REFUSED = {
    "dynamic shapes": (
        "memref<?xf32>; memref<?xf32>",
        "(d0) -> (d0); (d0) -> (d0)",
        "linalg.yield %a0 : f32",
        r":\d+:\d+: 'linalg.generic': expected a memref of static shape",
    ),
    "tensors": (
        "tensor<4xf32>; tensor<4xf32>",
        "(d0) -> (d0); (d0) -> (d0)",
        "linalg.yield %a0 : f32",
        "expected memrefs, got tensor<4xf32>; run bufferize first",
    ),
    "divided iterators": (
        "memref<4x2xf32>; memref<8xf32>",
        "(d0) -> (d0 floordiv 2, d0 mod 2); (d0) -> (d0)",
        "linalg.yield %a0 : f32",
        "expected indexing maps of sums",
    ),
    "other dialects": (
        "memref<4xf32>; memref<4xf32>",
        "(d0) -> (d0); (d0) -> (d0)",
        "%r = func.call @g(%a0) : (f32) -> f32\n linalg.yield %r : f32",
        "'func.call': expected only arith",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    operands, maps, body, message = REFUSED[case]
    text = generic(operands, maps, "p", body, 1)
    if case == "tensors":
        text = text.replace(
            "\n      }\n      return", "\n      } -> tensor<4xf32>\n return"
        )
        text = text.replace("linalg.generic", "%z = linalg.generic")
    text += "\nfunc.func private @g(f32) -> f32"
    with pytest.raises(UnsupportedError, match=message):
        lower(text, ("convert-linalg-to-vector",), target_named("x86-64-v3"))
