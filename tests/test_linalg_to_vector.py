"""convert-linalg-to-vector: machine code against numpy, on shapes that leave tails."""

from __future__ import annotations

import numpy as np
import pytest
from generics import ADD, ELEMENTS, WIDTHS, filled, generic, run
from native import lower, native

from brdialect.errors import UnsupportedError
from brdialect.target import target_named


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


def test_in_place_with_a_stride() -> None:
    """What is computed in place is thinned out where it is read, not where written."""
    text = """
      func.func @f(%x: memref<3x5x2xf32>, %y: memref<3x2xf32>) {
        linalg.generic {indexing_maps = [
            affine_map<(d0, d1, d2) -> (d0, d1, d2)>,
            affine_map<(d0, d1, d2) -> (d0, d2)>,
            affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
            iterator_types = ["parallel", "parallel", "parallel"]}
            ins(%x, %y : memref<3x5x2xf32>, memref<3x2xf32>)
            outs(%x : memref<3x5x2xf32>) {
        ^bb0(%a: f32, %b: f32, %out: f32):
          %log = math.log %b : f32
          %r = arith.subf %a, %log : f32
          linalg.yield %r : f32
        }
        func.return
      }"""
    x, y = filled((3, 5, 2)), np.abs(filled((3, 2), seed=1)) + 1
    want = x - np.log(y)[:, None]
    native(text)(x, y)
    np.testing.assert_allclose(x, want, rtol=1e-5)


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


@pytest.mark.parametrize(
    ("wide", "narrow"), [("i64", "i32"), ("i64", "i8"), ("i32", "i8")]
)
@pytest.mark.parametrize("lanes", [1, 3])
def test_the_last_lanes_of_a_narrow_vector_alone(
    wide: str, narrow: str, lanes: int
) -> None:
    """One vector and some lanes more; what lies behind the last stays."""
    n = 64 // ELEMENTS[wide]().itemsize + lanes
    text = f"""
    func.func @f(%x: memref<{n}x{wide}>, %y: memref<{n + 8}x{narrow}>) {{
      %part = memref.subview %y[0] [{n}] [1]
        : memref<{n + 8}x{narrow}> to memref<{n}x{narrow}, strided<[1]>>
      linalg.generic {{indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
          iterator_types = ["parallel"]}}
          ins(%x : memref<{n}x{wide}>)
          outs(%part : memref<{n}x{narrow}, strided<[1]>>) {{
      ^bb0(%a: {wide}, %b: {narrow}):
        %r = arith.trunci %a : {wide} to {narrow}
        linalg.yield %r : {narrow}
      }}
      return
    }}"""
    x, y = filled((n,), wide), np.full(n + 8, 77, ELEMENTS[narrow])
    got = run(text, x, y, vector_bytes=64)[1]
    np.testing.assert_array_equal(got[:n], x)
    np.testing.assert_array_equal(got[n:], 77)


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
