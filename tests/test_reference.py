"""linalg.generic means what plain loops over its indices compute."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loops import SIZES, Array, loops, map_of, numbers, tensor_type
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir.affine import AffineMap

from brdialect.errors import BrError
from brdialect.reference import run, structured
from brdialect.source import parse_module


def generic(
    maps: Sequence[AffineMap],
    kinds: str,
    body: str,
    inputs: Sequence[Array],
    output: Array,
) -> ModuleOp:
    """A function of the inputs and the output around one linalg.generic.

    `kinds` has a letter for each loop; the body reads %a, %b, ... and %out and names
    its result %r.
    """
    types = [tensor_type(x) for x in (*inputs, output)]
    names = [f"%x{i}" for i in range(len(types))]
    letters = [*("%" + "abc"[i] for i in range(len(inputs))), "%out"]
    iterators = ", ".join({"p": '"parallel"', "r": '"reduction"'}[k] for k in kinds)
    ins = f"ins({', '.join(names[:-1])} : {', '.join(types[:-1])})" if inputs else ""
    arguments = ", ".join(f"{n}: {t}" for n, t in zip(names, types, strict=True))
    block = ", ".join(f"{n}: f32" for n in letters)
    return parse_module(f"""
      func.func @main({arguments}) -> {types[-1]} {{
        %one = arith.constant 1.0 : f32
        %y = linalg.generic {{
          indexing_maps = [{", ".join(f"affine_map<{m}>" for m in maps)}],
          iterator_types = [{iterators}]}}
          {ins} outs({names[-1]} : {types[-1]}) {{
        ^bb0({block}):
          {body}
          linalg.yield %r : f32
        }} -> {types[-1]}
        func.return %y : {types[-1]}
      }}""")


ROW_SUM = [map_of("(i, j) -> (i, j)"), map_of("(i, j) -> (i)")]
MAX = "%r = arith.maximumf %a, %out : f32"


@given(SIZES, SIZES, st.sampled_from([1, 10, 1 << 24]))
def test_reductions_of_any_size_limit(m: int, n: int, limit: int):
    """A recognised combination gives the same however much runs at once."""
    x, out = numbers(m, n), numbers(m, seed=1)
    maps = ROW_SUM
    module = generic(maps, "pr", MAX, [x], out)
    saved = structured.POINTS_LIMIT
    structured.POINTS_LIMIT = limit
    try:
        (got,) = run(module, "main", [x, out])
    finally:
        structured.POINTS_LIMIT = saved
    np.testing.assert_array_equal(got, loops(maps, (m, n), max, [x], out))


ORDERED: list[tuple[str, Callable[..., float]]] = [
    # not associative: the order shows
    (
        "%s = arith.addf %out, %a : f32 %r = arith.mulf %s, %a : f32",
        lambda a, o: (o + a) * a,
    ),
    # a sum, but of terms that depend on the accumulator
    (
        "%p = arith.mulf %out, %a : f32 %r = arith.addf %out, %p : f32",
        lambda a, o: o + o * a,
    ),
]


@pytest.mark.parametrize(("body", "step"), ORDERED)
@given(SIZES, SIZES)
def test_an_unknown_reduction_runs_in_order(
    body: str, step: Callable[..., float], m: int, n: int
):
    x, out = numbers(m, n), numbers(m, seed=1)
    (got,) = run(generic(ROW_SUM, "pr", body, [x], out), "main", [x, out])
    want = loops(ROW_SUM, (m, n), step, [x], out)
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


def test_a_parallel_loop_missing_in_the_output_still_reduces():
    x, out = numbers(3, 4), numbers(3, seed=1)
    maps = ROW_SUM
    body = "%r = arith.addf %out, %a : f32"
    (got,) = run(generic(maps, "pp", body, [x], out), "main", [x, out])
    np.testing.assert_allclose(got, out + x.astype(np.float64).sum(axis=1))


def test_a_term_that_does_not_vary_counts_each_time():
    out = numbers(3)
    maps = [map_of("(i, j) -> (i)"), map_of("(i, j) -> (j)"), ROW_SUM[1]]
    body = "%r = arith.addf %out, %a : f32"
    (got,) = run(
        generic(maps, "pr", body, [out, numbers(4)], out), None, [out, numbers(4), out]
    )
    np.testing.assert_allclose(got, 5 * out.astype(np.float64))


@given(SIZES, st.sampled_from([-2, -1, 2, 3]), st.integers(0, 2))
def test_linear_maps_with_constants(n: int, scale: int, shift: int):
    """Also backwards: `i -> -i + n - 1`."""
    shift += max(0, -scale * (n - 1))
    x, out = numbers(3 * n + 3), numbers(n, seed=1)
    maps = [map_of(f"(i) -> (i * {scale} + {shift})"), map_of("(i) -> (i)")]
    module = generic(maps, "p", "%r = math.absf %a : f32", [x], out)
    (got,) = run(module, None, [x, out])
    np.testing.assert_array_equal(got, loops(maps, (n,), lambda a, o: abs(a), [x], out))


@given(st.integers(1, 9), st.integers(1, 4))
def test_packing_into_panels_and_back(n: int, panel: int):
    """[n, k] -> [n / panel, k, panel], padded by what the output held."""
    x, packed = numbers(n, 3), np.zeros((-(-n // panel), 3, panel), np.float32)
    maps = [
        map_of("(i, k) -> (i, k)"),
        map_of(f"(i, k) -> (i floordiv {panel}, k, i mod {panel})"),
    ]
    body = "%r = arith.addf %a, %out : f32"
    (got,) = run(generic(maps, "pp", body, [x], packed), None, [x, packed])
    np.testing.assert_array_equal(
        got, loops(maps, (n, 3), lambda a, o: a + o, [x], packed)
    )
    back = generic(maps[::-1], "pp", "%r = arith.addf %a, %one : f32", [packed], x)
    (unpacked,) = run(back, None, [got.astype(np.float32), x])
    np.testing.assert_allclose(unpacked, x.astype(np.float64) + 1)


def test_index_and_two_results():
    """The maximum and where it is, as torch-mlir writes it."""
    module = parse_module("""
      func.func @main(%x: tensor<4x6xf32>, %m: tensor<4xf32>, %i: tensor<4xi64>)
          -> (tensor<4xf32>, tensor<4xi64>) {
        %y:2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>,
          affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0)>],
          iterator_types = ["parallel", "reduction"]}
          ins(%x : tensor<4x6xf32>) outs(%m, %i : tensor<4xf32>, tensor<4xi64>) {
        ^bb0(%a: f32, %best: f32, %at: i64):
          %1 = linalg.index 1 : index
          %2 = arith.index_cast %1 : index to i64
          %3 = arith.maximumf %a, %best : f32
          %4 = arith.cmpf ogt, %a, %best : f32
          %5 = arith.select %4, %2, %at : i64
          linalg.yield %3, %5 : f32, i64
        } -> (tensor<4xf32>, tensor<4xi64>)
        func.return %y#0, %y#1 : tensor<4xf32>, tensor<4xi64>
      }""")
    x = numbers(4, 6)
    start = np.full(4, -np.inf, np.float32)
    best, at = run(module, None, [x, start, np.zeros(4, np.int64)])
    np.testing.assert_array_equal(best, x.max(axis=1))
    np.testing.assert_array_equal(at, x.argmax(axis=1))


def test_a_branch_in_the_body_and_a_gather():
    module = parse_module("""
      func.func @main(%x: tensor<5xf32>, %t: tensor<5xf32>) -> tensor<5xf32> {
        %four = arith.constant 4 : index
        %two = arith.constant 2 : index
        %y = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>],
          iterator_types = ["parallel"]} outs(%t : tensor<5xf32>) {
        ^bb0(%out: f32):
          %i = linalg.index 0 : index
          %low = arith.cmpi ult, %i, %two : index
          %r = scf.if %low -> (f32) {
            %j = arith.subi %four, %i : index
            %v = tensor.extract %x[%j] : tensor<5xf32>
            scf.yield %v : f32
          } else {
            scf.yield %out : f32
          }
          linalg.yield %r : f32
        } -> tensor<5xf32>
        func.return %y : tensor<5xf32>
      }""")
    x, t = numbers(5), numbers(5, seed=1)
    (got,) = run(module, None, [x, t])
    np.testing.assert_array_equal(got, [x[4], x[3], *t[2:]])


def test_reads_out_of_bounds_are_refused():
    x, out = numbers(4), numbers(4)
    maps = [map_of("(i) -> (i mod 3 + 2)"), map_of("(i) -> (i)")]
    module = generic(maps, "p", "%r = math.absf %a : f32", [x], out)
    # what the verifier cannot see, because it looks at the ends only
    with pytest.raises(BrError, match=r"expected indices within 0\.\.3"):
        run(module, None, [x, out])


def test_an_output_written_twice_is_refused():
    x, out = numbers(4), numbers(4)
    maps = [map_of("(i) -> (i)"), map_of("(i) -> (i floordiv 2)")]
    module = generic(maps, "p", "%r = math.absf %a : f32", [x], out)
    with pytest.raises(BrError, match="write each element once"):
        run(module, None, [x, out])


def test_no_iterations_leave_the_output():
    maps = ROW_SUM
    x, out = np.zeros((3, 0), np.float32), numbers(3)
    (got,) = run(generic(maps, "pr", MAX, [x], out), None, [x, out])
    np.testing.assert_array_equal(got, out)


@pytest.mark.parametrize("body", [MAX, "%r = math.absf %a : f32"])
def test_no_loops_run_once(body: str):
    x, out = numbers(), numbers()
    maps = [map_of("() -> ()")] * 2
    (got,) = run(generic(maps, "", body, [x], out), None, [x, out])
    want = np.maximum(x, out) if body is MAX else np.abs(x)
    np.testing.assert_array_equal(got, want)


def test_all_into_a_tensor_without_dimensions():
    x, out = numbers(3, 4), numbers()
    maps = [map_of("(i, j) -> (i, j)"), map_of("(i, j) -> ()")]
    (got,) = run(generic(maps, "rr", MAX, [x], out), None, [x, out])
    np.testing.assert_array_equal(got, max(x.max(), out))


def test_dynamic_sizes():
    module = parse_module("""
      func.func @main(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>, %c: tensor<?x?xf32>)
          -> tensor<?x?xf32> {
        %y = linalg.matmul ins(%a, %b : tensor<?x?xf32>, tensor<?x?xf32>)
          outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
        func.return %y : tensor<?x?xf32>
      }""")
    a, b, c = numbers(3, 5), numbers(5, 2), numbers(3, 2)
    (got,) = run(module, None, [a, b, c])
    np.testing.assert_allclose(got, c + a.astype(np.float64) @ b)
    with pytest.raises(BrError, match="expected one size for loop d2, got 5 and 4"):
        run(module, None, [a, b[:4], c])
