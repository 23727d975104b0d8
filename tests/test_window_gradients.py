"""Gradients of 3x3 windows by Winograd's algorithm, and windows in other orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_property import poisoned
from windows import small_blocks, small_columns
from xdsl.dialects.builtin import f32

import brdialect
from frontends.linalg_builder import Builder
from runtime.cli.bench.own import backward
from runtime.compiler import Compiled

__all__ = ["poisoned"]  # the fixture holds in this file too

Array = NDArray[Any]
DTYPES = {"f32": np.float32, "f64": np.float64}
BOUNDS = {"f32": 5e-6, "f64": 1e-14}


@dataclass(frozen=True)
class Sum:
    """`c[..] = sum of a[..] * b[..]`, by one letter an iterator: p and q are positions,
    r and s taps; `p+r` is a dimension of windows, `p-r` one that is read backwards."""

    a: str
    b: str
    c: str
    extents: Mapping[str, int]
    epilogue: str = ""
    """The dimensions of what is added to c after the sum."""

    def shape(self, dims: str) -> tuple[int, ...]:
        windows = (d for d in dims.split())
        return tuple(
            sum(self.extents[i] for i in d[::2]) - len(d) // 2 for d in windows
        )

    def type(self, dims: str, element: str) -> str:
        return f"tensor<{'x'.join(map(str, self.shape(dims)))}x{element}>"

    def map(self, dims: str) -> str:
        results = [f"{d} + 2" if "-" in d else d for d in dims.split()]
        return f"affine_map<({', '.join(self.extents)}) -> ({', '.join(results)})>"

    def text(self, element: str) -> str:
        every = (self.a, self.b, self.c)
        a, b, c = (self.type(dims, element) for dims in every)
        kinds = ", ".join(
            '"parallel"' if i in self.c else '"reduction"' for i in self.extents
        )
        maps = ", ".join(map(self.map, every))
        more, last = "", "%sum"
        extra = f", %z: {self.type(self.epilogue, element)}" if self.epilogue else ""
        if self.epilogue:
            dims = ", ".join(self.c.split())
            of_c = f"affine_map<({dims}) -> ({dims})>"
            of_z = f"affine_map<({dims}) -> ({', '.join(self.epilogue.split())})>"
            all_parallel = ", ".join(['"parallel"'] * len(self.c.split()))
            last = "%end"
            more = f"""
  %end = linalg.generic {{indexing_maps = [{of_c}, {of_z}, {of_c}],
      iterator_types = [{all_parallel}]}}
      ins(%sum, %z : {c}, {self.type(self.epilogue, element)}) outs(%e : {c}) {{
  ^bb0(%u: {element}, %v: {element}, %o: {element}):
    %t = arith.subf %v, %u : {element}
    linalg.yield %t : {element}
  }} -> {c}"""
        return f"""
func.func @main(%a: {a}, %b: {b}{extra}) -> {c} {{
  %zero = arith.constant 0.0 : {element}
  %e = tensor.empty() : {c}
  %init = linalg.fill ins(%zero : {element}) outs(%e : {c}) -> {c}
  %sum = linalg.generic {{indexing_maps = [{maps}], iterator_types = [{kinds}]}}
      ins(%a, %b : {a}, {b}) outs(%init : {c}) {{
  ^bb0(%u: {element}, %v: {element}, %acc: {element}):
    %m = arith.mulf %u, %v : {element}
    %s = arith.addf %acc, %m : {element}
    linalg.yield %s : {element}
  }} -> {c}{more}
  return {last} : {c}
}}
"""

    def by_numpy(self, a: Array, b: Array, *extras: Array) -> Array:
        """In f64, one pair of taps after the other."""
        total = np.zeros(self.shape(self.c))
        operands = [(a.astype(float), self.a), (b.astype(float), self.b)]
        for taps in product(range(3), repeat=2):
            at = dict(zip("rs", taps, strict=True))
            parts = [self.part(x, dims, at) for x, dims in operands]
            subscripts = ",".join(letters for _, letters in parts)
            wanted = "".join(d for d in self.c.split() if d not in at)
            found = np.einsum(f"{subscripts}->{wanted}", *(x for x, _ in parts))
            total[tuple(at.get(d, slice(None)) for d in self.c.split())] += found
        for extra in extras:
            letters = self.epilogue.replace(" ", "")
            every = self.c.replace(" ", "")
            ones = [np.ones(self.extents[i]) for i in every]
            spread = ",".join([letters, *every])
            total = np.einsum(f"{spread}->{every}", extra.astype(float), *ones) - total
        return total

    def part(self, x: Array, dims: str, at: Mapping[str, int]) -> tuple[Array, str]:
        """What two taps read, and its dimensions."""
        read: list[int | slice] = []
        left = ""
        for d in dims.split():
            if d in at:
                read.append(at[d])
                continue
            left += d[0]
            tap = at[d[2]] if len(d) > 1 else 0
            first = 2 - tap if "-" in d else tap
            read.append(slice(first, first + self.extents[d[0]]))
        return x[tuple(read)], left


CASES = {
    "by the input": Sum(
        *("n p-r q-s k", "r s c k", "n p q c"),
        {"n": 4, "p": 8, "q": 10, "c": 99, "r": 3, "s": 3, "k": 140},
    ),
    "by the input, odd, an epilogue": Sum(
        *("n p-r q-s k", "r s k c", "n p q c"),
        {"n": 9, "p": 9, "q": 7, "c": 131, "r": 3, "s": 3, "k": 110},
        epilogue="c",
    ),
    "weights of the call": Sum(
        *("n p+r q+s c", "r s c k", "n p q k"),
        {"n": 3, "p": 10, "q": 12, "k": 91, "r": 3, "s": 3, "c": 130},
        epilogue="n p q k",
    ),
    "by the weights": Sum(
        *("n p+r q+s c", "n p q k", "r s c k"),
        {"r": 3, "s": 3, "c": 70, "k": 90, "n": 2, "p": 14, "q": 12},
    ),
    "by the weights, odd, an epilogue": Sum(
        *("n p+r q+s c", "n p q k", "r s c k"),
        {"r": 3, "s": 3, "c": 126, "k": 131, "n": 6, "p": 9, "q": 11},
        epilogue="r s c k",
    ),
    "by the weights, backwards": Sum(
        *("n p-r q-s c", "n p q k", "r s c k"),
        {"r": 3, "s": 3, "c": 90, "k": 70, "n": 2, "p": 14, "q": 12},
        epilogue="r c",
    ),
    "by the weights, channels last": Sum(
        *("n p q k", "n p+r q+s c", "k r s c"),
        {"k": 90, "r": 3, "s": 3, "c": 75, "n": 3, "p": 13, "q": 12},
        epilogue="k s c",
    ),
    "taps in another order": Sum(
        *("n p+r q+s c", "n p q k", "s c r k"),
        {"s": 3, "c": 90, "r": 3, "k": 70, "n": 2, "p": 14, "q": 12},
    ),
    "positions in another order": Sum(
        *("n p+r q+s c", "r s c k", "q n p k"),
        {"n": 3, "p": 10, "q": 12, "k": 91, "r": 3, "s": 3, "c": 130},
        epilogue="q k",
    ),
}


IN_COLUMNS = {
    "weights of the call": Sum(
        *("n p+r q+s c", "r s c k", "n p q k"),
        {"n": 3, "p": 10, "q": 12, "k": 192, "r": 3, "s": 3, "c": 130},
        epilogue="n p q k",
    ),
    "by the input, odd, an epilogue": Sum(
        *("n p-r q-s k", "r s c k", "n p q c"),
        {"n": 4, "p": 9, "q": 11, "c": 192, "r": 3, "s": 3, "k": 258},
        epilogue="n p q c",
    ),
    "positions in another order": Sum(
        *("n p+r q+s c", "r s c k", "q n p k"),
        {"n": 3, "p": 10, "q": 12, "k": 192, "r": 3, "s": 3, "c": 130},
        epilogue="q k",
    ),
    "by the weights, odd, an epilogue": Sum(
        *("n p+r q+s c", "n p q k", "r s c k"),
        {"r": 3, "s": 3, "c": 190, "k": 192, "n": 6, "p": 9, "q": 11},
        epilogue="r s c k",
    ),
    "taps in another order": Sum(
        *("n p+r q+s c", "n p q k", "s c r k"),
        {"s": 3, "c": 130, "r": 3, "k": 192, "n": 6, "p": 10, "q": 12},
    ),
}


def made(terms: Sum, element: str) -> list[Array]:
    random = np.random.default_rng()
    dims = [terms.a, terms.b, *([terms.epilogue] if terms.epilogue else [])]
    return [
        random.standard_normal(terms.shape(d)).astype(DTYPES[element]) for d in dims
    ]


@pytest.mark.parametrize("blocks", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("element", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_sums(
    name: str,
    element: str,
    threads: int,
    blocks: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if blocks:
        small_blocks(monkeypatch)
    terms = CASES[name]
    compiled = brdialect.compile(terms.text(element), threads=threads)
    lines = compiled.ir("fuse").splitlines()
    assert not blocks or any("scf.for" in line for line in lines)
    (contraction,) = (line for line in lines if "br.contract" in line)
    assert ": tensor<16x" in contraction
    assert_right(compiled, terms, element)


def assert_right(compiled: Compiled, terms: Sum, element: str) -> None:
    arrays = made(terms, element)
    got, want = compiled(*arrays), terms.by_numpy(*arrays)
    assert isinstance(got, np.ndarray)
    assert np.abs(got - want).max() / np.abs(want).max() < BOUNDS[element]


ALONE = ["weights of the call", "by the input, odd, an epilogue"]
"""Sums that one thread, too, takes in blocks of columns."""


@pytest.mark.parametrize("element", DTYPES)
@pytest.mark.parametrize(
    "name, threads", [(n, 2) for n in IN_COLUMNS] + [(n, 1) for n in ALONE]
)
def test_sums_in_blocks_of_columns(
    name: str, element: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_columns(monkeypatch)
    terms = IN_COLUMNS[name]
    compiled = brdialect.compile(terms.text(element), threads=threads)
    ir = compiled.ir("fuse")
    assert ir.count("scf.for") == threads
    assert ir.count("br.parallel") == threads - 1
    (contraction,) = (line for line in ir.splitlines() if "br.contract" in line)
    assert "x192x" not in contraction
    assert_right(compiled, terms, element)


@pytest.mark.parametrize("wrt", ["x", "w"])
@pytest.mark.parametrize("size", [(10, 12), (9, 7)])
def test_gradients_of_a_padded_convolution(wrt: str, size: tuple[int, int]) -> None:
    n, c, k = 6, 126, 132
    image, window = (n, *size, c), (3, 3, c, k)
    b = Builder("main", [(image, f32), (window, f32)])
    x, w = b.transpose(b.args[0], [0, 3, 1, 2]), b.transpose(b.args[1], [3, 2, 0, 1])
    y = b.transpose(b.conv2d(x, w, padding=(1, 1)), [0, 2, 3, 1])
    compiled = brdialect.compile(backward(b.finish(y), ["xw".index(wrt)]))
    assert "tensor<16x" in compiled.ir("fuse")
    random = np.random.default_rng()
    shapes = {"x": image, "w": window, "dy": (n, *size, k)}
    arrays = {
        name: random.standard_normal(shape, dtype=np.float32)
        for name, shape in shapes.items()
    }
    got = compiled(arrays["w" if wrt == "x" else "x"], arrays["dy"])
    assert isinstance(got, np.ndarray)
    border = [(0, 0), (1, 1), (1, 1), (0, 0)]
    exact = {name: a.astype(float) for name, a in arrays.items()}
    padded = np.pad(exact["x"], border)
    dx, dw = np.zeros(padded.shape), np.zeros(window)
    for r, s in product(range(3), repeat=2):
        at = (slice(None), slice(r, r + size[0]), slice(s, s + size[1]))
        dx[at] += np.einsum("npqk,ck->npqc", exact["dy"], exact["w"][r, s])
        dw[r, s] = np.einsum("npqk,npqc->ck", exact["dy"], padded[at])
    want = dx[:, 1:-1, 1:-1] if wrt == "x" else dw
    assert np.abs(got - want).max() / np.abs(want).max() < 5e-6
